"""The code step of a deploy: command lines that run in a shell, what they say streamed to stderr."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TextIO

from chatops import formatting, settings
from chatops.flows.configured_commands import command_environment
from chatops.flows.run import Invocation


def run_command(invocation: Invocation, line: str) -> int:
    """Runs one command line in a shell; its exit code. Ended with the run when that is interrupted."""
    # stdout carries only the answer, so a command's own goes to stderr, like its errors.
    stream = sys.stderr if _has_descriptor(sys.stderr) else None
    process = subprocess.Popen(
        line, shell=True, stdin=subprocess.DEVNULL, text=True, errors="backslashreplace",
        stdout=stream or subprocess.PIPE, stderr=subprocess.STDOUT, env=command_environment(invocation, "deploy"),
    )  # fmt: skip
    try:
        secrets = invocation.secrets
        for told in process.stdout or ():
            invocation.note(f"    {formatting.visible(settings.redact(told.rstrip(), secrets))}")
        return process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise


def _has_descriptor(stream: TextIO) -> bool:
    try:
        stream.fileno()
    except (AttributeError, io.UnsupportedOperation, OSError):
        return False
    return True

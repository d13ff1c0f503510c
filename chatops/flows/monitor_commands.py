"""`[monitor] commands` of chatops.toml: what runs beside a look, and what of it is a finding."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from chatops import formatting
from chatops.deploys.command_text import command_shown
from chatops.deploys.monitor_state import Seen
from chatops.settings import redact

COMMAND_SECONDS = 30


def beside(
    commands: Sequence[str], environ: Mapping[str, str], secrets: Sequence[str] = ()
) -> tuple[dict[str, Seen], tuple[str, ...]]:
    """Runs the commands, each in a shell; one that fails or takes too long is a finding, COMMAND1 the first."""
    failed: dict[str, Seen] = {}
    said: list[str] = []
    for number, line in enumerate(commands, 1):
        name = formatting.shortened(command_shown(line), 40)
        code, told, ended = _run(line, environ)
        last = formatting.shortened((redact(told, secrets).strip().splitlines() or [""])[-1], 100)
        if code:
            failed[f"COMMAND{number}"] = Seen("warning", f"“{name}” {ended}" + (f": {last}" if last else ""))
        elif last:
            said.append(f"{name}: {last}")
    return failed, tuple(said)


def _run(line: str, environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Its exit code, what it said, and how it ended in words."""
    # In a process group of its own: a shell that is killed must not leave its children behind.
    process = subprocess.Popen(
        line, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, stderr=subprocess.STDOUT,
        errors="backslashreplace", start_new_session=True, env=environ,
    )  # fmt: skip
    try:
        told = process.communicate(timeout=COMMAND_SECONDS)[0]
    except BaseException as stop:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(stop, subprocess.TimeoutExpired):
            raise
        return process.returncode, "", f"took longer than {COMMAND_SECONDS} s"
    return process.returncode, told, f"ended with {process.returncode}"

"""`monitor --notify`: tells a command or a URL that a finding appeared or went; a failure of it is a warning."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import asdict

from chatops.deploys.monitor_state import Transition
from chatops.flows.configured_commands import command_environment
from chatops.flows.run import Invocation

NOTIFY_SECONDS = 30


def notify(invocation: Invocation, to: str, place: str, transition: Transition) -> None:
    """The transition as JSON on stdin and in CHATOPS_EVENT_* variables, or posted to a URL."""
    body = asdict(transition)
    if to.startswith(("http://", "https://")):
        _post(invocation, to, json.dumps({**body, "place": place}), transition.code)
        return
    more = {f"CHATOPS_EVENT_{key.upper()}": str(value) for key, value in body.items()}
    try:
        done = subprocess.run(
            to, shell=True, input=json.dumps(body) + "\n", text=True, errors="backslashreplace", capture_output=True,
            timeout=NOTIFY_SECONDS, check=False, env={**command_environment(invocation, "monitor"), **more},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        invocation.warn(f"--notify took longer than {NOTIFY_SECONDS} s for {transition.code}")
        return
    if done.returncode:
        invocation.warn(f"--notify ended with {done.returncode} for {transition.code}")


def _post(invocation: Invocation, url: str, body: str, code: str) -> None:
    """One POST; the URL may hold a secret, so it is not repeated."""
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=NOTIFY_SECONDS):
            pass
    except urllib.error.HTTPError as error:
        invocation.warn(f"--notify was answered with {error.code} for {code}")
    except (OSError, ValueError) as error:
        invocation.warn(f"--notify could not be sent for {code}: {type(error).__name__}")

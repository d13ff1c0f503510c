"""A psql that may write is in the log: who opened it and when, and when it was closed; nothing of what was run in it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chatops import formatting, interrupts, sqlfiles
from chatops.chats import audit
from chatops.errors import ChatopsError
from chatops.flows.run import Invocation


def run_logged(invocation: Invocation, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs psql between the two entries; its exit code. What cannot be logged is said, and keeps nobody from psql."""
    opened = _log(invocation, "psql opened", "a session that may write; what it does is not logged")
    began = time.monotonic()
    ended = "broken off"
    child = None
    try:
        with interrupts.for_another_program():
            child = subprocess.Popen(command, env=environment)
            code = child.wait()
        ended = f"ended with {code}" if code >= 0 else f"ended by signal {-code}"
    finally:
        if child is not None and child.poll() is None:  # SIGTERM, or the terminal was closed
            child.terminate()
            child.wait()
        if opened is not None:
            with contextlib.suppress(KeyboardInterrupt):
                told = f"action {opened} is over after {formatting.duration(time.monotonic() - began)}, {ended}"
                _log(invocation, "psql closed", told)
    return code if code >= 0 else 128 - code


def _log(invocation: Invocation, action: str, detail: str) -> int | None:
    """The number of the entry; None where there is none."""
    # What stands behind -- may be statements.
    who = replace(invocation.provenance, command="psql --write")
    try:
        database = invocation.connect("act")
        with audit.acting(database, who):
            if database.facts is not None and not database.facts.has_bookkeeping:
                raise ChatopsError("this database has no log; chatops adopt --ledger-only makes one")
            found = database.value(sqlfiles.read("queries/psql_session.sql"), {"action": action, "detail": detail})
        return int(found)
    except ChatopsError as error:
        invocation.note(f"not in the log: {formatting.visible(error.message)}")
        return None
    finally:
        invocation.close()

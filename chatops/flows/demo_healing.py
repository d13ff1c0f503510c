"""A demo is mended as a person on call would do it: what diagnose prints is done as printed, until nothing is left to do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator

from chatops import local, sqlfiles
from chatops.checks import load, run
from chatops.checks.findings import Finding, findings
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.flows.demo_server import connected, database_name
from chatops.flows.run import Invocation
from chatops.formatting import plural
from chatops.migrations import scanner
from chatops.screens.how_mended import LOOKS

MOST_ROUNDS = 6
"""One trouble may hide the next; no chain of them is as long."""
BUDGET_S = 90.0
PEOPLE_MISSING = ("QUEUE010", "QUEUE011")
SOME_FREE = 3
MOVES = ("release", "reassign", "reopen", "close", "drain")
_ONLY_SHOW = (*LOOKS, "diagnose", "explain", "guard", "snooze")


def heal(invocation: Invocation) -> int:
    """Does what each finding says, again and again; how many commands and statements that took."""
    done = 0
    url = local.url(database_name())
    before: list[str] = []
    with connected(url) as database:
        for _ in range(MOST_ROUNDS):
            with database.reading():
                survey = run.run(database, load.shipped(), whole_seconds=BUDGET_S, quick=True)
            found = findings(survey, lambda *words: " ".join(("chatops", *words)))
            _call_in(database, found)
            steps = list(dict.fromkeys(_steps(found)))
            if not steps or steps == before:
                break
            before = steps
            with invocation.under_way("doing what diagnose prints"):
                done += sum(_do(database, url, one) for one in steps)
    invocation.note(f"did what diagnose prints: {plural(done, 'command or statement', 'commands and statements')}")
    return done


def _steps(found: list[Finding]) -> Iterator[str]:
    """What mends each finding; where a person decides, and it is more than advice, the first that is offered to them."""
    for one in found:
        own = [text for text in (*one.commands, *one.statements) if _changes(text)]
        offered = [text for text in one.pasted if _changes(text)] if one.word != "advice" else []
        yield from own or offered[:1]


def _call_in(database: Database, found: list[Finding]) -> None:
    """Lets operators come on shift where more chats wait than there are people: that much a person does."""
    if waiting := max(
        (one.result.count for one in found if one.code in PEOPLE_MISSING and one.word in ("warning", "critical")), default=0
    ):
        with database.acting():
            database.execute(sqlfiles.read("demo/call_in.sql"), {"operators": waiting + SOME_FREE})


def _changes(text: str) -> bool:
    return not (text.startswith("chatops ") and text.split()[1] in _ONLY_SHOW)


def _do(database: Database, url: str, text: str) -> bool:
    """Whether a command or statement could be done; what could not is told by the next look."""
    if text.startswith("chatops "):
        words = [word for word in shlex.split(text)[1:] if word != "--dry-run"]
        reason = ("--reason", "the demo is healed") if words[0] in MOVES else ()
        line = [sys.executable, "-m", "chatops", "--db", url, *words, "--yes", *reason]
        return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
    try:
        for statement in scanner.scan(text):
            database.script(statement.text)
    except DatabaseError:
        database.rollback()
        return False
    return True

"""A psql that may write is in the log: who opened it when, what it was given, when it was closed; not what was typed in it."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from chatops import formatting, interrupts, sqlfiles, states
from chatops.chats import audit
from chatops.chats.log import NOTHING_GIVEN, WELL
from chatops.errors import ChatopsError
from chatops.flows.run import Invocation
from chatops.settings.secrets import redact

LONGEST = 2000
"""So many characters of what psql was given are logged."""
_SECRET = re.compile(
    r"(\b(?:password|passwd|secret|token|api_?key)\b\W{0,4}?\s*)((?:E|U&)?'(?:[^']|'')*'|\$(\w*)\$.*?\$\3\$|[^\s;,)'$]+)",
    re.I | re.S,
)
"""What follows a word for a secret, in SQL or in words."""
_LITERAL = re.compile(r"(?:\b(?:E|U&|B|X))?'(?:[^'\\]|''|\\.)*'|\$(\w*)\$.*?\$\1\$", re.I | re.S)
_NUMBER = re.compile(r"'-?[0-9.]{1,12}'")
_SPAN = re.compile(
    r"'[-+]?\s*\d[\d.]*\s*(?:milli|micro)?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|secs?|mins?|min|s|m|h|d)(?:\s+ago)?'",
    re.I,
)
_INSTANT = re.compile(
    r"'\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?\s*(?:Z|UTC|[-+]\d\d(?::?\d\d)?)?'|'\d\d?:\d\d(?::\d\d)?'", re.I
)
_ID = re.compile(r"'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'", re.I)
_WORDS = frozenset(
    (*states.STATES, "true", "false", "on", "off", "yes", "no", "now", "today", "yesterday", "replica", "origin", "local")
)
"""Values that are nobody's: the states of a chat, and what settings and flags have."""

ENDS = {
    0: WELL,
    1: "its last statement failed, or psql could not go on",
    2: "it had no connection, or lost it",
    3: "a statement of its script failed",
}
"""What psql's exit codes say."""


def told_to_run(given: Sequence[str], secrets: Sequence[str] = ()) -> str:
    """The statements and files given on the command line as the log keeps them: no password, and of words between quotes, which
    may be somebody's, nothing but numbers, times, ids, and the states and flags that are nobody's.

    >>> told_to_run(["alter role ada password 'hunter2' login", "update operators set name = 'Ada';", "set x = '5'"])
    "alter role ada password ******** login; update operators set name = '…'; set x = '5'"
    >>> told_to_run(["update chats set chat_state = 'assigned', a = now() - interval '1 day', b = 'Ada'"])
    "update chats set chat_state = 'assigned', a = now() - interval '1 day', b = '…'"
    """
    whole = _SECRET.sub(r"\1********", "; ".join(one.strip().rstrip(";") for one in given))
    whole = _LITERAL.sub(lambda found: found[0] if _is_nobodys(found[0]) else "'…'", whole)
    text = redact(whole, secrets)
    return formatting.shortened(" ".join(text.split()), LONGEST)


def _is_nobodys(literal: str) -> bool:
    """Whether what stands between quotes says nothing about anybody."""
    return literal[1:-1].lower() in _WORDS or any(kind.fullmatch(literal) for kind in (_NUMBER, _SPAN, _INSTANT, _ID))


def run_logged(invocation: Invocation, command: Sequence[str], environment: Mapping[str, str], given: Sequence[str] = ()) -> int:
    """Runs psql between the two entries; its exit code. What cannot be logged is said, and keeps nobody from psql."""
    runs = told_to_run(given, invocation.secrets)
    opened = _log(invocation, "psql opened", runs or f"{NOTHING_GIVEN}; what is typed in it is not logged")
    if opened is not None:  # whoever finds its locks, or the entry without an end, comes from the one to the other
        environment = {**environment, "PGAPPNAME": f"chatops psql (log {opened})"}
        what = "what -c and -f were given, without words between quotes" if runs else "not what is typed or piped"
        invocation.note(f"in the log as {opened}: who and when, {what}")
    began = time.monotonic()
    ended = "broken off"
    child = None
    try:
        with interrupts.for_another_program():
            child = subprocess.Popen(command, env=environment)
            code = child.wait()
        ended = ENDS.get(code, f"psql ended with {code}") if code >= 0 else f"psql was ended by signal {-code}"
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

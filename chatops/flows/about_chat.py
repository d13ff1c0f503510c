"""One chat for `show chat` and `diagnose CHAT`: its state and why, why nobody gets it, its timeline, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatops import lock_holders, names, sqlfiles
from chatops.chats import one_chat, pauses, why_waiting
from chatops.checks import load, run
from chatops.checks.load import Check
from chatops.checks.results import Survey
from chatops.db import Database
from chatops.flows import paused, run_checks
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.model import Answer
from chatops.screens import show_chat
from chatops.screens import why_waiting as why_screen


def about_chat(
    invocation: Invocation,
    database: Database,
    name: str,
    *,
    checks: Sequence[Check] | None = None,
    since: str | None = None,
    given: Mapping[str, float] | None = None,
    rows: int = 3,
    timeout: float = 14.0,
    show_text: bool = False,
    events: int = 20,
) -> tuple[Answer, Survey]:
    """The chat that a name means, and what the checks say of it; inside `reading`. Raises UsageError for unknown names."""
    named = names.find_chat(database, name)
    wanted = [check for check in (load.shipped() if checks is None else checks) if check.group == "data" or not check.shipped]
    beside = [row[0] for row in database.tuples(sqlfiles.read("queries/told_beside.sql"), {"chat": named.id})]
    survey = run.run(
        database, wanted, since=since, given=given or {}, rows=rows, whole_seconds=timeout, about=str(named.id), beside=beside
    )
    shown_to = run_checks.reader(invocation)
    holders = lock_holders.of_chat(database, named.id)
    pause = pauses.standing(database)
    further = why_screen.lines(
        why_waiting.read(database, named.id, silent_before(database), pause), invocation.here,
        show_names=shown_to.show_names, locked=bool(holders),
    )  # fmt: skip
    found = one_chat.read(database, named, events=events, show_text=show_text, actions=bool(survey.inventory.audit))
    told = show_chat.about_chat(found, survey, shown_to, further, holders=holders, paused=pause.until)
    return paused.led(database, told, pause), survey

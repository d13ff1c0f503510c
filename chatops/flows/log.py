"""What `log` does: understand the filters, read, show."""

from __future__ import annotations

from dataclasses import dataclass

from chatops.chats import log
from chatops.db import Database
from chatops.flows.instants import instant, plan_id
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.model import Line
from chatops.names import find_chat, find_operator
from chatops.screens import log as screen
from chatops.tables_there import require_chats

STREAMED = ("jsonl", "csv", "tsv")
NEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRequest:
    """The filters as they were typed."""

    chat: str | None = None
    operator: str | None = None
    who: str | None = None
    since: str | None = None
    until: str | None = None
    plan: str | None = None
    action: str | None = None
    outcome: str | None = None
    limit: int | None = None


def show_log(invocation: Invocation, request: LogRequest) -> None:
    """`chatops log`: the newest rows, or every one as a stream."""
    streamed = invocation.format() in STREAMED
    shown = invocation.medium().show_names
    most = request.limit or (None if streamed else NEWEST)
    with invocation.reading(chats=False) as database:
        # A log outlives its chats.
        if database.facts is not None and not database.facts.has_bookkeeping:
            require_chats(database)
        rows = log.stream(database, _question(invocation, database, request), most)
        if streamed:
            invocation.show(screen.answer(rows, invocation.now, show_names=shown))
            return
        found = list(rows)
        more: list[Line] = [f"the newest {most}; more with --limit, all with -o jsonl"] if len(found) == most else []
        show_paged(invocation, screen.answer(found, invocation.now, more, show_names=shown))


def _question(invocation: Invocation, database: Database, request: LogRequest) -> log.Question:
    return log.Question(
        chat=find_chat(database, request.chat).id if request.chat else None,
        operator=find_operator(database, request.operator).id if request.operator else None,
        who=request.who,
        since=instant(request.since, "--since", invocation.now),
        until=instant(request.until, "--until", invocation.now),
        plan=plan_id(request.plan),
        action=request.action,
        outcome=request.outcome,
    )

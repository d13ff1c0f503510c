"""What `log` does: understand the filters, read, show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from chatops import formatting
from chatops.chats import log, undo
from chatops.db import Database
from chatops.errors import ChatopsError, ExitCode, UsageError, worst
from chatops.flows import tenants
from chatops.flows.instants import instant, plan_id
from chatops.flows.output import EVERY_ROW
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.model import Answer, Column, Line, Span
from chatops.names import ChatName, find_chat, find_either, find_operator
from chatops.render import format_named
from chatops.screens import log as screen
from chatops.tables_there import require_chats

STREAMED = ("jsonl", "csv", "tsv")
NEWEST = 50
RUNS = 5
"""So many runs of `migrate` and `adopt` stand under the log."""
COUNTED = 10_000
"""So many rows are counted for people; of a log of millions a count takes seconds."""


@frozen
class LogRequest:
    """The filters, how many rows at the most, and what was named without an option: an action's number, a chat or operator."""

    wanted: log.Typed
    limit: int | None = None
    what: str = ""
    full: bool = False
    """Each row on a line of its own, where people read."""


OPENED = "psql opened"
"""An action of which another row tells the end."""


def show_log(invocation: Invocation, request: LogRequest) -> ExitCode:
    """`chatops log`: the newest rows, or every one as a stream; of many tenants one page, the newest of all."""
    streamed = invocation.format() in STREAMED
    shown = invocation.medium().show_names
    wanted = invocation.rows_of_list(request.limit, NEWEST)
    most = wanted.read if wanted.read < EVERY_ROW and _number(request) is None else None
    if invocation.has_tenants:
        return _of_all(invocation, request, most, wanted.shown, show_names=shown)
    with invocation.reading(chats=False) as database:
        facts = database.facts
        if facts is not None and not facts.has_bookkeeping:
            require_chats(database)
        asked = _question(invocation, database, request)
        rows = log.stream(database, asked, most)
        if facts is not None and facts.chats_elsewhere:
            if (first := next(rows, None)) is None:
                require_chats(database)  # a log outlives its chats, where there is one
            rows = chain([first] if first is not None else [], rows)
        if streamed:
            invocation.show(screen.answer(rows, None, invocation.now, show_names=shown))
            return ExitCode.OK
        folded = log.entries(database, asked, wanted.shown) if _folds(invocation, request) else None
        found = list(rows) if folded is None or not invocation.for_people_alone else []
        if (number := _number(request)) is not None:
            if not found:
                raise UsageError(f"the log holds no action {number}", next_steps=[("the newest", invocation.here("log"))])
            if request == LogRequest(log.Filters(), what=request.what):
                problem = undo.find(database, str(number))[0].problem
                back = invocation.here("undo", str(number), "--dry-run")
                session = next(iter(log.entries(database, asked, 1) if found[0].action == OPENED else ()), None)
                show_paged(invocation, screen.one(found[0], problem, back, invocation.now, session, show_names=shown))
                return ExitCode.OK
        listed = found if folded is None else folded
        people = invocation.for_people_alone
        total = len(found)
        if len(found) == most or (people and len(listed) == wanted.shown):
            total = log.count(database, asked, COUNTED + 1 if people else None)
        more = _more(invocation, request, listed, wanted.shown, folded, total)
        if request.wanted == log.Filters() and not request.what and _has_gaps(found if folded is None else folded):
            more.append("Missing numbers: attempts that were rolled back, such as dry runs, and what other schemas logged.")
        counted = None if people else (total, total > len(found))
        files = log.files(database, asked, RUNS) if _asks_for_all(request) else []
        answer = screen.answer(found, folded, invocation.now, more, counted, wanted.shown, files, show_names=shown)
        show_paged(invocation, answer)
    return ExitCode.OK


def _asks_for_all(request: LogRequest) -> bool:
    """Whether all was asked for that happened in a time: files are about no chat and nobody's action."""
    some = replace(request.wanted, since=None, until=None)
    return some == log.Filters() and not request.what


def _folds(invocation: Invocation, request: LogRequest) -> bool:
    """Whether what one command did to many is one line: for people, but for one action, one plan, and where each is wanted."""
    one = request.full or request.wanted.plan is not None or _number(request) is not None
    return not one and format_named(invocation.format()).for_people


def _more(
    invocation: Invocation, request: LogRequest, shown: Sequence[object], most: int, folded: Sequence[log.Folded] | None,
    total: int,
) -> list[Line]:  # fmt: skip
    told: list[Line] = []
    many = next((one for one in folded or () if one.many > 1), None)
    if many is not None and not invocation.has_tenants:
        alone = many.plan_id is not None and sum(one.many > 1 for one in folded or ()) == 1
        words = ["--plan", str(many.plan_id)] if alone else ["--full"]
        told.append([Span("one line a command; each action: "), Span(invocation.here("log", *words), "code")])
    elif many is not None:
        told.append("one line a command; each action: --full")
    # A line may be of many rows: where all of them are seen there is nothing to add.
    left = len(shown) >= most and total > sum(one.rows if isinstance(one, log.Folded) else 1 for one in shown[:most])
    cut = total > COUNTED and invocation.for_people_alone
    of_all = f"more than {formatting.count(COUNTED)}" if cut else formatting.count(total)
    newest = f"the newest {formatting.count(most)}, of {of_all} actions"
    if left and invocation.has_tenants:
        told.append(f"{newest}; more with --limit, all with -o jsonl")
    elif left:
        every = invocation.here("log", *_filters(request), "-o", "jsonl")
        told.append([Span(f"{newest}; more with --limit, all: "), Span(every, "code")])
    return told


def _filters(request: LogRequest) -> list[str]:
    """The options that ask for the same rows again."""
    wanted = request.wanted
    given = {"--chat": wanted.chat, "--operator": wanted.operator, "--by": wanted.who, "--since": wanted.since,
             "--until": wanted.until, "--plan": wanted.plan, "--action": wanted.action, "--outcome": wanted.outcome}  # fmt: skip
    words = [shlex.quote(request.what)] if request.what else []
    return words + [part for flag, value in given.items() if value is not None for part in (flag, shlex.quote(value))]


def _has_gaps(rows: Sequence[log.Logged]) -> bool:
    """Whether numbers are missing between rows that no filter has thinned out.

    What one command did to many has as many numbers, of which the newest is shown.
    """
    if not rows:
        return False
    counted = sum(one.rows if isinstance(one, log.Folded) else 1 for one in rows[:-1]) + 1
    return rows[0].action_id - rows[-1].action_id + 1 > counted


def _of_all(invocation: Invocation, request: LogRequest, most: int | None, seen: int, *, show_names: bool) -> ExitCode:
    folds = _folds(invocation, request)
    totals: list[int] = []
    kept: list[tuple[tenants.OneTenant, log.Logged]] = []
    entries: list[tuple[tenants.OneTenant, log.Folded]] = []
    nowhere: list[ChatopsError] = []
    without: set[tuple[str, str]] = set()

    def look(one: tenants.OneTenant) -> ExitCode:
        with one.reading(chats=False) as database:
            found, folded, total = _of_one(one, database, request, most, nowhere, seen if folds else None)
            totals.append(total)
            if not found and database.facts is not None and not database.facts.has_chats:
                without.add((one.target.shown(), one.target.schema))  # a log outlives its chats, where there is one
            kept.extend((one, row) for row in found)
            entries.extend((one, row) for row in folded)
        one.show(Answer("log", [], now=one.now))
        return ExitCode.OK

    rows = [row for row in tenants.rows(invocation, look, screen.TENANTS, chats=False)
            if row.unknown is not None or (row.database, row.schema) not in without]  # fmt: skip
    if nowhere and len(nowhere) == len(rows):
        raise nowhere[0]
    if not rows:
        raise UsageError(f"no schema that matches {invocation.all_schemas} has chats, or a log")
    labels = {(row.database, row.schema, row.environment): row.tenant for row in rows}

    def newest(
        some: Sequence[tuple[tenants.OneTenant, log.Logged]], columns: Sequence[Column], most: int | None
    ) -> list[dict[str, Any]]:
        return [
            screen.of_tenant(row, columns, labels[one.target.shown(), one.target.schema, one.target.name], one.target)
            for one, row in sorted(some, key=lambda pair: (pair[1].at, pair[1].action_id), reverse=True)[:most]
        ]

    found = newest(kept, screen.COLUMNS, most)
    folded = newest(entries, [*screen.FOLDED, screen.ID_OF_ENTRY], seen) if folds else None
    more = _more(invocation, request, found if folded is None else folded, seen, [row for _, row in entries], sum(totals))
    show_paged(
        invocation, screen.answer_of_all(rows, found, folded, invocation.now, more, sum(totals), seen, show_names=show_names)
    )
    return worst(row.code for row in rows)


def _of_one(
    one: Invocation, database: Database, request: LogRequest, most: int | None, nowhere: list[ChatopsError], folded: int | None
) -> tuple[list[log.Logged], list[log.Folded], int]:
    """The newest rows of a tenant, its newest entries, so many as `folded` says, and how many rows there are in all."""
    facts = database.facts
    assert facts is not None
    by_name = request.wanted.chat is not None or request.wanted.operator is not None
    by_name = by_name or (bool(request.what) and _number(request) is None)
    if not facts.has_bookkeeping or (by_name and not facts.has_chats):
        return [], [], 0
    try:
        asked = _question(one, database, request)
    except UsageError as error:  # the chat or operator is another tenant's
        nowhere.append(error)
        return [], [], 0
    found = list(log.stream(database, asked, most))
    total = log.count(database, asked) if len(found) == most else len(found)
    return found, log.entries(database, asked, folded) if folded else [], total


def _number(request: LogRequest) -> int | None:
    """The number of an action where one was given: shorter than any id that names a chat alone."""
    what = request.what.strip().lstrip("#")
    return int(what) if what.isdecimal() and what.isascii() and len(what) < 19 else None


def _question(invocation: Invocation, database: Database, request: LogRequest) -> log.Question:
    typed, number = request.wanted, _number(request)
    chat = find_chat(database, typed.chat).id if typed.chat else None
    operator = find_operator(database, typed.operator).id if typed.operator else None
    if request.what and number is None:
        if chat or operator:
            raise UsageError("name a chat or operator once: as it is, or by --chat and --operator")
        try:
            meant = find_either(database, request.what)
        except UsageError as none:
            none.details = ("log takes an action's number, a chat or an operator.", *none.details)
            raise
        chat, operator = (meant.id, None) if isinstance(meant, ChatName) else (None, meant.id)
    return log.Filters(
        chat=chat,
        operator=operator,
        action_id=number,
        who=typed.who,
        since=instant(typed.since, "--since", invocation.now),
        until=instant(typed.until, "--until", invocation.now),
        plan=plan_id(typed.plan),
        action=typed.action,
        outcome=typed.outcome,
    )

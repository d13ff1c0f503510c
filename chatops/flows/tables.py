"""What `summary`, `queue`, `stuck` and `operators` do: ask in one snapshot and show, once or again and again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from chatops import formatting, names
from chatops.chats import beside_queue, reports
from chatops.errors import ExitCode, UsageError
from chatops.flows.instants import instant
from chatops.flows.paused import led
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.flows.watch_option import shown
from chatops.later import later
from chatops.model import Answer
from chatops.screens import tables

if TYPE_CHECKING:  # a shift that is handed over, and many tenants
    from chatops.chats import review as chats_to_review
    from chatops.chats import shift
    from chatops.deploys import hand_over
    from chatops.flows import earlier_look, own_look, tenants
    from chatops.screens import review as review_screen
    from chatops.screens import shift as shift_screen
    from chatops.screens import tenants_chats as pages
else:
    chats_to_review = later("chatops.chats.review")
    shift, hand_over = later("chatops.chats.shift"), later("chatops.deploys.hand_over")
    earlier_look, tenants = later("chatops.flows.earlier_look"), later("chatops.flows.tenants")
    own_look = later("chatops.flows.own_look")
    shift_screen, review_screen = later("chatops.screens.shift"), later("chatops.screens.review")
    pages = later("chatops.screens.tenants_chats")

Work = TypeVar("Work", reports.OperatorLoad, reports.OperatorFigures)
STREAMED = ("jsonl", "csv", "tsv")


DAY = "24h"
LONGEST, SCREENFUL = 5, 20
"""How many rows people see where they name no number."""


def summary(invocation: Invocation, watch: float | None, since: str | None = None) -> ExitCode:
    """`chatops summary`: how things stand, or what a shift hands over."""
    if invocation.has_tenants:
        if since is not None:
            raise UsageError("--since is about one tenant: name one")
        return tenants.over_all(invocation, lambda one: summary(one, None), pages.SUMMARY, watch=watch)

    def ask() -> Answer:
        with invocation.reading() as database:
            began = instant(since, "--since", invocation.now)
            if began is not None:
                stored = earlier_look.stored_watch(database)
                seen = hand_over.watched(earlier_look.kept_watches(invocation, stored).values(), began)
                seen = hand_over.newest(seen, own_look.seen_since(invocation, began))
                found = shift.shift(database, began)
                found = replace(found, queue=replace(found.queue, beside=beside_queue.read(database)))
                return shift_screen.handed_over(found, seen, invocation.now, invocation.here("monitor", "--store"))
            now = reports.summary(database)
            queue = replace(now.queue, beside=beside_queue.read(database))
            return led(database, tables.summary_answer(replace(now, queue=queue), invocation.now))

    return shown(invocation, ask, watch)


def queue(invocation: Invocation, limit: int | None, watch: float | None) -> ExitCode:
    """`chatops queue`: its figures and the longest waits."""
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: queue(one, 1, None), pages.QUEUE, watch=watch, limit=limit)
    wanted = invocation.rows_of_list(limit, LONGEST)

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.queue(database, wanted.read)
            found = replace(found, figures=replace(found.figures, beside=beside_queue.read(database)))
            more = invocation.here("queue", "--limit", str(found.figures.waiting))
            return led(database, tables.queue_answer(found, invocation.now, more, wanted.shown))

    return shown(invocation, ask, watch)


def stuck(invocation: Invocation, longer_than: str, limit: int | None, watch: float | None) -> ExitCode:
    """`chatops stuck`: the worst of them, or all as a stream."""
    span = formatting.span(longer_than, "--longer-than")
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: stuck(one, longer_than, 1, None), pages.STUCK, watch=watch, limit=limit)
    wanted = invocation.rows_of_list(limit, SCREENFUL)
    if invocation.format() in STREAMED and watch is None and limit is None:
        with invocation.reading() as database:  # rows as they come: the snapshot stays open until the last
            stream = reports.stuck_stream(database, span)
            invocation.show(tables.stuck_answer(stream, None, longer_than, "", invocation.now))
        return ExitCode.OK

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.stuck(database, span, wanted.read)
            more = invocation.here("stuck", f"--longer-than {shlex.quote(longer_than)}", "-o jsonl")
            look = invocation.here("diagnose", "--only", "CHAT006,QUEUE012")
            answer = tables.stuck_answer(
                found.worst, found.total, longer_than, more, invocation.now, wanted.shown, beside_queue.read(database), look
            )
            return led(database, answer)

    return shown(invocation, ask, watch)


def review(invocation: Invocation, since: str, limit: int | None, watch: float | None) -> ExitCode:
    """`chatops stuck --review`."""
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: review(one, since, 0, None), pages.REVIEW, watch=watch, limit=limit)
    wanted = invocation.rows_of_list(limit, SCREENFUL)

    def ask() -> Answer:
        with invocation.reading() as database:
            began = instant(since, "--since", invocation.now)
            assert began is not None
            rows = chats_to_review.review(database, began)
            more = invocation.here("stuck", "--review", f"--since {shlex.quote(since)}", f"--limit {len(rows)}")
            return review_screen.to_review(rows, began, invocation.now, wanted.read, wanted.shown, invocation.here, more)

    return shown(invocation, ask, watch)


def operators(
    invocation: Invocation, watch: float | None, *, free: bool = False, figures: bool = False, since: str = DAY,
    name: str | None = None, limit: int | None = None,
) -> ExitCode:  # fmt: skip
    """`chatops operators`: who works now, or what each did since an instant."""
    if free and figures:
        raise UsageError("--free and --figures: one of them")
    if since != DAY and not figures:
        raise UsageError("--since belongs to --figures")
    if invocation.has_tenants:
        page = pages.OPERATOR_FIGURES if figures else pages.OPERATORS
        return tenants.over_all(
            invocation, lambda one: operators(one, None, figures=figures, since=since, name=name), page, watch=watch, limit=limit
        )

    def ask() -> Answer:
        with invocation.reading() as database:
            wanted = names.every_operator_like(database, name) if name is not None else None
            words = ("--free",) if free else ("--figures", f"--since {shlex.quote(since)}") if figures else ()
            more = invocation.here("operators", *words, *(("--name", shlex.quote(name)) if name is not None else ()))
            if figures:
                began = instant(since, "--since", invocation.now)
                assert began is not None
                return tables.figures_answer(
                    _called(reports.operator_figures(database, began), wanted), began, invocation.now, limit, more
                )
            found = tables.operators_answer(
                _called(reports.operators(database), wanted), invocation.now, only_free=free,
                silent_before=silent_before(database), limit=limit, more=more,
            )  # fmt: skip
            return led(database, found)

    return shown(invocation, ask, watch)


def _called(rows: list[Work], wanted: set[UUID] | None) -> list[Work]:
    """The rows of those operators; None of all."""
    return rows if wanted is None else [row for row in rows if row.operator_id in wanted]

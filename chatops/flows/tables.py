"""What `summary`, `queue`, `stuck` and `operators` do: ask in one snapshot and show, once or again and again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.chats import reports
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
    from chatops.chats import shift
    from chatops.deploys import hand_over
    from chatops.flows import earlier_look, tenants
    from chatops.screens import shift as shift_screen
    from chatops.screens import tenants_chats as pages
else:
    shift, hand_over = later("chatops.chats.shift"), later("chatops.deploys.hand_over")
    earlier_look, tenants = later("chatops.flows.earlier_look"), later("chatops.flows.tenants")
    shift_screen, pages = later("chatops.screens.shift"), later("chatops.screens.tenants_chats")

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
                found = shift.shift(database, began)
                return shift_screen.handed_over(found, seen, invocation.now, invocation.here("monitor", "--store"))
            return led(database, tables.summary_answer(reports.summary(database), invocation.now))

    return shown(invocation, ask, watch)


def queue(invocation: Invocation, top: int | None, watch: float | None) -> ExitCode:
    """`chatops queue`: its figures and the `top` longest waits."""
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: queue(one, 1, None), pages.QUEUE, watch=watch)

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.queue(database, invocation.most_rows(top, LONGEST))
            more = invocation.here("queue", "--top", str(found.figures.waiting))
            return led(database, tables.queue_answer(found, invocation.now, more))

    return shown(invocation, ask, watch)


def stuck(invocation: Invocation, longer_than: str, limit: int | None, watch: float | None) -> ExitCode:
    """`chatops stuck`: the worst of them, or all as a stream."""
    span = formatting.span(longer_than, "--longer-than")
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: stuck(one, longer_than, 1, None), pages.STUCK, watch=watch)
    if invocation.format() in STREAMED and watch is None:
        with invocation.reading() as database:  # rows as they come: the snapshot stays open until the last
            stream = reports.stuck_stream(database, span)
            invocation.show(tables.stuck_answer(stream, None, longer_than, "", invocation.now))
        return ExitCode.OK

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.stuck(database, span, invocation.most_rows(limit, SCREENFUL))
            more = invocation.here("stuck", f"--longer-than {shlex.quote(longer_than)}", "-o jsonl")
            answer = tables.stuck_answer(found.worst, found.total, longer_than, more, invocation.now, len(found.worst))
            return led(database, answer)

    return shown(invocation, ask, watch)


def review(invocation: Invocation, since: str, limit: int | None, watch: float | None) -> ExitCode:
    """`chatops stuck --review`."""
    if invocation.has_tenants:
        return tenants.over_all(invocation, lambda one: review(one, since, limit, None), pages.REVIEW, watch=watch)

    def ask() -> Answer:
        with invocation.reading() as database:
            began = instant(since, "--since", invocation.now)
            assert began is not None
            return shift_screen.to_review(
                shift.review(database, began, None), began, invocation.now, invocation.most_rows(limit, SCREENFUL)
            )

    return shown(invocation, ask, watch)


def operators(
    invocation: Invocation, watch: float | None, *, free: bool = False, figures: bool = False, since: str = DAY
) -> ExitCode:
    """`chatops operators`: who works now, or what each did since an instant."""
    if free and figures:
        raise UsageError("--free and --figures: one of them")
    if since != DAY and not figures:
        raise UsageError("--since belongs to --figures")
    if invocation.has_tenants:
        page = pages.OPERATOR_FIGURES if figures else pages.OPERATORS
        return tenants.over_all(invocation, lambda one: operators(one, None, figures=figures, since=since), page, watch=watch)

    def ask() -> Answer:
        with invocation.reading() as database:
            if figures:
                began = instant(since, "--since", invocation.now)
                assert began is not None
                return tables.figures_answer(reports.operator_figures(database, began), began, invocation.now)
            return led(database, tables.operators_answer(reports.operators(database), invocation.now, only_free=free,
                                                         silent_before=silent_before(database)))  # fmt: skip

    return shown(invocation, ask, watch)

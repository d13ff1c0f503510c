"""What `summary`, `queue`, `stuck` and `operators` do: ask in one snapshot and show, once or again and again."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import reports, shift
from chatops.errors import ExitCode, UsageError
from chatops.flows.all_schemas import each
from chatops.flows.instants import instant
from chatops.flows.paused import led
from chatops.flows.run import Invocation
from chatops.flows.watch_option import shown
from chatops.model import Answer
from chatops.screens import all_schemas as tenants_screen
from chatops.screens import shift as shift_screen
from chatops.screens import tables

STREAMED = ("jsonl", "csv", "tsv")


DAY = "24h"


def summary(invocation: Invocation, watch: float | None, since: str | None = None, all_schemas: str | None = None) -> ExitCode:
    """`chatops summary`: how things stand, or what a shift hands over; of one schema or of all that match."""
    if all_schemas is not None:
        if since is not None:
            raise UsageError("--since is about one schema: not with --all-schemas")
        return shown(invocation, lambda: _summaries(invocation, all_schemas), watch)

    def ask() -> Answer:
        with invocation.reading() as database:
            began = instant(since, "--since", invocation.now)
            if began is not None:
                return shift_screen.handed_over(shift.shift(database, began), invocation.now)
            return led(database, tables.summary_answer(reports.summary(database), invocation.now))

    return shown(invocation, ask, watch)


def _summaries(invocation: Invocation, pattern: str) -> Answer:
    found = each(invocation, pattern, lambda database, here: reports.summary(database))
    rows = [tenants_screen.summary_of(one.schema, one.found, one.unknown) for one in found]
    return tenants_screen.summaries(rows, {one.schema: one.here("summary") for one in found}, invocation.now)


def queue(invocation: Invocation, top: int, watch: float | None) -> ExitCode:
    """`chatops queue`: its figures and the `top` longest waits."""

    def ask() -> Answer:
        with invocation.reading() as database:
            return led(database, tables.queue_answer(reports.queue(database, top), invocation.now))

    return shown(invocation, ask, watch)


def stuck(invocation: Invocation, longer_than: str, limit: int, watch: float | None) -> ExitCode:
    """`chatops stuck`: the worst of them, or all as a stream."""
    span = formatting.span(longer_than, "--longer-than")
    if invocation.format() in STREAMED and watch is None:
        with invocation.reading() as database:  # rows as they come: the snapshot stays open until the last
            stream = reports.stuck_stream(database, span)
            invocation.show(tables.stuck_answer(stream, None, longer_than, "", invocation.now))
        return ExitCode.OK

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.stuck(database, span, limit)
            more = invocation.here("stuck", f"--longer-than {longer_than}", "-o jsonl")
            answer = tables.stuck_answer(found.worst, found.total, longer_than, more, invocation.now, len(found.worst))
            return led(database, answer)

    return shown(invocation, ask, watch)


def review(invocation: Invocation, since: str, limit: int, watch: float | None) -> ExitCode:
    """`chatops stuck --review`."""

    def ask() -> Answer:
        with invocation.reading() as database:
            began = instant(since, "--since", invocation.now)
            assert began is not None
            return shift_screen.to_review(shift.review(database, began, None), began, invocation.now, limit)

    return shown(invocation, ask, watch)


def operators(
    invocation: Invocation, watch: float | None, *, free: bool = False, figures: bool = False, since: str = DAY
) -> ExitCode:
    """`chatops operators`: who works now, or what each did since an instant."""
    if free and figures:
        raise UsageError("--free and --figures: one of them")
    if since != DAY and not figures:
        raise UsageError("--since belongs to --figures")

    def ask() -> Answer:
        with invocation.reading() as database:
            if figures:
                began = instant(since, "--since", invocation.now)
                assert began is not None
                return tables.figures_answer(reports.operator_figures(database, began), began, invocation.now)
            return led(database, tables.operators_answer(reports.operators(database), invocation.now, only_free=free))

    return shown(invocation, ask, watch)

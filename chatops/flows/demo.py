"""`chatops demo`: a system to try everything on, on a server of its own; made, shown, stopped, removed."""

from __future__ import annotations

from chatops import local
from chatops.chats import population, reports
from chatops.chats.demo_facts import DemoFacts
from chatops.checks import load, run
from chatops.errors import ExitCode, UsageError
from chatops.flows.demo_making import DEFAULT_SEED, FRESHEN_UP_TO, ensure
from chatops.flows.demo_server import alone, database_name, used_databases
from chatops.flows.paste import program_or_module
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.screens import demo as screen

LONGEST_WAITS = 3
LARGE_BUDGET_S = 90.0


@frozen
class DemoRequest:
    """What was asked for on the command line."""

    size: int | None
    seed: int | None
    healed: bool
    reset: bool
    stop: bool
    remove: bool


def demo(invocation: Invocation, request: DemoRequest) -> ExitCode:
    """Makes the demo where it is not there, and shows it. Raises UsageError for what does not go together."""
    if sum((request.reset, request.stop, request.remove)) > 1:
        raise UsageError("--reset, --stop and --remove are three different things; give one of them")
    if (request.stop or request.remove) and (request.size is not None or request.seed is not None or request.healed):
        raise UsageError("--stop and --remove take no other options")
    if invocation.env or tuple(invocation.db) not in ((), ("demo",)):
        raise UsageError("the demo has a database of its own; leave --db and --env out")
    # Its own database, even where the environment names another one.
    invocation.db = ("demo",)
    population.check_size(
        population.DEFAULT_SIZE if request.size is None else request.size, DEFAULT_SEED if request.seed is None else request.seed
    )
    if request.stop:
        return _stop(invocation)
    if request.remove:
        return _remove(invocation)
    with alone(invocation):
        made = ensure(invocation, request.size, request.seed, healed=request.healed, reset=request.reset)
    return _show(invocation, made)


def _stop(invocation: Invocation) -> ExitCode:
    stopped = local.stop()
    invocation.note("the embedded server is stopped; its data stays" if stopped else "the embedded server does not run")
    return ExitCode.OK


def _remove(invocation: Invocation) -> ExitCode:
    status = local.status()
    if not status.exists:
        invocation.note("there is no demo")
        return ExitCode.OK
    there = local.drop_database(database_name())
    kept = used_databases()
    if not kept:
        local.remove()
        invocation.note("removed: the demo, and the embedded server with all its data")
    else:
        what = "the demo is removed" if there else "there is no demo"
        invocation.note(f"{what}; the embedded server stays, because it has other data: {', '.join(kept)}")
    return ExitCode.OK


def _show(invocation: Invocation, made: DemoFacts) -> ExitCode:
    """The demo on one screen: how it stands, the worst findings, and three commands to try."""
    with invocation.reading() as database:
        # Below 100 columns the line of the queue takes two lines.
        top = LONGEST_WAITS if not 0 < invocation.medium().width < 100 else LONGEST_WAITS - 1
        summary, queue = reports.summary(database), reports.queue(database, top)
        large = made.size > FRESHEN_UP_TO
        if large:
            invocation.note("looking for trouble in all of it")
        survey = run.run(database, load.shipped(), whole_seconds=LARGE_BUDGET_S if large else run.WHOLE_BUDGET_SECONDS)
        invocation.show(screen.answer(made, summary, queue, survey, program_or_module()))
    return ExitCode.OK

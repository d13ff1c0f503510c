"""`chatops demo`: a system to try everything on, on a server of its own; made, shown, stopped, removed."""

from __future__ import annotations

import contextlib

from chatops import formatting, local
from chatops.chats import demo_facts, population, reports
from chatops.chats.demo_facts import DemoFacts
from chatops.checks import load, run
from chatops.db import literal
from chatops.errors import ExitCode, NotATerminalError, UsageError
from chatops.flows.demo_making import DEFAULT_SEED, FRESHEN_UP_TO, ensure
from chatops.flows.demo_server import (
    alone,
    connected,
    database_name,
    maintenance,
    of_the_machine,
    sessions_beside,
    used_databases,
)
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
    yes: bool = False


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
        return _remove(invocation, yes=request.yes)
    if request.reset and not _may_go(invocation, yes=request.yes):
        return ExitCode.REFUSED
    with alone(invocation):
        made = ensure(invocation, request.size, request.seed, healed=request.healed, reset=request.reset)
    return _show(invocation, made)


def _stop(invocation: Invocation) -> ExitCode:
    stopped = local.stop()
    invocation.note("the embedded server is stopped; its data stays" if stopped else "the embedded server does not run")
    return ExitCode.OK


def _may_go(invocation: Invocation, *, yes: bool) -> bool:
    """Whether the demo that is there may be thrown away: somebody at a terminal is asked, and so is whoever shares it.

    Raises NotATerminalError where others may use it, and nobody can be asked.
    """
    status = local.status()
    if yes or not status.exists:
        return True
    with connected(local.url(database_name())) if _is_there() else contextlib.nullcontext() as database:
        if database is None:
            return True
        made, others = demo_facts.read(database), sessions_beside(database)
    shared = of_the_machine()
    if made is None or not (invocation.interactive or shared):
        return True  # one that was never finished, and a script's own
    size = f"{formatting.plural(made.size, 'chat')} and all that was changed in them"
    told = f"the demo{' of this machine, which others may use' if shared else ''} ({size})"
    if not invocation.interactive:
        raise NotATerminalError(f"demo throws away {told}: give --yes to go on; nothing was changed")
    used = f", {formatting.plural(others, 'session is', 'sessions are')} in it" if others else ""
    if invocation.ask(f"Throw away {told}{used}? [y/N]", "--yes").lower() in ("y", "yes"):
        return True
    invocation.note("nothing was changed")
    return False


def _is_there() -> bool:
    """Whether the demo's database is there; the server is started for that."""
    with maintenance() as database:
        return bool(database.value(f"select exists (select from pg_database where datname = {literal(database_name())})"))


def _remove(invocation: Invocation, *, yes: bool) -> ExitCode:
    status = local.status()
    if not status.exists:
        invocation.note("there is no demo")
        return ExitCode.OK
    if not _may_go(invocation, yes=yes):
        return ExitCode.REFUSED
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

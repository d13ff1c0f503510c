"""`chatops simulate`: where a server, the migrations, the invariants' checks and the load meet."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from chatops.cli.options import Formats, command, invocation_of
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from chatops import model
    from chatops.chats.simulation import Load, Outcome, Progress
    from chatops.checks.load import Check
    from chatops.model import Answer, Line, Table
    from chatops.settings import Target

DEPLOYED = "017"
CODES = tuple(f"CHAT{number:03}" for number in range(1, 11))
"""I1 to I10: what must hold at every instant."""
WRITERS = ("application", "functions")
LOG_EVERY_SECONDS = 60
SPARE_SESSIONS = 5
"""For the looks, the migrator, and whoever wants to look on."""


@command(
    examples=[
        "chatops simulate",
        "chatops simulate --original --seconds 10",
        "chatops simulate --writers functions --seconds 60 --faults -o json",
    ],
    exits="0 every invariant held · 1 one was broken, or that is unknown, or a statement failed that must not · 2 usage · "
    "3 no server · 4 refused: a production environment · 130 interrupted",
    formats=Formats(frozenset({"problems"})),
)
def simulate(
    ctx: typer.Context,
    seconds: Annotated[int, typer.Option(metavar="S", min=1, max=3600, help="For how long.")] = 20,
    operators: Annotated[int, typer.Option(metavar="N", min=1, max=60, help="Operators; a third of them work in two tabs.")] = 12,
    users: Annotated[int, typer.Option(metavar="N", min=1, max=60, help="Users' sessions.")] = 4,
    chats: Annotated[int, typer.Option(metavar="N", min=1, max=5000, help="Chats that they write in.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="Repeats the schedule: who wants to do what, and when.")] = 1,
    writers: Annotated[str, typer.Option(metavar="HOW", help="application: as the deployed one writes; functions: through them.")]
    = WRITERS[0],
    original: Annotated[bool, typer.Option("--original", help="Stop at 017, the deployed system, and see it break.")] = False,
    faults: Annotated[bool, typer.Option("--faults", help="End some of their sessions at random.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database afterwards.")] = False,
) -> ExitCode:  # fmt: skip
    """Operators who click twice, type slowly and vanish, users in bursts, the
    idle cron and an admin write at once, while another session looks whether
    the invariants I1 to I10 hold.

    On a database that it creates, and drops when it ends, on the server of --db
    or --env, else on the embedded server; never on a production server.
    """
    from chatops.chats.simulation import Load

    invocation = invocation_of(ctx)
    if writers not in WRITERS:
        raise UsageError(f"--writers takes {' or '.join(WRITERS)}, not “{writers}”")
    if original and writers == "functions":
        raise UsageError("the deployed system (--original) has no functions to write through; leave --writers functions out")
    load = Load(operators=operators, users=users, chats=chats, seed=seed, faults=faults)
    base = _server(invocation)
    with _database(invocation, base, keep=keep) as target:
        outcome = _play(invocation, target, load, seconds, writers, original=original)
    invocation.show(_answer(invocation, base, target, load, seconds, writers, outcome, original=original, keep=keep))
    return ExitCode.OK if outcome.verdict == "held" else ExitCode.FOUND


# -- a database of its own ----------------------------------------------------------------------------------------------


def _server(invocation: Invocation) -> Target:
    """A database of the server to work on, from which another one can be created. Raises RefusedError for production."""
    from dataclasses import replace

    from chatops import local, settings

    if not invocation.db and not invocation.env:
        # Never on a server that only the environment names.
        invocation.db = ("local",)
    target = settings.resolve(invocation.options, configuration=invocation.configuration)
    beside = settings.production_beside(target) if target.embedded is None else None
    if target.production or beside is not None:
        raise RefusedError(
            f"{beside or target.name} counts as production: no load is put on its server, not even on a database of its own",
            next_steps=[("on the embedded server", "chatops simulate")],
        )
    if target.embedded is not None:
        parameters, _ = settings.parse(local.ensure_running(invocation.note), "embedded server")
        target = replace(target, parameters=parameters)
    return target


@contextlib.contextmanager
def _database(invocation: Invocation, base: Target, *, keep: bool) -> Iterator[Target]:
    """A new empty database; dropped at the end in whatever way that comes, unless it is to be kept."""
    import secrets
    from dataclasses import replace

    from chatops import settings
    from chatops.db import identifier, pools_transactions

    name = f"chatops_simulate_{secrets.token_hex(4)}"
    parameters = {**base.parameters, "dbname": name}
    schema = "" if base.schema == "public" else f" --schema {base.schema}"
    flags = f"--db '{settings.url_without_password(parameters)}'{schema}"
    target = replace(base, parameters=parameters, embedded=None, flags=flags)
    database = invocation.connect("migrate", target=base)
    if pools_transactions(database):
        raise RefusedError("these writers need sessions of their own, and a pooler in transaction mode stands before this server",
                           details=["give --db with the server's own port, or a session pooler's"])  # fmt: skip
    database.execute(f"create database {identifier(name)} template template0")
    try:
        invocation.use(target)
        yield target
    finally:
        invocation.close()
        if keep:
            invocation.note(f"kept: the database {name}")
        else:
            _drop(invocation, base, name)


def _drop(invocation: Invocation, base: Target, name: str) -> None:
    from chatops import db
    from chatops.errors import ChatopsError

    statement = f"drop database if exists {db.identifier(name)} with (force)"
    try:
        with db.connect(base, "simulate", "migrate") as database:
            database.execute(statement)
    except ChatopsError as error:
        invocation.warn(f"the database {name} is left behind ({error.message}); with psql: {statement}")


# -- the load -------------------------------------------------------------------------------------------------------------


def _play(invocation: Invocation, target: Target, load: Load, seconds: int, how: str, *, original: bool) -> Outcome:
    from chatops import formatting
    from chatops.chats import simulation, writers
    from chatops.cli.demo import migrate_to
    from chatops.db import identifier

    database = invocation.connect("migrate")
    database.glance()
    invocation.banner(database)
    needed, room = len(load.sessions) + SPARE_SESSIONS, simulation.room(database)
    if needed > room:
        raise UsageError(f"this load needs {needed} sessions, and the server takes {room} more (max_connections)")
    if target.schema != "public":
        database.script(f"create schema if not exists {identifier(target.schema)}")
    migrate_to(invocation, database, DEPLOYED if original else "latest")
    with simulation.open_session(target) as session:
        people = simulation.populate(session, load)
    checks = {check.code: check.query(before_018=original) for check in _checks()}
    path = writers.FUNCTIONS if how == "functions" else writers.APPLICATION
    sessions, chats = formatting.plural(len(load.sessions), "session"), formatting.plural(load.chats, "chat")
    invocation.note(f"{sessions} on {chats} for {seconds} s, seed {load.seed}")
    run = simulation.Simulation(target, people, load, checks, path=path)
    with _live(invocation, seconds) as tell:
        return run.run(seconds, tell)


def _checks() -> list[Check]:
    from chatops.checks import load

    return [check for check in load.shipped() if check.code in CODES]


@contextlib.contextmanager
def _live(invocation: Invocation, seconds: int) -> Iterator[Callable[[Progress], None]]:
    """One line that is redrawn on a terminal; in a log one line a minute."""
    medium = invocation.medium(stream=sys.stderr)
    if not medium.terminal:
        told = [0]

        def log(now: Progress) -> None:
            if int(now.elapsed) // LOG_EVERY_SECONDS > told[0]:
                told[0] = int(now.elapsed) // LOG_EVERY_SECONDS
                invocation.note(_progress_line(now, seconds))

        yield log
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from chatops.render import encodable

    console = Console(stderr=True, no_color=not medium.colour)

    def line(text: str) -> Text:
        # One column is left free: some terminals wrap when the last one is written.
        shown = encodable(text, medium)
        return Text(shown[: max(10, console.width - 1)], no_wrap=True, overflow="crop")

    with Live(line(f"0 of {seconds} s"), console=console, transient=True, auto_refresh=False) as live:
        yield lambda now: live.update(line(_progress_line(now, seconds)), refresh=True)


def _progress_line(now: Progress, seconds: int) -> str:
    from chatops import formatting

    broken = "nothing broken" if not now.broken else f"{len(now.broken)} broken"
    return (
        f"{min(int(now.elapsed), seconds)} of {seconds} s · {broken} in {formatting.plural(now.looks, 'look')} · "
        f"{formatting.count(now.assigned)} assigned, {formatting.count(now.replied)} answered"
    )


# -- the verdict ------------------------------------------------------------------------------------------------------------


def _answer(
    invocation: Invocation, base: Target, target: Target, load: Load, seconds: int, how: str, outcome: Outcome, *,
    original: bool, keep: bool,
) -> Answer:  # fmt: skip
    from chatops import formatting
    from chatops.chats import simulation
    from chatops.model import Answer, Span, Text

    system = f"{DEPLOYED}, the deployed system" if original else "the newest migration"
    manner = "as the application does" if how == WRITERS[0] else "through the functions"
    unwanted = outcome.unexpected
    head: dict[str, list[Span]] = {
        "held": [Span("held: ", "ok"), Span(f"I1 to I10, in each of {formatting.plural(outcome.looks, 'look')}")],
        "broken": [
            Span("broken: ", "critical"),
            Span(f"{len(outcome.breaches)} of {len(CODES)} invariants, in {formatting.plural(outcome.looks, 'look')}"),
        ],
        "failed": [Span("failed: ", "critical"), Span("I1 to I10 held, but statements failed that must not")],
        "unknown": [Span("unknown: ", "warning"), Span("not everything could be looked at")],
    }
    lines: list[Line] = [
        head[outcome.verdict],
        f"{outcome.seconds:.0f} s on {system}, written {manner}, seed {load.seed}",
        *(f"unknown: {name}: {formatting.visible(reason)}" for name, reason in sorted(outcome.unknown.items())),
    ]
    tables = [_breaches(outcome), _figures(outcome), _latency(outcome)]
    after: list[Line] = []
    shares = [outcome.assign_milliseconds(share) for share in (0.5, 0.95, 0.99)]
    if shares[0] is not None:
        after.append(f"assign: half under {shares[0]:.1f} ms, 95 % under {shares[1]:.1f}, 99 % under {shares[2]:.1f}")
    after += [
        [Span(f"{code}: ", "warning" if code in unwanted else "plain"),
         Span(formatting.visible(formatting.shortened(example, 200)))]
        for code, example in sorted(outcome.tally.examples.items()) if code in unwanted
    ]  # fmt: skip
    label, step = _next(invocation, base, target, load, seconds, how, outcome, original=original, keep=keep)
    after += ["", [Span(f"{label}: "), Span(step, "code")]]
    data = {
        "verdict": outcome.verdict, "system": DEPLOYED if original else "latest", "writers": how, "seed": load.seed,
        "schedule": simulation.schedule_digest(load), "seconds": round(outcome.seconds, 1), "sessions": len(load.sessions),
        "operators": load.operators, "users": load.users, "chats": load.chats, "faults": load.faults,
        "looks": outcome.looks, "longest_gap_seconds": round(outcome.longest_gap, 2), "unknown": dict(outcome.unknown),
        "kept": target.parameters["dbname"] if keep else None,
        "failure_examples": {code: outcome.tally.examples[code] for code in sorted(outcome.tally.failed)},
        "next": step,
    }  # fmt: skip
    return Answer("simulate", [Text(lines), *tables, Text(after)], data, invocation.now, outcomes=_outcomes(outcome))


def _outcomes(outcome: Outcome) -> list[model.Outcome]:
    """One for each invariant, and one for the statements that must not fail."""
    from chatops import formatting, model

    made = []
    for check in _checks():
        breach, reason = outcome.breaches.get(check.code), outcome.unknown.get(check.code)
        status: Literal["passed", "failed", "unknown"] = "failed" if breach else "unknown" if reason else "passed"
        message = f"{check.heading(breach.most)}, seen in {formatting.plural(breach.looks, 'look')}" if breach else reason or ""
        made.append(model.Outcome(check.code, status, check.severity.value, message, check.expected, counts=True))
    made += [
        model.Outcome(name, "unknown", "warning", reason, counts=True)
        for name, reason in sorted(outcome.unknown.items()) if name not in CODES
    ]  # fmt: skip
    failed = outcome.unexpected
    told = "; ".join(f"{code}: {example}" for code, example in sorted(failed.items()))
    return [*made, model.Outcome("statements", "failed" if failed else "passed", "critical", told, counts=True)]


def _breaches(outcome: Outcome) -> Table:
    from chatops.model import Column, Table

    rows = [
        {"code": check.code, "invariant": check.invariant, "looks": breach.looks, "most": breach.most,
         "first_at": breach.first_at, "title": check.heading(breach.most), "expected": check.expected, "rows": list(breach.rows)}
        for check in _checks() if (breach := outcome.breaches.get(check.code))
    ]  # fmt: skip
    columns = [
        Column("code", "code"),
        Column("invariant", "", audience="machines"),
        Column("looks", "seen", "number"),
        Column("most", "rows", "number"),
        Column("first_at", "first at (s)", "number", audience="machines"),
        Column("expected", "what must hold"),
        Column("title", "title", audience="machines"),
        Column("rows", "rows", "data", audience="machines"),
    ]
    return Table("violations", columns, rows, audience="all" if rows else "machines")


def _figures(outcome: Outcome) -> Table:
    from chatops.model import Column, Table

    tally = outcome.tally
    counted = [
        *(("done", what, tally.done[what]) for what in ("assigned", "replied", "user messages", "admin moves", "idle releases")),
        *(("done", what, tally.done[what]) for what in ("sessions ended",) if tally.done[what]),
        *(("refused", reason, count) for reason, count in sorted(tally.refused.items())),
        *(("failed", code, count) for code, count in sorted(tally.failed.items())),
    ]
    seconds = max(outcome.seconds, 0.001)
    rows = [
        {"what": what if kind == "done" else f"{kind}: {what}", "kind": kind, "name": what, "count": count,
         "per_second": round(count / seconds, 1)}
        for kind, what, count in counted
    ]  # fmt: skip
    columns = [
        Column("what", "", audience="people"),
        Column("kind", "kind", audience="machines"),
        Column("name", "name", audience="machines"),
        Column("count", "count", "number"),
        Column("per_second", "a second", "number"),
    ]
    return Table("figures", columns, rows)


def _latency(outcome: Outcome) -> Table:
    from chatops.model import Column, Table

    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
    columns = [Column("statement", "statement"), Column("count", "count", "number")]
    columns += [Column(name, name, "number") for name in shares]
    row: dict[str, Any] = {"statement": "assign", "count": len(outcome.tally.assign_seconds)}
    return Table("latency", columns, [row | {name: outcome.assign_milliseconds(share) for name, share in shares.items()}],
                 audience="machines")  # fmt: skip


def _next(
    invocation: Invocation, base: Target, target: Target, load: Load, seconds: int, how: str, outcome: Outcome, *,
    original: bool, keep: bool,
) -> tuple[str, str]:  # fmt: skip
    """The one command to go on with."""
    from chatops.chats.simulation import Load
    from chatops.flows.paste import program

    if keep:
        return "look at it", " ".join((program(), target.flags, "diagnose"))
    flags = () if base.embedded == "local" and base.environment is None else (base.flags,)
    words = [program(), *flags, "simulate", "--seconds", str(seconds), "--seed", str(load.seed)]
    usual = Load()
    for name in ("operators", "users", "chats"):
        if getattr(load, name) != getattr(usual, name):
            words += [f"--{name}", str(getattr(load, name))]
    words += ["--faults"] if load.faults else []
    if original:
        return "the same on the newest migration", " ".join(words)
    if outcome.verdict == "held" and how == WRITERS[0]:
        return "the same on the deployed system", " ".join((*words, "--original"))
    if outcome.verdict == "held":
        return "the same, written by the application", " ".join(words)
    return "again, to look at it afterwards", " ".join((*words, *(("--writers", how) if how != WRITERS[0] else ()), "--keep"))

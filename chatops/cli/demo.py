"""`chatops demo`: where the embedded server, the migrations, the population, the plants, the reports and the checks meet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.errors import ConflictError, ExitCode, UsageError
from chatops.flows import paste as invoking
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from chatops.checks.findings import Finding
    from chatops.checks.results import Survey
    from chatops.db import Database
    from chatops.model import Answer, Line, Span, Table

DEPLOYED = "017"
DEFAULT_SEED = 1
SHOWN = 3
LONGEST_WAITS = 3
FRESHEN_UP_TO = 100_000
"""Chats; moving the clocks of more takes longer than anybody waits for a screen."""
LARGE_BUDGET_S = 90.0
PATIENCE_S = 600.0
ALONE = 0x64656D6F  # "demo"


@command(
    examples=["chatops demo", "chatops demo --size 100000 --seed 7 --reset", "chatops demo --healed", "chatops demo --remove"],
    exits="0 it is there · 2 usage · 3 the embedded server does not start · 5 another demo is being made",
    takes=("output",),
    formats=DOCUMENT_FORMATS,
)
def demo(
    ctx: typer.Context,
    size: Annotated[int | None, typer.Option(metavar="CHATS", help="How many chats (default 5000).", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Another seed, other people and words (default 1).")] = None,
    healed: Annotated[bool, typer.Option("--healed", help="Go on to the newest migration, which mends it.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Make it anew.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the embedded server; the data stays.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove it, and the server when nothing else is on it.")] = False,
) -> ExitCode:
    """Starts a Postgres of its own, builds the deployed system on it, fills it, and plants one example of every finding.

    Touches nothing but its own database, whatever other database is set; running it again is harmless. --db demo names that
    database for every other command.
    """
    from chatops.chats import population

    invocation = invocation_of(ctx)
    invocation.check_output()
    if sum((reset, stop, remove)) > 1:
        raise UsageError("--reset, --stop and --remove are three different things; give one of them")
    if (stop or remove) and (size is not None or seed is not None or healed):
        raise UsageError("--stop and --remove take no other options")
    if invocation.env or tuple(invocation.db) not in ((), ("demo",)):
        raise UsageError("the demo has a database of its own; leave --db and --env out")
    # Its own database, even where the environment names another one.
    invocation.db = ("demo",)
    population.check_size(population.DEFAULT_SIZE if size is None else size, DEFAULT_SEED if seed is None else seed)
    if stop:
        return _stop(invocation)
    if remove:
        return _remove(invocation)
    with _alone(invocation):
        made = _ensure(invocation, size, seed, healed=healed, reset=reset)
    return _show(invocation, made)


# -- stop and remove ----------------------------------------------------------------------------------------------------


def _stop(invocation: Invocation) -> ExitCode:
    from chatops import local

    stopped = local.stop()
    invocation.note("the embedded server is stopped; its data stays" if stopped else "the embedded server does not run")
    return ExitCode.OK


def _remove(invocation: Invocation) -> ExitCode:
    from chatops import local

    status = local.status()
    if not status.exists:
        invocation.note("there is no demo")
        return ExitCode.OK
    there = local.drop_database(_database_name())
    kept = _used_databases()
    if not kept:
        local.remove()
        invocation.note("removed: the demo, and the embedded server with all its data")
    else:
        what = "the demo is removed" if there else "there is no demo"
        invocation.note(f"{what}; the embedded server stays, because it has other data: {', '.join(kept)}")
    return ExitCode.OK


def _used_databases() -> list[str]:
    """The other databases of the embedded server that hold anything of anybody's."""
    from chatops import local

    kept = []
    with _maintenance() as database:
        names = [row[0] for row in database.tuples("select datname from pg_database where datallowconn and not datistemplate")]
    for name in names:
        if name == "postgres":
            continue
        with _connected(local.url(name)) as database:
            if database.value(
                "select exists (select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
                "where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg_temp%')"
            ):
                kept.append(name)
    return sorted(kept)


# -- making it ----------------------------------------------------------------------------------------------------------


def _ensure(invocation: Invocation, size: int | None, seed: int | None, *, healed: bool, reset: bool) -> Mapping[str, Any]:
    """The demo as it is asked for, made where it is not there; what is known of it."""
    from chatops import formatting, local
    from chatops.chats import population

    name = _database_name()
    made: Mapping[str, Any] | None = None
    if not local.create_database(name, say=invocation.note):
        with _connected(local.url(name)) as database:
            made = _remembered(database)
        if made is None and not reset:
            invocation.note("the last demo was not finished; making it anew")
        if made is None or reset:
            local.drop_database(name)
            local.create_database(name)
            made = None
    database = invocation.connect("migrate")
    if made is None:
        return _make(invocation, database, size or population.DEFAULT_SIZE, DEFAULT_SEED if seed is None else seed, healed=healed)
    if (size is not None and size != made["size"]) or (seed is not None and seed != made["seed"]):
        invocation.note(
            f"the demo is there with {formatting.count(made['size'])} chats and seed {made['seed']}; --reset makes another"
        )
    if healed and not made["healed"]:
        migrate_to(invocation, database, "latest")
        made = {**made, "healed": True}
        _remember(database, made)
    if made["size"] > FRESHEN_UP_TO:
        invocation.note("so large a demo keeps the clocks it was made with; --reset makes it anew")
    elif behind := population.refresh(database):
        invocation.note(f"the demo is there; its clocks were {formatting.duration(behind)} old and are right again")
    else:
        invocation.note("the demo is there")
    return made


def _make(invocation: Invocation, database: Database, size: int, seed: int, *, healed: bool) -> Mapping[str, Any]:
    from chatops import formatting
    from chatops.chats import planting, population
    from chatops.db import identifier

    if database.target.schema != "public":
        database.script(f"create schema if not exists {identifier(database.target.schema)}")
    migrate_to(invocation, database, DEPLOYED)
    invocation.note(f"filling it with {formatting.count(size)} chats")
    population.populate(database, size=size, seed=seed, say=lambda line: invocation.note(f"  {line}"))
    planted = planting.plant_all(database)
    invocation.note(f"planted {formatting.plural(len(planted), 'trouble')}, one for each finding")
    if healed:
        migrate_to(invocation, database, "latest")
    people = population.figures(database)
    made = {"size": size, "seed": seed, "healed": healed, "people": people.in_words, "planted": len(planted)}
    _remember(database, made)
    return made


def migrate_to(invocation: Invocation, database: Database, to: str) -> None:
    """Applies the shipped files up to that one, with one line about it."""
    from chatops import formatting
    from chatops.migrations import events, ledger, source
    from chatops.migrations import run as runs
    from chatops.migrations.prepare import MigrationRequest, prepare, refuse_problems

    folder = source.shipped()
    request = MigrationRequest(to=to, again=invocation.here("migrate", "--to", to), adopt=invocation.here("adopt"))
    prepared = prepare(database, ledger.read(database), folder, request)
    refuse_problems(prepared)
    run = ledger.Run(invocation.command, invocation.provenance.annotations(), source.revision_of(folder.path))
    done: list[str] = []

    def tell(event: Any) -> None:
        if isinstance(event, events.Done):
            done.append(event.name)

    runs.apply(database, prepared, request, run, tell)
    invocation.note(f"migrated to {to}: {formatting.plural(len(done), 'file')}")


def _remembered(database: Database) -> Mapping[str, Any] | None:
    """What the demo's last step wrote; None while it is not finished, or when this database is something else."""
    if not database.value("select to_regclass('chatops.settings') is not null"):
        return None
    found = database.value("select value from chatops.settings where key = 'demo'")
    return found if isinstance(found, Mapping) else None


def _remember(database: Database, made: Mapping[str, Any]) -> None:
    from chatops.db import json

    database.execute(
        "insert into chatops.settings (target_schema, key, value, reason) "
        "values (:'schema', 'demo', :'value', 'how the demo was made') "
        "on conflict (target_schema, key) do update set value = excluded.value",
        {"schema": database.target.schema, "value": json(dict(made))},
    )


@contextlib.contextmanager
def _alone(invocation: Invocation) -> Iterator[None]:
    """One demo is made at a time. Raises ConflictError when another one takes too long."""
    import time

    deadline = time.monotonic() + PATIENCE_S
    told = False
    with _maintenance(invocation.note) as database:
        while not database.value(f"select pg_try_advisory_lock({ALONE})"):
            if not told:
                invocation.note("another chatops demo is at work; waiting for it")
                told = True
            if time.monotonic() > deadline:
                raise ConflictError("another chatops demo is still at work")
            time.sleep(0.2)
        yield


def _maintenance(say: Callable[[str], None] | None = None) -> Database:
    from chatops import local

    return _connected(local.ensure_running(say))


def _connected(url: str) -> Database:
    from chatops import db, settings

    parameters, _ = settings.parse(url, "embedded server")
    return db.connect(settings.Target(parameters=parameters, origin="demo", production=False), "demo", "migrate")


def _database_name() -> str:
    from chatops import settings

    return settings.resolve(settings.Options(("demo",))).parameters["dbname"]


# -- the screen ---------------------------------------------------------------------------------------------------------


def _show(invocation: Invocation, made: Mapping[str, Any]) -> ExitCode:
    from chatops.chats import reports
    from chatops.checks import load, run

    with invocation.reading() as database:
        # Below 100 columns the line of the queue takes two lines.
        top = LONGEST_WAITS if not 0 < invocation.medium().width < 100 else LONGEST_WAITS - 1
        summary, queue = reports.summary(database), reports.queue(database, top)
        large = made["size"] > FRESHEN_UP_TO
        if large:
            invocation.note("looking for trouble in all of it")
        survey = run.run(database, load.shipped(), whole_seconds=LARGE_BUDGET_S if large else run.WHOLE_BUDGET_SECONDS)
        invocation.show(_answer(invocation, made, summary, queue, survey))
    return ExitCode.OK


def _answer(invocation: Invocation, made: Mapping[str, Any], summary: Any, queue: Any, survey: Survey) -> Answer:
    """At most 29 lines of at most 100 columns, so that it fits on one screen above the prompt."""
    from chatops.checks.findings import findings
    from chatops.model import Answer, Column, Span, Table, Text
    from chatops.screens import tables

    chatops = program()

    def here(*words: str) -> str:
        return " ".join((chatops, "--db demo", *words))

    found = findings(survey, here)
    schema = "the newest migration" if made["healed"] else f"{DEPLOYED}, the deployed system"
    trouble = "its troubles as the migrations leave them" if made["healed"] else "with one of every trouble in it"
    head: list[Line] = [
        [Span(f"A chat platform on a Postgres of its own, {trouble}.", "strong")],
        f"{made['people']} · {schema}",
        "",
        tables.queue_line(summary.queue, survey.now),
    ]
    waits = tables.queue_answer(queue, survey.now).tables[0]
    steps = _steps(found, here)
    commands = Table("commands", [Column("command", "command"), Column("what", "what")],
                     [{"command": line, "what": what} for line, what in steps], audience="machines")  # fmt: skip
    return Answer(
        "demo",
        [
            Text(head),
            tables.summary_table(summary),
            _as_people_see(waits),
            Text(["", *_finding_lines(found, here), "", *_step_lines(steps)]),
            _finding_rows(found),
            commands,
        ],
        {"size": made["size"], "seed": made["seed"], "healed": made["healed"], "planted": made["planted"]},
        survey.now,
    )


def _as_people_see(waits: Table) -> Table:
    from dataclasses import replace

    return replace(waits, empty="nobody waits")


def _finding_lines(found: list[Finding], here: Callable[..., str]) -> list[list[Span]]:
    from chatops.model import Span
    from chatops.screens.lines import SEVERITY_STYLES

    if not found:
        return [[Span("healthy: nothing is wrong with it", "ok")]]
    lines = [
        [Span(f"{finding.word.upper():<8}", SEVERITY_STYLES[finding.word]), Span(f"  {finding.code:<8}  "), Span(finding.title)]
        for finding in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        lines.append([Span(f"{len(found) - SHOWN} more: "), Span(here("diagnose"), "code")])
    return lines


def _finding_rows(found: list[Finding]) -> Table:
    from chatops.model import Column, Table

    columns = [
        Column("code", "code"),
        Column("severity", "severity"),
        Column("count", "count", "number"),
        Column("title", "title"),
    ]
    rows = [
        {"code": finding.code, "severity": finding.word, "count": finding.result.count, "title": finding.title}
        for finding in found
    ]
    return Table("findings", columns, rows, audience="machines")


def _steps(found: list[Finding], here: Callable[..., str]) -> list[tuple[str, str]]:
    """Three commands that work as pasted: finding, fix, clean; where nothing can be mended, a look around."""
    from chatops import sqlfiles

    mendable = set(sqlfiles.names("repairs"))
    code = next((finding.code for finding in found if finding.code in mendable), None)
    if code is None:
        return [
            (here("diagnose"), "what is wrong now"),
            (here("stuck", "--longer-than", "10m"), "what does not move"),
            (" ".join((program(), "demo", "--reset")), "make it anew, with trouble in it"),
        ]
    return [
        (here("diagnose", "--only", code), "the evidence"),
        (here("repair", code, "--yes"), "mends it, logged"),
        (here("diagnose", "--only", code), "clean"),
    ]


def _step_lines(steps: list[tuple[str, str]]) -> list[list[Span]]:
    from chatops.model import Span

    width = max(len(line) for line, _ in steps)
    head = "Try it, from finding to fix to clean" if "repair" in steps[1][0] else "Look around"
    folder = program().removesuffix("/chatops")
    # The commands that other commands print begin with the bare name.
    bare = f"; to type chatops alone: export PATH={folder if folder.startswith('/') else '$PWD/' + folder}:$PATH"
    lines = [[Span(head + (bare if folder != program() else ":"), "strong")]]
    return lines + [[Span(f"{line:<{width}}", "code"), Span(f"  # {what}", "dim")] for line, what in steps]


def program() -> str:
    """What must be typed to run this chatops again from the current folder, as a module too."""
    import shlex
    import sys
    from pathlib import Path

    if Path(sys.argv[0]).name == "__main__.py":
        return f"{shlex.quote(invoking.nearest(Path(sys.executable)))} -m chatops"
    return invoking.program()

"""`chatops simulate`: where a server, the migrations, the invariants' checks and the load meet."""

from __future__ import annotations

from chatops import formatting
from chatops.chats import simulation, writers
from chatops.chats.hostile_wishes import Load
from chatops.chats.load_outcome import LoadOutcome
from chatops.db import identifier
from chatops.errors import ExitCode, UsageError
from chatops.flows.live_line import live_line
from chatops.flows.migrate_shipped import migrate_to
from chatops.flows.paste import program
from chatops.flows.run import Invocation
from chatops.flows.simulate_database import database_of_its_own, server_for
from chatops.frozen import frozen
from chatops.migrations.source import DEPLOYED
from chatops.screens import simulate as screen
from chatops.screens.simulate import SimulationRun, held_checks
from chatops.settings import Target

WRITERS = ("application", "functions")
SPARE_SESSIONS = 5
"""For the looks, the migrator, and whoever wants to look on."""


@frozen
class SimulateRequest:
    """What was asked for on the command line."""

    seconds: int
    operators: int
    users: int
    chats: int
    seed: int
    writers: str
    original: bool
    faults: bool
    keep: bool


def simulate(invocation: Invocation, request: SimulateRequest) -> ExitCode:
    """Puts the load on a database made for it; 1 when an invariant broke, or that is unknown."""
    if request.writers not in WRITERS:
        raise UsageError(f"--writers takes {' or '.join(WRITERS)}, not “{request.writers}”")
    if request.original and request.writers == "functions":
        raise UsageError("the deployed system (--original) has no functions to write through; leave --writers functions out")
    load = Load(operators=request.operators, users=request.users, chats=request.chats, seed=request.seed, faults=request.faults)
    base = server_for(invocation)
    with database_of_its_own(invocation, base, keep=request.keep) as target:
        outcome = _play(invocation, target, load, request.seconds, request.writers, original=request.original)
    where = target.schema if target.schema.startswith("chatops_simulate_") else target.parameters["dbname"]
    played = SimulationRun(load, outcome, request.seconds, request.writers, where,
                           original=request.original, kept=request.keep)  # fmt: skip
    invocation.show(screen.answer(played, _next(base, target, request, load, outcome), invocation.now))
    return ExitCode.OK if outcome.verdict == "held" else ExitCode.FOUND


def _play(invocation: Invocation, target: Target, load: Load, seconds: int, how: str, *, original: bool) -> LoadOutcome:
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
    checks = {check.code: check.query(before_018=original) for check in held_checks()}
    path = writers.FUNCTIONS if how == "functions" else writers.APPLICATION
    sessions, chats = formatting.plural(len(load.sessions), "session"), formatting.plural(load.chats, "chat")
    invocation.note(f"{sessions} on {chats} for {seconds} s, seed {load.seed}")
    distributed = database.glance().distributed
    run = simulation.Simulation(target, people, load, checks, path=path, in_cluster=distributed)
    with live_line(invocation, f"0 of {seconds} s") as show:
        return run.run(seconds, lambda now: show(now.elapsed, screen.progress_line(now, seconds)))


def _next(base: Target, target: Target, request: SimulateRequest, load: Load, outcome: LoadOutcome) -> tuple[str, str]:
    """The one command to go on with."""
    if request.keep:
        return "look at it", " ".join((program(), target.flags, "diagnose"))
    flags = () if base.embedded == "local" and base.environment is None else (base.flags,)
    words = [program(), *flags, "simulate", "--seconds", str(request.seconds), "--seed", str(load.seed)]
    usual = Load()
    for name in ("operators", "users", "chats"):
        if getattr(load, name) != getattr(usual, name):
            words += [f"--{name}", str(getattr(load, name))]
    words += ["--faults"] if load.faults else []
    if request.original:
        return "the same on the newest migration", " ".join(words)
    if outcome.verdict == "held" and request.writers == WRITERS[0]:
        return "the same on the deployed system", " ".join((*words, "--original"))
    if outcome.verdict == "held":
        return "the same, written by the application", " ".join(words)
    words += ["--writers", request.writers] if request.writers != WRITERS[0] else []
    return "again, to look at it afterwards", " ".join((*words, "--keep"))

"""The hostile load of `chatops simulate` on a test's own database, watched by the tests' own invariants."""

from __future__ import annotations

from typing import Any

from chatops import settings
from chatops.chats import simulation, writers
from chatops.chats.hostile_wishes import Load
from chatops.chats.load_outcome import LoadOutcome
from chatops.chats.simulation import People, Simulation
from chatops.settings import Target
from tests.conftest import url_as
from tests.invariants import INVARIANTS
from tests.servers import Database

WITHOUT_CLOSING = (("reassign", 1.0),)
"""What an admin may order on the deployed system, too: it refuses to close a held chat, which is a fault of its own."""


def target_of(database: Database, role: str | None = None) -> Target:
    """A test's database as the tool addresses it, by itself or as another role that may log in."""
    parameters, _ = settings.parse(database.url if role is None else url_as(database, role), "test")
    return Target(parameters, "test", production=False)


def hostile_load(
    database: Database,
    *,
    path: writers.WritePath = writers.APPLICATION,
    people: People | None = None,
    role: str | None = None,
    **load: Any,
) -> Simulation:
    """A load with people of its own, or with those that are there. `load` are fields of `Load`, such as `chats=25`."""
    wanted = Load(**load)
    target = target_of(database)
    with simulation.open_session(target) as session:
        if people is None:
            people = simulation.populate(session, wanted)
        else:
            simulation.settle(session)
    return Simulation(target_of(database, role), people, wanted, INVARIANTS, path=path)


def summary(outcome: LoadOutcome) -> str:
    """All of it in a line, for a person who reads the test's output."""
    tally = outcome.tally
    return (
        f"{outcome.verdict}; {outcome.looks} looks; done {dict(tally.done)}; refused {dict(tally.refused)}; "
        f"failed {dict(tally.failed)} {outcome.unexpected}; unknown {outcome.unknown}; "
        f"broken { {name: (breach.looks, breach.most, breach.rows) for name, breach in outcome.breaches.items()} }"
    )

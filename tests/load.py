"""The hostile load of `chatops simulate` on a test's own database, watched by the tests' own invariants; in a process of its own, too."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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


def target_of(url: str) -> Target:
    """A test's database as the tool addresses it."""
    parameters, _ = settings.parse(url, "test")
    return Target(parameters, "test", production=False)


def hostile_load(
    database: Database,
    *,
    path: writers.WritePath = writers.APPLICATION,
    people: People | None = None,
    role: str | None = None,
    **load: Any,
) -> Simulation:
    """A load with people of its own, or with those that are there. `load` are fields of `Load`, such as `chats=25`.

    `role`: as whom everybody writes, who may log in.
    """
    wanted = Load(**load)
    with simulation.open_session(target_of(database.url)) as session:
        if people is None:
            people = simulation.populate(session, wanted)
        else:
            simulation.settle(session)
    target = target_of(database.url if role is None else url_as(database, role))
    return Simulation(target, people, wanted, INVARIANTS, path=path)


def summary(outcome: LoadOutcome) -> str:
    """All of it in a line, for a person who reads the test's output."""
    tally = outcome.tally
    return (
        f"{outcome.verdict}; {outcome.looks} looks; done {dict(tally.done)}; refused {dict(tally.refused)}; "
        f"failed {dict(tally.failed)} {outcome.unexpected}; unknown {outcome.unknown}; "
        f"broken { {name: (breach.looks, breach.most, breach.rows) for name, breach in outcome.breaches.items()} }"
    )


# ---- in a process of its own -----------------------------------------------------------------------------------------


class LoadElsewhere:
    """A load that costs this process neither memory nor time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.verdict = self.told = ""
        """Once it has ended."""

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def assign_seconds(self) -> list[float]:
        """How long each assign took since this was asked last."""
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        self._process.stdin.flush()
        return list(self._answer())

    def end(self) -> None:
        """Lets it come to its end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.verdict, self.told = self._answer()


@contextlib.contextmanager
def load_elsewhere(database: Database, **load: int) -> Iterator[LoadElsewhere]:
    """A load on a database, written inside the block; it goes when this process goes."""
    command = [sys.executable, "-m", "tests.load", database.url, json.dumps(load)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            running = LoadElsewhere(process)
            running.assign_seconds()
            yield running
            running.end()
        except BaseException:
            process.kill()
            raise


def _write_until_told(url: str, wanted: Load) -> None:
    """Each line that comes in is answered with the assigns since the line before, the end with what came of it all."""
    target = target_of(url)
    with simulation.open_session(target) as session:
        people = simulation.populate(session, wanted)
    load = Simulation(target, people, wanted, INVARIANTS)
    with load.running():
        told = [0 for _ in load._tallies]
        for _ in sys.stdin:
            taken = [one.assign_seconds[before:] for one, before in zip(load._tallies, told, strict=True)]
            told = [before + len(one) for before, one in zip(told, taken, strict=True)]
            print(json.dumps([seconds for one in taken for seconds in one]), flush=True)
    print(json.dumps([load.outcome.verdict, summary(load.outcome)]), flush=True)


if __name__ == "__main__":
    _write_until_told(sys.argv[1], Load(**json.loads(sys.argv[2])))

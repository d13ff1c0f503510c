"""How long anybody queues behind a migrator, held against the deadline that it prints for the attempt they queue behind."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.servers import Server
from benchmarks.session import MeasureError
from chatops.frozen import frozen
from chatops.migrations.locks import Budget

LOOKS_EVERY_S = 0.01
# Who has waited before for somebody who waits for the migrator now has waited for the migrator since its transaction began.
WAITING = """select l.pid, coalesce(extract(epoch from clock_timestamp() - greatest(min(l.waitstart),
           (select min(m.xact_start) from pg_stat_activity m
             where m.datname = current_database() and m.application_name = 'chatops migrate'))), 0)::float8,
       pg_blocking_pids(l.pid)
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
 where not l.granted and a.datname = current_database() and a.backend_type = 'client backend'
   and a.application_name not like 'chatops migrate%' group by l.pid"""
_MIGRATORS = "select pid from pg_stat_activity where datname = current_database() and application_name like 'chatops migrate%'"
_ATTEMPT = re.compile(r"^  … (\S+) +(kept others waiting)?.*, attempt (\d+) of ([\d.]+) s$")
_IN = re.compile(r"^  ✓ (\S+)")


@frozen
class Wait:
    """How long a session waited for a lock behind the migrator, others between them or not, until it was last seen so."""

    at: float
    seconds: float


@dataclass
class Queue:
    """The waits that were seen, and what the migrator said meanwhile, each by the clock of this process."""

    waits: list[Wait] = field(default_factory=list)
    lines: list[tuple[float, str]] = field(default_factory=list)

    def run(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        meanwhile: Callable[[subprocess.Popen[str]], None] | None = None,
    ) -> int:
        """A program to its end, with what it says and when; `meanwhile` may end it. Its exit code."""
        words = [str(word) for word in command]
        with tempfile.TemporaryFile() as sink:
            process = subprocess.Popen(
                words, env=dict(env), stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.PIPE, text=True, encoding="utf-8"
            )
            assert process.stderr is not None
            reader = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
            reader.start()
            if meanwhile is not None:
                meanwhile(process)
            code = process.wait()
            reader.join()
        return code

    def worst(self) -> tuple[float, Wait, float] | None:
        """The wait that was longest by the deadline of its attempt: the ratio, the wait and the deadline; None: nobody waited."""
        told = [(wait.seconds / (deadline := self._deadline(wait.at)), wait, deadline) for wait in self.waits]
        return max(told, key=lambda one: one[0], default=None)

    def _deadline(self, at: float) -> float:
        """Seconds that the attempt at an instant might keep others waiting: as it was told, or as long as the next of a file."""
        budgets: dict[str, Budget] = {}
        for when, line in self.lines:
            if match := _ATTEMPT.match(line):
                budget = budgets.setdefault(match[1], Budget(1))
                budget.attempt = int(match[3]) + 1
                if match[2]:
                    budget.lengthen()
                if when >= at:
                    return float(match[4])
            elif (match := _IN.match(line)) and when >= at:
                return budgets.get(match[1], Budget(1)).deadline_ms / 1000
        return Budget(1).deadline_ms / 1000

    def _listen(self, stream: Any) -> None:
        for line in stream:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    def look(self, connection: psycopg.Connection[Any], over: threading.Event) -> None:
        """Notes who waits, until it is over."""
        waiting: dict[int, Wait] = {}
        while not over.wait(LOOKS_EVERY_S):
            now = time.monotonic()
            behind = {row[0] for row in connection.execute(_MIGRATORS).fetchall()}
            rows = connection.execute(WAITING.encode()).fetchall() if behind else []
            # Whoever waits for somebody who waits for the migrator waits for the migrator.
            while more := {row[0] for row in rows if row[0] not in behind and behind.intersection(row[2])}:
                behind |= more
            seen = {pid: Wait(now, seconds) for pid, seconds, _ in rows if pid in behind}
            for pid, before in waiting.items():
                if pid not in seen or seen[pid].seconds < before.seconds:
                    self.waits.append(before)
            waiting = seen
        self.waits += waiting.values()
        connection.close()


@contextmanager
def watched(server: Server, name: str, look: Callable[[psycopg.Connection[Any], threading.Event], None]) -> Iterator[None]:
    """Looks on while the block runs, on a connection of its own."""
    over = threading.Event()
    thread = threading.Thread(target=look, args=(server.connect(name), over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def checked(code: int, lines: Sequence[tuple[float, str]]) -> None:
    """Raises MeasureError when a program did not end well."""
    if code:
        raise MeasureError(f"ended with {code}: {' / '.join(line for _, line in lines[-3:])[:300]}")

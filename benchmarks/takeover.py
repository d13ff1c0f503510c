"""takeover: a large deployed system from 016 to the newest file; undisturbed, under load, and killed during the repairs.

Against the same files with psql, and one UPDATE for each repair of what it finds: what has to be done in any case.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import damage, servers, session
from benchmarks.queued import Queue, checked, watched
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, captured, environment, timed
from chatops import settings, sqlfiles
from chatops.chats import simulation, writers
from chatops.chats.hostile_wishes import Load
from chatops.checks import load
from chatops.migrations import source
from chatops.migrations.scanner import scan
from chatops.repairs import texts

SIZES, LONGEST = "1000000", 1_000_000
TEMPLATE = "takeover_template"
LONGEST_LOCK_S = 0.2
LOOKS = 3
LOOKS_EVERY_S = 0.005
MUCH_MEMORY = "4GB"
"""Shared buffers in which a large system fits."""
BATCHED = ("020_fill_queue_clocks", "023_repair_rows")
_HELD = """select pid, backend_xid::text from pg_stat_activity
 where datname = current_database() and application_name like 'chatops migrate%' and backend_xid is not null"""
_LOG = re.compile(r"\), logged as \(\n.*?\n\)\n(?=(--[^\n]*\n|\n)*select)", re.DOTALL)


@dataclass
class Locks:
    """How long the transactions of a migrator kept what they had locked, from the first row to the commit: begin and seconds."""

    seen: list[tuple[float, float]] = field(default_factory=list)

    def longest(self, connection: psycopg.Connection[Any]) -> float:
        """Of the files that lock rows: seconds."""
        spans = connection.execute(
            "select extract(epoch from applied_at - duration_ms * interval '1 ms')::float8, "
            "extract(epoch from applied_at)::float8 from chatops.migrations where name = any(%s)", [list(BATCHED)],
        ).fetchall()  # fmt: skip
        return max((held for at, held in self.seen if any(begin <= at <= end for begin, end in spans)), default=0.0)

    def look(self, connection: psycopg.Connection[Any], over: threading.Event) -> None:
        """Notes what is held, until it is over."""
        begun: dict[str, float] = {}
        while not over.wait(LOOKS_EVERY_S):
            now = time.time()
            seen = {xid: begun.get(xid, now) for _, xid in connection.execute(_HELD).fetchall()}
            self.seen += [(at, now - at) for xid, at in begun.items() if xid not in seen]
            begun = seen
        connection.close()


def run(bench: Bench) -> None:
    """Each size on a fresh copy every time."""
    with servers.running(bench) as server:
        for size in session.numbers("SIZES", SIZES):
            prepared(server, size)
            case = f"016 to the newest, {size:,} chats"
            undisturbed = Migrating(server)
            bench.alternate(case, {"chatops": undisturbed, "bare": _bare(server)})
            bench.limit(f"{case}: at most 1.3 × the bare statements", 1.3, bench.ratio(case, "chatops", "bare"))
            undisturbed.tell(bench, case)
            for more, migrating in (
                ("under load", Migrating(server, load=True)),
                ("under load, killed in the repairs", Migrating(server, load=True, killed_after=size // 500)),
            ):
                bench.add(f"{case}, {more}", "chatops", migrating())
                migrating.tell(bench, f"{case}, {more}")
            looked_at(bench, server, size)


def looked_at(bench: Bench, server: Server, chats: int) -> None:
    """The last copy, ten messages a chat, as who is on call would look at it: warm, three times; and what `verify` finds."""
    case, program = f"diagnose, {chats:,} chats with ten messages each", session.chatops()
    for turn in range(LOOKS + 1):
        seconds = timed([program, "diagnose"], env=_env(server), codes=(0, 1))
        if turn:
            bench.add(case, "chatops", seconds)
    bench.limit(f"{case}: at most 10 s", 10.0, bench.median(case, "chatops"))
    bench.add(
        f"verify, {chats:,} chats with ten messages each", "chatops", timed([program, "verify"], env=_env(server), codes=(0, 1))
    )
    in_memory(bench, server, chats)
    for command, key in (("diagnose", "findings"), ("verify", "checks")):
        told = json.loads(captured([program, command, "-o", "json"], env=_env(server), codes=(0, 1)))
        failed = [one for one in told[key] if one["status"] != "passed" and one["severity"] != "advice"]
        found = [f"{one['code']} {one['count'] if one['status'] == 'failed' else one['status']}" for one in failed]
        bench.notes.append(f"{command} after it, above advice: {', '.join(found) or 'nothing'}.")


def in_memory(bench: Bench, server: Server, chats: int) -> None:
    """The same look with all of it in shared buffers, and without what looks back over a day."""
    history = ",".join(sorted(check.code for check in load.shipped() if check.kind == "history"))
    case = f"diagnose without the checks of history, warm at {MUCH_MEMORY}, {chats:,} chats with ten messages each"
    seconds = None
    with bench.noted(case):
        server.configured("shared_buffers", MUCH_MEMORY)
        try:
            for turn in range(LOOKS + 1):
                taken = timed([session.chatops(), "diagnose", "--ignore", history], env=_env(server), codes=(0, 1))
                if turn:
                    bench.add(case, "chatops", taken)
            seconds = bench.median(case, "chatops")
        finally:
            server.configured("shared_buffers", None)
    bench.limit(f"{case}: at most 3 s", 3.0, seconds)


@dataclass
class Migrating:
    """A measurement of `adopt` and `migrate`, its locks and what it left; `killed_after` so many mended rows, and begun again."""

    server: Server
    load: bool = False
    killed_after: int | None = None
    longest: float = 0.0
    queue: Queue = field(default_factory=Queue)
    left: str = ""

    def __call__(self) -> float:
        name, locks, self.queue = _copy(self.server), Locks(), Queue()
        command: list[str | Path] = [session.chatops(), "migrate", "--yes"]
        looking = [watched(self.server, name, look) for look in (locks.look, self.queue.look)]
        with looking[0], looking[1], _loaded(self.server, name) if self.load else _quiet():
            started = time.monotonic()
            if self.killed_after is not None:
                self.queue.run(command, _env(self.server), lambda process: _kill(self.server, process, self.killed_after or 0))
            checked(self.queue.run(command, _env(self.server)), self.queue.lines)
            seconds = time.monotonic() - started
        with self.server.connect(name) as connection:
            self.longest = max(self.longest, locks.longest(connection))
            found = {repair.code: _left(connection, repair) for repair in texts.shipped()}
        self.left = ", ".join(f"{code} {rows}" for code, rows in found.items() if rows) or "nothing"
        return seconds

    def tell(self, bench: Bench, case: str) -> None:
        """The promises about locks, and what the repairs find afterwards."""
        bench.limit(f"{case}: no row is locked for over {LONGEST_LOCK_S} s", LONGEST_LOCK_S, self.longest)
        if self.load:
            worst = self.queue.worst()
            bench.limit(
                f"{case}: nobody queues for longer than the deadline of the attempt in front (1)", 1.0, worst[0] if worst else 0.0
            )
            told = f"the longest wait by its attempt {worst[1].seconds:.3f} of {worst[2]:.1f} s" if worst else "nobody waited"
            bench.notes.append(f"{case}: {len(self.queue.waits)} waits behind the migrator were seen; {told}.")
        bench.notes.append(f"{case}: the repairs find {self.left} after it.")


def prepared(server: Server, chats: int) -> None:
    """The template: a system that the application's own files made, and nobody has taken over."""
    server.fresh(TEMPLATE)
    url = server.url(TEMPLATE)
    timed([session.chatops(), "migrate", "--to", "016", "--yes"], env=environment(CHATOPS_DATABASE_URL=url))
    with server.connect(TEMPLATE) as connection:
        connection.execute("drop schema chatops cascade")
        connection.execute("set session_replication_role = replica")
        damage.fill(connection, chats)
        damage.plant(connection, chats, longest=min(chats, LONGEST))
        connection.execute("set session_replication_role = origin")
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _copy(server: Server) -> str:
    with server.connect() as connection:
        connection.execute("drop database if exists takeover with (force)")
        connection.execute(f"create database takeover template {TEMPLATE} strategy file_copy".encode())
    with server.connect("takeover") as connection:
        damage.wake(connection)
    timed([session.chatops(), "adopt", "--through", "016", "--yes"], env=_env(server))
    return "takeover"


def _env(server: Server) -> dict[str, str]:
    return environment(CHATOPS_DATABASE_URL=server.url("takeover"))


def _left(connection: psycopg.Connection[Any], repair: texts.Repair) -> int:
    """What a repair still finds; on a loaded system also what has come since."""
    connection.execute("set work_mem = '64MB'")
    return int(connection.execute(sqlfiles.counted(repair.finding()).encode()).fetchall()[0][0])


@contextmanager
def _quiet() -> Iterator[None]:
    yield


@contextmanager
def _loaded(server: Server, name: str) -> Iterator[None]:
    """The hostile load of `simulate`, by the application's own writes; without its cron, to which everybody here is idle."""
    target = settings.resolve(settings.Options(db=(server.url(name),)), environ={}, configuration=settings.Configuration())
    wanted = Load(crons=0)
    with simulation.open_session(target) as opened:
        people = simulation.populate(opened, wanted)
    with simulation.Simulation(target, people, wanted, {}, path=writers.APPLICATION).running():
        yield


def _kill(server: Server, process: subprocess.Popen[str], after: int) -> None:
    """Ends a run by SIGKILL when it has mended so many rows."""
    with server.connect("takeover") as watching:
        while process.poll() is None:
            found = watching.execute(
                "select rows_changed > %s from chatops.migrations where name = '023_repair_rows' and state = 'running'", [after]
            ).fetchall()
            if found and found[0][0]:
                process.send_signal(signal.SIGKILL)
                return
            time.sleep(0.05)
    raise MeasureError("it ended before it could be killed")


def _bare(server: Server) -> Callable[[], float]:
    """The files with psql, and each repair as one statement over all that it finds, without a log."""

    def measure() -> float:
        name = _copy(server)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write("".join(f"{text}\n;\n" for text in bare_statements()))
            script.flush()
            return timed([server.psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script.name, server.url(name)])

    return measure


def bare_statements() -> list[str]:
    """What has to be done in any case."""
    found = ["set search_path = public, pg_temp", "set chatops.write = 'function'", "set work_mem = '64MB'", "set jit = off"]
    for file in source.shipped().files:
        if file.number <= 16:
            continue
        if file.reading.repairs is None:
            found += [statement.text for statement in scan(file.reading.sent)]
        else:
            found += [_one_statement(repair) for repair in texts.chosen(file.reading.repairs)]
    return found


def _one_statement(repair: texts.Repair) -> str:
    rows = f"(select coalesce(jsonb_agg(to_jsonb(rows)), '[]') from (\n{repair.finding()}\n) as rows)"
    mend, cut = _LOG.subn(")\n", sqlfiles.body(repair.mend))
    if cut != 1:
        raise MeasureError(f"the log of {repair.code} is not where it is looked for")
    return mend.replace(":'found'::jsonb", rows)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{text}\n;\n" for text in bare_statements()))

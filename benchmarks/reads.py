"""reads: what people look at, against psql asking the server the very same statements, while the history grows."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import assign, peers, population, servers, session
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, environment, timed

SIZES = "10000,100000,1000000"
COMMANDS = {"summary": ("summary",), "queue": ("queue",), "stuck": ("stuck",), "diagnose": ("diagnose",)}
# Operators who ask at a steady pace while somebody looks, far below what the machine can do.
ASKING, A_SECOND, ASKING_CLIENTS, WINDOW_S = 40_000, 100, 4, 10
BESIDE = "assign, 99th percentile"


def run(bench: Bench) -> None:
    """Each command at each size; the number of chats that wait or are held stays, only what is over grows."""
    # A look at everything takes its time on millions of chats: all rounds of it count.
    session.BUDGET_S = max(session.BUDGET_S, 120.0)
    # Those who wait and those who are held are there at any size.
    sizes = sorted({max(size, population.FEWEST) for size in session.numbers("SIZES", SIZES)})
    with servers.running(bench) as server:
        for size in sizes:
            session.say(f"  {size:,} chats")
            url = server.url(population.with_a_past(server, "reads", size))
            for name, words in COMMANDS.items():
                asked = bench.folder / f"{name}.sql"
                record(url, asked, words)
                bench.alternate(
                    case(name, size), {"chatops": _command(url, *words), "psql, same statements": _psql(server, url, asked)}
                )
            if size == max(sizes):
                beside(bench, server, url, size)
            server.fresh("reads")
    judge(bench, sizes)


def judge(bench: Bench, sizes: list[int]) -> None:
    """Fits the growth, and holds the medians against what is promised."""
    for name in COMMANDS:
        for contender in ("chatops", "psql, same statements"):
            points = {size: value for size in sizes if (value := bench.median(case(name, size), contender)) is not None}
            if (slope := session.exponent(points)) is not None:
                bench.fitted[f"{name}, {contender}"] = slope
    largest = max(sizes)
    for name in ("queue", "stuck"):
        grown = bench.ratio(case(name, largest), "chatops", "chatops", case(name, 100_000)) if largest > 100_000 else None
        bench.limit(f"{name}: flat while history grows from 10^5 to {largest:,} chats (at most 1.5 ×)", 1.5, grown)
    bench.limit(f"diagnose at {largest:,} chats: at most 1.3 × the sum of its queries in psql", 1.3,
                bench.ratio(case("diagnose", largest), "chatops", "psql, same statements"))  # fmt: skip
    bench.limit(f"assign's 99th percentile beside diagnose, {A_SECOND} a second: at most 1.5 × of without", 1.5,
                bench.ratio(f"{BESIDE}, {largest:,} chats", "beside diagnose", "alone"))  # fmt: skip


def beside(bench: Bench, server: Server, url: str, size: int) -> None:
    """How long operators wait for their next chat while somebody runs one diagnosis after the other, and while nobody does.

    And while a process that has nothing to do with the database keeps one core busy: less than that no query can disturb.
    """
    found = peers.installed(bench, "pgbench")
    if "pgbench" not in found or found["pgbench"].program is None:
        return
    pgbench = found["pgbench"].program
    connection = server.connect("reads")
    connection.execute("set session_replication_role = replica")
    population.operators(connection, ASKING, after=population.OPERATORS)
    population.chats(connection, size + 1, size + ASKING, "waiting_assignment", latest=True)
    connection.execute(f"create sequence asking cache 100 start {population.OPERATORS + 1}".encode())
    population.settle(connection)
    turns = itertools.count()

    def alone() -> float:
        return asked(pgbench, server, bench.folder / f"asked_{next(turns)}")

    def while_somebody(works: Callable[[threading.Event], None]) -> float:
        over = threading.Event()
        working = threading.Thread(target=works, args=(over,))
        working.start()
        try:
            return alone()
        finally:
            over.set()
            working.join()

    def looking(*words: str | Path) -> Callable[[], float]:
        def look(over: threading.Event) -> None:
            while not over.is_set():
                timed([session.chatops(), *words], env=environment(CHATOPS_DATABASE_URL=url), codes=(0, 1))

        return lambda: while_somebody(look)

    def scanning(over: threading.Event) -> None:
        """One process of the server computes a quarter of its time."""
        with server.connect("reads") as scans:
            scans.execute("set max_parallel_workers_per_gather = 0")
            while not over.is_set():
                began = time.monotonic()
                scans.execute("select count(*) from chats c where c.is_active and c.chat_state is not null")
                over.wait(3 * (time.monotonic() - began))

    def beside_a_loop() -> float:
        loop = subprocess.Popen([sys.executable, "-c", f"import time\nwhile time.process_time() < {4 * WINDOW_S}: pass"])
        try:
            return alone()
        finally:
            loop.kill()
            loop.wait()

    asked(pgbench, server, bench.folder / "asked_first")
    bench.alternate(
        f"{BESIDE}, {size:,} chats",
        {
            "alone": alone,
            "beside diagnose": looking("diagnose"),
            "beside monitor": looking("monitor", "--once", "--restart", "--plan", "1h*2", "--state", bench.folder / "watch.json"),
            "beside a scan, a quarter of the time": lambda: while_somebody(scanning),
            "beside a loop outside the database": beside_a_loop,
        },
    )


def asked(pgbench: Path, server: Server, prefix: Path) -> float:
    """The 99th percentile of an assign in seconds, with what it waited for its turn; each operator asks once."""
    script = prefix.with_suffix(".sql")
    script.write_text(assign.CALL)
    words = [pgbench, "-n", "-M", "prepared", "-c", ASKING_CLIENTS, "-j", 2, "-T", WINDOW_S, "-R", A_SECOND, "-l",
             f"--log-prefix={prefix}", "-h", "127.0.0.1", "-p", server.port, "-U", "postgres", "-f", script, "reads"]  # fmt: skip
    try:
        subprocess.run([str(word) for word in words], env=environment(), capture_output=True, check=True, timeout=WINDOW_S + 60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise MeasureError(f"pgbench: {str(getattr(error, 'stderr', '') or error)[:300]}") from None
    times = sorted(int(line.split()[2]) for log in prefix.parent.glob(f"{prefix.name}.*") if log != script
                   for line in log.read_text().splitlines())  # fmt: skip
    if len(times) < A_SECOND * WINDOW_S / 2:
        raise MeasureError(f"only {len(times)} asked in {WINDOW_S} s")
    return times[math.ceil(len(times) * 0.99) - 1] / 1e6


def case(name: str, size: int) -> str:
    """What a measurement is called."""
    return f"{name}, {size:,} chats"


def record(url: str, path: Path, words: tuple[str, ...]) -> None:
    """Writes down what a command asks the server."""
    timed([sys.executable, "-m", "benchmarks.recording", path, *words], env=environment(CHATOPS_DATABASE_URL=url),
          cwd=session.ROOT, codes=(0, 1))  # fmt: skip
    if not path.read_text().strip():
        raise MeasureError(f"{words[0]} asked the server nothing")


def _command(url: str, *words: str) -> Callable[[], float]:
    return lambda: timed([session.chatops(), *words], env=environment(CHATOPS_DATABASE_URL=url), codes=(0, 1))


def _psql(server: Server, url: str, asked: Path) -> Callable[[], float]:
    return lambda: timed([server.psql(), "-X", "-q", "-o", "/dev/null", "-f", asked, url], codes=(0, 3))

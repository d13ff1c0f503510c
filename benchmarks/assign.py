"""assign: how many chats a second operators get, against job queues that do the same, and against a bare UPDATE by key.

pgbench is the load for all of them. A unit of work is one transaction that takes the next item; nobody asks twice.
"""

from __future__ import annotations

import contextlib
import json
import re
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import messages, peers, population, servers, session
from benchmarks.peers import Peer
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, environment

CLIENTS = "1,8,32"
SIZES = "1000000"
MIDDLE = 8
LOCKED, OWN = 100, 100_000
# Each operator asks once: who asks again gets the chat they hold, which is no work.
CALL = "select assign_chat_to_operator(('00000000-0000-4000-8001-' || lpad(to_hex(nextval('asking')), 12, '0'))::uuid);\n"
PGQUEUER = """import json, sys
from datetime import timedelta
import uuid
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
made = QueryQueueBuilder().build_dequeue_query(
    batch_size=1, entrypoints=["bench"], concurrency_limits=[0], queue_manager_id=uuid.UUID(int=7),
    global_concurrency_limit=None, heartbeat_timeout=timedelta(seconds=30))
names = QueryQueueBuilder().qualified.queue_table
json.dump({"install": QueryBuilderEnvironment().build_install_query(), "take": made.sql, "table": names}, sys.stdout)
"""


@dataclass(frozen=True)
class Contender:
    """A database that was filled, and the SQL that takes one item from it."""

    database: str
    script: str


def run(bench: Bench) -> None:
    """The clients' sweep over a long queue, then the hard cases at the middle number of clients."""
    bench.unit = "taken a second"
    found = peers.installed(bench, "pgbench", "procrastinate", "pgqueuer", "pgmq")
    if "pgbench" not in found or found["pgbench"].program is None:
        raise SystemExit("pgbench makes the load, and it is not here: apt-get install postgresql (any version)")
    pgbench, clients, waiting = found["pgbench"].program, session.numbers("CLIENTS", CLIENTS), session.numbers("SIZES", SIZES)[0]
    seconds = session.numbers("SECONDS", "2")[0]
    long_seconds = session.numbers("LONG_SECONDS", "30")[0]
    long_rounds = session.numbers("LONG_ROUNDS", "1")[0]
    # Slow or not: a run has its fixed length.
    session.BUDGET_S = float("inf")
    middle = MIDDLE if MIDDLE in clients else max(clients)
    with servers.running(bench) as server:
        contenders = filled(bench, server, found, waiting)

        def taking(names: Mapping[str, Contender], many: int, length: int = seconds) -> Mapping[str, Callable[[], float]]:
            return {name: _load(pgbench, server, one, many, length) for name, one in names.items()}

        for many in clients:
            bench.alternate(case(many, f"{waiting:,} waiting"), taking(contenders, many))
        assigning = {name: contenders[name] for name in ("chatops", "the deployed original")}
        with locked_head(server, assigning):
            bench.alternate(case(middle, "locked head"), taking(assigning, middle))
        bench.alternate(case(middle, "empty"), taking({name: empty(server, name) for name in assigning}, middle))
        own = {name: own_head(server, name) for name in assigning}
        # One client: it is one operator, whose requests follow each other.
        bench.alternate(case(1, f"{OWN:,} own chats at the head"), taking(own, 1))
        for what in (messages.WAITING, messages.ANSWERED):
            writing = {name: written_to(server, what, name) for name in assigning}
            bench.alternate(case(middle, what), taking(writing, middle))
        for turn in range(long_rounds):
            for name in list(assigning)[:: 1 if turn % 2 == 0 else -1]:
                with bench.noted(f"long reader: {name}"):
                    long_reader(bench, server, name, assigning[name], pgbench, middle, long_seconds)
        with bench.noted("restart: chatops"):
            recovery(bench, server, assigning["chatops"], pgbench, middle)
    bench.notes.append(f"The {long_seconds} s reader and the restart were measured in {long_rounds} round(s) (LONG_ROUNDS).")
    sweep = case(middle, f"{waiting:,} waiting")
    for many, share in ((middle, 0.85), (max(clients), 0.7)):
        bench.limit(f"{many} clients: at least {share} × procrastinate's fetch", share,
                    bench.ratio(case(many, f"{waiting:,} waiting"), "chatops", "procrastinate"), at_least=True)  # fmt: skip
    bench.limit(f"{middle} clients: at least 0.5 × the commit limit", 0.5, bench.ratio(sweep, "chatops", "bare UPDATE"),
                at_least=True)  # fmt: skip
    messages.hold(bench, case(middle, "").removesuffix(", "))
    bench.limit(f"at the end of a {long_seconds} s reader: at least 2 × the original", 2.0,
                bench.ratio(f"long reader, at {long_seconds} s", "chatops", "the deployed original"), at_least=True)  # fmt: skip
    recovered = bench.ratio("restart, seconds 8 to 10 after", "chatops", "chatops", "restart, before")
    bench.limit("within 10 s of a restart: back at 0.9 ×", 0.9, recovered, at_least=True)


def case(clients: int, what: str) -> str:
    """What a measurement is called."""
    return f"{clients} client{'' if clients == 1 else 's'}, {what}"


# -- the contenders ---------------------------------------------------------------------------------------------------------


def filled(bench: Bench, server: Server, found: Mapping[str, Peer], waiting: int) -> dict[str, Contender]:
    """Each contender's database with that many items waiting; one that cannot be filled is noted."""
    makers: dict[str, Callable[[], Contender]] = {
        "chatops": lambda: chats(server, "assign_latest", "latest", waiting),
        "the deployed original": lambda: chats(server, "assign_original", "017", waiting),
        "bare UPDATE": lambda: bare(server, waiting),
    }
    if "procrastinate" in found:
        makers["procrastinate"] = lambda: procrastinate(server, found["procrastinate"], waiting)
    if "pgqueuer" in found:
        makers["pgqueuer"] = lambda: pgqueuer(server, found["pgqueuer"], waiting)
    if "pgmq" in found:
        makers["pgmq"] = lambda: pgmq(server, found["pgmq"], waiting)
    made = {}
    for name, make in makers.items():
        session.say(f"  filling {name}")
        try:
            made[name] = make()
        except (psycopg.Error, MeasureError, KeyError, ValueError) as error:
            bench.missing[name] = " ".join(str(error).split())[:300]
            session.say(f"  {name}: {bench.missing[name]}")
    return made


def chats(server: Server, name: str, to: str, waiting: int, *, own: int = 0) -> Contender:
    """Waiting chats and as many operators, of whom each asks once; `own` chats at the head were last those of everybody else."""
    original = to == "017"
    with population.migrated(server, name, to) as connection:
        many = max(waiting, 200_000)
        population.operators(connection, many)
        if waiting:
            population.chats(connection, own + 1, waiting, "waiting_assignment", latest=not original, message=False)
        if own:
            mine = population.key(population.OPERATOR, "1")
            population.chats(
                connection, 1, own, "waiting_assignment", latest=not original, last_operator=mine, message=False, newest=waiting
            )
        # Where nobody waits nobody gets a chat, and each may ask again.
        again = "" if waiting else "cycle"
        connection.execute(f"create sequence asking cache 100 minvalue 1 maxvalue {many} {again}".encode())
        population.settle(connection)
    return Contender(name, CALL)


def bare(server: Server, waiting: int) -> Contender:
    """One row changed by its key and committed: nothing that keeps a promise can be faster."""
    server.fresh("assign_bare")
    with server.connect("assign_bare") as connection:
        connection.execute("create table items (id bigint primary key, state text, taken_at timestamptz)")
        connection.execute(f"insert into items (id, state) select n, 'waiting' from generate_series(1, {waiting}) as n".encode())
        connection.execute(f"create sequence asking cache 100 minvalue 1 maxvalue {waiting}".encode())
        connection.execute("vacuum analyze")
    # In a subquery the number is drawn once, not for each row that is looked at.
    take = "update items set state = 'taken', taken_at = now() where id = (select nextval('asking'));"
    return Contender("assign_bare", f"{take}\n")


def procrastinate(server: Server, peer: Peer, waiting: int) -> Contender:
    """Its schema, and the function by which its workers fetch a job."""
    server.fresh("assign_procrastinate")
    words = [peer.python or "", "-c", "import procrastinate, pathlib; print(pathlib.Path(procrastinate.__file__).parent)"]
    schema = Path(session.captured(words)) / "sql" / "schema.sql"
    text = schema.read_text()
    signature = re.search(r"FUNCTION procrastinate_fetch_job_v2\(\s*target_queue_names[^,]*,\s*p_worker_id bigint", text)
    if signature is None:
        raise MeasureError("this version's fetch function is not procrastinate_fetch_job_v2(queues, worker)")
    with server.connect("assign_procrastinate") as connection:
        connection.execute(text.encode())
        worker = connection.execute("insert into procrastinate_workers default values returning id").fetchall()[0][0]
        connection.execute("alter table procrastinate_jobs disable trigger user")
        connection.execute(
            "insert into procrastinate_jobs (queue_name, task_name) "
            f"select 'bench', 'bench' from generate_series(1, {waiting}) as n".encode()
        )
        connection.execute("alter table procrastinate_jobs enable trigger user")
        connection.execute("vacuum analyze")
    return Contender("assign_procrastinate", f"select id from procrastinate_fetch_job_v2(null, {worker});\n")


def pgqueuer(server: Server, peer: Peer, waiting: int) -> Contender:
    """Its schema, and the statement by which its workers dequeue, with a batch of one."""
    said = session.captured([peer.python or "", "-c", PGQUEUER])
    if not said:
        raise MeasureError("this version does not say its dequeue statement")
    found = json.loads(said)
    server.fresh("assign_pgqueuer")
    values = {"1": "1", "2": "array['bench']", "3": "'00000000-0000-0000-0000-000000000007'::uuid", "4": "interval '30 seconds'"}
    take = re.sub(r"\$(\d+)", lambda match: values[match[1]], re.sub(r"--[^\n]*", "", found["take"]))
    with server.connect("assign_pgqueuer") as connection:
        connection.execute(found["install"].encode())
        connection.execute(
            f"insert into {found['table']} (priority, entrypoint, status) "
            f"select 0, 'bench', 'queued' from generate_series(1, {waiting}) as n".encode()
        )
        connection.execute("vacuum analyze")
    return Contender("assign_pgqueuer", " ".join(take.split()).rstrip(";") + ";\n")


def pgmq(server: Server, peer: Peer, waiting: int) -> Contender:
    """Its SQL without the extension, as its package carries it, and one message read with 30 s of invisibility."""
    path = Path(session.captured([peer.python or "", "-c", "import pgmq, pathlib; print(pathlib.Path(pgmq.__file__).parent)"]))
    text = (path / "sql" / "pgmq.sql").read_text()
    server.fresh("assign_pgmq")
    with server.connect("assign_pgmq") as connection:
        connection.execute(text.encode())
        connection.execute("select pgmq.create('bench')")
        sending = f"select count(*) from generate_series(1, {waiting}) as n "
        sending += "cross join lateral pgmq.send('bench', jsonb_build_object('n', n))"
        connection.execute(sending.encode())
        connection.execute("vacuum analyze")
    return Contender("assign_pgmq", "select msg_id from pgmq.read('bench', 30, 1);\n")


# -- the hard cases -----------------------------------------------------------------------------------------------------------


def empty(server: Server, name: str) -> Contender:
    """Nobody waits."""
    return chats(server, f"assign_empty_{name[:3].strip()}", "017" if "original" in name else "latest", 0)


def own_head(server: Server, name: str) -> Contender:
    """The head of the queue are chats that the asking operator had last; each answer is rolled back, so that they may ask on."""
    made = chats(server, f"assign_own_{name[:3].strip()}", "017" if "original" in name else "latest", 2 * OWN, own=OWN)
    asking = "'00000000-0000-4000-8001-000000000001'"
    script = f"begin;\nselect assign_chat_to_operator({asking});\nrollback;\n"
    return Contender(made.database, script)


def written_to(server: Server, what: str, name: str) -> Contender:
    """Users write."""
    original = name != "chatops"
    return Contender(messages.filled(server, what, "017" if original else "latest"), messages.script(what, original=original))


@contextlib.contextmanager
def locked_head(server: Server, contenders: Mapping[str, Contender]) -> Iterator[None]:
    """Somebody is writing into the first chats of the queue, in each database."""
    with contextlib.ExitStack() as stack:
        for one in contenders.values():
            connection = stack.enter_context(server.connect(one.database))
            connection.execute("begin")
            connection.execute(
                "select id from chats where chat_state = 'waiting_assignment' "
                f"order by created_at limit {LOCKED} for update".encode()
            )
        yield


def long_reader(bench: Bench, server: Server, name: str, contender: Contender, pgbench: Path, clients: int, seconds: int) -> None:
    """A report holds its snapshot all the time: nothing that was taken can be cleaned away."""
    with server.connect(contender.database) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute("select count(*) from operators")
        by_second = progress(pgbench, server, contender, clients, seconds + 2)
        reader.execute("rollback")
    bench.add("long reader, first 5 s", name, statistics.mean(by_second[:5]))
    bench.add(f"long reader, at {seconds} s", name, statistics.mean(by_second[seconds - 5 : seconds]))
    session.say(f"  long reader, {name}: {statistics.mean(by_second[:5]):.0f} then {by_second[-3]:.0f} a second")


def recovery(bench: Bench, server: Server, contender: Contender, pgbench: Path, clients: int) -> None:
    """The server crashes and comes back with nothing in memory."""
    for _ in range(min(bench.rounds, 3)):
        before = statistics.mean(progress(pgbench, server, contender, clients, 5)[1:])
        server.restart()
        after = progress(pgbench, server, contender, clients, 11)
        bench.add("restart, before", "chatops", before)
        bench.add("restart, first second", "chatops", after[0])
        bench.add("restart, seconds 8 to 10 after", "chatops", statistics.mean(after[7:10]))


# -- the load -----------------------------------------------------------------------------------------------------------------


def _words(pgbench: Path, server: Server, contender: Contender, clients: int, seconds: int) -> tuple[list[str], str]:
    words = [str(pgbench), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
             "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-f", "-", "-P", "1", contender.database]  # fmt: skip
    return words, contender.script


def _bench(pgbench: Path, server: Server, contender: Contender, clients: int, seconds: int) -> subprocess.CompletedProcess[str]:
    words, script = _words(pgbench, server, contender, clients, seconds)
    try:
        done = subprocess.run(
            [word if word != "-" else "/dev/stdin" for word in words], input=script, env=environment(), capture_output=True,
            text=True, timeout=seconds + 120, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MeasureError("pgbench did not end") from None
    if done.returncode:
        raise MeasureError(f"pgbench: {' / '.join(done.stderr.strip().splitlines()[-2:])[:300]}")
    return done


def _load(pgbench: Path, server: Server, contender: Contender, clients: int, seconds: int) -> Callable[[], float]:
    def measure() -> float:
        done = _bench(pgbench, server, contender, clients, seconds)
        found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        if found is None:
            raise MeasureError("pgbench told no figure")
        return float(found[1])

    return measure


def progress(pgbench: Path, server: Server, contender: Contender, clients: int, seconds: int) -> list[float]:
    """Transactions in each second of a run."""
    started = time.monotonic()
    done = _bench(pgbench, server, contender, clients, seconds)
    found = [float(one) for one in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", done.stderr, re.MULTILINE)]
    if len(found) < seconds - 1:
        raise MeasureError(f"pgbench told of {len(found)} seconds in {time.monotonic() - started:.0f}")
    return found

"""bulk: chats released or given to others, against one UPDATE of the same rows: bare, and with its triggers and the log on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import population, servers, session
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, environment, timed

SIZES = "1,100,1000"
TEMPLATE = "bulk_template"
BARE, LOGGED, FLOOR = "bare UPDATE", "UPDATE with triggers and log", "import psycopg"
FROM_PYTHON = "the same from Python"
SCRIPT = "import sys, psycopg; psycopg.connect(sys.argv[1]).execute(sys.argv[2]).connection.commit()"
"""The least that a program in Python has to do: load the driver, connect, send the statement."""
UPDATES = {
    "release": "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null, "
    "updated_at = now() where chat_state = 'assigned'",
    "reassign": "update chats set assigned_operator_id = overlay(assigned_operator_id::text placing '9' from 25 for 1)::uuid, "
    "updated_at = now() where chat_state = 'assigned'",
}


LOG = (
    "with was as (select c.id, to_jsonb(c) as row from chats c where c.chat_state = 'assigned' for update), changed as ({update} "
    "returning id, to_jsonb(chats) as row) insert into chatops.actions (action, chat_id, before, after) "
    "select '{name}', was.id, was.row, changed.row from was join changed using (id)"
)
"""The least that leaves a trail: the same UPDATE, a row before and after for each chat."""


def run(bench: Bench) -> None:
    """Each number of chats, on a fresh copy of the same database every time."""
    with servers.running(bench) as server:
        for size in session.numbers("SIZES", SIZES):
            ids = filled(server, size)
            for name, more in (("release", ()), ("reassign", ("--to", "auto"))):
                words = (name, *ids, *more, "--max", str(size), "--yes", "--reason", "bench")
                contenders: dict[str, Callable[[], float | Mapping[str, float]]] = {
                    "chatops": _command(server, words, size),
                    BARE: _updated(server, "set session_replication_role = replica", UPDATES[name]),
                    LOGGED: _updated(server, LOG.format(update=UPDATES[name], name=name)),
                }
                contenders[FROM_PYTHON] = _from_python(server, LOG.format(update=UPDATES[name], name=name))
                if size == 1:
                    contenders[FLOOR] = lambda: timed([sys.executable, "-c", "import psycopg"])
                bench.alternate(case(name, size), contenders)
    for name in UPDATES:
        bench.limit(f"{name} of one chat: at most 1.5 × starting Python with psycopg", 1.5,
                    bench.ratio(case(name, 1), "chatops", FLOOR))  # fmt: skip
        bench.limit(f"{name} of 1,000 chats: at most 2 × the UPDATE with its triggers and log", 2.0,
                    bench.ratio(case(name, 1000), "chatops", LOGGED))  # fmt: skip
        bench.limit(f"{name} of 1,000 chats: at most 2 × the same UPDATE from Python with psycopg", 2.0,
                    bench.ratio(case(name, 1000), "chatops", FROM_PYTHON))  # fmt: skip


def case(name: str, size: int) -> str:
    """What a measurement is called."""
    return f"{name} {size:,} {'chat' if size == 1 else 'chats'}"


def filled(server: Server, size: int) -> Sequence[str]:
    """The template: held chats, as many free operators, ten times as many chats that are over; the ids of the held ones."""
    with population.migrated(server, TEMPLATE, "latest") as connection:
        population.operators(connection, 2 * size)
        held = population.key(population.OPERATOR, "n")
        population.chats(connection, 1, size, "assigned", latest=True, holder=held, last_operator=held)
        population.chats(connection, size + 1, 11 * size, "completed", latest=True, last_operator=population.key("8001", "1"))
        rows = connection.execute("select id::text from chats where chat_state = 'assigned' order by id").fetchall()
        # Twins of the holders, so that a bare UPDATE can give each chat to somebody else without breaking a rule.
        connection.execute(
            "insert into operators (id, name, is_active, is_available) "
            "select overlay(id::text placing '9' from 25 for 1)::uuid, name, true, false from operators"
        )
        population.settle(connection)
    return [row[0] for row in rows]


def _command(server: Server, words: Sequence[str], size: int) -> Callable[[], Mapping[str, float]]:
    def measure() -> Mapping[str, float]:
        url = server.url(server.fresh("bulk", TEMPLATE))
        seconds = timed([session.chatops(), *words], env=environment(CHATOPS_DATABASE_URL=url))
        with server.connect("bulk") as connection:
            moved = connection.execute("select count(distinct chat_id) from chatops.actions").fetchall()[0][0]
        if moved != size:
            raise MeasureError(f"{moved} of {size} chats were moved")
        return {"": seconds}

    return measure


def _updated(server: Server, *statements: str) -> Callable[[], float]:
    def measure() -> float:
        url = server.url(server.fresh("bulk", TEMPLATE))
        words: list[str | Path] = [server.psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        return timed([*words, *(word for statement in statements for word in ("-c", statement)), url])

    return measure


def _from_python(server: Server, statement: str) -> Callable[[], float]:
    def measure() -> float:
        return timed([sys.executable, "-c", SCRIPT, server.url(server.fresh("bulk", TEMPLATE)), statement])

    return measure

"""migrate: applying the same files, having nothing to do, and telling what is in, against the tools that people use for that."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers, proxy, servers, session
from benchmarks.peers import Peer
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, environment, timed

SIZES = "20,100,1000"
LATENCIES = "0,1,5,20"
CELLS = ((20, 0), (100, 0), (100, 5), (1000, 0))
"""Files and milliseconds of a round trip, measured by default; `CELLS=all` takes every pair of SIZES and LATENCIES."""
BUDGET_S = 12.0
"""Of a contender in one case: three of the peers take longer than ours by a multiple, and nothing is promised against them."""
TABLE = """create table t_{number} (
  id bigint generated always as identity primary key,
  name text not null,
  created_at timestamptz not null default now()
);
create index t_{number}_name on t_{number} (name);
"""
STATEMENTS = 5_000
"""In the one file that is long instead of many that are short."""
CONNECT = "import sys, psycopg; psycopg.connect(sys.argv[1]).execute('select 1')"
"""What nothing that asks a database in Python can do without."""
FLOOR = "psycopg.connect"
ALEMBIC_ENV = """import os
import sqlalchemy
from alembic import context

engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"], poolclass=sqlalchemy.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
Words = list[str | Path]


@dataclass(frozen=True)
class Tool:
    """A migrator: the folder that it works in and its command lines for a URL; `status` is None where it has none."""

    folder: Path
    apply: Callable[[str], Words]
    again: Callable[[str], Words] | None
    status: Callable[[str], Words] | None
    variable: Callable[[str], Mapping[str, str]] = lambda url: {"DATABASE_URL": url}


def run(bench: Bench) -> None:
    """Every cell: each tool on a fresh database of its own, apply, then again with nothing to do, then status."""
    session.BUDGET_S = float(os.environ.get("BUDGET") or BUDGET_S)
    bench.in_all_rounds |= {"psql", "dbmate", "supabase", FLOOR}
    found = peers.installed(bench, "dbmate", "yoyo", "alembic", "node-pg-migrate", "supabase", "sqitch")
    sizes, latencies = session.numbers("SIZES", SIZES), session.numbers("LATENCIES", LATENCIES)
    every = os.environ.get("CELLS") == "all" or "SIZES" in os.environ or "LATENCIES" in os.environ
    cells = [(size, latency) for size in sizes for latency in latencies] if every else list(CELLS)
    with servers.running(bench) as server:
        for size, latency in cells:
            tools = prepared(bench.folder / f"files-{size}", size, found, server)
            with proxy.delayed(server.port, latency) as port:
                contenders = {name: _measured(tool, name, server, port) for name, tool in tools.items()}
                bench.alternate(case(size, latency), contenders | {FLOOR: _floor(server, port)})
        bench.alternate(LONG_FILE, long_file(bench.folder / "long", server))
    judge(bench)


LONG_FILE = f"one file of {STATEMENTS:,} statements, local"


def _floor(server: Server, port: int) -> Callable[[], Mapping[str, float]]:
    return lambda: {"no-op": timed([sys.executable, "-c", CONNECT, server.url("postgres", port)])}


MANY = 1000
"""Of so many files the deleted tables of the run before would be measured with the next one."""


def long_file(folder: Path, server: Server) -> dict[str, Callable[[], float]]:
    """One file in one transaction, by chatops and by psql."""
    folder.mkdir()
    rows = "".join(f"insert into t_1 (name) values ('row {number}');\n" for number in range(STATEMENTS - 2))
    path = folder / "0001_rows.sql"
    path.write_text(TABLE.format(number=1) + rows)

    def measured(words: Callable[[str], Words]) -> Callable[[], float]:
        def measure() -> float:
            url = server.url(server.fresh("bench"))
            return timed(words(url), env=environment(CHATOPS_DATABASE_URL=url))

        return measure

    mine: Callable[[str], Words] = lambda _: [session.chatops(), "migrate", "--dir", folder, "--source", "bench", "--yes"]  # noqa: E731
    psql: Callable[[str], Words] = lambda url: [server.psql(), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", path, url]  # noqa: E731
    return {"chatops": measured(mine), "psql": measured(psql)}


def case(size: int, latency: int) -> str:
    """What a cell is called."""
    return f"{size} files, {f'{latency} ms' if latency else 'local'}"


def judge(bench: Bench) -> None:
    """Holds the medians against what is promised."""

    def ratio(size: int, latency: int, what: str, to: str) -> float | None:
        return bench.ratio(f"{case(size, latency)}, {what}", "chatops", to)

    bench.limit("100 files, local: at most 1.2 × dbmate", 1.2, ratio(100, 0, "apply", "dbmate"))
    bench.limit("1,000 files, local: at most 0.85 × dbmate", 0.85, ratio(1000, 0, "apply", "dbmate"))
    bench.limit("100 files at 5 ms: at most 0.2 × dbmate", 0.2, ratio(100, 5, "apply", "dbmate"))
    bench.limit("100 files at 5 ms: at most 0.4 × Supabase CLI", 0.4, ratio(100, 5, "apply", "supabase"))
    mine, psql = bench.median(f"{case(100, 5)}, apply", "chatops"), bench.median(f"{case(100, 0)}, apply", "psql")
    bound = 100 * 0.005 + psql if psql is not None else None
    bench.limit("100 files at 5 ms: at most 1.15 × the round-trip limit (files × RTT + psql's own time)", 1.15,
                mine / bound if mine is not None and bound else None)  # fmt: skip
    for size in (100, 1000):
        for what in ("no-op", "status"):
            bench.limit(f"{what}, {size:,} files: at most 1.25 × Python with psycopg that connects", 1.25,
                        bench.ratio(f"{case(size, 0)}, {what}", "chatops", FLOOR, f"{case(size, 0)}, no-op"))  # fmt: skip
    bench.limit(f"one file of {STATEMENTS:,} statements: at most 1.15 × psql", 1.15, bench.ratio(LONG_FILE, "chatops", "psql"))


def _measured(tool: Tool, name: str, server: Server, port: int) -> Callable[[], Mapping[str, float]]:
    def measure() -> Mapping[str, float]:
        wanted = len(list((tool.folder.parent / "chatops").glob("*.sql")))
        database = server.fresh("bench", aside=wanted >= MANY)
        url = server.url(database, port)
        env = environment(**tool.variable(url))
        took = {"apply": timed(tool.apply(url), env=env, cwd=tool.folder)}
        with server.connect(database) as connection:
            made = connection.execute("select count(*) from pg_class where relname like 't\\_%' and relkind = 'r'").fetchall()
        if made[0][0] != wanted:
            raise MeasureError(f"{name} made {made[0][0]} tables of {wanted}")
        if tool.again is not None:
            took["no-op"] = timed(tool.again(url), env=env, cwd=tool.folder)
        if tool.status is not None:
            took["status"] = timed(tool.status(url), env=env, cwd=tool.folder)
        return took

    return measure


def prepared(root: Path, size: int, found: Mapping[str, Peer], server: Server) -> dict[str, Tool]:
    """The same files in the form that each tool wants."""
    texts = {number: TABLE.format(number=number) for number in range(1, size + 1)}
    tools = {"chatops": _chatops(root / "chatops", texts), "psql": _psql(root / "psql", texts, server.psql())}
    makers = {"dbmate": _dbmate, "yoyo": _yoyo, "alembic": _alembic, "node-pg-migrate": _node, "supabase": _supabase,
              "sqitch": _sqitch}  # fmt: skip
    for name, peer in found.items():
        assert peer.program is not None
        tools[name] = makers[name](root / name, texts, peer)
    return tools


def _files(folder: Path, texts: Mapping[int, str], form: str, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in texts.items():
        (folder / name.format(number=number)).write_text(form.format(text=text, number=number, before=number - 1))


def _chatops(folder: Path, texts: Mapping[int, str]) -> Tool:
    _files(folder, texts, "{text}", "{number:04}_table.sql")
    program = session.chatops()
    files: Words = ["--dir", folder, "--source", "bench"]
    apply: Callable[[str], Words] = lambda _: [program, "migrate", *files, "--yes"]  # noqa: E731 - three of a kind
    return Tool(folder, apply, apply, lambda _: [program, "status", *files], lambda url: {"CHATOPS_DATABASE_URL": url})


def _psql(folder: Path, texts: Mapping[int, str], program: Path) -> Tool:
    _files(folder, texts, "{text}", "{number:04}_table.sql")
    files = [word for path in sorted(folder.glob("*.sql")) for word in ("-f", str(path))]
    return Tool(folder, lambda url: [program, "-X", "-q", "-v", "ON_ERROR_STOP=1", url, *files], None, None)


def _dbmate(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    _files(folder, texts, "-- migrate:up\n{text}\n-- migrate:down\n", "{number:04}_table.sql")

    def words(*action: str) -> Callable[[str], Words]:
        return lambda url: [peer.program or "", "--url", url, "-d", folder, "--no-dump-schema", *action]

    return Tool(folder, words("migrate"), words("migrate"), words("status"))


def _yoyo(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    _files(folder, texts, "{text}", "{number:04}_table.sql")

    def words(action: str) -> Callable[[str], Words]:
        return lambda url: [peer.program or "", action, "--batch", "--no-config-file", "-d", url, folder]

    return Tool(folder, words("apply"), words("apply"), words("list"))


def _alembic(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    head = "from alembic import op\n\nrevision = 'r{number}'\ndown_revision = 'r{before}' if {before} else None\n\n\n"
    form = head + 'def upgrade():\n    op.execute("""{text}""")\n'
    _files(folder / "versions", texts, form, "{number:04}_table.py")
    (folder / "env.py").write_text(ALEMBIC_ENV)
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = {folder}\n")

    def words(*action: str) -> Callable[[str], Words]:
        return lambda _: [peer.program or "", *action]

    return Tool(
        folder, words("upgrade", "head"), words("upgrade", "head"), words("current"),
        lambda url: {"DATABASE_URL": url.replace("postgresql://", "postgresql+psycopg://")},
    )  # fmt: skip


def _node(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    _files(folder / "migrations", texts, "-- Up Migration\n{text}\n-- Down Migration\n", "{number:04}_table.sql")
    # By default it is one transaction for all files; the others keep each file that went in.
    words: Callable[[str], Words] = lambda _: [peer.program or "", "up", "--no-single-transaction", "--no-verbose"]  # noqa: E731
    return Tool(folder, words, words, None)


def _supabase(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    _files(folder / "supabase" / "migrations", texts, "{text}", "2026010100{number:04}_table.sql")
    (folder / "supabase" / "config.toml").write_text('project_id = "bench"\n')

    def words(*action: str) -> Callable[[str], Words]:
        return lambda url: [peer.program or "", *action, "--db-url", url, "--workdir", folder, "--yes"]

    return Tool(folder, words("db", "push"), words("db", "push"), words("migration", "list"))


def _sqitch(folder: Path, texts: Mapping[int, str], peer: Peer) -> Tool:
    _files(folder / "deploy", texts, "begin;\n{text}commit;\n", "t{number}.sql")
    day = "2026-01-01T00:00:00Z bench <bench@example.org>"
    changes = "".join(f"t{number} {day} # a table\n" for number in texts)
    (folder / "sqitch.plan").write_text(f"%syntax-version=1.0.0\n%project=bench\n\n{changes}")
    (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n[user]\n\tname = bench\n\temail = bench@example.org\n")

    def words(action: str) -> Callable[[str], Words]:
        return lambda url: [peer.program or "", action, url.replace("postgresql://", "db:pg://").partition("?")[0]]

    return Tool(folder, words("deploy"), words("deploy"), words("status"))

"""growth: what commands cost, in time and memory, while what they work on grows: files, tenants, findings, log, watch, chats.

`reads` holds the looks at chats against psql, `growth` all that people look at against itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import psycopg

from benchmarks import migrate, population, servers, session
from benchmarks.servers import Server
from benchmarks.session import Bench, MeasureError, environment, measured, timed
from chatops.deploys import watch_file
from chatops.deploys.monitor_state import Tick, Watch

SIZES = {
    "FILES": "10,100,1000,10000",
    "TENANTS": "1,10,100,1000",
    "FINDINGS": "1,1000,100000",
    "ACTIONS": "1000,100000,1000000",
    "LOOKS": "10,1000,9999",
    "CHATS": "100000,1000000,10000000",
}
ROUNDS = 3
LARGE, LARGE_PAST = 10_000, 10_000_000
"""From that size on (of chats: the second) a round is long, and what is fitted is a power: one will do."""
KB_A_CHAT = 2
"""What a chat with its message, its user and the log of the server takes on the disk while it is written."""
MOST_CHECKED, MOST_REHEARSED = 10_000, 1_000
"""Files that are checked and rehearsed, once: each is measured by itself, which takes a hundredth of a second and more."""
MOST_WRITTEN = 100_000
"""Rows of the log that are written out: the server tells some ten thousand a second."""
STEEPEST = 1.1
"""The exponent of a fitted power that still counts as linear: the last step of a cache is in it."""
TENANT_FILE = "create table shop (id bigint primary key, name text not null);\n"
MEMORY = "MB"
DIAGNOSES = {name: ("diagnose", "-o", name) for name in ("table", "json", "jsonl", "csv", "markdown", "junit", "prometheus")}
LOOKS = {
    "summary": ("summary",),
    "queue": ("queue",),
    "stuck": ("stuck",),
    "chats": ("chats",),
    "chats -o csv": ("chats", "-o", "csv"),
    "monitor --once": ("monitor", "--once"),
    **{f"diagnose -o {name}": words for name, words in DIAGNOSES.items()},
    "repair --dry-run": ("repair", "OPER001", "--dry-run"),
    "release --dry-run": ("release", "--where", "state=assigned", "--max", "1000000", "--dry-run"),
}
PATIENT = ("--timeout", "600")
"""For looks at ten million chats: all checks come to their end."""
PAST = {
    **{name: (name,) for name in ("summary", "queue", "stuck", "chats", "log", "doctor")},
    "chats --state": ("chats", "--state", "answered"),
    "chats --name": ("chats", "--name", "user 4711"),
    "chats --older-than": ("chats", "--older-than", "10m"),
    "operators --figures": ("operators", "--figures"),
    "release --dry-run": ("release", "--where", "state=assigned", "--max", "1000", "--dry-run"),
    "diagnose": ("diagnose", *PATIENT),
    "verify": ("verify", *PATIENT),
}
"""Looks at a system with a past."""
JOBS = "8"
Contenders = dict[str, Callable[[], float | Mapping[str, float]]]


def run(bench: Bench) -> None:
    """Each thing that grows, on fresh databases."""
    session.BUDGET_S = float("inf")
    bench.rounds = min(bench.rounds, ROUNDS)
    bench.unit = "s, of memory in MB"
    points: dict[str, dict[int, str]] = {}
    with servers.running(bench) as server:
        for variable, contenders in (
            ("FILES", files), ("TENANTS", tenants), ("FINDINGS", findings), ("ACTIONS", actions), ("LOOKS", looks),
            ("CHATS", chats),
        ):  # fmt: skip
            what, large = variable.lower(), LARGE_PAST if contenders is chats else LARGE
            for size in session.numbers(variable, SIZES[variable]):
                session.say(f"  {size:,} {what}")
                with bench.noted(f"{size:,} {what}"):
                    for name, contender in contenders(bench, server, size).items():
                        case = f"{name}, {size:,} {what}"
                        bench.alternate(case, {"chatops": contender}, rounds=1 if size >= large else None)
                        for one in [one for one in bench.samples if one == case or one.startswith(f"{case}, ")]:
                            points.setdefault(f"{name}, {what}{one.removeprefix(case)}", {})[size] = one
    for name, cases in points.items():
        taken = {size: seconds for size, case in cases.items() if (seconds := bench.median(case, "chatops")) is not None}
        # From the smallest on it is mostly the start of Python; how it grows is how it grows at last.
        if (slope := session.exponent(dict(sorted(taken.items())[-2:]))) is not None:
            bench.fitted[name] = slope
            bench.limit(f"{name}: linear at most, between the two largest", STEEPEST, slope)


def _used(*words: str | Path, env: Mapping[str, str], codes: tuple[int, ...] = (0, 1)) -> dict[str, float]:
    """Seconds under no name of their own, and the memory."""
    seconds, memory = measured([session.chatops(), *words], env=env, codes=codes)
    return {"": seconds, MEMORY: memory}


def _look(env: Mapping[str, str], *words: str | Path) -> Callable[[], Mapping[str, float]]:
    return lambda: _used(*words, env=env)


def files(bench: Bench, server: Server, size: int) -> Contenders:
    """A folder of so many short files: checked, rehearsed, applied to nothing, nothing to do, status, then taken over."""
    folder = bench.folder / f"grown-{size}"
    folder.mkdir()
    for number in range(1, size + 1):
        (folder / f"{number:05}_table.sql").write_text(migrate.TABLE.format(number=number))
    words: list[str | Path] = ["--dir", folder, "--source", "bench"]
    examined: list[int] = []

    def measure() -> Mapping[str, float]:
        env = environment(CHATOPS_DATABASE_URL=server.url(server.fresh("bench")))
        found: dict[str, float] = {}

        def take(name: str, *command: str | Path) -> None:
            with bench.noted(f"{name}, {size:,} files"):
                used = _used(*command, env=env)
                found[name], found[f"{name}, {MEMORY}"] = used[""], used[MEMORY]

        if size <= MOST_CHECKED and not examined:
            take("check", "check", "--dir", folder, "--on", server.url())
        if size <= MOST_REHEARSED and not examined:
            take("rehearse", "rehearse", *words, "--yes")
        examined.append(size)
        take("apply", "migrate", *words, "--yes")
        take("no-op", "migrate", *words, "--yes")
        take("status", "status", *words)
        with server.connect("bench") as connection:
            connection.execute("drop schema chatops cascade")
        take("adopt", "adopt", *words, "--yes")
        return found

    return {"files": measure}


def tenants(bench: Bench, server: Server, size: int) -> Contenders:
    """A database of so many schemas: all files, one more file, nothing to do, and looking at all."""
    env = environment(CHATOPS_DATABASE_URL=server.url(server.fresh("tenants")))
    with server.connect("tenants") as connection:
        for number in range(size):
            connection.execute(f"create schema tenant_{number:04}".encode())
    all_of_them: list[str | Path] = ["--all-schemas", "tenant_*"]
    folder = bench.folder / f"tenant-{size}"
    folder.mkdir()
    (folder / "001_shop.sql").write_text(TENANT_FILE)
    program = session.chatops()
    first = timed([program, "migrate", *all_of_them, "--jobs", JOBS, "--yes"], env=env)
    one = timed([program, "migrate", *all_of_them, "--jobs", JOBS, "--yes", "--dir", folder, "--source", "shop"], env=env)
    return {
        "migrate from nothing": lambda: first,
        "migrate one file": lambda: one,
        "migrate no-op": _look(env, "migrate", *all_of_them, "--jobs", JOBS, "--yes"),
        **{f"{name} --all-schemas": _look(env, name, *all_of_them) for name in ("summary", "status")},
    }


def chats(bench: Bench, server: Server, size: int) -> Contenders:
    """So many chats, nearly all of them answered or over, beside the same few that go on."""
    if shutil.disk_usage(bench.folder).free < size * KB_A_CHAT * 2**10:
        raise MeasureError(f"the disk has no {size * KB_A_CHAT / 2**20:.0f} GB left")
    env = environment(CHATOPS_DATABASE_URL=server.url(population.with_a_past(server, "past", max(size, population.FEWEST))))
    chat = population_key(population.CHAT, size // 2)
    return {
        **{one: _look(env, *words) for one, words in PAST.items()},
        "show CHAT": _look(env, "show", chat),
        "show PART-OF-NAME": lambda: _used("show", "chat", f"user {size // 2}", env=env, codes=(0, 1, 2)),
    }


def findings(bench: Bench, server: Server, size: int) -> Contenders:
    """So many chats that are held by operators who are gone, beside as many that are well; each format that tells of them."""
    with population.migrated(server, "found", "latest") as connection:
        population.operators(connection, 2 * size)
        holder = population.key(population.OPERATOR, "n")
        population.chats(connection, 1, size, "assigned", latest=True, holder=holder, last_operator=holder)
        population.chats(connection, size + 1, 2 * size, "waiting_real_user_reply", latest=True, last_operator=holder)
        connection.execute("update operators set is_active = false")
        connection.execute("update operator_activity set last_activity = now() - interval '1 day'")
        population.settle(connection)
    state = bench.folder / f"watch-{size}"
    env = environment(CHATOPS_DATABASE_URL=server.url("found"), XDG_STATE_HOME=str(state))
    page = bench.folder / f"page-{size}.html"

    def report() -> Mapping[str, float]:
        shutil.rmtree(state, ignore_errors=True)
        watch = bench.folder / f"watch-{size}.json"
        watch.unlink(missing_ok=True)
        timed([session.chatops(), "monitor", "--once", "--state", watch], env=env, codes=(0, 1))
        return _used("report", watch, "--to", page, env=env)

    return {**{name: _look(env, *words) for name, words in LOOKS.items()}, "report": report}


def actions(bench: Bench, server: Server, size: int) -> Contenders:
    """A log of so many actions, half of them on a hundred chats and each tenth an undo of the one before it."""
    with population.migrated(server, "logged", "latest") as connection:
        population.operators(connection, 100)
        population.chats(connection, 1, 100, "waiting_assignment", latest=True)
        _acts(connection, size)
        population.settle(connection)
    env = environment(CHATOPS_DATABASE_URL=server.url("logged"))
    chat = f"{population_key(population.CHAT, 1)}"
    return {
        "log": _look(env, "log"),
        "log CHAT": _look(env, "log", chat),
        **({"log -o csv": _look(env, "log", "-o", "csv")} if size <= MOST_WRITTEN else {}),
        "show CHAT": _look(env, "show", chat),
        "undo, the newest": lambda: _used("undo", "--dry-run", env=env, codes=(0, 1, 2, 4)),
        **({"console": _look(env, "console", "--screenshot", bench.folder / "screen.svg")} if find_spec("textual") else {}),
    }


def population_key(kind: str, number: int) -> str:
    """The id that `population.key` writes as SQL."""
    return f"00000000-0000-4000-{kind}-{number:012x}"


def _acts(connection: psycopg.Connection[tuple[object, ...]], size: int) -> None:
    connection.execute(
        "insert into chatops.actions (at, target_schema, command, action, chat_id, operator_id, before, after, undoes, plan_id) "
        "select now() - interval '1 second' * ($1::int - n), 'public', 'bench', "
        "case when n % 10 = 0 then 'undo' else 'release' end, "
        f"{population.key(population.CHAT, '(case when n % 2 = 0 then n % 100 + 1 else n end)')}, "
        f"{population.key(population.OPERATOR, '(n % 100 + 1)')}, "
        "jsonb_build_object('chat', jsonb_build_object('chat_state', 'assigned')), "
        "jsonb_build_object('chat', jsonb_build_object('chat_state', 'waiting_assignment')), "
        "case when n % 10 = 0 then n - 1 end, "
        "('00000000-0000-4000-8009-' || lpad(to_hex(n / 1000), 12, '0'))::uuid "
        "from generate_series(1, $1::int) as n".replace("$1", str(size)).encode()
    )


def looks(bench: Bench, server: Server, size: int) -> Contenders:
    """A watch that has looked so many times: its next look, in a file and in the database, and its page."""
    with population.migrated(server, "watched", "latest") as connection:
        population.settle(connection)
    env = environment(CHATOPS_DATABASE_URL=server.url("watched"))
    watch, plan = bench.folder / f"looks-{size}.json", "1m*10000"
    timed([session.chatops(), "monitor", "--once", "--plan", plan, "--state", watch], env=env, codes=(0, 1))
    timed([session.chatops(), "monitor", "--once", "--plan", plan, "--store", "--yes"], env=env, codes=(0, 1))
    kept = watch_file.read(watch)
    assert kept is not None
    tick = Tick(0, kept.started, True, kept.baseline["figures"], {})

    def taken(now: datetime) -> Watch:
        begun = now - timedelta(minutes=size + 1)
        at = [(begun + timedelta(minutes=slot + 1)).isoformat() for slot in range(size)]
        ticks = tuple(replace(tick, slot=slot, at=moment) for slot, moment in enumerate(at))
        return replace(kept, started=begun.isoformat(), ticks=ticks, open={}, transitions=(), untold=())

    def in_file() -> Mapping[str, float]:
        watch.write_text(watch_file.text(taken(datetime.now().astimezone())))
        return _used("monitor", "--once", "--plan", plan, "--state", watch, env=env)

    def in_database() -> Mapping[str, float]:
        with server.connect("watched") as connection:
            connection.execute("update chatops.watches set state = %s::jsonb", [taken(datetime.now().astimezone()).text])
        return _used("monitor", "--once", "--plan", plan, "--store", "--yes", env=env)

    return {
        "monitor --state": in_file,
        "monitor --store": in_database,
        "report": _look(env, "report", watch, "--to", bench.folder / "looks.html"),
    }

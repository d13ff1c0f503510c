"""growth: what a command costs while what it works on grows a thousandfold: files, tenants, findings. `reads` grows the chats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import migrate, population, servers, session
from benchmarks.servers import Server
from benchmarks.session import Bench, environment, timed

FILES, TENANTS, FINDINGS = "10,100,1000,10000", "1,10,100,1000", "1,1000,100000"
STEEPEST = 1.1
"""The exponent of a fitted power that still counts as linear: the last step of a cache is in it."""
TENANT_FILE = "create table shop (id bigint primary key, name text not null);\n"
LOOKS = {
    "summary": ("summary",),
    "queue": ("queue",),
    "stuck": ("stuck",),
    "diagnose": ("diagnose",),
    "repair --dry-run": ("repair", "OPER001", "--dry-run"),
    "release --dry-run": ("release", "--where", "state=assigned", "--max", "1000000", "--dry-run"),
}
JOBS = "8"


def run(bench: Bench) -> None:
    """Each thing that grows, on fresh databases."""
    session.BUDGET_S = float("inf")
    points: dict[str, dict[int, str]] = {}
    with servers.running(bench) as server:
        for what, measured, sizes in (
            ("files", files, session.numbers("FILES", FILES)),
            ("tenants", tenants, session.numbers("TENANTS", TENANTS)),
            ("findings", findings, session.numbers("FINDINGS", FINDINGS)),
        ):
            for size in sizes:
                session.say(f"  {size:,} {what}")
                for name, contender in measured(bench, server, size).items():
                    case = f"{name}, {size:,} {what}"
                    bench.alternate(case, {"chatops": contender})
                    for measured_case in [one for one in bench.samples if one == case or one.startswith(f"{case}, ")]:
                        points.setdefault(f"{name}, {what}{measured_case.removeprefix(case)}", {})[size] = measured_case
    for name, cases in points.items():
        taken = {size: seconds for size, case in cases.items() if (seconds := bench.median(case, "chatops")) is not None}
        # From the smallest on it is mostly the start of Python; how it grows is how it grows at last.
        if (slope := session.exponent(dict(sorted(taken.items())[-2:]))) is not None:
            bench.fitted[name] = slope
            bench.limit(f"{name}: linear at most, between the two largest", STEEPEST, slope)


def files(bench: Bench, server: Server, size: int) -> dict[str, Callable[[], float | Mapping[str, float]]]:
    """A folder of so many short files: applied to nothing, nothing to do, status, adopt."""
    folder = bench.folder / f"grown-{size}"
    folder.mkdir()
    for number in range(1, size + 1):
        (folder / f"{number:05}_table.sql").write_text(migrate.TABLE.format(number=number))
    words: list[str | Path] = ["--dir", folder, "--source", "bench"]

    def measure() -> Mapping[str, float]:
        env = environment(CHATOPS_DATABASE_URL=server.url(server.fresh("bench")))
        return {
            name: timed([session.chatops(), *command, *words, *more], env=env)
            for name, command, more in (
                ("apply", ["migrate"], ["--yes"]), ("no-op", ["migrate"], ["--yes"]), ("status", ["status"], []),
            )
        }  # fmt: skip

    return {"migrate": measure}


def tenants(bench: Bench, server: Server, size: int) -> dict[str, Callable[[], float | Mapping[str, float]]]:
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
        "migrate no-op": lambda: timed([program, "migrate", *all_of_them, "--jobs", JOBS, "--yes"], env=env),
        **{f"{name} --all-schemas": _look(env, name, *all_of_them) for name in ("summary", "status")},
    }


def findings(bench: Bench, server: Server, size: int) -> dict[str, Callable[[], float | Mapping[str, float]]]:
    """So many chats that are held by operators who are gone, beside as many that are well."""
    with population.migrated(server, "found", "latest") as connection:
        population.operators(connection, 2 * size)
        holder = population.key(population.OPERATOR, "n")
        population.chats(connection, 1, size, "assigned", latest=True, holder=holder, last_operator=holder)
        population.chats(connection, size + 1, 2 * size, "waiting_real_user_reply", latest=True, last_operator=holder)
        connection.execute("update operators set is_active = false")
        connection.execute("update operator_activity set last_activity = now() - interval '1 day'")
        population.settle(connection)
    env = environment(CHATOPS_DATABASE_URL=server.url("found"))
    return {name: _look(env, *words) for name, words in LOOKS.items()}


def _look(env: Mapping[str, str], *words: str | Path) -> Callable[[], float]:
    return lambda: timed([session.chatops(), *words], env=env, codes=(0, 1))

"""Fixtures: real servers, a database per test, and the command line as a user meets it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import pytest
from hypothesis import HealthCheck, settings

from tests import forks, keeping
from tests.clusters import cluster, deployed_tenant, lone_coordinator, tenant
from tests.servers import DEBIAN_15, Database, Farm, Server, bare_environment, pgbouncer, pgbouncer_program

__all__ = ["cluster", "deployed_tenant", "lone_coordinator", "tenant"]

LONG = os.environ.get("CHATOPS_TEST_LONG") == "1"
"""Whether the long form is run: all examples, each server, every combination."""
WHOLE = LONG or os.environ.get("CHATOPS_TEST_WHOLE") == "1"
"""Whether every case is run of what is `sampled`, as CI does."""

# A busy machine draws and runs an example slowly: that is no fault of it. The quick form tries the same few every time.
ANY_MACHINE = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=20, derandomize=True, database=None, **ANY_MACHINE)  # type: ignore[arg-type]
settings.register_profile("long", **ANY_MACHINE)  # type: ignore[arg-type]
settings.load_profile("long" if LONG else "quick")

Case = TypeVar("Case")
ROOT = Path(__file__).resolve().parent.parent
FARM = "CHATOPS_TEST_FARM"
CORE = (
    "001_chat_core",
    "014_chat_state_management",
    "015_fix_assignment_function",
    "016_chat_state_verification",
    "017_fix_concurrent_messages",
)
"""The deployed system, in the order it was applied."""
APPLICATION_OWNER = "platform_owner"
"""Owns everything of `application_database`, like the hosting's `postgres`: no superuser, and under row level security."""


@cache
def server_labels() -> tuple[str, ...]:
    """The servers that `everywhere` tests run on: 18 always, 15 when installed, and CHATOPS_TEST_DATABASE_URL."""
    labels = ["18"]
    if (DEBIAN_15 / "postgres").exists():
        labels.append("15")
    if os.environ.get("CHATOPS_TEST_DATABASE_URL"):
        labels.append("other")
    return tuple(labels)


PLPGSQL_CHECK = Path("/usr/share/postgresql/15/extension/plpgsql_check.control")
"""What tells that Debian's plpgsql_check can be installed into a database."""


def what_is_missing() -> list[str]:
    """The parts of the test matrix that this machine cannot run, each with the package that brings it."""
    missing = []
    if "15" not in server_labels():
        missing.append("Postgres 15 (Debian: postgresql-15): tests that run everywhere run on 18 alone")
    if not PLPGSQL_CHECK.exists():
        missing.append("plpgsql_check (Debian: postgresql-15-plpgsql-check): the bodies of functions are not checked")
    if pgbouncer_program() is None:
        missing.append("PgBouncer (Debian: pgbouncer): tests through a pooler are skipped")
    return missing


def supabase_program() -> Path | None:
    """The Supabase CLI: the one on the PATH, else the one that the benchmarks have installed."""
    found = shutil.which("supabase") or ROOT / "benchmarks" / ".peers" / "supabase" / "node_modules" / ".bin" / "supabase"
    return Path(found) if Path(found).exists() else None


def why_not_supabase() -> str | None:
    """Why the real Supabase CLI is not run, None when it is."""
    if supabase_program() is None:
        return "the CLI is not here (npm install -g supabase)"
    if not LONG:
        return "half a minute for a handful of runs, so with CHATOPS_TEST_LONG=1 only"
    return None


def in_ci() -> bool:
    """Whether a missing part of the matrix is an error."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


# ---- the run -------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Opens the folder for servers in the controlling process; workers find it in their environment."""
    # While tests are loaded nearly all that is made stays: to look for what does not took each worker two seconds of compiling.
    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what it puts into the background with SIGINT ignored, and every command of the tests would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        if not config.option.file_or_dir:
            _load_tests(**config.workerinput)
        return
    if config.option.collectonly or config.option.help or config.option.version:
        return
    if in_ci() and what_is_missing():
        raise pytest.UsageError("CI must run the whole matrix; missing here: " + "; ".join(what_is_missing()))
    farm, end = Farm.plant()
    os.environ[FARM] = str(farm.folder)
    config.add_cleanup(end)
    config.add_cleanup(farm.clear_foreign_server)


SERVER = ("any_server", "label", "migrated", "some_server", "before_and_after", "street")
"""The parameters that are a server of the matrix."""


def server_of(item: pytest.Item) -> str | None:
    """The server of the matrix that a test has as its parameter, None when it has none."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    return next((params[name] for name in SERVER if params.get(name) in server_labels()), None)


def for_the_long_form(items: Sequence[pytest.Item]) -> set[str]:
    """What the quick form leaves out: what is marked `full`, and of our servers all but one, unless marked `each_server`."""
    left = {item.nodeid for item in items if item.get_closest_marker("full")}
    turns: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        label = server_of(item)
        if label is not None and not item.get_closest_marker("each_server") and item.nodeid not in left:
            name = "-".join(part for part in re.split(r"[-[\]]", item.nodeid) if part != label)
            turns.setdefault(name, []).append((label, item.nodeid))
    for name, on in turns.items():
        ours = sorted(label for label, _ in on if label != "other")
        chosen = ours[zlib.crc32(name.encode()) % len(ours)] if ours else None
        left |= {nodeid for label, nodeid in on if label not in (chosen, "other")}
    return left


def spread(cases: Sequence[Case], few: int) -> list[Case]:
    """So many of the cases, from the first to the last, as far from each other as can be."""
    if few >= len(cases):
        return list(cases)
    return [cases[round(place * (len(cases) - 1) / max(1, few - 1))] for place in range(few)]


def beyond_the_samples(items: Sequence[pytest.Item]) -> set[str]:
    """What CI tries beside what the quick form does: the cases of a test marked `sampled(few)` but for so few of them."""
    cases: dict[str, list[str]] = {}
    few: dict[str, int] = {}
    for item in items:
        if (marker := item.get_closest_marker("sampled")) is not None:
            name = item.nodeid.partition("[")[0]
            cases.setdefault(name, []).append(item.nodeid)
            (few[name],) = marker.args
    return {nodeid for name, all_of_it in cases.items() for nodeid in set(all_of_it) - set(spread(all_of_it, few[name]))}


def samples(config: pytest.Config) -> bool:
    """Whether this run takes samples: who names files or tests means all of their cases."""
    return not (WHOLE or config.option.keyword or config.option.markexpr or config.option.file_or_dir)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out of the quick form what the others are for; in the long one that is marked `long`, as are examples and processes."""
    left = for_the_long_form(items)
    if LONG or samples(config):
        left |= beyond_the_samples([item for item in items if item.nodeid not in left])
    if LONG:
        for item in items:
            drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
            if drawn or item.nodeid in left or "chatops" in getattr(item, "fixturenames", ()):
                item.add_marker("long")
        return
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left])
    items[:] = [item for item in items if item.nodeid not in left]


def _load_tests(workerid: str, workercount: int, **_: object) -> None:
    """Loads all tests, each worker from another place on: what one has compiled the others find. Collecting tells what fails."""
    names = sorted(path.stem for path in (ROOT / "tests").glob("test_*.py"))
    start = len(names) * int(workerid.removeprefix("gw")) // workercount
    for name in names[start:] + names[:start]:
        with contextlib.suppress(Exception):
            importlib.import_module(f"tests.{name}")


def pytest_collection_finish() -> None:
    """What is loaded stays: to look through it again and again takes a tenth of the time of short tests."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says on every run what the matrix was: a missing server must not go unnoticed."""
    terminalreporter.write_line("servers: " + ", ".join(f"Postgres {label}" for label in server_labels()))
    for line in what_is_missing():
        terminalreporter.write_line(f"MISSING: {line}", yellow=True)
    if samples(terminalreporter.config):
        terminalreporter.write_line(
            "SAMPLED: of large tables of cases some, of long races and soaks few; all with CHATOPS_TEST_WHOLE=1, as in CI"
        )
    if not os.environ.get("CHATOPS_TEST_CITUS_URL"):
        terminalreporter.write_line("SKIPPED: tests on a Citus cluster: CHATOPS_TEST_CITUS_URL is not set", yellow=True)
    if (reason := why_not_supabase()) is not None:
        terminalreporter.write_line(f"SKIPPED: `supabase db push` beside adopt: {reason}", yellow=True)


# ---- servers and databases -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def farm() -> Farm:
    """Where this run keeps its servers."""
    return Farm(Path(os.environ[FARM]))


@pytest.fixture(scope="session")
def server(farm: Farm) -> Server:
    """The embedded Postgres 18, shared by all tests: use databases of your own, do not stop it."""
    return farm.server("18")


@pytest.fixture(scope="session", params=server_labels())
def any_server(request: pytest.FixtureRequest, farm: Farm) -> Server:
    """Each server of the matrix in turn."""
    return farm.server(request.param)


@pytest.fixture
def own_server(farm: Farm) -> Iterator[Callable[..., Server]]:
    """Makes servers for this test alone, to stop, crash and configure: `own_server("18", wal_level="logical")`."""
    started: list[Server] = []

    def make(label: str = "18", **configuration: str) -> Server:
        started.append(farm.new_server(label, configuration))
        return started[-1]

    yield make
    for one in started:
        with contextlib.suppress(RuntimeError):
            one.stop("immediate")
        if one.data is not None:
            shutil.rmtree(one.data.parent, ignore_errors=True)


@pytest.fixture
def new_database(server: Server) -> Iterator[Callable[..., Database]]:
    """Makes further databases: `new_database()` on 18, `new_database(on=any_server, template="core")`."""
    made: list[Database] = []

    def make(on: Server | None = None, template: str | None = None) -> Database:
        made.append((on or server).create_database(template))
        return made[-1]

    yield make
    for one in made:
        one.leave()


@pytest.fixture
def database(new_database: Callable[..., Database]) -> Database:
    """An empty database on 18."""
    return new_database()


@pytest.fixture
def database_everywhere(new_database: Callable[..., Database], any_server: Server) -> Database:
    """An empty database on each server of the matrix."""
    return new_database(on=any_server)


def build_application(database: Database) -> None:
    """The application's own schema, then 014 to 017, as their owner, who is no superuser."""
    database.script(ROOT / "tests" / "application_schema.sql")
    for name in CORE[1:]:
        text = (ROOT / "sql" / "migrations" / f"{name}.sql").read_text(encoding="utf-8")
        database.script(f"set local role {APPLICATION_OWNER};\n{text}")


def build_migrated_application(database: Database) -> None:
    """The same, taken over and migrated to the newest by its owner."""
    build_application(database)
    url = url_as(database, APPLICATION_OWNER)
    _command(url, "adopt", "--through", "017", "--yes")
    _command(url, "migrate", "--to", "latest", "--yes")


def url_as(database: Database, role: str) -> str:
    """The database's URL for another role that may log in."""
    return re.sub(r"//[^@/]*@", f"//{role}@", database.url)


def build_core(database: Database) -> None:
    """Applies the deployed system's files and the bookkeeping, without the migrator."""
    for name in CORE:
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    database.script(ROOT / "sql" / "bookkeeping.sql")


def build_latest(database: Database) -> None:
    """Lets the migrator build everything, as a user would."""
    _command(database.url, "migrate", "--to", "latest", "--yes")


def program(*words: object, timeout: float = 120, **how: Any) -> subprocess.CompletedProcess[str]:
    """Runs a program without anybody at its keyboard, and takes down as text what it writes; how it ends is the caller's to judge."""
    command = [str(word) for word in words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout, **how)


def _command(url: str, *arguments: str) -> None:
    """Runs a command on a database that is being built. Raises RuntimeError when it does not end well."""
    with tempfile.TemporaryDirectory() as home:
        environment = clean_environment(Path(home), {"CHATOPS_DATABASE_URL": url})
        done = forks.process(arguments, environment, Path(home))
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def made_by(template: str, build: Callable[[Database], None], what: str) -> tuple[Any, Any]:
    """Two fixtures: a database that was built so, on 18, and the same on each server of the matrix."""

    @pytest.fixture
    def on_18(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
        return new_database(on=server, template=farm.template(server, template, build))

    @pytest.fixture
    def everywhere(new_database: Callable[..., Database], farm: Farm, any_server: Server) -> Database:
        return new_database(on=any_server, template=farm.template(any_server, template, build))

    on_18.__doc__, everywhere.__doc__ = f"{what}, on 18.", f"{what}, on each server of the matrix."
    return on_18, everywhere


core_database, core_database_everywhere = made_by(
    "core", build_core, "The deployed system (001, 014-017) and our bookkeeping, without rows"
)
latest_database, latest_database_everywhere = made_by(
    "latest", build_latest, "What `chatops migrate --to latest` makes of an empty database"
)
application_database, application_database_everywhere = made_by(
    "application",
    build_application,
    "The platform's own database as its users build it (see tests/application_schema.sql), without rows or history",
)
migrated_application_database, migrated_application_database_everywhere = made_by(
    "migrated-application", build_migrated_application, "The same after its owner took it over and migrated it to the newest"
)


@pytest.fixture
def through_pgbouncer(farm: Farm) -> Iterator[Callable[..., str]]:
    """The URL of a database through a PgBouncer of the test's own: `through_pgbouncer(database, "transaction")`."""
    if pgbouncer_program() is None:
        pytest.skip("PgBouncer is not installed (Debian: pgbouncer)")
    with contextlib.ExitStack() as open_ones:

        def make(database: Database, pool_mode: str = "transaction", users: Sequence[str] = (), **settings: str | int) -> str:
            base = open_ones.enter_context(pgbouncer(database.server, pool_mode, farm, users, **settings))
            return f"{base}/{database.name}"

        yield make


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of migrations: `folder(harmless="alter …", check="…")`, numbered in the order given."""

    def make(**texts: str) -> Path:
        path = tmp_path / "migrations"
        path.mkdir(exist_ok=True)
        for number, (name, text) in enumerate(texts.items(), start=101):
            (path / f"{number}_{name}.sql").write_bytes(text.encode())
        return path

    return make


# ---- the command line ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """How one run of the command line ended."""

    exit_code: int
    stdout: str
    stderr: str


@pytest.fixture
def home(farm: Farm) -> Path:
    """An empty home of this test's own, reachable for servers that root starts as another user; ended with the run."""
    return farm.folder_for_servers("home")


@pytest.fixture
def embedded(farm: Farm, home: Path) -> Iterator[None]:
    """The home's embedded server was prepared once in this run, and is stopped at the end: to make one is half a processor second."""
    from chatops import local

    with farm.locked("embedded"):
        known = farm.folder / "embedded.made"
        if not known.exists():
            first = farm.folder_for_servers("embedded")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("XDG_DATA_HOME", str(first / "data"))
                local.ensure_running()
                local.stop()
            known.write_text(str(first))
    program("cp", "-a", f"{known.read_text()}/data", home / "data").check_returncode()
    yield
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        local.stop()


def clean_environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a newcomer's shell holds: no PG*, no CHATOPS_*, no settings of the developer's own."""
    folders = {
        "HOME": home,
        "XDG_DATA_HOME": home / "data",
        "XDG_STATE_HOME": home / "state",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_CACHE_HOME": home / "cache",
    }
    return bare_environment(**{name: str(path) for name, path in folders.items()}, **(more or {}))


def _environment(home: Path, db: Database | str | None, env: Mapping[str, str] | None) -> dict[str, str]:
    url = {"CHATOPS_DATABASE_URL": db.url if isinstance(db, Database) else db} if db is not None else {}
    return clean_environment(home, {**url, **(env or {})})


def _judge(result: Result, arguments: tuple[object, ...], check: int | None) -> Result:
    assert check is None or result.exit_code == check, (
        f"chatops {' '.join(map(str, arguments))}: exit code {result.exit_code}, expected {check}\n"
        f"--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
    )
    return result


class Around(TypedDict, total=False):
    """What a run of the command line is given beside its words.

    `db` (a Database or a URL) goes in as CHATOPS_DATABASE_URL; `env` adds variables; `check` is the exit code to
    insist on; the current folder is the test's `tmp_path` unless `cwd` says otherwise.
    """

    db: Database | str | None
    env: Mapping[str, str] | None
    input: str | None
    check: int | None
    cwd: Path | None


@pytest.fixture
def chatops(home: Path, tmp_path: Path) -> Callable[..., Result]:
    """Runs the command as a process of its own without a terminal: `chatops("summary", db=database, check=0)`; see `Around`."""

    def run(*arguments: object, timeout: float = 120, **around: Unpack[Around]) -> Result:
        environment = _environment(home, around.get("db"), around.get("env"))
        done = forks.process(list(map(str, arguments)), environment, around.get("cwd") or tmp_path, around.get("input"), timeout)
        return _judge(Result(done.returncode, done.stdout, done.stderr), arguments, around.get("check"))

    return run


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def inside(
    environment: Mapping[str, str],
    cwd: Path,
    arguments: Sequence[object],
    *,
    typed: str = "",
    terminal: tuple[int, int] | None = None,
    encoding: str = "utf-8",
    heard: io.BytesIO | None = None,
) -> Result:
    """Runs the command inside this process with this environment and nothing else; see `chatops_inprocess`."""
    from chatops.cli import main

    kind = io.TextIOWrapper if terminal is None else Screen
    out, err = (kind(stream, encoding=encoding, write_through=True) for stream in (io.BytesIO(), heard or io.BytesIO()))
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - environment.keys():
            patch.delenv(name)
        for name, value in environment.items():
            if os.environ.get(name) != value:
                patch.setenv(name, value)
        patch.chdir(cwd)
        patch.setattr(sys, "stdin", io.StringIO(typed))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            code: object = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    texts = [stream.buffer.getvalue().decode(encoding) for stream in (out, err)]  # type: ignore[attr-defined]
    return Result(int(code or 0), *texts)  # type: ignore[call-overload]


@pytest.fixture
def chatops_inprocess(home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Result]]:
    """Runs the command inside this process, much quicker than `chatops`, in the same environment; see `Around`.

    `terminal` (columns, rows) lets stdout and stderr be a terminal without colours; nobody is at its keyboard. `encoding` is
    what both can show. Into `heard` goes what is said on stderr, as it is said.
    """

    def run(
        *arguments: object,
        terminal: tuple[int, int] | None = None,
        encoding: str = "utf-8",
        heard: io.BytesIO | None = None,
        **around: Unpack[Around],
    ) -> Result:
        env = around.get("env")
        if terminal is not None:
            env = {"COLUMNS": str(terminal[0]), "LINES": str(terminal[1]), "TERM": "xterm", "NO_COLOR": "1", **(env or {})}
        done = inside(
            _environment(home, around.get("db"), env), around.get("cwd") or tmp_path, arguments,
            typed=around.get("input") or "", terminal=terminal, encoding=encoding, heard=heard,
        )  # fmt: skip
        return _judge(done, arguments, around.get("check"))

    keeps = not LONG and request.path.stem in keeping.KEEPS and not request.node.get_closest_marker("own_sessions")
    with keeping.kept_sessions() if keeps else contextlib.nullcontext():
        yield run

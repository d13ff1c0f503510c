"""However libpq was told: which database is asked, whether it is production, and what a printed command reaches."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from chatops import db, settings
from chatops.cli import COMMANDS
from chatops.errors import RefusedError
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.ledger import LOCK_CLASS, lock_object
from chatops.migrations.session_lock import SessionLock
from tests.conftest import Farm, Result, build_latest
from tests.locks import ADVISORY
from tests.servers import Database, free_port, pgbouncer

Run = Callable[..., Result]


@dataclass(frozen=True)
class Form:
    """One way to name a database: options, environment, chatops.toml and service file."""

    name: str
    options: settings.Options = field(default_factory=settings.Options)
    environ: dict[str, str] = field(default_factory=dict)
    toml: str = ""
    service: str = ""


def spellings(port: int, name: str, dead: int, folder: Path) -> dict[str, str]:
    """Texts that all mean one database on this machine."""
    quoted = quote(name, safe="")
    return {
        "address": f"postgresql://postgres@127.0.0.1:{port}/{quoted}",
        "short scheme": f"postgres://postgres@127.0.0.1:{port}/{quoted}",
        "driver": f"postgresql+psycopg://postgres@127.0.0.1:{port}/{quoted}?pgbouncer=true",
        "name": f"postgresql://postgres@localhost:{port}/{quoted}",
        "capitals": f"postgresql://postgres@LOCALHOST:{port}/{quoted}",
        "query": f"postgresql:///?host=127.0.0.1&port={port}&dbname={quoted}&user=postgres",
        "hostaddr": f"postgresql://postgres@/{quoted}?hostaddr=127.0.0.1&port={port}",
        "name and hostaddr": f"postgresql://postgres@db.example.invalid:{port}/{quoted}?hostaddr=127.0.0.1",
        "two hosts": f"postgresql://postgres@127.0.0.1:{dead},127.0.0.1:{port}/{quoted}",
        "two ports": f"postgresql://postgres@localhost:{port},127.0.0.1:{port}/{quoted}?target_session_attrs=read-write",
        "socket": f"postgresql:///{quoted}?host={folder}&port={port}&user=postgres",
        "encoded socket": f"postgresql://postgres@{quote(str(folder), safe='')}:{port}/{quoted}",
        "keywords": f"host=127.0.0.1 port={port} dbname={name} user=postgres",
        "quoted keywords": f"host='localhost' port = '{port}' dbname='{name}' user=postgres connect_timeout=9",
    }


def forms(port: int, name: str, dead: int, folder: Path) -> Iterator[Form]:
    """Every spelling by every way, and what only the environment or a service can say."""
    for spelling, text in spellings(port, name, dead, folder).items():
        toml = f"[env.x]\nurl = {text!r}\n" if "'" not in text else f'[env.x]\nurl = "{text}"\n'
        yield Form(f"--db, {spelling}", settings.Options((text,)))
        yield Form(f"CHATOPS_DATABASE_URL, {spelling}", environ={"CHATOPS_DATABASE_URL": text})
        yield Form(f"DATABASE_URL, {spelling}", environ={"DATABASE_URL": text})
        yield Form(f"file, {spelling}", toml=toml)
        yield Form(f"--env, {spelling}", settings.Options(env="x"), toml=toml)
        yield Form(f"url_env, {spelling}", settings.Options(env="x"), environ={"X": text}, toml='[env.x]\nurl_env = "X"\n')
    host = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGDATABASE": name, "PGUSER": "postgres"}
    service = f"[here]\nhost=127.0.0.1\nport={port}\ndbname={name}\nuser=postgres\n"
    yield Form("PGHOST", environ=host)
    yield Form("PGHOSTADDR", environ={**host, "PGHOSTADDR": "127.0.0.1", "PGHOST": "db.example.invalid"})
    yield Form("PGSERVICE", environ={"PGSERVICE": "here"}, service=service)
    yield Form("service in the file", toml='[env.x]\nservice = "here"\n', service=service)
    yield Form("service in the URL", settings.Options(("postgresql:///?service=here",)), service=service)
    yield Form("host of the environment", settings.Options((f"postgresql:///{quote(name, safe='')}",)), environ=host)
    yield Form("port of the environment", settings.Options((f"host=localhost dbname={name}",)), environ=host)
    yield Form("all of the environment", settings.Options(("postgresql://",)), environ=host)
    yield Form("PGHOST with two", environ={**host, "PGHOST": "127.0.0.1,localhost"})


def test_every_form_leads_to_the_database_is_judged_and_prints_what_leads_there_again(
    core_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = core_database
    port, dead = database.server.port, free_port()
    live = f'[env.live]\nurl = "postgresql://localhost:{port}/{database.name}"\nproduction = true\n'
    found = list(forms(port, database.name, dead, database.server.data.parent))
    assert len(found) >= 80
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.chdir(tmp_path)
    for form in found:
        (tmp_path / "services").write_text(form.service)
        # Its own file has one environment; what names the place in another way than by that environment is production.
        (tmp_path / "chatops.toml").write_text(form.toml if form.toml else live)
        with monkeypatch.context() as patch:
            for name, value in form.environ.items():
                patch.setenv(name, value)
            if not form.toml:
                patch.setenv("CHATOPS_ENV", "")
            check(form, database, port)


def check(form: Form, database: Database, port: int) -> None:
    options = form.options
    given = Given(["summary"], "summary", db=options.db, env=options.env)
    if not form.toml and not options.db and not any(name.endswith("DATABASE_URL") for name in form.environ):
        given.config = str(Path("none.toml").absolute())  # libpq's own settings come last: nothing else may name one
        Path(given.config).write_text("")
    run = Invocation(given)
    try:
        with run.reading() as opened:
            assert opened.value("select current_database()::text") == database.name, form.name
        target = run.target
        assert target.place.endswith(f":{port}"), (form.name, target.place)
        assert target.place.split(":")[0].lower().split(" ")[0] in ("127.0.0.1", "localhost", "db.example.invalid", "socket"), (
            form.name
        )
        if not form.toml and given.config is None:
            assert (target.production, target.name) == (True, "live"), form.name
        else:
            assert not target.production, form.name
        words = shlex.split(run.here("summary"))
    finally:
        run.close()
    again = settings.Options(
        db=tuple(words[at + 1] for at, word in enumerate(words) if word == "--db"),
        env=next((words[at + 1] for at, word in enumerate(words) if word == "--env"), None),
        config=next((words[at + 1] for at, word in enumerate(words) if word == "--config"), None),
    )
    with db.connect(settings.resolve(again), "again") as second:
        assert second.value("select current_database()::text || ' ' || current_setting('port')") == f"{database.name} {port}", (
            form.name
        )


def test_a_production_host_of_the_environment_is_asked_about(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    port, name = latest_database.server.port, latest_database.name
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "postgresql://localhost:{port}/{name}"\nproduction = true\n')
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres"}
    done = chatops_inprocess("release", "--idle", db=f"postgresql:///{name}", env=env, check=4)
    assert "--yes" in done.stderr
    assert "live · " in chatops_inprocess("summary", db=f"postgresql:///{name}", env=env, check=0).stderr


def test_the_banner_names_the_host_that_answered(latest_database: Database, chatops_inprocess: Run) -> None:
    port, name = latest_database.server.port, latest_database.name
    url = f"postgresql://postgres@127.0.0.1:{free_port()},localhost:{port}/{name}"
    assert f" · localhost:{port}/{name} as postgres" in chatops_inprocess("summary", db=url, check=0).stderr


# What a command needs beside its name to get as far as the database.
WORDS: dict[str, list[str]] = {
    "show": ["chat", "c4c4"], "report": ["x.html"], "reassign": ["c4c4", "--to", "auto"], "undo": ["1"], "drain": ["0b0b"],
    "undrain": ["0b0b"], "release": ["--idle"], "close": ["c4c4"], "reopen": ["c4c4"], "wait": ["--timeout", "1s"], "pause": ["--for", "1m", "--reason", "x", "--yes"], "resume": ["--reason", "x"], "deploy": ["--skip-code", "--yes"],
    "monitor": ["--once"], "snooze": ["CHAT003", "--until", "2999-01-01", "--reason", "x", "--store", "--yes"], "guard": ["off", "--for", "1m", "--reason", "x", "--yes"], "simulate": ["--anyway"],
}  # fmt: skip
OFFLINE = ("new", "check", "lint", "explain", "config", "help", "demo", "simulate", "console", "report")
"""Commands that ask no database, make their own, or need a terminal or a receipt."""


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS if name not in OFFLINE])
def test_every_command_names_a_pooler_by_statement(
    name: str, by_statement: str, chatops: Run, chatops_inprocess: Run, tmp_path: Path
) -> None:
    run = chatops if name == "psql" else chatops_inprocess  # psql takes the place of the process
    done = run(name, *WORDS.get(name, []), db=by_statement)
    assert "pool_mode = statement" in done.stderr + done.stdout, done
    assert "lost" not in done.stderr
    assert done.exit_code == 3, done


@pytest.fixture(scope="module")
def by_statement(farm: Farm) -> Iterator[str]:
    server = farm.server("18")
    database = server.create_database(farm.template(server, "latest", build_latest))
    with pgbouncer(server, "statement", farm) as base:
        yield f"{base}/{database.name}"
    database.drop()


def test_the_targets_of_a_fleet_are_judged_by_where_each_connection_went(
    new_database: Callable[..., Database], chatops_inprocess: Run, tmp_path: Path
) -> None:
    one, two = new_database(), new_database()
    port = one.server.port
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "001_a.sql").write_text("create table a ()")
    (tmp_path / "services").write_text(f"[two]\nhost=127.0.0.1\nport={port}\nuser=postgres\ndbname={two.name}\n")
    (tmp_path / "chatops.toml").write_text(
        f'[env.live]\nurl = "postgresql://localhost:{port}/{two.name}"\nproduction = true\n'
        f'[env.a]\nurl = "{one.url}"\nproduction = false\n[env.b]\nservice = "two"\n'
    )
    env = {"PGSERVICEFILE": str(tmp_path / "services")}
    named = {
        "two databases": ["--db", one.url, "--db", f"port={free_port()},{port} host=127.0.0.1,127.0.0.1 user=postgres dbname={two.name}"],
        "environments": ["--env", "a,b"],
        "schemas": ["--db", f"postgresql://postgres@127.0.0.1:{free_port()},127.0.0.1:{port}/{two.name}"],
        "the environment's host": ["--db", one.url, "--db", f"postgresql:///{two.name}"],
    }  # fmt: skip
    for how, words in named.items():
        more = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres"} if "host" in how else {}
        schemas = ["--all-schemas", "pub*"] if how == "schemas" else []
        done = chatops_inprocess(*words, "migrate", *schemas, "--dir", "files", env={**env, **more}, check=4)
        assert "changes production" in done.stderr, (how, done.stderr)
        assert two.value("select to_regclass('a')") is None, how
    chatops_inprocess("--env", "a,b", "migrate", "--dir", "files", "--yes", env=env, check=0)
    assert two.value("select to_regclass('a')") == "a"


def test_a_later_connection_that_leads_to_production_is_refused(new_database: Callable[..., Database], tmp_path: Path) -> None:
    here, live = new_database(), new_database()
    toml = {"env": {"live": {"url": live.url, "production": True}, "here": {"url": here.url, "production": False}}}
    configuration = settings.Configuration(toml, tmp_path / "chatops.toml")
    target = settings.resolve(settings.Options((here.url,)), configuration=configuration)
    with db.connect(target, "first") as first:
        moved = replace(first.target, parameters={**first.target.parameters, "dbname": live.name})
    with pytest.raises(RefusedError, match="leads to live"):
        db.connect(moved, "second")


def test_a_lock_that_a_pooler_keeps_is_given_back_or_told(database: Database, through_pgbouncer: Callable[..., str]) -> None:
    url = through_pgbouncer(database, "transaction", default_pool_size=3, min_pool_size=3, server_round_robin=1)
    target = settings.resolve(settings.Options((url,)), configuration=settings.Configuration())
    holding = f"{ADVISORY} and classid = {LOCK_CLASS}"
    with db.connect(target, "migrate", "migrate") as first:
        lock = SessionLock(first, lock_object("public"))
        assert lock.take()
        assert lock.is_on_anothers_session()
        assert database.value(holding) == 1
        lock.release()
        assert lock.left() == []
        assert database.value(holding) == 0
        # One that nobody meets again: its session is busy with somebody else's transaction.
        assert lock.take()
        others = [db.connect(target, "busy") for _ in range(3)]
        for one in others:
            one.execute("begin")
        assert lock.backend in {one.value("select pg_backend_pid()") for one in others}
        for one in others:
            if one.value("select pg_backend_pid()") != lock.backend:
                one.close()
        lock.release()
        (told,) = lock.left()
        assert f"on its session {lock.backend}; end it (SQL): select pg_terminate_backend({lock.backend});" in told
        for one in others:
            one.close()


def test_a_lock_that_was_left_behind_is_told_and_not_waited_for(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "001_a.sql").write_text("create table a ()")
    words = ("migrate", "--dir", str(tmp_path), "--source", "x", "--max-wait", "1h", "--yes")
    for called, idle in (("PostgREST", 10.0), ("chatops migrate", 0.0)):
        monkeypatch.setattr(ledger, "LONGEST_IDLE_S", idle)
        holder = latest_database.connect(application_name=called)
        holder.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, lock_object("public")))
        pid = holder.info.backend_pid
        for asked, code in ((words, 5), (("rehearse", "--dir", str(tmp_path), "--source", "x"), 5), (("doctor",), 1)):
            done = chatops_inprocess(*asked, db=latest_database, check=code)
            assert f"pid {pid}, {called}" in done.stdout + done.stderr
            assert f"select pg_terminate_backend({pid});" in done.stdout + done.stderr
        latest_database.execute(f"select pg_terminate_backend({pid}, 10000)")
        holder.close()
    chatops_inprocess(*words, db=latest_database, check=0)


@pytest.mark.parametrize("mode", ["transaction", "session"])
@pytest.mark.parametrize("round_robin", [0, 1])
def test_a_pooler_in_a_round_is_no_session(
    mode: str, round_robin: int, latest_database: Database, through_pgbouncer: Callable[..., str]
) -> None:
    url = through_pgbouncer(latest_database, mode, server_round_robin=round_robin, min_pool_size=3, default_pool_size=5)
    target = settings.resolve(settings.Options((url,)), configuration=settings.Configuration())
    # Three connections that worked at once leave three servers behind, to be given in turn.
    busy = [db.connect(target, "busy") for _ in range(3)]
    for one in busy:
        one.execute("begin")
    for one in busy:
        one.close()
    with db.connect(target, "test") as first:
        assert db.pools_transactions(first) is (mode == "transaction")


def test_a_right_that_is_missing_is_told_with_its_grant(latest_database: Database, chatops_inprocess: Run) -> None:
    role = f"poor_{latest_database.name}"
    latest_database.execute(f'create role "{role}" login')
    try:
        url = latest_database.url.replace("//postgres@", f"//{role}@")
        for words in (["summary"], ["queue"], ["operators"], ["stuck"]):
            done = chatops_inprocess(*words, db=url, check=4)
            assert f'to "{role}";' in done.stderr, done.stderr
            assert "grant " in done.stderr
        for _ in range(12):
            done = chatops_inprocess("summary", db=url)
            if done.exit_code == 0:
                break
            grant = re.search(r"(?:as its owner|give \S+ the right to read \(SQL\)):\s+(grant .*;)", done.stderr)
            assert grant, done.stderr
            latest_database.execute(grant[1])
        assert done.exit_code == 0, done.stderr
    finally:
        latest_database.execute(f'drop owned by "{role}"; drop role "{role}"')


WITHOUT_TABLES = (*OFFLINE, "psql", "wait")
"""Commands that need no right of any table."""


def test_every_command_and_doctor_first_tells_the_grant_that_is_missing(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    role = f"poor_{latest_database.name}"
    latest_database.execute(f'create role "{role}" login')
    try:
        url = latest_database.url.replace("//postgres@", f"//{role}@")
        for name in [name for _, name, _ in COMMANDS if name not in WITHOUT_TABLES]:
            done = chatops_inprocess(name, *WORDS.get(name, []), db=url)
            assert done.exit_code in (1, 2, 4), (name, done)
            assert re.search(rf'grant [\w, ]+ (on|to) .*"?{role}"?\b', done.stderr + done.stdout), (name, done)
    finally:
        latest_database.execute(f'drop owned by "{role}"; drop role "{role}"')


def test_a_connection_for_replication_is_refused_by_name(latest_database: Database, chatops_inprocess: Run) -> None:
    for value in ("database", "true", "on"):
        done = chatops_inprocess("summary", db=f"{latest_database.url}?replication={value}", check=2)
        assert "replication makes a connection that answers no queries" in done.stderr
    chatops_inprocess("summary", db=f"{latest_database.url}?replication=false", check=0)

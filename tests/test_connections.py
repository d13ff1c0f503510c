"""However libpq was told: which database is asked, whether it is production, and what a printed command reaches."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from chatops import db, settings
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from tests.conftest import Result
from tests.servers import Database, free_port

Run = Callable[..., Result]


@dataclass(frozen=True)
class Form:
    """One way to name a database: options, environment, chatops.toml and service file."""

    name: str
    options: settings.Options = field(default_factory=settings.Options)
    environ: dict[str, str] = field(default_factory=dict)
    toml: str = ""
    service: str = ""


def spellings(port: int, name: str, dead: int) -> dict[str, str]:
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
        "keywords": f"host=127.0.0.1 port={port} dbname={name} user=postgres",
        "quoted keywords": f"host='localhost' port = '{port}' dbname='{name}' user=postgres connect_timeout=9",
    }


def forms(port: int, name: str, dead: int) -> Iterator[Form]:
    """Every spelling by every way, and what only the environment or a service can say."""
    for spelling, text in spellings(port, name, dead).items():
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
    found = list(forms(port, database.name, dead))
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
        assert target.place.split(":")[0].lower().split(" ")[0] in ("127.0.0.1", "localhost", "db.example.invalid"), form.name
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
        assert second.value("select current_database()::text || ' ' || inet_server_port()") == f"{database.name} {port}", (
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


def test_a_pooler_by_statement_is_named(
    latest_database: Database, through_pgbouncer: Callable[..., str], chatops_inprocess: Run
) -> None:
    done = chatops_inprocess("summary", db=through_pgbouncer(latest_database, "statement"), check=3)
    assert "pool_mode = statement" in done.stderr
    assert "lost" not in done.stderr


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
            grant = re.search(r"(?:as its owner|let it read \(SQL\)):\s+(grant .*;)", done.stderr)
            assert grant, done.stderr
            latest_database.execute(grant[1])
        assert done.exit_code == 0, done.stderr
    finally:
        latest_database.execute(f'drop owned by "{role}"; drop role "{role}"')

"""`chatops psql`: on the named database, read-only unless --write, nothing of the address on a command line."""

from __future__ import annotations

from collections.abc import Callable

from chatops import settings
from chatops.flows.psql import variables
from tests.conftest import Result
from tests.servers import Database

Run = Callable[..., Result]


def test_psql_reads_and_writes_only_when_asked_to(core_database: Database, chatops: Run, server) -> None:
    path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
    asked = chatops(
        "psql", "--", "-XAtc", "select current_database(), current_setting('application_name')", db=core_database, env=path
    )
    assert asked.stdout == f"{core_database.name}|chatops psql\n"
    assert "read-only" in asked.stderr
    refused = chatops("psql", "--", "-XAtc", "delete from chats", db=core_database, env=path)
    assert "read-only transaction" in refused.stderr
    assert refused.exit_code == 1  # psql's own
    done = chatops(
        "psql", "--write", "--", "-XAtc", "insert into operators (name) values ('x') returning name", db=core_database, env=path
    )
    assert done.stdout.startswith("x\n")


def test_the_address_stands_in_no_process_list(core_database: Database, chatops: Run, server) -> None:
    host, _, rest = core_database.url.rpartition("@")
    url = f"{host}:s3cr3tword@{rest}"
    shown = chatops(
        "psql", "--", "-XAtc", r"\! tr '\0' ' ' < /proc/$PPID/cmdline", db=url, env={"PATH": f"{server.bin}:/usr/bin:/bin"}
    )
    assert "-XAtc" in shown.stdout
    assert "s3cr3tword" not in shown.stdout + shown.stderr
    assert core_database.name not in shown.stdout


def test_nothing_of_another_database_reaches_psql() -> None:
    parameters, _ = settings.parse("postgresql://ada:pw@db.example:6543/chat?sslmode=require", "test")
    target = settings.Target(parameters, "test", schema='Ten"ant one')
    inherited = {
        "PGHOST": "other",
        "PGDATABASE": "other",
        "PGSERVICE": "other",
        "PGOPTIONS": "-c x=1",
        "HOME": "/h",
        "PGSERVICEFILE": "/f",
    }
    made = variables(target, inherited, write=False)
    assert made["PGHOST"] == "db.example"
    assert made["PGPORT"] == "6543"
    assert made["PGPASSWORD"] == "pw"
    assert made["PGSSLMODE"] == "require"
    assert "PGSERVICE" not in made
    assert made["PGSERVICEFILE"] == "/f"
    assert made["PGOPTIONS"] == '-c default_transaction_read_only=on -c search_path="Ten""ant\\ one"'
    assert "PGOPTIONS" not in variables(settings.Target(parameters, "test"), inherited, write=True)

"""`chatops psql`: on the named database, read-only unless --write, nothing of the address on a command line."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatops import settings
from chatops.flows.psql import variables
from chatops.tables_there import TABLES
from tests.conftest import Result, url_as
from tests.locks import sessions, wait_for, wait_until_somebody_is_blocked
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


MORE_THAN_READING = {
    "end a session": "select pg_terminate_backend({other})",
    "cancel a statement": "select pg_cancel_backend({other})",
    "lock everybody out": "begin; lock table chats in access exclusive mode; commit",
    "lock writers out": "begin; lock table chats in share mode; commit",
    "write after all": "begin read write; delete from chats; commit",
    "write for good": "set default_transaction_read_only = off; delete from operators",
    "lock rows": "begin read write; select from operators for update; commit",
    "advance a sequence": "begin read write; select nextval(pg_get_serial_sequence('chatops.actions', 'id')); commit",
    "set a sequence": "begin read write; select setval(pg_get_serial_sequence('chatops.actions', 'id'), 99); commit",
    "go back to who came in": "reset role; begin; lock table chats in access exclusive mode; commit",
    "reread the configuration": "select pg_reload_conf()",
    "configure the server": "alter system set work_mem = '5MB'",
    "write a file": "select lo_export(1, '/tmp/chatops-none')",
    "copy to a file": "copy (select 1) to '/tmp/chatops-none'",
    "run a program": "copy (select 1) to program 'true'",
    "write a checkpoint": "checkpoint",
    "switch the log": "select pg_switch_wal()",
    "reindex": "reindex table chats",
    "reset figures": "select pg_stat_reset()",
}
SKIPPED = {"vacuum": "vacuum full chats", "analyze": "analyze chats", "cluster": "cluster chats using chats_pkey"}
"""What a role without the right gets a warning for, or an error, as the server's version has it."""


@pytest.mark.parametrize("hidden", [False, True])
def test_a_session_that_reads_does_nothing_else(
    core_database: Database, chatops: Run, chatops_inprocess: Run, server, hidden: bool
) -> None:
    database, path = core_database, {"PATH": f"{server.bin}:/usr/bin:/bin"}
    database.execute("insert into operators (name) values ('Ada')")
    if hidden:  # by row level security; then nobody reads all rows but who has a policy
        for table in TABLES:
            database.execute(f"alter table {table} enable row level security")
        alone = chatops("psql", "--", "-XAtc", "select current_user, count(*) from operators", db=database, env=path, check=0)
        assert alone.stdout == "postgres|1\n"
        assert "it can lock tables and end sessions" in alone.stderr
        assert "doctor --create-roles" in alone.stderr
        words = ["-c", "begin read write", "-c", "update operators set name = name", "-c", "rollback"]
        writes = chatops("psql", "--", "-XAt", *words, db=database, env=path)
        assert "UPDATE 1" in writes.stdout
        assert "read-only by default only" in writes.stderr
        chatops_inprocess("doctor", "--create-roles", "--yes", db=database, check=0)
    role = "chatops_reader" if hidden else "pg_read_all_data"
    other = database.connect(autocommit=True)
    pid = other.info.backend_pid
    stored = database.value("select pg_relation_filenode('chats')")
    words = [
        word
        for one in (*MORE_THAN_READING.values(), *SKIPPED.values())
        for word in ("-c", one.format(other=pid), "-c", "rollback")
    ]
    tried = chatops("psql", "--", "-XAtq", *words, db=database, env=path)
    assert f"as {role}" in tried.stderr
    refused = [line for line in tried.stderr.splitlines() if line.startswith(("ERROR", "WARNING"))]
    assert len([line for line in refused if "permission denied" in line or "must be" in line]) >= len(MORE_THAN_READING), refused
    assert other.execute("select 1").fetchone() == (1,)
    assert database.value("select pg_relation_filenode('chats')") == stored
    assert database.value("select count(*) from operators") == 1
    counts = " union all ".join(f"select '{table}', count(*) from {table}" for table in (*TABLES, "chatops.actions"))
    read = chatops("psql", "--", "-XAtc", f"select current_user; {counts}", db=database, env=path, check=0)
    assert read.stdout.splitlines() == [role, *(f"{name}|{number}" for name, number in database.execute(counts))]
    if hidden:
        database.script("drop owned by chatops_operator, chatops_reader")


FORMS = ("-c", "-f", "bundled", "piped")


@pytest.mark.parametrize("form", FORMS)
def test_where_no_role_only_reads_every_form_says_that_read_only_is_but_a_default_and_how_to_make_a_role(
    core_database: Database, chatops: Run, chatops_inprocess: Run, server, tmp_path: Path, form: str
) -> None:
    """What is said is true: a statement writes; and as the role that it names none does."""
    database = core_database
    script = "begin read write; insert into operators (name) values ('Ada'); commit;"
    (tmp_path / "one.sql").write_text(script)
    words = {
        "-c": ("-X", "-c", script),
        "-f": ("-X", "-f", str(tmp_path / "one.sql")),
        "bundled": ("-XAtc", script),
        "piped": ("-X",),
    }[form]
    path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
    with database.role("clerk") as role:
        database.script(f"grant select, insert on all tables in schema public to {role}")
        url = url_as(database, role)
        alone = chatops("psql", "--", *words, db=url, env=path, input=script if form == "piped" else None, check=0)
        said = " ".join(alone.stderr.split())
        assert (
            f'read-only by default only: it can lock tables and end sessions, and after "begin read write" do all that {role} may'
            in said
        )
        assert "doctor --create-roles" in said
        assert database.value("select count(*) from operators") == 1
        if form == FORMS[0]:
            chatops_inprocess("doctor", "--create-roles", "--yes", db=database, check=0)
            grant = re.search(r'then "(grant .*?;)"', said)
            assert grant, said
            database.script(grant[1])
            kept = chatops("psql", "--", *words, db=url, env=path)
            assert "as chatops_reader: it changes no row" in kept.stderr
            assert "permission denied" in kept.stderr
            assert database.value("select count(*) from operators") == 1
            database.script("drop owned by chatops_operator, chatops_reader")
        database.script(f"drop owned by {role}")


@pytest.mark.parametrize(("words", "piped", "kept"), [
    (("-X", "-c", "select 4711"), None, True), (("-XAtc", "select 4711"), None, True), (("-X", "--comm=select 4711"), None, True),
    (("-X",), "select 4711;", False), (("-X", "-f", "-"), "select 4711;", False),
])  # fmt: skip
def test_the_log_keeps_of_a_session_that_may_write_what_the_screen_says(
    latest_database: Database, chatops: Run, server, words: tuple[str, ...], piped: str | None, kept: bool
) -> None:
    path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
    done = chatops("psql", "--write", "--", *words, db=latest_database, env=path, input=piped, check=0)
    ((number, detail),) = latest_database.execute(
        "select id, detail from chatops.actions where action = 'psql opened' order by id desc limit 1"
    )
    assert ("4711" in detail) is kept, detail
    said = " ".join(done.stderr.split())
    assert (f"in the log as {number}: who and when, what -c and -f were given" in said) is (kept or "-f" in words), said
    assert (f"in the log as {number}: who and when, not what is typed or piped" in said) is (not kept and "-f" not in words), said


def test_a_session_that_may_write_is_in_the_log_without_its_statements(latest_database: Database, chatops: Run, server) -> None:
    path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
    before = latest_database.value("select count(*) from chatops.actions")
    chatops("psql", "--", "-XAtc", "select 1", db=latest_database, env=path, check=0)
    assert latest_database.value("select count(*) from chatops.actions") == before
    chatops("monitor", "--once", "--store", "--yes", db=latest_database, check=None)
    secret = "update operators set name = 'hush'; select 1 / 0"
    done = chatops("psql", "--write", "--", "-X", "-v", "ON_ERROR_STOP=1", "-c", secret, db=latest_database, env=path)
    assert done.exit_code == 1  # psql's own
    rows = latest_database.execute(
        "select id, action, command, detail, os_user is not null, row_to_json(a)::text from chatops.actions as a order by id desc limit 2"
    )
    (_, closed, *_), (number, opened, command, *_) = rows
    assert (opened, closed, command) == ("psql opened", "psql closed", "psql --write")
    assert f"action {number} is over after " in rows[0][3]
    assert "its last statement failed" in rows[0][3]
    assert not any("hush" in row[5] for row in rows)
    # One line a session, which says how it ended where that was not well; each row where each is asked for.
    listed = chatops("log", "--action", "psql", db=latest_database, check=0).stdout
    assert re.search(rf"^ +{number} +.* psql, \d.* s .*its last statement failed", listed, re.M), listed
    assert "closed" not in listed
    assert "Missing numbers" not in listed
    assert "psql closed" in chatops("log", "--action", "psql closed", db=latest_database, check=0).stdout
    assert "psql closed" in chatops("log", "--action", "psql", "--full", db=latest_database, check=0).stdout
    alone = chatops("log", str(number), db=latest_database, check=0).stdout
    assert "The rows that it changed are not recorded" in alone
    assert "changed no row" not in alone
    # Whoever finds something afterwards is told that somebody was there.
    latest_database.execute(
        "insert into operators (name, is_active, is_available, last_activity) values ('x', true, true, now() + interval '9 days')"
    )
    pointed = chatops("diagnose", "--only", "DATA002", db=latest_database, check=None).stdout
    assert re.search(rf"before +action {number}, .*psql, its last statement failed.*: chatops log {number}$", pointed, re.M), (
        pointed
    )
    refused = chatops("undo", str(number), "--yes", "--reason", "x", db=latest_database, check=4)
    assert "which rows were changed in psql is in no log" in refused.stderr


@pytest.mark.parametrize("ending", ["ended by its user", "killed"])
def test_a_session_and_its_entry_in_the_log_lead_to_each_other(
    latest_database: Database, chatops: Run, chatops_inprocess: Run, server, tmp_path: Path, ending: str
) -> None:
    """A psql that locks is told with its number in the log; the log tells a psql that is open from one whose session is gone."""
    latest_database.execute("insert into operators (name) values ('x')")
    stay = tmp_path / "stay"
    os.mkfifo(stay)
    script = f"begin; select from operators for update; \\! cat {stay}\n"
    with ThreadPoolExecutor() as pool, latest_database.connect() as beside:
        path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
        psql = pool.submit(chatops, "psql", "--write", "--", "-X", db=latest_database, env=path, input=script)
        try:
            locking = "application_name like 'chatops psql (log %)' and state = 'idle in transaction'"
            wait_for(lambda: sessions(beside, locking), "psql has locked")
            number = latest_database.value("select id from chatops.actions where action = 'psql opened'")
            listed = chatops_inprocess("log", db=latest_database, check=0).stdout
            assert re.search(rf"^ +{number} .* psql, still open", listed, re.M), listed
            waits = pool.submit(latest_database.execute, "select from operators for update")
            wait_until_somebody_is_blocked(beside)
            shown = chatops_inprocess("diagnose", "--only", "DB010", db=latest_database, check=None).stdout
            assert f"chatops log {number} says who opened it, and what it was given" in " ".join(shown.split()), shown
            if ending == "killed":
                beside.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {locking}")
                latest_database.execute("alter table chatops.actions rename to away")
        finally:
            with contextlib.suppress(OSError):  # nobody reads it where psql did not come so far
                os.close(os.open(stay, os.O_WRONLY | os.O_NONBLOCK))
        psql.result()
        waits.result()
        if ending == "killed":
            latest_database.execute("alter table chatops.away rename to actions")
    # Numbers are a database's own: those of another one's sessions say nothing here.
    named = latest_database.server.connect("postgres", application_name=f"chatops psql (log {number})")
    unnamed = latest_database.server.connect("postgres", application_name="chatops psql")
    with named, unnamed:
        listed = chatops_inprocess("log", db=latest_database, check=0).stdout
    told = "psql, not closed: its session is gone" if ending == "killed" else r"psql, \d.* s"
    assert re.search(rf"^ +{number} .* {told}", listed, re.M), listed


def test_where_it_cannot_be_logged_psql_comes_all_the_same_and_says_so(
    latest_database: Database, core_database: Database, chatops: Run, server
) -> None:
    path = {"PATH": f"{server.bin}:/usr/bin:/bin"}
    core_database.execute("drop schema if exists chatops cascade")
    words = ("psql", "--write", "--", "-XAtc", "select 7")
    without = chatops(*words, db=core_database, env=path, check=0)
    assert without.stdout == "7\n"
    assert without.stderr.count("not in the log: ") == 1
    assert "adopt --ledger-only" in without.stderr
    with latest_database.role("clerk") as role:
        forbidden = chatops(*words, db=url_as(latest_database, role), env=path, check=0)
    assert forbidden.stdout == "7\n"
    assert forbidden.stderr.count("not in the log: ") == 1

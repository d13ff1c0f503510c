"""The wrong place is told in one line by every command: no chats here, no such schema, tenants and none named, tables elsewhere."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chatops import accounts, db, settings, tables_there
from chatops.cli import COMMANDS
from tests.conftest import Result
from tests.servers import Database, Server

Run = Callable[..., Result]


@dataclass(frozen=True)
class Place:
    """A database that is not where the chats are: how it is made, what is told, and the options that lead there."""

    text: str
    says: str
    flags: tuple[str, ...] = ()


ABSENT = "there is no table chats in schema public of database "
PLACES = {
    "a database without chats": Place("", ABSENT),
    "a schema that does not exist": Place("", "there is no schema nosuch", ("--schema", "nosuch")),
    "500 tenants and none named": Place(
        """do $$ begin for i in 1..500 loop
             execute format('create schema tenant_%s create table chats (id uuid, chat_state text)', i);
           end loop; end $$""",
        f"{ABSENT}\\S+; 500 other schemas have one: name a schema|the chats of database \\S+ live in 500 schemas, and no schema is named",
    ),
    "tables that lie elsewhere": Place(
        """create schema auth; create table auth.users (id uuid); create schema "Chat App";
           create table "Chat App".chats (id uuid, chat_state text)""",
        f"{ABSENT}\\S+; schema Chat App has one|the chats of database \\S+ live in schema Chat App, and no schema is named",
    ),
}

ASKED = (
    "verify", "verify schema", "verify --scenarios --yes", "verify --scenarios --concurrent --yes", "monitor --once --restart", "monitor --once --store --restart --yes",
    "diagnose", "diagnose -o json", "diagnose --rehearse --yes", "diagnose abcd1234",
    "summary", "queue", "queue -o csv", "stuck", "chats", "operators", "show chat abcd1234", "show operator Ann", "repair --dry-run",
    "repair --yes --reason x", "reassign abcd1234 --to auto --dry-run", "reassign abcd1234 --to Ann --yes --reason x",
    "release abcd1234 --yes --reason x", "release --stuck 1h --dry-run", "close abcd1234 --dry-run", "reopen abcd1234 --dry-run",
    "drain Ann --dry-run", "undrain Ann --dry-run", "pause --for 5m --yes --reason x", "resume", "undo 7 --yes --reason x", "log",
    "snooze --store", "snooze CHAT013 --until 2031-01-01 --reason x --store --yes", "guard", "guard off --for 5m --yes --reason x",
    "guard on",
)  # fmt: skip
"""What looks at chats, or acts on them."""
BEGINS = (
    "status", "migrate --dry-run", "migrate --yes", "migrate --again 014 --dry-run", "adopt --dry-run", "adopt --through 017 --yes",
    "rehearse --yes", "deploy --skip-code --dry-run", "deploy --skip-code --yes", "remove --dry-run",
)  # fmt: skip
"""What can be meant for an empty database: refused only where the chats are elsewhere, or the schema is not there."""
ANYWHERE = {
    "new",
    "check",
    "lint",
    "wait",
    "report",
    "explain",
    "demo",
    "simulate",
    "doctor",
    "config",
    "psql",
    "help",
    "console",
}
"""What needs no chats, or makes a database of its own; the console asks what `queue` asks."""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", PLACES)
def test_every_command_says_so_in_one_line_and_changes_nothing(database: Database, chatops_inprocess: Run, name: str) -> None:
    place = PLACES[name]
    database.script(place.text)
    known = "select count(*), (select count(*) from pg_class) from pg_namespace"
    before = database.execute(known)
    wrong = []
    for command in ASKED if name == "a database without chats" else (*ASKED, *BEGINS):
        done = chatops_inprocess(*place.flags, *shlex.split(command), db=database)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("not production ·")]
        if done.exit_code not in (2, 4) or not lines or not re.search(place.says, lines[0]) or "unknown" in done.stdout:
            wrong.append(f"{command}: {done.exit_code}\n  {done.stdout[:200]}\n  {done.stderr[:400]}")
    assert wrong == [], "\n".join(wrong)
    assert database.execute(known) == before


def test_every_command_is_asked_or_needs_no_chats() -> None:
    assert {command.split()[0] for command in (*ASKED, *BEGINS)} | ANYWHERE == {name for _, name, _ in COMMANDS}


def test_a_schema_that_was_named_is_begun_anew_beside_others(database: Database, chatops_inprocess: Run) -> None:
    database.script(PLACES["tables that lie elsewhere"].text)
    refused = chatops_inprocess("migrate", "--yes", db=database, check=2).stderr
    assert "--schema 'Chat App' summary" in refused
    chatops_inprocess("--schema", "public", "migrate", "--to", "017", "--yes", db=database, check=0)
    chatops_inprocess("summary", db=database, check=0)


def test_a_database_of_somebody_else_is_doubted_before_anything_is_offered(
    new_database: Callable[..., Database], server: Server, core_database: Database, chatops_inprocess: Run
) -> None:
    """By `status`, too, on stdout; and a database of the server that does hold the platform's tables is named."""
    empty = new_database(on=server)
    told = chatops_inprocess("status", db=empty, check=0).stdout
    assert told.startswith(f"This does not look like the chat platform's database: is {empty.name} the right database?")
    assert "if it is the right one, apply them: chatops" in told.splitlines()[-1]
    with (
        contextlib.closing(
            db.connect(settings.resolve(settings.Options((empty.url,), None, None, None)), "test", "read")
        ) as database,
        database.reading(),
    ):
        assert tables_there._with_the_platform(database, ["postgres", core_database.name, "gone"]) == [core_database.name]
    first = chatops_inprocess("doctor", db=empty, check=1).stdout.splitlines()[2]
    assert "right database" in first


def test_a_url_without_a_user_says_whom_libpq_took(core_database: Database, chatops_inprocess: Run) -> None:
    url = re.sub(r"//[^@]*@", "//", core_database.url)
    own = accounts.own_name()
    if own != "postgres":  # who is that there, may come in
        told = chatops_inprocess("summary", "--db", url, check=3).stderr
        assert f"has no role {own}" in told
        assert f"--db names no user, and libpq took {own}, the account of this machine" in " ".join(told.split())
        assert "name it before the host: postgresql://USER@" in told
    told = chatops_inprocess("summary", "--db", core_database.url.replace("postgres@", "nobody_here@"), check=3).stderr
    assert "has no role nobody_here" in told
    assert "names no user" not in told

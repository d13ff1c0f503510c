"""Each of our tables and of the application's, missing, otherwise, locked or hidden: every command that acts says what is wrong.

By default one command for every other condition, on 18; with CHATOPS_TEST_LONG=1 all that touch the table, on each server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chatops.chats import batches
from chatops.db import database as timeouts
from tests.ailing import plant, populated
from tests.conftest import Result, server_labels, url_as
from tests.servers import Database, Farm

LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))
Run = Callable[..., Result]
WHY = ("--reason", "x")

COLUMNS = {
    "chats": "assigned_operator_id", "messages": "sender_type", "chat_assignments": "release_reason", "operators": "is_available",
    "operator_activity": "last_activity", "real_users": "name", "fictional_users": "name", "platform_config": "value",
    "chatops.actions": "chat_id", "chatops.settings": "value", "chatops.migrations": "state", "chatops.runs": "command",
    "chatops.watches": "state",
}  # fmt: skip
BYTES = {("chat_assignments", "release_reason"), ("real_users", "name"), ("fictional_users", "name"), ("messages", "sender_type"), ("chatops.runs", "command"),
         ("chatops.migrations", "state")}  # fmt: skip
"""The columns that are texts: of another type they are bytes."""
"""The tables, each with a column that is read or written."""


@dataclass(frozen=True)
class Broken:
    """One condition: how a table is made so, and whether another role looks."""

    table: str
    how: str

    @property
    def name(self) -> str:
        """As a test calls it."""
        return f"{self.table} {self.how}"


HOWS = ("missing", "without a column", "of another type", "locked", "locked for writers", "hidden", "not granted")
CONDITIONS = tuple(Broken(table, how) for table in COLUMNS for how in HOWS)


@contextmanager
def broken(database: Database, condition: Broken) -> Iterator[dict[str, Any]]:
    """The table is so; how the command is then run."""
    table, column = condition.table, COLUMNS[condition.table]
    schema, _, bare = table.rpartition(".")
    text = "bytea" if (table, column) in BYTES else "text"
    match condition.how:
        case "missing":
            database.execute(f"alter table {table} rename to {bare}_of_old")
            yield {}
            database.execute(f"drop table if exists {table}")  # monitor makes its own
            database.execute(f"alter table {schema or 'public'}.{bare}_of_old rename to {bare}")
        case "without a column":
            database.execute(f"alter table {table} rename {column} to of_old")
            yield {}
            database.execute(f"alter table {table} rename of_old to {column}")
        case "of another type":
            asked = "select attnotnull from pg_attribute where attrelid = %s::regclass and attname = %s"
            required = database.value(asked, (table, column))
            database.script(
                f"set local session_replication_role = replica; alter table {table} rename {column} to of_old; "
                f"alter table {table} alter of_old drop not null; alter table {table} add column {column} {text}; "
                f"update {table} set {column} = {'of_old::text' if text == 'text' else 'of_old::bytea'}"
            )
            yield {}
            database.script(
                f"set local session_replication_role = replica; alter table {table} drop column {column}; "
                f"alter table {table} rename of_old to {column}; "
                + (
                    f"delete from {table} where {column} is null; alter table {table} alter {column} set not null"
                    if required
                    else ""
                )
            )
        case "locked" | "locked for writers":
            mode = "access exclusive" if condition.how == "locked" else "share"
            with database.connect() as other:
                other.execute(f"begin; lock table {table} in {mode} mode")
                yield {}
                other.execute("rollback")
        case "hidden" | "not granted":
            with database.role("acts_on_it") as role:
                database.script(
                    f"grant usage on schema public, chatops to {role}; "
                    f"grant all on all tables in schema public, chatops to {role}; "
                    f"grant all on all sequences in schema public, chatops to {role}; "
                    f"grant execute on all functions in schema public to {role}; grant pg_monitor to {role}; "
                    + (f"alter table {table} enable row level security" if condition.how == "hidden"
                       else f"revoke all on {table} from {role}")
                )  # fmt: skip
                yield {"db": url_as(database, role)}
                database.execute(f"alter table {table} disable row level security")


MOVES = ("release", "reassign", "close", "reopen", "drain", "undrain", "undo", "repair")
SWITCHES = ("pause", "resume", "guard off", "guard on", "snooze", "snooze off")
COMMANDS: dict[str, tuple[str, ...]] = {
    "release": ("release", "HELD", "--force", *WHY, "--dry-run"),
    "reassign": ("reassign", "HELD", "--to", "auto", "--force", *WHY, "--dry-run"),
    "close": ("close", "HELD", *WHY, "--dry-run"),
    "reopen": ("reopen", "CLOSED", *WHY, "--dry-run"),
    "drain": ("drain", "OPERATOR", *WHY, "--dry-run"),
    "undrain": ("undrain", "DRAINED", *WHY, "--dry-run"),
    "undo": ("undo", "ACTION", *WHY, "--dry-run"),
    "repair": ("repair", "CHAT003", *WHY, "--dry-run"),
    "release --idle": ("release", "--idle", *WHY, "--dry-run"),
    "pause": ("pause", *WHY, "--yes"),
    "resume": ("resume", *WHY),
    "guard off": ("guard", "off", *WHY, "--yes"),
    "guard on": ("guard", "on", *WHY),
    "snooze": ("snooze", "CHAT003", "--until", "2999-01-01", *WHY, "--store", "--yes"),
    "snooze off": ("snooze", "CHAT004", "--off", "--store"),
    "snoozes": ("snooze", "--store"),
    "guard": ("guard",),
    "log": ("log",),
    "status": ("status",),
    "migrate": ("migrate", "--dry-run"),
    "adopt": ("adopt", "--dry-run"),
    "monitor": ("monitor", "--once", "--store", "--yes"),
}
NEEDS = {
    "chats": ("release", "reassign", "close", "reopen", "drain", "undo"),
    "messages": ("release", "reassign", "close", "reopen", "drain"),
    "chat_assignments": ("release", "reassign", "close", "reopen", "drain", "undo"),
    "operators": ("drain", "undrain"),
    "operator_activity": ("release", "reassign", "drain", "undo"),
    "real_users": ("release", "reassign", "close"),
    "fictional_users": ("release", "reassign", "close"),
    "platform_config": ("release --idle",),
    "chatops.actions": ("drain", "undrain", "undo", "repair", *SWITCHES, "log"),
    "chatops.settings": (*SWITCHES, "snoozes", "guard"),
    "chatops.migrations": ("status", "migrate", "adopt"),
    "chatops.runs": (),
    "chatops.watches": ("monitor",),
}
"""What cannot go well without a table. Of what only reads, nothing is said of writers."""
READ = ("snoozes", "guard", "log", "status", "migrate", "adopt")
NOT_HELD = {("messages", "*"), ("real_users", "*"), ("fictional_users", "*"), ("chatops.migrations", "*"),
            ("platform_config", "*"), ("chatops.settings", "release")}  # fmt: skip
"""What a lock for writers is nothing to: it only reads there."""
DONE_WITHOUT = ("chatops.watches missing", "chatops.migrations missing")
TOLD = {
    "missing": r"^✗ (there is no table chats|this database has no schema chatops|there is no schema chatops|this cannot be seen: "
               r"|the database is not as its files made it: |schema public holds the chat tables, but no ledger)",
    "without a column": r"^✗ (this cannot be seen: column|the database is not as its files made it: column)",
    "of another type": r"^✗ (this cannot be seen: |the database is not as its files made it: |[a-z._]+ is of type)",
    "locked": r"(is|was) (locked|waited for) by pid \d+",
    "locked for writers": r"(is|was) (locked|waited for) by pid \d+",
    "hidden": r"^✗ \S+ cannot be seen: row level security hides rows from",
    "not granted": r"^✗ (this cannot be seen: )?permission denied for table",
}  # fmt: skip


def everything(database: Database) -> list[tuple[Any, ...]]:
    """Every row, whatever the tables are called now."""
    tables = database.execute(
        "select c.oid::regclass::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace "
        "where n.nspname in ('public', 'chatops') and c.relkind = 'r' order by 1"
    )
    digest = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} as t"
    return database.execute(" union all ".join(digest.format(name) for (name,) in tables))


@pytest.fixture(params=server_labels() if LONG else ["18"])
def desk(
    request: pytest.FixtureRequest, new_database: Callable[..., Database], farm: Farm, chatops_inprocess: Run
) -> tuple[Database, dict[str, str]]:
    """A database in which there is something to do for all commands, and what they are about."""
    database = populated(new_database, farm, farm.server(request.param), "latest")
    plant(database, "CHAT003")
    held, other = (row[0] for row in database.execute(
        "select id from chats where chat_state = 'assigned' and is_active order by id limit 2"))  # fmt: skip
    names = {
        "HELD": held,
        "CLOSED": database.value("select id from chats where not is_active order by id limit 1"),
        "OPERATOR": database.value("select assigned_operator_id from chats where id = %s", (held,)),
        "DRAINED": database.value("select id from operators where is_active and is_available order by id limit 1"),
    }
    for words in (("drain", names["DRAINED"], "--finish"), ("release", other, "--force"), ("pause",), ("guard", "off"),
                  ("snooze", "CHAT004", "--until", "2999-01-01", "--store")):  # fmt: skip
        chatops_inprocess(*words, *WHY, "--yes", db=database, check=0)
    names["ACTION"] = database.value("select max(id) from chatops.actions where action = 'release'")
    return database, {name: str(value) for name, value in names.items()}


@pytest.mark.long
def test_a_table_that_is_otherwise_is_named_by_every_command_that_acts(
    desk: tuple[Database, dict[str, str]], chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, names = desk
    for intent in ("read", "act", "migrate"):
        monkeypatch.setitem(timeouts.TIMEOUTS, intent, ("15s", "50ms"))  # type: ignore[misc]
    monkeypatch.setattr(batches, "LOOKS", 1)
    wrong: list[str] = []
    for at, condition in enumerate(CONDITIONS):
        commands = NEEDS[condition.table]
        if condition.how == "locked for writers":
            commands = tuple(
                one for one in commands if one not in READ and not {(condition.table, one), (condition.table, "*")} & NOT_HELD
            )
        chosen = commands if LONG else commands[at % len(commands) :][:1] if commands else ()
        if not chosen or not (
            LONG or at % 2
        ):  # of seven conditions, so each table has three or four, and each condition half of the tables
            continue
        with broken(database, condition) as how:
            before = everything(database) if condition.how != "locked" else None
            for name in chosen:
                done = chatops_inprocess(*(names.get(word, word) for word in COMMANDS[name]), **{"db": database, **how})
                told = f"{done.stderr}\n{done.stdout}"
                # It is read all the same, is not known, or is made anew.
                well = done.exit_code in (0, 1) and (
                    condition.how in ("without a column", "of another type") or condition.name in DONE_WITHOUT
                )
                if not well and (done.exit_code not in (4, 5) or not re.search(TOLD[condition.how], told, re.MULTILINE)):
                    wrong.append(f"{condition.name}, {name}: {done.exit_code}\n{told}")
                elif done.exit_code and name != "monitor" and before is not None and everything(database) != before:
                    wrong.append(f"{condition.name}, {name}: half done\n{told}")
                before = everything(database) if condition.how != "locked" else None
    assert wrong == [], "\n".join(wrong)

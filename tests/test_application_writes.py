"""Every write of the application, statement by statement, as the hosting's roles: what went through before goes through after."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from chatops.chats import writers
from chatops.chats.writers import Rows, Step, Writer
from chatops.db import placeholders
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database

REFUSALS = {
    ("insert_reply", "55000"): "no longer holds chat",
    ("give_chat", "55000"): "is working on another chat",
}
"""All that the guards refuse, by statement and SQLSTATE, and what the refusal says."""


@dataclass
class Office:
    """The platform's people on a database of their own, each with a session of the role that the hosting gives them."""

    database: Database
    done: list[tuple[str, str | None, str]] = field(default_factory=list)
    """Each statement, the SQLSTATE with which it failed, and what was said."""
    roles: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def person(self, kind: str, name: str) -> UUID:
        account = self.database.value("insert into auth.users (email) values (%s) returning id", [f"{name}@example.test"])
        match kind:
            case "operator":
                self.database.execute(
                    "insert into operators (id, name, email, is_active, is_available) values (%s, %s, %s, true, true)",
                    [account, name, f"{name}@example.test"],
                )
            case "user":
                self.database.execute("insert into real_users (id, name) values (%s, %s)", [account, name])
            case "admin":
                self.database.execute("insert into admins (id, name) values (%s, %s)", [account, name])
        self.roles[str(account)] = self._session("authenticated", account)
        return account  # type: ignore[no-any-return]

    def _session(self, role: str, account: UUID | None = None) -> psycopg.Connection[Any]:
        connection = self.database.connect()
        if account is not None:
            claims = json.dumps({"sub": str(account), "role": role})
            connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        connection.execute(f"set role {role}")
        return connection

    def write(self, who: UUID | None, writer: Writer[Any]) -> Any:
        """A writer to its end or to its first refused statement, as that person, or as the server's role."""
        if who is None and "service" not in self.roles:
            self.roles["service"] = self._session("service_role")
        connection = self.roles["service" if who is None else str(who)]

        def run(step: Step) -> Rows:
            with connection.cursor(row_factory=dict_row) as cursor:
                try:
                    cursor.execute(placeholders(step.text), dict(step.parameters))
                except psycopg.Error as error:
                    self.done.append((step.name, error.sqlstate, str(error)))
                    raise
                self.done.append((step.name, None, ""))
                return cursor.fetchall() if cursor.description else []

        try:
            return writers.drive(writer, run)
        except psycopg.Error:
            return None

    def stands(self, chat: UUID) -> tuple[Any, ...]:
        """What the application shows of a chat."""
        return self.database.execute(
            "select chat_state, assigned_operator_id is not null, is_active, message_count from chats where id = %s", [chat]
        )[0]


def profile(office: Office) -> UUID:
    return office.database.value("insert into fictional_users (name) values ('profile') returning id")  # type: ignore[no-any-return]


def day(office: Office, as_service: bool) -> list[Any]:
    """All that the application writes, in an order in which nothing races; what its pages show in between."""
    ann, ben, cia = (office.person("operator", name) for name in ("ann", "ben", "cia"))
    ada, users = office.person("admin", "ada"), [office.person("user", f"user{number}") for number in range(6)]
    seen: list[Any] = []
    # As text it stops every release of the deployed system, and counted as that counts, three would end the chat.
    office.database.execute("update platform_config set value = '100' where key = 'max_reassignments'")

    def by(person: UUID) -> UUID | None:
        return None if as_service else person

    def chat_of(user: UUID) -> UUID:
        chat = office.write(by(user), writers.create_chat(user, profile(office)))
        assert chat is not None, office.done
        office.write(by(user), writers.user_message(chat, "hello"))
        seen.append(office.stands(chat))
        return chat  # type: ignore[no-any-return]

    def takes(operator: UUID) -> UUID:
        got = office.write(by(operator), writers.assign(operator))
        assert got is not None, office.done
        seen.append(office.stands(got))
        return got  # type: ignore[no-any-return]

    # A turn: taken, heard, written to meanwhile, answered; asked again, taken by somebody else.
    first = chat_of(users[0])
    assert takes(ann) == first
    for ago in (60, 30):
        office.write(by(ann), writers.heartbeat(first, ann, datetime.now(UTC) - timedelta(seconds=ago)))
    office.write(by(users[0]), writers.user_message(first, "and?"))
    office.write(by(ann), writers.operator_reply(first, ann, "hi"))
    seen.append(office.stands(first))
    office.write(by(users[0]), writers.user_message(first, "thanks"))
    seen.append(office.stands(first))
    assert takes(ben) == first
    office.write(by(ben), writers.unassign(first))
    seen.append(office.stands(first))
    assert takes(cia) == first
    # The idle cron finds somebody silent.
    office.database.script(
        "set local session_replication_role = replica;"
        f"update chats set assignment_time = now() - interval '1 hour' where id = '{first}';"
        "update chat_assignments set assigned_at = now() - interval '1 hour' where released_at is null;"
        "update operator_activity set last_activity = now() - interval '1 hour'"
    )
    office.write(None, writers.idle_cron(lambda: datetime.now(UTC)))
    seen.append(office.stands(first))
    # An admin gives it to ann, who is free; and somebody's else's to ann, who is not any more.
    office.write(by(ada), writers.admin_reassign(first, ann, "please"))
    seen.append(office.stands(first))
    second = chat_of(users[1])
    assert takes(ben) == second
    office.write(by(ada), writers.admin_reassign(second, cia, "ben is ill"))
    seen.append(office.stands(second))
    office.write(by(cia), writers.operator_reply(second, cia, "hi"))
    seen.append(office.stands(second))
    # Ends: of an answered chat, of a waiting one, of a blocked user's.
    office.write(by(ada), writers.force_close(second))
    third, fourth = chat_of(users[2]), chat_of(users[3])
    office.write(by(ada), writers.force_close(third))
    office.write(by(ada), writers.block_user(users[3]))
    seen += [office.stands(chat)[1:3] for chat in (second, third, fourth)]
    # Pages that read and mark, the settings page, people who come and go.
    for connection, statement in (
        (by(users[0]), "update messages set read_at = now() where chat_id = %s"),
        (by(ann), "update messages set delivered_at = now() where chat_id = %s"),
    ):
        session = office.roles["service"] if connection is None else office.roles[str(connection)]
        session.execute(statement, [first])
    office.write(None, writers.deactivate_operator(cia))
    office.write(None, writers.delete_operator(cia))
    seen.append(office.stands(first))
    return seen


@pytest.mark.parametrize("as_service", [True, False], ids=["service_role", "authenticated"])
def test_what_went_through_before_goes_through_after(
    application_database_everywhere: Database, migrated_application_database_everywhere: Database, as_service: bool
) -> None:
    before, after = Office(application_database_everywhere), Office(migrated_application_database_everywhere)
    shown_before, shown_after = day(before, as_service), day(after, as_service)
    assert shown_after == shown_before
    # What is read in between differs (a message has called already), and so does the statement that follows.
    failed_before = {one[:2] for one in before.done if one[1] is not None}
    worse = [one for one in after.done if one[1] is not None and one[:2] not in failed_before]
    assert [one for one in worse if REFUSALS.get(one[:2], "\0") not in one[2]] == []
    db = after.database
    assert {name: rows for name, query in INVARIANTS.items() if (rows := db.execute(query))} == {}
    assert db.execute(QUEUE_CLOCK) == []
    assert db.execute(COUNTERS) == []


def test_the_documented_refusals_are_all_there_are(migrated_application_database: Database) -> None:
    office = Office(migrated_application_database)
    ann, ben = office.person("operator", "ann"), office.person("operator", "ben")
    chats = []
    for number in range(2):
        user = office.person("user", f"user{number}")
        chats.append(office.write(user, writers.create_chat(user, profile(office))))
        office.write(user, writers.user_message(chats[-1], "hello"))
    got: Callable[[UUID], Any] = lambda who: office.write(who, writers.assign(who))  # noqa: E731
    assert [got(ann), got(ben)] == chats
    office.done.clear()
    office.write(None, writers.admin_reassign(chats[0], ben, "x"))
    office.write(None, writers.operator_reply(chats[0], ann, "still hers"))
    late = writers.operator_reply(chats[1], ben, "late")
    assert next(late).name == "read_chat"
    reply = late.send([{"assigned_operator_id": ben, "chat_state": "assigned"}])
    office.write(None, writers.unassign(chats[1]))

    def only() -> Writer[None]:
        yield reply

    office.write(None, only())
    failed = [one for one in office.done if one[1] is not None]
    assert {one[:2] for one in failed} == set(REFUSALS)
    assert all(REFUSALS[one[:2]] in one[2] for one in failed)


def test_an_upsert_through_the_api_is_what_it_was(migrated_application_database_everywhere: Database) -> None:
    office = Office(migrated_application_database_everywhere)
    user = office.person("user", "user")
    chat = office.write(user, writers.create_chat(user, profile(office)))
    session = office.roles[str(user)]
    one = office.database.value("select gen_random_uuid()")
    say = "insert into messages (id, chat_id, sender_type, content) values (%s, %s, 'real', %s) on conflict (id) "
    assert session.execute(say + "do nothing", [one, chat, "hello"]).rowcount == 1
    assert session.execute(say + "do nothing", [one, chat, "hello"]).rowcount == 0
    assert session.execute(say + "do update set content = excluded.content", [one, chat, "hello!"]).rowcount == 1
    assert office.stands(chat) == ("waiting_assignment", False, True, 1)
    assert office.database.value("select content from messages where id = %s", [one]) == "hello!"


def test_a_day_of_turns_writes_no_more_events_than_it_must(own_server: Callable[..., Any]) -> None:
    """Each changed row of a published table is an event on every admin's page."""
    from tests.conftest import build_migrated_application

    server = own_server("18", wal_level="logical", max_replication_slots="4")
    database = server.create_database()
    build_migrated_application(database)
    office = Office(database)
    ann, user = office.person("operator", "ann"), office.person("user", "user")
    chat = office.write(user, writers.create_chat(user, profile(office)))
    database.execute("select pg_create_logical_replication_slot('events', 'test_decoding')")

    def events() -> dict[str, int]:
        counted: dict[str, int] = {}
        for (line,) in database.execute("select data from pg_logical_slot_get_changes('events', null, null)"):
            if line.startswith("table public."):
                table = line.split(":")[0].removeprefix("table public.")
                counted[table] = counted.get(table, 0) + 1
        return counted

    office.write(None, writers.user_message(chat, "hello"))
    # The message; the chat with it, and the application's own touch of it.
    assert events() == {"messages": 1, "chats": 2}
    assert office.write(None, writers.assign(ann)) == chat
    assert events() == {"chats": 1, "chat_assignments": 1, "operator_activity": 1, "operators": 1}
    assert office.write(None, writers.assign(office.person("operator", "ben"))) is None
    events()
    assert office.write(None, writers.assign(office.database.value("select id from operators where name = 'ben'"))) is None
    assert events() == {}
    office.write(None, writers.operator_reply(chat, ann, "hi"))
    told = events()
    assert told["messages"] == 1
    assert told["chats"] <= 2
    assert told["chat_assignments"] == 1


def test_a_migration_is_an_event_only_for_the_rows_that_it_must_write(own_server: Callable[..., Any]) -> None:
    """An answered or closed chat, a message, an operator and a user keep still; one that waits or is held gets its clocks in one write."""
    from tests.conftest import APPLICATION_OWNER, _command, build_application, url_as

    server = own_server("18", wal_level="logical", max_replication_slots="4")
    database = server.create_database()
    build_application(database)
    office = Office(database)
    ann = office.person("operator", "ann")

    def chat_of(name: str) -> Any:
        chat = office.write(None, writers.create_chat(office.person("user", name), profile(office)))
        office.write(None, writers.user_message(chat, "hello"))
        return chat

    chats = {name: chat_of(name) for name in ("answered", "closed", "held", "waiting")}
    for name in ("answered", "closed", "held"):
        assert office.write(None, writers.assign(ann)) == chats[name]
        if name != "held":
            office.write(None, writers.operator_reply(chats[name], ann, "hi"))
    database.execute("update chats set chat_state = 'completed', is_active = false where id = %s", [chats["closed"]])
    before = dict(database.execute("select id, updated_at from chats"))
    database.execute("select pg_create_logical_replication_slot('events', 'test_decoding')")
    url = url_as(database, APPLICATION_OWNER)
    _command(url, "adopt", "--through", "017", "--yes")
    _command(url, "migrate", "--to", "latest", "--yes")
    told = [line for (line,) in database.execute("select data from pg_logical_slot_get_changes('events', null, null)")]
    counted = {
        name: sum(line.startswith("table public.chats: UPDATE") and str(chat) in line for line in told)
        for name, chat in chats.items()
    }
    assert counted == {"answered": 0, "closed": 0, "held": 1, "waiting": 1}
    others = {line.split(":")[0].removeprefix("table public.") for line in told if line.startswith("table public.")} - {"chats"}
    assert not others & {"messages", "operators", "real_users", "fictional_users"}
    # What is written bears the time that the application's own trigger gives it.
    after = dict(database.execute("select id, updated_at from chats"))
    assert {name for name, chat in chats.items() if after[chat] == before[chat]} == {"answered", "closed"}

"""The mark of our writes: believed of the tables' owner, as whom our functions run, and of chatops_operator; of nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests import conftest
from tests.servers import Farm
from tests.test_write_ways import Street

# What the guards refuse or put right, and the mark would let through; in the place of {mark} a statement may set it by itself.
WAYS = {
    "a chat is taken": "update chats set chat_state = 'assigned', assigned_operator_id = '{ben}', assignment_time = now(),"
    " epoch = epoch + 1 where id = '{waits}' and {mark}",
    "a chat jumps the queue": "update chats set waiting_since = '2020-01-01', message_count = 77, releases_without_reply = 9,"
    " epoch = epoch + 1 where id = '{waits}' and {mark}",
    "a chat is ended": "update chats set chat_state = 'completed', is_active = false, closed_reason = 'max_reassignments',"
    " epoch = epoch + 7 where id = '{waits}' and {mark}",
    "a chat is answered": "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now()"
    " where id = '{waits}' and {mark}",
    "a holder is forgotten": "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, epoch = epoch + 1"
    " where id = '{held}' and {mark}",
    "a chat is made": "insert into chats (id, real_user_id, fictional_user_id, message_count, waiting_since, epoch)"
    " select '{new}', '{user4}', fictional_user_id, 7, '2020-01-01', 7 from chats where id = '{waits}' and {mark}",
    "a held chat is made": "insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id)"
    " select '{new}', '{user4}', fictional_user_id, 'assigned', '{ben}' from chats where id = '{waits}' and {mark}",
    "a turn is written": "insert into chat_assignments (chat_id, operator_id, assigned_at)"
    " select '{waits}', '{ben}', now() - interval '1 day' where {mark}",
    "a turn is ended": "update chat_assignments set released_at = now(), release_reason = 'x' where chat_id = '{held}' and {mark}",
    "a turn is another's": "update chat_assignments set operator_id = '{ben}' where chat_id = '{held}' and {mark}",
    "a turn is deleted": "delete from chat_assignments where chat_id = '{held}' and {mark}",
    "somebody is heard elsewhere": "insert into operator_activity (chat_id, operator_id, last_activity)"
    " select '{waits}', '{ben}', '2090-01-01'::timestamptz where {mark}",
    "somebody is heard in the future": "update operator_activity set last_activity = '2090-01-01' where {mark}",
    "a message is another": "update messages set sender_type = 'fictional', chat_id = '{empty}' where chat_id = '{waits}' and {mark}",
    "a message is older": "update messages set created_at = '2020-01-01' where chat_id = '{answered}' and {mark}",
    "replies are made up": "update operators set total_messages = 99 where id = '{ben}' and {mark}",
}
SETS = {
    "before": ("select set_config('chatops.write', 'function', false)", "true"),
    "in the transaction": ("set local chatops.write = 'function'", "true"),
    "in the statement": ("select 1", "set_config('chatops.write', 'function', true) is not null"),
}
NAMED = ("chats", "messages", "operators")
TABLES = (*NAMED, "chat_assignments", "operator_activity")


@pytest.fixture(scope="module", params=conftest.server_labels())
def street(request: pytest.FixtureRequest, farm: Farm) -> Iterator[Street]:
    """The platform's own database, migrated by its owner, with somebody in it."""
    server = farm.server(request.param)
    database = server.create_database(farm.template(server, "migrated-application", conftest.build_migrated_application))
    try:
        yield Street(database)
    finally:
        database.drop()


def told(connection: psycopg.Connection[Any], before: str, statement: str) -> Any:
    """How a statement ends and what is in the tables then, instants of this minute as one; it is rolled back."""
    with connection.transaction(force_rollback=True):
        connection.execute(before.encode())
        try:
            with connection.transaction():
                ended: object = connection.execute(statement.encode()).rowcount
        except psycopg.Error as error:
            ended = error.sqlstate
        connection.execute("set local role none")
        return ended, looked_at(connection)


def looked_at(connection: psycopg.Connection[Any]) -> list[Any]:
    """All rows, without ids that were made up just now."""
    texts = (f"select '{table}', to_jsonb(t) - '{'name' if table in NAMED else 'id'}' from {table} as t" for table in TABLES)
    return sorted(str((table, _settled(row))) for table, row in connection.execute(" union all ".join(texts).encode()).fetchall())


def _settled(row: dict[str, Any]) -> dict[str, Any]:
    return {key: "now" if isinstance(value, str) and _is_now(value) else value for key, value in row.items()}


def _is_now(text: str) -> bool:
    try:
        return abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(seconds=40)
    except (ValueError, TypeError):
        return False


def sessions(street: Street, opened: ExitStack) -> Iterator[tuple[str, bool, psycopg.Connection[Any], str]]:
    """Everybody who may write in some way: a name, whether they are believed, their session, what they call first."""
    database = street.database
    named = opened.enter_context(database.role("named", "login bypassrls"))
    trusted = opened.enter_context(database.role("trusted", "login bypassrls"))
    for role in (named, trusted):
        database.script(
            "".join(f"grant all on all {kind} in schema public to {role};" for kind in ("tables", "sequences", "functions"))
            + f"grant usage on schema public to {role}"
        )
    # As sql/roles/chatops_operator.sql does.
    database.script(
        f"grant update (epoch) on chats to {trusted} with grant option;"
        f" grant update (total_messages) on operators to {trusted} with grant option; grant create on schema public to {named}"
    )
    database.connect(user=named).execute(
        "create function planted(what text) returns void language plpgsql security definer as 'begin execute what; end'"
    )
    yield "a client", False, street.session("service"), ""
    yield "an operator's tab", False, street.session("ann"), ""
    yield "a role of the application", False, database.connect(user=named), ""
    yield "a function that somebody planted", False, street.session("service"), "planted"
    yield "a role that acts", True, database.connect(user=trusted), ""
    yield "the owner", True, street.session("owner"), ""
    yield "a superuser", True, street.session("super"), ""


def test_the_mark_changes_what_is_written_for_those_who_may_bear_it_and_for_nobody_else(street: Street) -> None:
    with ExitStack() as opened:
        for who, believed, connection, through in sessions(street, opened):
            for name, way in WAYS.items():
                unmarked = told(connection, "select 1", written(street, way, "true", through))
                for how, (before, mark) in SETS.items():
                    marked = told(connection, before, written(street, way, mark, through))
                    assert (marked != unmarked) is believed, (who, name, how)


def written(street: Street, way: str, mark: str, through: str) -> str:
    """A statement, run by a function where one is named."""
    statement = street.filled(way.replace("{mark}", mark))
    return f"select {through}($way${statement}$way$)" if through else statement

"""Every function and write in an older snapshot: it ends in an answer, a documented refusal or 40001, and nothing is wrong then.

By default half of them by turns after each change, on one server; with CHATOPS_TEST_LONG=1 all after all, on each.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests import conftest
from tests.servers import Database, Farm
from tests.test_write_ways import SAY, Street

MEANWHILE = {
    "the user writes": f"{SAY} values ('{{held}}', 'real', 'more', null), ('{{answered}}', 'real', 'more', null),"
    " ('{waits}', 'real', 'more', null)",
    "the holder replies": f"{SAY} values ('{{held}}', 'fictional', 'x', '{{ann}}')",
    "somebody takes the next chat": "select assign_chat_to_operator('{ben}')",
    "the held chat is given to somebody": "select reassign_chat('{held}', '{ben}')",
    "the waiting chat is given to somebody": "select reassign_chat('{waits}', '{ben}')",
    "the held chat is released": "select release_chat('{held}', '{ann}')",
    "the held chat is let go by hand": "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null"
    " where id = '{held}'",
    "chats are closed": "select close_chat('{held}'), close_chat('{waits}')",
    "the holder is deactivated": "update operators set is_active = false where id = '{ann}'",
    "the holder is heard": "select operator_heartbeat('{held}', '{ann}')",
    "chats are deleted": "delete from chats where id in ('{waits}', '{held}')",
    "an operator is deleted": "delete from operators where id = '{ben}'",
}
CALLS = {
    "assign": "select assign_chat_to_operator('{ben}')",
    "release": "select release_and_reassign_chat('{held}', 'idle_timeout')",
    "release a chat": "select release_chat('{held}', '{ann}')",
    "release the idle": "select * from release_idle_chats()",
    "reassign": "select * from reassign_chat('{held}', '{ben}')",
    "reassign what waits": "select * from reassign_chat('{waits}', '{ben}')",
    "close": "select close_chat('{held}')",
    "reopen": "select reopen_chat('{held}')",
    "reply": "select * from operator_reply('{held}', '{ann}', 'x')",
    "say": "select * from user_message('{answered}', 'x')",
    "say to who is held": "select * from user_message('{held}', 'x')",
    "heartbeat": "select operator_heartbeat('{held}', '{ann}')",
    "a reply is written": f"{SAY} values ('{{held}}', 'fictional', 'x', '{{ann}}')",
    "a message is written": f"{SAY} values ('{{waits}}', 'real', 'x', null)",
    "a chat is let go": "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null where id = '{held}'",
    "a chat is ended": "update chats set is_active = false where id = '{waits}'",
    "messages are deleted": "delete from messages where chat_id in ('{held}', '{answered}')",
    "an operator is away": "update operators set is_active = false where id = '{ben}'",
    "a turn is ended": "update chat_assignments set released_at = now() where chat_id = '{held}' and released_at is null",
    "a heartbeat is written": "insert into operator_activity (chat_id, operator_id, last_activity)"
    " values ('{held}', '{ann}', now()) on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity",
}
REFUSED = ("40001", "55000", "P0001", "23503", "23514")
"""To be sent again; late or busy; an operator or a chat that is not there; the same by a key, or by what was there before."""


@pytest.fixture(scope="module", params=conftest.server_labels())
def migrated(request: pytest.FixtureRequest, farm: Farm) -> Iterator[Database]:
    """The platform's own database, migrated, of which all these tests take turns."""
    server = farm.server(request.param)
    made = server.create_database(farm.template(server, "migrated-application", conftest.build_migrated_application))
    made.execute("update platform_config set value = '100' where key = 'max_reassignments'")
    yield made
    made.drop()


@pytest.mark.sampled(5)
@pytest.mark.long
@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_in_an_older_snapshot_each_ends_in_an_answer_or_is_sent_again(migrated: Database, meanwhile: str) -> None:
    odd = {}
    turn = list(MEANWHILE).index(meanwhile)
    for at, (name, call) in enumerate(CALLS.items()):
        # Two calls at a time, for each isolation has every other one.
        if not conftest.LONG and (at // 2 + turn) % 2:
            continue
        isolation = ("repeatable read", "serializable")[at % 2]
        street = Street(migrated)
        try:
            older, other = street.session("service"), street.session("owner")
            ended = "went through"
            try:
                older.execute(f"begin isolation level {isolation}".encode())
                older.execute("select count(*) from chats")
                other.execute(street.filled(MEANWHILE[meanwhile]).encode())
                older.execute(street.filled(call).encode())
                older.execute("commit")
            except psycopg.Error as error:
                ended = error.sqlstate or ""
                older.execute("rollback")
            if wrong := street.wrong() or ended not in ("went through", *REFUSED):
                odd[name, isolation] = (ended, wrong)
        finally:
            street.leave()
    assert odd == {}

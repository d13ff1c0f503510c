"""Checks that count by sorted lists, or look things up in one of two ways, find what the plain question finds."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.ailing import deployed, look, mended, result
from tests.servers import Database

__all__ = ["deployed", "mended"]

RANDOM_TURNS = """
with chat as (select id, row_number() over (order by id) as n from chats),
     operator as (select id, row_number() over (order by id) as n from operators)
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
select c.id, o.id, t.at, case when random() < 0.95 then t.at + random() * interval '40 minutes' end, 'idle_timeout'
  from chat c
 cross join lateral (
   select date_trunc('minute', now()) - interval '10 hours' + (c.n * 37 % 61) * interval '7 minutes'
          + trunc(random() * 40) * interval '1 minute' as at
     from generate_series(1, 3) where c.n is not null
 ) as t
  join operator o on o.n = (c.n * 7 + trunc(random() * 1.3)::int) % 9 + 1
 where c.n <= 150
"""
RANDOM_MESSAGES = """
insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
select c.id, case when s.r < 0.5 then 'real' else 'fictional' end, 'x',
       case when s.r < 0.5 then null when s.r < 0.8 then c.last_operator_id
            else (select o.id from operators o where s.r > 0 order by random() limit 1) end,
       case when s.r < 0.2 then c.last_message_at when s.r > 0.9 then c.operator_replied_at
            else c.last_message_at + (random() - 0.3) * interval '10 minutes' end
  from chats c
 cross join lateral (select random() as r from generate_series(1, 2) where c.id is not null) as s
 where c.chat_state = 'waiting_real_user_reply'
"""

REPLIES_AND_REPEATS = """
insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
select c.id, case when s.r < 0.3 then 'real' else 'fictional' end, case when s.r < 0.7 then 'yes' else 'no' end,
       case when s.r between 0.3 and 0.6 then c.last_operator_id end, c.last_message_at + trunc(random() * 4) * interval '30 seconds'
  from chats c
 cross join lateral (select random() as r from generate_series(1, 5) where c.id is not null) as s
 where c.last_message_at is not null
"""


def written(database: Database, *statements: str) -> None:
    """Statements past triggers, keys and the catalog's own lock, at random but the same each time."""
    connection = database.connect()
    connection.execute("set session_replication_role = replica; set allow_system_table_mods = on; select setseed(0.25)")
    for statement in statements:
        connection.execute(statement.encode())
    connection.close()


def rows_of(database: Database, code: str, **options: Any) -> list[dict[str, Any]]:
    """All that one check finds."""
    found = result(look(database, code, rows=100_000, **options), code)
    assert found.status in ("failed", "passed"), found.reason
    return [dict(row) for row in found.rows]


def test_the_repeated_hand_is_found_where_somebody_else_was_free(deployed: Database) -> None:
    written(deployed, RANDOM_TURNS, "update operators set is_active = (random() < 0.8)")
    found = {(row["chat_id"], row["assigned_at"], row["operator_id"]) for row in rows_of(deployed, "OPER002", since="all")}
    wanted = repeated_while_others_were_free(deployed)
    assert found == wanted
    assert len(wanted) > 20


def repeated_while_others_were_free(database: Database) -> set[tuple[UUID, datetime, UUID]]:
    """The same as a person would look for it: turn by turn, operator by operator."""
    connection = database.connect()
    turns = connection.execute("select id, chat_id, operator_id, assigned_at, released_at from chat_assignments").fetchall()
    written_by_users = connection.execute(
        "select chat_id, created_at, sender_type = 'real' from messages order by created_at"
    ).fetchall()
    active = {row[0] for row in connection.execute("select id from operators where is_active").fetchall()}
    connection.close()
    of_chat: dict[UUID, list[Any]] = {}
    for turn in turns:
        of_chat.setdefault(turn[1], []).append(turn)
    words_of: dict[UUID, list[tuple[datetime, bool]]] = {}
    for of, when, real in written_by_users:
        words_of.setdefault(of, []).append((when, real))
    at_work: dict[UUID, list[tuple[datetime, datetime | None]]] = {}
    for _, _, operator, began, ended in turns:
        if operator in active:
            at_work.setdefault(operator, []).append((began, ended))
    half, moment = timedelta(minutes=30), timedelta(seconds=5)

    def free(operator: UUID, at: datetime) -> bool:
        mine = at_work[operator]
        near = any(at - half <= began <= at + half for began, _ in mine)
        return near and all(ended is not None and ended <= at - moment for began, ended in mine if began <= at)

    found = set()
    for key, chat, operator, at, _ in turns:
        before = [one for one in of_chat[chat] if one[0] != key and one[3] < at and one[4] is not None]
        if not before or max(before, key=lambda one: one[3])[2] != operator:
            continue
        said = words_of.get(chat, [])
        answered = max((when for when, real in said if not real and when < at), default=None)
        waits = min((when for when, real in said if real and when <= at and (answered is None or when > answered)), default=at)
        if at - waits < timedelta(seconds=300) and any(free(other, at) for other in at_work if other != operator):
            found.add((chat, at, operator))
    return found


def test_a_reply_is_stored_twice_where_the_message_before_it_is_the_same(deployed: Database) -> None:
    written(deployed, REPLIES_AND_REPEATS)
    connection = deployed.connect()
    messages = connection.execute(
        "select m.chat_id, m.created_at, m.sender_type, m.content, m.handled_by_operator_id from messages m "
        "join chats c on c.id = m.chat_id where c.last_message_at is not null order by m.chat_id, m.created_at, m.id"
    ).fetchall()
    connection.close()
    wanted = Counter(
        (chat, at, at - before)
        for (other, before, *said), (chat, at, *again) in pairwise(messages)
        if chat == other and said == again and again[0] == "fictional" and at - before <= timedelta(minutes=1)
    )
    found = rows_of(deployed, "DATA003", since="all")
    assert Counter((row["chat_id"], row["sent_at"], row["apart_by"]) for row in found) == wanted
    assert len(wanted) > 50


def test_newest_messages_are_the_same_by_key_and_in_one_pass(deployed: Database) -> None:
    written(deployed, RANDOM_MESSAGES, "update chats set last_operator_id = null where random() < 0.05",
            "update chats set last_message_at = last_message_at + interval '1 hour' where random() < 0.1")  # fmt: skip
    ways = []
    for messages in (10**9, 1):
        written(deployed, f"update pg_class set reltuples = {messages} where relname = 'messages'")
        ways.append([rows_of(deployed, code) for code in ("CHAT006", "CHAT014")])
    assert ways[0] == ways[1]
    assert all(len(rows) > 10 for rows in ways[0])


def test_who_is_free_for_a_chat_is_everybody_but_its_last_operator_for_a_while(mended: Database) -> None:
    # Each a minute at least away from what counts, however slow the machine is.
    written(
        mended,
        "update operators set is_active = true, is_available = random() < 0.9, "
        "last_activity = now() - trunc(random() * 3) * interval '20 minutes'",
        "update chats set waiting_since = now() - (1 + trunc(random() * 2)) * interval '3 minutes', last_operator_id = "
        "(select o.id from operators o where chats.id is not null order by random() limit 1) "
        "where chat_state = 'waiting_assignment' and is_active",
        "update chats set operator_replied_at = now() - trunc(random() * 2) * interval '3 minutes' where operator_replied_at is not null and random() < 0.1",
    )
    connection = mended.connect()
    plain = connection.execute(
        "select q.chat_id, count(*) from chat_queue q join operator_load l on l.load = 'free' "
        "and l.last_activity > now() - interval '30 minutes' and not exists (select from chats as c "
        "where c.last_operator_id = l.operator_id and c.operator_replied_at >= now() - interval '1 minute') "
        "and (l.operator_id is distinct from q.last_operator_id or q.waiting_since < now() - interval '300 seconds') "
        "where q.waiting_since < now() - interval '1 minute' group by q.chat_id"
    ).fetchall()
    connection.close()
    assert {row["chat_id"]: row["may_take_it"] for row in rows_of(mended, "QUEUE004")} == dict(plain)
    assert len({count for _, count in plain}) > 1

"""What many tenants are asked in one request, `quick`, finds what each check finds by itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops import db, sqlfiles
from chatops.chats import planting
from chatops.checks import load, quick, run
from tests.ailing import deployed, healthy_everywhere, mended, opened, plant
from tests.servers import Database

Run = Callable[..., Any]

__all__ = ["deployed", "healthy_everywhere", "mended"]

# What other sessions do, and what the server counts, may be something else a moment later.
STANDING = [check for check in load.shipped() if not re.search(r"pg_stat_|pg_locks|refusal", check.sql)]


def both(reading: db.Database) -> list[dict[str, tuple[str, int, tuple[object, ...], str | None]]]:
    """What is found one by one and quickly, in one snapshot; only how long a check takes may differ."""
    return [
        {
            # For how long a session has held a lock is another time a moment later.
            one.check.code: (
                one.status,
                one.count,
                one.rows,
                (one.reason or "").partition(" of postgres, ")[0] if one.locked else one.reason,
            )
            for one in run.run(reading, STANDING, quick=quickly).results
        }
        for quickly in (False, True)
    ]


def assert_alike(database: Database, unknown: bool = False) -> None:
    with opened(database) as reading, reading.reading():
        one_by_one, quickly = both(reading)
        assert quickly == one_by_one
        assert list(quickly) == [check.code for check in STANDING]
        assert ("unknown" in {status for status, *_ in quickly.values()}) == unknown


@pytest.mark.sampled(1)
def test_all_is_found_that_each_check_finds(healthy_everywhere: Database) -> None:
    assert_alike(healthy_everywhere)
    for code in planting.codes():
        if not code.startswith("DB"):
            plant(healthy_everywhere, code)
    assert_alike(healthy_everywhere)


def test_what_fails_is_asked_by_itself_and_the_others_have_passed(deployed: Database) -> None:
    deployed.execute("drop function get_assignment_queue_status()")
    assert_alike(deployed, unknown=True)


def test_what_cannot_be_read_for_a_lock_is_unknown_here_too(mended: Database) -> None:
    locker = mended.connect()
    locker.execute("begin; lock table operator_activity in access exclusive mode")
    assert_alike(mended, unknown=True)
    locker.execute("rollback")


def test_nearly_all_of_a_healthy_tenant_is_told_by_one_request(mended: Database) -> None:
    with opened(mended) as reading, reading.reading():
        survey = run.run(reading, [])
        passed = quick.passed(reading, load.shipped(), {**run.parameters(survey), "rows": 1, "about": None}, before_018=False)
    assert len(passed) > 0.9 * len(load.shipped())


def test_a_check_whose_condition_does_not_hold_is_not_asked_and_one_whose_does_is(
    mended: Database, chatops_inprocess: Run
) -> None:
    kept = (
        "insert into chatops.settings (target_schema, key, value) values ('public', 'safety', {}) "
        "on conflict (target_schema, key) do update set value = excluded.value"
    )
    mended.without_hosting()
    mended.execute("delete from chatops.settings where key = 'safety'")
    chatops_inprocess("monitor", "--once", "--store", "--yes", db=mended)
    with opened(mended) as reading:
        with reading.reading():
            known = run.parameters(run.run(reading, []))
        for change, passed in (
            ("select", {"DB019", "DB029", "DB030"}),
            ("alter table chats alter column chat_state set default 'other'", {"DB019", "DB029"}),
            ("alter table chats alter column chat_state set default 'waiting_assignment'", {"DB019", "DB029", "DB030"}),
            ("alter table messages add constraint new check (content is not null)", {"DB019", "DB029"}),
            ("alter table messages drop constraint new", {"DB019", "DB029", "DB030"}),
            (kept.format("""'"no object"'"""), {"DB019", "DB029"}),
            ("delete from chatops.settings where key = 'safety'", {"DB019", "DB029", "DB030"}),
            ("create function close_chat() returns int language sql as 'select 1'", {"DB029", "DB030"}),
            ("drop function close_chat()", {"DB019", "DB029", "DB030"}),
            ("grant select on chatops.settings to public", {"DB019", "DB030"}),
            ("revoke select on chatops.settings from public", {"DB019", "DB029", "DB030"}),
            ("alter table chatops.settings rename to otherwise", {"DB029"}),
        ):
            mended.execute(change)
            with reading.reading():
                assert quick.nothing_to_find(reading, load.shipped(), known) == passed, change
                assert reading.tuples("select 1") == [(1,)], "the transaction goes on"


TRIGGER = """create function foreign_thing() returns trigger language plpgsql as $$ begin {} end $$;
             create trigger foreign_thing before insert on {} for each row execute function foreign_thing()"""
REFUSES = "create function never(text) returns boolean language plpgsql as $$ begin raise 'no'; end $$; "
OF_OTHERS = {
    "a rule": "create rule foreign_thing as on insert to messages do instead nothing",
    "a trigger that drops rows": TRIGGER.format("return null;", "messages"),
    "a trigger that refuses": TRIGGER.format("raise 'no';", "chats"),
    "a trigger on a table of chatops": TRIGGER.format("raise 'no';", "chatops.settings"),
    "a trigger that looks for what is gone": TRIGGER.format("perform gone(1); return new;", "messages"),
    "a function that an index calls": "create function never(text) returns text immutable language plpgsql as "
    "$$ begin raise 'no'; end $$; create index on messages (never(sender_type))",
    "a function that a constraint calls": REFUSES + "alter table messages add check (never(sender_type)) not valid",
    "a function that a default calls": "create function never() returns text language plpgsql as $$ begin raise 'no'; end $$; "
    "alter table messages add column other text, alter column other set default never()",
    "a condition that is never met": "create function never(text) returns boolean language sql as 'select false'; "
    "alter table messages add check (never(content)) not valid",
    "a column with the name of a variable": "alter table chats add column p_chat_id uuid",
    "an event trigger": "create function foreign_thing() returns event_trigger language plpgsql as $$ begin raise 'no'; end $$; "
    "create event trigger foreign_thing on sql_drop execute function foreign_thing()",
    "a child": "create table foreign_thing () inherits (messages)",
    "a key": "alter table messages add unique (chat_id, content)",
    "a unique index": "create unique index on messages (content)",
    "an exclusion": "alter table messages add exclude using btree (content with =)",
    "a heartbeat": "create unique index on operator_activity (chat_id)",
    "a key on a table of chatops": "create unique index on chatops.settings (target_schema)",
    "an index on texts": "create index foreign_thing on messages (content)",
    "an index on texts as numbers": "create index foreign_thing on messages ((content::int))",
    "an index that divides": "create index foreign_thing on chats ((1 / message_count))",
    "an index of some rows that divides": "create index foreign_thing on chats (id) where 1 / message_count > 0",
    "a column that divides": "alter table chats add column foreign_thing int generated always as (1 / message_count) stored",
    "a column made of texts": "alter table messages add column foreign_thing int generated always as (content::int) stored",
    "a key that leads elsewhere": "alter table messages add foreign key (chat_id) references operators not valid",
    "a stricter key": "alter table messages add foreign key (chat_id) references chats",
    "a key of ours": "create table foreign_thing (id int primary key); alter table chatops.runs add column other int references foreign_thing",
    "a column of ours": "alter table chatops.settings add column other int; update chatops.settings set other = 1; "
    "alter table chatops.settings alter column other set not null",
    "a function of our name": "create function close_chat() returns int language sql as 'select 1'",
    "a function before ours": "create schema earlier; create function earlier.close_chat() returns int language sql as 'select 1'; "
    "do $$ begin execute format('alter database %I set search_path = earlier, public', current_database()); end $$",
    "a table before ours, for one role": "create role early_one; create schema early_one; create table early_one.chats (id int); "
    "alter role early_one set search_path = '$user', public",
    "a table before ours, for the owner": "create role early_one; create schema early_one; create table early_one.operators (id int); "
    "grant all on schema public to early_one; alter table chats owner to early_one",
    "a table among ours": "create table chatops.foreign_thing (id int)",
    "a view among ours": "create view chatops.foreign_thing as select 1 as one",
    "a function among ours": "create function chatops.foreign_thing() returns int language sql as 'select 1'",
}  # fmt: skip


COMES = "create role early_one login; grant insert, update on chats, messages to early_one; "
OF_THE_DATABASE = "do $$ begin execute format('alter database %I {}', current_database()); end $$"
SWITCHED_OFF = {
    "a table that a crash empties": "alter table operator_activity set unlogged",
    "a sequence that a crash empties": "create unlogged sequence chatops.foreign_thing",
    "no trigger fires": OF_THE_DATABASE.format("set session_replication_role = replica"),
    "no trigger fires for somebody": "create role early_one; alter role early_one set session_replication_role = replica",
    "guards are passed by somebody": "create role early_one; alter role early_one set chatops.write = 'own'",
    "guards are passed": COMES + "alter role early_one set chatops.write = 'own'",
    "nothing is written": "alter role all set default_transaction_read_only = on",
    "work is cut off": OF_THE_DATABASE.format("set statement_timeout = ''5ms''"),
    "work is cut off, without a unit": OF_THE_DATABASE.format("set lock_timeout = 5"),
    "work is cut off, in part of a second": OF_THE_DATABASE.format("set idle_session_timeout = ''0.4s''"),
    "somebody else": COMES + "create role other_one; alter role early_one set role = other_one",
    "no row for whoever is under a policy": COMES + "alter table chats enable row level security; alter role early_one set row_security = off",
    "no table is found": OF_THE_DATABASE.format("set search_path = pg_catalog"),
    "a library": OF_THE_DATABASE.format("set session_preload_libraries = gone"),
    "lost in a crash": OF_THE_DATABASE.format("set synchronous_commit = off"),
    "may not log in": COMES + "alter role early_one nologin",
    "a password that expired": COMES + "alter role early_one valid until '2020-01-01'",
    "a password that expired, of a member": "create role early_ones; grant insert, update on chats, messages to early_ones; "
    "create role early_one login valid until '2020-01-01' in role early_ones",
    "a password that expired, of who may call": "create role early_one login valid until '2020-01-01'; "
    "do $$ begin execute format('grant execute on function %s to early_one', (select oid::regprocedure from pg_proc where proname = 'user_message' limit 1)); end $$",
    "a right on columns": "create role early_one login valid until '2020-01-01'; "
    "grant insert (content), update (content) on messages to early_one; grant update (chat_state) on chats to early_one",
    "may not connect": COMES + "do $$ begin execute format('revoke connect on database %I from public', current_database()); end $$",
    "may have no connection": COMES + "alter role early_one connection limit 0",
    "nobody connects": OF_THE_DATABASE.format("connection limit 0"),
    "text is sorted otherwise": "update pg_database set datcollversion = '0.1' where datname = current_database()",
    "keys are not checked": "alter table messages disable trigger all",
    "left out by autovacuum": "alter table messages set (autovacuum_enabled = off)",
    "left out by another name": "alter table messages set (autovacuum_vacuum_threshold = 100000000)",
    "left out by a share": "alter table messages set (autovacuum_vacuum_scale_factor = 10)",
    "long texts are left out": "alter table messages set (toast.autovacuum_enabled = off)",
    "the catalog says no trigger": "update pg_class set relhastriggers = false where oid = 'messages'::regclass",
    "the catalog says no index": "update pg_class set relhasindex = false where oid = 'messages'::regclass",
    "policies for the owner": "create role early_one; alter table chatops.settings owner to early_one; "
    "alter table chatops.settings enable row level security, force row level security",
    "stored within its row": "alter table messages alter column content set storage plain",
    "no statistics": "alter table messages alter column content set statistics 0",
    "no replica identity": "alter table messages replica identity nothing; create publication foreign_thing for table messages",
    "everybody writes": "grant insert on messages to public",
    "everybody empties": "alter table messages enable row level security; grant truncate on messages to public",
    "everybody reads what is noted": "grant select on chatops.settings to public",
    "everybody sets a sequence": "grant update on all sequences in schema chatops to public",
    "everybody creates": "grant create on schema chatops to public",
    "everybody gets rights": "alter default privileges in schema chatops grant usage on sequences to public",
}  # fmt: skip


def test_where_anything_is_found_it_was_asked_for(mended: Database) -> None:
    mended.without_hosting()
    with opened(mended) as reading, reading.reading():
        known = run.parameters(run.run(reading, []))
    with mended.connect() as session:
        session.execute(
            "set session_replication_role = replica; truncate chats, messages cascade; reset session_replication_role"
        )
        for code, changes in (("DB019", OF_OTHERS), ("DB029", SWITCHED_OFF)):
            check = next(one for one in load.shipped() if one.code == code)
            texts = (sqlfiles.body(sqlfiles.query(f"queries/{check.only_if}.sql")), check.query(before_018=False))
            asked, found = (db.inlined(text, known) for text in texts)
            assert session.execute(asked).fetchall() == [(False,)], code
            for what, change in changes.items():
                session.execute("begin")
                session.execute(change)
                assert session.execute(found).fetchall(), f"{what} is not found at all"
                assert session.execute(asked).fetchall() == [(True,)], what
                session.execute("rollback")


def test_the_names_of_the_expected_objects_tell_what_the_objects_do(healthy_everywhere: Database) -> None:
    told = """select kind, name, state, vital, definition <> '{}', definition ? 'definition',
                     case when kind = 'function' and state = 'adopted' then migration end,
                     case when kind = 'function' and state = 'adopted' then definition -> 'body' end from (FOUND) as one"""
    with opened(healthy_everywhere) as reading, reading.reading():
        known = run.parameters(run.run(reading, []))
        objects, names = (
            reading.tuples(told.replace("FOUND", sqlfiles.query(f"checks/shared/expected_{what}.sql")), known)
            for what in ("objects", "names")
        )
    assert len(objects) > 100
    assert sorted(map(str, names)) == sorted(map(str, objects))

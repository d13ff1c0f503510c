"""What a dry run says before anything runs: who waits for which file, what is lost for good, and what is not known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops import db, settings
from chatops.migrations.file_locks import file_locks
from chatops.migrations.lock_modes import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, spelled
from chatops.migrations.plan_locks import judged, relations_of
from chatops.migrations.preflight import examine
from tests.conftest import Result
from tests.servers import Database

Run = Callable[..., Result]

BEFORE = """
create table parent (id int primary key, a int not null, b text default 'x', ts timestamptz);
create table child (id int primary key, parent_id int references parent (id), c int, d numeric(8, 2));
create table parted (id int, at date) partition by range (at);
create table parted_1 partition of parted for values from ('2026-01-01') to ('2027-01-01');
create table "Odd Name" (id int);
create index child_c on child (c);
create view seen as select id from parent;
create materialized view kept as select id from parent;
create unique index kept_id on kept (id);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create function tidy() returns void language sql as 'update parent set a = a';
create type mood as enum ('ok');
create sequence counter;
alter table child add constraint c_fine check (c > 0) not valid;
insert into parent select n, n from generate_series(1, 500) as n;
insert into child select n, n, n from generate_series(1, 500) as n;
analyze parent; analyze child;
"""
STATEMENTS = [
    "alter table parent add column x int",
    "alter table only parent add column x numeric(3, 1) not null default 1.5, drop column b",
    "alter table parent add column x uuid default gen_random_uuid()",
    "alter table parent alter column a type bigint",
    "alter table parent alter a drop not null",
    "alter table parent rename to other",
    "alter table parent rename column a to z",
    "alter table parent enable row level security",
    "alter table child validate constraint c_fine",
    "alter table child add constraint e check (c > 1) not valid",
    "alter table child add foreign key (c) references parent (id) not valid",
    "alter table child add column p int references parent (id)",
    "alter table child add unique (c)",
    "alter table child set (fillfactor = 90)",
    "alter table child alter column c set statistics 50",
    "alter table child disable trigger user",
    'alter table "Odd Name" add column x int',
    "alter table public.parent add column x int",
    "alter table if exists nowhere add column x int",
    "create table fresh (id int primary key); create index on fresh (id); alter table fresh add column y int",
    "create table fresh (id int references parent (id))",
    "create table parted_2 partition of parted for values from ('2027-01-01') to ('2028-01-01')",
    "create index on child (d)",
    "create unique index on child (id, c)",
    "drop index child_c",
    "drop table child",
    "drop table if exists nowhere",
    "drop view seen",
    "create or replace view seen as select id from parent",
    "alter view seen rename to viewed",
    "refresh materialized view kept",
    "refresh materialized view concurrently kept",
    "reindex table child",
    "reindex index child_c",
    "create trigger t before insert on child for each row execute function touch()",
    "create policy p on child using (true)",
    "truncate child",
    "lock table child in share mode",
    "lock table parent, child",
    "lock child in row exclusive mode",
    "comment on table child is 'x'",
    "grant select on child to public",
    "create function f() returns int language sql as 'select 1'",
    "alter function tidy() set search_path = public",
    "alter type mood add value 'glad'",
    "alter sequence counter restart with 5",
    "insert into child values (1000, 1, 1)",
    "update parent set a = a + 1 where id < 10",
    "delete from child where id = 3",
    "with gone as (delete from child where id = 4 returning *) select count(*) from gone",
    "select count(*) from child",
    "analyze child",
    "do $$ begin if true then alter table child add column x int; end if; create index on parent (a); end $$",
    "do $$ begin execute 'alter table child add column x int'; end $$",
]  # fmt: skip
"""Each is run, and what the server says it has locked is compared with what was told."""


@pytest.fixture(scope="module")
def shop(server, request: pytest.FixtureRequest):
    database = server.create_database()
    database.execute(BEFORE)
    yield database
    database.drop()


NAMED = """select c.oid::int, coalesce(t.relname, c.relname)::text
             from pg_class as c left join pg_index as i on i.indexrelid = c.oid left join pg_class as t on t.oid = i.indrelid
            where c.relnamespace = 'public'::regnamespace"""


def test_what_is_told_of_a_statement_is_what_the_server_locks(shop: Database) -> None:
    existing = dict(shop.execute(NAMED))
    wrong = []
    with shop.connect() as connection, db.connect(target_of(shop), "test", "read") as reader:
        for text in STATEMENTS:
            told = file_locks(examine("one.sql", f"{text};".encode()))
            waits = judged(told, relations_of(reader, [told]), set())
            connection.execute("begin")
            connection.execute(text)
            locks = connection.execute("select relation::int, mode from pg_locks where pid = pg_backend_pid()").fetchall()
            connection.execute("rollback")
            held = [(existing[oid], STRENGTH.index(spelled(mode))) for oid, mode in locks if oid in existing]
            reads = {name for name, mode in held if mode >= BLOCKS_READS}
            writes = {name for name, mode in held if mode >= BLOCKS_WRITES} - reads
            if (set(waits.reads), set(waits.writes)) != (reads, writes) or waits.unknown:
                wrong.append((text, reads, writes, waits))
    assert not wrong, "\n".join(map(str, wrong))


def target_of(database: Database) -> settings.Target:
    return settings.resolve(settings.Options(db=(database.url,)), environ={})


def test_a_folder_of_somebody_elses_says_who_waits_what_is_lost_and_what_is_not_known(
    shop: Database, chatops_inprocess: Run, folder: Callable[..., Path]
) -> None:
    files = folder(
        more="alter table parent add column x int;",
        rewrite="alter table child alter column c type bigint;",
        index="create index concurrently child_d on child (d);",
        own="create table mine (id int); alter table mine add column a int; drop table mine;",
        gone='alter table child drop column d;\ntruncate "Odd Name";',
        rows="update parent set a = 0;",
        calls="select tidy();\nselect pg_catalog.count(*) from child;",
        built="do $$ declare t text := 'child'; begin execute format('alter table %I add z int', t); end $$;",
        odd="create extension if not exists nothing;",
    )
    shown = chatops_inprocess("migrate", "--dir", files, "--dry-run", "-o", "json", db=shop, check=0)
    told = {row["name"].partition("_")[2]: row["waits"] for row in json.loads(shown.stdout)["pending"]}
    assert told["more"]["reads"] == ["parent"]
    assert told["more"]["works"] == []
    assert told["rewrite"]["reads"] == told["rewrite"]["works"] == ["child"]
    assert told["rewrite"]["lost"] == ["the former values of child.c"]
    assert not any(told["index"].values())
    assert not any(told["own"].values())
    assert told["gone"]["lost"] == ["column child.d", "the rows of Odd Name"]
    assert told["rows"]["changes"] == ["parent"]
    assert told["calls"]["unknown"] == ["it calls tidy()"]
    assert told["built"]["unknown"] == ["line 1: a block puts statements together as it runs"]
    assert told["odd"]["unknown"] == ["line 1: create extension if"]
    text = " ".join(chatops_inprocess("migrate", "--dir", files, "--dry-run", db=shop, check=0).stdout.split())
    assert "while it goes through child (about 500 rows, " in text
    assert "reads and writes of parent: for a moment" in text
    assert "not known: it calls tidy()" in text
    assert "Lost for good: the former values of child.c" in text
    assert "Going back from one of these 9 files: deploy the old code; its SQL, once it is in:" in text


def test_what_only_a_condition_would_lock_is_told_as_such() -> None:
    def told(text: str) -> dict[str, bool]:
        return {one.relation: one.perhaps for one in file_locks(examine("a.sql", text.encode())).locks}

    block = "do $$ begin if exists (select from b) then drop trigger t on a; end if; end $$;"
    assert told(block) == {"a": True}
    assert told(f"{block} drop trigger t on a;") == {"a": False}
    assert told("do $$ begin drop trigger if exists t on a; end $$;") == {"a": False}
    assert told("do $$ begin if now() > '2020-01-01' then alter table a add b int; end if; end $$;") == {"a": True}

"""What a file says will be there is told from its text; these tests need no server."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chatops.migrations.claims import ANY, Claim, Unread, server_name
from chatops.migrations.objects_made import claims_of, table_of
from chatops.migrations.preflight import examine
from chatops.migrations.scanner import significant
from chatops.migrations.sql_walk import LONGEST_NAME
from tests.conftest import ROOT


def claims(text: str) -> list[Claim]:
    return claims_of(examine("001_x.sql", text.encode()), ("public",)).told


def told(text: str) -> list[str]:
    """The claims in words: a minus before what is dropped, a star before what may be kept from running, a ? before a name that the
    server gives, and what is changed behind a colon."""
    found = []
    for claim in claims(text):
        sign = ("" if claim.there else "- ") + ("" if claim.certain else "* ") + ("" if claim.named else "? ")
        changed = ", ".join(f"{name} {part.text}".strip() for name, part in claim.parts) if claim.change else ""
        found.append(sign + str(claim.thing) + (f": {changed}" if changed else ""))
    return found


CASES = {
    "create table t (a int, b numeric(10, 2) default 1, constraint c check (a > 0), primary key (a), unique (a, b))": [
        "table t",
        "column t.a",
        "column t.b",
        "constraint c on t",
        "? constraint t_pkey on t",
        "column t.a: not null yes",
        "? constraint t_a_b_key on t",
    ],
    'create table if not exists "My Table" ("A" int constraint "C" references x (y))': [
        "table My Table",
        "column My Table.A",
        "constraint C on My Table",
    ],
    "create table t (a int constraint nn not null)": ["table t", "column t.a"],
    "create table t as select 1 as a": ["table t"],
    "create table p partition of t for values in (1)": ["table p"],
    'create table U&"d\\0061t\\+000061" (a int)': ["table data", "column data.a"],
    r'create table U&"a\+FFFFFF\D83D" (a int)': [r"table a\+FFFFFF\D83D", r"column a\+FFFFFF\D83D.a"],
    "create temporary table t (a int)": [],
    "create unlogged table t (a int)": ["table t", "column t.a"],
    "create unique index concurrently if not exists i on only public.t using btree (a)": ["index i"],
    "create index on t (a)": ["? index t_a_idx"],
    "create index on t (lower(a), b desc)": ["? index t_lower_b_idx"],
    "create or replace view v as select 1": ["view v"],
    "create materialized view if not exists v as select 1": ["materialized view v"],
    "create type mood as enum ('calm', 'it''s')": ["type mood", "label calm of type mood", "label it's of type mood"],
    "alter type mood add value if not exists 'x' before 'y'": ["label x of type mood"],
    "create domain d as text": ["domain d"],
    "create sequence s": ["sequence s"],
    "create extension if not exists pg_trgm with schema extensions": ["extension pg_trgm"],
    "create schema if not exists tenant": ["schema tenant"],
    "create function f(a int, out b text, variadic c text[] default '{}') returns text language sql as 'select 1'": [
        "function f(integer, text[])"
    ],
    "create or replace procedure p(inout x double precision, y timestamp with time zone) language sql as $$ $$": [
        "function p(double precision, timestamp with time zone)"
    ],
    "create function g(character varying(10), public.mood, x numeric(1, 2)[]) returns int language sql return 1": [
        "function g(character varying, mood, numeric[])"
    ],
    "create constraint trigger g after insert or update of a, b on t for each row execute function f()": ["trigger g on t"],
    "create or replace trigger g before delete on t for each statement execute function f()": ["trigger g on t"],
    'create policy "May read" on public.t for select using (true)': ["policy May read on t"],
    "alter table t add column if not exists a int, add b int, drop column c, add constraint k check (a > 0) not valid": [
        "column t.a",
        "column t.b",
        "- column t.c",
        "constraint k on t",
    ],
    "alter table t alter a set not null, alter column b drop not null, alter c set default 1, validate constraint k": [
        "column t.a: not null yes",
        "column t.b: not null no",
        "column t.c: default 1",
        "constraint k on t: validated yes",
    ],
    "alter table only t enable row level security": ["table t: row level security on"],
    "alter table t disable trigger g, enable always trigger h": ["trigger g on t: state D", "trigger h on t: state A"],
    "alter table if exists t rename column a to b": ["* column t.b"],
    "alter table t rename to u": ["table u"],
    "alter table t rename constraint a to b": ["constraint b on t"],
    "alter table t set schema other": ["table t"],
    "alter function f(int) rename to g": ["function g(integer)"],
    "drop table if exists a, public.b cascade": ["- table a", "- table b"],
    "drop function f(int, text), g": ["- function f(integer, text)", "- function g(*)"],
    "drop policy p on t": ["- policy p on t"],
    "drop index concurrently if exists i": ["- index i"],
    "insert into t values (1)": [],
    "grant select on t to public": [],
    "do $$ begin create table t (a int); if true then alter table t add b int; end if; end $$": [
        "table t",
        "column t.a",
        "* column t.b",
    ],
    "create temp table u (a int); drop table u; create index i on u (a); drop table public.u": ["- table u"],
    "alter function f(int) security definer set search_path = ''": ["function f(integer): security definer, search path ''"],
    "savepoint a; create table t (n int); rollback to a; create table u (); release a": ["table u"],
    "savepoint a; create table t (); savepoint b; drop table t; rollback work to savepoint B; savepoint c": ["table t"],
    "savepoint a; set search_path = s; rollback to a; create table t (); release savepoint a": ["table t"],
    "alter policy p on t using (true)": ["policy p on t: using true"],
    "do $x$ begin begin create type m as enum ('a'); exception when duplicate_object then null; end; end $x$": [
        "type m",
        "label a of type m",
    ],
    "do $$ begin execute 'create view v as select 1'; execute format('drop table %I', 'x'); end $$": ["view v"],
    "do $$ declare create_it boolean; begin perform 1; select 'create table no (a int)'; end $$": [],
}


@pytest.mark.parametrize("text", CASES)
def test_a_statement_claims(text: str) -> None:
    assert told(text + ";") == CASES[text]


@pytest.mark.parametrize(
    ("head", "odd"),
    [("", False), ("set datestyle = 'German'", True), ("set local time zone 'UTC'", True), ("set role x", False),
     ("select set_config('IntervalStyle', 'iso_8601', false)", True), ("set xml option content; reset all", False),
     ("savepoint a; set transform_null_equals = on; rollback to a", False)],
)  # fmt: skip
def test_a_literal_that_a_setting_makes_mean_something_else_says_nothing(head: str, odd: bool) -> None:
    found = claims(f"{head}; create table t (d date default '2.1.2024', n int default 1)")
    defaults = {claim.thing.name: text for claim in found for part, text in claim.parts if part == "default"}
    assert (defaults["d"] == ANY, defaults["n"] == ANY) == (odd, False)


def test_what_is_not_read_is_counted_so_that_silence_is_no_proof() -> None:
    read = claims_of(
        examine("x.sql", b"select 1; grant all on t to x; create cast (a as b) without function; do $$ begin execute x; end $$;"),
        ("public",),
    )
    assert (read.told, read.data, read.unread) == ([], 2, 2)


def test_what_a_block_puts_together_when_it_runs_is_known_by_its_kind_where_its_text_tells() -> None:
    read = claims_of(
        examine(
            "x.sql", b"do $$ begin execute format('drop policy %I on %I', 'p', 't'); execute format('grant x to %I', y); end $$;"
        ),
        ("public",),
    )
    (hidden,) = [one for one in read.claims if isinstance(one, Unread)]
    assert [(effect.kinds, effect.verb) for effect in hidden.effects] == [(frozenset({"policy"}), "drop")]
    assert {"p", "t"} <= hidden.words


def test_a_text_that_is_put_together_is_known_by_all_of_its_literals() -> None:
    def effects(text: str) -> list[tuple[frozenset[str] | None, str, frozenset[str] | None]]:
        block = f"do $$ begin for v in select f loop execute {text}; end loop; end $$;"
        hidden = [one for one in claims_of(examine("x.sql", block.encode()), ("public",)).claims if isinstance(one, Unread)]
        return [(effect.kinds, effect.verb, effect.parts) for one in hidden for effect in one.effects]

    function = frozenset({"function"})
    assert effects("'alter function ' || v || ' set search_path from current'") == [
        (function, "alter", frozenset({"search path"}))
    ]
    assert effects("case when v then 'alter view ' else 'alter sequence ' end || v || ' owner to ' || w") == []
    assert effects("'revoke all on ' || v || ' from public'") == []
    assert effects("v") == [(None, "any", None)]


def test_what_is_made_where_it_is_missing_is_there_afterwards() -> None:
    (table, column, other) = claims(
        "do $$ begin if to_regclass('t') is null then create table t (a int); create view v as select 1; end if; end $$"
    )
    assert (table.certain, table.lenient, column.certain, other.certain) == (True, True, False, False)


def test_bare_names_are_looked_for_under_the_path_that_the_file_sets() -> None:
    found = claims("create table a (); set search_path = ship, public; create table b (); reset search_path; create table c ();")
    assert [(claim.thing.schema, claim.thing.name) for claim in found] == [("public", "a"), ("ship", "b"), ("public", "c")]


def test_names_are_cut_where_the_server_cuts_them() -> None:
    long = "é" * 40
    (claim,) = claims(f'create index "{long}" on t (a)')
    assert len(claim.thing.name.encode()) <= LONGEST_NAME
    assert claim.thing.name == "é" * 31
    assert len(server_name("t" * 60, ["c" * 60], "fkey").encode()) <= LONGEST_NAME


def test_a_condition_keeps_nothing_certain() -> None:
    plain, guarded = claims(
        "create function f() returns int language sql as 'select 1';"
        "do $$ begin if x is null then create function g() returns int language sql as 'select 1'; end if; end $$;"
    )
    assert (plain.body, plain.certain, guarded.certain) == ("select 1", True, False)


def test_lines_are_those_of_the_file_inside_blocks_too() -> None:
    found = claims("-- one\ndo $$\nbegin\n  create table t (a int);\n\n  create table u (a int);\nend\n$$;")
    assert [(str(claim.thing), claim.line) for claim in found if claim.thing.kind == "table"] == [("table t", 4), ("table u", 6)]


def test_the_table_that_a_statement_is_about() -> None:
    for text, table in (
        ("create index i on public.t (a)", ("public", "t")),
        ("create index on t (a)", ("public", "t")),
        ("alter table only t add check (a > 0)", ("public", "t")),
        ("alter table t rename to u", ("public", "t")),
        ("create trigger g after insert on x.t execute function f()", ("x", "t")),
        ("select 1", None),
    ):
        assert table_of(text, "public") == table, text


def test_no_text_however_broken_makes_it_stumble() -> None:
    chance = random.Random(7)
    files = [*(ROOT / "sql" / "migrations").glob("*.sql"), *Path(__file__).parent.glob("supabase_project/**/*.sql")]
    texts = [";".join(CASES)] + [path.read_text(encoding="utf-8") for path in sorted(files)]
    for text in texts:
        words = [token.text for token in significant(text)]
        for _ in range(40):
            start = chance.randrange(max(1, len(words)))
            piece = words[start : start + chance.randrange(60)]
            for _ in range(chance.randrange(4)):
                if piece:
                    piece.pop(chance.randrange(len(piece)))
            claims(" ".join(piece))
            table_of(" ".join(piece), "public")

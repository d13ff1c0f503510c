r"""What is told of a migration file before anything runs; what is claimed of the server is asked of a server."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatops.migrations.edits import Edit, edited_finished, edited_statements
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.preflight import examine, load
from chatops.migrations.scanner import scan
from chatops.migrations.statements import outside_transaction
from tests.corpus.nasty import GAPS, Writer
from tests.servers import Database

MORE = 20 if os.environ.get("CHATOPS_TEST_LONG") else 1


def examined(text: str | bytes) -> MigrationText:
    return examine("007_x.sql", text if isinstance(text, bytes) else text.encode())


def told(text: str | bytes) -> list[tuple[str, str, str]]:
    """Place, severity and code of every problem."""
    return [(p.where.removeprefix("007_x.sql").lstrip(":"), p.severity, p.code) for p in examined(text).problems]


# ---- files as such -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\ufeff", " \n\t\n", "-- a\n/* b /* c */ */\n;;\n", "\\restrict x\n-- a\n\\unrestrict x\n"])
def test_a_file_without_statements_has_nothing_to_run(text: str) -> None:
    read = examined(text)
    assert (read.problems, read.statements, read.runnable) == ((), (), True)


def test_a_file_that_is_not_utf_8_is_told_by_line_and_column() -> None:
    assert told("\ufeffselect 1;\r\nselect 'é".encode() + b"\xe9';") == [("2:10", "error", "not-utf-8")]
    assert told("select 1".encode("utf-16")) == [("1:1", "error", "not-utf-8")]
    assert "UTF-16" in examined("select 1".encode("utf-16")).problems[0].message
    assert "0xe9 at offset 8" in examined(b"select '\xe9'").problems[0].message


def test_a_nul_is_refused() -> None:
    assert told("select 1;\n select '\0';") == [("2:10", "error", "nul")]


def test_a_file_that_cannot_be_read_is_a_problem_and_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "002_folder.sql").mkdir()
    (tmp_path / "003_gone.sql").symlink_to(tmp_path / "nowhere")
    for name in ("001_missing.sql", "002_folder.sql", "003_gone.sql"):
        (problem,) = load(tmp_path / name).problems
        assert (problem.file, problem.code, problem.severity, problem.where) == (name, "unreadable", "error", name)
    (tmp_path / "004_fine.sql").write_bytes(b"select 1;")
    assert load(tmp_path / "004_fine.sql").runnable


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("select 1;\nselect 'a;", "2:8"),
        ("select 1;\n /* a", "2:2"),
        ("do $$ begin", "1:4"),
        ("select (1;\nselect 2;", "1:8"),
        ("copy t from stdin;\n1\n", "1:18"),
        ("create function f() returns int begin atomic select 1;", "1:33"),
    ],
)
def test_text_that_is_never_closed_is_refused_where_it_was_opened(text: str, where: str) -> None:
    assert (where, "error", "unterminated") in told(text)


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = "-- chatops: no-transacton\nbegin;\n\\echo it's\ncommit;\nselect '\0';\nselect 'a"
    assert told(text) == [
        ("1:1", "error", "unknown-directive"),
        ("2:1", "error", "transaction-control"),
        ("3:1", "error", "meta-command"),
        ("4:1", "error", "transaction-control"),
        ("5:9", "error", "nul"),
        ("6:8", "error", "unterminated"),
    ]
    assert all(problem.message and problem.hint for problem in examined(text).problems)


# ---- the text and its checksum -------------------------------------------------------------------------------------


def test_byte_order_mark_and_line_endings_are_no_difference() -> None:
    unix = examined("-- effect: é\nselect $$\na\n$$;\n")
    windows = examined("\ufeff-- effect: é\r\nselect $$\r\na\r\n$$;\r\n")
    assert windows.checksum == unix.checksum
    assert windows.sent == unix.sent == unix.text
    assert windows.effect == "é"
    assert examined("-- effect: é\nselect $$\na \n$$;\n").checksum != unix.checksum


def test_the_restrict_lines_of_pg_dump_are_blanked_in_place() -> None:
    file = examined("\\restrict 4yVY;'\nselect 1;\n  \\unrestrict 4yVY;'\nselect 2;\n")
    assert file.problems == ()
    assert [statement.line for statement in file.statements] == [2, 4]
    assert len(file.sent) == len(file.text)
    assert "restrict" not in file.sent
    assert file.sent.split() == ["select", "1;", "select", "2;"]
    assert [file.sent[s.start : s.end] for s in file.statements] == ["select 1", "select 2"]


def test_the_effect_is_the_line_for_people_and_may_go_on() -> None:
    assert examined("-- 019\n-- effect: late replies\n--   are refused\n\nselect 1;").effect == "late replies are refused"
    assert examined("select 1; -- effect: none").effect is None


# ---- how a file runs -----------------------------------------------------------------------------------------------


def test_a_file_runs_in_one_transaction_unless_it_says_otherwise_or_cannot() -> None:
    assert examined("select 1").mode == "transaction"
    assert examined("-- chatops: no-transaction\nselect 1").mode == "statements"
    assert examined("/* x */\n--chatops:  Batched \nupdate t set a = 1").mode == "batched"
    recognised = examined("-- a\ncreate index concurrently i on t (a);")
    assert recognised.mode == "statements"
    assert recognised.mode_reason == "CREATE INDEX CONCURRENTLY at line 2 cannot run in a transaction"
    assert recognised.problems == ()


def test_a_directive_that_would_be_overlooked_is_refused() -> None:
    assert told("-- chatops:\nselect 1") == [("1:1", "error", "unknown-directive")]
    assert told("-- chatops: batched\n-- chatops: no-transaction\nselect a from t") == [
        ("2:1", "error", "conflicting-directives")
    ]
    assert told("select 1; -- chatops: batched\nselect '\n-- chatops: batched\n';\n-- chatops: batched") == [
        ("1:11", "error", "late-directive"),
        ("5:1", "error", "late-directive"),
    ]
    assert told("copy t from stdin;\n-- chatops: batched\n\\.\nselect 1 -- chatops: batched\n;") == [
        ("4:10", "error", "late-directive")
    ]


def test_a_recognised_file_that_holds_more_says_what_is_not_undone() -> None:
    text = "set statement_timeout = 0;\ncreate index concurrently i on t (a);\nselect 1;\nselect 2;"
    assert told(text) == [("2:1", "warning", "mixed-file")]
    assert "2 other statements are" in examined(text).problems[0].message
    assert told(f"-- chatops: no-transaction\n{text}") == []


@pytest.mark.parametrize(
    ("statement", "warned"),
    [
        ("delete from t where id in (select id from t limit current_setting('chatops.batch_size')::int)", False),
        ("with a as (update t set a = f('chatops.BATCH_SIZE')) select 1 from a", False),
        ("delete from chatops.settings where key = 'place'", False),
        ("select mend(100)", False),
        ("update t set a = 1 -- chatops.batch_size", True),
        ("with a as (delete from t where id in (select id from t limit 50) returning 1) select count(*) from a", True),
        ("merge into t using s on true when matched then delete", True),
    ],
)
def test_a_batch_that_could_not_be_made_smaller_is_told_before(statement: str, warned: bool) -> None:
    assert told(f"-- chatops: batched\n{statement};\n") == ([("2:1", "warning", "batched-unsized")] if warned else [])


def test_a_batched_file_holds_only_what_can_be_repeated_in_a_transaction() -> None:
    text = "-- chatops: batched\nupdate t set a = 1;\nvacuum t;\nselect 'f()';\nselect f();\ncopy t from stdin;\n1\n\\.\n"
    assert told(text) == [
        ("2:1", "warning", "batched-unsized"),
        ("3:1", "error", "batched-outside-transaction"),
        ("4:1", "warning", "batched-query"),
        ("6:1", "error", "batched-copy"),
    ]


# ---- statements that need the transaction, or end it ---------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "begin",
        "BEGIN /* x */ work",
        "start transaction",
        "commit",
        "commit and chain",
        "end",
        "rollback",
        "rollback work",
        "abort",
        "prepare transaction 'a'",
        "commit prepared 'a'",
        "rollback prepared 'a'",
    ],
)
def test_transaction_control_at_top_level_is_refused(statement: str) -> None:
    assert told(f"select 1;\n{statement};") == [("2:1", "error", "transaction-control")]
    assert told(f"-- chatops: no-transaction\n{statement};") == [("2:1", "error", "transaction-control")]


@pytest.mark.parametrize(
    "statement",
    [
        "savepoint a; rollback to a; rollback work to savepoint a; release a",
        "prepare a as select 1",
        "do $$ begin null; end $$",
        "create function f() returns int begin atomic select 1; end",
        "select 1 as begin, 2 as commit",
        "set local a.b = 1",
        "set constraints all deferred",
        "lock table t",
        "select 'begin;commit;'",
    ],
)
def test_what_only_looks_like_transaction_control_is_not_refused(statement: str) -> None:
    assert told(f"{statement};") == []


def test_what_needs_a_transaction_is_told_where_there_is_none() -> None:
    head = "-- chatops: no-transaction\n"
    assert told(f"{head}savepoint a;") == [("2:1", "error", "needs-a-transaction")]
    assert told(f"{head}rollback to a;") == [("2:1", "error", "needs-a-transaction")]
    assert told(f"{head}set local lock_timeout = 1;") == [("2:1", "warning", "needs-a-transaction")]
    assert told(f"{head}lock table t;") == [("2:1", "warning", "needs-a-transaction")]


def test_the_isolation_level_cannot_be_chosen_any_more(database: Database) -> None:
    text = "set transaction isolation level serializable"
    assert told(text) == [("1:1", "error", "set-transaction")]
    with database.connect() as connection, pytest.raises(psycopg.errors.ActiveSqlTransaction):
        connection.execute(f"begin; select 1; {text}")


def test_discarding_the_session_is_refused() -> None:
    assert ("1:1", "error", "discards-session") in told("discard all")
    assert told("discard plans") == []


# ---- psql's own ----------------------------------------------------------------------------------------------------


def test_backslash_commands_are_refused_with_what_to_do_instead() -> None:
    text = "\\i other.sql\nselect 1 \\gexec\n\\copy t from 'x'\n\\.\nselect 2,\n\\restrict a\n3;"
    found = examined(text)
    assert told(text) == [
        ("1:1", "error", "meta-command"),
        ("2:10", "error", "meta-command"),
        ("3:1", "error", "meta-command"),
        ("4:1", "error", "meta-command"),
    ]
    assert "EXECUTE" in found.problems[1].hint
    assert "stdin" in found.problems[2].hint


def test_what_stands_between_a_copy_and_its_rows_is_refused() -> None:
    assert told("copy t from stdin; select 1;\n1\n\\.\n") == [("1:20", "error", "copy-line")]
    assert told("copy t from stdin; ; -- rows\n1\n\\.\n") == []


def test_a_copy_to_nobody_is_refused() -> None:
    assert told("copy t to stdout;\ncopy (select a from stdin) TO STDIN;\ncopy t to '/tmp/x'") == [
        ("1:1", "error", "copy-to-stdout"),
        ("2:1", "error", "copy-to-stdout"),
    ]


# ---- what a reader would overlook ----------------------------------------------------------------------------------


def test_characters_that_deceive_are_told() -> None:
    text = "select a\u00a0b;\nselect '\u00a0', \"\u00a0\"; -- \u00a0\nselect '\u202e';"
    assert told(text) == [("1:9", "warning", "invisible-character"), ("3:9", "warning", "invisible-character")]


# ---- edited files --------------------------------------------------------------------------------------------------

BEFORE = "create table t (a int);\n\nselect 1;\nselect $$ a $$;\nselect 2"


def edits(after: str, before: str = BEFORE) -> Sequence[Edit]:
    return edited_statements(examined(before).hashes, examined(after))


def test_blanks_and_comments_alone_are_no_edit() -> None:
    after = "-- why\ncreate table t(a\n int) ; select/**/1;;select $$ a $$; /* a /* b */ */\nselect 2;\n"
    assert edits(after) == ()
    assert examined(after).checksum != examined(BEFORE).checksum


def test_an_edit_names_the_statements_and_where_they_stand_now() -> None:
    assert edits(BEFORE.replace("select 1", "select 11")) == (Edit("changed", 1, 3),)
    assert edits(BEFORE.replace("$$ a $$", "$$  a $$")) == (Edit("changed", 2, 4),)
    assert edits(BEFORE.replace("select 1;", "select 0;\nselect 1;")) == (Edit("added", 1, 3),)
    assert edits(BEFORE.replace("select 1;", "")) == (Edit("removed", 1, 4),)
    assert edits(BEFORE + ";\nselect 3") == (Edit("added", 4, 6),)
    assert edits(BEFORE.removesuffix("select 2")) == (Edit("removed", 3, 4),)


def test_an_edited_row_of_a_copy_is_an_edit() -> None:
    before = "copy t from stdin;\n1\n2\n\\.\n"
    assert edits(before.replace("2", "3"), before) == (Edit("changed", 0, 1),)
    assert edits(before.replace("1\n", "1 \n"), before) == (Edit("changed", 0, 1),)
    assert edits(before.replace("stdin;", "stdin ; -- x"), before) == ()


def test_a_half_done_file_goes_on_only_if_its_finished_statements_are_the_same() -> None:
    old = examined(BEFORE).hashes
    later = examined(BEFORE.replace("select 2", "select 3;\nselect 4"))
    assert edited_finished(old, 3, later) == ()
    assert edited_finished(old, 4, later) == (Edit("changed", 3, 5),)
    assert edited_finished(old, 2, examined("create table t (a int)")) == (Edit("removed", 1, 1),)


def test_thousands_of_changed_statements_are_compared_in_no_time() -> None:
    before = "".join(f"select {n};" for n in range(9000))
    after = "".join(f"select {n};" for n in range(1, 9000, 2))
    assert len(edits(after, before)) == 8999


@settings(max_examples=50 * MORE, deadline=None)
@given(st.integers(min_value=0, max_value=2**32), st.integers(min_value=0, max_value=7), st.sampled_from(GAPS))
def test_one_edited_statement_among_nasty_ones_is_the_one_that_is_told(seed: int, index: int, gap: str) -> None:
    writer = Writer(seed)
    statements = [f"{writer.statement()}" for _ in range(8)]
    before = examined(";\n".join(statements))
    assume(not before.notes)  # a BEGIN at the head and an END at the end are no statements; one without the other is
    assert edited_statements(before.hashes, examined(f" ;{gap}\n".join(statements))) == ()
    statements[index] = "select 'edited'"
    after = examined(f"{gap};\n".join(statements))
    assert [(edit.what, edit.index) for edit in edited_statements(before.hashes, after)] == [("changed", index)]


@settings(max_examples=200 * MORE, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            (
                *("'", '"', "$$", "/*", "*/", "--", "\\", "\\.", "\n", "\r\n", ";", "(", ")", "\0", "\ufeff", "\u202e", "é"),
                *("copy t from stdin;\n", "begin", " atomic", "commit;", "vacuum", "-- chatops: batched\n", "\\restrict a\n"),
                *("do ", "'x'", "alter type e add value 'x';", "create function f() ", "end;"),
                "alter table t detach partition p concurrently;",
            )
        ),
        max_size=25,
    ).map("".join),
    st.binary(max_size=3),
)
def test_no_file_whatsoever_stops_the_examination(text: str, tail: bytes) -> None:
    file = examined(text.encode() + tail)
    assert len(file.hashes) == len(file.statements)
    assert len(file.sent) == len(file.text)
    lines = file.text.split("\n")
    for problem in file.problems:
        if problem.line is not None and file.text:
            assert 1 <= problem.line <= len(lines)
            assert problem.column is not None
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


# ---- what the server says ------------------------------------------------------------------------------------------

OUTSIDE = (
    "vacuum",
    "vacuum (analyze) t",
    "create index concurrently on t (a)",
    "create unique index /* x */ concurrently if not exists i on t (a)",
    "drop index concurrently t_a",
    "reindex table concurrently t",
    "reindex index concurrently t_a",
    "reindex (concurrently) table t",
    "reindex (verbose, concurrently true) index t_a",
    "reindex (concurrently on, verbose) table t",
    "reindex schema public",
    "reindex (verbose) schema concurrently public",
    "reindex database {database}",
    "reindex system {database}",
    "alter system set work_mem = '4MB'",
    "create database x",
    "drop database x",
    "alter database {database} set tablespace pg_default",
    "create tablespace x location '/x'",
    "drop tablespace x",
    "alter table parted detach partition part concurrently",
    'alter table only public."parted" detach partition public . "part" concurrently',
    "create subscription y connection 'dbname=x' publication p",
    "create subscription y connection 'with (connect = false)' publication p with (enabled = false, create_slot = true)",
    "drop subscription s",
    "alter subscription s enable; alter subscription s refresh publication",
    "alter subscription s enable; alter subscription s set publication p",
    "alter subscription s enable; alter subscription s add publication q with (copy_data = false)",
    "cluster",
    "cluster verbose",
    "discard all",
)
OUTSIDE_FROM_18 = ("alter subscription s set (failover = true)", "alter subscription s set (two_phase = false)")
INSIDE = (
    "analyze",
    "analyze t",
    "create index on t (a)",
    "create index concurrently_1 on t (a)",
    'create index "concurrently" on t (a)',
    "drop index t_a",
    "reindex table t",
    "reindex (concurrently false) table t",
    "reindex (verbose, concurrently off) index t_a",
    "refresh materialized view concurrently m",
    "alter table parted detach partition part",
    "alter table t add column x text default 'detach partition p concurrently'",
    "create subscription y connection 'dbname=x' publication p with (connect = false)",
    "create subscription y connection 'dbname=x' publication p with (create_slot = 'off', slot_name = none, enabled = 0, connect = 0)",
    "alter subscription s disable",
    "alter subscription s set (slot_name = none); drop subscription s",
    "alter subscription s set publication p with (refresh = false)",
    "alter subscription s set (synchronous_commit = off)",
    "cluster t using t_a",
    "checkpoint",
    "discard plans",
    "discard sequences",
    "alter database {database} set work_mem = '4MB'",
    "alter type e add value 'y'",
    "comment on table t is 'vacuum'",
    "truncate t",
)
SETTING = """
create table t (a int not null); create unique index t_a on t (a);
create table parted (a int) partition by list (a); create table part partition of parted for values in (1);
create materialized view m as select a from t; create unique index m_a on m (a);
create type e as enum ('x');
create subscription s connection 'dbname=x' publication p with (connect = false, slot_name = 'x');
"""


def refused_in_a_transaction(database: Database, statements: str) -> bool:
    """Whether the server will not have the last of these inside a transaction block."""
    with database.connect() as connection:
        connection.execute("begin")
        try:
            for statement in scan(statements):
                connection.execute(statement.text)
        except psycopg.errors.ActiveSqlTransaction:
            return True
        finally:
            connection.execute("rollback")
    return False


def test_the_statements_that_the_server_refuses_in_a_transaction_are_exactly_those_recognised(
    database_everywhere: Database,
) -> None:
    database = database_everywhere
    for statement in scan(SETTING):
        database.execute(statement.text)
    newest = database.value("select current_setting('server_version_num')::int >= 180000")
    try:
        for template in (*OUTSIDE, *INSIDE, *(OUTSIDE_FROM_18 if newest else ())):
            text = template.format(database=database.name)
            last = scan(text)[-1]
            recognised = outside_transaction(last) is not None
            if text.endswith("drop subscription s") and "slot_name = none" in text:
                # Only the statement before it tells, so that this one is run by itself: it works there too.
                assert recognised
                recognised = False
            assert refused_in_a_transaction(database, text) == recognised, text
    finally:
        database.execute("alter subscription s set (slot_name = none)")
        database.execute("drop subscription s")


def test_a_new_enum_value_in_use_is_told_because_the_server_refuses_it(database: Database) -> None:
    database.execute("create type mood as enum ('ok')")
    database.execute("create table t (a mood)")
    text = "alter type mood add value if not exists 'it''s' after 'ok';\ninsert into t values ('it''s');"
    assert told(text) == [("2:1", "warning", "new-enum-value")]
    with pytest.raises(psycopg.errors.UnsafeNewEnumValueUsage):
        database.script(text)
    assert (
        told("alter type mood add value 'a';\ninsert into t values ('ok');\ncreate function f() returns text return 'a';") == []
    )


def test_a_commit_in_a_do_block_is_refused_because_the_server_refuses_it(database: Database) -> None:
    text = "select 1;\ndo $$ begin perform 1; commit; end $$;"
    assert told(text) == [("2:1", "error", "commit-in-do")]
    with pytest.raises(psycopg.errors.InvalidTransactionTermination):
        database.script(text)
    assert told(f"-- chatops: no-transaction\n{text}") == []
    database.execute("do $$ begin perform 1; commit; end $$")
    assert told("do $$ begin raise notice 'x; commit;'; -- ; commit;\n end $$;") == []
    assert told("do 'begin if true then rollback; end if; end'") == [("1:1", "error", "commit-in-do")]


def test_the_words_of_a_file_with_a_byte_order_mark_are_what_the_server_reads(database: Database) -> None:
    file = examined("\ufeffcreate table t (a text);\r\ninsert into t values ('x\r\ny');\r\n")
    database.script(file.sent)
    assert database.value("select a from t") == "x\ny"

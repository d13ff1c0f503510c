"""adopt: which files a database has is proven from its catalog, and nothing is written without a yes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops import db, settings
from chatops.migrations.fingerprint import fingerprint
from tests.conftest import CORE, ROOT
from tests.servers import Database

Run = Callable[..., Any]
PROJECT = Path(__file__).with_name("supabase_project") / "supabase" / "migrations"
SHIPPED = ROOT / "sql" / "migrations"
HISTORY = """create schema supabase_migrations;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);"""


def by_hand(database: Database, folder: Path, *, last: str, without: tuple[str, ...] = ()) -> None:
    """Runs the numbered files through psql, one after the other, as people do."""
    for path in sorted(folder.glob("[0-9]*.sql")):
        if path.name[:3] <= last and path.stem not in without:
            done = database.psql(path.read_text(encoding="utf-8"))
            assert done.returncode == 0, f"{path.name}: {done.stderr}"


def states(chatops: Run, database: Database, *options: object, check: int = 0) -> dict[str, str]:
    """What adopt says of each file."""
    shown = json.loads(chatops("adopt", *options, "-o", "json", db=database, check=check).stdout)
    return {file["name"]: file["state"] for file in shown["files"]}


def found(chatops: Run, database: Database, name: str, *options: object, check: int = 0) -> dict[str, Any]:
    """All that adopt says of one file."""
    shown = json.loads(chatops("adopt", *options, "-o", "json", db=database, check=check).stdout)
    return next(file for file in shown["files"] if file["name"] == name)


def recorded(database: Database) -> list[str]:
    """The files in the ledger; none where there is no ledger."""
    if database.value("select to_regclass('chatops.migrations') is null"):
        return []
    return [row[0] for row in database.execute("select name from chatops.migrations order by number, name")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the synthetic Supabase project's migrations, to be changed at will."""
    return Path(shutil.copytree(PROJECT, tmp_path / "shop" / "supabase" / "migrations"))


# -- a Supabase folder, by hand ------------------------------------------------------------------------------------------


def test_a_supabase_folder_with_doubled_numbers_run_by_hand_is_proven_to_016_and_migrate_applies_the_rest(
    chatops_inprocess: Run, database_everywhere: Database, project: Path
) -> None:
    by_hand(database_everywhere, project, last="016")
    told = states(chatops_inprocess, database_everywhere, "--dir", project)
    assert len(told) == 19
    assert {name for name, state in told.items() if state == "pending"} == {"017_fix_concurrent_messages"}
    assert {name for name, state in told.items() if state == "unprovable"} == {
        "005_storage", "006_seed_profiles", "009_drop_uploads", "011_grants",
    }  # fmt: skip
    assert all(state in ("applied", "pending", "unprovable") for state in told.values())
    assert recorded(database_everywhere) == []

    chatops_inprocess("adopt", "--dir", project, "--yes", db=database_everywhere, check=0)
    assert len(recorded(database_everywhere)) == 18
    applied = chatops_inprocess("migrate", "--dir", project, "--yes", "-o", "json", db=database_everywhere, check=0)
    assert [file["name"] for file in json.loads(applied.stdout)["applied"]] == ["017_fix_concurrent_messages"]
    assert database_everywhere.value("select should_keep_assignment(null, 'assigned', gen_random_uuid())")


def test_a_file_without_a_number_is_named_and_left_alone(chatops_inprocess: Run, database: Database, project: Path) -> None:
    shown = chatops_inprocess("adopt", "--dir", project, db=database, check=0)
    assert "verify.sql" in shown.stdout
    assert "verify" not in states(chatops_inprocess, database, "--dir", project)


def test_with_a_function_missing_the_file_is_partial_and_the_function_is_named(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    database.execute("drop function detect_stuck_chats(integer)")
    file = found(chatops_inprocess, database, "016_chat_state_verification", "--dir", project, check=1)
    assert file["state"] == "partial"
    assert file["missing"] == ["function detect_stuck_chats(integer)"]
    refused = chatops_inprocess("adopt", "--dir", project, "--yes", db=database, check=4)
    assert "missing: function detect_stuck_chats(integer)" in refused.stderr
    assert "--accept 016_chat_state_verification" in refused.stderr
    assert recorded(database) == []


def test_every_object_that_goes_missing_is_named(chatops_inprocess: Run, database: Database, project: Path) -> None:
    by_hand(database, project, last="016")
    losses = {
        "alter table chats drop column last_operator_id": ("014_chat_state_management", "column chats.last_operator_id"),
        "alter table chats drop constraint chats_age": ("001_initial_schema", "constraint chats_age on chats"),
        "drop index idx_chats_operator": ("002_indexes", "index idx_chats_operator"),
        'drop policy "Operators read messages" on messages': (
            "003_row_level_security",
            "policy Operators read messages on messages",
        ),
        "alter table messages disable row level security": ("003_row_level_security", "row level security of messages (off)"),
        "drop trigger chats_touch on chats": ("004_functions", "trigger chats_touch on chats"),
        "alter table chats alter column is_active drop not null": ("012_not_null", "not null of chats.is_active"),
        "alter type mood rename value 'delighted' to 'glad'": ("008_more_senders", "label delighted of type mood"),
        "alter table messages rename column content to body": (
            "007_rename_users",
            "column messages.content",
        ),
    }
    for loss, (name, thing) in losses.items():
        database.execute(loss)
        file = found(chatops_inprocess, database, name, "--dir", project, check=1)
        assert (file["state"], thing in file["missing"]) == ("partial", True), (loss, file)


def test_an_index_that_was_left_invalid_is_not_there(chatops_inprocess: Run, database: Database, project: Path) -> None:
    by_hand(database, project, last="016")
    database.execute("update pg_index set indisvalid = false where indexrelid = 'idx_chats_operator'::regclass")
    file = found(chatops_inprocess, database, "002_indexes", "--dir", project, check=1)
    assert file["missing"] == ["index idx_chats_operator (invalid)"]


def test_a_function_that_still_has_the_text_of_an_earlier_file_is_pending(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="014")
    told = states(chatops_inprocess, database, "--dir", project)
    assert told["004_functions"] == "applied"
    assert told["015_fix_assignment_function"] == "pending"


def test_a_body_that_differs_in_blanks_and_comments_alone_is_the_same(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    path = project / "015_fix_assignment_function.sql"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  v_chat uuid;", "  -- the one\n      v_chat   uuid;"), encoding="utf-8")
    assert states(chatops_inprocess, database, "--dir", project)[path.stem] == "applied"
    path.write_text(text.replace("limit 1", "limit 2"), encoding="utf-8")
    file = found(chatops_inprocess, database, path.stem, "--dir", project, check=1)
    assert (file["state"], file["other_bodies"]) == ("conflict", ["function assign_chat_to_operator(uuid)"])
    shown = chatops_inprocess("adopt", "--dir", project, "--diff", db=database, check=1).stdout
    assert "limit 2" in shown
    assert "limit 1" in shown


def test_a_file_that_somebody_looked_at_can_be_accepted_as_it_is(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    database.execute("drop function detect_stuck_chats(integer)")
    done = chatops_inprocess("adopt", "--dir", project, "--accept", "016_chat_state_verification", "--yes", db=database, check=0)
    assert "although something that it makes is missing" in done.stderr
    assert "016_chat_state_verification" in recorded(database)


# -- Supabase's history --------------------------------------------------------------------------------------------------


def test_applied_files_of_a_supabase_project_are_told_to_supabase_once_each_number(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    database.script(HISTORY)
    done = chatops_inprocess("adopt", "--dir", project, "--yes", db=database, check=0)
    history = database.execute(
        "select version, name, cardinality(statements) from supabase_migrations.schema_migrations order by 1"
    )
    numbers = sorted({path.name[:3] for path in project.glob("[0-9]*.sql")} - {"017"})
    assert [row[0] for row in history] == numbers
    assert ("014", "chat_state_management", 4) in history
    assert ("005", "config", 2) in history
    # The number is Supabase's key: it cannot be told of the second file of a number, and that is said.
    assert "cannot take 005_storage, 013_release" in done.stdout
    # A second run finds nothing to do.
    again = json.loads(chatops_inprocess("adopt", "--dir", project, "--yes", "-o", "json", db=database, check=0).stdout)
    assert again["to_record"] == again["to_record_in_supabase_history"] == []


def test_what_migrate_applied_since_is_told_to_supabase_by_adopt(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    database.script(HISTORY)
    chatops_inprocess("adopt", "--dir", project, "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--dir", project, "--yes", db=database, check=0)
    chatops_inprocess("adopt", "--dir", project, "--yes", db=database, check=0)
    assert database.value("select name from supabase_migrations.schema_migrations where version = '017'")


def test_supabases_history_is_believed_for_what_the_catalog_cannot_tell_and_for_bodies_but_not_for_missing_objects(
    chatops_inprocess: Run, database: Database, project: Path
) -> None:
    by_hand(database, project, last="016")
    database.script(HISTORY)
    for path in sorted(project.glob("[0-9]*.sql")):
        database.execute(
            "insert into supabase_migrations.schema_migrations (version, name) values (%s, %s) on conflict do nothing",
            (path.stem[:3], path.stem[4:]),
        )
    database.execute(
        "create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language sql as 'select null::uuid'"
    )
    told = states(chatops_inprocess, database, "--dir", project, check=1)
    assert told["006_seed_profiles"] == told["015_fix_assignment_function"] == "applied"
    assert told["005_storage"] == "unprovable"  # the history has the other 005_
    assert told["017_fix_concurrent_messages"] == "partial"  # it is said to be in, and its function is not there


def test_the_history_is_read_for_our_own_files_by_number_and_name(chatops_inprocess: Run, database: Database) -> None:
    database.script(ROOT / "tests" / "deployed_schema.sql")
    database.script(HISTORY)
    for name in ("001_initial_schema", "014_chat_state_management", "015_fix_assignment_function", "016_chat_state_verification"):
        database.execute("insert into supabase_migrations.schema_migrations values (%s, null, %s)", (name[:3], name[4:]))
    told = states(chatops_inprocess, database, check=1)
    assert told["014_chat_state_management"] == told["015_fix_assignment_function"] == "applied"
    assert told["017_fix_concurrent_messages"] == "conflict"
    chatops_inprocess("adopt", "--through", "016", "--yes", db=database, check=0)
    # Our files are not the project's: its history stays as it is.
    assert database.value("select count(*) from supabase_migrations.schema_migrations") == 4


# -- our own files -------------------------------------------------------------------------------------------------------


def test_our_own_files_to_016_are_proven_and_migrate_applies_the_rest(
    chatops_inprocess: Run, database_everywhere: Database
) -> None:
    by_hand(database_everywhere, SHIPPED, last="016")
    told = states(chatops_inprocess, database_everywhere)
    assert [name for name, state in told.items() if state == "applied"] == [
        "001_chat_core",
        "014_chat_state_management",
        "015_fix_assignment_function",
        "016_chat_state_verification",
    ]
    assert told["017_fix_concurrent_messages"] == "pending"
    chatops_inprocess("adopt", "--yes", db=database_everywhere, check=0)
    chatops_inprocess("migrate", "--to", "017", "--yes", db=database_everywhere, check=0)
    assert recorded(database_everywhere)[-1] == "017_fix_concurrent_messages"


REPLACED = """drop function get_assignment_queue_status();
create function get_assignment_queue_status()
returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer, oldest_waiting_chat timestamptz,
               average_wait_time_minutes numeric) language sql stable set search_path from current as 'select 42, 0, 0, now(), 0.0'"""
LEFT = {
    "function get_assignment_queue_status()": REPLACED,
    "function detect_stuck_chats(integer)": "alter function detect_stuck_chats(integer) security definer",
    "constraint chk_waiting_reply_has_timestamp": """alter table chats drop constraint chk_waiting_reply_has_timestamp,
        add constraint chk_waiting_reply_has_timestamp check (id is not null)""",
    "view chat_state_summary": """drop view chat_state_summary;
        create view chat_state_summary as select chat_state, count(*) from chats group by 1""",
}
"""What 016 makes only where it is missing, made by somebody else."""


@pytest.mark.sampled(2)
@pytest.mark.parametrize("what", LEFT)
def test_what_a_file_leaves_as_it_is_there_is_compared_all_the_same(
    what: str, chatops_inprocess: Run, core_database: Database
) -> None:
    core_database.execute("drop schema if exists chatops cascade")
    words = ("adopt", "--to", "017", "--dry-run")
    as_made = chatops_inprocess(*words, "--diff", db=core_database, check=0).stdout
    assert "016_chat_state_verification  applied  5 of 5 as in the file\n" in as_made
    assert "not compared" not in as_made
    assert "Everything is defined as the files define it." in as_made
    for statement in LEFT[what].split(";"):
        core_database.execute(statement)
    told = chatops_inprocess(*words, db=core_database, check=0).stdout
    assert "016_chat_state_verification  applied  4 of 5 as in the file; " in told, told
    assert (
        "016 makes only what is missing and leaves what is there: what differs is taken over as found. Both texts: chatops"
        in told
    )
    differs = chatops_inprocess(*words, "--diff", db=core_database, check=0).stdout
    assert re.search(rf"^--- 016_chat_state_verification: .*{re.escape(what)}", differs, re.MULTILINE), differs
    assert "Everything" not in differs


def test_what_is_there_as_a_view_of_ours_makes_it_is_as_in_the_file(chatops_inprocess: Run, latest_database: Database) -> None:
    latest_database.execute("delete from chatops.migrations where kind = 'versioned'")
    told = found(chatops_inprocess, latest_database, "016_chat_state_verification")
    assert (told["state"], told["found"]) == ("applied", "5 of 5 as in the file")


def test_the_proof_of_every_file_is_on_the_narrowest_screen_too(chatops_inprocess: Run, database: Database) -> None:
    for name in CORE[:-1]:
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    proofs = json.loads(chatops_inprocess("adopt", "--dry-run", "-o", "json", db=database).stdout)["files"]
    told = {
        width: chatops_inprocess("adopt", "--dry-run", db=database, terminal=(width, 24)).stdout for width in (40, 60, 71, 72, 80)
    }
    for width, text in told.items():
        for proof in proofs:
            assert proof["name"] in text
            assert "".join(proof["found"].split()) in "".join(text.split()) or width > 71, (width, proof)
        assert "not shown" not in text, text


def test_a_database_at_the_newest_file_is_proven_wholly(chatops_inprocess: Run, latest_database: Database) -> None:
    latest_database.execute("delete from chatops.migrations where kind = 'versioned'")
    told = states(chatops_inprocess, latest_database)
    assert set(told.values()) <= {"applied", "unprovable"}
    assert told["017_fix_concurrent_messages"] == "applied"


def test_one_function_missing_from_our_015_is_partial_and_named(chatops_inprocess: Run, database: Database) -> None:
    by_hand(database, SHIPPED, last="016")
    database.execute("drop function release_and_reassign_chat(uuid, text)")
    file = found(chatops_inprocess, database, "015_fix_assignment_function", check=1)
    assert file["state"] == "partial"
    assert file["missing"] == ["function release_and_reassign_chat(uuid, text)"]


def test_the_deployed_applications_own_014_to_017_are_conflicts_where_a_body_is_another_and_can_be_kept(
    chatops_inprocess: Run, database_everywhere: Database
) -> None:
    database_everywhere.script(ROOT / "tests" / "deployed_schema.sql")
    before = catalog_of(database_everywhere)
    told = states(chatops_inprocess, database_everywhere, check=1)
    assert told["001_chat_core"] == told["016_chat_state_verification"] == "applied"
    assert {name for name, state in told.items() if state == "conflict"} == {
        "014_chat_state_management",
        "015_fix_assignment_function",
        "017_fix_concurrent_messages",
    }
    refused = chatops_inprocess("adopt", "--yes", db=database_everywhere, check=4)
    assert "adopt --through 017" in refused.stderr
    assert recorded(database_everywhere) == []
    done = chatops_inprocess("adopt", "--through", "016", "--yes", db=database_everywhere, check=0)
    assert "counted as applied with what the database has" in done.stderr
    assert len(recorded(database_everywhere)) == 4
    assert catalog_of(database_everywhere) == before


def catalog_of(database: Database) -> str:
    """The fingerprint of its schema public."""
    target = settings.resolve(settings.Options((database.url,), None, "public"))
    with db.connect(target, "test") as connection:
        return fingerprint(connection).sha256


def test_an_empty_database_has_nothing_to_take_over(chatops_inprocess: Run, database: Database) -> None:
    shown = chatops_inprocess("adopt", "--yes", db=database, check=0)
    assert "no file of chatops is in yet" in shown.stdout
    assert recorded(database) == []


def test_only_looking_writes_nothing(chatops_inprocess: Run, core_database: Database) -> None:
    target = settings.resolve(settings.Options((core_database.url,), None, "chatops"))
    with db.connect(target, "test") as connection:
        before = fingerprint(connection), fingerprint(connection, "public")
        for options in ((), ("--dry-run", "--yes"), ("--through", "016", "--dry-run"), ("--diff",)):
            chatops_inprocess("adopt", *options, db=core_database, check=0)
        assert (fingerprint(connection), fingerprint(connection, "public")) == before
    assert recorded(core_database) == []


def test_what_was_taken_over_is_recorded_once(chatops_inprocess: Run, core_database: Database) -> None:
    chatops_inprocess("adopt", "--yes", db=core_database, check=0)
    rows = core_database.execute("select name, state, checksum, run_id from chatops.migrations order by number")
    assert {row[1] for row in rows} == {"adopted"}
    assert set(states(chatops_inprocess, core_database).values()) >= {"recorded"}
    shown = chatops_inprocess("adopt", "--yes", db=core_database, check=0)
    assert "Nothing to take over: the ledger has every file that is in" in shown.stdout
    assert core_database.execute("select name, state, checksum, run_id from chatops.migrations order by number") == rows


def test_the_ledger_alone_can_be_made(chatops_inprocess: Run, database: Database) -> None:
    database.script(ROOT / "tests" / "deployed_schema.sql")
    chatops_inprocess("adopt", "--ledger-only", "--yes", db=database, check=0)
    assert database.value("select count(*) from chatops.migrations") == 0
    assert database.value("select count(*) from chatops.actions") == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--through", "999"), "999"),
        (("--accept", "nothing"), "--accept nothing"),
        (("--through", "016", "--accept", "015"), "leave out --accept"),
        (("--ledger-only", "--through", "016"), "--ledger-only records no file"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    arguments: tuple[str, ...], word: str, chatops_inprocess: Run, core_database: Database
) -> None:
    assert word in chatops_inprocess("adopt", *arguments, "--yes", db=core_database, check=2).stderr
    assert recorded(core_database) == []


def test_a_tenants_schema_is_proven_by_itself(chatops_inprocess: Run, core_database: Database) -> None:
    core_database.execute("create schema tenant")
    told = states(chatops_inprocess, core_database, "--schema", "tenant")
    assert set(told.values()) <= {"pending", "unprovable"}


# -- files that undo each other ------------------------------------------------------------------------------------------


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    ("name", "files", "applied", "expected"),
    [
        ("a table that a later file renames", ["create table a (x int)", "alter table a rename to b"], 2, "applied applied"),
        ("a table that a later file will rename", ["create table a (x int)", "alter table a rename to b"], 1, "applied pending"),
        ("a column that a later file drops", ["create table a (x int, y int)", "alter table a drop column y"], 2, "applied applied"),
        ("a column that is still there", ["create table a (x int, y int)", "alter table a drop column y"], 1, "applied pending"),
        ("an index that goes with its table", ["create table a (x int); create index i on a (x)", "drop table a",
         "create view v as select 1"], 3, "unprovable unprovable applied"),
        ("what a cascade takes", ["create table a (x int)", "create view v as select x from a", "drop table a cascade"], 3,
         "unprovable unprovable unprovable"),
        ("a function in three texts", ["create function f() returns int language sql as 'select 1'",
         "create or replace function f() returns int language sql as 'select 2'",
         "create or replace function f() returns int language sql as 'select 3'"], 2, "unprovable applied pending"),
        ("a function with other arguments", ["create function f(a int) returns int language sql as 'select 1'",
         "drop function f(int); create function f(a int, b text) returns int language sql as 'select 2'"], 2, "applied applied"),
        ("an overload", ["create function f(a int) returns int language sql as 'select 1'",
         "create function f(a varchar) returns int language sql as 'select 2'"], 1, "applied pending"),
        ("a policy made anew", ["create table a (x int); create policy p on a using (true)",
         "drop policy p on a; create policy p on a using (x > 0)"], 2, "applied applied"),
        ("a constraint, then its validation", ["create table a (x int)", "alter table a add constraint c check (x > 0) not valid",
         "alter table a validate constraint c"], 2, "applied applied pending"),
        ("a table that a later file makes again", ["create table a (x int)", "drop table a", "create table a (y int)"], 3,
         "unprovable unprovable applied"),
        ("a new label", ["create type m as enum ('a')", "alter type m add value 'b'"], 1, "applied pending"),
        ("a dropped label's type", ["create type m as enum ('a')", "drop type m", "create table a (x int)"], 3,
         "unprovable unprovable applied"),
        ("only data", ["create table a (x int)", "insert into a values (1)", "create view v as select 1"], 1,
         "applied unprovable pending"),
    ],
)  # fmt: skip
def test_later_files_are_taken_into_account(
    name: str, files: list[str], applied: int, expected: str, chatops_inprocess: Run, database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number, text in enumerate(files, start=1):
        (folder / f"{number:03}_x.sql").write_text(text + ";\n", encoding="utf-8")
        if number <= applied:
            assert database.psql(text).returncode == 0, text
    assert " ".join(states(chatops_inprocess, database, "--dir", folder).values()) == expected, name


def test_how_far_to_is_from_what_is_in_is_said_wherever_it_points(chatops_inprocess: Run, database: Database) -> None:
    by_hand(database, SHIPPED, last="016")

    def told(*words: str, check: int = 0) -> str:
        done = chatops_inprocess("adopt", *words, db=database, check=check)
        return " ".join(f"{done.stdout} {done.stderr}".split())

    for wrong in ("099", "nothing", "16_x"):
        assert f"no file of chatops bears the number or name {wrong}" in told("--to", wrong, check=2)
    beyond = told("--to", "017", "--dry-run")
    assert "4 files to record as applied: 001_chat_core to 016_chat_state_verification" in beyond
    assert re.search(r"017 is not in: migrate runs it after this: chatops (\S+ )*migrate --to 017", beyond)
    assert "017 to 020 (4 files)" not in beyond
    assert "017, 018, 019 and 020 are not in: migrate runs them after this" in told("--to", "020", "--dry-run")
    assert "Beyond --to 015, 016 is in, too, and so counts as applied." in told("--to", "015", "--dry-run")
    exact = told("--to", "016_chat_state_verification.sql", "--dry-run")
    assert "not in: migrate" not in exact
    assert "Beyond" not in exact.split("001_chat_core applied")[0]
    assert "Nothing is left to apply up to --to 016. Check it: " in told("--to", "016", "--yes")
    again = told("--to", "017")
    assert "Nothing to take over: the ledger has every file that is in. 017 is not in: migrate runs it: " in again
    data = json.loads(chatops_inprocess("adopt", "--to", "017", "-o", "json", db=database, check=0).stdout)
    assert data["not_in"] == ["017_fix_concurrent_messages"]

"""rehearse: pending files run for real and are rolled back; what they do to others is measured, not guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops import db, settings
from chatops.migrations import rehearse_measure
from chatops.migrations.fingerprint import fingerprint
from chatops.migrations.lock_modes import STRENGTH, usual_locks
from chatops.migrations.preflight import examine
from chatops.migrations.rehearsal import Blocking, Piece, Rehearsal, RehearsedFile
from chatops.migrations.rehearse_measure import MeasuredScript
from chatops.migrations.scanner import scan
from tests.conftest import ROOT, build_core, made_by
from tests.servers import Database

Run = Callable[..., Any]
Rehearse = Callable[..., dict[str, Any]]
ROWS = 5_000
DEFERRED = """alter table operator_activity add constraint later foreign key (operator_id) references operators (id)
              deferrable initially deferred"""


def populate(database: Database) -> Database:
    """Some rows, and a ledger that knows another source: the database was taken over by chatops."""
    database.script(f"""
        insert into operators (name, is_available) values ('Ada', true), ('Ben', true);
        insert into fictional_users (name) values ('Vera');
        insert into real_users (name) select 'user ' || n from generate_series(1, {ROWS}) as n;
        insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users as u, fictional_users as f;
        insert into chatops.migrations (target_schema, source, name, number, checksum)
        values ('public', 'elsewhere', '001_x', 1, '')""")
    return database


def build_busy(database: Database) -> None:
    """The deployed system with some rows."""
    build_core(database)
    populate(database)


busy_database, busy_database_everywhere = made_by("busy", build_busy, "The deployed system with some rows")


def rehearsed(chatops: Run, database: Database, folder: Path, *options: object, check: int = 0) -> dict[str, Any]:
    """What rehearse tells programs."""
    shown = chatops("rehearse", "--dir", folder, *options, "-o", "json", db=database, check=check)
    told = json.loads(shown.stdout)
    told["by_file"] = {file["file"].partition("_")[2] or file["file"]: file for file in told["files"]}
    return dict(told)


@pytest.fixture
def rehearse(chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]) -> Rehearse:
    """Writes files of these texts, and rehearses them on the deployed system with some rows; the exit code is zero if not given."""
    return lambda exit_code=0, /, **texts: rehearsed(chatops_inprocess, busy_database, folder(**texts), check=exit_code)


def statement(told: dict[str, Any], name: str, index: int = 0) -> dict[str, Any]:
    """One measured statement of a file."""
    found = [one for one in told["statements"] if one["file"].partition("_")[2] == name]
    return dict(found[index])


def state_of(database: Database) -> tuple[str, list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Everything that a rehearsal must leave as it was: the catalog, the relfilenodes, the schemas."""
    target = settings.resolve(settings.Options((database.url,), None, "public"))
    with db.connect(target, "test") as connection:
        return (
            fingerprint(connection).sha256,
            database.execute("select oid, relfilenode from pg_class where oid >= 16384 order by oid"),
            database.execute("select nspname from pg_namespace where nspname !~ '^pg_' order by 1"),
        )


def test_a_rewrite_a_check_and_a_harmless_column_are_told_apart_and_no_trace_is_left(
    chatops_inprocess: Run, busy_database_everywhere: Database, folder: Callable[..., Path]
) -> None:
    files = folder(
        harmless="alter table chats add column note text;",
        check="alter table chats add constraint sane check (message_count >= 0);",
        rewrite="alter table chats add column token uuid default gen_random_uuid();",
    )
    before = state_of(busy_database_everywhere)
    told = rehearsed(chatops_inprocess, busy_database_everywhere, files)
    assert {file["status"] for file in told["files"]} == {"rehearsed"}
    for name in ("harmless", "check", "rewrite"):
        assert [(lock["relation"], lock["mode"]) for lock in statement(told, name)["locks"]] == [("chats", "ACCESS EXCLUSIVE")]
    assert statement(told, "harmless")["touched"] == []
    (scan,) = statement(told, "check")["touched"]
    assert (scan["what"], scan["relation"], scan["rows"]) == ("scans", "chats", ROWS)
    (rewrite,) = statement(told, "rewrite")["touched"]
    assert (rewrite["what"], rewrite["relation"], rewrite["rows"]) == ("rewrites", "chats", ROWS)
    assert rewrite["bytes"] > ROWS * 50
    assert "not valid" in statement(told, "check")["help"]
    assert "in batches" in statement(told, "rewrite")["help"]
    assert statement(told, "harmless")["help"] is None
    assert all(one["blocks"] == "every read and write" for one in told["blocking"])
    assert state_of(busy_database_everywhere) == before


def test_it_is_told_in_the_words_of_the_people_who_wait(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    files = folder(check="alter table chats add constraint sane check (message_count >= 0);\nselect pg_sleep(0.15);")
    shown = chatops_inprocess("rehearse", "--dir", files, db=busy_database, check=0).stdout
    assert "Nothing was changed." in shown
    assert re.search(r"→ blocks every read and write of chats for \d+\.\d s; 2 operators are on shift", shown)
    assert f"ACCESS EXCLUSIVE chats, scans {ROWS:,} rows of chats" in shown
    for heard, told in (("now()", "on shift$"), ("now() - interval '40 min'", "on shift, all of them silent for long$")):
        busy_database.execute(f"update operators set last_activity = {heard}; delete from operator_activity")
        shown = chatops_inprocess("rehearse", "--dir", files, db=busy_database, check=0).stdout
        assert re.search(rf"2 operators are {told}", shown, re.MULTILINE), shown


@pytest.mark.parametrize(
    ("text", "relation", "mode", "blocks"),
    [
        ("create index on chats (updated_at)", "chats", "SHARE", "every write"),
        ("create trigger t before insert on chats for each row execute function validate_chat_state_transition()",
         "chats", "SHARE ROW EXCLUSIVE", "every write"),
        ("alter table operator_activity add foreign key (operator_id) references operators (id)",
         "operators", "SHARE ROW EXCLUSIVE", "every write"),
        ("truncate operator_activity", "operator_activity", "ACCESS EXCLUSIVE", "every read and write"),
        ("alter view chat_state_summary set (security_invoker = true)", "chat_state_summary", "ACCESS EXCLUSIVE", "every read and write"),
        ("update chats set updated_at = now()", "chats", None, "other writes of the changed rows"),
        ("comment on table chats is 'x'", "chats", "SHARE UPDATE EXCLUSIVE", None),
        ("alter table chats validate constraint chk_assigned_state_has_operator", "chats", "SHARE UPDATE EXCLUSIVE", None),
        ("reindex index idx_chats_waiting_assignment", "idx_chats_waiting_assignment", "ACCESS EXCLUSIVE", "every read and write"),
        ("select count(*) from chats", "chats", None, None),
    ],
)  # fmt: skip
def test_each_lock_is_told_by_whom_it_keeps_waiting(
    text: str, relation: str, mode: str | None, blocks: str | None, chatops_inprocess: Run, busy_database: Database,
    folder: Callable[..., Path],
) -> None:  # fmt: skip
    told = rehearsed(chatops_inprocess, busy_database, folder(one=text + ";"))
    modes = {lock["relation"]: lock["mode"] for lock in statement(told, "one")["locks"]}
    assert modes.get(relation) == mode
    assert {one["relation"]: one["blocks"] for one in told["blocking"]}.get(relation) == blocks


def test_a_lock_that_an_earlier_file_still_holds_is_told_again_as_such(rehearse: Rehearse) -> None:
    told = rehearse(first="alter table chats add column a int;", second="create index on chats (a);", third="select 1;")
    (lock,) = statement(told, "second")["locks"]
    assert lock == {"relation": "chats", "mode": "SHARE", "held_since": "101_first"}
    assert statement(told, "third")["locks"] == []
    assert [one["blocks"] for one in told["blocking"] if one["file"] == "102_second"] == ["every write"]


def test_locks_that_cannot_be_seen_are_those_that_the_manual_names() -> None:
    for text, locks in {
        "alter table only public.t add column a int": {"t": "ACCESS EXCLUSIVE"},
        "alter table t validate constraint c": {"t": "SHARE UPDATE EXCLUSIVE"},
        "alter table t alter column a set statistics 10": {"t": "SHARE UPDATE EXCLUSIVE"},
        "alter table t validate constraint c, add b int": {"t": "ACCESS EXCLUSIVE"},
        "alter table t add constraint f foreign key (a, b) references u (a, b)": {
            "t": "SHARE ROW EXCLUSIVE", "u": "SHARE ROW EXCLUSIVE",
        },
        "alter table t add column a int references public.u (id)": {"t": "ACCESS EXCLUSIVE", "u": "SHARE ROW EXCLUSIVE"},
        "create index i on public.t (a)": {"t": "SHARE"},
        "create trigger g after insert on t for each row execute function f()": {"t": "SHARE ROW EXCLUSIVE"},
        "drop trigger g on t": {"t": "ACCESS EXCLUSIVE"},
        "create policy p on t using (true)": {"t": "ACCESS EXCLUSIVE"},
        "drop table if exists a, public.b cascade": {"a": "ACCESS EXCLUSIVE", "b": "ACCESS EXCLUSIVE"},
        "truncate t restart identity": {"t": "ACCESS EXCLUSIVE"},
        "lock table t in share mode": {"t": "ACCESS EXCLUSIVE"},
        "comment on column public.t.a is 'on u'": {"t": "SHARE UPDATE EXCLUSIVE"},
        "create or replace view v as select * from t": {"v": "ACCESS EXCLUSIVE"},
        "do $$ begin alter table if exists t add a int; end $$": {"t": "ACCESS EXCLUSIVE"},
        "create function f() returns int language sql as 'select 1'": {},
        "update t set a = 1": {},
    }.items():  # fmt: skip
        (one,) = scan(text)
        assert {name: STRENGTH[mode] for name, mode in usual_locks(one).items()} == locks, text


def test_what_a_file_makes_itself_blocks_nobody(rehearse: Rehearse) -> None:
    told = rehearse(
        new="create table fresh (id int);\ninsert into fresh select generate_series(1, 10);\nalter table fresh add primary key (id);"
    )
    assert told["blocking"] == []
    assert [one["locks"] for one in told["statements"]] == [[], [], []]


def test_a_new_index_on_an_old_table_is_told_with_the_rows_that_it_read(rehearse: Rehearse) -> None:
    told = rehearse(one="create index by_update on chats (updated_at);")
    (built,) = statement(told, "one")["touched"]
    assert (built["what"], built["index"], built["rows"]) == ("builds", "by_update", ROWS)


def test_a_look_reads_no_table_that_an_earlier_file_has_made_and_tells_of_old_ones_all_the_same(
    rehearse: Rehearse, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_together, read = rehearse_measure.held_together, list[int]()

    def counted(looks: Any) -> Any:
        read.append(max(len(look) for look in looks))
        return held_together(looks)

    monkeypatch.setattr(rehearse_measure, "held_together", counted)
    files = {f"f{n}": f"create table made_{n} (id int primary key);\ncreate index on made_{n} (id);" for n in range(30)}
    last = "alter table made_0 add column chat uuid references chats (id);\ncreate index on chats (created_at, updated_at);"
    told = rehearse(**files, last=last)
    # A look: what this file and the one before it have made, three relations each, and at the end chats with its indexes.
    assert len(read) == 62
    assert max(read[:-2]) <= 6
    assert {one["relation"] for one in told["blocking"]} == {"chats"}
    assert [one["what"] for one in statement(told, "last", 1)["touched"]] == ["builds"]


def test_beyond_max_hold_a_statement_is_cancelled_and_said_to_take_more(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    files = folder(long="alter table chats add column a int;\nselect pg_sleep(60);", after="select 1;")
    before = state_of(busy_database)
    told = rehearsed(chatops_inprocess, busy_database, files, "--max-hold", "300ms", check=1)
    assert told["by_file"]["long"]["status"] == "too long"
    assert statement(told, "long", 1)["more"] is True
    (blocking,) = told["blocking"]
    assert (blocking["relation"], blocking["more"]) == ("chats", True)
    assert told["by_file"]["after"]["status"] == "rehearsed"
    shown = chatops_inprocess("rehearse", "--dir", files, "--max-hold", "300ms", db=busy_database, check=1).stdout
    assert "blocks every read and write of chats for more than 0.3 s" in shown
    assert state_of(busy_database) == before


def test_a_file_that_went_through_but_blocks_for_longer_than_max_hold_is_found() -> None:
    def rehearsal(seconds: float, max_hold: float | None) -> Rehearsal:
        file = RehearsedFile("101_x", "rehearsed", blocking=(Blocking("chats", "every write", seconds),))
        return Rehearsal((file,), seconds, max_hold, None)

    assert rehearsal(2.1, 2).too_long
    assert not rehearsal(1.9, 2).too_long
    assert not rehearsal(2.1, None).too_long


def test_a_file_that_fails_is_told_with_its_line_and_ends_the_rehearsal(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    files = folder(fine="select 1;", bad="select 1;\n\nalter table nowhere add column a int;", after="select 1;")
    before = state_of(busy_database)
    told = rehearsed(chatops_inprocess, busy_database, files, check=4)
    assert [file["status"] for file in told["files"]] == ["rehearsed", "failed", "not reached"]
    assert "102_bad.sql:3:1" in told["by_file"]["bad"]["note"]
    assert "42P01" in told["by_file"]["bad"]["note"]
    assert state_of(busy_database) == before


def test_a_constraint_that_fails_only_at_commit_fails_here_too(busy_database: Database, rehearse: Rehearse) -> None:
    busy_database.execute(DEFERRED)
    told = rehearse(
        4,
        bad="alter table operator_activity drop constraint operator_activity_operator_id_fkey;\n"
        "insert into operator_activity (chat_id, operator_id) select id, gen_random_uuid() from chats limit 1;",
    )
    assert "23503" in told["by_file"]["bad"]["note"]


def test_changed_rows_with_deferred_checks_do_not_keep_the_next_file_from_altering_the_table(
    busy_database: Database, rehearse: Rehearse
) -> None:
    busy_database.execute(DEFERRED)
    told = rehearse(
        rows="insert into operator_activity (chat_id, operator_id) select c.id, o.id from chats as c, operators as o limit 1;",
        table="alter table operator_activity add column a int;",
    )
    assert [file["status"] for file in told["files"]] == ["rehearsed", "rehearsed"]


def test_a_new_enum_value_cannot_be_used_in_the_same_transaction_and_what_follows_starts_anew(
    chatops_inprocess: Run, busy_database_everywhere: Database, folder: Callable[..., Path]
) -> None:
    busy_database_everywhere.script("create type mood as enum ('calm'); create table moods (mood mood);")
    files = folder(
        value="alter type mood add value 'cross'; alter table moods add column at timestamptz;",
        use="insert into moods values ('calm'), ('cross');",
        after="alter table moods alter column at set default now(); update chats set updated_at = now() where false;",
    )
    told = rehearsed(chatops_inprocess, busy_database_everywhere, files)
    assert [file["status"] for file in told["files"]] == ["rehearsed", "not together", "rehearsed"]
    assert "101_value would be committed before it" in told["by_file"]["use"]["note"]
    # What the file before it did is still there; what it did itself is not counted for the next one.
    assert next(one["touched"] for one in told["statements"] if one["file"] == "103_after") == []


def test_what_cannot_be_rehearsed_is_named_with_the_reason_and_what_needs_it_is_no_failure(rehearse: Rehearse) -> None:
    told = rehearse(
        index="create unique index concurrently by_token on chats (id, created_at);",
        batches="-- chatops: batched\nupdate chats set message_count = 0 where false;",
        uses="alter table chats add constraint by_token unique using index by_token;",
        independent="select 1;",
    )
    statuses = [file["status"] for file in told["files"]]
    assert statuses == ["not rehearsable", "not rehearsable", "unknown", "rehearsed"]
    assert "CREATE INDEX CONCURRENTLY" in told["by_file"]["index"]["note"]
    assert "101_index" in told["by_file"]["uses"]["note"]


def test_rows_that_a_file_in_batches_would_mend_are_no_failure_of_the_constraint_behind_it(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    constraint = "alter table chats add constraint counted check (message_count > 0);"
    files = folder(mend="-- chatops: batched\nupdate chats set message_count = 1 where message_count = 0;", check=constraint)
    told = rehearsed(chatops_inprocess, busy_database, files)
    assert [file["status"] for file in told["files"]] == ["not rehearsable", "unknown"]
    assert "it may need 101_mend" in told["by_file"]["check"]["note"]
    (files / "101_mend.sql").unlink()
    rehearsed(chatops_inprocess, busy_database, files, check=4)


CORPUS = ROOT / "tests" / "corpus" / "folders"


def test_events_that_wait_for_the_commit_are_those_that_migrate_would_meet(
    chatops_inprocess: Run, database_everywhere: Database
) -> None:
    told = rehearsed(chatops_inprocess, database_everywhere, CORPUS / "10b-pending-trigger-events", check=4)
    assert [file["status"] for file in told["files"]] == ["rehearsed", "failed"]
    assert "55006" in told["by_file"]["move"]["note"]
    migrated = chatops_inprocess(
        "migrate", "--dir", CORPUS / "10b-pending-trigger-events", "--yes", db=database_everywhere, check=4
    )
    assert "55006" in migrated.stderr


@pytest.mark.parametrize("case", ["10c-deferred-other-tables", "02-temp-table-shadow", "33-adopt-set-search-path"])
def test_what_migrate_does_a_rehearsal_does(case: str, chatops_inprocess: Run, database_everywhere: Database) -> None:
    told = rehearsed(chatops_inprocess, database_everywhere, CORPUS / case)
    assert {file["status"] for file in told["files"]} == {"rehearsed"}
    assert database_everywhere.value("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    chatops_inprocess("migrate", "--dir", CORPUS / case, "--yes", db=database_everywhere, check=0)


KEPT = {
    "temporary table": ("create temp table y (n int)", "create temp table y (n text)"),
    "table below": ("create table y (n int); create temp table y (m int)", "insert into y (n) values (1)"),
    "prepared": ("prepare r as select 1", "prepare r as select 2; execute r"),
    "cursor": ("declare c cursor with hold for select 1", "declare c cursor with hold for select 2; fetch c"),
    "gone": ("create temp table x (n int)", "insert into x values (1)"),
    "currval": ("create sequence s; select nextval('s')", "select currval('s')"),
}


@pytest.mark.parametrize("what", KEPT)
def test_each_file_has_a_session_of_its_own_as_in_migrate(
    what: str, chatops_inprocess: Run, database_everywhere: Database, folder: Callable[..., Path]
) -> None:
    first, then = KEPT[what]
    path = folder(one=first, two=then, three="select 1")
    rehearsed = chatops_inprocess("rehearse", "--dir", path, db=database_everywhere)
    done = chatops_inprocess("migrate", "--dir", path, db=database_everywhere)
    assert (rehearsed.exit_code, done.exit_code) == ((4, 4) if what in ("gone", "currval") else (0, 0)), rehearsed.stdout


def test_a_value_of_an_enum_that_the_file_made_is_used_as_in_migrate_or_unknown(
    chatops_inprocess: Run, database_everywhere: Database, folder: Callable[..., Path]
) -> None:
    path = folder(one="create type m as enum ('a'); alter type m add value 'b'; create table t (m m default 'b')")
    rehearsed = chatops_inprocess("rehearse", "--dir", path, db=database_everywhere)
    done = chatops_inprocess("migrate", "--dir", path, db=database_everywhere)
    if done.exit_code:
        assert rehearsed.exit_code == 4
    else:
        assert "unknown" in rehearsed.stdout
        assert "a type that it made" in rehearsed.stdout


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("42710", "alter table chats add constraint spare check (true);"),
        ("22P02", "insert into moods values ('cross');"),
        ("42P07", "create table moods_of_old (mood mood);"),
        (
            "P0001",
            "do $$ begin if not exists (select from moods where mood::text = 'cross') then raise 'no cross moods'; end if; end $$;",
        ),
    ],
)
def test_a_failure_that_a_file_before_it_may_mend_is_unknown_whatever_it_is(
    error: str, text: str, chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    busy_database.script(
        "create type mood as enum ('calm'); create table moods (mood mood); create table moods_of_old ();"
        "alter table chats add constraint spare check (true)"
    )
    before = "-- chatops: no-transaction\nalter type mood add value 'cross';\ninsert into moods values ('cross');\n"
    before += "alter table chats drop constraint spare;\ndrop table moods_of_old;"
    files = folder(before=before, after=text, independent="alter table nowhere add column a int;")
    told = rehearsed(chatops_inprocess, busy_database, files, check=4)
    assert [file["status"] for file in told["files"]] == ["not rehearsable", "unknown", "failed"]
    assert error in told["by_file"]["after"]["note"]


def test_a_syntax_error_is_a_failure_whatever_came_before_it(rehearse: Rehearse) -> None:
    told = rehearse(
        4, mend="-- chatops: batched\nupdate chats set message_count = 1 where false;", bad="alter table chats add colum;"
    )
    assert [file["status"] for file in told["files"]] == ["not rehearsable", "failed"]


def test_a_long_file_of_rows_costs_hardly_more_than_its_own_statements() -> None:
    rows = "".join(f"insert into t values ({number});\n" for number in range(5000))
    piece = Piece("101_rows", (examine("101_rows.sql", f"create table t (a int);\n{rows}".encode()),))
    script = MeasuredScript(piece, None, 100, [])
    assert len(script.parts) < 1.1 * 5000
    assert sum(place.count for place in script.places) == 5001


def test_it_works_through_a_transaction_pooler(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path], through_pgbouncer: Callable[..., str]
) -> None:
    files = folder(one="alter table chats add column a int;", two="create index on chats (a);")
    before = state_of(busy_database)
    shown = chatops_inprocess("rehearse", "--dir", files, "-o", "json", db=through_pgbouncer(busy_database), check=0)
    assert [one["blocks"] for one in json.loads(shown.stdout)["blocking"]] == ["every read and write", "every write"]
    assert state_of(busy_database) == before


def test_rows_of_a_copy_are_copied(chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]) -> None:
    files = folder(rows="copy fictional_users (name) from stdin;\nMia\nPia\n\\.\nselect 1;")
    told = rehearsed(chatops_inprocess, busy_database, files)
    assert statement(told, "rows")["touched"] == [
        {"relation": "fictional_users", "what": "changes", "rows": 2, "bytes": None, "index": None}
    ]
    assert busy_database.value("select count(*) from fictional_users") == 1


def test_whoever_is_in_the_way_of_a_lock_is_named_and_nothing_was_changed(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    files = folder(one="alter table chats add column a int;")
    reader = busy_database.connect(autocommit=False, application_name="metabase")
    reader.execute("select count(*) from chats")
    told = chatops_inprocess("rehearse", "--dir", files, "--max-wait", "1s", db=busy_database, check=5)
    assert "nothing was changed" in told.stderr
    assert f"pid {reader.info.backend_pid} metabase" in told.stderr
    reader.rollback()
    chatops_inprocess("rehearse", "--dir", files, db=busy_database, check=0)


def test_a_file_cannot_end_the_rehearsals_transaction(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path]
) -> None:
    before = state_of(busy_database)
    files = folder(one="alter table chats add column a int;\ncommit;\nalter table chats add column b int;")
    chatops_inprocess("rehearse", "--dir", files, db=busy_database, check=4)
    files = folder(
        one="reset all;\nset statement_timeout = 0;\nset session authorization default;\nalter table chats add column a int;"
    )
    chatops_inprocess("rehearse", "--dir", files, db=busy_database, check=0)
    assert state_of(busy_database) == before


def test_our_own_files_can_be_rehearsed_on_an_empty_database_which_stays_empty(
    chatops_inprocess: Run, database_everywhere: Database
) -> None:
    before = state_of(database_everywhere)
    shown = chatops_inprocess("rehearse", "-o", "json", db=database_everywhere, check=0)
    statuses = {file["file"]: file["status"] for file in json.loads(shown.stdout)["files"]}
    assert statuses["017_fix_concurrent_messages"] == "rehearsed"
    assert set(statuses.values()) <= {"rehearsed", "not rehearsable", "unknown"}
    assert state_of(database_everywhere) == before


def test_production_is_asked_first(
    chatops_inprocess: Run, busy_database: Database, folder: Callable[..., Path], tmp_path: Path
) -> None:
    files = folder(one="select 1;")
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{busy_database.url}"\nproduction = true\n', encoding="utf-8")
    refused = chatops_inprocess("--env", "live", "rehearse", "--dir", files, check=4)
    assert "--yes" in refused.stderr
    told = json.loads(chatops_inprocess("--env", "live", "rehearse", "--dir", files, "--yes", "-o", "json", check=0).stdout)
    assert told["max_hold"] == 2


def test_a_database_without_a_ledger_is_taken_over_first(chatops_inprocess: Run, database: Database) -> None:
    database.script(ROOT / "tests" / "deployed_schema.sql")
    assert "adopt" in chatops_inprocess("rehearse", db=database, check=4).stderr


def test_with_nothing_pending_there_is_nothing_to_rehearse(chatops_inprocess: Run, latest_database: Database) -> None:
    assert "Nothing to apply" in chatops_inprocess("rehearse", db=latest_database, check=0).stdout


def test_a_long_file_is_looked_at_only_where_somebody_can_be_kept_waiting(
    database: Database, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    database.script("create table old (id int primary key)")
    lines = [f"create table new_{n} (id int primary key, other int);" for n in range(150)]
    lines += [f"create index on new_{n} (other); alter table new_{n} add column more int;" for n in range(150)]
    lines += ["alter table old add column more int;", "create table last (id int references old);"]
    text = "\n".join(lines)
    (tmp_path / "001_a.sql").write_text(text, encoding="utf-8")
    told = json.loads(chatops_inprocess("rehearse", "--dir", tmp_path, "-o", "json", db=database, check=0).stdout)
    assert {one["relation"] for one in told["blocking"]} == {"old"}
    places = MeasuredScript(Piece("001_a", (examine("001_a.sql", text.encode()),)), None, 100, ()).places
    assert [place.statement.text.split()[2] for place in places if place.looked] == ["old", "last"]

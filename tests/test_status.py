"""status: each file by its state, with the way out, as quickly for a thousand files as for ten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.migrations.plan import LedgerRow, State, plan
from chatops.migrations.source import Folder, discover
from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_migrate import folder
from tests.wire import proxy

Chatops = Callable[..., Result]


def row(name: str, checksum: str, state: str = "applied", statements: list[str] | None = None, source: str = "x") -> LedgerRow:
    number = int(name.partition("_")[0])
    return LedgerRow(source, name, number, "versioned", state, checksum, statements, 0, None, None, None, "me", None)  # type: ignore[arg-type]


def states(where: Folder, rows: list[LedgerRow]) -> dict[str, State]:
    return {entry.name: entry.state for entry in plan(where, rows).entries}


# -- the plan, without a server -------------------------------------------------------------------------------------------


def test_every_state_follows_from_files_and_ledger_alone(tmp_path: Path) -> None:
    where = discover(folder(tmp_path, {f"00{n}_f.sql": f"select {n};" for n in range(1, 8)}), source="x")
    by = {file.name: file for file in where.files}
    rows = [
        row("001_f", by["001_f"].checksum),
        row("002_f", by["002_f"].checksum, "adopted"),
        row("003_f", "another", statements=by["003_f"].digests),
        row("004_f", "another", statements=["another"]),
        row("006_f", by["006_f"].checksum, "running"),
        row("0065_gone", "whatever"),
        row("001_f", "of another source", source="y"),
    ]
    assert states(where, rows) == {
        "001_f": State.APPLIED,
        "002_f": State.ADOPTED,
        "003_f": State.REFORMATTED,
        "004_f": State.EDITED,
        "005_f": State.LATE,
        "006_f": State.HALF_DONE,
        "007_f": State.LATE,
        "0065_gone": State.MISSING,
    }


def test_what_to_apply_ends_at_the_goal_and_leaves_late_files_unless_allowed(tmp_path: Path) -> None:
    where = discover(folder(tmp_path, {f"00{n}_f.sql": "select 1;" for n in (1, 2, 3, 4)}), source="x")
    rows = [row("002_f", where.files[1].checksum)]
    made = plan(where, rows, "3")
    assert [entry.name for entry in made.apply] == ["003_f"]
    assert [entry.name for entry in made.left] == ["004_f"]
    allowed = plan(where, rows, "latest", allow_out_of_order=True)
    assert [entry.name for entry in allowed.apply] == ["001_f", "003_f", "004_f"]


def test_a_number_that_two_files_bear_takes_both_and_a_name_takes_one(tmp_path: Path) -> None:
    where = discover(folder(tmp_path, {"005_a.sql": "select 1", "005_b.sql": "select 2", "006_c.sql": "select 3"}), source="x")
    assert [entry.name for entry in plan(where, [], "5").apply] == ["005_a", "005_b"]
    assert [entry.name for entry in plan(where, [], "005_a.sql").apply] == ["005_a"]


def test_numbers_may_be_timestamps(tmp_path: Path, database: Database, chatops_inprocess: Chatops) -> None:
    where = folder(tmp_path, {"20240102030405_b.sql": "create table b ()", "20231231235959_a.sql": "create table a ()"})
    assert [file.name for file in discover(where).files] == ["20231231235959_a", "20240102030405_b"]
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.value("select max(number) from chatops.migrations") == 20240102030405


def test_the_checksum_of_a_file_is_that_of_the_text_that_is_sent(tmp_path: Path) -> None:
    texts = {"001_a.sql": b"select 'a\r\nb';\r\n", "002_b.sql": b"\xef\xbb\xbfselect 1", "003_c.sql": "select 'é'".encode()}
    for file in discover(folder(tmp_path, texts)).files:
        assert file.checksum == file.reading.checksum


# -- the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def applied(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> Path:
    where = folder(tmp_path, {f"00{n}_f.sql": f"create table t{n} ();" for n in (1, 2, 4)})
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    return where


def test_status_says_first_what_is_in_and_what_is_pending(database: Database, chatops_inprocess: Chatops, applied: Path) -> None:
    (applied / "005_f.sql").write_text("-- effect: adds a table\ncreate table t5 ();")
    shown = chatops_inprocess("status", "--dir", applied, db=database, check=0)
    first = shown.stdout.splitlines()[0]
    assert first.endswith(": 004_f is the last one in, 1 file is pending.")
    assert chatops_inprocess("status", "--dir", applied, "--exit-code", db=database).exit_code == 1
    found = json.loads(chatops_inprocess("status", "--dir", applied, "-o", "json", db=database).stdout)
    assert found["pending"] == 1
    assert found["last_in"] == "004_f"
    assert [(file["name"], file["state"], file["effect"]) for file in found["files"]][-1] == ("005_f", "pending", "adds a table")
    chatops_inprocess("migrate", "--dir", applied, db=database, check=0)
    assert chatops_inprocess("status", "--dir", applied, "--exit-code", db=database).exit_code == 0


def test_every_odd_state_is_named_with_its_way_out(database: Database, chatops_inprocess: Chatops, applied: Path) -> None:
    (applied / "001_f.sql").write_text("create table t1 (n int);")
    (applied / "002_f.sql").unlink()
    (applied / "003_f.sql").write_text("create table t3 ();")
    shown = chatops_inprocess("status", "--dir", applied, "--exit-code", db=database, check=1).stdout
    for expected in ("edited  its text is another", "missing  applied, and gone from the folder", "late  not applied, although"):
        assert expected in shown


def test_a_deliberate_edit_and_a_file_that_is_gone_for_good_can_be_settled(
    database: Database, chatops_inprocess: Chatops, applied: Path
) -> None:
    (applied / "001_f.sql").write_text("create table t1 (); -- and\nselect 1;")
    (applied / "002_f.sql").unlink()
    wrong = chatops_inprocess("adopt", "--dir", applied, "--edited", "004_f", db=database, check=2)
    assert "004_f was applied, not edited" in wrong.stderr
    settle = ("adopt", "--dir", applied, "--edited", "001_f.sql", "--forget", "002_f")
    asked = chatops_inprocess(*settle, db=database, check=4)
    assert "give --yes" in asked.stderr
    chatops_inprocess(*settle, "--dry-run", db=database, check=0)
    assert chatops_inprocess("status", "--dir", applied, "--exit-code", db=database).exit_code == 1
    chatops_inprocess(*settle, "--yes", db=database, check=0)
    assert chatops_inprocess("status", "--dir", applied, "--exit-code", db=database).exit_code == 0
    assert database.value("select to_regclass('t2')") == "t2"


def test_a_database_that_others_migrated_is_said_to_be_one(database: Database, chatops_inprocess: Chatops) -> None:
    for path in sorted((ROOT / "sql" / "migrations").glob("01*.sql")):
        if path.stem == "014_chat_state_management":
            database.script(ROOT / "sql" / "migrations" / "001_chat_core.sql")
            database.script(path)
    shown = chatops_inprocess("status", "--exit-code", db=database, check=1)
    assert shown.stdout.startswith("The chat tables are there, but no ledger says which files made them.\n")
    assert "take it over: chatops adopt" in shown.stdout
    assert "unknown" in shown.stdout


def test_status_reads_only_and_in_two_round_trips(database: Database, chatops_inprocess: Chatops, applied: Path) -> None:
    with proxy(database) as wire:
        chatops_inprocess("status", "--dir", applied, db=wire.url, check=0)
        assert (wire.round_trips, wire.connections) == (2, 1)
        assert "read only" in wire.statements[0]


def test_a_thousand_applied_files_are_read_without_scanning_them(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {f"{n:04}_f.sql": f"select {n};" for n in range(1, 1001)})
    files = discover(where, source="x").files
    database.script(ROOT / "sql" / "bookkeeping.sql")
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "insert into chatops.migrations (target_schema, source, name, number, checksum, applied_at)"
            " values ('public', 'x', %s, %s, %s, now())",
            [(file.name, file.number, file.checksum) for file in files],
        )
    told = chatops(
        "status", "--dir", where, "--source", "x", "--exit-code", db=database, env={"PYTHONPROFILEIMPORTTIME": "1"}, check=0
    )
    assert told.stdout.count("applied") >= 1000
    assert "chatops.migrations.source" in told.stderr
    assert "chatops.migrations.scanner" not in told.stderr


def test_a_role_that_may_not_look_is_told_so(database: Database, chatops_inprocess: Chatops, applied: Path) -> None:
    with database.role("stranger") as role:
        url = database.url.replace("postgres@", f"{role}@")
        told = chatops_inprocess("status", "--dir", applied, db=url)
        assert told.exit_code == 4
        assert "permission denied" in told.stderr


def test_every_next_step_keeps_the_pin_and_says_what_lies_beyond(
    core_database: Database, new_database: Callable[..., Database], chatops_inprocess: Chatops
) -> None:
    beyond = re.compile(r"Not applied, as --to 017 asks: 018 to \d+ \(\d+ files\)\.")
    core_database.execute("delete from chatops.migrations")
    unknown = chatops_inprocess("migrate", "--to", "017", "--yes", db=core_database, check=4)
    adopt = re.search(r"take it over: chatops (.*)", unknown.stderr)
    assert adopt is not None
    assert "--to 017" in adopt[1]
    adopted = chatops_inprocess(*adopt[1].split(), "--yes", db=core_database, check=0)
    assert (
        "Nothing is left to apply up to --to 017. Check it: chatops verify schema · what is later: chatops migrate --dry-run\n"
        in adopted.stderr
    )
    status = chatops_inprocess("status", "--to", "017", "--exit-code", db=core_database, check=0)
    assert beyond.search(status.stdout)
    stays = chatops_inprocess("status", db=core_database, check=0).stdout
    assert "one may stay at 017; what the later files change: chatops migrate --dry-run\n" in stays
    tried = chatops_inprocess("migrate", "--dry-run", db=core_database, check=0).stdout
    assert "One may stay at 017, or apply them: chatops migrate\n" in tried
    done = chatops_inprocess("migrate", "--to", "017", "--yes", db=core_database, check=0)
    assert beyond.search(done.stdout)
    empty = new_database()
    shown = chatops_inprocess("migrate", "--to", "017", "--dry-run", db=empty, check=0)
    assert "Apply them: chatops migrate --to 017\n" in shown.stdout
    assert beyond.search(shown.stdout)
    assert "apply them: chatops migrate --to 017\n" in chatops_inprocess("status", "--to", "017", db=empty, check=0).stdout
    assert beyond.search(chatops_inprocess("migrate", "--to", "017", "--yes", db=empty, check=0).stdout)

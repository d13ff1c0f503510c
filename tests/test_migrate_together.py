"""migrate sends several files as one request, and each is still a transaction of its own, wholly in or wholly out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.flows.tell_migration import Teller
from chatops.migrations.events import Done
from tests.conftest import Result
from tests.locks import sessions, wait_for
from tests.servers import Database
from tests.test_migrate import folder, names
from tests.test_migrate_locks import Started, reader_of
from tests.test_migrate_races import Client
from tests.wire import proxy

Chatops = Callable[..., Result]


def tables(first: int, last: int) -> dict[str, str]:
    return {f"{n:03}_t.sql": f"-- effect: table {n} is there\ncreate table t{n} (n int);" for n in range(first, last + 1)}


def test_eight_files_cost_one_round_trip(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, tables(1, 26))
    with proxy(database, uncounted="(watching)") as wire:
        done = chatops_inprocess("migrate", "--dir", where, db=wire.url, check=0)
        # The facts, the first file with the ledger, then three times eight and one.
        assert wire.round_trips == 6
    assert names(database) == [name.removesuffix(".sql") for name in tables(1, 26)]
    assert done.stderr.count("✓") == 26
    assert "26 files" in done.stdout
    assert database.value("select count(distinct xmin::text) from chatops.migrations") == 26
    assert database.value("select count(*) from chatops.migrations where duration_ms > 0 and run_id is not null") == 26
    assert database.value("select count(*) from chatops.runs") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("insert into t6 values (nope);", '2:24   column "nope" does not exist  (42703)'),
        ("create tabel t66 (n int);", '2:8   syntax error at or near "tabel"'),
    ],
)
def test_what_fails_on_its_way_with_others_or_cannot_be_read_is_told_as_if_it_had_gone_alone(
    text: str, said: str, database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {**tables(1, 8), "006_t.sql": f"create table t6 (n int);\n{text}"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database_everywhere, check=4)
    assert f"{where}/006_t.sql:{said}" in failed.stderr
    assert "006 was rolled back; 001, 002, 003, 004 and 005 are in and stay in; 007 and 008 were not tried." in failed.stderr
    assert names(database_everywhere) == [f"00{n}_t" for n in range(1, 6)]
    (where / "006_t.sql").write_text("create table t6 (n int);")
    chatops_inprocess("migrate", "--dir", where, db=database_everywhere, check=0)
    assert len(names(database_everywhere)) == 8


def test_what_fails_is_not_run_a_second_time_to_say_so(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute("create sequence tries")
    where = folder(tmp_path, {**tables(1, 8), "006_t.sql": "select nextval('tries');\n\nselect 1 / 0;"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert f"{where}/006_t.sql:3:1" in failed.stderr
    assert "division by zero" in failed.stderr
    assert database.value("select last_value from tries") == 1


def test_while_one_of_them_takes_long_it_is_said_which(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatops.migrations.together.SILENT_S", 0.0)
    # It sleeps until it was said, and for a minute at the most.
    database.execute("create function sleeps() returns void language plpgsql as $$ begin for n in 1 .. 6000 loop"
                     " exit when exists (select from pg_class where relname = 'heard'); perform pg_sleep(0.01); end loop; end $$")  # fmt: skip
    where = folder(tmp_path, {**tables(1, 5), "004_t.sql": "select sleeps();"})
    run = Started(chatops_inprocess, "migrate", "--dir", where, db=database)
    run.until_said("… 004_t                         3 of 4: 002 and 003 in, this one runs")
    database.execute("create table heard ()")
    assert run.result().exit_code == 0


def test_settings_that_a_file_leaves_behind_do_not_travel_on(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create schema other")
    where = folder(
        tmp_path,
        {
            "001_a.sql": "create table a (n int)", "002_b.sql": "set search_path = other; set role pg_monitor",
            "003_c.sql": "create table c (who text default current_user); insert into c default values",
        },
    )  # fmt: skip
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.execute("select who from public.c") == [("postgres",)]


def test_a_reader_in_the_way_of_one_of_them_is_waited_for_in_short_attempts(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, {**tables(1, 3), "004_t.sql": "alter table t2 add column m int", **tables(5, 6)})
    chatops_inprocess("migrate", "--dir", where, "--to", "3", db=database, check=0)
    reader = reader_of(database, "t2")
    reader_pid = reader.info.backend_pid
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    # With the others it has waited once; what is said is of an attempt by itself, in which somebody had looked.
    run.until_said("waits for t2, attempt")
    reader.execute("rollback")
    assert run.result().exit_code == 0
    assert f"blocked by pid {reader_pid} metabase" in run.result().stderr
    assert names(database)[3:] == ["004_t", "005_t", "006_t"]


def test_an_answer_that_was_lost_for_many_is_looked_up_file_by_file(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    where = folder(tmp_path, tables(1, 9))
    with proxy(database) as wire:
        wire.cut_after = "create table t5"
        done = chatops_inprocess("migrate", "--dir", where, db=wire.url, check=0)
    assert len(names(database)) == 9
    assert done.stderr.count("✓") == 9


def test_a_request_that_was_lost_leaves_none_of_them(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, tables(1, 9))
    with proxy(database) as wire:
        wire.cut_before = "create table t5"
        lost = chatops_inprocess("migrate", "--dir", where, db=wire.url, check=3)
    assert "002 was rolled back; 001 is in and stays in; 003 to 009 (7 files) were not tried." in lost.stderr
    assert names(database) == ["001_t"]


def test_an_interrupt_says_which_of_them_went_in(database: Database, tmp_path: Path, home: Path) -> None:
    where = folder(tmp_path, {**tables(1, 4), "004_t.sql": "select pg_sleep(600);", **tables(5, 6)})
    looking = database.connect()
    client = Client(database.url, where, home)
    wait_for(lambda: sessions(looking, "application_name = 'chatops migrate' and wait_event = 'PgSleep'"), "the file sleeps", 60)
    client.process.terminate()
    code, told = client.result()
    assert code == 130, told
    assert "004 was rolled back; 001, 002 and 003 are in and stay in; 005 and 006 were not tried." in told
    wait_for(lambda: not sessions(looking, "wait_event = 'PgSleep'"), "the statement ends")
    assert names(database) == ["001_t", "002_t", "003_t"]


def test_two_migrators_that_send_many_files_at_once_apply_each_once(database: Database, tmp_path: Path, home: Path) -> None:
    where = folder(tmp_path, tables(1, 40))
    results = [client.result() for client in [Client(database.url, where, home) for _ in range(3)]]
    assert [code for code, _ in results] == [0, 0, 0], results
    assert len(names(database)) == 40


PLANNED = "select count(*) from pg_catalog.pg_prepared_statements where generic_plans + custom_plans >= 32"


def test_what_is_the_same_in_every_file_is_planned_once_for_all(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    last = {"034_t.sql": f"create table planned as {PLANNED}"}
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {**tables(1, 33), **last}), db=database_everywhere, check=0)
    # For each file behind the first: its settings, its row in the ledger, the end of that, and what gives back locks.
    assert database_everywhere.execute("table planned") == [(4,)]
    assert (
        database_everywhere.value("select count(*) from chatops.migrations where duration_ms > 0 and applied_at is not null")
        == 34
    )


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_nothing_is_prepared_in_a_session_that_a_pooler_lends(
    mode: str, database: Database, chatops_inprocess: Chatops, tmp_path: Path, through_pgbouncer: Callable[..., str]
) -> None:
    last = {"010_t.sql": "create table planned as select count(*) from pg_catalog.pg_prepared_statements"}
    where = folder(tmp_path, {**tables(1, 9), **last})
    chatops_inprocess("migrate", "--dir", where, db=through_pgbouncer(database, mode), check=0)
    assert database.execute("table planned") == [(0,)]


TAKES_AWAY = (
    "deallocate all;",
    "DEALLOCATE PREPARE ALL; select 1;",
    "prepare chatops_1_1 as select 1; execute chatops_1_1;",
    "discard plans; discard sequences;",
    "do $$ begin execute 'deal' || 'locate all'; end $$;",
    """do $$ declare one record; begin for one in select name from pg_prepared_statements loop
         execute format('deal' || 'locate %I', one.name); end loop; end $$;""",
    "alter table chatops.migrations add column if not exists note text; create index on chatops.migrations (started_at);",
    "alter table chatops.migrations alter column duration_ms type numeric;",
    "set plan_cache_mode = force_custom_plan; set search_path = pg_catalog; set role pg_monitor;",
)


def test_files_that_take_away_what_the_others_have_prepared_go_in_like_any_other(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    files = tables(1, 5 * len(TAKES_AWAY))
    for at, taking in enumerate(TAKES_AWAY):
        files |= dict.fromkeys((f"{5 * at + 3:03}_t.sql", f"{5 * at + 4:03}_t.sql"), taking)
    done = chatops_inprocess("migrate", "--dir", folder(tmp_path, files), db=database_everywhere)
    assert done.exit_code == 0, done.stderr
    wanted = [name.removesuffix(".sql") for name in files]
    assert names(database_everywhere) == wanted
    assert [line.split()[1] for line in done.stderr.splitlines() if "✓" in line] == wanted
    recorded = "count(*) filter (where state = 'applied' and duration_ms > 0 and run_id is not null and applied_at is not null)"
    assert database_everywhere.value(f"select {recorded} from chatops.migrations") == len(wanted)
    assert database_everywhere.value("select count(*) from chatops.runs") == 1


def test_what_went_in_before_a_teller_that_fails_is_in_and_the_rest_of_its_request_too(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Teller, event: object) -> None:
        if isinstance(event, Done) and event.name == "005_t":
            raise RuntimeError("nobody listens")

    monkeypatch.setattr(Teller, "__call__", broken)
    chatops_inprocess("migrate", "--dir", folder(tmp_path, tables(1, 30)), db=database, check=70)
    # 002 to 009 are told of while the server works at 010 to 017, whose answer is waited for.
    assert names(database) == [f"{n:03}_t" for n in range(1, 18)]

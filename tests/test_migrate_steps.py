"""Files that cannot be one transaction: statement by statement, or in batches, and where a run goes on after it stopped."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from chatops.migrations.source import discover
from tests.conftest import Result, clean_environment
from tests.locks import ADVISORY, sessions, wait_for, wait_until_gone
from tests.servers import Database
from tests.test_migrate import folder, names
from tests.test_migrate_locks import Started

Chatops = Callable[..., Result]
INDEX = "create index concurrently t_n on t (n);"


def valid(database: Database, name: str) -> bool | None:
    found = database.value("select indisvalid from pg_index where indexrelid = to_regclass(%s)", (name,))
    return None if found is None else bool(found)


def row(database: Database, name: str) -> tuple[object, ...]:
    found = database.execute("select state, steps_done, rows_changed from chatops.migrations where name = %s", (name,))
    return found[0]


# -- statement by statement ---------------------------------------------------------------------------------------------


def test_an_index_is_built_concurrently_and_the_files_around_it_are_transactions(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    where = folder(
        tmp_path,
        {
            "001_t.sql": "create table t as select generate_series(1, 1000) as n",
            "002_t.sql": f"{INDEX}\ncreate index concurrently t_n1 on t ((n + 1));\nvacuum t;\ninsert into t values (-1);",
            "003_t.sql": "create view v as select * from t",
        },
    )
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert names(database) == ["001_t", "002_t", "003_t"]
    assert valid(database, "t_n")
    assert row(database, "002_t") == ("applied", 4, 1)
    assert database.value(ADVISORY) == 0


def test_a_run_goes_on_at_the_statement_that_failed(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    text = "-- chatops: no-transaction\ncreate table seen (n int);\ninsert into seen values (1);\nselect 1 / 0;\ninsert into seen values (2);\n"
    where = folder(tmp_path, {"001_t.sql": text, "002_u.sql": "create table u ()"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_t.sql:4:1   division by zero" in failed.stderr
    assert "001_t stopped at statement 3 of 4, 1 row changed; the 2 statements before it are in and stay in" in failed.stderr
    assert row(database, "001_t")[1] == 2
    status = chatops_inprocess("status", "--dir", where, "--exit-code", db=database, check=1)
    assert "half-done" in status.stdout
    (where / "001_t.sql").write_text(text.replace("1 / 0", "1 / 1"))
    dry = chatops_inprocess("migrate", "--dir", where, "--dry-run", db=database, check=0)
    assert "goes on after 2 of 4" in dry.stdout
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.execute("select n from seen order by n") == [(1,), (2,)]
    assert row(database, "001_t")[:2] == ("applied", 4)
    assert chatops_inprocess("status", "--dir", where, "--exit-code", db=database).exit_code == 0


def test_it_does_not_go_on_when_a_finished_statement_was_edited(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    text = "-- chatops: no-transaction\ncreate table seen (n int);\nselect 1 / 0;\n"
    where = folder(tmp_path, {"001_t.sql": text})
    chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    (where / "001_t.sql").write_text(text.replace("n int", "n bigint").replace("1 / 0", "1"))
    refused = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_t.sql:2:1  a finished statement was edited" in refused.stderr
    assert row(database, "001_t")[1] == 1


@pytest.mark.parametrize("existing", ["", "if not exists "])
def test_an_invalid_index_that_was_left_behind_is_dropped_and_built_again(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, existing: str
) -> None:
    database.execute("create table t as select 1 as n from generate_series(1, 2)")
    where = folder(tmp_path, {"001_t.sql": f"create unique index concurrently {existing}t_n on t (n);"})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "could not create unique index" in failed.stderr
    assert valid(database, "t_n") is False
    database.execute("delete from t")
    done = chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert "t_n is INVALID, left by a build that stopped: dropped, built again" in done.stderr
    assert valid(database, "t_n") is True


def at_work(database: Database, rows: str, text: str) -> psycopg.Connection[tuple[object, ...]]:
    """A session whose transaction does not end, on a table t of those rows."""
    database.execute(f"create table t as {rows}")
    session = database.connect(application_name="metabase")
    session.execute(text.encode())
    return session


def test_transactions_that_an_index_will_wait_for_are_named_and_waited_for(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    reader = at_work(database, "select 1 as n", "begin isolation level repeatable read; select count(*) from t")
    looking = database.connect()
    wait_for(
        lambda: sessions(looking, f"pid = {reader.info.backend_pid} and xact_start < clock_timestamp() - interval '1 second'"),
        "the reader's transaction is a second old",
    )
    run = Started(chatops_inprocess, "migrate", "--dir", folder(tmp_path, {"001_t.sql": INDEX}), "--max-wait", "60s", db=database)
    wait_for(lambda: sessions(looking, "wait_event_type = 'Lock' and query like 'create index%'"), "the build waits")
    reader.execute("rollback")
    result = run.result()
    assert result.exit_code == 0, result.stderr
    assert f"will wait for pid {reader.info.backend_pid} metabase" in result.stderr
    assert valid(database, "t_n")


def test_an_index_that_waits_too_long_is_given_up_and_finished_by_the_next_run(
    database: Database, chatops: Chatops, tmp_path: Path
) -> None:
    writer = at_work(database, "select 1 as n", "begin; insert into t values (2)")
    where = folder(tmp_path, {"001_t.sql": INDEX})
    result = chatops("migrate", "--dir", where, "--max-wait", "700ms", db=database, check=5)
    assert f"pid {writer.info.backend_pid} metabase" in result.stderr
    assert "The next run goes on there." in result.stderr
    writer.execute("rollback")
    chatops("migrate", "--dir", where, db=database, check=0)
    assert valid(database, "t_n")


def test_a_killed_client_leaves_a_build_that_the_next_run_waits_for(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path, home: Path
) -> None:
    database.execute("create table t as select 1 as n")
    writer = database.connect()
    writer.execute("begin; insert into t values (2)")
    where = folder(tmp_path, {"001_t.sql": INDEX})
    client = subprocess.Popen(
        [sys.executable, "-m", "chatops", "migrate", "--dir", str(where)],
        env=clean_environment(home, {"CHATOPS_DATABASE_URL": database.url}),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    looking = database.connect()
    building = "query like 'create index concurrently%' and state = 'active'"
    wait_for(lambda: sessions(looking, building), "the build begins")
    orphan = sessions(looking, building)[0]
    client.send_signal(signal.SIGKILL)
    client.wait()
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    wait_for(
        lambda: sessions(looking, "query like '%lock_class%' or query like '%pg_try_advisory%' or query like '%objsubid%'"),
        "the next run looks",
    )
    writer.execute("rollback")
    result = run.result()
    wait_until_gone(looking, orphan)
    assert result.exit_code == 0, result.stderr
    assert valid(database, "t_n")
    assert database.value("select count(*) from pg_index where indrelid = 't'::regclass") == 1
    assert names(database) == ["001_t"]


def test_one_statement_before_is_told_in_the_singular(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    text = "-- chatops: no-transaction\ncreate table seen (n int);\nselect 1 / 0;\n"
    failed = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=4)
    assert "stopped at statement 2 of 2; the statement before it is in and stays in." in failed.stderr


UNNAMED = {
    "column": "on t (n)", "expression": "on only t using btree (lower(s), (n + 1) desc) where n > 0", "included": "on t (n) include (s)",
    "quoted": 'on "odd "" table"("a b")', "other schema": "on elsewhere.t (n)", "hash": "on t using hash (s)",
    "long": f"on {'x' * 63} ({'y' * 60})", "matview": "on m (n)",
}  # fmt: skip
TABLES = f"""create table t (n int, s text); create index on t (n); create schema elsewhere; create table elsewhere.t (n int);
             create table "odd "" table" ("a b" int); create table {"x" * 63} ({"y" * 60} int);
             create materialized view m as select 1 as n; create table t_lower_expr_idx ()"""


@pytest.mark.sampled(6)
@pytest.mark.parametrize("unique", ["", "unique "])
@pytest.mark.parametrize("what", UNNAMED)
def test_an_index_without_a_name_gets_the_name_that_the_server_gives(
    what: str, unique: str, database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    if unique and "hash" in what:
        unique = ""  # the server has none
    database = database_everywhere
    indexes = """select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index join pg_class as c on c.oid = indrelid
                  where relnamespace::regnamespace::text in ('public', 'elsewhere') and indisvalid order by 1"""
    database.execute(TABLES)
    before = database.execute(indexes)
    database.execute(f"create {unique}index concurrently {UNNAMED[what]}")
    wanted = database.execute(indexes)
    (made,) = {row[0] for row in wanted} - {row[0] for row in before}
    database.execute(f"drop index {made}")
    where = folder(tmp_path, {"001_t.sql": f"create /* big */ {unique}index concurrently\n  {UNNAMED[what]};"})
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.execute(indexes) == wanted


def test_an_index_without_a_name_that_was_left_behind_is_dropped_and_built_again(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table t as select 1 as n from generate_series(1, 2); create index on t (n)")
    where = folder(tmp_path, {"001_t.sql": "create unique index concurrently on t (n);"})
    for _ in range(2):
        failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
        assert "could not create unique index" in failed.stderr
        assert valid(database, "t_n_idx1") is False
    database.execute("delete from t")
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert valid(database, "t_n_idx1") is True
    assert database.value("select count(*) from pg_index where indrelid = 't'::regclass") == 2


@pytest.mark.parametrize("built", [False, True])
def test_an_index_without_a_name_is_built_once_although_the_ledger_was_not_told(
    built: bool, database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table t (n int); create index on t (n)")
    index = "create index concurrently on t (n);"
    where = folder(tmp_path, {"001_t.sql": f"-- chatops: no-transaction\nselect 1 / 0;\n{index}"})
    chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    # As a run leaves it that was killed right before, or right behind, its build.
    database.execute("update chatops.migrations set state = 'running', steps_done = 1")
    if built:
        database.execute("create index concurrently on t (n)")
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    indexes = "select indexrelid::regclass::text from pg_index where indrelid = 't'::regclass order by 1"
    assert [name for (name,) in database.execute(indexes)] == ["t_n_idx", "t_n_idx1"]


def test_the_place_of_a_failure_is_that_in_the_file(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute("create table t (n int)")
    texts = {"on t (\nlower(n))": "2:1", "on t (n) where lower(n) = ''": "1:42", "if not exists on t (n)": "1:41", "": "1:"}
    for text, place in texts.items():
        where = folder(tmp_path, {"001_t.sql": f"create index concurrently {text}"})
        assert f"001_t.sql:{place}" in chatops_inprocess("migrate", "--dir", where, db=database, check=4).stderr
        database.execute("drop schema if exists chatops cascade")


def test_a_partition_whose_detaching_was_cut_off_is_finished_by_the_next_run(
    database_everywhere: Database, chatops: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table p (n int) partition by range (n)")
    database.execute("create table p1 partition of p for values from (0) to (10)")
    reader = database.connect(application_name="metabase")
    reader.execute("begin; select count(*) from p")
    where = folder(tmp_path, {"001_p.sql": "alter table p detach partition p1 concurrently;", "002_t.sql": "drop table p1"})
    chatops("migrate", "--dir", where, "--max-wait", "900ms", db=database, check=5)
    assert database.value("select inhdetachpending from pg_inherits") is True
    reader.execute("rollback")
    chatops("migrate", "--dir", where, db=database, check=0)
    assert database.value("select count(*) from pg_inherits") == 0
    assert names(database) == ["001_p", "002_t"]


def test_reindex_leftovers_are_dropped(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute("create table t as select 1 as n")
    database.execute("create index t_n on t (n)")
    database.execute("create index t_n_ccnew on t (n)")
    database.execute("update pg_index set indisvalid = false where indexrelid = 't_n_ccnew'::regclass")
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"1_r.sql": "reindex table concurrently t"}), db=database, check=0)
    assert database.value("select to_regclass('t_n_ccnew')") is None
    assert valid(database, "t_n")


# -- in batches ----------------------------------------------------------------------------------------------------------

BATCHED = """-- Marks every row, a few at a time.
-- chatops: batched
-- effect: every row is marked
update t set done = true
 where n in (select n from t where not done order by n limit current_setting('chatops.batch_size')::int for no key update);

with gone as (
  delete from t where n in (select n from t where n % 2 = 0 order by n limit current_setting('chatops.batch_size')::int)
  returning n
) select count(*) from gone;
"""


def test_batches_are_repeated_until_they_report_no_rows(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table t as select n, false as done from generate_series(1, 3000) as n")
    done = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": BATCHED}), db=database, check=0)
    assert database.value("select count(*) from t where not done") == 0
    assert database.value("select count(*) from t") == 1500
    assert row(database, "001_t") == ("applied", 2, 4500)
    assert "4,500 rows changed" in done.stderr
    assert int(database.value("select count(distinct xmin::text) from t")) > 1  # not one transaction


def test_a_batch_is_small_enough_for_others_and_goes_on_after_a_failure(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table t as select n, false as done from generate_series(1, 1000) as n")
    database.execute("alter table t add constraint stop check (not done or n <> 500) not valid")
    where = folder(tmp_path, {"001_t.sql": BATCHED})
    failed = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    marked = database.value("select count(*) from t where done")
    assert 0 < marked < 500
    assert f"001_t stopped at statement 1 of 2, {marked} rows changed. The next run goes on there." in failed.stderr
    assert re.search(r"001_t\.sql:[45]:", failed.stderr)
    database.execute("alter table t drop constraint stop")
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.value("select count(*) from t where done") == 500
    assert names(database) == ["001_t"]


def test_a_batch_waits_for_a_locked_row_in_short_attempts(database: Database, chatops: Chatops, tmp_path: Path) -> None:
    rows = "select n, false as done from generate_series(1, 300) as n"
    holder = at_work(database, rows, "begin; select * from t where n = 150 for update")
    where = folder(tmp_path, {"001_t.sql": BATCHED})
    given_up = chatops("migrate", "--dir", where, "--max-wait", "600ms", db=database, check=5)
    assert f"pid {holder.info.backend_pid} metabase" in given_up.stderr
    before = database.value("select count(*) from t where done")
    assert before < 300
    holder.execute("rollback")
    chatops("migrate", "--dir", where, db=database, check=0)
    assert database.value("select count(*) from t") == 150


def test_a_batched_query_must_say_how_many_rows_it_changed(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    text = "-- chatops: batched\nwith a as (select 1) select 'many' from a;\n"
    refused = chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=4)
    assert "must report in its first column how many rows it changed, not “many”" in refused.stderr


SLOW_ROWS = """create function slow() returns trigger language plpgsql as
  $$ begin perform pg_sleep(0.01); return new; end $$;
create trigger slow before update on t for each row execute function slow();"""


def test_a_batch_that_would_keep_its_locks_for_long_is_ended_and_tried_again_with_fewer_rows(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table t as select n, false as done from generate_series(1, 130) as n")
    database.script(SLOW_ROWS)
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": BATCHED}), db=database, check=0)
    assert row(database, "001_t")[:2] == ("applied", 2)
    # A hundred rows, which is how it begins, would be a second: no batch of that size went in.
    batches = database.execute("select count(*) from t group by xmin::text")
    assert max(count for (count,) in batches) < 100


def test_a_statement_that_locks_for_long_and_cannot_be_made_smaller_stops_with_nothing_changed(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table t as select n, false as done from generate_series(1, 60) as n")
    database.script(SLOW_ROWS)
    text = "-- chatops: batched\nupdate t set done = true where not done;\n"
    where = folder(tmp_path, {"001_t.sql": text})
    stopped = chatops_inprocess("migrate", "--dir", where, db=database, check=4)
    assert "001_t.sql:2:1  does not use chatops.batch_size" in stopped.stderr
    assert "001_t.sql:2:1   a batch kept its locks for longer than 200 ms, and was rolled back 5 times" in stopped.stderr
    assert "limit current_setting('chatops.batch_size')::int" in stopped.stderr
    assert "The next run goes on there." in stopped.stderr
    assert "--statement-timeout" not in stopped.stderr
    assert database.value("select count(*) from t where done") == 0
    limited = "where n in (select n from t where not done limit current_setting('chatops.batch_size')::int);"
    (where / "001_t.sql").write_text(text.replace("where not done;", limited))
    chatops_inprocess("migrate", "--dir", where, db=database, check=0)
    assert database.value("select count(*) from t where not done") == 0


def test_the_time_that_a_batch_spends_on_finding_its_rows_does_not_count_as_holding_them(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table t as select n, false as done from generate_series(1, 300) as n")
    text = """-- chatops: batched
    with looked as materialized (select pg_sleep(0.3)),
         chosen as materialized (
      select n from t cross join looked where not done limit current_setting('chatops.batch_size')::int)
    update t set done = true from chosen where t.n = chosen.n;"""
    # If it counted, no batch would ever go in: each takes longer than locks may be held.
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=0)
    assert database.value("select count(*) from t where done") == 300


def test_a_batch_whose_client_is_gone_ends_by_itself(database_everywhere: Database, tmp_path: Path, home: Path) -> None:
    database = database_everywhere
    text = "-- chatops: batched\nselect count(*) from pg_sleep(3600);"
    client = subprocess.Popen(
        [sys.executable, "-m", "chatops", "migrate", "--dir", str(folder(tmp_path, {"001_t.sql": text}))],
        env=clean_environment(home, {"CHATOPS_DATABASE_URL": database.url}),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    looking = database.connect()
    wait_for(lambda: sessions(looking, "wait_event = 'PgSleep'"), "the batch begins")
    client.send_signal(signal.SIGKILL)
    client.wait()
    wait_for(lambda: not sessions(looking, "application_name like 'chatops%'"), "all that it began ends")


def test_without_a_second_connection_no_batch_begins_and_it_says_so(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    role = f"alone_{database.name}"
    database.script(f"create role {role} login connection limit 1; grant create on database {database.name} to {role};"
                    f"create schema own authorization {role}; create table own.t as select 1 as n")  # fmt: skip
    try:
        where = folder(tmp_path, {"001_t.sql": BATCHED})
        url = database.url.replace("//postgres@", f"//{role}@")
        failed = chatops_inprocess("migrate", "--dir", where, "--schema", "own", db=url, check=3)
        assert "001_t goes in by batches" in failed.stderr
        assert "too many connections for role" in failed.stderr
        assert "001 was not begun; nothing else was tried." in failed.stderr
        assert database.value("select count(*) from own.t") == 1
    finally:
        database.script(f"drop owned by {role} cascade; drop role {role}")


def test_the_batch_size_is_read_from_the_files_header(tmp_path: Path) -> None:
    where = folder(tmp_path, {"001_t.sql": BATCHED})
    [file] = discover(where, source="x", shown="").files
    assert (file.reading.mode, len(file.reading.statements), file.effect) == ("batched", 2, "every row is marked")


# -- through poolers -------------------------------------------------------------------------------------------------------


def test_through_a_transaction_pooler_transactions_and_batches_go_in_and_no_lock_stays(
    database: Database, chatops: Chatops, tmp_path: Path, through_pgbouncer: Callable[..., str]
) -> None:
    url = through_pgbouncer(database)
    database.execute("create table t as select n, false as done from generate_series(1, 500) as n")
    where = folder(tmp_path, {"001_u.sql": "create table u ()", "002_t.sql": BATCHED, "003_v.sql": "create table v ()"})
    chatops("migrate", "--dir", where, db=url, check=0)
    assert names(database) == ["001_u", "002_t", "003_v"]
    assert database.value(ADVISORY) == 0
    path = "select current_setting('search_path'), current_setting('lock_timeout'), current_setting('chatops.run_id', true)"
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as next_client:
        assert next_client.execute(path).fetchone() in [('"$user", public', "0", ""), ('"$user", public', "0", None)]


def test_what_needs_a_session_is_refused_behind_a_transaction_pooler_before_anything_runs(
    database: Database, chatops: Chatops, tmp_path: Path, through_pgbouncer: Callable[..., str]
) -> None:
    where = folder(tmp_path, {"001_t.sql": "create table t (n int)", "002_t.sql": INDEX})
    refused = chatops("migrate", "--dir", where, db=through_pgbouncer(database), check=4)
    assert "002 must run outside a transaction and needs a session" in refused.stderr
    assert "CREATE INDEX CONCURRENTLY at line 1 cannot run in a transaction" in refused.stderr
    assert "the server's own port, or a session pooler" in refused.stderr
    assert database.value("select to_regclass('t')") is None


def test_a_session_pooler_will_do(
    database: Database, chatops: Chatops, tmp_path: Path, through_pgbouncer: Callable[..., str]
) -> None:
    where = folder(tmp_path, {"001_t.sql": "create table t (n int)", "002_t.sql": INDEX})
    chatops("migrate", "--dir", where, db=through_pgbouncer(database, "session"), check=0)
    assert valid(database, "t_n")
    assert database.value(ADVISORY) == 0

"""migrate on a busy database: short attempts, one deadline per attempt, and the names of those who are in the way."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg

from tests.conftest import Result
from tests.locks import wait_for, wait_until_somebody_is_blocked
from tests.servers import Database
from tests.test_migrate import folder, names

Chatops = Callable[..., Result]


class Started:
    """The command line in a thread of its own: what it says meanwhile, where it runs in this process, and its result."""

    def __init__(self, run: Chatops, *arguments: object, db: Database | str, listens: bool = True) -> None:
        self.results: list[Result] = []
        self.heard = io.BytesIO()
        more = {"heard": self.heard} if listens else {}
        self.thread = threading.Thread(target=lambda: self.results.append(run(*arguments, db=db, **more)), daemon=True)
        self.thread.start()

    def until_said(self, words: str) -> None:
        """Returns when the command has said this."""
        wait_for(lambda: words in self.heard.getvalue().decode() or not self.thread.is_alive(), f"“{words}” is said")
        assert words in self.heard.getvalue().decode(), self.results

    def result(self) -> Result:
        self.thread.join(timeout=120)
        assert self.results, "the command has not ended"
        return self.results[0]


def reader_of(database: Database, table: str) -> psycopg.Connection[tuple[object, ...]]:
    reader = database.connect(application_name="metabase")
    reader.execute(f"begin; select count(*) from {table}")
    return reader


def test_a_file_goes_in_as_soon_as_the_reader_in_its_way_has_ended(
    database_everywhere: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database = database_everywhere
    database.execute("create table t (n int)")
    reader = reader_of(database, "t")
    reader_pid = reader.info.backend_pid
    where = folder(tmp_path, {"001_t.sql": "alter table t add column m int"})
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    # Said when the first attempt was given up, in which somebody had looked who is in the way.
    run.until_said("waits for t, attempt")
    # Blocked again: another attempt is made.
    wait_until_somebody_is_blocked(database.connect())
    reader.execute("rollback")
    result = run.result()
    assert result.exit_code == 0, result.stderr
    assert f"blocked by pid {reader_pid} metabase" in result.stderr
    assert "of waiting" in result.stderr
    assert names(database) == ["001_t"]
    assert database.value("select waited_ms > 0 from chatops.migrations")


def test_past_its_time_it_gives_up_naming_who_was_in_the_way_and_what_would_end_them(
    database: Database, chatops: Chatops, tmp_path: Path
) -> None:
    database.execute("create table t (n int)")
    reader = reader_of(database, "t")
    where = folder(tmp_path, {"001_t.sql": "create table other ();\nalter table t add column m int"})
    result = chatops("migrate", "--dir", where, "--max-wait", "1500ms", db=database, check=5)
    assert "001_t: a lock was not had within 1.5 s" in result.stderr
    assert (
        f"waits for t (AccessExclusiveLock: no reads or writes beside it), held by pid {reader.info.backend_pid} metabase"
        in result.stderr
    )
    assert "idle in transaction" in result.stderr
    assert f"select pg_terminate_backend({reader.info.backend_pid});" in result.stderr
    assert "001 is not in; nothing else was tried." in result.stderr
    assert database.value("select to_regclass('other')") is None
    assert database.value("select to_regnamespace('chatops')") is None


def test_a_later_statement_gets_only_what_is_left_of_the_attempt(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    text = """create table seen (at int, left_ms int);
insert into seen values (1, (select setting from pg_settings where name = 'lock_timeout')::int);
select pg_sleep(0.06);
insert into seen values (2, (select setting from pg_settings where name = 'lock_timeout')::int);
select pg_sleep(0.3);
insert into seen values (3, (select setting from pg_settings where name = 'lock_timeout')::int);
"""
    chatops_inprocess("migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), db=database, check=0)
    left = [row[0] for row in database.execute("select left_ms from seen order by at")]
    assert 200 >= left[0] >= left[1] >= left[2]
    assert left[1] <= 140
    assert left[2] == 20


def test_while_it_waits_for_a_second_lock_it_does_not_keep_the_first(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table one (n int)")
    database.execute("create table two (n int)")
    reader = reader_of(database, "two")
    where = folder(tmp_path, {"001_t.sql": "alter table one add column m int;\nalter table two add column m int;"})
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    looking, victim = database.connect(), database.connect()
    migrator = wait_until_somebody_is_blocked(looking)
    # Between attempts nothing is held: a client of the other table gets through, again and again.
    for _ in range(3):
        victim.execute("insert into one values (1)")
        wait_for(lambda: looking.execute("select pg_blocking_pids(%s)", (migrator,)).fetchone()[0], "another attempt")  # type: ignore[index]
    reader.execute("rollback")
    assert run.result().exit_code == 0


def test_one_statement_that_wants_two_locks_has_the_same_deadline(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    """lock_timeout starts anew for each lock of a statement; the watching connection ends the attempt."""
    for table in ("one", "two", "three", "four"):
        database.execute(f"create table {table} (n int)")
    readers = [reader_of(database, table) for table in ("one", "two", "three", "four")]
    where = folder(tmp_path, {"001_t.sql": "lock table one, two, three, four"})
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    looking = database.connect()
    for reader in readers:
        wait_until_somebody_is_blocked(looking)
        reader.execute("rollback")
    result = run.result()
    assert result.exit_code == 0, result.stderr


def test_who_waits_behind_a_file_at_work_gets_through_and_the_next_attempt_has_longer(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.script("create table t (n int); create sequence tries minvalue 0 start 0")
    # Its first attempt has its lock, and would keep it for ever.
    work = "do $$ begin if nextval('tries') = 0 then loop perform pg_sleep(0.01); end loop; end if; end $$;"
    where = folder(tmp_path, {"001_t.sql": f"lock table t;\n{work}\ncreate table made ();"})
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    wait_for(lambda: database.value("select is_called from tries"), "the file is at work", timeout=60)
    database.connect().execute("insert into t values (1)")
    result = run.result()
    assert result.exit_code == 0, result.stderr
    assert "kept others waiting, attempt 1 of 0.2 s" in result.stderr
    assert database.execute("select (select n from t), (select last_value from tries), to_regclass('made')::text") == [
        (1, 1, "made")
    ]


def test_a_deadlock_is_tried_again(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    database.execute("create table one (n int)")
    database.execute("create table two (n int)")
    other = database.connect()
    other.execute("set deadlock_timeout = '60s'; begin; lock table two in share mode")
    text = "set local deadlock_timeout = '10ms';\nlock table one;\nlock table two;\ncreate table t ();"
    run = Started(chatops_inprocess, "migrate", "--dir", folder(tmp_path, {"001_t.sql": text}), "--max-wait", "60s", db=database)
    wait_until_somebody_is_blocked(database.connect())
    other.execute("lock table one in share mode; commit")
    assert run.result().exit_code == 0
    assert database.value("select to_regclass('t')") == "t"


def test_the_second_migrator_waits_for_the_first_naming_it(
    database: Database, chatops_inprocess: Chatops, tmp_path: Path
) -> None:
    database.execute("create table gate (n int)")
    gate = database.connect()
    gate.execute("begin; lock table gate")
    where = folder(tmp_path, {"001_t.sql": "create table t ();", "002_u.sql": "create table u ();"})
    holder = database.connect(application_name="chatops migrate")
    from chatops.migrations.ledger import LOCK_CLASS, lock_object

    holder.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, lock_object("public")))
    refused = chatops_inprocess("migrate", "--dir", where, "--max-wait", "500ms", db=database, check=5)
    assert f"another migrator is at work: pid {holder.info.backend_pid}, chatops migrate, role postgres" in refused.stderr
    assert f"select pg_terminate_backend({holder.info.backend_pid});" in refused.stderr
    run = Started(chatops_inprocess, "migrate", "--dir", where, "--max-wait", "60s", db=database)
    run.until_said("another migrator is at work")
    holder.close()
    result = run.result()
    assert result.exit_code == 0, result.stderr
    assert names(database) == ["001_t", "002_u"]


def test_other_schemas_are_migrated_at_the_same_time(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    from chatops.migrations.ledger import LOCK_CLASS, lock_object

    database.execute("create schema tenant")
    holder = database.connect()
    holder.execute("select pg_advisory_lock(%s, %s)", (LOCK_CLASS, lock_object("public")))
    where = folder(tmp_path, {"001_t.sql": "create table t ();"})
    chatops_inprocess("migrate", "--dir", where, "--schema", "tenant", "--max-wait", "1s", db=database, check=0)
    assert database.value("select to_regclass('tenant.t')") == "tenant.t"

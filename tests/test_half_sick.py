"""`diagnose` on a database that is half sick: what can be told is told, the rest is named, and nothing unseen is called well."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable

import psycopg
import pytest

from chatops import db
from chatops.chats import population
from chatops.checks import load, run
from chatops.errors import ConnectionLostError
from tests.ailing import as_role, deployed, look, opened, plant, result
from tests.conftest import Result, build_core
from tests.servers import Database, Server
from tests.wire import proxy

__all__ = ["deployed"]

Run = Callable[..., Result]


def found(answer: Result) -> dict[str, tuple[object, ...]]:
    return {row["code"]: (row["status"], row["count"]) for row in json.loads(answer.stdout)["findings"]}


def test_a_locked_table_takes_only_its_own_checks_with_it_of_those_that_are_asked_together(deployed: Database) -> None:
    plant(deployed, "CHAT010")
    locker = deployed.connect()
    locker.execute("begin; lock table messages in access exclusive mode")
    survey = look(deployed, whole_seconds=run.WHOLE_BUDGET_SECONDS)
    locker.execute("rollback")
    unknown = {one.check.code for one in survey.results if one.status == "unknown"}
    # What the catalog says of a locked table waits for it, too.
    by_texts = re.compile(r"pg_get_(expr|constraintdef|viewdef|triggerdef)")
    reads = {check.code for check in load.shipped() if "messages" in check.reads or by_texts.search(check.query(before_018=True))}
    assert reads >= unknown >= {"CHAT006", "CHAT009", "DATA003"}
    assert result(survey, "CHAT010").status == "failed"
    assert survey.seconds < 60


def test_a_table_that_is_slow_leaves_its_checks_unknown_and_time_for_the_others(deployed: Database) -> None:
    plant(deployed, "CHAT003")
    # Each look at a message takes for ever: the table is a view over a function that waits.
    deployed.execute("alter table messages rename to messages_itself")
    deployed.execute(
        """create function never_ready() returns boolean language plpgsql volatile as
           'begin perform pg_sleep(3600); return true; end'"""
    )
    deployed.execute("create view messages as select * from messages_itself where never_ready()")
    survey = look(deployed, whole_seconds=4.0, each_seconds=0.5)
    assert survey.seconds < 60
    assert result(survey, "CHAT006").status == "unknown"
    assert any("took longer than" in (one.reason or "") for one in survey.results)
    assert result(survey, "CHAT003").status == "failed"
    assert all(one.reason for one in survey.results if one.status == "unknown")


def test_a_server_that_is_restarted_midway_leaves_what_was_found(
    own_server: Callable[..., Server], chatops_inprocess: Run
) -> None:
    server = own_server("18")
    database = server.create_database()
    build_core(database)
    with opened(database, "migrate") as filling:
        with filling.reading():
            pass
        population.populate(filling, size=600)
    plant(database, "CHAT003")
    database.close()
    survey = None

    def restart(check: load.Check, position: int, of: int) -> None:
        if check.code == "CHAT008":
            server.restart("immediate")

    with opened(database) as connected:
        try:
            with connected.reading():
                survey = run.run(connected, load.shipped(), progress=restart)
        except Exception:  # noqa: BLE001 - the transaction went with the server
            pass
    assert survey is not None
    assert result(survey, "CHAT003").status == "failed"
    lost = [one for one in survey.results if one.check.code > "CHAT008" and one.status != "unknown"]
    # Those that were asked together with an earlier one have been answered already, and those with a condition before all.
    assert {one.check.shares[:1] for one in lost if one.check.only_if is None} <= {("newest_messages",), ("contradictory_chats",)}
    assert "connection" in (result(survey, "DB003").reason or "")
    assert "CHAT003" in found(chatops_inprocess("diagnose", "-o", "json", db=database, check=1))


def test_through_a_pooler_in_transaction_mode_it_says_and_rehearses_the_same(
    deployed: Database, through_pgbouncer: Callable[..., str], chatops_inprocess: Run
) -> None:
    for code in ("CHAT003", "OPER001"):
        plant(deployed, code)
    pooled = through_pgbouncer(deployed)
    direct = chatops_inprocess("diagnose", "--rehearse", "-o", "json", db=deployed, check=1)
    answer = chatops_inprocess("diagnose", "--rehearse", "-o", "json", db=pooled, check=1)
    assert found(answer) == found(direct)
    effects = [
        {row["code"]: row["rehearsal"]["effects"] for row in json.loads(one.stdout)["findings"] if row["rehearsal"]}
        for one in (direct, answer)
    ]
    assert effects[0] == effects[1]
    assert effects[0]["CHAT003"]["CHAT003"]["after"] == 0


def test_a_pooler_without_a_server_for_us_is_given_up_in_time(
    deployed: Database, through_pgbouncer: Callable[..., str], chatops_inprocess: Run
) -> None:
    # One server connection, and somebody has it: our first statement is never sent to a server, and no timeout of one ends it.
    pooled = through_pgbouncer(deployed, default_pool_size=1)
    with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as taker:
        taker.execute("begin")
        answer = chatops_inprocess("diagnose", "--timeout", "1", db=pooled, check=3)
        taker.execute("rollback")
    assert "did not answer in time" in answer.stderr
    assert answer.stdout == ""


def test_a_server_that_falls_silent_midway_is_given_up_with_what_was_found(deployed: Database) -> None:
    plant(deployed, "CHAT003")
    with opened(deployed) as database:
        proxied = None

        def fall_silent(check: load.Check, position: int, of: int) -> None:
            if check.code == "CHAT008":
                # The process is stopped: it answers nothing, not even a timeout of its own.
                os.kill(database.facts.backend_pid, signal.SIGSTOP)  # type: ignore[union-attr]

        try:
            with database.given_up_after(6.0), database.reading():
                proxied = run.run(database, load.shipped(), progress=fall_silent)
        except ConnectionLostError:
            pass
        finally:
            os.kill(database.facts.backend_pid, signal.SIGCONT)  # type: ignore[union-attr]
    assert proxied is not None
    assert result(proxied, "CHAT003").status == "failed"
    assert "did not answer in time: given up" in (result(proxied, "DB003").reason or "")


def test_a_ledger_that_cannot_be_read_is_not_an_empty_one(latest_database: Database) -> None:
    asks = {"DB003", "DB014", "DB018"}
    locker = latest_database.connect()
    locker.execute("begin; lock table chatops.migrations in access exclusive mode")
    locked = look(latest_database, *asks)
    locker.execute("rollback")
    assert {one.status for one in locked.results} == {"unknown"}
    assert {one.reason for one in locked.results} == {"the ledger is locked by somebody else"}
    latest_database.script(
        """do $$ begin create role no_ledger login; exception when duplicate_object or unique_violation then null; end $$;
           grant select on all tables in schema public to no_ledger"""
    )
    unread = as_role(latest_database, "no_ledger", *asks)
    assert {one.status for one in unread.results} == {"unknown"}
    latest_database.script(unread.results[0].remedy or "")
    assert {one.status for one in as_role(latest_database, "no_ledger", *asks).results} == {"passed"}


def test_a_limit_that_could_not_be_read_says_so(deployed: Database) -> None:
    deployed.execute("update platform_config set value = '60' where key = 'idle_timeout_minutes'")
    locker = deployed.connect()
    locker.execute("begin; lock table platform_config in access exclusive mode")
    survey = look(deployed, "OPER001", "CONF001")
    locker.execute("rollback")
    assert result(survey, "CONF001").status == "unknown"
    assert survey.thresholds["idle_timeout_minutes"].origin == "default, because platform_config could not be read"
    assert look(deployed, "OPER001").thresholds["idle_timeout_minutes"].text == "60"


def test_a_check_takes_one_round_trip(latest_database: Database, chatops_inprocess: Run) -> None:
    with proxy(latest_database) as wire:
        chatops_inprocess("diagnose", db=wire.url, check=0)
    begun = [text for text in wire.statements if text.startswith("savepoint chatops_check;")]
    assert len(begun) > 20
    assert [text for text in begun if "release savepoint chatops_check" not in text] == []


def test_one_deadline_ends_all_that_a_run_asks(
    deployed: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the connection is asked while checks run, the server has been told to end it within the budget."""
    allowed: list[float] = []
    given_up: list[float] = []
    real_script, real_before, real_bound = db.Database.script, db.Database.mappings_before, db.Database.given_up_after

    def script(self: db.Database, text: str) -> list[list[tuple[object, ...]]]:
        allowed.extend(float(found) for found in re.findall(r"set local statement_timeout = (\d+)", text))
        return real_script(self, text)

    def before(self: db.Database, text: str, after: str, *, first: str = "") -> list[dict[str, object]]:
        allowed.extend(float(found) for found in re.findall(r"set local statement_timeout = (\d+)", first))
        return real_before(self, text, after, first=first)

    def bound(self: db.Database, seconds: float) -> object:
        given_up.append(seconds)
        return real_bound(self, seconds)

    monkeypatch.setattr(db.Database, "script", script)
    monkeypatch.setattr(db.Database, "mappings_before", before)
    monkeypatch.setattr(db.Database, "given_up_after", bound)
    for command in (("diagnose",), ("verify",)):
        allowed.clear()
        given_up.clear()
        chatops_inprocess(*command, db=deployed)
        assert len(allowed) > 20
        assert max(allowed) <= run.WHOLE_BUDGET_SECONDS * 1000
        assert [seconds < 15 for seconds in given_up] == [True]

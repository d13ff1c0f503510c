"""`diagnose` on a database that is half sick: what can be told is told, the rest is named, and nothing unseen is called well."""

from __future__ import annotations

import json
from collections.abc import Callable

from chatops.chats import population
from chatops.checks import load, run
from tests.ailing import deployed, look, opened, plant, result
from tests.conftest import Result, build_core
from tests.servers import Database, Server

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
    assert {check.code for check in load.shipped() if "messages" in check.reads} >= unknown >= {"CHAT006", "CHAT009", "DATA003"}
    assert result(survey, "CHAT010").status == "failed"
    assert survey.seconds < 15


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
    assert survey.seconds < 6
    slow = result(survey, "CHAT006")
    assert slow.status == "unknown"
    assert "took longer than" in (slow.reason or "")
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
    # Those that were asked together with an earlier one have been answered already.
    assert {one.check.shares[:1] for one in lost} <= {("newest_messages",), ("contradictory_chats",)}
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

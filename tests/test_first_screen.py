"""The first screen of `diagnose` names what stops messages or assigning, who holds a table, and sees what triggers have missed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

from tests.ailing import populated
from tests.conftest import Result
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]
MISSED = """insert into messages (chat_id, sender_type, content)
            select id, 'real', 'hello?' from chats where chat_state is distinct from 'assigned' order by id limit 7"""


def told(text: str) -> str:
    """A screen with one blank between words."""
    return " ".join(text.split())


def test_what_stops_the_queue_is_named_with_what_that_means_and_what_was_missed_is_seen_and_mended(
    new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Run
) -> None:
    database = populated(new_database, farm, server, "latest")

    def screen(*words: str) -> str:
        return told(chatops_inprocess("diagnose", *words, db=database, terminal=(160, 40)).stdout)

    assert "CRITICAL" not in screen()
    database.script("alter table messages disable trigger chatops_apply_message")
    assert "trigger chatops_apply_message on messages is switched off: messages do not reach the queue" in screen()
    database.script("drop trigger chatops_apply_message on messages; " + MISSED)
    database.script("alter function assign_chat_to_operator(uuid) rename to assign_before")
    database.script("drop index idx_chats_last_operator")
    shown = screen()
    assert "messages.chatops_apply_message is missing: messages do not reach the queue" in shown
    assert re.search("; function assign_chat_to_operator .*nobody (migrate )?can be given a chat; and 1 more", shown)
    assert shown.endswith("--only DB003")
    assert "first see DB003: trigger messages.chatops_apply_message is missing" in screen("--full")
    verified = told(chatops_inprocess("verify", db=database, terminal=(160, 40)).stdout)
    assert re.search("migration 018_queue_clocks .*and 2 more", verified)
    for code in ("DATA001", "DATA007"):
        assert "7 " in screen("--only", code)
        assert chatops_inprocess("repair", code, "--yes", db=database, check=0)
        assert chatops_inprocess("diagnose", "--only", code, db=database).exit_code == 0


def test_who_holds_a_table_stands_once_before_what_could_not_be_asked(latest_database: Database, chatops_inprocess: Run) -> None:
    locker = latest_database.connect(application_name="nightly report")
    pid = locker.info.backend_pid
    locker.execute("begin; lock table operators in access exclusive mode")
    who = f"operators is locked by pid {pid} nightly report of"
    ends = f"select pg_terminate_backend({pid});"
    looked = chatops_inprocess("diagnose", db=latest_database, terminal=(160, 40))
    first = told(looked.stdout)
    assert first.startswith("BAD "), looked.stderr
    assert "whatever the application asks of it waits" in first
    assert "the queue cannot be read LOCKED " + who in first
    assert first.count(who) == 1
    assert first.endswith(shlex.quote(ends))
    for words in (("diagnose", "--full"), ("verify",), ("diagnose", "--only", "OPER001")):
        shown = told(chatops_inprocess(*words, db=latest_database, terminal=(160, 40)).stdout)
        assert who in shown
        assert shown.count(who) < 3
        assert ends in shown
    shown = told(chatops_inprocess("doctor", db=latest_database, terminal=(160, 40)).stdout)
    assert who in shown
    assert "can be read in full" not in shown
    locker.execute("rollback")
    assert "could not be asked" in chatops_inprocess("explain", "unknown", check=0).stdout


def test_what_was_asked_for_by_name_is_all_that_is_said_to_have_passed(latest_database: Database, chatops_inprocess: Run) -> None:
    shown = chatops_inprocess("diagnose", "--only", "CONF001", "--only", "OPER001", db=latest_database, check=0).stdout
    assert "CONF001, OPER001 passed: 2 of 2 checks" in shown
    assert "healthy" not in shown

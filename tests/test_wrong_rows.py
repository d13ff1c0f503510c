"""Rows that were written wrongly by hand, and were once unnoticed: each is found, and its help followed to the letter ends clean."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from tests.ailing import populated
from tests.conftest import Result
from tests.servers import Database, Farm, Server


@dataclass(frozen=True)
class Wrong:
    """What was done by hand, and the check that finds it."""

    text: str
    code: str


ROUNDS = 3
BY_HAND = "set local session_replication_role = replica; "
ONE = "(select id from chats where chat_state = '{}' and is_active order by id limit 1)"
WRONG = {
    "written into long ago": Wrong(
        f"update chats set last_message_at = '2020-01-01', updated_at = now() where id = {ONE.format('waiting_real_user_reply')}", "DATA007"
    ),
    "written into never": Wrong(
        f"update chats set last_message_at = null, updated_at = now() where id = {ONE.format('waiting_real_user_reply')}", "DATA007"
    ),
    "written into later than it was": Wrong(
        f"update chats set last_message_at = now() where id = {ONE.format('waiting_real_user_reply')}", "DATA007"
    ),
    "given back nine times": Wrong(
        f"update chats set releases_without_reply = 9 where id = {ONE.format('waiting_assignment')}", "QUEUE012"
    ),
    "given back less than never": Wrong(
        f"alter table chats drop constraint if exists chats_releases_without_reply_check; "
        f"update chats set releases_without_reply = -1 where id = {ONE.format('waiting_assignment')}", "QUEUE012"
    ),
    "without a beginning": Wrong(
        f"alter table chats alter created_at drop not null; update chats set created_at = null where id = {ONE.format('assigned')}",
        "DATA002",
    ),
    "chats twice": Wrong(
        f"alter table chats drop constraint chats_pkey cascade, drop constraint chats_real_user_id_fictional_user_id_key; insert into chats select * from chats where id = {ONE.format('waiting_real_user_reply')}",
        "DATA008",
    ),
    "messages twice": Wrong(
        "alter table messages drop constraint messages_pkey cascade; insert into messages select * from messages limit 3", "DATA008"
    ),
    "settings twice": Wrong(
        "insert into platform_config (key, value) values ('max_reassignments', '3') on conflict do nothing; "
        "alter table platform_config drop constraint platform_config_pkey cascade; "
        "insert into platform_config select * from platform_config where key = 'max_reassignments'", "DATA008"
    ),
}  # fmt: skip


def found(run: Callable[..., Result], database: Database, code: str) -> list[dict[str, object]]:
    """What is found of one code, as programs read it."""
    shown = json.loads(run("diagnose", "--only", code, "-o", "json", db=database).stdout)
    return [one for one in shown["findings"] if one["code"] == code]


def test_rows_that_are_wrong_are_found_and_their_helps_end_clean(
    new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Callable[..., Result]
) -> None:
    database = populated(new_database, farm, server, "latest")
    before = {code: found(chatops_inprocess, database, code) for code in {one.code for one in WRONG.values()}}
    assert before == {code: [] for code in before}
    wrongly = []
    for name, one in WRONG.items():
        database.script(BY_HAND + one.text)
        told = rows = found(chatops_inprocess, database, one.code)
        for _ in range(ROUNDS):
            if not rows:
                break
            if command := rows[0].get("help_command"):
                words = [word for word in shlex.split(re.sub(r"^chatops ", "", str(command))) if word != "--dry-run"]
                chatops_inprocess(*words, "--yes", db=database, check=0)
            else:
                database.script(str(rows[0]["help_sql"]))
            rows = found(chatops_inprocess, database, one.code)
        if rows or not told:
            wrongly.append(f"{name}: {told}, then {rows}")
    assert wrongly == []


def test_what_was_deleted_since_and_what_a_turn_without_a_reply_counts_are_no_faults(
    new_database: Callable[..., Database], farm: Farm, server: Server, chatops_inprocess: Callable[..., Result]
) -> None:
    database = populated(new_database, farm, server, "latest")
    database.script(f"delete from messages where id = (select id from messages where chat_id = {ONE.format('waiting_real_user_reply')}"
                    " order by created_at desc limit 1)")  # fmt: skip
    for one in found(chatops_inprocess, database, "DATA007"):
        assert one["severity"] == "advice"

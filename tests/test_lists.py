"""Every list by one rule: --limit means the same in each, programs get all rows and the total, people the first and how many more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.cli import COMMANDS, help_page
from tests.conftest import LONG, Result
from tests.servers import Database
from tests.shift import add_chats, chat_id, furnish, operator_id

Run = Callable[..., Result]
MANY = 60
"""More than people see of any list."""
LISTS = {
    "queue": (("queue",), "queue"),
    "stuck": (("stuck", "--longer-than", "0s"), "stuck"),
    "review": (("stuck", "--review"), "review"),
    "operators": (("operators",), "operators"),
    "free": (("operators", "--free"), "operators"),
    "figures": (("operators", "--figures"), "operators"),
    "chats": (("chats",), "chats"),
    "log": (("log",), "actions"),
    "each": (("log", "--full"), "actions"),
}
"""The words of each, and the name of its rows."""


@pytest.fixture
def lists(latest_database: Database, chatops_inprocess: Run) -> Database:
    """Many chats that wait, were ended and were given back, many operators, and as many lines of the log."""
    furnish(latest_database, MANY, held=2, waiting=9)
    add_chats(latest_database, MANY, first=200)
    add_chats(latest_database, MANY, first=300)
    latest_database.script(
        """set session_replication_role = replica;
           update chats set chat_state = 'completed', is_active = false, waiting_since = null, closed_reason = 'closed',
                            state_since = now(), last_message_at = now()
            where id in (select id from chats where chat_state = 'waiting_assignment' order by id desc limit 60)"""
    )
    chatops_inprocess("drain", "op-1", "--yes", db=latest_database, check=0)
    latest_database.execute(
        """insert into chatops.actions (target_schema, action, operator_id, plan_id)
           select 'public', 'drain', (select id from operators limit 1), gen_random_uuid() from generate_series(1, 80)"""
    )
    return latest_database


@pytest.mark.long
def test_the_same_options_mean_the_same_in_every_list(lists: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    """In the quick form the unusual limits, and the forms beside json, by turns."""
    for turn, (name, (words, table)) in enumerate(LISTS.items()):
        file = tmp_path / f"{name}.json"
        people = chatops_inprocess(*words, "--write", f"json={file}", db=lists, terminal=(200, 900), check=0).stdout
        beside = json.loads(file.read_text())
        whole = json.loads(chatops_inprocess(*words, "-o", "json", db=lists, check=0).stdout)
        total = whole["total"]
        assert len(whole[table]) == total > 20, name
        assert "truncated" not in whole, name
        assert beside[table] == whole[table], name
        assert beside["total"] == total
        assert total == len(people.splitlines()) or "operators" in words or "more" in people, (name, people)
        unusual = (0, total, total + 5)
        for limit in (3, *(unusual if LONG else unusual[turn % 3 :][:1])):
            cut = json.loads(chatops_inprocess(*words, "--limit", limit, "-o", "json", db=lists, check=0).stdout)
            assert cut[table] == whole[table][:limit], (name, limit)
            assert (cut["total"], cut.get("truncated", False)) == (total, limit < total), (name, limit)
        keys = [key for key in whole[table][0] if key.endswith("_id") and key != "plan_id"][:1]
        forms = ("jsonl", "csv", "tsv")
        for form in forms if LONG else forms[turn // 3 % 3 :][:1]:
            every = chatops_inprocess(*words, "-o", form, db=lists, check=0).stdout.splitlines()
            few = chatops_inprocess(*words, "--limit", 3, "-o", form, db=lists, check=0).stdout.splitlines()
            head = 0 if form == "jsonl" else 1
            assert (len(every), len(few)) == (total + head, 3 + head), (name, form)
            if form == "jsonl":
                assert [json.loads(line)[keys[0]] for line in few] == [row[keys[0]] for row in whole[table][:3]], name
        shown = chatops_inprocess(*words, "--limit", 3, db=lists, terminal=(200, 900), check=0).stdout
        more = [line for line in shown.splitlines() if line.startswith(("and ", "the newest 3, of "))]
        assert len(more) == 1, shown
        assert "chatops " in more[0], shown


def test_every_command_that_lists_takes_a_limit_and_says_so_in_the_same_words() -> None:
    pages = help_page.pages()
    entries = {
        name: [one for panel in pages[name]["panels"] for one in panel["entries"] if "--limit" in one["names"]]
        for _, name, _ in COMMANDS
    }
    for words, _ in LISTS.values():
        assert entries[words[0]], words
    for name, found in entries.items():
        for one in found:
            assert "to list (default" in one["help"], (name, one)


def test_the_review_tells_why_since_when_and_what_is_next(lists: Database, chatops_inprocess: Run) -> None:
    """Closed by the limit, ended, opened again and handed round: each by itself, and with the command that is next."""
    lists.script(
        """set session_replication_role = replica;
           update chats set state_since = now() - interval '2 days', last_message_at = now() - interval '2 days'"""
    )
    assert json.loads(chatops_inprocess("stuck", "--review", "-o", "json", db=lists, check=0).stdout)["total"] == 0
    limit, opened, again, bounced, once = (chat_id(number) for number in (11, 12, 13, 14, 15))
    with lists.connect() as connection, connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
               select c, (select id from operators where name = 'op-' || n + 1), now() - n * interval '30 minutes',
                      now() - n * interval '29 minutes', case when n = 1 then 'idle_timeout' else 'reassigned' end
                 from unnest(%s::uuid[]) as c cross join generate_series(1, 3) as n
                where c <> %s or n = 1""",
            ([limit, bounced, once], once),
        )
        connection.execute(
            """update chats set chat_state = 'completed', is_active = false, waiting_since = null, closed_reason = 'max_reassignments',
                                state_since = now() - interval '25 minutes' where id = %s""",
            (limit,),
        )
    for chat in (opened, again):
        chatops_inprocess("close", str(chat), "--yes", db=lists, check=0)
        chatops_inprocess("reopen", str(chat), "--yes", db=lists, check=0)
    chatops_inprocess("close", str(again), "--yes", db=lists, check=0)
    answer = json.loads(chatops_inprocess("stuck", "--review", "-o", "json", db=lists, check=0).stdout)
    rows = {row["chat_id"]: row for row in answer["review"]}
    assert {chat: (row["reason"], row["turns"], row["operators"]) for chat, row in rows.items()} == {
        str(limit): ("limit", 3, 3), str(opened): ("reopened", 0, 0), str(again): ("ended", 0, 0), str(bounced): ("bounced", 3, 3),
    }  # fmt: skip
    assert rows[str(opened)]["reopened_by"]
    assert [row["since"] for row in answer["review"]] == sorted((row["since"] for row in answer["review"]), reverse=True)
    for chat, command in ((limit, "reopen"), (again, "reopen"), (opened, "show"), (bounced, "show")):
        words = rows[str(chat)]["command"].split()
        assert words[:2] == ["chatops", command]
        assert chatops_inprocess(*words[1:], db=lists, check=0).exit_code == 0
    shown = chatops_inprocess("stuck", "--review", db=lists, terminal=(80, 30), check=0).stdout
    assert f"chatops reopen {str(limit)[:8]} --dry-run" in shown
    assert "1 closed by the limit, 1 ended while the user waited, 1 opened again, 1 given back again and again" in " ".join(
        shown.split()
    )
    assert str(operator_id(1)) not in shown

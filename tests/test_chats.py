"""`chatops chats`: a list by filters, the same filters as --where of what acts; and what each operator did."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatops import db, sqlfiles
from chatops.chats import chat_list
from chatops.chats.chat_list import ChatFilter, parsed
from chatops.chats.reports import query
from tests.ailing import opened
from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id

Run = Callable[..., Result]


@pytest.fixture
def shift(core_database_everywhere: Database) -> Database:
    return furnish(core_database_everywhere, 4, held=2, waiting=3, answered=2, over=1)


def listed(run: Run, database: Database, *words: str) -> set[int]:
    """The numbers of the chats in the list, as JSON and as a stream tell them alike."""
    by_id = {str(chat_id(number)): number for number in range(1, 60)}
    answer = json.loads(run("chats", *words, "-o", "json", db=database, check=0).stdout)
    found = {by_id[row["chat_id"]] for row in answer["chats"]}
    assert answer["total"] == len(found)
    streamed = run("chats", *words, "-o", "jsonl", db=database, check=0).stdout.splitlines()
    assert {by_id[json.loads(line)["chat_id"]] for line in streamed} == found
    return found


def test_each_filter_alone_and_all_together(shift: Database, chatops_inprocess: Run) -> None:
    user = shift.value("select u.name from chats c join real_users u on u.id = c.real_user_id where c.id = %s", (chat_id(12),))
    shift.execute("update chats set last_message_at = now() - interval '3 days' where id = %s", (chat_id(11),))
    shift.execute("update chats set last_message_at = now() where id <> %s", (chat_id(11),))
    assert listed(chatops_inprocess, shift) == {1, 2, 11, 12, 13, 21, 22, 31}
    assert listed(chatops_inprocess, shift, "--state", "assigned") == {1, 2}
    assert listed(chatops_inprocess, shift, "--state", "answered") == {21, 22}
    assert listed(chatops_inprocess, shift, "--state", "waiting_assignment") == {11, 12, 13}
    assert listed(chatops_inprocess, shift, "--holder", "op-2") == {2}
    assert listed(chatops_inprocess, shift, "--last-holder", str(operator_id(1))) == {1, 21, 22, 31}
    assert listed(chatops_inprocess, shift, "--user", user.upper()) == {12}
    assert listed(chatops_inprocess, shift, "--older-than", "2d") == {11}
    assert listed(chatops_inprocess, shift, "--state", "waiting", "--older-than", "2d") == {11}
    assert listed(chatops_inprocess, shift, "--state", "none") == set()
    assert listed(chatops_inprocess, shift, "--state", "waiting,assigned") == {1, 2, 11, 12, 13}
    assert listed(chatops_inprocess, shift, "--state", "waiting", "--state", "completed,none") == {11, 12, 13, 31}
    assert listed(chatops_inprocess, shift, "--holder", "none") == {11, 12, 13, 21, 22, 31}
    assert listed(chatops_inprocess, shift, "--last-holder", "none", "--holder", "op-2") == set()
    assert "sorted by wait, age" in chatops_inprocess("chats", "--sort", "waits", db=shift, check=2).stderr
    assert "did you mean assigned?" in chatops_inprocess("chats", "--state", "asigned", db=shift, check=2).stderr
    assert "matches 4 operators" in chatops_inprocess("chats", "--holder", "op-", db=shift, check=2).stderr


def test_the_list_is_sorted_counted_and_ends_with_a_line_that_acts_on_it(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute(
        "update chats set last_message_at = now() - (message_count * interval '1 hour') - (extract(day from created_at) * interval '1 s')"
    )
    order = {
        flag: [row["chat_id"] for row in json.loads(chatops_inprocess("chats", *flag, "-o", "json", db=shift).stdout)["chats"]]
        for flag in ((), ("--oldest",))
    }
    ages = dict(shift.execute("select id::text, last_message_at from chats"))
    assert [ages[one] for one in order[()]] == sorted(ages.values(), reverse=True)
    assert [ages[one] for one in order[("--oldest",)]] == sorted(ages.values())
    shift.execute("update messages set created_at = now() - interval '5 days' where chat_id = %s", (chat_id(12),))
    if shift.value(
        "select count(*) from information_schema.columns where table_name = 'chats' and column_name = 'waiting_since'"
    ):
        shift.execute("update chats set waiting_since = now() - interval '5 days' where id = %s", (chat_id(12),))
    for form in ("json", "jsonl"):
        words = ("chats", "--sort", "wait", "--state", "waiting,answered", "--limit", "2", "-o", form)
        said = chatops_inprocess(*words, db=shift, check=0).stdout
        waits = json.loads(said)["chats"] if form == "json" else [json.loads(line) for line in said.splitlines()]
        assert len(waits) == 2
        assert waits[0]["chat_id"] == str(chat_id(12))
        assert waits[0]["waits_since"] < waits[1]["waits_since"]
    made = json.loads(chatops_inprocess("chats", "--sort", "age", "-o", "json", db=shift).stdout)["chats"]
    assert [row["created_at"] for row in made] == sorted(row["created_at"] for row in made)
    line = "holder=none, state=waiting,assigned sort=wait"
    meant = json.loads(chatops_inprocess("reassign", "--where", line, "--to", "auto", "--dry-run", "-o", "json", db=shift).stdout)
    assert {row["chat_id"] for row in meant["chats"]} == {str(chat_id(number)) for number in (11, 12, 13)}
    shown = chatops_inprocess("chats", "--state", "assigned", "--limit", "1", db=shift, terminal=(120, 24)).stdout
    assert shown.splitlines()[0] == "2 chats, newest message first"
    assert "and 1 more of 2: " in shown
    last = shown.splitlines()[-1]
    assert last.startswith("Act on them: chatops release --where ")
    chatops_inprocess(*shlex.split(last.removeprefix("Act on them: chatops "))[:-1], db=shift, check=0)
    assert listed(chatops_inprocess, shift, "--state", "assigned") == set()


VALUES = st.text(st.sampled_from("abc d-1ö"), min_size=1, max_size=12).map(lambda text: " ".join(text.split())).filter(bool)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("state", "user", "profile", "holder", "last_holder", "older_than"), VALUES))
)
def test_a_filter_in_words_is_understood_again(given_values: dict[str, str]) -> None:
    wanted = ChatFilter(**given_values)
    assert parsed(wanted.words) == wanted


def test_a_filter_that_is_none_is_refused(shift: Database, chatops_inprocess: Run) -> None:
    assert (
        "did you mean state?" in chatops_inprocess("release", "--where", "stat=assigned", "--dry-run", db=shift, check=2).stderr
    )
    refused = chatops_inprocess("release", "--where", "state=assigned holder=nobody", "--dry-run", db=shift, check=2).stderr
    assert "no operator matches" in refused
    too_many = chatops_inprocess("release", "--where", "state=assigned", "--max", "1", "--dry-run", db=shift, check=4).stderr
    assert "these are 2 chats" in too_many


def test_the_first_chats_are_found_without_the_people_of_all_others(shift: Database) -> None:
    """In each order the same as at the top of the whole list; users and profiles are asked for where a filter names them."""
    filters = (ChatFilter(), ChatFilter(state="waiting,assigned"), ChatFilter(user="", sort="age"), ChatFilter(sort="wait"),
               ChatFilter(holder="none", sort="last-message"))  # fmt: skip
    with opened(shift) as database, database.reading():
        for wanted, oldest in itertools.product(filters, (False, True)):
            whole = list(chat_list.stream(database, wanted, limit=100, oldest=oldest))
            assert len(whole) > 2
            for limit in (1, 2, len(whole)):
                assert chat_list.first(database, wanted, limit=limit, oldest=oldest) == whole[:limit]
            text = sqlfiles.first_by_key(query(database, chat_list.FILE), "chat_id", chat_list.order(wanted.sort), 2)
            plan = database.value(db.inlined(f"explain (format json) {text}", wanted.parameters(database)))[0]["Plan"]
            looking = [
                one for one in _nodes(plan) if one.get("Parent Relationship") == "InitPlan" and one["Node Type"] == "Limit"
            ]
            read = {one["Relation Name"] for one in _nodes(looking[0]) if "Relation Name" in one}
            assert ("real_users" in read) == (wanted.user is not None)
            assert "operators" not in read


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def test_what_each_operator_did(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("truncate messages, chat_assignments")
    shift.execute(
        """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason) values
             (%(a)s, %(one)s, now() - interval '50 minutes', now() - interval '48 minutes', 'operator_sent_message'),
             (%(b)s, %(one)s, now() - interval '40 minutes', now() - interval '36 minutes', 'operator_sent_message'),
             (%(a)s, %(two)s, now() - interval '30 minutes', now() - interval '20 minutes', 'idle_timeout'),
             (%(a)s, %(two)s, now() - interval '5 hours', now() - interval '4 hours', 'operator_sent_message')""",
        {"a": chat_id(1), "b": chat_id(2), "one": operator_id(1), "two": operator_id(2)},
    )
    shift.execute(
        """insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) values
             (%(a)s, 'fictional', 'x', %(one)s, now() - interval '48 minutes'), (%(a)s, 'fictional', 'y', %(one)s, now() - interval '47 minutes'),
             (%(b)s, 'fictional', 'z', %(one)s, now() - interval '36 minutes'), (%(a)s, 'fictional', 'old', %(two)s, now() - interval '4 hours')""",
        {"a": chat_id(1), "b": chat_id(2), "one": operator_id(1), "two": operator_id(2)},
    )
    shift.execute("update chats set last_message_at = now() where id in (%s, %s)", (chat_id(1), chat_id(2)))
    answer = json.loads(chatops_inprocess("operators", "--figures", "--since", "1h", "-o", "json", db=shift, check=0).stdout)
    rows = {row["operator_id"]: row for row in answer["operators"]}
    one, two, three = (rows[str(operator_id(number))] for number in (1, 2, 3))
    assert (one["taken"], one["answered"], one["replies"], one["given_back"]) == (2, 2, 3, 0)
    assert one["answer_p50_seconds"] == pytest.approx(180)
    assert (two["taken"], two["replies"], two["given_back"]) == (1, 0, 1)
    assert (three["taken"], three["replies"]) == (0, 0)
    assert (answer["replies"], answer["given_back"]) == (3, 1)
    assert chatops_inprocess("operators", "--since", "1h", db=shift).exit_code == 2
    free = json.loads(chatops_inprocess("operators", "--free", "-o", "json", db=shift, check=0).stdout)["operators"]
    assert {row["load"] for row in free} == {"free"}
    assert {row["operator_id"] for row in free} == {str(operator_id(3)), str(operator_id(4))}


def test_the_hand_over_of_a_shift_adds_up(latest_database: Database, chatops_inprocess: Run) -> None:
    shift = latest_database
    chatops_inprocess("adopt", "--ledger-only", "--yes", db=shift)
    add_operators(shift, 2)
    add_chats(shift, 2, first=1)
    with shift.connect() as connection, connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute("truncate messages, chat_assignments")
        connection.execute(
            """insert into chat_assignments (chat_id, operator_id, waiting_since, assigned_at, released_at, release_reason) values
                 (%(a)s, %(one)s, now() - interval '51 minutes', now() - interval '50 minutes', now() - interval '48 minutes', 'operator_sent_message'),
                 (%(b)s, %(one)s, now() - interval '45 minutes', now() - interval '40 minutes', now() - interval '36 minutes', 'idle_timeout'),
                 (%(a)s, %(two)s, now() - interval '9 hours', now() - interval '9 hours', now() - interval '8 hours', 'operator_sent_message')""",
            {"a": chat_id(1), "b": chat_id(2), "one": operator_id(1), "two": operator_id(2)},
        )
        connection.execute(
            """insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) values
                 (%(a)s, 'fictional', 'x', %(one)s, now() - interval '48 minutes'), (%(a)s, 'real', 'y', null, now() - interval '51 minutes'),
                 (%(b)s, 'real', 'z', null, now() - interval '45 minutes'), (%(a)s, 'fictional', 'old', %(two)s, now() - interval '8 hours')""",
            {"a": chat_id(1), "b": chat_id(2), "one": operator_id(1), "two": operator_id(2)},
        )
        connection.execute("update chats set last_message_at = now()")
    chatops_inprocess("drain", "op-2", db=shift, check=0)
    answer = json.loads(chatops_inprocess("summary", "--since", "2h", "-o", "json", db=shift, check=0).stdout)
    whole = {name: answer[name] for name in ("messages", "replies", "taken", "given_back")}
    assert whole == {"messages": 2, "replies": 1, "taken": 2, "given_back": 1}
    assert answer["wait_p50_seconds"] == pytest.approx(180)
    assert {name: sum(row[name] for row in answer["hours"]) for name in whole} == whole
    assert [(row["action"], row["done"], row["not_done"]) for row in answer["actions"]] == [("drain", 1, 0)]
    shown = chatops_inprocess("summary", "--since", "2h", db=shift, terminal=(80, 24), check=0).stdout
    assert "1 reply to 2 messages, 2 chats taken (half after 3 m, 95 % after 4 m 48 s), 1" in " ".join(shown.split())


def test_the_review_lists_what_ended_unanswered_or_went_round(shift: Database, chatops_inprocess: Run) -> None:
    assert "No chat needs" in chatops_inprocess("stuck", "--review", db=shift, check=0).stdout
    shift.execute(
        "update messages set created_at = now() - interval '1 minute' where chat_id = %s and sender_type = 'real'", (chat_id(31),)
    )
    shift.execute("update chats set last_message_at = now() where id in (%s, %s)", (chat_id(31), chat_id(12)))
    shift.execute(
        """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
           select %s, %s, now() - n * interval '10 minutes', now() - n * interval '9 minutes', 'idle_timeout' from generate_series(1, 3) n""",
        (chat_id(12), operator_id(1)),
    )
    answer = json.loads(chatops_inprocess("stuck", "--review", "-o", "json", db=shift, check=0).stdout)
    assert {(row["chat_id"], row["reason"], row["turns"]) for row in answer["review"]} == {
        (str(chat_id(31)), "ended", 0), (str(chat_id(12)), "bounced", 3)
    }  # fmt: skip
    assert json.loads(chatops_inprocess("stuck", "--review", "--since", "1s", "-o", "json", db=shift).stdout)["total"] <= 2


def test_programs_are_given_every_row_unless_a_number_is_given(shift: Database, chatops_inprocess: Run) -> None:
    add_chats(shift, 40, first=200)
    for words, number, table in (
        (("chats",), "--limit", "chats"),
        (("stuck", "--longer-than", "0s"), "--limit", "stuck"),
        (("queue",), "--top", "queue"),
    ):
        whole = json.loads(chatops_inprocess(*words, "-o", "json", db=shift, check=0).stdout)
        total = whole.get("total", whole.get("waiting"))
        assert len(whole[table]) == total > 2, words
        assert "truncated" not in whole
        cut = json.loads(chatops_inprocess(*words, number, "2", "-o", "json", db=shift, check=0).stdout)
        assert (len(cut[table]), cut.get("total", cut.get("waiting")), cut["truncated"]) == (2, total, True), words


def test_what_is_offered_next_fits_the_chats_and_a_dry_run_stays_one(shift: Database, chatops_inprocess: Run) -> None:
    for state, command in (("waiting", "reassign"), ("assigned", "release"), ("completed", "reopen"), ("answered", "")):
        last = chatops_inprocess("chats", "--state", state, db=shift, terminal=(120, 24), check=0).stdout.splitlines()[-1]
        assert last.startswith(f"Act on them: chatops {command} ") is bool(command), last
    for words in (("release",), ("close",), ("reassign", "--to", "auto")):
        refused = chatops_inprocess(*words, "--where", "state=assigned", "--max", "1", "--dry-run", db=shift, check=4).stderr
        assert "--max 2 --dry-run" in refused, refused


def test_a_chat_where_an_operator_is_meant_is_told_as_one(shift: Database, chatops_inprocess: Run) -> None:
    for words in (("show", "operator", str(chat_id(1))), ("chats", "--holder", str(chat_id(1))[:8])):
        told = chatops_inprocess(*words, db=shift, check=2).stderr
        assert "no operator matches" in told
        assert "a chat does: " in told

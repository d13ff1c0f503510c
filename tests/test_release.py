"""`chatops release`: a chat goes where its messages say, and nothing of its holder is left behind."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable

import pytest

from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id
from tests.test_reassign import chat, everything, invariants

Run = Callable[..., Result]


@pytest.fixture
def shift(core_database_everywhere: Database) -> Database:
    """Chats 1 to 3 are held by op-1 to op-3; 11 waits, 21 is answered, 31 is over, 41 is empty."""
    return furnish(core_database_everywhere, 5, held=3, waiting=1, answered=1, over=1, empty=1)


def reply(database: Database, number: int, operator: int) -> None:
    """The operator's last word, without what the application does after it."""
    database.execute(
        "insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) values (%s, 'fictional', 'hi', %s, now())",
        (chat_id(number), operator_id(operator)),
    )


def test_a_chat_whose_user_spoke_last_waits_again(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("release", "c4000001", "--reason", "op-1 left", db=shift, check=0)
    assert "Undo: chatops" in result.stdout
    found = chat(shift, 1)
    assert (found["chat_state"], found["assigned_operator_id"], found["assignment_time"]) == ("waiting_assignment", None, None)
    assert found["last_operator_id"] == str(operator_id(1))
    rows = shift.execute("select released_at is not null, release_reason from chat_assignments where chat_id = %s", (chat_id(1),))
    assert rows == [(True, "manual_release")]
    assert shift.execute("select id from operator_activity where chat_id = %s", (chat_id(1),)) == []
    assert shift.execute("select action, outcome, operator_id, reason from chatops.actions") == [
        ("release", "done", operator_id(1), "op-1 left")
    ]
    invariants(shift)


def test_an_answered_chat_waits_for_its_user_since_the_answer(shift: Database, chatops_inprocess: Run) -> None:
    reply(shift, 1, 1)
    chatops_inprocess("release", "c4000001", db=shift, check=0)
    found = chat(shift, 1)
    assert found["chat_state"] == "waiting_real_user_reply"
    said = shift.value("select max(created_at) from messages where chat_id = %s and sender_type = 'fictional'", (chat_id(1),))
    assert shift.value("select operator_replied_at from chats where id = %s", (chat_id(1),)) == said
    invariants(shift)


def test_every_open_assignment_is_closed_and_every_heartbeat_removed(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("insert into chat_assignments (chat_id, operator_id) values (%s, %s)", (chat_id(1), operator_id(2)))
    shift.execute("insert into operator_activity (chat_id, operator_id) values (%s, %s)", (chat_id(1), operator_id(4)))
    chatops_inprocess("release", "c4000001", db=shift, check=0)
    assert shift.value("select count(*) from chat_assignments where chat_id = %s and released_at is null", (chat_id(1),)) == 0
    assert shift.value("select count(*) from operator_activity where chat_id = %s", (chat_id(1),)) == 0


def test_a_chat_that_is_as_its_messages_say_is_left_alone(shift: Database, chatops_inprocess: Run) -> None:
    before = everything(shift)
    for name in ("c4000011", "c4000021", "c4000031", "c4000041"):
        assert "nothing to do" in chatops_inprocess("release", name, db=shift, check=0).stdout
    assert everything(shift) == before


def test_a_chat_that_waits_for_its_user_although_the_user_spoke_last_is_put_right(
    shift: Database, chatops_inprocess: Run
) -> None:
    shift.execute("insert into messages (chat_id, sender_type, content) values (%s, 'real', 'hello?')", (chat_id(21),))
    chatops_inprocess("release", "c4000021", db=shift, check=0)
    assert chat(shift, 21)["chat_state"] == "waiting_assignment"


def test_a_completed_chat_that_somebody_holds_is_refused_and_forced_by_name(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set chat_state = 'completed', is_active = false where id = %s", (chat_id(1),))
    assert "--force completed" in chatops_inprocess("release", "c4000001", db=shift, check=4).stderr
    chatops_inprocess("release", "c4000001", "--force", "completed", db=shift, check=0)
    found = chat(shift, 1)
    assert (found["chat_state"], found["is_active"], found["assigned_operator_id"]) == ("completed", False, None)
    invariants(shift)


def test_all_chats_of_an_operator_are_released_at_a_pace(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("release", "--from", "op-3", "--rate", "1000/s", db=shift, check=0)
    assert [chat(shift, number)["chat_state"] for number in (1, 2, 3)] == ["assigned", "assigned", "waiting_assignment"]


def test_idle_chats_go_back_under_the_reason_that_the_application_counts(shift: Database, chatops_inprocess: Run) -> None:
    silent = "update operator_activity set last_activity = now() - interval '6 minutes' where chat_id in (%s, %s)"
    shift.execute(silent, (chat_id(1), chat_id(2)))
    reply(shift, 2, 2)
    # A clock that runs ahead does not keep a chat for ever.
    shift.execute("update operator_activity set last_activity = now() + interval '1 day' where chat_id = %s", (chat_id(3),))
    chatops_inprocess("release", "--idle", db=shift, check=0)
    assert [chat(shift, number)["chat_state"] for number in (1, 2, 3)] == [
        "waiting_assignment", "waiting_real_user_reply", "waiting_assignment",
    ]  # fmt: skip
    reasons = shift.execute("select distinct release_reason from chat_assignments where released_at is not null")
    assert reasons == [("idle_timeout",)]
    assert "nothing to do" in chatops_inprocess("release", "--idle", db=shift, check=0).stdout


def test_an_idle_release_reads_the_timeout_even_when_it_was_saved_as_text(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operator_activity set last_activity = now() - interval '6 minutes'")
    shift.execute("""update platform_config set value = '"10"' where key = 'idle_timeout_minutes'""")
    assert "nothing to do" in chatops_inprocess("release", "--idle", db=shift, check=0).stdout
    shift.execute("""update platform_config set value = '"soon"' where key = 'idle_timeout_minutes'""")
    chatops_inprocess("release", "--idle", db=shift, check=0)
    assert shift.value("select count(*) from chats where chat_state = 'assigned'") == 0


def test_an_idle_chat_that_came_back_too_often_is_closed_and_a_reply_starts_the_count_anew(
    shift: Database, chatops_inprocess: Run
) -> None:
    shift.execute("update operator_activity set last_activity = now() - interval '6 minutes'")
    for number in (1, 2):
        shift.execute(
            """insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason)
               select %s, %s, now() - n * interval '1 hour' - interval '3 hours', now() - n * interval '1 hour' - interval '170 minutes',
                      'idle_timeout' from generate_series(1, 3) n""",
            (chat_id(number), operator_id(4)),
        )
    # The second was answered after two of them, and the user has written again.
    shift.execute(
        """insert into messages (chat_id, sender_type, content, created_at)
           values (%s, 'fictional', 'hi', now() - interval '290 minutes'), (%s, 'real', 'and?', now() - interval '1 hour')""",
        (chat_id(2), chat_id(2)),
    )
    told = json.loads(chatops_inprocess("release", "--idle", "--dry-run", "-o", "json", db=shift, check=0).stdout)
    chatops_inprocess("release", "--idle", db=shift, check=0)
    found = {number: chat(shift, number) for number in (1, 2, 3)}
    assert [found[number]["chat_state"] for number in (1, 2, 3)] == ["completed", "waiting_assignment", "waiting_assignment"]
    assert found[1]["is_active"] is False
    assert {row["chat_id"]: row["state_after"] for row in told["chats"]} == {
        str(chat_id(number)): found[number]["chat_state"] for number in (1, 2, 3)
    }


def test_a_release_on_a_mended_database_counts_as_the_application_counts(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    add_operators(latest_database, 2)
    add_chats(latest_database, 2)
    chatops_inprocess("reassign", "c4000001", "c4000002", "--to", "auto", db=latest_database, check=0)
    latest_database.execute("update chats set releases_without_reply = 3 where id = %s", (chat_id(1),))
    with latest_database.connect() as connection, connection.transaction():
        connection.execute("set local chatops.write = 'function'")
        connection.execute("update chats set releases_without_reply = 3 where id = %s", (chat_id(1),))
        connection.execute("update chats set assignment_time = now() - interval '1 hour'")
        connection.execute("update operator_activity set last_activity = now() - interval '1 hour'")
    chatops_inprocess("release", "--idle", db=latest_database, check=0)
    found = [chat(latest_database, number) for number in (1, 2)]
    assert [(one["chat_state"], one["closed_reason"], one["waiting_since"] is None) for one in found] == [
        ("completed", "max_reassignments", True), ("waiting_assignment", None, False),
    ]  # fmt: skip
    invariants(latest_database)


CLOCKS = {"long ago": "now() - interval '3 hours'", "at the limit": "now() - interval '7 minutes 30 seconds'", "soon": "now() - interval '6 minutes'",
          "just now": "now()", "ahead": "now() + interval '2 hours'", "never": "null"}  # fmt: skip


@pytest.mark.parametrize("timeout", ["5", "20"])
def test_whom_the_finding_names_is_taken_by_an_idle_release_whatever_the_clocks_say(
    core_database: Database, chatops_inprocess: Run, timeout: str
) -> None:
    """Assigned, heard of in the chat, seen anywhere: each of them at every time, by active operators and inactive ones."""
    cases = list(itertools.product(CLOCKS, CLOCKS, CLOCKS, (True, False)))
    add_operators(core_database, len(cases))
    add_chats(core_database, len(cases), state="assigned", held_by=1)
    core_database.execute(
        f"""with clock(name, at) as (values {", ".join(f"('{name}', ({at})::timestamptz)" for name, at in CLOCKS.items())}),
               wanted as (select w.n, a.at as assigned, h.at as heard, s.at as seen, w.active
                            from unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::boolean[]) as w(n, assigned, heard, seen, active)
                            join clock a on a.name = w.assigned join clock h on h.name = w.heard join clock s on s.name = w.seen),
               chat as (update chats c set assignment_time = w.assigned from wanted w
                         where c.id = ('c4' || lpad(w.n::text, 6, '0') || '-0000-4000-8000-' || lpad(w.n::text, 12, '0'))::uuid returning c.id),
               beat as (update operator_activity v set last_activity = w.heard from wanted w
                         where v.operator_id = ('0b000000-0000-4000-8000-' || lpad(w.n::text, 12, '0'))::uuid and w.heard is not null returning 1)
          update operators o set last_activity = w.seen, is_active = w.active from wanted w
           where o.id = ('0b000000-0000-4000-8000-' || lpad(w.n::text, 12, '0'))::uuid""",
        ([*range(1, len(cases) + 1)], *map(list, zip(*cases, strict=True))),
    )
    core_database.execute(
        "insert into platform_config (key, value) values ('idle_timeout_minutes', %s) on conflict (key) do update set value = excluded.value",
        (timeout,),
    )  # fmt: skip

    def chats(*words: str) -> set[str]:
        shown = chatops_inprocess(*words, "--dry-run", "--max", "1000", "-o", "json", db=core_database)
        return {row["chat_id"] for row in json.loads(shown.stdout)["chats"]}

    told = chatops_inprocess("release", "--idle", "--dry-run", "--max", "1000", "--show-names", db=core_database, check=0).stdout
    assert re.search(r"careful: op-\d+ was seen (0 s|\d+ s|6 m) ago, though not in this chat\.", told) or timeout == "20"
    named = chats("release", "--where", "OPER001")
    assert len(named) > len(cases) / 2
    assert named <= chats("release", "--idle")

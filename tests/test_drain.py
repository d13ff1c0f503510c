"""`chatops drain` and `undrain`: an operator is emptied, and comes back as they were."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

import pytest

from tests.conftest import Result
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id
from tests.test_reassign import chat, everything, invariants
from tests.test_release import reply

Run = Callable[..., Result]


@pytest.fixture
def shift(core_database_everywhere: Database) -> Database:
    """op-1 and op-2 hold a chat, op-3 is free."""
    return furnish(core_database_everywhere, 3, held=2)


def available(database: Database, number: int) -> bool:
    """Whether an operator takes chats."""
    return bool(database.value("select is_available from operators where id = %s", (operator_id(number),)))


def people_and_chats(database: Database) -> object:
    """Everything about operators and chats."""
    return database.value(
        """select jsonb_build_array((select jsonb_agg(c order by c.id) from chats c),
                                    (select jsonb_agg(o order by o.id) from operators o))"""
    )


def test_a_drained_operator_gets_nothing_more_and_holds_nothing(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("drain", "op-1", "--reason", "end of shift", db=shift, check=0)
    assert not available(shift, 1)
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(3))
    rows = shift.execute("select action, operator_id, outcome, reason from chatops.actions order by id")
    assert rows == [
        ("drain", operator_id(1), "done", "end of shift"), ("reassign", operator_id(3), "done", "end of shift"),
    ]  # fmt: skip
    assert shift.value("select count(distinct plan_id) from chatops.actions") == 1
    invariants(shift)


def test_a_chat_that_nobody_is_free_for_and_one_that_is_answered_are_released(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set is_available = false where name = 'op-3'")
    chatops_inprocess("drain", "op-1", db=shift, check=0)
    assert chat(shift, 1)["chat_state"] == "waiting_assignment"
    shift.execute("update operators set is_available = true where name = 'op-3'")
    reply(shift, 2, 2)
    chatops_inprocess("drain", "op-2", db=shift, check=0)
    assert chat(shift, 2)["chat_state"] == "waiting_real_user_reply"
    invariants(shift)


def test_chats_are_only_released_where_that_is_asked_for(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("drain", "op-1", "--release", db=shift, check=0)
    assert chat(shift, 1)["chat_state"] == "waiting_assignment"


def test_a_named_target_that_may_not_take_them_refuses_the_whole_drain(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("drain", "op-1", "--to", "op-2", db=shift, check=4)
    assert "busy" in result.stderr
    assert "--force" not in result.stderr  # drain has no such option
    assert available(shift, 1)
    assert "to themselves" in chatops_inprocess("drain", "op-1", "--to", "op-1", db=shift, check=4).stderr
    chatops_inprocess("drain", "op-1", "--to", "op-3", db=shift, check=0)
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(3))


def test_a_dry_run_leaves_nothing(shift: Database, chatops_inprocess: Run) -> None:
    before = everything(shift)
    assert "would be made unavailable" in chatops_inprocess("drain", "op-1", "--dry-run", db=shift, check=0).stdout
    assert everything(shift) == before


def test_undrain_brings_back_what_the_operator_was_and_undo_also_the_chats(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("drain", "op-1", db=shift, check=0)
    chatops_inprocess("undrain", "op-1", "--dry-run", db=shift, check=0)
    assert not available(shift, 1)
    chatops_inprocess("undrain", "op-1", db=shift, check=0)
    assert available(shift, 1)
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(3))
    nothing = chatops_inprocess("undrain", "op-1", db=shift, check=4).stderr
    assert "no drain of this operator is in the log" in nothing
    assert "they are available; nothing was changed" in nothing

    before = people_and_chats(shift)
    chatops_inprocess("drain", "op-2", db=shift, check=0)
    plan = shift.value("select plan_id from chatops.actions where action = 'drain' order by id desc limit 1")
    chatops_inprocess("undo", plan, db=shift, check=0)
    assert people_and_chats(shift) == before


def test_an_operator_who_is_not_active_is_told_so_and_what_makes_them_active(
    shift: Database, chatops_inprocess: Run, chatops: Run
) -> None:
    shift.execute("update operators set is_active = false where name = 'op-3'")
    alone = chatops_inprocess("undrain", "op-3", db=shift, check=4).stderr
    assert "they are not active" in alone
    assert "come back in the application" not in alone
    [command] = re.findall(r"chatops (.*psql --write .*)", alone)
    words = shlex.split(command)
    path = {"PATH": f"{shift.server.bin}:/usr/bin:/bin"}
    at = words.index("--write") + 1
    chatops(*words[:at], "--yes", *words[at:], db=shift, env=path, check=0)
    assert shift.value("select is_active and is_available from operators where name = 'op-3'") is True


def test_an_operator_who_was_away_before_stays_away(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set is_available = null where name = 'op-3'")
    alone = chatops_inprocess("undrain", "op-3", db=shift, check=4).stderr
    assert "they are away, and nothing here says who switched that; they come back in the application" in alone
    assert "is away already and stays so" in chatops_inprocess("drain", "op-3", "--dry-run", db=shift, check=0).stdout
    assert "was away already" in chatops_inprocess("drain", "op-3", db=shift, check=0).stdout
    result = chatops_inprocess("undrain", "op-3", db=shift, check=0)
    assert "not available before the drain either" in result.stdout
    assert shift.value("select is_available from operators where name = 'op-3'") is None


def test_an_operator_who_came_back_by_themselves_is_not_overruled(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("drain", "op-1", db=shift, check=0)
    shift.execute("update operators set is_available = true where name = 'op-1'")
    assert "was changed since the drain" in chatops_inprocess("undrain", "op-1", db=shift, check=4).stderr


def test_a_chat_that_arrives_during_the_drain_is_moved_too(shift: Database, chatops_inprocess: Run) -> None:
    add_operators(shift, 1, first=4)
    add_chats(shift, 1, first=11)
    # What an assign that had begun before does: it lands when the operator has just been made unavailable.
    shift.execute(
        f"""create function lands_late() returns trigger language plpgsql as $$ begin
              update chats set chat_state = 'assigned', assigned_operator_id = new.id, assignment_time = now()
               where id = '{chat_id(11)}';
              insert into chat_assignments (chat_id, operator_id) values ('{chat_id(11)}', new.id);
              return null; end $$;
            create trigger lands_late after update of is_available on operators for each row execute function lands_late()"""
    )
    chatops_inprocess("drain", "op-1", db=shift, check=0)
    assert shift.value("select count(*) from chats where assigned_operator_id = %s", (operator_id(1),)) == 0
    invariants(shift)


def test_unknown_and_ambiguous_operators_are_usage_errors(shift: Database, chatops_inprocess: Run) -> None:
    assert "no operator matches" in chatops_inprocess("drain", "nobody", db=shift, check=2).stderr
    assert "matches 3 operators" in chatops_inprocess("undrain", "op-", db=shift, check=2).stderr
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(1))
    assert shift.execute("select id from chats where id = %s", (chat_id(1),)) == [(chat_id(1),)]


def test_operators_who_finish_keep_their_chats_and_get_no_new_ones(shift: Database, chatops_inprocess: Run) -> None:
    done = chatops_inprocess("drain", "op-1", "op-2", "--finish", "--show-names", db=shift, check=0)
    assert "op-1 gets no new chats; they finish the chat they hold, then they can leave" in done.stdout
    assert not available(shift, 1)
    assert not available(shift, 2)
    assert available(shift, 3)
    assert shift.value("select count(*) from chats where chat_state = 'assigned'") == 2
    back = next(line for line in done.stdout.splitlines() if f"undrain {operator_id(1)} {operator_id(2)}" in line)
    chatops_inprocess(*back.removeprefix("Back: chatops ").split(), db=shift, check=0)
    assert available(shift, 1)
    assert available(shift, 2)
    assert "they hold no chat and can leave" in chatops_inprocess("drain", "op-3", "--finish", db=shift, check=0).stdout
    for words in (["--to", "op-3"], ["--release"]):
        assert chatops_inprocess("drain", "op-1", "--finish", *words, db=shift).exit_code == 2


def test_several_are_drained_at_once_and_none_gets_the_chat_of_another(shift: Database, chatops_inprocess: Run) -> None:
    before = people_and_chats(shift)
    tried = json.loads(chatops_inprocess("drain", "op-1", "op-3", "--dry-run", "-o", "json", db=shift, check=0).stdout)
    assert people_and_chats(shift) == before
    assert [row["operator_after_id"] for row in tried["chats"]] == [None]  # op-3 is free, and leaves, too
    done = json.loads(chatops_inprocess("drain", "op-1", "op-3", "op-1", "-o", "json", db=shift, check=0).stdout)
    assert {row["operator_id"] for row in done["drained"]} == {str(operator_id(1)), str(operator_id(3))}
    assert shift.value("select chat_state from chats where id = %s", (chat_id(1),)) == "waiting_assignment"
    chatops_inprocess("undo", done["plan_id"], db=shift, check=0)
    assert available(shift, 1)
    assert available(shift, 3)
    assert shift.value("select assigned_operator_id from chats where id = %s", (chat_id(1),)) == operator_id(1)


def test_all_operators_of_a_finding_are_drained_by_its_code(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set last_activity = now() - interval '2 hours' where id = %s", (operator_id(3),))
    asked = ("drain", "--where", "oper003")
    tried = chatops_inprocess(*asked, "--dry-run", db=shift, check=0).stdout
    assert "Do it: chatops drain --where OPER003" in tried.replace("oper003", "OPER003")
    assert available(shift, 3)
    chatops_inprocess(*asked, "--reason", "gone home", db=shift, check=0)
    assert [available(shift, number) for number in (1, 2, 3)] == [True, True, False]
    assert "there is nobody to drain" in chatops_inprocess(*asked, "--reason", "x", db=shift, check=2).stderr
    assert "say who" in chatops_inprocess("drain", "--reason", "x", db=shift, check=2).stderr
    assert "say who" in chatops_inprocess("drain", "op-1", "--where", "OPER003", "--reason", "x", db=shift, check=2).stderr
    assert "names no operator" in chatops_inprocess("drain", "--where", "DB001", "--reason", "x", db=shift, check=2).stderr


def test_many_operators_are_told_together_and_come_back_with_their_plan(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute(
        "insert into operators (name, is_active, is_available) select 'many-' || n, true, n > 1 from generate_series(1, 12) n"
    )
    names = [name for (name,) in shift.execute("select name from operators order by name")]
    tried = chatops_inprocess("drain", *names, "--dry-run", db=shift, check=0).stdout
    assert f"{len(names)} operators would get no new chats" in tried
    done = chatops_inprocess("drain", *names, db=shift, check=0).stdout
    assert f"Done: {len(names)} operators get no new chats, 1 of whom is away already" in done
    assert shift.value("select count(*) from operators where is_available") == 0
    back = next(line for line in done.splitlines() if "undo" in line).rpartition("chatops ")[2]
    chatops_inprocess(*back.split(), db=shift, check=0)
    assert shift.value("select count(*) from operators where is_available") == len(names) - 1

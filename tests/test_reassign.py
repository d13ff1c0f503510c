"""`chatops reassign`: a chat goes to an operator, wholly or not at all, and the log knows."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Result, build_core, clean_environment
from tests.servers import Database, Server, run
from tests.shift import add_chats, add_operators, chat_id, furnish, operator_id

Run = Callable[..., Result]


@pytest.fixture
def shift(core_database_everywhere: Database) -> Database:
    """op-1 and op-2 hold chats 1 and 2; op-3 to op-6 are free, op-7 away, op-8 inactive; others wait, are answered, are over."""
    return furnish(core_database_everywhere, 6, held=2, waiting=3, answered=1, over=1, empty=1, away=True)


def chat(database: Database, number: int) -> dict[str, Any]:
    """One chat as it stands, without the clocks."""
    return dict(database.value("select to_jsonb(c) - 'updated_at' - 'created_at' from chats c where id = %s", (chat_id(number),)))


def everything(database: Database) -> Any:
    """All that a move could change, and the log."""
    return database.value(
        """select jsonb_build_array(
             (select jsonb_agg(to_jsonb(c) order by c.id) from chats c),
             (select jsonb_agg(to_jsonb(a) order by a.id) from chat_assignments a),
             (select jsonb_agg(to_jsonb(v) order by v.id) from operator_activity v),
             (select jsonb_agg(to_jsonb(o) order by o.id) from operators o),
             (select jsonb_agg(to_jsonb(l) order by l.id) from chatops.actions l))"""
    )


def invariants(database: Database) -> None:
    """One truth a chat: I1 to I5, I8 and I10 hold."""
    for name, query in {
        "an operator holds at most one active chat": """select assigned_operator_id from chats where is_active
            and assigned_operator_id is not null group by 1 having count(*) > 1""",
        "a chat has at most one open assignment": """select chat_id from chat_assignments where released_at is null
            group by 1 having count(*) > 1""",
        "operator and state agree": "select id from chats where (chat_state = 'assigned') is distinct from (assigned_operator_id is not null)",
        "open assignments are the holder's": """select a.id from chat_assignments a join chats c on c.id = a.chat_id
            where a.released_at is null and a.operator_id is distinct from c.assigned_operator_id""",
        "assigned chats have their open assignment": """select id from chats c where chat_state = 'assigned' and not exists
            (select from chat_assignments a where a.chat_id = c.id and a.released_at is null)""",
        "activity is the holder's": """select v.id from operator_activity v join chats c on c.id = v.chat_id
            where v.operator_id is distinct from c.assigned_operator_id""",
        "assignments of a chat do not overlap": """select a.id from chat_assignments a join chat_assignments b
            on b.chat_id = a.chat_id and b.id <> a.id and b.assigned_at >= a.assigned_at
            and b.assigned_at < coalesce(a.released_at, 'infinity') and a.ctid < b.ctid""",
    }.items():  # fmt: skip
        assert database.execute(query) == [], name


def test_a_waiting_chat_goes_to_the_operator_who_was_named(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--reason", "op-1 is slow", db=shift, check=0)
    assert "Done, action 1. Undo: chatops" in result.stdout
    found = chat(shift, 11)
    assert (found["chat_state"], found["assigned_operator_id"], found["last_operator_id"]) == (
        "assigned", str(operator_id(3)), str(operator_id(3)),
    )  # fmt: skip
    assert found["assignment_time"] is not None
    opened = "select operator_id, released_at, assigned_at = c.assignment_time from chat_assignments a join chats c on c.id = a.chat_id where chat_id = %s"
    assert shift.execute(opened, (chat_id(11),)) == [(operator_id(3), None, True)]
    assert shift.execute("select operator_id from operator_activity where chat_id = %s", (chat_id(11),)) == [(operator_id(3),)]
    assert shift.execute("select action, outcome, chat_id, operator_id, reason, environment from chatops.actions") == [
        ("reassign", "done", chat_id(11), operator_id(3), "op-1 is slow", "local")
    ]
    invariants(shift)


def test_a_held_chat_changes_hands_and_the_old_assignment_keeps_the_prefix_that_the_application_reads(
    shift: Database, chatops_inprocess: Run
) -> None:
    chatops_inprocess("reassign", "c4000001", "--to", "op-4", "--reason", "idle hands", db=shift, check=0)
    rows = shift.execute(
        "select operator_id, released_at is null, release_reason from chat_assignments where chat_id = %s order by assigned_at",
        (chat_id(1),),
    )
    assert rows == [(operator_id(1), False, "manual_reassignment_by_admin:chatops"), (operator_id(4), True, None)]
    invariants(shift)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("chat_name", "to", "rule"),
    [
        ("c4000011", "op-7", "away"),
        ("c4000011", "op-8", "inactive"),
        ("c4000011", "op-2", "busy"),
        ("c4000021", "op-3", "answered"),
        ("c4000041", "op-3", "answered"),
        ("c4000031", "op-3", "completed"),
    ],
)
def test_a_broken_rule_refuses_is_logged_and_is_forced_by_its_name(
    shift: Database, chatops_inprocess: Run, chat_name: str, to: str, rule: str
) -> None:
    number = int(chat_name[2:])
    before = chat(shift, number)
    result = chatops_inprocess("reassign", chat_name, "--to", to, db=shift, check=4)
    assert f"--force {rule}" in result.stderr
    assert "nothing was changed" in result.stderr
    assert chat(shift, number) == before
    logged = shift.execute("select action, outcome, chat_id, detail from chatops.actions")
    assert [row[:3] for row in logged] == [("reassign", "refused", chat_id(number))]
    assert f"--force {rule}" in logged[0][3]

    wrong = "away" if rule == "busy" else "busy"
    chatops_inprocess("reassign", chat_name, "--to", to, "--force", wrong, db=shift, check=4)
    chatops_inprocess("reassign", chat_name, "--to", to, "--force", rule, db=shift, check=0)
    assert chat(shift, number)["assigned_operator_id"] == str(operator_id(int(to[3:])))
    assert chat(shift, number)["is_active"] is True


def test_who_had_a_chat_last_does_not_get_it_back_unless_forced(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update chats set last_operator_id = %s where id = %s", (operator_id(3), chat_id(11)))
    assert "--force last" in chatops_inprocess("reassign", "c4000011", "--to", "op-3", db=shift, check=4).stderr
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--force", db=shift, check=0)
    assert chat(shift, 11)["assigned_operator_id"] == str(operator_id(3))


def test_a_force_that_stands_alone_means_every_rule_wherever_it_stands(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("reassign", "--force", "c4000031", "--to", "op-8", db=shift, check=0)
    assert chat(shift, 31)["chat_state"] == "assigned"
    result = chatops_inprocess("reassign", "c4000011", "--to", "op-2", "--force=bussy", db=shift, check=2)
    assert "knows no rule bussy" in result.stderr


def test_a_chat_that_its_target_holds_already_is_left_alone(shift: Database, chatops_inprocess: Run) -> None:
    before = everything(shift)
    assert "nothing to do" in chatops_inprocess("reassign", "c4000001", "--to", "op-1", db=shift, check=0).stdout
    assert everything(shift) == before


def test_auto_spreads_over_those_who_are_free_and_nobody_gets_two(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("reassign", "c4000011", "c4000012", "c4000013", "--to", "auto", "-o", "json", db=shift, check=0)
    rows = json.loads(result.stdout)["chats"]
    takers = [row["operator_after_id"] for row in rows]
    assert takers == [str(operator_id(number)) for number in (3, 4, 5)]
    invariants(shift)


def test_an_operator_who_keeps_their_chat_is_not_given_another_in_the_same_command(
    shift: Database, chatops_inprocess: Run
) -> None:
    before = everything(shift)[:4]
    result = chatops_inprocess("reassign", "c4000001", "c4000002", "--to", "op-2", db=shift, check=4)
    assert "busy with another chat" in result.stderr
    assert everything(shift)[:4] == before


def test_a_database_that_allows_one_chat_an_operator_is_not_forced(latest_database: Database, chatops_inprocess: Run) -> None:
    add_operators(latest_database, 2)
    add_chats(latest_database, 2)
    chatops_inprocess("reassign", "c4000001", "--to", "op-1", db=latest_database, check=0)
    result = chatops_inprocess("reassign", "c4000002", "--to", "op-1", "--force", db=latest_database, check=4)
    assert "busy with another chat, and this database allows one" in result.stderr
    invariants(latest_database)


def test_of_a_set_what_can_be_moved_is_and_the_rest_is_named(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set is_available = false where name in ('op-5', 'op-6')")
    result = chatops_inprocess("reassign", "--stuck", "1h", "--to", "auto", db=shift, check=4)
    assert "2 of 5 chats reassigned; 3 refused" in result.stdout
    assert "nobody is free" in result.stdout
    outcomes = dict(shift.execute("select outcome, count(*) from chatops.actions group by 1"))
    assert outcomes == {"done": 2, "refused": 3}
    invariants(shift)


def test_chats_that_are_named_are_moved_all_or_none(shift: Database, chatops_inprocess: Run) -> None:
    before = chat(shift, 11)
    result = chatops_inprocess("reassign", "c4000011", "c4000031", "--to", "auto", db=shift, check=4)
    assert f"{chat_id(31)}  it is completed" in result.stderr
    assert chat(shift, 11) == before


def test_ids_come_from_a_pipe(shift: Database, chatops_inprocess: Run) -> None:
    lines = f"chat_id,since\n{chat_id(11)},2 h\n\n# no\n{chat_id(12)}\n"
    chatops_inprocess("reassign", "-", "--to", "auto", db=shift, input=lines, check=0)
    assert [chat(shift, number)["chat_state"] for number in (11, 12, 13)] == ["assigned", "assigned", "waiting_assignment"]
    assert "nothing to do" in chatops_inprocess("reassign", "-", "--to", "auto", db=shift, input="\n", check=0).stdout


def test_the_chats_of_a_finding_are_the_rows_that_diagnose_shows(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set is_active = false where name = 'op-1'")
    result = chatops_inprocess("reassign", "--where", "OPER001", "--to", "auto", "-o", "json", db=shift, check=0)
    assert [row["chat_id"] for row in json.loads(result.stdout)["chats"]] == [str(chat_id(1))]
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(3))
    assert "no check" in chatops_inprocess("reassign", "--where", "CHAT999", "--to", "auto", db=shift, check=2).stderr


def test_all_chats_of_an_operator_go_elsewhere(shift: Database, chatops_inprocess: Run) -> None:
    chatops_inprocess("reassign", "--from", "op-2", "--to", "op-6", db=shift, check=0)
    assert chat(shift, 2)["assigned_operator_id"] == str(operator_id(6))
    assert chat(shift, 1)["assigned_operator_id"] == str(operator_id(1))


def test_more_chats_than_max_are_refused_with_the_line_that_means_them(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("reassign", "--stuck", "1h", "--to", "auto", "--max", "2", db=shift, check=4)
    assert "these are 5 chats, more than --max 2" in result.stderr
    assert "reassign --stuck 1h --to auto --max 5" in result.stderr


def test_without_a_target_off_a_terminal_the_free_operators_are_named(shift: Database, chatops_inprocess: Run) -> None:
    result = chatops_inprocess("reassign", "c4000011", db=shift, check=4)
    assert "--to OPERATOR" in result.stderr
    assert str(operator_id(3)) in result.stderr
    assert str(operator_id(7)) not in result.stderr


def test_a_dry_run_tells_the_same_and_leaves_nothing(shift: Database, chatops_inprocess: Run) -> None:
    before = everything(shift)
    told = json.loads(chatops_inprocess("reassign", "--stuck", "1h", "--to", "auto", "--dry-run", "-o", "json", db=shift).stdout)
    assert everything(shift) == before
    done = json.loads(chatops_inprocess("reassign", "--stuck", "1h", "--to", "auto", "-o", "json", db=shift).stdout)
    kept = ("chat_id", "outcome", "detail", "state_before", "state_after", "operator_before_id", "operator_after_id")
    assert [[row[key] for key in kept] for row in told["chats"]] == [[row[key] for key in kept] for row in done["chats"]]


NO_CHATS = {
    "no chat matches": (["nobody"], ["zz"], ["'; drop table chats; --"], ["00000000-0000-0000-0000-000000000000"]),
    "use an id": (["c400"],),
    "is too short to name a chat": (["x"],),
    "\\x1b[31mred": (["\x1b[31mred\x1b[0m"],),
    "given twice": (["c4000011", "c4000011"], ["c4000011", str(chat_id(11))]),
}
"""Names as they are typed, by what is wrong with them."""


def test_names_that_mean_no_chat_several_or_the_same_are_usage_errors_and_no_attempt(
    shift: Database, chatops_inprocess: Run
) -> None:
    for names, words in [(names, words) for words, typed in NO_CHATS.items() for names in typed]:
        result = chatops_inprocess("reassign", *names, "--to", "op-3", db=shift, check=2)
        assert words in result.stderr, names
        assert "\x1b" not in result.stderr
    # Nothing was meant that is there: the log is for attempts on somebody.
    assert shift.execute("select action, outcome from chatops.actions") == []
    assert shift.value("select count(*) from chats where chat_state = 'assigned'") == 2


def test_no_line_that_names_nothing_there_is_in_the_log(shift: Database, chatops_inprocess: Run) -> None:
    for words, code in (
        (("reassign", "c4000011", "--to", "nobody"), 2), (("release", "nobody"), 2), (("close", "nobody"), 2), (("reopen", "nobody"), 2),
        (("drain", "nobody"), 2), (("undrain", "nobody"), 2), (("undo", "999"), 2), (("undo", "nonsense"), 2), (("undo",), 2),
        (("reassign", "c4000011"), 4), (("release", "--where", "NOPE001"), 2),
    ):  # fmt: skip
        chatops_inprocess(*words, db=shift, check=code)
    assert shift.execute("select action, outcome, detail from chatops.actions") == []


def test_an_operator_who_is_not_there_or_could_be_several_is_a_usage_error(shift: Database, chatops_inprocess: Run) -> None:
    assert "no operator matches" in chatops_inprocess("reassign", "c4000011", "--to", "nobody", db=shift, check=2).stderr
    assert "matches 8 operators" in chatops_inprocess("reassign", "c4000011", "--to", "op-", db=shift, check=2).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say which chats"),
        (("c4000011", "--stuck", "1h"), "give one of them"),
        (("--stuck", "soon", "--to", "auto"), "takes a time"),
        (("c4000011", "--to", "op-3", "--rate", "fast"), "--rate takes"),
        (("c4000011", "--to", "op-3", "-o", "xml"), "knows no format"),
        (("--plan", "gone.json"), "cannot read the plan"),
    ],
)
def test_a_command_line_that_does_not_say_what_to_do_is_refused(
    shift: Database, chatops_inprocess: Run, words: tuple[str, ...], message: str
) -> None:
    assert message in chatops_inprocess("reassign", *words, db=shift, check=2).stderr


def test_a_database_without_our_log_is_refused_with_the_line_to_run_and_no_audit_goes_round(
    core_database: Database, chatops_inprocess: Run
) -> None:
    add_operators(core_database, 2)
    add_chats(core_database, 1)
    core_database.execute("drop schema chatops cascade")
    result = chatops_inprocess("reassign", "c4000001", "--to", "op-1", db=core_database, check=4)
    assert "adopt --ledger-only" in result.stderr
    assert "--no-audit" in result.stderr
    done = chatops_inprocess("reassign", "c4000001", "--to", "op-1", "--no-audit", db=core_database, check=0)
    assert "not logged" in done.stdout
    assert chat(core_database, 1)["assigned_operator_id"] == str(operator_id(1))
    invariants(core_database)


def test_production_off_a_terminal_needs_consent_and_a_reason(shift: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.production]\nurl = "{shift.url}"\nproduction = true\n')
    before = everything(shift)
    result = chatops_inprocess("reassign", "c4000011", "--to", "op-3", check=4)
    assert "--yes and --reason" in result.stderr
    assert "--reason" in chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--yes", check=4).stderr
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--dry-run", check=0)
    assert everything(shift) == before
    done = chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--yes", "--reason", "op-1 left", check=0)
    assert "chatops --env production undo" in done.stdout
    (tmp_path / "chatops.toml").write_text(
        f'[env.production]\nurl = "{shift.url}"\n[env.staging]\nurl = "{shift.url}"\nproduction = false\n'
    )
    assert "say which one" in chatops_inprocess("reassign", "c4000012", "--to", "op-4", "--yes", check=2).stderr


def test_the_log_knows_who_from_where_and_with_which_command_and_holds_no_password(
    shift: Database, chatops_inprocess: Run
) -> None:
    url = shift.url.replace("postgres@", "postgres:s3cret-word@")
    env = {"GITHUB_RUN_ID": "77", "GITHUB_REPOSITORY": "acme/chat", "GITHUB_ACTOR": "ada"}
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--db", url, "--reason", "x", env=env, check=0)
    row = shift.execute(
        "select command, ci_run, os_user, client_address, database_role, at, plan_id, target_schema from chatops.actions"
    )[0]
    assert row[0] == "reassign c4000011 --to op-3"
    assert row[1] == "https://github.com/acme/chat/actions/runs/77 by ada"
    assert "@" in row[2]
    assert row[4] == "postgres"
    assert row[6] is not None
    assert row[7] == "public"
    assert "s3cret-word" not in json.dumps(everything(shift))


def test_a_role_that_may_only_read_is_refused_and_nothing_is_changed(shift: Database, chatops_inprocess: Run) -> None:
    with shift.role("only_reads") as role:
        shift.execute(
            f"grant usage on schema public, chatops to {role}; grant select on all tables in schema public, chatops to {role}"
        )
        before = everything(shift)
        url = shift.url.replace("postgres@", f"{role}@")
        result = chatops_inprocess("reassign", "c4000011", "--to", "op-3", db=url, check=4)
        assert "permission denied" in result.stderr
        assert everything(shift) == before


def test_a_standby_is_refused_before_anything_is_asked(own_server: Callable[..., Server], chatops_inprocess: Run) -> None:
    server = own_server("18")
    database = server.create_database()
    build_core(database)
    add_operators(database, 1)
    add_chats(database, 1)
    database.close()
    server.stop()
    assert server.data is not None
    run(["touch", server.data / "standby.signal"])
    server.start()
    result = chatops_inprocess("reassign", "c4000001", "--to", "op-1", db=database, check=4)
    assert "standby" in result.stderr
    assert chatops_inprocess("log", "-o", "jsonl", db=database, check=0).stdout == ""


def at_a_terminal(
    home: Path, database: Database, folder: Path, words: list[str], answers: list[tuple[str, str]]
) -> tuple[int, str]:
    """Runs the command with a terminal of its own and answers each question as it appears; exit code and all that was seen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        environment = clean_environment(home, {"CHATOPS_DATABASE_URL": database.url, "TERM": "dumb", "COLUMNS": "100"})
        os.execve(sys.executable, [sys.executable, "-m", "chatops", *words], environment)
    seen = ""

    def more() -> bool:
        nonlocal seen
        if not select.select([terminal], [], [], 60)[0]:
            os.kill(pid, signal.SIGKILL)
            pytest.fail(f"nothing more came for a minute after: {seen}")
        try:
            seen += os.read(terminal, 65536).decode("utf-8", "replace")
        except OSError:  # the terminal of a process that has ended
            return False
        return True

    for question, answer in answers:
        while question not in seen:
            assert more(), seen
        os.write(terminal, answer.encode())
    while more():
        pass
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ([("[y/N]", "\x03")], 130, "Stopped. Nothing was changed."),
        ([("[y/N]", "n\n")], 4, "nothing was changed"),
        ([("[y/N]", "\n")], 4, "nothing was changed"),
        ([("[y/N]", "y\n"), ("Reason", "\n")], 2, "a reason is needed"),
        ([("[y/N]", "y\n"), ("Reason", "\x03")], 130, "Stopped. Nothing was changed."),
    ],
)
def test_whoever_does_not_consent_at_the_prompt_changes_nothing(
    core_database: Database, home: Path, tmp_path: Path, answers: list[tuple[str, str]], code: int, words: str
) -> None:
    add_operators(core_database, 2)
    add_chats(core_database, 1)
    before = everything(core_database)
    production = ["reassign", "c4000001", "--to", "op-2"]
    (tmp_path / "chatops.toml").write_text(f'[env.production]\nurl = "{core_database.url}"\nproduction = true\n')
    ended, seen = at_a_terminal(home, core_database, tmp_path, production, answers)
    assert (ended, words in seen) == (code, True), seen
    assert "user-1 → profile-1" in seen
    assert everything(core_database) == before


def test_at_a_terminal_the_operators_are_listed_and_one_is_asked_for(core_database: Database, home: Path, tmp_path: Path) -> None:
    add_operators(core_database, 3)
    add_chats(core_database, 1)
    words = ["reassign", "c4000001"]
    code, seen = at_a_terminal(home, core_database, tmp_path, words, [("Who gets it?", "2\n"), ("[y/N]", "y\n")])
    assert code == 0, seen
    assert "Give it to op-2" in seen
    assert chat(core_database, 1)["assigned_operator_id"] == str(operator_id(2))


def test_a_plan_is_written_reviewed_applied_and_knows_what_is_done(
    shift: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    before = everything(shift)
    chatops_inprocess("reassign", "--stuck", "1h", "--to", "auto", "--max", "9", "--plan-out", "plan.json", db=shift)
    assert everything(shift) == before
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["chatops_plan"], plan["command"], len(plan["items"])) == (1, "reassign", 5)
    item = next(item for item in plan["items"] if item["chat_id"] == str(chat_id(11)))
    assert item["now"]["chat_state"] == "waiting_assignment"
    # One of the chats moves between review and use.
    chatops_inprocess("reassign", "c4000013", "--to", "op-6", "--force", db=shift, check=0)
    result = chatops_inprocess("reassign", "--plan", "plan.json", "-o", "json", db=shift)
    outcomes = {row["chat_id"]: row["outcome"] for row in json.loads(result.stdout)["chats"]}
    assert outcomes[str(chat_id(13))] == "moved"
    assert outcomes[str(chat_id(11))] == "done"
    logged = shift.execute("select distinct plan_id::text from chatops.actions where chat_id = %s", (chat_id(11),))
    assert logged == [(plan["plan_id"],)]
    kept = json.loads((tmp_path / "plan.json").read_text())
    assert kept["plan_id"] == plan["plan_id"]
    invariants(shift)
    chatops_inprocess("undo", "plan.json", db=shift, check=0)
    assert chat(shift, 11)["chat_state"] == "waiting_assignment"


def test_a_plan_is_not_applied_to_another_database_or_by_another_command(
    shift: Database, chatops_inprocess: Run, new_database: Callable[..., Database], farm: Any, tmp_path: Path
) -> None:
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--plan-out", "plan.json", db=shift, check=0)
    result = chatops_inprocess("release", "--plan", "plan.json", db=shift, check=4)
    assert "chatops reassign --plan plan.json" in result.stderr
    other = new_database()
    assert "was made for" in chatops_inprocess("reassign", "--plan", "plan.json", db=other, check=4).stderr
    for text in ("", "{}", "[1]", '{"chatops_plan": 2}', (tmp_path / "plan.json").read_text()[:-20]):
        (tmp_path / "broken.json").write_text(text)
        assert "no plan" in chatops_inprocess("reassign", "--plan", "broken.json", db=shift, check=2).stderr


def test_a_chat_that_somebody_is_changing_is_skipped_not_waited_for(shift: Database, chatops_inprocess: Run) -> None:
    with shift.connect() as other, other.transaction():
        other.execute("select from chats where id = %s for update", (chat_id(11),))
        result = chatops_inprocess("reassign", "c4000011", "--to", "op-3", db=shift, check=5)
        pid = other.info.backend_pid
        told = f"another session is changing it at this moment: pid {pid}, "
        shown = chatops_inprocess("show", "c4000011", db=shift, check=0).stdout
    assert told in " ".join(result.stdout.split())
    ((outcome, detail),) = shift.execute("select outcome, detail from chatops.actions")
    assert (outcome, detail.startswith(told)) == ("moved", True), detail
    assert f"locked by pid {pid} " in shown
    assert "nothing is wrong with it" not in shown
    assert "locked by" not in chatops_inprocess("show", "c4000011", db=shift, check=0).stdout
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", db=shift, check=0)


def test_reassign_works_on_a_mended_database_too(latest_database: Database, chatops_inprocess: Run) -> None:
    add_operators(latest_database, 4)
    add_chats(latest_database, 2)
    chatops_inprocess("reassign", "c4000001", "c4000002", "--to", "auto", db=latest_database, check=0)
    before = latest_database.value("select epoch from chats where id = %s", (chat_id(1),))
    chatops_inprocess("reassign", "c4000001", "--to", "op-4", db=latest_database, check=0)
    assert latest_database.value("select epoch from chats where id = %s", (chat_id(1),)) > before
    row = latest_database.execute(
        """select a.waiting_since = c.waiting_since, a.queued_since is not null, c.state_since is not null
             from chat_assignments a join chats c on c.id = a.chat_id where c.id = %s and a.released_at is null""",
        (chat_id(1),),
    )
    assert row == [(True, True, True)]
    invariants(latest_database)
    chatops_inprocess("release", "c4000001", db=latest_database, check=0)
    found = chat(latest_database, 1)
    assert (found["chat_state"], found["releases_without_reply"], found["waiting_since"] is None) == (
        "waiting_assignment",
        1,
        False,
    )
    action = latest_database.value("select max(id) from chatops.actions")
    chatops_inprocess("undo", action, db=latest_database, check=0)
    assert (chat(latest_database, 1)["chat_state"], chat(latest_database, 1)["releases_without_reply"]) == ("assigned", 0)
    invariants(latest_database)


def test_a_plan_shows_people_what_will_be_done_first_and_the_line_that_does_it(shift: Database, chatops_inprocess: Run) -> None:
    add_chats(shift, 30, first=50)
    words = ["reassign", "--stuck", "1h", "--to", "auto", "--dry-run"]
    shown = chatops_inprocess(*words, db=shift, terminal=(200, 40)).stdout
    wanted, refused = (int(part.split()[0]) for part in shown.splitlines()[0].split(" · "))
    assert refused > 20
    assert re.search(r"chat +user +profile +waits", shown)
    assert "user-" in shown
    assert shown.index("goes to") < shown.index("Refused")
    assert f"and {refused - 20} more chats of {refused} refused: --all" in shown
    machine = [row["chat_id"] for row in json.loads(chatops_inprocess(*words, "-o", "json", db=shift).stdout)["chats"]]
    assert len(machine) == wanted + refused
    all_of_it = chatops_inprocess(*words, "--all", db=shift, terminal=(200, 40)).stdout
    assert "more chats" not in all_of_it
    assert all(one[:8] in all_of_it for one in machine)
    last = shown.splitlines()[-1]
    assert last == "Do it: chatops reassign --stuck 1h --to auto"
    chatops_inprocess(*last.removeprefix("Do it: chatops ").split(), db=shift)
    assert shift.value("select count(*) from chatops.actions where outcome = 'done'") == wanted


# ---- who is there -----------------------------------------------------------------------------------------------------------


def test_auto_takes_those_who_are_there_and_the_silent_ones_only_when_forced(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set last_activity = now() - interval '31 minutes' where name in ('op-3', 'op-5', 'op-6')")
    shift.execute("update operators set last_activity = now() - interval '29 minutes' where name = 'op-4'")
    words = ["reassign", "c4000011", "c4000012", "--to", "auto", "-o", "json", "--dry-run"]
    refused = chatops_inprocess(*words, db=shift)
    assert refused.exit_code == 4
    assert "nobody was heard of lately; --force silent takes one of them" in refused.stdout + refused.stderr
    takers = [
        row["operator_after_id"]
        for row in json.loads(chatops_inprocess(*words[:1], *words[2:], db=shift, check=0).stdout)["chats"]
    ]
    assert takers == [str(operator_id(4))]
    forced = json.loads(chatops_inprocess(*words, "--force", "silent", db=shift, check=0).stdout)
    assert forced["chats"][0]["operator_after_id"] == str(operator_id(4))
    chatops_inprocess("reassign", "c4000011", "--to", "op-3", "--dry-run", db=shift, check=0)
    shift.execute("update operators set last_activity = null where name = 'op-4'")
    chatops_inprocess("reassign", "c4000011", "--to", "auto", "--dry-run", db=shift, check=4)


def test_a_silent_operator_who_is_named_gets_it_and_the_plan_says_so_first(
    shift: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    shift.execute("update operators set last_activity = now() - interval '2 hours' where name in ('op-3', 'op-1')")
    shift.execute("update operator_activity set last_activity = now() - interval '2 hours'")
    careful = re.compile(r"careful: \S.* was last seen 2 h ago \(limit 30 m\)\. Perhaps nobody answers\.")

    def told(*words: object) -> str:
        done = chatops_inprocess(*words, db=shift, check=0)
        return " ".join((done.stdout + done.stderr).split())

    for words in (("c4000011",), ("c4000011", "c4000001"), ("--stuck", "1h", "--plan-out", str(tmp_path / "plan.json"))):
        force = ("--force", "busy") if words[0] != "c4000011" or words[1:] else ()
        dry = () if "--plan-out" in words else ("--dry-run",)
        shown = chatops_inprocess("reassign", *words, "--to", "op-3", *force, *dry, db=shift)
        assert careful.search(" ".join(shown.stdout.split())), shown.stdout
    assert careful.search(" ".join(chatops_inprocess(
        "reassign", "--plan", tmp_path / "plan.json", "--dry-run", db=shift).stdout.split()))  # fmt: skip
    assert careful.search(told("drain", "op-2", "--to", "op-3", "--dry-run"))
    assert "careful" not in told("reassign", "c4000011", "--to", "op-4", "--dry-run")
    given = json.loads(chatops_inprocess("reassign", "c4000001", "--to", "op-4", "-o", "json", db=shift, check=0).stdout)["chats"]
    assert given[0]["operator_after_seen_at"] is not None
    assert careful.search(told("undo", given[0]["action_id"], "--dry-run"))  # it goes back to op-1
    shift.execute("update operators set last_activity = null where name = 'op-5'")
    assert "was never seen (limit 30 m)" in told("reassign", "c4000011", "--to", "op-5", "--dry-run")


def test_who_counts_as_free_and_is_silent_has_no_tick_anywhere(shift: Database, chatops_inprocess: Run) -> None:
    shift.execute("update operators set last_activity = now() - interval '2 hours' where name in ('op-3', 'op-4')")
    shown = chatops_inprocess("operators", "--free", db=shift, check=0).stdout
    assert "4 free (2 silent)" in shown
    assert shown.count("free, silent") == 2
    assert "free, silent" not in chatops_inprocess("operators", "-o", "json", db=shift, check=0).stdout
    waits = chatops_inprocess("show", "c4000011", "--show-names", db=shift, check=0).stdout
    assert re.search(r"✓ +2 free .*op-5, op-6", waits)
    assert re.search(r"2 silent +count as free, and were not heard of for long, last seen: op-3 2 h ago, op-4 2 h ago", waits)
    assert (
        "counts as free, but was not heard of for longer than 30 m" in chatops_inprocess("show", "op-3", db=shift, check=0).stdout
    )
    assert "counts as free" not in chatops_inprocess("show", "op-5", db=shift, check=0).stdout


def test_what_we_do_is_never_an_operators_last_sign_of_life(latest_database: Database, chatops_inprocess: Run) -> None:
    add_operators(latest_database, 2)
    add_chats(latest_database, 1)
    latest_database.execute("update operators set last_activity = now() - interval '3 hours'")
    chatops_inprocess("reassign", "c4000001", "--to", "op-1", db=latest_database, check=0)
    seen = json.loads(chatops_inprocess("operators", "-o", "json", db=latest_database, check=0).stdout)["operators"]
    silent_for = latest_database.value("select min(now() - %s::timestamptz)", (next(
        row["last_activity"] for row in seen if row["operator_id"] == str(operator_id(1))),))  # fmt: skip
    assert silent_for.total_seconds() > 10_000
    told = " ".join(
        chatops_inprocess("reassign", "c4000001", "--to", "op-2", "--dry-run", db=latest_database, check=0).stdout.split()
    )
    assert "seen 3h" in told.replace("3 h", "3h")
    latest_database.execute("select operator_heartbeat(%s, %s)", (chat_id(1), operator_id(1)))
    seen = json.loads(chatops_inprocess("operators", "-o", "json", db=latest_database, check=0).stdout)["operators"]
    row = next(row for row in seen if row["operator_id"] == str(operator_id(1)))
    assert latest_database.value("select now() - %s::timestamptz < interval '1 hour'", (row["last_activity"],))

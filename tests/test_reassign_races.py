"""Moves in bulk, all at once, and killed in the middle: one truth a chat, and a log that agrees with the tables."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.chats.simulation import People
from tests.conftest import Result, clean_environment
from tests.load import hostile_load, summary
from tests.locks import sessions, wait_for
from tests.servers import Database, pause
from tests.shift import add_chats, add_operators, chat_id
from tests.test_reassign import invariants

LONG = os.environ.get("CHATOPS_TEST_LONG") == "1"
Run = Callable[..., Result]


def command(home: Path, database: Database, *words: str, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process of its own that nobody waits for yet."""
    return subprocess.Popen(
        [sys.executable, "-m", "chatops", *words],
        env=clean_environment(home, {"CHATOPS_DATABASE_URL": database.url}),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, **options,
    )  # fmt: skip


def log_and_tables_agree(database: Database) -> None:
    """The newest done action of each chat is what the chat is; chats without one were not touched."""
    disagreeing = database.execute(
        """select c.id from chats c
             left join lateral (select a.after from chatops.actions a where a.chat_id = c.id and a.outcome = 'done'
                                 order by a.id desc limit 1) last on true
            where case when last.after is null then c.assigned_operator_id is distinct from was_held_by(c.id)
                       else last.after #>> '{chat,assigned_operator_id}' is distinct from c.assigned_operator_id::text
                         or last.after #>> '{chat,chat_state}' is distinct from c.chat_state
                         or (last.after #>> '{chat,assignment_time}')::timestamptz is distinct from c.assignment_time end"""
    )
    assert disagreeing == []


def remember_holders(database: Database) -> None:
    """Keeps who holds each chat now, for `log_and_tables_agree`."""
    database.execute("create table held_before as select id, assigned_operator_id from chats")
    database.execute("create unique index on held_before (id)")
    database.execute(
        """create function was_held_by(uuid) returns uuid language sql stable as
           $$ select assigned_operator_id from held_before where id = $1 $$"""
    )


@pytest.mark.long
def test_many_who_reassign_the_same_chats_at_once_beside_a_hostile_load_leave_one_truth_and_a_log_of_every_attempt(
    latest_database: Database, home: Path
) -> None:
    database = latest_database
    operators = add_operators(database, 200)
    add_chats(database, 50)
    people = People(operators, [chat_id(number) for number in range(1, 51)])
    words = ("reassign", *map(str, people.chats), "--to", "auto", "--force", "answered")
    attempts = 100 if LONG else 5
    # Chats stay open: one that an admin closes is none that could be reassigned.
    load = hostile_load(database, people=people, chats=50, users=3, admin=(("reassign", 0.7), ("unassign", 0.3)))
    with load.running():
        running = [command(home, database, *words) for _ in range(attempts)]
        ended = [(*one.communicate(timeout=600), one.returncode) for one in running]
    for out, err, code in ended:
        assert code in (0, 4, 5), out + err
        assert "deadlock" not in out + err
    outcome = load.outcome
    print(summary(outcome))
    assert outcome.verdict == "held", summary(outcome)
    assert outcome.tally.done["replied"] > 3, summary(outcome)
    invariants(database)
    counted = dict(database.execute("select outcome, count(*) from chatops.actions where action = 'reassign' group by 1"))
    print(counted)
    assert set(counted) <= {"done", "moved", "refused"}
    assert counted.get("done", 0) > 0
    # Each attempt left a row for each chat that it wanted to move, whatever became of it.
    logged = database.execute("select plan_id, count(distinct chat_id) from chatops.actions where action = 'reassign' group by 1")
    assert [chats for _, chats in logged] == [50] * attempts
    assert database.value("select deadlocks from pg_stat_database where datname = current_database()") == 0


def test_two_who_want_the_same_operator_give_them_one_chat(core_database: Database, home: Path) -> None:
    database = core_database
    add_operators(database, 1)
    add_chats(database, 2)
    for _ in range(20 if LONG else 3):
        both = [command(home, database, "reassign", f"c400000{number}", "--to", "op-1") for number in (1, 2)]
        ends = [(one.communicate(timeout=120), one.returncode) for one in both]
        assert sorted(code for _, code in ends) in ([0, 4], [0, 5]), ends
        assert database.value("select count(*) from chats where assigned_operator_id is not null") == 1
        database.execute(
            "update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, last_operator_id = null"
        )
        database.execute("delete from chat_assignments")
        database.execute("delete from operator_activity")


def kill_when(database: Database, process: subprocess.Popen[str], done: int) -> None:
    """Kills the command as soon as that many chats are committed; at once when it ended before."""
    with database.connect() as connection:

        def reached() -> bool:
            row = connection.execute("select count(*) from chatops.actions where outcome = 'done'").fetchone()
            assert row is not None
            return row[0] >= done or process.poll() is not None

        wait_for(reached, f"{done} chats are moved", 120)
    process.kill()
    process.communicate()


def wait_until_no_orphan_works(database: Database) -> None:
    """The server notices a killed client only when it next talks to it."""
    with database.connect() as connection:
        wait_for(lambda: not sessions(connection, "application_name like 'chatops%%'"), "the killed client's session ends", 60)


@pytest.mark.long
def test_a_large_reassign_that_is_killed_again_and_again_ends_where_an_undisturbed_one_ends(
    core_database: Database, chatops: Run, home: Path, tmp_path: Path
) -> None:
    """Killed at random counts; after each kill, log and tables agree row by row; going on with the plan ends like the plan."""
    database = core_database
    count, kills = (10_000, 100) if LONG else (1_500, 3)
    random_ = random.Random(7)
    add_operators(database, 2 * count)
    add_chats(database, count, state="assigned", held_by=1)
    remember_holders(database)
    words = ("reassign", "--stuck", "1m", "--to", "auto", "--max", str(count))
    chatops(*words, "--plan-out", tmp_path / "plan.json", db=database, check=0)
    expected = {
        (item["chat_id"], item["then"]["operator_id"]) for item in json.loads((tmp_path / "plan.json").read_text())["items"]
    }
    for _ in range(kills):
        process = command(home, database, "reassign", "--plan", str(tmp_path / "plan.json"), "--rate", "600/s", cwd=tmp_path)
        so_far = database.value("select count(*) from chatops.actions where outcome = 'done'")
        kill_when(database, process, so_far + random_.randint(0, max(1, count // kills // 2)))
        wait_until_no_orphan_works(database)
        log_and_tables_agree(database)
    chatops("reassign", "--plan", tmp_path / "plan.json", db=database, check=0)
    found = {(str(row[0]), str(row[1])) for row in database.execute("select id, assigned_operator_id from chats")}
    assert found == expected
    assert database.execute("select chat_id from chatops.actions where outcome = 'done' group by 1 having count(*) > 1") == []
    log_and_tables_agree(database)
    invariants(database)


def test_an_interrupted_run_says_what_is_done_and_how_to_go_on(core_database: Database, home: Path, tmp_path: Path) -> None:
    database = core_database
    add_operators(database, 1)
    add_chats(database, 1_200, state="waiting_real_user_reply")
    database.execute("insert into messages (chat_id, sender_type) select id, 'real' from chats")
    process = command(home, database, "release", "--stuck", "0s", "--max", "1200", "--rate", "100/s", cwd=tmp_path)
    with database.connect() as connection:
        wait_for(
            lambda: connection.execute("select count(*) from chatops.actions where outcome = 'done'").fetchone()[0] >= 100,  # type: ignore[index]
            "a hundred chats are released", 60,
        )  # fmt: skip
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    done = database.value("select count(*) from chatops.actions where outcome = 'done'")
    assert f"Stopped after {done:,} of 1,200. Undo these {done:,}: " in err
    line = next(line for line in err.splitlines() if "--plan" in line).removeprefix("Go on: chatops ")
    wait_until_no_orphan_works(database)
    again = command(home, database, *line.split(), cwd=tmp_path)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, out + err
    assert database.value("select count(distinct chat_id) from chatops.actions where outcome = 'done'") == 1_200
    assert database.value("select count(*) from chats where chat_state = 'waiting_assignment'") == 1_200


def test_a_thousand_chats_are_never_locked_for_longer_than_their_batch(
    core_database: Database, home: Path, tmp_path: Path
) -> None:
    """A writer of the application that goes round all chats is never held up beyond the lock timeout of one second."""
    database = core_database
    add_operators(database, 3_000)
    add_chats(database, 3_000, state="assigned", held_by=1)
    process = command(home, database, "release", "--stuck", "1m", "--max", "3000", cwd=tmp_path)
    with database.connect() as connection:
        connection.execute("set lock_timeout = '1s'")
        while process.poll() is None:
            for number in range(1, 3_000, 97):
                connection.execute("update chats set updated_at = now() where id = %s", (chat_id(number),))
            pause()
    out, err = process.communicate()
    assert process.returncode in (0, 5), out + err
    assert database.value("select count(*) from chats where chat_state = 'assigned'") <= 3_000 // 97 + 1

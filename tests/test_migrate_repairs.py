"""020 and 023: the repairs of the package inside `migrate`. What is right is not written, what is busy is left, a stop costs nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops.chats import planting
from chatops.migrations import repair_steps
from chatops.repairs import texts
from tests.ailing import look, plant, populated, wrong
from tests.conftest import APPLICATION_OWNER, Result, clean_environment, url_as
from tests.locks import wait_for
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]
CODES = [repair.code for repair in texts.shipped() if repair.code in planting.codes()]
TABLES = ("chats", "messages", "chat_assignments", "operator_activity", "operators", "platform_config", "real_users")


@pytest.fixture
def deployed(new_database: Callable[..., Database], farm: Farm, any_server: Server, chatops_inprocess: Run) -> Database:
    """A healthy deployed system (017) that chatops knows."""
    made = populated(new_database, farm, any_server, "017")
    chatops_inprocess("adopt", "--through", "017", "--yes", db=made, check=0)
    return made


def versions(database: Database) -> dict[tuple[str, str], str]:
    """Of each row of the application, by table and key, which transaction wrote it."""
    keys = {"platform_config": "key", "operator_activity": "chat_id || ' ' || operator_id"}
    parts = (f"select '{table}', ({keys.get(table, 'id')})::text, xmin::text from {table}" for table in TABLES)
    return {(table, key): xmin for table, key, xmin in database.execute(" union all ".join(parts))}


def applied(database: Database) -> dict[str, tuple[str, int | None]]:
    rows = database.execute("select name, state, rows_changed from chatops.migrations where name ~ '^02[03]'")
    return {name[:3]: (state, changed) for name, state, changed in rows}


def keep_a_heartbeat(database: Database) -> psycopg.Connection[Any]:
    """A session that has locked the heartbeat of somebody who does not hold the chat, and nothing else."""
    chat, operator = database.execute(
        """select a.chat_id, a.operator_id from operator_activity a join chats c on c.id = a.chat_id
            where a.operator_id is distinct from c.assigned_operator_id"""
    )[0]
    holder = database.connect(autocommit=False)
    holder.execute("select from operator_activity where chat_id = %s and operator_id = %s for update", (chat, operator))
    holder.execute("select")  # and no cursor, whose snapshot an index build would wait for
    return holder


def damage(database: Database) -> None:
    for code in CODES:
        plant(database, code)


def test_rows_that_are_right_are_not_written_and_each_that_is_written_is_logged(
    deployed: Database, chatops_inprocess: Run
) -> None:
    """No clock for a closed chat, no event for whoever looks at a list: the versions of all other rows stay."""
    before = versions(deployed)
    chatops_inprocess("migrate", "--yes", db=deployed, check=0)
    assert deployed.value("select count(*) from chats where chat_state = 'completed' and waiting_since is not null") == 0
    logged = deployed.execute("select distinct chat_id::text from chatops.actions")
    waiting = deployed.execute("select id::text from chats where waiting_since is not null")
    assert sorted(logged) == sorted(waiting) != []
    after = versions(deployed)
    assert {key for key in before if after[key] != before[key]} == {("chats", key) for (key,) in waiting}
    assert (applied(deployed)["020"], applied(deployed)["023"]) == (("applied", len(waiting)), ("applied", 0))


def test_the_preview_says_how_many_rows_each_file_will_write_and_the_result_how_many_it_wrote(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    codes = ("CHAT007", "CHAT008", "CHAT014", "CONF001", "DATA001", "QUEUE001")
    for code in codes:
        plant(deployed, code)
    told = json.loads(chatops_inprocess("migrate", "--dry-run", "-o", "json", db=deployed, check=0).stdout)
    assert set(told["repairs"]["023_repair_rows"]) == set(codes)
    rows = {row["name"]: row["rows"] for row in told["pending"]}
    assert rows["020_fill_queue_clocks"] == told["repairs"]["020_fill_queue_clocks"]["QUEUE012"] > 0
    assert rows["023_repair_rows"] == sum(told["repairs"]["023_repair_rows"].values())
    assert rows["021_write_path"] is None
    people = chatops_inprocess("migrate", "--dry-run", db=deployed, check=0).stdout
    assert f"({rows['023_repair_rows']} rows to mend)" in " ".join(people.split())
    ran = chatops_inprocess("migrate", "--yes", "-o", "json", "--write", f"plain={tmp_path / 'run.txt'}", db=deployed, check=0)
    for name in ("020_fill_queue_clocks", "023_repair_rows"):
        done = "filled in" if name == "020_fill_queue_clocks" else "mended"
        assert re.search(rf"✓ {name} +{rows[name]} rows? {done} ", ran.stderr), ran.stderr
    filled, mended = rows["020_fill_queue_clocks"], rows["023_repair_rows"]
    said = " ".join((tmp_path / "run.txt").read_text().split())
    assert f"{filled} rows filled in and {mended} rows mended, with what goes with them; " in said
    # The list has the numbers, and the row of a number has what was before and after.
    assert "Each row that it filled in or mended, with its number: chatops log --full" in said
    assert "One of them, before and after: chatops log NUMBER" in said
    page = chatops_inprocess("report", "--last", "-o", "plain", db=deployed, check=0).stdout
    assert re.search(r"each row with its number:? +chatops log --full\n.*before and after:? +chatops log NUMBER\n", page), page
    number = json.loads(chatops_inprocess("log", "--full", "-o", "json", db=deployed, check=0).stdout)["actions"][0]["action_id"]
    for command in (("log", "--full"), ("log", str(number))):
        both = "What was before → and after:" in chatops_inprocess(*command, db=deployed, check=0).stdout
        assert both is (command[1] != "--full"), command
    # What was filled in was not wrong, whoever tells of it; what was mended was.
    for code, what in (("QUEUE012", "fill in QUEUE012"), ("CHAT007", "repair CHAT007")):
        (one, chat), *_ = deployed.execute(
            "select id, chat_id from chatops.actions where code = %s order by (after ->> 'waiting_since') desc nulls last",
            (code,),
        )
        shown = chatops_inprocess("log", str(one), db=deployed, check=0).stdout
        assert f"Action {one}: {what} ·" in shown
        assert f" {what} " in chatops_inprocess("log", "--full", "--chat", str(chat), "-o", "plain", db=deployed, check=0).stdout
        assert f" {what} " in chatops_inprocess("show", str(chat), "-o", "plain", db=deployed, check=None).stdout
        refused = " ".join(chatops_inprocess("undo", str(one), db=deployed, check=4).stderr.split())
        assert ("bring the fault back" in refused, "filled in a column that was new" in refused) == (
            code != "QUEUE012",
            code == "QUEUE012",
        )
    done = json.loads(ran.stdout)
    wrote = {row["name"]: row["rows"] for row in done["applied"]}
    assert {name: wrote[name] for name in ("020_fill_queue_clocks", "023_repair_rows")} == {
        name: rows[name] for name in ("020_fill_queue_clocks", "023_repair_rows")
    }


def test_where_more_is_wrong_than_is_found_at_once_it_is_looked_for_again(
    deployed: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MOST_FOUND", 40)
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply' and is_active")
    wrong_now: Any = deployed.value("select count(*) from chats where chat_state = 'waiting_real_user_reply' and is_active")
    assert wrong_now > 100
    chatops_inprocess("migrate", "--yes", db=deployed, check=0)
    assert applied(deployed)["023"] == ("applied", wrong_now)
    deployed.execute("set chatops.write = 'function'")
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply' and is_active")
    told = json.loads(chatops_inprocess("repair", "CHAT014", "-o", "json", db=deployed, check=0).stdout)
    assert told["mended"] == {"CHAT014": wrong_now}


@pytest.mark.parametrize("at_once", [2, texts.MOST_FOUND])
def test_everything_is_mended_in_psql_too(
    deployed: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also where more is wrong than is found at once."""
    monkeypatch.setattr(texts, "MOST_FOUND", at_once)
    damage(deployed)
    text = chatops_inprocess("migrate", "--dry-run", "-o", "sql", db=deployed, check=0).stdout
    ran = deployed.psql(text)
    assert ran.returncode == 0, ran.stderr
    assert {state for state, _ in applied(deployed).values()} == {"applied"}
    assert not set(wrong(look(deployed))) & set(CODES)
    mended = deployed.value("select count(*) from chatops.actions where action = 'repair'")
    assert mended >= sum(rows or 0 for _, rows in applied(deployed).values()) > len(CODES)


def test_a_run_that_is_killed_in_the_middle_of_the_repairs_goes_on_and_mends_nothing_twice(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    damage(deployed)
    wrong_count, chat = deployed.execute(
        """select c.message_count - (select count(*) from messages m where m.chat_id = c.id), c.id from chats c
            where c.message_count <> (select count(*) from messages m where m.chat_id = c.id)"""
    )[0]
    assert wrong_count
    chatops_inprocess("migrate", "--to", "022", "--yes", db=deployed, check=0)
    # One heartbeat is somebody's: the run asks for it again and again, and is killed there.
    holder = keep_a_heartbeat(deployed)
    command = [sys.executable, "-m", "chatops", "--db", deployed.url, "migrate", "--yes"]
    running = subprocess.Popen(
        command, env=clean_environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        place = [repair.code for repair in texts.shipped()].index("CHAT008")
        wait_for(
            lambda: deployed.value("select steps_done from chatops.migrations where name = '023_repair_rows'") == place,
            "the run is at the heartbeats",
            timeout=60,
        )
        running.send_signal(signal.SIGKILL)
        running.wait(timeout=30)
    finally:
        running.kill()
    assert running.stderr is not None
    running.stderr.close()
    assert applied(deployed)["023"][0] == "running"
    before = deployed.value("select max(id) from chatops.actions")
    holder.rollback()
    again = subprocess.run(command, env=clean_environment(tmp_path), capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode == 0, again.stderr
    assert {state for state, _ in applied(deployed).values()} == {"applied"}
    assert not set(wrong(look(deployed))) & set(CODES)
    twice = deployed.execute(
        """select code, chat_id, operator_id, row_id from chatops.actions where action = 'repair'
            group by 1, 2, 3, 4 having bool_or(id <= %s) and bool_or(id > %s)""",
        (before, before),
    )
    assert twice == []
    assert deployed.value("select message_count = (select count(*) from messages where chat_id = %s) from chats where id = %s",
                          (chat, chat))  # fmt: skip


def test_a_row_that_somebody_keeps_is_left_and_named_and_the_files_behind_it_go_in(
    deployed: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_steps, "BUSY_S", 0.3)
    plant(deployed, "CHAT008")
    plant(deployed, "CHAT014")
    chatops_inprocess("migrate", "--to", "022", "--yes", db=deployed, check=0)
    holder = keep_a_heartbeat(deployed)
    said = chatops_inprocess("migrate", "--yes", db=deployed, check=0).stderr
    assert re.search(r"CHAT008: 0 rows mended, 1 left for chatops repair CHAT008: busy with somebody else", said)
    assert "CHAT014: 1 row mended" in said
    assert "027_privileges" in said
    holder.rollback()
    chatops_inprocess("repair", "CHAT008", "--yes", db=deployed, check=0)
    assert "CHAT008" not in wrong(look(deployed))


def test_a_row_that_cannot_be_mended_in_time_is_left_and_keeps_nobody_waiting(deployed: Database, chatops_inprocess: Run) -> None:
    """A trigger of somebody's that takes long for one row: batches become smaller, and that row is passed over."""
    deployed.execute("update chats set last_operator_id = null where chat_state = 'waiting_real_user_reply' and is_active")
    slow, wrong_now = deployed.execute(
        "select min(id::text)::uuid, count(*) from chats where chat_state = 'waiting_real_user_reply' and is_active"
    )[0]
    deployed.script(
        f"""create function think() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return new; end $$;
            create trigger zz_thinks before update on chats for each row when (old.id = '{slow}') execute function think()"""
    )
    said = chatops_inprocess("migrate", "--yes", "--to", "023", db=deployed, check=0).stderr
    assert f"CHAT014: {wrong_now - 1} rows mended, 1 left for chatops repair CHAT014" in said
    assert deployed.value("select last_operator_id is null from chats where id = %s", (slow,))


@pytest.mark.parametrize("code", [repair.code for repair in texts.shipped()])
def test_no_message_is_read_once_a_row_is_locked(code: str) -> None:
    """However many a chat has: what to write is known before. One that is mended itself is, by its key."""
    mend = re.sub(r"--.*", "", texts.chosen([code])[0].mend)
    mend = re.sub(
        r"update messages m\b|(from|join) messages m\s+(on|where) m\.chat_id = f\.chat_id\s+and m\.id = f\.id", "", mend
    )
    locking = mend[max(mend.find("for no key update"), 0) :]
    assert "messages m" not in locking
    assert "from messages" not in locking


def test_a_chat_with_very_many_messages_is_mended_like_any_other(deployed: Database, chatops_inprocess: Run) -> None:
    chat: Any = deployed.value("select id from chats where chat_state = 'waiting_real_user_reply' and is_active limit 1")
    deployed.script(
        f"""set session_replication_role = replica;
            insert into messages (chat_id, sender_type, content, created_at, handled_by_operator_id)
            select '{chat}', case when n % 2 = 0 then 'real' else 'fictional' end, 'x', now() - interval '1 hour' + n * interval '1 ms',
                   case when n % 2 = 1 then (select last_operator_id from chats where id = '{chat}') end
              from generate_series(1, 100000) as n;
            update chats set last_message_at = now() where id = '{chat}'"""
    )
    said = chatops_inprocess("migrate", "--yes", db=deployed, check=0).stderr
    assert "CHAT006: 1 row mended" in said
    counted, messages = deployed.execute(
        f"select message_count, (select count(*) from messages where chat_id = c.id) from chats c where id = '{chat}'"
    )[0]
    assert counted == messages > 100_000


def test_the_platforms_own_database_is_mended_by_its_owner_who_has_no_special_rights(
    application_database_everywhere: Database, chatops_inprocess: Run
) -> None:
    """Row security, accounts, a publication: what the repairs write is what was wrong, and nothing else is an event."""
    database = application_database_everywhere
    database.script(
        """set session_replication_role = replica;
           insert into operators (id, name, email) values (md5('op')::uuid, 'Ann', 'ann@example.test');
           insert into real_users (id, name) select md5('user' || n)::uuid, 'user ' || n from generate_series(1, 40) as n;
           insert into fictional_users (id, name) values (md5('profile')::uuid, 'Vera');
           insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, message_count, last_message_at, updated_at,
                              operator_replied_at, last_operator_id)
           select md5('chat' || n)::uuid, md5('user' || n)::uuid, md5('profile')::uuid,
                  case when n <= 10 then 'waiting_real_user_reply' when n <= 20 then 'waiting_assignment' else 'completed' end,
                  n <= 20, 2, now() - interval '1 hour', now() - interval '1 hour', now() - interval '1 hour', md5('op')::uuid
             from generate_series(1, 40) as n;
           insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at)
           select md5('chat' || n)::uuid, case when (k = 2) = (n between 11 and 20) then 'real' else 'fictional' end, 'hello',
                  case when (k = 2) <> (n between 11 and 20) then md5('op')::uuid end, now() - interval '1 hour' - (2 - k) * interval '1 minute'
             from generate_series(1, 40) as n, generate_series(1, 2) as k;
           update operators set total_messages = (select count(*) from messages where sender_type = 'fictional');
           update chats set chat_state = null where id = md5('chat1')::uuid;
           update chats set chat_state = 'waiting_assignment' where id = md5('chat2')::uuid;
           update chats set message_count = 7 where id = md5('chat3')::uuid;
           update chats set is_active = true where id = md5('chat40')::uuid"""
    )
    database.execute(f'grant create on database "{database.name}" to {APPLICATION_OWNER}')
    owner = url_as(database, APPLICATION_OWNER)
    chatops_inprocess("adopt", "--through", "017", "--yes", db=owner, check=0)
    before = versions(database)
    chatops_inprocess("migrate", "--yes", db=owner, check=0)
    after = versions(database)
    chat = {n: str(database.value("select md5('chat' || %s)::uuid", (str(n),))) for n in range(1, 41)}
    written = {key for key in before if before[key] != after[key]}
    assert written == {("chats", chat[n]) for n in (1, 2, 3, *range(11, 21), 40)} | {("platform_config", "max_reassignments")}
    states = dict(database.execute("select id::text, chat_state from chats"))
    assert (states[chat[1]], states[chat[2]], states[chat[40]]) == (
        "waiting_real_user_reply",
        "waiting_real_user_reply",
        "completed",
    )
    assert database.value("select message_count from chats where id = %s", (chat[3],)) == 2
    moved = database.execute("select id::text from chats where updated_at > now() - interval '30 minutes'")
    # The application's own trigger stamps what is written; the lists of everybody else stay in order.
    assert {chat[n] for n in (1, 2, 40)} <= {key for (key,) in moved} <= {key for _, key in written}

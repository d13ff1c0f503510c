"""`diagnose --rehearse` tries fixes and leaves nothing behind; `--since-file` tells what is new, ongoing and gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ailing import deployed, mended, plant
from tests.conftest import Result
from tests.servers import Database

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]
TABLES = ("operators", "real_users", "fictional_users", "chats", "messages", "chat_assignments", "operator_activity", "platform_config",
          "chatops.actions", "chatops.runs", "chatops.settings", "chatops.migrations")  # fmt: skip


def everything(database: Database) -> dict[str, object]:
    """All rows of all tables with their versions, and where the sequences stand."""
    state: dict[str, object] = {
        table: database.value(f"select md5(string_agg(r.xmin::text || r::text, '|' order by r::text)) from {table} as r")
        for table in TABLES
    }
    state["sequences"] = database.execute("select schemaname, sequencename, last_value from pg_sequences order by 1, 2")
    state["relations"] = database.value("select count(*) from pg_class where relnamespace <> 'pg_toast'::regnamespace")
    return state


def found(answer: Result) -> dict[str, dict[str, Any]]:
    return {row["code"]: row for row in json.loads(answer.stdout)["findings"]}


# ---- --rehearse -----------------------------------------------------------------------------------------------------------


def test_each_fix_is_tried_and_nothing_remains(deployed: Database, chatops_inprocess: Run) -> None:
    for code in ("CHAT001", "CHAT003", "CHAT006", "OPER001", "CONF001", "DATA001"):
        plant(deployed, code)
    before = everything(deployed)
    rows = found(chatops_inprocess("diagnose", "--rehearse", "-o", "json", db=deployed, check=1))
    assert everything(deployed) == before
    for code in ("CHAT001", "CHAT003", "CHAT006", "OPER001", "CONF001", "DATA001"):
        tried = rows[code]["rehearsal"]
        assert tried["reason"] is None, (code, tried)
        assert tried["effects"][code] == {"before": rows[code]["count"], "after": 0}, (code, tried)
        assert tried["held_ms"] < 1000
        assert all(effect["after"] <= effect["before"] for effect in tried["effects"].values()), (code, tried)
    assert rows["CHAT006"]["rehearsal"]["chats_queued"] == rows["CHAT006"]["count"]
    assert rows["OPER001"]["rehearsal"]["operators_freed"] >= 1
    # What a rehearsal promises, the repair keeps.
    promised = {code: row["rehearsal"]["effects"] for code, row in rows.items() if row["rehearsal"]}
    chatops_inprocess("repair", "CHAT003", "--reason", "as rehearsed", db=deployed, check=0)
    after = found(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1))
    for code, effect in promised["CHAT003"].items():
        assert (after[code]["count"] if code in after else 0) == effect["after"], (code, effect)


def test_a_rehearsal_is_told_in_one_line_and_what_has_no_fix_says_so(mended: Database, chatops_inprocess: Run) -> None:
    for code in ("CHAT003", "CHAT009"):
        plant(mended, code)
    shown = chatops_inprocess("diagnose", "--rehearse", db=mended, check=1).stdout
    count = int(shown.partition("in ")[2].split(" ")[0])
    assert f"rehearsed  resolves CHAT003 ({count} → 0)" in shown
    assert "rolled back after" in shown


def test_production_is_asked_first_and_a_reading_role_is_told(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(deployed, "CHAT003")
    (tmp_path / "chatops.toml").write_text(f'[env.production]\nurl = "{deployed.url}"\nproduction = true\n')
    refused = chatops_inprocess("diagnose", "--rehearse", check=4)
    assert "give --yes to go on; nothing was changed" in refused.stderr
    assert "resolves CHAT003" in chatops_inprocess("diagnose", "--rehearse", "--yes", check=1).stdout
    role = f"reader_{deployed.name}"[:60]
    deployed.execute(f"""create role {role} login; grant pg_read_all_data, pg_monitor to {role}""")
    try:
        url = deployed.url.replace("//postgres@", f"//{role}@")
        assert url != deployed.url
        answer = chatops_inprocess("diagnose", "--rehearse", db=url, check=4, cwd=tmp_path.parent)
        assert "CHAT003" in answer.stdout
        assert "cannot be rehearsed: permission denied" in answer.stdout
        assert "nothing was rehearsed" in answer.stderr
    finally:
        deployed.execute(f"drop owned by {role}; drop role {role}")


def test_rows_that_others_hold_and_a_table_that_is_locked_are_told(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    holder = deployed.connect()
    holder.execute("begin; select from chats for update")
    one = found(chatops_inprocess("diagnose", "--only", "CHAT003", "--rehearse", "-o", "json", db=deployed, check=1))
    assert "busy with somebody else" in str(one["CHAT003"]["rehearsal"]["reason"])
    holder.execute("rollback; begin; lock table chats in share mode")
    one = found(chatops_inprocess("diagnose", "--only", "CHAT003", "--rehearse", "-o", "json", db=deployed, check=1))
    assert one["CHAT003"]["rehearsal"]["reason"] == "cannot be rehearsed within 500 ms"
    holder.execute("rollback")


def test_what_began_soon_after_a_file_went_in_says_so(latest_database: Database, chatops_inprocess: Run) -> None:
    latest_database.script(
        "update chatops.migrations set applied_at = now() - interval '40 minutes';"
        "insert into real_users (id, name) values (gen_random_uuid(), 'Rainy'); insert into fictional_users (id, name) values (gen_random_uuid(), 'Ada');"
        "insert into chats (real_user_id, fictional_user_id, chat_state, is_active)"
        " select u.id, f.id, 'waiting_assignment', true from real_users u, fictional_users f;"
        "insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello?', now() - interval '30 minutes' from chats"
    )
    told = "028_partitioned_messages went in at "
    shown = chatops_inprocess("diagnose", "--only", "QUEUE010", db=latest_database, check=1).stdout
    assert told in shown
    assert ", 10 m before it began\n" in shown
    for ago in ("20 minutes", "3 hours"):
        latest_database.execute(f"update chatops.migrations set applied_at = now() - interval '{ago}'")
        assert told not in chatops_inprocess("diagnose", "--only", "QUEUE010", db=latest_database, check=1).stdout


# ---- --since-file -----------------------------------------------------------------------------------------------------------


def test_findings_are_new_ongoing_or_gone_since_a_kept_look(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    for code in ("CHAT003", "CONF001"):
        plant(deployed, code)
    chatops_inprocess("diagnose", "--ignore", "CHAT014", "--write", "json=before.json", db=deployed, check=1)
    kept = json.loads((tmp_path / "before.json").read_text())
    chatops_inprocess("repair", "CONF001", "--reason", "a test", db=deployed, check=0)
    for code in ("CHAT008", "CHAT014"):
        plant(deployed, code)
    arguments = ("diagnose", "--since-file", "before.json")
    shown = chatops_inprocess(*arguments, db=deployed, check=1).stdout
    assert ": +1 warning, 1 resolved" in shown.splitlines()[0]
    assert "new since" in shown
    assert "ongoing since" in shown
    assert "RESOLVED  CONF001" in shown
    answer = chatops_inprocess(*arguments, "-o", "json", "--write", "json=after.json", db=deployed, check=1)
    rows = found(answer)
    assert (rows["CHAT008"]["change"], rows["CHAT003"]["change"], rows["CHAT014"]["change"]) == ("new", "ongoing", "not compared")
    assert rows["CHAT003"]["since"] == kept["at"]
    assert [one["code"] for one in json.loads(answer.stdout)["resolved"]] == ["CONF001"]
    # The first sight is handed on from look to look.
    third = found(chatops_inprocess("diagnose", "--since-file", "after.json", "-o", "json", db=deployed, check=1))
    assert third["CHAT003"]["since"] == kept["at"]
    # What cannot be looked at now is not gone.
    deployed.execute("drop function get_assignment_queue_status()")
    hidden = json.loads(chatops_inprocess(*arguments, "-o", "json", db=deployed, check=1).stdout)
    assert "QUEUE003" not in [one["code"] for one in hidden["resolved"]]


def test_only_a_kept_look_at_this_database_is_compared_with(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    for name, text in {"empty.json": "", "other.json": '{"command": "verify", "format": 1}', "list.json": "[]"}.items():
        (tmp_path / name).write_text(text)
        wrong = chatops_inprocess("diagnose", "--since-file", name, db=deployed, check=2)
        assert f"{name} is no answer of diagnose" in wrong.stderr
        assert "chatops diagnose --write json=FILE" in wrong.stderr
    assert "cannot read" in chatops_inprocess("diagnose", "--since-file", "gone.json", db=deployed, check=2).stderr
    chatops_inprocess("diagnose", "--write", "json=mine.json", db=deployed)
    kept = json.loads((tmp_path / "mine.json").read_text())
    (tmp_path / "theirs.json").write_text(json.dumps({**kept, "database": "elsewhere/db"}))
    assert "is about elsewhere/db" in chatops_inprocess("diagnose", "--since-file", "theirs.json", db=deployed, check=2).stderr
    (tmp_path / "hurt.json").write_text(json.dumps({**kept, "findings": [{"code": 1}]}))
    assert "damaged" in chatops_inprocess("diagnose", "--since-file", "hurt.json", db=deployed, check=2).stderr


def test_without_a_file_the_last_tick_of_monitor_is_compared_with(deployed: Database, chatops_inprocess: Run) -> None:
    plant(deployed, "CHAT003")
    assert "since" not in chatops_inprocess("diagnose", db=deployed, check=1).stdout.splitlines()[0]
    # A tick is due at once where the plan's first slot is a moment from the start.
    for _ in range(500):
        if "compared_with" in json.loads(chatops_inprocess("diagnose", "--only", "CHAT003", "-o", "json", db=deployed).stdout):
            break
        chatops_inprocess("monitor", "--once", "--plan", "1s*3", db=deployed)
    plant(deployed, "CHAT008")
    answer = found(chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1))
    assert (answer["CHAT003"]["change"], answer["CHAT008"]["change"]) == ("ongoing", "new")


def test_the_newest_tick_counts_of_this_machine_or_kept_in_the_database(deployed: Database, chatops_inprocess: Run) -> None:
    def compared(*more: object, url: object = deployed) -> tuple[str | None, dict[str, dict[str, Any]]]:
        answer = chatops_inprocess("diagnose", "--only", "CHAT003,CHAT008", *more, "-o", "json", db=url, check=1)
        return json.loads(answer.stdout).get("compared_with", {}).get("origin"), found(answer)

    def tick(*where: str) -> None:
        # The first run begins the watch, the second finds the first slots due.
        for more in (("--restart",), ()):
            chatops_inprocess("monitor", "--once", "--plan", "5ms*2,1h", *more, *where, db=deployed)

    plant(deployed, "CHAT003")
    tick("--store")
    plant(deployed, "CHAT008")
    origin, rows = compared()
    assert origin == "chatops monitor --store"
    assert (rows["CHAT003"]["change"], rows["CHAT008"]["change"]) == ("ongoing", "new")
    # Whoever may not read it, or finds it damaged or away, has the state file; nothing is written by looking.
    before = everything(deployed)
    tick()
    origin, rows = compared()
    assert (origin, rows["CHAT008"]["change"]) == ("chatops monitor", "ongoing")
    assert everything(deployed) == before
    tick("--store")
    assert compared()[0] == "chatops monitor --store"
    deployed.script(
        """do $$ begin create role reads_chats login; exception when duplicate_object or unique_violation then null; end $$;
           grant pg_read_all_data, pg_monitor to reads_chats"""
    )
    reader = deployed.url.replace("postgres@", "reads_chats@")
    assert compared(url=reader)[0] == "chatops monitor --store"
    deployed.script("revoke pg_read_all_data from reads_chats; grant usage on schema public to reads_chats; "
                    "grant select on all tables in schema public to reads_chats")  # fmt: skip
    assert compared(url=reader)[0] == "chatops monitor"
    locker = deployed.connect()
    locker.execute("begin; lock table chatops.watches in access exclusive mode")
    assert compared()[0] == "chatops monitor"
    locker.execute("rollback")
    deployed.execute("update chatops.watches set state = '{}'")
    answer = chatops_inprocess("diagnose", "-o", "json", db=deployed, check=1)
    assert json.loads(answer.stdout)["compared_with"]["origin"] == "chatops monitor"
    assert "chatops.watches is no state of a monitor" in answer.stderr
    deployed.execute("drop table chatops.watches")
    assert compared()[0] == "chatops monitor"

"""A role of the application that this login may not become: who may lend it, and the script of its day in the guide."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chatops import sqlfiles
from tests.conftest import ROOT, url_as
from tests.servers import Database, run

TABLES = "operators, real_users, fictional_users, chats, messages, chat_assignments, operator_activity, platform_config"
FUNCTIONS = "assign_chat_to_operator(uuid), release_and_reassign_chat(uuid, text)"
STEPS = ["assign", "heartbeat", "message", "reply", "give by UPDATE and release by UPDATE",
         "give by UPDATE and release by release_and_reassign_chat()"]  # fmt: skip


def script() -> str:
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8").partition("## Step 4")[2].partition("\n## ")[0]
    (found,) = re.findall(r"```sql\n(begin;.*?rollback;\n)```", guide, re.DOTALL)
    return str(found)


def day(database: Database, login: str) -> tuple[int, list[str], str]:
    """How psql ended as that login, which steps went, and what it said."""
    command = [database.server.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url_as(database, login)]
    done = run(command, client=True, input=script(), stdin=None, timeout=60)
    return done.returncode, re.findall(r"^NOTICE:  (.*?): (?:went|operator )", done.stderr, re.MULTILINE), done.stderr


def everything(database: Database) -> list[Any]:
    """All rows of all tables of the application."""
    return [database.execute(f"select to_jsonb(t)::text from {table} as t order by 1") for table in TABLES.split(", ")]


ROWS = """
insert into operators (id, name, is_active, is_available, last_activity)
select gen_random_uuid(), 'o' || n, n > 1, n = 3, now() from generate_series(1, 3) as n;
insert into real_users (name) values ('u1'), ('u2'), ('u3');
insert into fictional_users (name) values ('f');
insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users as u cross join fictional_users as f;
insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats;
"""
HOLDS = "select assign_chat_to_operator(id) from operators where is_active and is_available"
ANSWERED = """
update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now(), assigned_operator_id = null, assignment_time = null,
       last_operator_id = (select id from operators where name = 'o3')
"""
STATES = {
    "several wait": "",
    "everybody holds a chat": f"update operators set is_active = name = 'o3', is_available = name = 'o3'; {HOLDS}",
    "nobody is on shift": "update operators set is_available = false",
    "nobody waits": ANSWERED,
}  # fmt: skip
"""What is there when the application's day is tried."""


def test_the_day_in_the_guide_goes_before_our_files_as_the_applications_login_and_leaves_nothing(
    core_database_everywhere: Database,
) -> None:
    goes(core_database_everywhere)


def test_the_day_in_the_guide_goes_after_our_files_as_the_applications_login_and_leaves_nothing(
    latest_database_everywhere: Database,
) -> None:
    goes(latest_database_everywhere)


def goes(database: Database) -> None:
    with database.role("app") as app:
        database.execute(f"grant select, insert, update on {TABLES} to {app}")
        database.execute(f"grant execute on function {FUNCTIONS} to {app}")
        code, went, said = day(database, app)
        assert (code != 0, went) == (True, []), "nobody is there yet"
        assert "no operator is active" in said
        database.script(ROWS)
        for state, change in STATES.items():
            if change:
                database.script(change)
            before = everything(database)
            code, went, said = day(database, app)
            assert (code, went) == (0, STEPS), (state, said)
            assert everything(database) == before, state
        # What it may not do is refused by name, at the step where that is done.
        for taken in (f"execute on function {FUNCTIONS}", "insert on messages", "update on chats"):
            database.execute(f"revoke {taken} from {app}")
            if taken.startswith("execute"):
                database.execute(f"revoke execute on function {FUNCTIONS} from public")
            code, went, said = day(database, app)
            assert code != 0, taken
            assert "permission denied" in said, taken
            assert "reply" not in went, taken
            database.execute(f"grant {taken} to {app}")


LOGINS = ("login", "login createrole", "admin option", "createrole and admin option")


@pytest.mark.each_server
def test_who_may_lend_a_role_is_told_as_the_server_has_it(latest_database_everywhere: Database) -> None:
    database = latest_database_everywhere
    text = sqlfiles.read("queries/scenario_roles.sql")
    seen = set()
    with database.role("app", "nologin") as app:
        database.execute(f"grant select, insert, update on {TABLES} to {app}")
        for what in LOGINS:
            with database.role("lender", "login createrole" if "createrole" in what else "login") as lender:
                if "admin" in what:
                    database.execute(f"grant {app} to {lender} with admin option")
                    if database.value("select current_setting('server_version_num')::int >= 160000"):
                        database.execute(f"grant {app} to {lender} with set false, inherit false")
                psql = [database.server.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url_as(database, lender)]
                asked = f"select r.lends, r.lets, r.back from ({text.rstrip().rstrip(';')}) as r where r.role = '{app}'"
                lends, lets, back = run(psql, client=True, input=asked, stdin=None, timeout=60).stdout.strip("\n").split("|")
                ran = run(psql, client=True, input=lets, stdin=None, timeout=60)
                assert (ran.returncode == 0) is bool(lends), (what, lends, ran.stderr)
                seen.add(bool(lends))
                if lends:
                    assert run(psql, client=True, input=back, stdin=None, timeout=60).returncode == 0, back
    assert seen == {True, False}

"""What a finding prints is typed as it stands, by the login that owns the tables, in the very state that the finding is about."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

import pytest

from chatops.tables_there import TABLES
from tests.conftest import Result, url_as
from tests.servers import Database, run

Run = Callable[..., Result]

PLACES = ("database {database}", "role {owner} in database {database}", "role {comes} in database {database}")
SETTINGS = {
    "default_transaction_read_only": ("on", PLACES),
    "statement_timeout": ("'20ms'", PLACES[2:]),
    "lock_timeout": ("'1ms'", PLACES[:1]),
    "idle_in_transaction_session_timeout": ("'2ms'", PLACES[1:2]),
    "idle_session_timeout": ("'500ms'", PLACES[2:]),
    "role": ("pg_read_all_data", PLACES[:1]),
    "search_path": ("nowhere", PLACES[:1]),
    "synchronous_commit": ("off", PLACES[:1]),
}
"""What DB029 tells of settings, and where it may be set; a superuser's stand below."""


def finding(run_: Run, url: str, code: str) -> dict[str, object] | None:
    told = json.loads(run_("diagnose", "--only", code, "-o", "json", db=url).stdout)["findings"]
    return next((one for one in told if one["code"] == code), None)


def typed(text: str, url: str, database: Database) -> Result:
    """A text pasted into a psql of this login's."""
    done = run([database.server.bin / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", url], input=text, stdin=None, timeout=60)
    return Result(done.returncode, done.stdout, done.stderr)


def printed_command(page: str) -> list[str]:
    """The line under a statement that runs it, else the one that takes it."""
    lines = page.splitlines()
    [first] = [place for place, line in enumerate(lines) if re.match(r" +(or|paste into) +chatops psql", line)]
    rest = [line.strip() for line in lines[first + 1 :]]
    until = next(place for place, line in enumerate(rest) if not line or line.startswith("help "))
    return shlex.split("\n".join([lines[first].strip(), *rest[:until]]).removeprefix("or").removeprefix("paste into"))[1:]


LOG = "select format('alter table %s owner to {owner}', oid::regclass) from pg_class where relnamespace = 'chatops'::regnamespace and relkind = 'r'"


def owned_by(database: Database, owner: str, comes: str) -> None:
    statements = [f"alter table {name} owner to {owner}" for name in TABLES]
    statements += [statement for (statement,) in database.execute(LOG.format(owner=owner))]
    statements.append(f'alter database "{database.name}" owner to {owner}')
    statements.append(f"alter schema chatops owner to {owner}; grant usage, create on schema public to {owner}")
    statements.append(
        f"grant select, insert, update on all tables in schema public to {comes}; grant {comes} to {owner} with admin option"
    )
    database.script("; ".join(statements))


def test_a_setting_is_put_back_by_what_is_printed(latest_database: Database, chatops: Run, chatops_inprocess: Run) -> None:
    database = latest_database
    wrong, tried = [], 0
    with database.role("plain_owner", "login createrole") as owner, database.role("comes") as comes:
        owned_by(database, owner, comes)
        url = url_as(database, owner)
        for name, (value, places) in SETTINGS.items():
            for turn, place in enumerate(where.format(database=database.name, owner=owner, comes=comes) for where in places):
                ways = (
                    ("statement", "command")
                    if name == "default_transaction_read_only"
                    else ("statement", "command")[turn % 2 :][:1]
                )
                for way in ways:
                    database.execute(f"alter {place} set {name} = {value}")
                    told = finding(chatops_inprocess, url, "DB029")
                    if told is None:
                        wrong.append(f"{name} for {place} is not told")
                        break
                    tried += 1
                    if way == "statement":
                        done = typed(str(told["help_sql"]), url, database)
                    else:
                        page = chatops_inprocess("diagnose", "--only", "DB029", db=url, terminal=(80, 24)).stdout
                        words = printed_command(page)
                        path = {"PATH": f"{database.server.bin}:/usr/bin:/bin"}
                        given = None if "-c" in words else str(told["help_sql"])
                        done = chatops(*words[:1], "--yes", *words[1:], db=url, env=path, input=given)
                    if done.exit_code != 0:
                        wrong.append(f"{name} for {place}, {way}: {told['help_sql']}: {done.stderr}")
                    if finding(chatops_inprocess, url, "DB029") is not None:
                        wrong.append(f"{name} for {place} is still there after the {way}")
                    database.execute(f"set default_transaction_read_only = off; alter {place} reset {name}")
        database.execute("set default_transaction_read_only = off; set role none")
        database.script("; ".join(f"alter table {name} owner to postgres" for name in TABLES))
        database.script(
            f'alter schema chatops owner to postgres; alter database "{database.name}" owner to postgres; reassign owned by {owner} to postgres'
        )
    assert wrong == []
    assert tried >= 11


def test_who_may_not_reset_a_setting_is_told_who_may(latest_database: Database, chatops_inprocess: Run) -> None:
    database = latest_database
    database.execute(f'alter database "{database.name}" set session_replication_role = replica')
    with database.role("comes") as comes:
        database.execute(f"grant pg_read_all_data to {comes}")
        told = finding(chatops_inprocess, url_as(database, comes), "DB029")
        assert told is not None
        assert f"{comes} may not reset it: a superuser has to" in str(told["help_text"])
    own = finding(chatops_inprocess, database.url, "DB029")
    assert own is not None
    assert "a superuser has to" not in str(own["help_text"])


def test_sessions_that_keep_a_setting_are_ended_by_what_is_printed(latest_database: Database, chatops_inprocess: Run) -> None:
    database = latest_database
    database.execute(f'alter database "{database.name}" set default_transaction_read_only = on')
    pool = database.connect(autocommit=True)
    told = finding(chatops_inprocess, database.url, "DB029")
    assert told is not None
    assert "restart the application's pool" in str(told["help_text"])
    assert database.psql(str(told["help_sql"])).returncode == 0
    assert pool.execute("show default_transaction_read_only").fetchone() == ("on",)
    [ends] = re.findall(r"select pg_terminate_backend\(.*?;", str(told["help_text"]))
    assert database.psql(ends).returncode == 0
    with pytest.raises(Exception, match=r"terminat|closed"):
        pool.execute("select 1")


def test_once_a_setting_is_gone_the_screen_says_that_open_sessions_keep_it(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    database = latest_database
    name = database.name
    database.execute(f'alter database "{name}" set default_transaction_read_only = on')
    first = chatops_inprocess("diagnose", db=database, terminal=(80, 24)).stdout
    assert "restart the application's pool" not in first
    database.execute(f'set default_transaction_read_only = off; alter database "{name}" reset default_transaction_read_only')
    again = chatops_inprocess("diagnose", db=database, terminal=(80, 24)).stdout
    assert "gone: DB029" in again
    assert "DB029: open sessions keep a setting: restart the application's pool" in again


LOOKED_AT = """
    create function assign_chat_to_operator(p_operator_id uuid, p_language text default 'en') returns uuid language sql as 'select null::uuid';
    create function "Odd's Name"() returns trigger language plpgsql as 'begin return null; end';
    create trigger "A Trigger" before insert on messages for each row execute function "Odd's Name"();
    create unique index "My Index" on messages (chat_id, content);
    create rule "a rule" as on insert to chat_assignments do instead nothing;
"""


def test_each_line_that_shows_an_object_runs_in_psql(latest_database: Database, chatops: Run, chatops_inprocess: Run) -> None:
    latest_database.script(LOOKED_AT)
    told = json.loads(chatops_inprocess("diagnose", "--only", "DB019", "--rows", "50", "-o", "json", db=latest_database).stdout)
    looks = {row["look"] for row in told["findings"][0]["rows"]}
    assert len(looks) >= 4
    for look in looks:
        path = {"PATH": f"{latest_database.server.bin}:/usr/bin:/bin"}
        shown = chatops("psql", "--", "-c", *shlex.split(look), db=latest_database, env=path, check=0)
        assert not re.search("ERROR|Did not find", shown.stdout + shown.stderr), look


def test_what_another_finding_causes_points_to_it_and_prints_no_help_that_mends_nothing(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    database = latest_database
    database.script(
        """insert into operators (name) values ('Ada'); insert into real_users (name) values ('u'); insert into fictional_users (name) values ('p');
           insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
           insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats;
           do $$ begin execute 'create or replace view chat_queue as select * from (' || rtrim(pg_get_viewdef('chat_queue'::regclass), ';')
             || ') q where q.waiting_since < now() - interval ''1 hour'''; end $$"""
    )
    told = json.loads(chatops_inprocess("diagnose", "-o", "json", db=database).stdout)["findings"]
    by_code = {one["code"]: one for one in told}
    assert {"DB018", "QUEUE003"} <= by_code.keys()
    assert by_code["QUEUE003"]["helps"] == []
    page = chatops_inprocess("diagnose", "--only", "DB018,QUEUE003", db=database).stdout
    assert "see DB018" in page
    assert re.search(r"\+ +WHERE \(+(q\.)?waiting_since < ", page), page
    assert "after views/chat_queue went in" in page
    # No table has row level security, and who may read the view may read its tables.
    assert "sees rows that the policies" not in page
    (command,) = by_code["DB018"]["helps"]
    assert command.endswith(" migrate --again views/chat_queue")
    words = shlex.split(command)
    chatops_inprocess(*words[words.index("migrate") :], "--yes", db=database, check=0)
    chatops_inprocess("diagnose", "--only", "DB018,QUEUE003", db=database, check=0)

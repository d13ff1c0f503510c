"""What keeps an application's own login out, or cuts off what it does: told as what a real session of it can do.

Nothing here is of a hosting's: a role that was granted the tables, a role that is a member of another one, and settings for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg
import pytest

from chatops.checks import load, run, safety
from tests.ailing import opened
from tests.servers import Database
from tests.test_checks_long import undone

DB029 = tuple(check for check in load.shipped() if check.code == "DB029")
CRITICAL, WARNING, ADVICE, NOTHING = "critical", "warning", "advice", None


@dataclass(frozen=True)
class Case:
    """Statements with the names of the logins and the database in braces, who tries, what that one cannot do, and how it is told."""

    text: str
    fails: bool
    told: str | None
    who: str = "app"
    others: bool = False
    """Whether a second login of the application has the same rights."""


FAILS, WORKS = True, False
CASES = {
    "nothing": Case("select 1", WORKS, NOTHING),
    "no time": Case("alter role {app} in database {db} set statement_timeout = '1ms'", FAILS, CRITICAL),
    "no time anywhere": Case("alter role {app} set statement_timeout = 1", FAILS, CRITICAL),
    "no time for anybody": Case("alter database {db} set statement_timeout = '1ms'", FAILS, CRITICAL),
    "no time but for the application": Case(
        "alter database {db} set statement_timeout = '1ms'; alter role {app} set statement_timeout = '8s'", WORKS, ADVICE
    ),
    "no time, other logins": Case("alter role {app} set statement_timeout = '1ms'", FAILS, CRITICAL, others=True),
    "no time for a transaction": Case("alter role {app} set transaction_timeout = '1ms'", FAILS, CRITICAL),
    "time enough": Case("alter role {app} set statement_timeout = '8s'", WORKS, NOTHING),
    "reading": Case("alter role {app} set default_transaction_read_only = on", FAILS, CRITICAL),
    "reading, other logins": Case("alter role {app} set default_transaction_read_only = on", FAILS, WARNING, others=True),
    "reading by a member": Case(
        "grant {app} to {member}; alter role {member} set default_transaction_read_only = on", FAILS, ADVICE, who="member"
    ),
    "reading by the only member": Case(
        "alter role {app} nologin; grant {app} to {member}; alter role {member} set default_transaction_read_only = on",
        FAILS, CRITICAL, who="member"),
    "a role for logins": Case("alter role {app} nologin; grant {app} to {member}", WORKS, NOTHING, who="member"),
    "another path": Case("alter role {app} set search_path = pg_catalog", FAILS, CRITICAL),
    "another path for all": Case("alter database {db} set search_path = pg_catalog", FAILS, CRITICAL),
    "another path but for the application": Case(
        "alter database {db} set search_path = pg_catalog; alter role {app} in database {db} set search_path = '$user', public",
        WORKS, ADVICE),
    "one role for all logins": Case("grant {app} to {member}; alter role {member} set role = {app}", WORKS, NOTHING, who="member"),
    "another role": Case("grant pg_monitor to {app}; alter role {app} set role = pg_monitor", FAILS, CRITICAL),
    "errors in place of rows": Case(
        "alter table messages enable row level security; create policy all_of_it on messages using (true); "
        "alter role {app} set row_security = off", FAILS, CRITICAL),
    "shut out": Case("alter role {app} nologin", FAILS, CRITICAL),
    "shut out, other logins": Case("alter role {app} nologin", FAILS, WARNING, others=True),
    "no connection": Case("alter role {app} connection limit 0", FAILS, CRITICAL),
    "no right to connect": Case("revoke connect on database {db} from public", FAILS, CRITICAL),
    "no connection for anybody": Case("alter database {db} connection limit 0", FAILS, CRITICAL),
    "all connections in use": Case("alter role {app} connection limit 1", FAILS, WARNING),
    "all connections of the database in use": Case("alter database {db} connection limit 2", FAILS, WARNING),
}  # fmt: skip


def fails(database: Database, login: str) -> bool:
    """Whether that login cannot ask for a chat, write a message into it, or answer."""
    url = database.url.replace("//postgres@", f"//{login}@")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            (chat,) = connection.execute("select id from chats limit 1").fetchone() or (None,)
            connection.execute("insert into messages (id, chat_id, sender_type, content) "
                               "select gen_random_uuid(), %s, 'real', repeat('x', 300) from generate_series(1, 40)", [chat])  # fmt: skip
            connection.execute("update chats set is_active = is_active where id = %s", [chat])
    except psycopg.Error:
        return True
    return False


@pytest.fixture
def logins(latest_database: Database) -> Iterator[dict[str, str]]:
    """A database with one chat, a login that was granted its tables, and two that may be."""
    database = latest_database
    database.without_hosting()
    with ExitStack() as stack:
        names = {name: stack.enter_context(database.role(name)) for name in ("app", "member", "other")}
        database.script(
            f"""insert into real_users (id, name) values (gen_random_uuid(), 'u');
            insert into fictional_users (name) values ('f');
            insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
            grant select, insert, update on all tables in schema public to {names["app"]}"""
        )
        yield names | {"db": f'"{database.name}"'}


def test_what_keeps_a_login_of_the_application_out_is_as_loud_as_it_is(latest_database: Database, logins: dict[str, str]) -> None:
    database, wrong = latest_database, []
    app, member, other, db = logins["app"], logins["member"], logins["other"], logins["db"]
    begin = (
        f"alter role {app} login connection limit -1; revoke {app} from {member}; revoke pg_monitor from {app};"
        f"alter database {db} connection limit -1; alter database {db} reset all; alter table messages disable row level security;"
        f"drop policy if exists all_of_it on messages; grant connect on database {db} to public;"
        f"revoke all on all tables in schema public from {other};"
        + "".join(f"alter role {one} reset all; alter role {one} in database {db} reset all;" for one in (app, member))
    )
    with opened(database) as connection:
        for name, case in CASES.items():
            database.script(begin)
            if case.others:
                database.script(f"grant select, insert, update on all tables in schema public to {other}")
            database.script(case.text.format(**logins))
            with ExitStack() as stack:
                if name == "all connections in use":
                    stack.enter_context(psycopg.connect(database.url.replace("//postgres@", f"//{app}@")))
                did = fails(database, logins[case.who])
                with connection.reading():
                    (result,) = run.run(connection, DB029, rows=20, whole_seconds=600).results
            told = None if result.status == "passed" else result.severity.value
            if (did, told) != (case.fails, case.told):
                wrong.append(f"{name}: fails {did}, told as {told}: {result.reason or [dict(row) for row in result.rows]}")
        database.script(begin)
    assert wrong == [], "\n".join(wrong)


def test_rights_that_a_login_has_by_another_way_are_not_missed_and_those_that_are_gone_are(
    latest_database: Database, logins: dict[str, str]
) -> None:
    """Kept are grants by name; what counts is what the login can still do."""
    database, (app, other) = latest_database, (logins["app"], logins["other"])
    checks = tuple(check for check in load.shipped() if check.code in ("DB022", "DB030"))
    table = "select, insert, update on all tables in schema public"
    ways = {
        f"revoke {table} from {app}; grant {table} to {other}; grant {other} to {app}": {},
        f"revoke {table} from {app}; grant {table} to public": {},
        f"revoke {table} from {app}; grant {table} to {other}": {"DB030": "critical"},
        f"revoke usage on schema public from public; grant usage on schema public to {other}; grant {other} to {app}": {},
        f"alter schema public owner to {app}": {"DB022": "warning"},
        f"revoke usage on schema public from public; revoke usage on schema public from {app}": {"DB030": "critical"},
    }
    database.script(f"grant usage on schema public to {app}")
    wrong = []
    with opened(database, "migrate") as connection:
        safety.keep(connection)
    with opened(database, "migrate") as connection, connection.acting(rollback=True):
        for text, expected in ways.items():
            with undone(connection):
                connection.script(text)
                works = all(
                    connection._connection.execute(
                        "select has_schema_privilege(%s, 'public', 'usage') and has_table_privilege(%s, 'messages', 'insert')",
                        [app, app],
                    ).fetchone()
                    or ()
                )
                survey = run.run(connection, checks, rows=20, whole_seconds=600)
                told = {
                    one.check.code: one.severity.value
                    for one in survey.results
                    if one.status != "passed" and one.severity.value != "advice"
                }
                if told != expected or works != ("DB030" not in expected):
                    wrong.append(
                        f"{text}: works {works}, told {[(one.check.code, one.reason, [dict(row) for row in one.rows]) for one in survey.results]}"
                    )
    assert wrong == [], "\n".join(wrong)

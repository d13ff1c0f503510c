"""A column that lost its default, or may not be null any more, is told by what becomes of a row that leaves it out."""

from __future__ import annotations

from chatops.checks import load, run, safety
from chatops.db import Database as Connection
from chatops.errors import DatabaseError
from tests.ailing import opened
from tests.servers import Database
from tests.test_checks_long import undone
from tests.test_harms import platform as platform

CHECK = tuple(check for check in load.shipped() if check.code == "DB030")
DEFAULTS = """
select t.relname::text, a.attname::text from pg_attrdef d join pg_class t on t.oid = d.adrelid
  join pg_attribute a on a.attrelid = t.oid and a.attnum = d.adnum
 where t.relname in ('chats', 'messages') and t.relnamespace = current_schema()::regnamespace and a.attgenerated = ''
   and a.attname not in ('epoch', 'releases_without_reply')  -- of our own files: DB003
 order by 1, 2"""
WRITES = {
    "chats": "insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f",
    "messages": "insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats",
}
"""How the application writes a row: without the columns that have a default."""
AS_BAD_AS = {"refused": {"critical"}, "filled in": {"advice", "passed"}, "empty": {"warning", "passed"}}


def test_a_default_that_is_gone_is_as_bad_as_what_becomes_of_rows_without_it(platform: Database) -> None:
    wrongly, seen = [], set()
    platform.script(
        """set session_replication_role = replica; insert into real_users (id, name) values (gen_random_uuid(), 'u'), (gen_random_uuid(), 'v');
        insert into fictional_users (id, name) values (gen_random_uuid(), 'f'); reset session_replication_role;
        insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users u, fictional_users f where u.name = 'u'"""
    )
    with opened(platform, "migrate") as connection:
        safety.keep(connection)
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        defaults = connection.tuples(DEFAULTS, {})
        for table, column in defaults:
            for also in ("", f", alter column {column} set not null"):
                with undone(connection):
                    connection.script(f"alter table {table} alter column {column} drop default{also}")
                    (result,) = run.run(connection, CHECK, rows=20, whole_seconds=600).results
                    told = "passed" if result.status == "passed" else result.severity.value
                    came = written(connection, str(table), str(column))
                seen.add(came)
                if told not in AS_BAD_AS[came]:
                    wrongly.append((table, column, also, told, came))
    assert wrongly == [], "\n".join(map(str, wrongly))
    assert seen == AS_BAD_AS.keys()


def written(connection: Connection, table: str, column: str) -> str:
    """What becomes of a row that leaves the column out: refused, empty there, or filled in."""
    others = " where r.name = 'v'" if table == "chats" else ""
    try:
        with undone(connection):
            ((value,),) = connection.tuples(f"{WRITES[table]}{others} returning {column}", {})
    except DatabaseError as error:
        if "null value" not in str(error):
            raise
        return "refused"
    return "empty" if value is None else "filled in"

"""Whatever was done to policies: the statement that DB024 prints takes from nobody what they may do, and ends the finding."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops.checks import load, run
from chatops.checks.findings import Finding, findings
from chatops.db import Database as Connection
from tests.ailing import opened
from tests.servers import Database
from tests.test_checks_long import undone, with_roles

TABLES = (
    "operators",
    "real_users",
    "fictional_users",
    "chats",
    "messages",
    "chat_assignments",
    "operator_activity",
    "platform_config",
)
PEOPLE = """
insert into operators (id, name) values ('00000000-0000-0000-0000-000000000001', 'One');
insert into real_users (id, name) values ('00000000-0000-0000-0000-000000000002', 'Two');
insert into fictional_users (id, name) values ('00000000-0000-0000-0000-000000000003', 'Three');
insert into chats (id, real_user_id, fictional_user_id, chat_state) values ('00000000-0000-0000-0000-000000000004',
  '00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000003', 'waiting_assignment');
insert into messages (chat_id, sender_type, content) values ('00000000-0000-0000-0000-000000000004', 'real', 'Hello');
insert into platform_config (key, value) values ('queue_sla_minutes', '15') on conflict do nothing;
insert into operators (id, name) values ('00000000-0000-0000-0000-000000000005', 'Five');
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason) values ('00000000-0000-0000-0000-000000000004',
  '00000000-0000-0000-0000-000000000005', now(), now(), 'manual_unassign');
set local session_replication_role = replica;
insert into operator_activity (chat_id, operator_id) values ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000005');
set local session_replication_role = origin;
"""
MAY = """
create function pg_temp.may(p_role text) returns text[] language plpgsql as $may$
declare
  v_text text;
  v_rows bigint;
  v_may text[] := '{}';
begin
  foreach v_text in array array[
    'select from operators', 'select from real_users', 'select from fictional_users', 'select from chats', 'select from messages',
    'select from chat_assignments', 'select from operator_activity', 'select from platform_config',
    'insert into messages (chat_id, sender_type, content) values (''00000000-0000-0000-0000-000000000004'', ''real'', ''And?'')',
    'update messages set read_at = now()', 'update chats set updated_at = now()', 'update operators set last_activity = now()',
    'delete from operator_activity',
    'insert into chat_assignments (chat_id, operator_id, released_at, release_reason) values
       (''00000000-0000-0000-0000-000000000004'', ''00000000-0000-0000-0000-000000000001'', now(), ''manual_unassign'')']
  loop
    begin
      perform set_config('role', p_role, true);
      execute v_text;
      get diagnostics v_rows = row_count;
      raise exception sqlstate 'ZZ000' using message = v_rows;
    exception
      when sqlstate 'ZZ000' then
        if sqlerrm::bigint > 0 then v_may := v_may || v_text; end if;
      when insufficient_privilege then null;
    end;
  end loop;
  return v_may;
end $may$;
"""
"""What a role may do of what the application does: rolled back each by itself."""


def may(connection: Connection, roles: Sequence[str]) -> set[tuple[str, str]]:
    return {
        (role, text)
        for role in roles
        for (all_of_it,) in connection.tuples(f"select pg_temp.may('{role}')")
        for text in all_of_it
    }


def told(connection: Connection) -> Finding | None:
    survey = run.run(connection, [one for one in load.shipped() if one.code == "DB024"], rows=50, whole_seconds=60)
    assert survey.results[0].status != "unknown", survey.results[0].reason
    return next(iter(findings(survey, lambda *words: " ".join(words))), None)


COMMANDS = ("all", "select", "insert", "update", "delete")


def policy(number: int, table: str, how: str, command: str, role: str, condition: str) -> str:
    using = f" using ({condition})" if command != "insert" else ""
    checking = f" with check ({condition})" if command in ("insert", "update", "all") else ""
    return f"create policy p{number} on {table} as {how} for {command} to {role}{using}{checking};"


def test_the_statements_about_policies_take_from_nobody_what_they_may_do(latest_database: Database) -> None:
    with_roles(latest_database)
    with (
        latest_database.role("works", "nologin") as works,
        opened(latest_database, "migrate") as connection,
        connection.acting(rollback=True),
    ):
        roles = (works, "authenticated")
        connection.script(PEOPLE + MAY + f"grant usage on schema public to {', '.join(roles)};")
        for table in TABLES:
            connection.script(f"grant select, insert, update, delete on {table} to {', '.join(roles)}")
        of_all = may(connection, roles)
        assert len(of_all) == 28, of_all
        policies = st.lists(
            st.tuples(
                st.sampled_from(("messages", "chats", "operator_activity", "fictional_users", "operators")),
                st.sampled_from(("permissive", "permissive", "restrictive")),
                st.sampled_from(COMMANDS),
                st.sampled_from(("public", works, "authenticated")),
                st.sampled_from(("true", "true", "false", "1 = 0")),
            ),
            max_size=4,
        )
        tables = st.sets(st.sampled_from(("messages", "chats", "operator_activity", "fictional_users")), max_size=3)
        seen = {"statements": 0, "words": 0, "passed": 0}

        @given(made=policies, secured=tables, all_secured=st.booleans())
        @settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None, database=None)
        def tried(made: list[tuple[str, str, str, str, str]], secured: set[str], all_secured: bool) -> None:
            with undone(connection):
                if all_secured:
                    for number, table in enumerate(TABLES):
                        connection.script(
                            f"alter table {table} enable row level security;"
                            + policy(100 + number, table, "permissive", "all", "public", "true")
                        )
                for number, one in enumerate(made):
                    connection.script(policy(number, *one))
                for table in secured:
                    connection.script(f"alter table {table} {'disable' if all_secured else 'enable'} row level security")
                before, finding = may(connection, roles), told(connection)
                lost = [
                    one for one in ("chats", "messages") if all((role, f"select from {one}") in of_all - before for role in roles)
                ]
                if len(lost) == 1:
                    assert finding is not None, (made, secured, lost)
                    assert finding.word == "critical", (made, secured, lost)
                if finding is None:
                    seen["passed"] += 1
                elif finding.sql is None:
                    seen["words"] += 1
                    assert finding.advice
                else:
                    seen["statements"] += 1
                    assert finding.result.count == len({row["object"] for row in finding.result.rows})
                    left: Finding | None = finding
                    for _ in range(3):
                        if left is None or left.sql is None:
                            break
                        connection.script(" ".join(left.statements))
                        after, left = may(connection, roles), told(connection)
                        assert before <= after, (finding.sql, before - after)
                        before = after
                    assert left is None or left.sql is None, (finding.sql, left.sql)
                    if all(how == "restrictive" for _, how, *_ in made):  # what was done was to shut others out
                        assert of_all <= after, (made, secured, finding.sql, of_all - after)

        tried()
        assert seen["statements"] > seen["words"], seen

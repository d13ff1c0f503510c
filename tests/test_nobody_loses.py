"""Whatever a finding prints as a statement takes from no role of the application what it could do before, but what the finding is about."""

from __future__ import annotations

from chatops.checks import load, run, safety
from chatops.checks.findings import findings
from chatops.db import Database as Connection
from tests.ailing import opened
from tests.servers import Database
from tests.test_checks_long import undone
from tests.test_policies_mended import MAY, PEOPLE, TABLES, may

ASSIGN = "assign_chat_to_operator(uuid)"
OPEN = " ".join(
    f"alter table {table} enable row level security; create policy as_ever on {table} for all using (true);" for table in TABLES
)
FALSE = "create policy shut on messages as restrictive for all using (false);"
HARMS = {
    # Of DB029: anybody writes, with and without policies that would let the others in.
    "anon may write, without policies": "grant insert, update, delete on messages, chats to anon",
    "everybody may write, without policies": "revoke all on messages from authenticated; grant select on messages to authenticated; grant insert, update on messages to public",
    "anon may write, and one policy is for reading": "create policy reads on messages for select using (true); grant insert on messages to anon",
    "anon may write, and policies let all in": f"{OPEN} alter table messages disable row level security; grant insert on messages to anon",
    "everybody may empty a table": "grant truncate on chats to public",
    "nobody can write for the database": "alter role authenticated set default_transaction_read_only = on",
    # Of DB030, kept and then otherwise.
    "security went": f"{OPEN} KEPT alter table messages disable row level security",
    "security went, and a policy shuts": f"{OPEN} KEPT alter table messages disable row level security; {FALSE}",
    "security and its policies went": f"{OPEN} KEPT alter table messages disable row level security; drop policy as_ever on messages",
    "a policy went": f"{OPEN} KEPT drop policy as_ever on messages",
    "a policy shuts": f"{OPEN} KEPT {FALSE}",
    "a policy is otherwise": f"{OPEN} KEPT drop policy as_ever on chats; create policy as_ever on chats for select using (true)",
    "grants went": "KEPT revoke insert, update on messages from authenticated",
    "security came": "KEPT alter table messages enable row level security; create policy wide on messages for all using (true)",
    # Of DB009 and DB020.
    "nobody may assign": f"revoke execute on function {ASSIGN} from public; KEPT revoke execute on function {ASSIGN} from authenticated",
    "the functions went to somebody who may not read the messages": "create role nobody_loses_keeper; grant usage on schema public to nobody_loses_keeper;"
    " grant select, insert, update, delete on all tables in schema public to nobody_loses_keeper; revoke all on messages from nobody_loses_keeper;"
    f" alter function {ASSIGN} owner to nobody_loses_keeper",
    # Of DB002.
    "one policy for all": OPEN,
}  # fmt: skip
CODES = ("DB002", "DB009", "DB020", "DB024", "DB029", "DB030")
ROLES = ("authenticated", "service_role")
EXECUTES = f"""select r, p from unnest('{{{",".join(ROLES)}}}'::text[]) as r, unnest(array['{ASSIGN}', 'release_and_reassign_chat(uuid,text)']) as p
 where has_function_privilege(r, p, 'execute')"""


def can_do(connection: Connection) -> set[tuple[str, str]]:
    """Which of the application's statements and functions each of its roles can run."""
    return may(connection, ROLES) | {(str(role), str(call)) for role, call in connection.tuples(EXECUTES)}


def test_no_statement_of_a_finding_leaves_a_role_with_less_than_it_could(latest_database: Database) -> None:
    checks = [one for one in load.shipped() if one.code in CODES]
    seen: set[str] = set()
    wrong: list[str] = []
    with opened(latest_database, "migrate") as connection, connection.acting(rollback=True):
        for role in ("anon nologin", "authenticated nologin", "service_role nologin bypassrls"):
            connection.script(
                f"do $$ begin create role {role}; exception when duplicate_object or unique_violation then null; end $$"
            )
        connection.script(PEOPLE + MAY + f"grant usage on schema public to {', '.join(ROLES)}, anon;")
        for table in TABLES:
            connection.script(f"grant select, insert, update, delete on {table} to {', '.join(ROLES)}")
        connection.script(f"grant execute on function {ASSIGN} to {', '.join(ROLES)}")
        for name, text in HARMS.items():
            before_it, _, after_it = text.rpartition("KEPT")
            with undone(connection):
                connection.script(before_it or "select 1")
                if "KEPT" in text:
                    connection.script(safety.statement())
                connection.script(after_it)
                survey = run.run(connection, checks, rows=50, whole_seconds=60)
                assert {one.status for one in survey.results} <= {"passed", "failed"}, [one.reason for one in survey.results]
                for one in findings(survey, lambda *words: " ".join(words)):
                    for statement in (*one.statements, *(part for part in one.pasted if part.endswith(";"))):
                        seen.add(one.code)
                        with undone(connection):
                            could = can_do(connection)
                            connection.script(statement)
                            # Whoever wrote by a policy that lets everybody write is who shall write no more.
                            lost = {
                                each for each in could - can_do(connection) if one.code != "DB002" or each[1].startswith("select")
                            }
                            if lost:
                                wrong.append(f"{name}: {one.code}: {statement[:400]}: {sorted(lost)[:6]}")
    assert wrong == [], "\n".join(wrong)
    assert seen == set(CODES)

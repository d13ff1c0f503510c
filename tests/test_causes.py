"""A finding says where its own rows come from, and what these do: nothing that is true of the check's other rows alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chatops.checks import load, run
from chatops.checks.findings import Finding, findings
from chatops.db import Database as Connection
from tests.ailing import mended, opened
from tests.servers import Database
from tests.test_checks_long import undone

__all__ = ["mended"]

OFF = "set local session_replication_role = replica; "
"""No trigger of ours puts right what is planted."""
HELD = "(select id from chats where chat_state = 'assigned' and assigned_operator_id is not null order by id limit 1)"
QUEUED = "(select id from chats where chat_state = 'waiting_assignment' and waiting_since is not null and is_active order by id limit 1)"
ENDED = "(select id from chats where chat_state = 'completed' and not is_active order by id limit 1)"
BARE = """do $bare$ declare v_one record; begin
  for v_one in select conname from pg_constraint where conrelid = 'chats'::regclass and contype = 'c' loop
    execute format('alter table chats drop constraint %I', v_one.conname);
  end loop;
  alter table chats alter chat_state drop not null, alter is_active drop not null;
end $bare$; """

CAUSES = {
    "CHAT003": {
        "no state": (f"update chats set chat_state = null where id = {QUEUED}", "written without a state", "vanishes from every counter"),
        "nobody": (f"update chats set assigned_operator_id = null where id = {HELD}", "taken off or deleted", "nobody answers"),
        "put back": (
            f"update chats set chat_state = 'waiting_assignment' where id = {HELD}", "written after it", "given to a second operator",
        ),
        "went on": (
            f"update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now() where id = {HELD}",
            "nothing took its operator off", "not theirs any more",
        ),
    },
    "CHAT005": {
        "deleted": (f"delete from chat_assignments where released_at is null and chat_id = {HELD}", "was deleted", "leaves no trace"),
        "closed": (
            f"update chat_assignments set released_at = now(), release_reason = 'manual_unassign' where released_at is null and chat_id = {HELD.replace('by id', 'by id desc')}",
            "was closed while the chat stayed assigned", "counts as over since then",
        ),
    },
    "CHAT011": {
        "no flag": (f"update chats set is_active = null where id = {QUEUED}", "without the flag", "neither open nor ended"),
        "still open": (f"update chats set is_active = true where id = {ENDED}", "state was written alone", "never answered"),
        "closed": (f"update chats set is_active = false where id = {QUEUED}", "blocking a user", "counts it as waiting for ever"),
    },
    "CHAT017": {
        "no state": (f"update chats set chat_state = null where id = {QUEUED}", "before 014", "vanish from every counter"),
        "view": (
            "drop view chat_state_summary cascade; create view chat_state_summary as select chat_state, 1::bigint as count from chats limit 1",
            "outdated version", "more or fewer chats",
        ),
    },
    "OPER001": {
        "inactive": (
            f"update operators set is_active = false where id = (select assigned_operator_id from chats where id = {HELD})", "was deactivated", "",
        ),
        "silent": (
            "update operators set last_activity = now() - interval '9 hours'; update operator_activity set last_activity = now() - interval '9 hours'; update chats set assignment_time = now() - interval '9 hours' where chat_state = 'assigned'",
            "closed the tab", "",
        ),
    },
    "QUEUE012": {
        "no clock": (f"update chats set waiting_since = null where id = {QUEUED}", "", "ever given the chat"),
        "for nothing": (
            f"delete from messages where chat_id = {QUEUED}",
            "", "for nothing",
        ),
        "miscounted": (f"update chats set releases_without_reply = 700 where id = {QUEUED}", "", "limit ends the chat"),
    },
    "DATA002": {
        "heartbeat": (
            "update operator_activity set last_activity = now() + interval '1 day' where ctid = (select ctid from operator_activity limit 1)",
            "operator's machine", "idle check",
        ),
        "message": (
            "update messages set created_at = now() + interval '1 day' where id = (select id from messages limit 1)",
            "gave it this time", "written next",
        ),
        "turn": (
            "update chat_assignments set assigned_at = now() + interval '2 days' where id = (select id from chat_assignments where released_at is not null limit 1)",
            "by a restore", "figures of this turn",
        ),
    },
    "DATA004": {
        "user": (f"delete from real_users where id = (select real_user_id from chats where id = {QUEUED})", "were deleted", "one of its two sides"),
        "chat": (f"delete from chats where id = {HELD}", "chat was deleted", "nobody can open"),
        "operator": (
            f"delete from operators where id = (select assigned_operator_id from chats where id = {HELD})", "were deleted", "counts as held by somebody",
        ),
    },
    "DB005": {
        "not valid": ("alter table chats add constraint own check (message_count >= 0) not valid", "VALIDATE", "later update"),
        "not enforced": ("alter table chats add constraint own_too check (message_count >= 0) not enforced", "NOT ENFORCED", "nothing is checked"),
    },
    "DB022": {
        "schema": ("grant create on schema public to public", "before Postgres 15", "put there"),
        "owner": ("create role own_functions; alter function close_chat owner to own_functions", "given to this role", "in its place"),
    },
    "DB033": {
        "middle": ("update chatops.migrations set state = 'failed' where name like '020%'", "in the middle", "in part"),
        "text": ("update chatops.migrations set checksum = 'x' where name like '019%'", "by hand", "another file"),
        "gone": ("delete from chatops.migrations where name like '026%'", "left the rows out", "once more"),
    },
    "CONF004": {
        "short": ("insert into platform_config values ('idle_timeout_minutes', '0.1') on conflict (key) do update set value = excluded.value", "", "who work on them"),
        "endless": ("insert into platform_config values ('max_reassignments', '900') on conflict (key) do update set value = excluded.value", "", "without end"),
    },
}  # fmt: skip


@pytest.fixture
def sickening(mended: Database) -> Iterator[Connection]:
    """A healthy system in one transaction, which takes everything back."""
    with opened(mended, "migrate") as connection, connection.acting(rollback=True):
        connection.script("set local idle_in_transaction_session_timeout = 0")
        yield connection


def told(connection: Connection, code: str, names: tuple[str, ...]) -> Finding:
    survey = run.run(connection, [check for check in load.shipped() if check.code == code], rows=50, whole_seconds=600)
    found = findings(survey, lambda *words: " ".join(words))
    assert found, f"{code} finds nothing of {names}"
    return found[0]


def test_each_cause_prints_its_own_and_those_of_no_other_and_several_print_theirs(sickening: Connection) -> None:
    wrongly = []
    for code, cases in CAUSES.items():
        for names in [(name,) for name in cases] + [tuple(cases)]:
            with undone(sickening):
                sickening.script(OFF + BARE)
                for name in names:
                    sickening.script(cases[name][0])
                found = told(sickening, code, names)
                said = f"{found.why} | {' | '.join(found.consequences)}"
                wanted = {words for name in names for words in cases[name][1:] if words}
                others = {words for case in cases.values() for words in case[1:] if words} - wanted
                wrongly += [f"{code} {names}: {words!r} is missing in {said}" for words in wanted if words not in said]
                if len(names) == 1:
                    wrongly += [f"{code} {names}: {words!r} is not so: {said}" for words in others if words in said]
    assert wrongly == [], "\n".join(wrongly)

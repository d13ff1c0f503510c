"""That operators who hold a chat were switched off together, or that nobody is available, is seen, told and can be mended."""

from __future__ import annotations

from collections.abc import Callable

from chatops.model import Severity
from tests.ailing import healthy, look, result
from tests.conftest import Result
from tests.servers import Database

__all__ = ["healthy"]

Run = Callable[..., Result]
HOLDERS = "select assigned_operator_id from chats where chat_state = 'assigned' and is_active"
CASES = {
    "everybody, by one statement": ("update operators set is_available = false", True),
    "everybody, with no value": ("update operators set is_available = null", True),
        "who holds a chat, by one statement": (f"update operators set is_available = false where id in ({HOLDERS})", False),
    "everybody, one after the other": (
        """do $$ declare one uuid; begin for one in select id from operators loop
             begin update operators set is_available = false where id = one; exception when division_by_zero then null; end;
           end loop; end $$""",
        True,
    ),
    "everybody, no longer active": ("update operators set is_active = false", True),
}  # fmt: skip


def test_those_who_get_no_next_chat_are_told_and_made_available_again(healthy: Database) -> None:
    healthy.execute("create table kept as select id, is_active, is_available from operators")
    for case, (trouble, critical) in CASES.items():
        assert result(look(healthy, "OPER007"), "OPER007").status == "passed", case
        healthy.execute(trouble)
        held = healthy.value(f"select count(distinct o.id) from operators o where o.id in ({HOLDERS})")
        waits = healthy.value(
            "select exists (select from chats where chat_state = 'waiting_assignment' and is_active and last_message_at is not null)"
        )
        found = result(look(healthy, "OPER007"), "OPER007")
        # The guards let go of the chats of those who are no longer active; who gave one back is told.
        gave_back = healthy.value("select count(*) from chat_assignments where release_reason = 'operator_deactivated'")
        assert found.count == (held or gave_back), case
        if found.count:
            assert found.severity == (Severity.CRITICAL if critical and waits else Severity.WARNING), case
            healthy.execute(str(found.helped[0]["remedy"]))
            assert result(look(healthy, "OPER007"), "OPER007").status == "passed", case
        for one in healthy.execute("select id, is_active, is_available from kept"):  # each by a statement of its own
            healthy.execute("update operators set is_active = %s, is_available = %s where id = %s", (one[1], one[2], one[0]))


def test_few_who_leave_after_their_chat_are_no_finding(healthy: Database) -> None:
    few = healthy.execute(f"select distinct o.id from operators o where o.id in ({HOLDERS}) order by 1")[:2]
    healthy.execute("update operators set is_available = false where id = any(%s)", ([one for (one,) in few],))
    assert result(look(healthy, "OPER007"), "OPER007").status == "passed"


def test_a_queue_for_which_nobody_at_all_is_available_is_critical(healthy: Database) -> None:
    at_once = {"queue_sla_minutes": 0.1}
    healthy.execute("update operators set is_available = false")
    found = result(look(healthy, "QUEUE011", given=at_once), "QUEUE011")
    assert (found.severity, found.count > 0) == (Severity.CRITICAL, True)
    healthy.execute(f"update operators set is_available = true where id in ({HOLDERS})")
    # They are at work: who waits gets their next one.
    assert result(look(healthy, "QUEUE011", given=at_once), "QUEUE011").severity == Severity.WARNING


def test_those_who_were_deactivated_together_with_their_chats_are_named(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    database = latest_database
    database.script(
        """insert into operators (name, is_active, is_available, last_activity) select 'Op ' || n, true, true, now() from generate_series(1, 4) n;
           insert into real_users (name) select 'u' || n from generate_series(1, 4) n; insert into fictional_users (name) values ('p');
           insert into chats (real_user_id, fictional_user_id) select r.id, f.id from real_users r, fictional_users f;
           insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats;
           select assign_chat_to_operator(id) from operators"""
    )
    database.execute("update operators set is_active = false where name = 'Op 1'")
    assert result(look(database, "OPER007"), "OPER007").status == "passed"  # somebody leaves
    database.execute("update operators set is_active = false where name in ('Op 2', 'Op 3')")
    told = result(look(database, "OPER007"), "OPER007")
    assert told.severity is Severity.ADVICE
    assert {row["operator"] for row in told.rows} >= {"Op 2", "Op 3"}
    chatops_inprocess("reassign", "--where", "QUEUE004", "--dry-run", "--to", "auto", db=database)
    assert database.psql(str(told.helped[0]["remedy"])).returncode == 0
    assert result(look(database, "OPER007"), "OPER007").status == "passed"
    database.execute("update operators set is_active = false")
    assert result(look(database, "OPER007"), "OPER007").severity is Severity.CRITICAL

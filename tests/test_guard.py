"""The guards' emergency switch: at once, on open connections, without a superuser, logged, and never for ever."""

from __future__ import annotations

import json

from tests.servers import Database


def test_off_and_on_again_are_obeyed_by_open_connections_and_logged(latest_database: Database, chatops_inprocess) -> None:
    with latest_database.connect() as open_before:
        on = "select guards_are_on()"
        assert open_before.execute(on).fetchone() == (True,)
        chatops_inprocess("guard", "off", "--for", "5m", "--reason", "late replies", db=latest_database, check=0)
        assert open_before.execute(on).fetchone() == (False,)
        shown = chatops_inprocess("guard", "-o", "json", db=latest_database, check=1)
        assert json.loads(shown.stdout)["guards"] == "off"
        chatops_inprocess("guard", "on", db=latest_database, check=0)
        assert open_before.execute(on).fetchone() == (True,)
    rows = latest_database.execute(
        "select action, reason, after ->> 'guards' from chatops.actions where action like 'guard%' order by id"
    )
    assert rows == [("guard off", "late replies", "off"), ("guard on", None, "on")]


def test_guards_that_are_off_or_gone_are_not_called_on(latest_database: Database, chatops_inprocess) -> None:
    for harm, says in (
        ("alter table chats disable trigger chatops_guard_chat", "chatops_guard_chat on chats is switched off"),
        ("drop trigger chatops_keep_message on messages", "messages.chatops_keep_message (022_stop_new_damage) is missing"),
    ):
        assert "the guards are on" in chatops_inprocess("guard", db=latest_database, check=0).stdout
        with latest_database.connect() as connection:
            trigger = connection.execute("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'chatops_keep_message'")
            again = trigger.fetchone()[0]
            connection.execute(harm)
            shown = chatops_inprocess("guard", db=latest_database, check=1).stdout
            assert "the guards do not all work" in shown
            assert says in shown
            assert "the guards are on" not in shown
            connection.execute("alter table chats enable trigger chatops_guard_chat")
            if "drop trigger" in harm:
                connection.execute(again)


def test_off_ends_by_itself(latest_database: Database, chatops_inprocess) -> None:
    chatops_inprocess("guard", "off", "--for", "1h", "--reason", "x", db=latest_database, check=0)
    latest_database.execute("update chatops.settings set until = clock_timestamp() where key = 'guards'")
    assert latest_database.execute("select guards_are_on()") == [(True,)]
    assert "are on" in chatops_inprocess("guard", db=latest_database, check=0).stdout


def test_a_role_that_is_no_superuser_can_switch(latest_database: Database, chatops_inprocess) -> None:
    import re

    role = f"switcher_{latest_database.name}"
    latest_database.script(
        f"create role {role} login; grant usage on schema chatops to {role};"
        f"grant select, insert, update, delete on chatops.settings to {role};"
        f"grant select, insert on chatops.actions to {role}"
    )
    try:
        url = re.sub(r"//[^@/]*@", f"//{role}@", latest_database.url)
        chatops_inprocess("guard", "off", "--reason", "no superuser", db=url, check=0)
        assert latest_database.execute("select guards_are_on()") == [(False,)]
    finally:
        latest_database.script(f"drop owned by {role}; drop role {role}")


def test_wrong_words_no_reason_and_a_database_without_guards_are_refused(
    latest_database, core_database, chatops_inprocess
) -> None:
    assert chatops_inprocess("guard", "maybe", db=latest_database).exit_code == 2
    assert chatops_inprocess("guard", "off", "--for", "3d", "--reason", "x", db=latest_database).exit_code == 2
    assert chatops_inprocess("guard", "off", db=latest_database).exit_code == 4
    assert chatops_inprocess("guard", "off", "--reason", "x", db=core_database).exit_code == 4
    assert "no guards" in chatops_inprocess("guard", db=core_database, check=0).stdout
    assert latest_database.execute("select count(*) from chatops.settings where key = 'guards'") == [(0,)]

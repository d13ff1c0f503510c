"""`remove`: what chatops made is gone, what was there before is as it was, rows are untouched, and chatops can come back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from chatops import db, settings, sqlfiles
from chatops.chats import writers
from chatops.migrations.fingerprint import Fingerprint, fingerprint
from tests.conftest import APPLICATION_OWNER, LONG, ROOT, build_latest, url_as
from tests.original_writers import Session
from tests.servers import Database
from tests.shift import add_chats, add_operators

Chatops = Callable[..., Any]
TABLES = ("chats", "messages", "chat_assignments", "operators", "operator_activity", "platform_config")


def looked_at(database: Database) -> Fingerprint:
    target = settings.resolve(settings.Options(db=(database.url,)), environ={})
    with db.connect(target, "test", "read") as connection:
        return fingerprint(connection, "public")


def rows_of(database: Database, columns: dict[str, list[str]]) -> dict[str, Any]:
    return {table: database.execute(f"select {', '.join(names)} from {table} order by 1, 2") for table, names in columns.items()}


def columns_of(database: Database) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in database.execute(
        "select table_name, quote_ident(column_name) from information_schema.columns"
        " where table_schema = 'public' and table_name = any(%s) order by 1, ordinal_position",
        [list(TABLES)],
    ):
        found.setdefault(table, []).append(column)
    return found


def migrated(chatops: Chatops, where: Database | str) -> None:
    chatops("adopt", "--through", "017", "--yes", db=where, check=0)
    chatops("migrate", "--to", "latest", "--yes", db=where, check=0)


def test_the_deployed_system_is_as_before_and_chatops_can_come_back(
    core_database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    add_operators(core_database_everywhere, 3)
    add_chats(core_database_everywhere, 2, state="assigned", held_by=1)
    add_chats(core_database_everywhere, 3, first=11)
    there_and_back(core_database_everywhere, core_database_everywhere, chatops_inprocess)


def test_the_applications_own_database_is_as_before_for_its_owner_who_is_no_superuser(
    application_database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    application_database_everywhere.execute(
        f"grant create on database {application_database_everywhere.name} to {APPLICATION_OWNER}"
    )
    there_and_back(application_database_everywhere, url_as(application_database_everywhere, APPLICATION_OWNER), chatops_inprocess)


def there_and_back(database: Database, where: Database | str, chatops: Chatops) -> None:
    database.execute("drop schema if exists chatops cascade")
    before, columns = looked_at(database), columns_of(database)
    chats = database.execute("select count(*) from chats")[0][0]
    for _ in range(2):
        migrated(chatops, where)
        assert before.differences(looked_at(database))
        kept = rows_of(database, columns)
        chatops("remove", "--yes", db=where, check=0)
        assert before.differences(looked_at(database)) == []
        assert rows_of(database, columns) == kept
        assert len(kept["chats"]) == chats
        assert database.execute("select count(*) from pg_namespace where nspname = 'chatops'") == [(0,)]
    assert "Nothing of chatops" in chatops("remove", "--yes", db=where, check=0).stdout


def test_what_would_go_is_listed_and_its_text_does_it_in_psql(database: Database, chatops_inprocess: Chatops) -> None:
    # Built now, and not from a template: whose roles it grants to is looked up in the whole server.
    build_latest(database)
    before = looked_at(database)
    shown = chatops_inprocess("remove", "--dry-run", "-o", "json", db=database, check=0)
    steps = json.loads(shown.stdout)["objects"]
    assert looked_at(database).differences(before) == []
    gone = {(one["kind"], one["object"]) for one in steps if one["action"] == "remove"}
    for kind, objects in before.objects.items():
        for name in objects:
            if kind == "trigger" and ".chatops_" in name:
                assert ("trigger", name) in gone
    assert {("column", "chats.waiting_since"), ("schema", "chatops"), ("sequence", "refusals_late_reply")} <= gone
    back = {one["object"] for one in steps if one["action"] == "restore"}
    assert {"assign_chat_to_operator(p_operator_id uuid)", "chat_state_summary"} <= back
    text = chatops_inprocess("remove", "--dry-run", "-o", "sql", db=database, check=0).stdout
    assert text.startswith("-- Takes chatops out of schema public: ")
    assert database.psql(text).returncode == 0
    left = looked_at(database)
    assert not [name for kind in ("trigger", "column", "index", "constraint", "sequence") for name in left.objects.get(kind, {})
                if (kind, name) in gone]  # fmt: skip
    chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
    assert before.differences(looked_at(database)) == []


def test_a_view_of_somebody_elses_on_it_keeps_everything_in_place(latest_database: Database, chatops_inprocess: Chatops) -> None:
    latest_database.execute("create view who_waits as select id, waiting_since from chats")
    before = looked_at(latest_database)
    refused = chatops_inprocess("remove", "--yes", db=latest_database, check=4)
    assert "who_waits" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert before.differences(looked_at(latest_database)) == []


def test_it_is_asked_and_a_held_chat_is_waited_for_briefly(latest_database: Database, chatops_inprocess: Chatops) -> None:
    assert "--yes" in chatops_inprocess("remove", db=latest_database, check=4).stderr
    with latest_database.connect() as holder:
        holder.execute("begin; lock table chats in row exclusive mode")
        assert "nothing was changed" in chatops_inprocess("remove", "--yes", db=latest_database, check=5).stderr
    assert latest_database.execute("select count(*) from chatops.migrations where state = 'applied'") > [(0,)]


def test_of_two_tenants_the_schema_chatops_goes_with_the_last(database: Database, chatops_inprocess: Chatops) -> None:
    database.execute("create schema tenant_b")
    for schema in ("public", "tenant_b"):
        chatops_inprocess("migrate", "--to", "latest", "--yes", "--schema", schema, db=database, check=0)
    first = chatops_inprocess("remove", "--yes", "--schema", "tenant_b", db=database, check=0)
    assert "Schema chatops stays for public" in first.stderr
    assert database.execute("select distinct target_schema from chatops.migrations") == [("public",)]
    chatops_inprocess("verify", db=database, check=0)
    chatops_inprocess("remove", "--yes", db=database, check=0)
    assert database.execute("select count(*) from pg_namespace where nspname = 'chatops'") == [(0,)]
    assert database.execute("select count(*) from tenant_b.chats") == [(0,)]


DAY = ("create_chat", "user_message", "assign", "heartbeat", "operator_reply", "unassign", "admin_reassign", "idle_cron",
       "force_close", "block_user", "deactivate_operator", "delete_operator")  # fmt: skip
"""What the deployed application does, in this order."""


def a_day(database: Database, first: int) -> list[tuple[str, object]]:
    """The application's own writers on new people: what each comes to (a result, or an SQLSTATE), and the state of the chat."""
    one, two = add_operators(database, 2, first=first)
    user, profile = uuid4(), uuid4()
    database.execute("insert into real_users (id, name) values (%s, %s)", (user, f"user-{user}"))
    database.execute("insert into fictional_users (id, name) values (%s, %s)", (profile, f"profile-{profile}"))
    session, found, chat = Session(database), list[tuple[str, object]](), uuid4()
    calls: dict[str, Callable[[], Any]] = {
        "create_chat": lambda: writers.create_chat(user, profile),
        "user_message": lambda: writers.user_message(chat, "hello"),
        "assign": lambda: writers.assign(one),
        "heartbeat": lambda: writers.heartbeat(chat, one, datetime.now(UTC)),
        "operator_reply": lambda: writers.operator_reply(chat, one, "hi"),
        "unassign": lambda: writers.unassign(chat),
        "admin_reassign": lambda: writers.admin_reassign(chat, two, "by hand"),
        "idle_cron": lambda: writers.idle_cron(lambda: datetime.now(UTC)),
        "force_close": lambda: writers.force_close(chat),
        "block_user": lambda: writers.block_user(user),
        "deactivate_operator": lambda: writers.deactivate_operator(two),
        "delete_operator": lambda: writers.delete_operator(one),
    }
    for name in (*DAY[:5], "user_message", "assign", *DAY[5:]):
        try:
            came = session.write(calls[name]())
            if name == "create_chat":
                chat = came
            told: object = came is not None if isinstance(came, UUID) or came is None else came
        except psycopg.Error as error:
            told = error.sqlstate
        state = database.execute("select chat_state::text, assigned_operator_id is not null from chats where id = %s", (chat,))
        found.append((name, (told, state)))
    return found


@pytest.mark.long
def test_from_each_stop_the_application_works_on_as_before(core_database: Database, chatops_inprocess: Chatops) -> None:
    """Every later stop in the long form; the objects are those of 017 again, and its writers come to the same."""
    database = core_database
    database.execute("drop schema if exists chatops cascade")
    day, before = a_day(database, 1), looked_at(database)
    assert {name for name, _ in day} == set(DAY)
    later = [name[:3] for name in sqlfiles.names("migrations") if name >= "018"]
    for place, stop in enumerate(later if LONG else ["022"], 2):
        chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
        chatops_inprocess("migrate", "--to", stop, "--yes", db=database, check=0)
        told = chatops_inprocess("remove", "--dry-run", db=database, check=0).stdout
        assert "stands at 017 again, as before chatops." in " ".join(told.split()), stop
        done = chatops_inprocess("remove", "--yes", db=database, check=0).stdout
        assert "It is at 017 again. To come back: chatops adopt --through 017" in done
        assert before.differences(looked_at(database)) == [], stop
        assert a_day(database, place * 10) == day, stop


def test_what_stays_is_told_by_where_the_database_stood(database: Database, chatops_inprocess: Chatops) -> None:
    """Adopted at 016, migrated to 018 by chatops: 017 stays, and was not there before."""
    for name in ("001_chat_core", "014_chat_state_management", "015_fix_assignment_function", "016_chat_state_verification"):
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    chatops_inprocess("adopt", "--through", "016", "--yes", db=database, check=0)
    assert "stands at 016 again, as before chatops." in " ".join(
        chatops_inprocess("remove", "--dry-run", db=database, check=0).stdout.split()
    )
    chatops_inprocess("migrate", "--to", "021", "--yes", db=database, check=0)
    told = chatops_inprocess("remove", "--dry-run", db=database, check=0).stdout
    assert "stands at 017 again." in " ".join(told.split())
    assert "Who waits meanwhile, at most: reads and writes of chats, chat_assignments" in told
    data = json.loads(chatops_inprocess("remove", "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert data["at"] is not None
    text = chatops_inprocess("remove", "--dry-run", "-o", "sql", db=database, check=0).stdout
    locked = re.findall(r"^lock table (.*) in access", text, re.MULTILINE)[0]
    assert data["locks"] == [name.rpartition(".")[2].strip('"') for name in locked.split(", ")]
    trigger = next(row for row in data["objects"] if row["kind"] == "trigger")
    assert trigger["loses"] == "what a stored message means for its chat", trigger
    assert "Comes back as it was before 021 replaced it: assign_chat_to_operator, release_and_reassign_chat" in " ".join(
        told.split()
    )


def test_only_functions_that_change_are_named_and_after_which_file(
    core_database_everywhere: Database, chatops_inprocess: Chatops
) -> None:
    """What comes back is what is another afterwards: nothing that a file only looked at."""
    asked = """select p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proowner, obj_description(p.oid, 'pg_proc'),
                      array(select (grantee, privilege_type)::text from aclexplode(coalesce(proacl, acldefault('f', proowner))) order by 1)
                 from pg_proc p where pronamespace = 'public'::regnamespace and prokind in ('f', 'p')"""
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database_everywhere, check=0)
    core_database_everywhere.execute("alter function should_keep_assignment(uuid, text, uuid) reset search_path")
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=core_database_everywhere, check=0)
    before = {row[0]: row[1:] for row in core_database_everywhere.execute(asked)}
    data = json.loads(chatops_inprocess("remove", "--dry-run", "-o", "json", db=core_database_everywhere, check=0).stdout)
    back = {row["object"].partition("(")[0]: row["becomes"] for row in data["objects"]
            if row["action"] == "restore" and row["kind"] == "function"}  # fmt: skip
    chatops_inprocess("remove", "--yes", db=core_database_everywhere, check=0)
    after = {row[0]: row[1:] for row in core_database_everywhere.execute(asked)}
    changed = {name.partition("(")[0] for name in before.keys() & after.keys() if before[name] != after[name]}
    assert changed == set(back)
    assert "validate_chat_state_transition" in {name.partition("(")[0] for name in before} - set(back)
    for name, becomes in back.items():
        file = re.findall(r"before (\S+) (?:replaced|changed) it", becomes)[0]
        texts = [
            path
            for path in (ROOT / "sql").rglob("*.sql")
            if str(path.relative_to(ROOT / "sql")).removeprefix("migrations/").startswith(file)
        ]
        assert any(name in path.read_text(encoding="utf-8") for path in texts), (name, becomes)
    assert back["should_keep_assignment"].endswith("in its settings alone")

"""Healthy systems of other shapes than the demo's: nothing above advice, nothing unknown, and `verify` ends in 0.

By default every addition at once, and each that stands alone by itself; with CHATOPS_TEST_LONG=1 each alone, on every server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from chatops.errors import DatabaseError
from tests import healthy_shapes as shapes
from tests.ailing import above_advice, populated, wrong
from tests.conftest import APPLICATION_OWNER, Result, build_latest, server_labels, url_as
from tests.desk import Desk
from tests.locks import wait_for
from tests.servers import Database, Farm, Server, free_port, run
from tests.test_checks_long import Trials, trials, undone

pytestmark = pytest.mark.long
Run = Callable[..., Result]
LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))
MISSING_HERE = "0A000"
"""An extension that this server does not have."""


@pytest.fixture(params=server_labels() if LONG else ["18"])
def some_server(request: pytest.FixtureRequest, farm: Farm) -> Server:
    """18, and at full length every server of the matrix."""
    return farm.server(request.param)


@pytest.fixture
def tried(new_database: Callable[..., Database], farm: Farm, some_server: Server) -> Iterator[Trials]:
    """A healthy system after all migrations, in a transaction that is taken back."""
    with trials(populated(new_database, farm, some_server, "latest"), "latest") as made:
        made.database.script(shapes.WITH_ROLES)
        yield made


def formed(trial: Trials, text: str) -> None:
    """Gives the system a shape; what this server cannot have is left out statement by statement."""
    for statement in text.split("create extension ") if "create extension " in text else [text]:
        whole = statement if statement is text or text.startswith(statement) else f"create extension {statement}"
        try:
            with trial.database.savepoint("shape"):
                trial.database.script(whole)
        except DatabaseError as error:
            if error.sqlstate not in (MISSING_HERE, "42704", "58P01"):
                raise


def troubles(trial: Trials, name: str) -> list[str]:
    """What is found in a system that is healthy."""
    survey = trial.look()
    return [f"{name}: {wrong(survey)}"] if above_advice(survey) or survey.ran < len(survey.results) else []


def test_all_that_applications_add_at_once_is_healthy(tried: Trials) -> None:
    for name in shapes.ADDITIONS:
        formed(tried, shapes.ADDITIONS[name])
    assert troubles(tried, "all at once") == []


def test_each_shape_by_itself_is_healthy(tried: Trials) -> None:
    found = []
    for name, text in (shapes.ADDITIONS | shapes.INSTEAD if LONG else shapes.INSTEAD).items():
        with undone(tried.database):
            formed(tried, text)
            found += troubles(tried, name)
    assert found == [], "\n".join(found)


def verified(chatops_inprocess: Run, database: Database, *flags: str, role: str | None = None) -> list[str]:
    """What `verify` says where it does not end in 0, and what `diagnose` finds above advice."""
    url = database.url if role is None else url_as(database, role)
    database.close()
    # Other sessions are hidden from an owner who is no superuser: that is unknown to diagnose, and no verdict on a deploy.
    asked = (("verify",), ("diagnose",)) if role is None else (("verify",),)
    done = [chatops_inprocess(*flags, *words, db=url) for words in asked]
    return [f"{one.exit_code}\n{one.stdout}\n{one.stderr}" for one in done if one.exit_code]


@pytest.mark.own_sessions
@pytest.mark.parametrize("name", [None, *shapes.SETTINGS] if LONG else [None])
def test_whatever_is_set_for_the_database(
    new_database: Callable[..., Database], farm: Farm, some_server: Server, chatops_inprocess: Run, name: str | None
) -> None:
    database = populated(new_database, farm, some_server, "latest")
    for setting, value in shapes.SETTINGS.values() if name is None else [shapes.SETTINGS[name]]:
        database.execute(f"alter database \"{database.name}\" set {setting} = '{value}'" if setting != "search_path"
                         else f'alter database "{database.name}" set search_path = {value}')  # fmt: skip
    assert verified(chatops_inprocess, database) == []


@pytest.mark.parametrize("schema", shapes.SCHEMAS if LONG else ['x"y.z Ü'])
def test_whatever_the_schema_is_called(database: Database, chatops_inprocess: Run, schema: str) -> None:
    quoted = '"' + schema.replace('"', '""') + '"'
    database.execute(f"create schema {quoted}")
    chatops_inprocess("--schema", schema, "migrate", "--yes", db=database, check=0)
    # The same names in the schema that everybody has on the path, with another meaning.
    database.script("create table chats (id integer); create view chat_state_summary as select 1 as n")
    assert verified(chatops_inprocess, database, "--schema", schema) == []


# ---- the application's own -----------------------------------------------------------------------------------------------


def test_the_applications_own_database_is_healthy_when_quiet_and_when_busy(
    migrated_application_database_everywhere: Database, chatops_inprocess: Run
) -> None:
    database = migrated_application_database_everywhere
    for role in (None, APPLICATION_OWNER):
        assert verified(chatops_inprocess, database, role=role) == []
    with database.connect() as people:
        people.execute(
            """with a as (insert into auth.users (email) select 'p' || n from generate_series(1, 9) as n returning id, email),
                    o as (insert into operators (id, name, email, is_available, last_activity)
                          select id, email, email, true, now() from a where email < 'p4'),
                    u as (insert into real_users (id, name) select id, email from a where email >= 'p4'),
                    f as (insert into fictional_users (name) values ('Lola') returning id)
               insert into chats (real_user_id, fictional_user_id) select a.id, f.id from a, f where a.email >= 'p4'"""
        )
        desk = Desk(database)
        for (chat,) in people.execute("select id from chats").fetchall():
            desk.says(chat)
        for operator in [row[0] for row in people.execute("select id from operators order by id limit 2").fetchall()]:
            chat = desk.takes(operator)
            assert chat is not None
            desk.replies(chat, operator)
            desk.says(chat)
            desk.takes(operator)
        # Somebody is in the middle of something, and somebody has left a transaction open.
        with database.connect() as writer, database.connect() as reader:
            writer.execute("begin; update chats set admin_notes = 'x' where chat_state = 'assigned'")
            reader.execute("begin; select count(*) from messages")
            done = chatops_inprocess("verify", db=url_as(database, APPLICATION_OWNER))
            assert done.exit_code == 0, done.stdout
            writer.execute("rollback")
            reader.execute("rollback")
    for role in (None, APPLICATION_OWNER):
        assert verified(chatops_inprocess, database, role=role) == []


# ---- restored, promoted, replicated, upgraded -----------------------------------------------------------------------------


def dumped(source: Database, *options: str) -> str:
    """A dump as text, without what only psql understands, and what older servers do not."""
    source.close()
    made = run([source.server.bin / "pg_dump", *options, source.url], timeout=120)
    assert made.returncode == 0, made.stderr
    skipped = ("\\restrict", "\\unrestrict", "SET transaction_timeout")
    return "\n".join(line for line in made.stdout.splitlines() if not line.startswith(skipped))


RESTORES: dict[str, tuple[tuple[str, ...], str]] = {
    "whole": ((), "empty"), "without owners": (("--no-owner",), "empty"),
    "as inserts": (("--inserts",), "empty"), "rows alone": (("--data-only", "--disable-triggers"), "migrated"),
    "schema public alone": (("--schema=public",), "empty and adopted"),
}  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.parametrize("how", RESTORES if LONG else ["without owners", "rows alone", "schema public alone"])
def test_what_was_restored_is_healthy(
    new_database: Callable[..., Database], farm: Farm, some_server: Server, chatops_inprocess: Run, how: str
) -> None:
    options, into = RESTORES[how]
    source = populated(new_database, farm, some_server, "latest")
    if into == "migrated":
        # What the hosting's roles may do here hangs on when another test made them on this server.
        source.without_hosting()
        source.execute("delete from chatops.settings where key = 'safety'")
        chatops_inprocess("monitor", "--once", "--store", "--yes", db=source)
    text = dumped(source, *options)
    if into == "migrated":
        target = new_database(on=some_server, template=farm.template(some_server, "latest", build_latest))
        target.without_hosting()
        target.script("truncate platform_config, chatops.migrations, chatops.runs, chatops.settings cascade")
    else:
        target = new_database(on=some_server)
        if "--schema=public" in options:
            target.execute("drop schema public")
    done = target.psql(text)
    assert done.returncode == 0, done.stderr
    if into == "empty and adopted":
        chatops_inprocess("adopt", "--through", "027", "--yes", db=target, check=0)
        chatops_inprocess("migrate", "--yes", db=target, check=0)
        for _ in range(4):  # what schema chatops held besides: by the helps, to the letter
            report = json.loads(chatops_inprocess("diagnose", "--only", "DB003", "-o", "json", db=target).stdout)
            for finding in report["findings"]:
                target.script(finding["help_sql"])
    assert verified(chatops_inprocess, target) == []


@pytest.mark.long
def test_what_was_dumped_from_15_and_restored_on_18_is_healthy(
    new_database: Callable[..., Database], farm: Farm, chatops_inprocess: Run
) -> None:
    if "15" not in server_labels():
        pytest.skip("Postgres 15 is not installed")
    text = dumped(populated(new_database, farm, farm.server("15"), "latest"))
    target = new_database(on=farm.server("18"))
    done = target.psql(text)
    assert done.returncode == 0, done.stderr
    assert verified(chatops_inprocess, target) == []


@pytest.mark.long
def test_a_standby_that_was_promoted_is_healthy_and_goes_on(
    own_server: Callable[..., Server], farm: Farm, chatops_inprocess: Run
) -> None:
    primary = own_server("18")
    database = primary.create_database()
    build_latest(database)
    desk = Desk(database)
    operator, chat = desk.operator("Ann"), desk.waiting_chat()
    assert desk.takes(operator) == chat
    home = farm.folder_for_servers("promoted")
    copied = run([primary.bin / "pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres", "-D", home / "data",
                  "-R", "-X", "stream", "-c", "fast"])  # fmt: skip
    assert copied.returncode == 0, copied.stderr
    (home / "data").chmod(0o700)
    port = free_port()
    standby = Server("18", f"postgresql://postgres@127.0.0.1:{port}/postgres", primary.bin, home / "data", port)
    standby.start()
    try:
        copy = Database(standby, database.name)
        assert verified(chatops_inprocess, copy) == [], "while it follows"
        database.close()
        primary.stop("immediate")
        copy.execute("select pg_promote()")
        wait_for(lambda: not copy.value("select pg_is_in_recovery()"), "it is promoted")
        assert verified(chatops_inprocess, copy) == [], "once it leads"
        there = Desk(copy)
        assert there.replies(chat, operator)
        there.says(chat)
        assert there.takes(operator) == chat
        assert verified(chatops_inprocess, copy) == [], "and works"
        copy.close()
    finally:
        standby.stop("immediate")


@pytest.mark.long
def test_a_logical_replica_is_healthy_after_the_cut_over(own_server: Callable[..., Server], chatops_inprocess: Run) -> None:
    server = own_server("18", wal_level="logical")
    source = server.create_database()
    build_latest(source)
    desk = Desk(source)
    operators = [desk.operator(f"op {n}") for n in range(3)]
    chats = [desk.waiting_chat() for _ in range(6)]
    for operator in operators:
        chat = desk.takes(operator)
        assert chat is not None
        desk.replies(chat, operator)
    schema = dumped(source, "--schema-only")
    desk = Desk(source)
    replica = server.create_database()
    assert replica.psql(schema).returncode == 0
    source.execute("create publication everything for all tables")
    # On one server the slot is made first: otherwise making it waits for the transaction that makes the subscription.
    source.execute("select pg_create_logical_replication_slot('cut_over', 'pgoutput')")
    replica.execute(
        f"create subscription cut_over connection 'host=127.0.0.1 port={server.port} user=postgres dbname={source.name}' publication everything "
        "with (create_slot = false, slot_name = 'cut_over')"
    )
    ready = "select bool_and(srsubstate = 'r') from pg_subscription_rel"
    wait_for(lambda: replica.value(ready), "all tables are copied", 60)
    desk.says(chats[0], "while both are there")
    wait_for(lambda: replica.value("select count(*) from messages where content = 'while both are there'") == 1, "it follows", 60)
    replica.execute(
        "alter subscription cut_over disable; alter subscription cut_over set (slot_name = none); drop subscription cut_over"
    )
    source.execute("select pg_drop_replication_slot('cut_over')")
    assert verified(chatops_inprocess, replica) == []
    there = Desk(replica)
    assert there.takes(operators[0]) is not None
    assert verified(chatops_inprocess, replica) == [], "and works"
    source.close()
    replica.close()

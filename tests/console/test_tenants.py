"""`chatops console --all-schemas`: begins with the tenants, the worst first; one that is opened is a desk like any other."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from chatops.chats.desk import TenantsLook
from chatops.checks import load
from chatops.console.app import Console
from chatops.console.source import Source
from chatops.errors import UnreachableError, UsageError
from chatops.flows.console_source import DeskSource
from chatops.flows.console_tenants import TenantsSource
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from tests.conftest import Result, url_as
from tests.console.driving import acted, dialog, drive, look, picture, press, until
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]
Open = Callable[..., Console]
NAMES = ("tenant_a", "tenant_b", "tenant_c")
WAITS = """set session_replication_role = replica; set search_path = {schema};
insert into operators (id, name, email, is_active, is_available, last_activity)
values ('{one}', 'op of {schema}', '{schema}@acme.example', true, true, now());
insert into real_users (id, name) values ('{one}', 'user of {schema}');
insert into fictional_users (id, name) values ('{one}', 'Eve');
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, waiting_since, last_message_at, message_count)
values ('{one}', '{one}', '{one}', 'waiting_assignment', true, now() - interval '{since}', now() - interval '{since}', 1);
insert into messages (chat_id, sender_type, content, created_at) values ('{one}', 'real', 'hello', now() - interval '{since}');
reset all"""


@pytest.fixture
def tenants(new_database: Callable[..., Database], farm: Farm, server: Server, home: Path, chatops_inprocess: Run) -> Database:
    """Three tenants, and a schema without chats; one chat waits in tenant_a for a minute, one in tenant_c for three hours."""

    def build(database: Database) -> None:
        database.execute("; ".join(f"create schema {name}" for name in (*NAMES, "tenant_without")))
        for name in NAMES:
            chatops_inprocess("--schema", name, "migrate", "--to", "latest", "--yes", db=database, check=0)

    database = new_database(on=server, template=farm.template(server, "console_tenants", build))
    for name, since in (("tenant_a", "1 minute"), ("tenant_c", "3 hours")):
        database.execute(WAITS.format(schema=name, since=since, one=uuid.uuid4()))
    return database


@pytest.fixture
def opened(home: Path, desk: Callable[..., Console]) -> Iterator[Open]:
    """Opens the console over the tenants of a database."""
    runs: list[Invocation] = []

    def one_schema(run: Invocation) -> Source:
        return DeskSource(run, [one for one in load.shipped() if one.code == "CONF001"], show_names=True)

    def make(url: str | None, pattern: str | None = "tenant_*", **given: Any) -> Console:
        databases = () if url is None else (url,)
        runs.append(Invocation(Given(["console"], command="console", db=databases, all_schemas=pattern, **given)))
        source = TenantsSource(runs[-1], one_schema, show_names=True)
        return Console(source, every=3600, checks_every=0)

    yield make
    for one in runs:
        one.close()


def test_the_worst_tenant_is_first_and_opens_as_a_desk_that_acts_in_it(tenants: Database, opened: Open) -> None:
    app = opened(tenants.url)

    async def script(pilot: Pilot[None]) -> None:
        lines = picture(app).splitlines()
        assert "3 tenants: 2 wait, oldest 3 h" in lines[1]
        assert "1 schema without chats" in lines[2]
        rows = [line.split()[0] for line in lines if line.startswith("   tenant_")]
        assert rows == ["tenant_c", "tenant_a", "tenant_b"]
        await pilot.press("f")
        await until(pilot, lambda: "diagnose --all-schemas" in app.said)
        assert re.search(r"TENANTS 3 +wait +oldest +95 % under +free +busy +away$", lines[3]), lines[3]
        whole = app.desk.source.here(*app.desk.words)
        assert whole.endswith(f" --db {tenants.url} summary --all-schemas 'tenant_*'"), whole
        await pilot.press("down")
        assert app.desk.source.here(*app.desk.words).endswith("--schema tenant_c summary")
        assert picture(app).splitlines()[-2].endswith("--schema tenant_c summary")
        await pilot.press("r")
        assert len(app.screen_stack) == 1
        await pilot.press("enter")
        await until(pilot, lambda: app.outer is not None and app.desk.looks > 0)
        text = picture(app)
        assert "user of tenant_c" in text
        assert "user of tenant_a" not in text
        sessions = (
            "select count(*) from pg_stat_activity where application_name = 'chatops console' and datname = current_database()"
        )
        assert tenants.value(sessions) == 1
        await pilot.press("down")
        assert "--schema tenant_c reassign" in app.desk.source.here(*app.desk.words)
        plan = await dialog(pilot, "r")
        await press(pilot, plan, "act")
        await acted(pilot)
        looks = app.outer.looks if app.outer else 0
        await pilot.press("escape")
        await until(pilot, lambda: app.outer is None and app.desk.looks > looks)
        await until(pilot, lambda: "1 wait" in picture(app).splitlines()[1])
        app.desk.key_at = None  # the keys rest
        app._arrange(app.desk)
        assert [row.key[1] for row in app.desk.parts[0].rows] == ["tenant_a", "tenant_b", "tenant_c"]

    drive(app, script)
    assert tenants.value("select count(*) from tenant_c.chats where chat_state = 'assigned'") == 1
    assert tenants.execute("select action, target_schema from chatops.actions") == [("reassign", "tenant_c")]


def test_a_tenant_that_cannot_be_seen_comes_first_by_name_and_is_not_zero(tenants: Database, opened: Open) -> None:
    role = f"sees_one_{uuid.uuid4().hex[:8]}"
    tenants.execute(
        f"create role {role} login; grant usage on schema tenant_a, tenant_b to {role}; "
        f"grant select on all tables in schema tenant_a to {role}"
    )
    app = opened(url_as(tenants, role))

    async def script(pilot: Pilot[None]) -> None:
        lines = picture(app).splitlines()
        assert "2 NOT SEEN" in lines[1]
        rows = [line for line in lines if line.startswith("   tenant_")]
        assert [row.split()[0] for row in rows] == ["tenant_b", "tenant_c", "tenant_a"]
        assert "not seen: permission denied" in rows[0]
        assert "not seen: this role may not use the schema" in rows[1]

    drive(app, script, (120, 40))
    tenants.execute(f"drop owned by {role}; drop role {role}")


def test_locked_and_dropped_tenants_are_named_cost_little_of_a_look_and_open_as_a_sentence(
    tenants: Database, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatops.flows.console_tenants.LOST", 0.0)
    app = opened(tenants.url)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("end")
        assert app.desk.cursor == ("tenant", "tenant_b")
        with tenants.connect() as holder, holder.transaction():
            holder.execute("lock table tenant_a.chats, tenant_c.chats in access exclusive mode")
            await another(pilot)
            lines = picture(app).splitlines()
            assert "2 NOT SEEN" in lines[1]
            assert "1 wait" not in lines[1]
            assert [row.key[1] for row in app.desk.parts[0].rows if "lock" in row.cells[1]] == ["tenant_c", "tenant_a"]
            app.desk.cursor = ("tenant", "tenant_c")
            await pilot.press("enter")
            await until(pilot, lambda: "locked" in (app.desk.trouble or app.said))
            await pilot.press("escape")
        tenants.execute("drop schema tenant_b cascade")
        app.desk.cursor = ("tenant", "tenant_b")
        await until(pilot, lambda: app.outer is None and not app.opening)
        await pilot.press("enter")
        await until(pilot, lambda: not app.opening and "tenant_b" in app.said)
        assert app.outer is None
        await another(pilot)
        app.desk.key_at = None
        app._arrange(app.desk)
        assert [row.key[1] for row in app.desk.parts[0].rows] == ["tenant_c", "tenant_a"]

    drive(app, script, (120, 40))


async def another(pilot: Pilot[None]) -> None:
    """Another look, without the rest after the one before."""
    app = pilot.app
    assert isinstance(app, Console)
    app.desk.source._rests_until = 0.0  # type: ignore[attr-defined]
    await look(pilot)


def test_figures_are_as_old_as_they_are_while_no_look_is_had(tenants: Database, opened: Open) -> None:
    app = opened(tenants.url)

    async def script(pilot: Pilot[None]) -> None:
        now, source = app.desk.clock, app.desk.source
        assert isinstance(app.desk.look, TenantsLook)
        source._rests_until = float("inf")  # type: ignore[attr-defined]
        app.desk.clock, app.desk.every = (lambda: now() + 600), 5.0
        await look(pilot)
        first = picture(app).splitlines()[0]
        assert "10 m" in first
        assert "STALE" in first
        app.desk.look = replace(app.desk.look, every=300.0)  # as where a look takes half a minute
        app.redraw()
        assert "STALE" not in picture(app).splitlines()[0]

    drive(app, script, (120, 40))


def test_a_tenant_opens_although_a_look_at_all_of_them_is_under_way(tenants: Database, opened: Open) -> None:
    app = opened(tenants.url)

    async def script(pilot: Pilot[None]) -> None:
        before = app.desk.look
        with tenants.connect() as holder, holder.transaction():
            holder.execute("lock table tenant_a.chats in access exclusive mode")
            app.desk.source._rests_until = 0.0  # type: ignore[attr-defined]
            app.look_again()
            waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            await until(pilot, lambda: tenants.value(waits) == 1 or app.desk.look is not before)
            app.desk.cursor = ("tenant", "tenant_c")
            await pilot.press("enter")
            await until(pilot, lambda: app.outer is not None and app.desk.looks > 0)
            assert "user of tenant_c" in picture(app)
            await pilot.press("escape")
            await until(pilot, lambda: app.outer is None and not app._turn.locked())

    drive(app, script, (120, 40))


def test_a_pattern_that_matches_nothing_names_what_is_there(tenants: Database, opened: Open) -> None:
    with pytest.raises(UsageError, match="did you mean tenant_a"):
        opened(tenants.url, "tenent_a")


def test_the_tenants_are_a_picture_too(tenants: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    chatops_inprocess("console", "--all-schemas", "tenant_*", "--screenshot", "all.svg", db=tenants, check=0)
    drawn = (tmp_path / "all.svg").read_text()
    assert drawn.index("tenant_c") < drawn.index("tenant_a")
    both = chatops_inprocess(
        "--schema", "tenant_a", "console", "--all-schemas", "t*", "--screenshot", "x.svg", db=tenants, check=2
    )
    assert "--schema and --all-schemas" in both.stderr


def environments(folder: Path, **urls: str) -> dict[str, str]:
    """A chatops.toml with these environments and a group of all, `live` of them production; the options that name it."""
    written = "".join(f'[env.{name}]\nurl = "{url}"\nproduction = {str(name == "live").lower()}\n' for name, url in urls.items())
    (folder / "chatops.toml").write_text(f"{written}[groups]\nall = {list(urls)}\n")
    return {"config": str(folder / "chatops.toml")}


@pytest.mark.parametrize("named", ["calm,live,away", "all", "*"])
def test_several_databases_are_tenants_and_an_act_goes_where_it_was_opened(
    named: str, latest_database: Database, tenants: Database, opened: Open, tmp_path: Path
) -> None:
    latest_database.execute(WAITS.format(schema="public", since="2 hours", one=uuid.uuid4()))
    away = "postgresql://postgres@127.0.0.1:1/away"
    given = environments(tmp_path, calm=f"{tenants.url}?options=-csearch_path%3Dtenant_b", live=latest_database.url, away=away)
    app = opened(None, None, env=named, **given)

    async def script(pilot: Pilot[None]) -> None:
        lines = picture(app).splitlines()
        assert "PRODUCTION 3 DATABASES" in lines[0]
        assert "READ ONLY" in lines[0]
        assert "NOT SEEN" in lines[1]
        rows = [line for line in lines if line.startswith("   ") and line.split()[0] in ("calm", "live", "away")]
        assert [row.split()[0] for row in rows] == ["away", "live", "calm"]
        assert "not seen" in next(row for row in rows if "away" in row)
        assert app.desk.source.here(*app.desk.words).endswith(" --env " + (f"'{named}'" if named == "*" else named) + " summary")
        await pilot.press("end", "up")
        assert app.desk.cursor == ("tenant", "live")
        assert "--env live summary" in app.desk.source.here(*app.desk.words)
        await pilot.press("enter")
        await until(pilot, lambda: app.outer is not None and app.desk.looks > 0)
        assert "user of public" in picture(app)
        assert "PRODUCTION LIVE" in picture(app).splitlines()[0]
        await pilot.press("down", "r")
        assert "READ ONLY" in app.said
        await pilot.press("W")
        plan = await dialog(pilot, "r")
        assert "--env live reassign" in plan.proposal.command
        await pilot.press(*"sick")
        await press(pilot, plan, "act")
        await acted(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: app.outer is None and app.desk.looks > 1)
        # Armed was the one, for the time that it was open.
        assert "READ ONLY" in picture(app).splitlines()[0]

    drive(app, script, (120, 40))
    assert latest_database.value("select count(*) from chats where chat_state = 'assigned'") == 1


def test_the_schemas_of_several_databases_are_one_page(
    tenants: Database, new_database: Callable[..., Database], farm: Farm, server: Server, opened: Open, tmp_path: Path
) -> None:
    second = new_database(on=server, template=farm.template(server, "console_tenants", lambda _: None))
    app = opened(None, env="one,two", **environments(tmp_path, one=tenants.url, two=second.url))

    async def script(pilot: Pilot[None]) -> None:
        rows = [" ".join(line.split()[:2]) for line in picture(app).splitlines() if line.startswith("   ") and "tenant_" in line]
        assert rows[-6:] == ["one tenant_c", "one tenant_a", "one tenant_b", "two tenant_a", "two tenant_b", "two tenant_c"]

    drive(app, script, (120, 40))


def test_where_no_database_is_reached_it_does_not_begin(opened: Open, tmp_path: Path) -> None:
    away = "postgresql://postgres@127.0.0.1:1/"
    with pytest.raises(UnreachableError):
        opened(None, None, env="a,b", **environments(tmp_path, a=f"{away}a", b=f"{away}b"))

"""`chatops console` tells what it cannot see: locks, a server that is away or promoted, roles that may not; never a zero."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from textual.pilot import Pilot

from chatops.chats.desk import read as console_desk_read
from chatops.chats.desk import waits as console_desk_waits
from chatops.flows.console_source import DeskSource
from tests.conftest import Result, url_as
from tests.console.driving import Open, acted, dialog, drive, log, look, picture, press, select, until
from tests.locks import wait_for
from tests.servers import Database, Farm, Server, standby_of
from tests.shift import add_chats, add_operators

Run = Callable[..., Result]


def test_a_locked_table_leaves_the_old_figures_marked_stale_and_the_desk_goes_on(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        with shift.connect() as blocker, blocker.transaction():
            blocker.execute("lock table chats in access exclusive mode")
            await look(pilot)
            text = picture(app)
            assert "STALE" in text.splitlines()[0]
            assert "WAITING 3" in text
            assert "chats cannot be seen now: it is locked by pid" in " ".join(text.split())
        await look(pilot)
        assert "STALE" not in picture(app)

    drive(app, script, (120, 40))


def test_a_table_locked_from_the_beginning_is_not_zero(shift: Database, desk: Open) -> None:
    app = desk(shift)
    with shift.connect() as blocker, blocker.transaction():
        blocker.execute("lock table chats in access exclusive mode")

        async def script(pilot: Pilot[None]) -> None:
            text = picture(app)
            assert "not seen now" in text
            assert "WAITING" not in text
            assert " 0 " not in text

        drive(app, script)


def one_chat_waits(server: Server, chatops_inprocess: Run) -> Database:
    """A database on a server of the test's own: two operators, a chat that waits."""
    database = server.create_database()
    chatops_inprocess("migrate", "--to", "latest", "--yes", db=database, check=0)
    add_operators(database, 2)
    add_chats(database, 1, first=11)
    return database


def test_the_server_goes_and_comes_back(
    own_server: Callable[..., Server], desk: Open, home: Path, chatops_inprocess: Run
) -> None:
    server = own_server("18")
    database = one_chat_waits(server, chatops_inprocess)
    app = desk(database)

    async def script(pilot: Pilot[None]) -> None:
        server.stop("immediate")
        await look(pilot)
        text = picture(app)
        assert "STALE" in text
        assert "WAITING 1" in text
        server.start()
        await look(pilot)
        assert app.desk.trouble is None
        assert "STALE" not in picture(app)

    drive(app, script)


def test_what_a_role_may_not_see_is_said_and_never_zero(shift: Database, desk: Open) -> None:
    with shift.role("blind") as role:
        grant = "grant select on chats, messages, chat_assignments, real_users, fictional_users, platform_config to {role}"
        app = desk(as_role(shift, role, grant))

        async def script(pilot: Pilot[None]) -> None:
            text = picture(app)
            assert "OPERATORS not seen" in text
            assert "FREE not seen" in text
            assert "LAST not seen" in text
            assert "FREE 0" not in text

        drive(app, script)


def as_role(database: Database, name: str, grants: str) -> str:
    """The database's URL for a role that may do so much."""
    database.execute(f"grant usage on schema public to {name}; {grants.format(role=name)}")
    return url_as(database, name)


def no_zero(text: str) -> bool:
    """Whether nothing on the screen counts to none."""
    return re.search(r"(?<![\w:.])0(?! s\b)(?![\w:.])", text) is None


def test_policies_that_hide_all_rows_leave_nothing_that_looks_like_none(shift: Database, desk: Open) -> None:
    for table in ("chats", "messages", "operators", "chat_assignments", "operator_activity"):
        shift.execute(f"alter table {table} enable row level security")
    with shift.role("hidden") as role:
        grants = ("grant select on all tables in schema public to {role}; grant usage on schema chatops to {role};"
                  "grant select on all tables in schema chatops to {role}")  # fmt: skip
        app = desk(as_role(shift, role, grants))

        async def script(pilot: Pilot[None]) -> None:
            text = picture(app)
            assert "queue not seen" in text
            assert "OPERATORS not seen" in text
            for section in ("WAITING", "HELD, UNANSWERED", "FREE"):
                assert f"{section} not seen" in text
            assert "row level security hides rows" in text
            assert no_zero(text), text
            await pilot.press("down", "down", "r")
            assert len(app.screen_stack) == 1

        drive(app, script, (120, 40))


def test_a_role_without_any_grant_is_told_so(shift: Database, desk: Open) -> None:
    with shift.role("nothing") as role:
        app = desk(as_role(shift, role, ""))

        async def script(pilot: Pilot[None]) -> None:
            text = picture(app)
            for section in ("WAITING", "HELD, UNANSWERED", "FREE", "LAST"):
                assert f"{section} not seen" in text
            assert "permission denied" in text
            assert no_zero(text), text

        drive(app, script, (120, 40))


def test_a_standby_says_how_far_behind_it_is_and_is_a_primary_once_it_was_promoted(
    own_server: Callable[..., Server], farm: Farm, desk: Open, chatops_inprocess: Run
) -> None:
    primary = own_server("18")
    database = one_chat_waits(primary, chatops_inprocess)
    with standby_of(primary, farm) as standby:
        copy = Database(standby, database.name)
        wait_for(lambda: copy.value("select count(*) from chats") == 1, "the standby has the chat")
        app = desk(copy)
        wait_for(lambda: database.value("select count(*) from pg_stat_replication where state = 'streaming'") == 1, "it streams")
        followed = desk(database)

        async def watched(pilot: Pilot[None]) -> None:
            assert re.search(r"lag \d", picture(followed))

        drive(followed, watched)

        async def script(pilot: Pilot[None]) -> None:
            assert re.search(r"STANDBY, \d+(\.\d+)? m?s behind", picture(app))
            await select(pilot, 11)
            await pilot.press("r")
            await until(pilot, lambda: "standby" in app.said)
            assert len(app.screen_stack) == 1
            copy.execute("select pg_promote()")
            await look(pilot)
            assert "STANDBY" not in picture(app)
            opened = await dialog(pilot, "r")
            await press(pilot, opened, "act")
            await acted(pilot)

        drive(app, script)
        assert [row[0] for row in log(copy)] == ["reassign"]
        copy.close()
    database.close()


def test_a_look_takes_no_lock_beyond_those_of_reads(shift: Database, desk: Open) -> None:
    source = desk(shift, checks=True).desk.source
    assert isinstance(source, DeskSource)
    modes: set[str] = set()
    with source._reading.snapshot() as database:
        console_desk_read(database, timedelta(minutes=30))
        console_desk_waits(database)
        asked = "select mode from pg_locks where pid = pg_backend_pid() and locktype <> 'virtualxid'"
        modes |= {row[0] for row in database.tuples(asked)}
    assert modes == {"AccessShareLock"}
    assert source.look().unseen == {}


def test_a_connection_that_was_killed_is_made_again_and_stays_read_only(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        shift.execute(
            """select pg_terminate_backend(pid) from pg_stat_activity
                where application_name = 'chatops console' and datname = current_database()"""
        )
        await look(pilot)
        await look(pilot)
        assert app.desk.trouble is None
        reading = app.desk.source._reading  # type: ignore[attr-defined]
        assert reading.connected().value("show default_transaction_read_only") == "on"

    drive(app, script)

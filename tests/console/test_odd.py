"""`chatops console` in odd shifts: nobody there, everybody stuck, names that are no names, small screens, a pooler, migrations."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from chatops.console.dialogs import Dialog
from chatops.widths import cells
from tests.conftest import Result
from tests.console.driving import (
    Open,
    carry_out,
    dialog,
    done,
    drive,
    holder,
    look,
    picture,
    plan_for,
    planned,
    refused,
    until,
)  # fmt: skip
from tests.servers import Database
from tests.shift import chat_id, furnish, operator_id

Run = Callable[..., Result]

NAMES = (
    "🔥 Feuer 🚒", "\u202eesrever", "\x1b[31mred\x07", "a\u0301\u0323" * 30, "漢字" * 30, "محمد علي", "สมชาย ใจดี", "tab\tline\nend",
    "\u200b", "::error::no", "[bold]x[/]", "'; drop table chats; --", "한글", "\U000e0041tag",
)  # fmt: skip
"""Of users, profiles and operators."""
KEYS = ("down", "space", "r", "l", "d", "u", "o", "enter", "tab", "shift+tab", "end", "home", "y", "f", "W", "escape")


def unseen_signs(text: str) -> list[str]:
    """Control, formatting and private characters, which a terminal obeys or nobody sees."""
    return [one for one in text if one != "\n" and unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs")]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("width", [80, 120])
def test_names_of_any_signs_leave_columns_and_terminal_as_they_are(latest_database: Database, desk: Open, width: int) -> None:
    furnish(latest_database, len(NAMES), held=2, waiting=len(NAMES))
    for table in ("real_users", "fictional_users", "operators"):
        latest_database.execute(
            f"""update {table} t set name = given.name || ' ' || given.at
                  from (select id, row_number() over (order by id) as at from {table}) as one
                  join unnest(%s::text[]) with ordinality as given (name, at) using (at)
                 where t.id = one.id""",
            (list(NAMES),),
        )
    app = desk(latest_database)

    async def script(pilot: Pilot[None]) -> None:
        text = picture(app)
        assert all(cells(line) <= width for line in text.splitlines())
        assert unseen_signs(text) == []
        starts = [cells(line[: found.start()]) for line in text.splitlines() if (found := re.search(r"\d+ free do", line))]
        assert len(starts) > 5
        assert len(set(starts)) == 1, text
        for number in (1, 2, 3):
            opened = await planned(pilot, 10 + number)
            await plan_for(pilot, opened, str(operator_id(2 + number)))
            assert unseen_signs(picture(app)) == []
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)

    drive(app, script, (width, 40))


@pytest.mark.sampled(2)
@pytest.mark.parametrize("size", [(80, 24), (80, 20), (40, 12), (20, 7)])
def test_nobody_and_nothing(latest_database: Database, desk: Open, size: tuple[int, int]) -> None:
    app = desk(latest_database, checks=True)

    async def script(pilot: Pilot[None]) -> None:
        if size == (80, 24):
            assert "WAITING 0" in picture(app)
            assert "0 wait" in picture(app)
            assert "0 OPERATORS" in picture(app)
        for key in KEYS:
            await pilot.press(key)
            await until(pilot, lambda: not app.opening)
            if isinstance(app.screen, Dialog):
                await until(pilot, lambda: getattr(app.screen, "drawn_at", None) is not None)
                await pilot.press("escape")
                await until(pilot, lambda: len(app.screen_stack) == 1)
        assert all(cells(line) <= size[0] for line in picture(app).splitlines())
        assert app.is_running

    drive(app, script, size)
    assert done(latest_database) == []


@pytest.mark.parametrize("size", [(80, 24), (80, 20), (60, 16)])
def test_sixty_operators_who_are_all_stuck(latest_database: Database, desk: Open, size: tuple[int, int]) -> None:
    furnish(latest_database, 60, held=60)
    latest_database.execute("update operators set last_activity = now() - interval '2 hours'")
    latest_database.execute("update operator_activity set last_activity = now() - interval '2 hours', updated_at = now()")
    app = desk(latest_database)

    async def script(pilot: Pilot[None]) -> None:
        lines = picture(app).splitlines()
        assert len(lines) <= size[1]
        assert all(cells(line) <= size[0] for line in lines)
        assert "HELD, UNANSWERED 60" in picture(app)
        assert "more" in next(line for line in lines if "HELD" in line)
        await pilot.press("end", "home", "tab")
        for key in [("chat", str(chat_id(number))) for number in (60, 1, 31)]:
            app.desk.cursor = key
            app.redraw()
            await pilot.pause()
            assert f"> {key[1][:8]}" in picture(app)
        await carry_out(pilot, await dialog(pilot, "l"))

    drive(app, script, size)
    assert holder(latest_database, 31) is None


def test_through_a_pooler_it_looks_and_acts_and_leaves_nothing_behind(
    shift: Database, desk: Open, through_pgbouncer: Callable[..., str]
) -> None:
    app = desk(through_pgbouncer(shift, "transaction"))

    async def script(pilot: Pilot[None]) -> None:
        await look(pilot)
        assert app.desk.trouble is None
        await carry_out(pilot, await planned(pilot, 11))
        await until(pilot, lambda: "reassign c4000011" in picture(app))

    drive(app, script)
    assert [row[0] for row in done(shift)] == ["reassign"]
    assert shift.value("select count(*) from pg_locks where locktype = 'advisory' and database = "
                       "(select oid from pg_database where datname = current_database())") == 0  # fmt: skip


def test_a_database_that_is_migrated_under_it_and_one_whose_chats_go(
    core_database: Database, desk: Open, chatops_inprocess: Run
) -> None:
    furnish(core_database, 4, held=1, waiting=2)
    app = desk(core_database)

    async def script(pilot: Pilot[None]) -> None:
        assert "WAITING 2" in picture(app)
        chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
        await look(pilot)
        chatops_inprocess("migrate", "--to", "latest", "--yes", db=core_database, check=0)
        await look(pilot)
        assert app.desk.trouble is None, app.desk.trouble
        assert "WAITING 2" in picture(app)
        await carry_out(pilot, await planned(pilot, 11))
        core_database.execute("alter table chats rename to chats_of_before")
        await look(pilot)
        assert app.desk.trouble is not None
        assert "STALE" in picture(app)
        assert "WAITING 0" not in picture(app)
        core_database.execute("alter table chats_of_before rename to chats")
        await look(pilot)
        assert "STALE" not in picture(app)

    drive(app, script)
    assert [row[0] for row in done(core_database) if row[0] != "repair"] == ["reassign"]


def test_of_two_consoles_on_one_chat_the_second_is_shown_what_the_first_did(shift: Database, desk: Open) -> None:
    app, other = desk(shift), desk(shift).desk.source

    async def script(pilot: Pilot[None]) -> None:
        theirs = other.plan("reassign", [("chat", str(chat_id(11)))], "auto")
        opened = await planned(pilot, 11)
        assert other.carry_out(theirs, "mine").action_id is not None
        await refused(pilot, opened, "Changed since")
        assert "held by: was nobody" in picture(app)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await look(pilot)
        assert '"mine"' in picture(app)
        again = other.plan("reassign", [("chat", str(chat_id(12)))], "auto")
        await carry_out(pilot, await planned(pilot, 12))
        late = other.carry_out(again, "late")
        assert late.action_id is None
        assert "Changed since" in late.lines[0]

    drive(app, script)
    assert len(done(shift)) == 2

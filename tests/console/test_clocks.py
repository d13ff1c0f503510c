"""`chatops console` beside clocks that are wrong: nothing looks younger than it is without a word."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from textual.pilot import Pilot

from chatops.chats.desk import Look
from tests.console.driving import Open, drive, picture, until
from tests.servers import Database


@pytest.mark.parametrize(("back", "told"), [(30, "30 s"), (3600, "1 h")])
def test_a_clock_of_the_database_that_went_back_is_told_and_nothing_young_is_made_of_it(
    back: int, told: str, shift: Database, desk: Open
) -> None:
    """As the looks would say it: a server's own clock is everybody's."""
    with shift.connect() as past:
        past.execute("set session_replication_role = replica")
        past.execute("update chats set waiting_since = now() - interval '10 minutes' where waiting_since is not null")
    app = desk(shift, checks=True)

    def took(at: timedelta) -> None:
        """A look as it would be with that clock."""
        found = app.desk.source.look()
        assert isinstance(found, Look)
        app.desk.take(replace(found, facts=replace(found.facts, now=found.now - at)))
        app.desk.key_at = None
        app._arrange(app.desk)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.desk.found is not None)
        took(timedelta(0))
        before = len(app.desk.waits), app.desk.waits[-1][1]
        assert before[1] >= 600
        took(timedelta(seconds=back))
        text = picture(app)
        assert re.search(rf"CLOCK {told} BACK", text.splitlines()[0]), text
        assert f"The database's clock went back {told}" in text
        waiting = next(line for line in text.splitlines() if "c4000011" in line)
        assert ("in 49 m" in waiting or "in 50 m" in waiting) if back == 3600 else "9 m" in waiting, text
        assert "STALE" not in text
        assert re.search(r"FINDINGS \d+, (\d+ advice, )?[\d.]+ s old", text), text
        assert app.desk.waits[-1][1] >= before[1]  # and no valley in the line of the hour
        keys = [row.key for row in app.desk.parts[0].rows]
        await pilot.press("z")
        assert "FROZEN" in picture(app)
        await pilot.press("z")
        assert [row.key for row in app.desk.parts[0].rows] == keys
        took(timedelta(0))
        assert "CLOCK" not in picture(app)

    drive(app, script, (120, 40))

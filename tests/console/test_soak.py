"""`chatops console` beside the hostile load: nothing stays open between looks, nothing is locked, memory does not grow."""

from __future__ import annotations

import gc
import os
import time
import tracemalloc

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from tests.console.driving import Open, drive, look, picture
from tests.load import LoadElsewhere, load_elsewhere
from tests.servers import Database

SESSIONS = """select a.state, a.xact_start is not null, l.mode from pg_stat_activity a
              left join pg_locks l on l.pid = a.pid and l.locktype <> 'virtualxid'
              where a.application_name = 'chatops console' and a.datname = current_database()"""
AT_LENGTH = os.environ.get("CHATOPS_TEST_LONG") == "1"
MOST_BYTES = 300_000 if AT_LENGTH else 150_000
"""What may be left behind by any number of looks: the waits of an hour, caches of the driver. By seven, half of it."""
WINDOW, BETWEEN = 10.0, 2.0
"""Seconds of assigning with or without a console, and between its looks: the eagerest that a lead may sensibly ask for."""


CACHES = ("*/textual/*", "*/rich/*")
"""Their caches of lines and styles fill with what was drawn, up to bounds of their own; what they draw with is counted in `drawn`."""


def kept() -> int:
    """The bytes that are held since tracing began, but for those caches."""
    gc.collect()
    seen = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, path) for path in CACHES])
    return sum(one.size for one in seen.traces)


def drawn() -> int:
    """How many widgets there are, shown or not."""
    gc.collect()
    return sum(isinstance(one, Widget) for one in gc.get_objects())


async def looked_again(pilot: Pilot[None], database: Database, seconds: float, least: int) -> None:
    """Looks for so long, and so often at least: nothing is open between two of them, and nothing that they had is kept."""
    app = pilot.app
    ends = time.monotonic() + seconds
    looks, before, widgets = 0, 0, 0
    while looks < least or time.monotonic() < ends:
        await look(pilot)
        looks += 1
        assert app.desk.trouble is None, picture(app)
        assert [tuple(row) for row in database.execute(SESSIONS)] == [("idle", False, None)]
        if looks == least // 2:
            tracemalloc.start()
            before, widgets = kept(), drawn()
    grown = kept() - before
    tracemalloc.stop()
    assert drawn() <= widgets
    assert app.desk.looks > least
    assert grown < MOST_BYTES, grown


async def in_turns(pilot: Pilot[None], load: LoadElsewhere, seconds: float) -> None:
    """Prints how long 99 % of the assigns take at most, in turns with the console at its pace and without it."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for beside, before in taken.items():
            load.assign_seconds()
            until = time.monotonic() + WINDOW
            while (now := time.monotonic()) < until:
                if beside:
                    await look(pilot)
                await pilot.pause(max(0.0, min(now + BETWEEN, until) - time.monotonic()))
            before += load.assign_seconds()
    with_it, without = (sorted(taken[beside])[int(len(taken[beside]) * 0.99)] for beside in (True, False))
    print(f"assign p99: {with_it * 1000:.1f} ms beside the console, {without * 1000:.1f} ms without, {with_it / without:.2f} x; "
          f"{len(taken[True])} and {len(taken[False])} assigns")  # fmt: skip


@pytest.mark.sampled(0)
@pytest.mark.long
def test_nothing_is_left_open_or_behind_beside_a_load(latest_database: Database, desk: Open) -> None:
    """In small; for ten minutes with CHATOPS_TEST_LONG=1, of which the last four are for what it costs the others."""
    app = desk(latest_database)

    async def script(pilot: Pilot[None]) -> None:
        await looked_again(pilot, latest_database, *((360, 400) if AT_LENGTH else (0, 14)))
        if AT_LENGTH:
            await in_turns(pilot, load, 240)

    with load_elsewhere(latest_database, operators=6, users=3, chats=20) as load:
        drive(app, script)
    assert load.verdict == "held", load.told

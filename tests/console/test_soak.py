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
from tests.load import hostile_load
from tests.servers import Database

SESSIONS = """select a.state, a.xact_start is not null, l.mode from pg_stat_activity a
              left join pg_locks l on l.pid = a.pid and l.locktype <> 'virtualxid'
              where a.application_name = 'chatops console' and a.datname = current_database()"""
MOST_BYTES = 300_000
"""What may be left behind by any number of looks: the waits of an hour, caches of the driver."""


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


def soak(database: Database, desk: Open, seconds: float, least: int) -> None:
    """Looks at a database under load for so long, and so often at least."""
    app = desk(database)
    load = hostile_load(database, operators=6, users=3, chats=20)

    async def script(pilot: Pilot[None]) -> None:
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
        # The load's own threads count in the same process: they keep a few numbers for each thing that they did.
        written = sum(len(one.assign_seconds) * 64 for one in load._tallies)
        assert grown < MOST_BYTES + written, grown

    with load.running():
        drive(app, script)
    assert load.outcome.verdict == "held"


@pytest.mark.long
def test_nothing_is_left_open_or_behind_beside_a_load(latest_database: Database, desk: Open) -> None:
    """In small; for ten minutes with CHATOPS_TEST_LONG=1."""
    soak(latest_database, desk, *((600, 400) if os.environ.get("CHATOPS_TEST_LONG") == "1" else (0, 40)))

"""A database that was migrated by hand, wherever it stands, is told how to be taken over, and how to come where one wants it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatops import sqlfiles
from tests.conftest import LONG, ROOT
from tests.servers import Database

Run = Callable[..., Any]

FILES = sqlfiles.names("migrations")
NUMBERS = [name[:3] for name in FILES]
UNSEEN = {"020": "019", "023": "022", "027": "026", "028": "026"}
"""Stops that nothing in the catalog tells from the one before."""


def by_hand(database: Database, name: str) -> None:
    database.script(ROOT / "sql" / "migrations" / f"{name}.sql")


def stops(database: Database, run: Run) -> Iterator[str]:
    """A database without a ledger at each stop, one after the other: by hand up to 017, then as a copy without its ledger is."""
    for name in FILES if LONG else [one for one in FILES if one[:3] <= "019"]:
        if name[:3] <= "017":
            by_hand(database, name)
            yield name[:3]
            continue
        if name[:3] == "018":
            run("adopt", "--through", "017", "--yes", db=database, check=0)
        run("migrate", "--to", name[:3], "--yes", db=database, check=0)
        database.execute("alter schema chatops rename to kept_aside")
        yield name[:3]
        database.execute("alter schema kept_aside rename to chatops")


def lines_of(text: str, database: Database) -> list[str]:
    """The commands of the next steps, as they are pasted."""
    plain = text.replace(f" --db {database.url}", "")
    return re.findall(r"^\s*(?:take it over|then): +(chatops .*)$", plain, re.MULTILINE)


@pytest.mark.long
def test_every_stop_is_taken_over_where_it_stands_and_led_to_every_goal(database: Database, chatops_inprocess: Run) -> None:
    """The quick form goes to 019, with two goals a stop by turns."""
    for place, stop in enumerate(stops(database, chatops_inprocess)):
        seen = UNSEEN.get(stop, stop)
        goals = NUMBERS if LONG else {NUMBERS[(place * 5 + 3) % len(NUMBERS)], NUMBERS[min(place + 1, len(NUMBERS) - 1)]}
        for goal in (None, *goals):
            words = ("migrate",) if goal is None else ("migrate", "--to", goal)
            told = chatops_inprocess(*words, "--yes", db=database, check=4)
            if goal is None:
                expected = [f"chatops adopt --to {max(seen, '017')}"]
            else:
                then = [f"chatops migrate --to {goal}"] if goal > seen else []
                expected = [f"chatops adopt --to {seen}", *then]
            assert lines_of(told.stderr, database) == expected, (stop, goal, told.stderr)
        shown = chatops_inprocess("status", "--to", "018", db=database, check=0).stdout
        assert lines_of(shown, database) == [f"chatops adopt --to {seen}"], (stop, shown)


@pytest.mark.parametrize(("stand", "goal"), [("016", "017"), ("017", "018"), ("016", None)])
def test_what_it_says_leads_there(database: Database, chatops_inprocess: Run, stand: str, goal: str | None) -> None:
    for name in FILES:
        if name[:3] <= stand:
            by_hand(database, name)
    told = chatops_inprocess("migrate", *(["--to", goal] if goal else []), "--yes", db=database, check=4)
    lines = lines_of(told.stderr, database)
    adopted = chatops_inprocess(*lines[0].split()[1:], "--yes", db=database, check=0)
    if goal is None:  # what is left is named by adopt
        lines += re.findall(r"chatops (?:--db \S+ )?migrate --to 017", adopted.stderr)
    for line in lines[1:]:
        chatops_inprocess(*line.split()[1:], "--yes", db=database, check=0)
    in_it = "select name, state from chatops.migrations where kind = 'versioned' order by name"
    wanted = [(name, "adopted" if name[:3] <= stand else "applied") for name in FILES if name[:3] <= (goal or "017")]
    assert database.execute(in_it) == wanted

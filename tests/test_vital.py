"""Whatever stops messages, replies or assigning is critical, whichever check tells of it: told by doing these acts.

By default every eighth of what people do and of the functions emptied, every thirtieth of the catalog's; with
CHATOPS_TEST_LONG=1 all, on each server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from chatops.db import Database as Connection
from chatops.errors import DatabaseError
from tests import harms, harms_together
from tests.acts import Acts
from tests.ailing import opened
from tests.servers import Database
from tests.test_checks_long import undone
from tests.test_harms import looked, platform, told
from tests.test_structure import expected_now, harms_of

__all__ = ["platform"]

LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))


def done_by_people() -> Iterator[tuple[str, str]]:
    """What people do at night: name and statements.

    Not what may be meant, which is advice: the application that does so perhaps writes otherwise, too.
    """
    for name, harm in harms.ALL.items():
        if harm.told_by or not harm.advice:
            yield name, harm.text
    for one in harms_together.LOUD:
        yield one.text, one.text


def lessened(connection: Connection) -> Iterator[tuple[str, str]]:
    """Each object of the catalog made less than it was."""
    for label, properties in expected_now(connection).items():
        for one in harms_of(label, properties):
            yield f"{label}, {one.how}", one.text


def emptied(connection: Connection) -> Iterator[tuple[str, str]]:
    """Each function of ours with a body that does nothing."""
    for label, properties in expected_now(connection).items():
        if label.startswith("function "):
            nothing = "select null" if properties["language"] == "sql" else "begin return null; end"
            name = label.partition(" ")[2]
            yield (
                f"{label}, emptied",
                f"""do $h$ begin execute regexp_replace(pg_get_functiondef('{name}'::regproc),
                '(\\$[a-z]+\\$).*\\1', '$h1${nothing}$h1$'); end $h$""",
            )


@pytest.mark.long
def test_what_stops_messages_replies_or_assigning_is_critical(platform: Database) -> None:
    quiet: list[str] = []
    stopped = 0
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        acts = Acts.begin(connection._connection)
        assert acts.failing() == []
        kinds = ((done_by_people(), 8), (lessened(connection), 30), (emptied(connection), 8))
        for name, text in [one for kind, step in kinds for one in list(kind)[:: 1 if LONG else step]]:
            with undone(connection):
                try:
                    connection.script(text)
                except DatabaseError:
                    continue  # Postgres lets it not happen
                if failing := acts.failing():
                    stopped += 1
                    found = told(looked(connection))
                    if "critical" not in found.values():
                        quiet.append(f"{name}: {failing}, told as {found}")
    assert quiet == [], f"{len(quiet)} of {stopped}:\n" + "\n".join(quiet)
    assert stopped > (200 if LONG else 6)

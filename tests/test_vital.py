"""Whatever stops messages, replies or assigning is critical, whichever check tells of it: told by doing these acts.

By default every eighth of what people do and of the functions emptied, every thirtieth of the catalog's; with
CHATOPS_TEST_LONG=1 all, on each server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from chatops.checks import load, run
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


@pytest.mark.sampled(0)
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


REFUSING = """
    messages: content !~ '[0-9]' -- content !~ e'\\n' -- content::numeric > 5 -- (content::jsonb) is not null -- btrim(content)::uuid is null
    messages: char_length(trim(content)) between 40 and 50 -- substring(content from 1 for 1) = 'q' -- position('x' in content) = 1
    messages: created_at::date < '2020-01-01' -- date_trunc('day', created_at) < '2020-01-01' -- extract(year from created_at) < 2020
    messages: created_at > now() + interval '1 hour' -- octet_length(content) % 2 = 3 -- null is not null -- delivered_at is not null
    chats: message_count % 2 = 5 -- updated_at - created_at < interval '-1 second' -- date_part('year', updated_at) < 2020
    chats: chat_state <> 'waiting_real_user_reply' -- extract(epoch from waiting_since) < 0 -- (message_count)::numeric > 1000
    chat_assignments: released_at - assigned_at < interval '-1 second' -- extract(epoch from released_at) < 0 -- length(release_reason) < 4
    operator_activity: updated_at > last_activity + interval '1 hour'
    operators: total_messages < 0 -- not is_available
"""
PASSING = """
    messages: content::text <> '' -- length(content)::bigint < 9000 -- left(content, 20000) = content -- substr(content, 1, 3) <> ''
    messages: extract(hour from created_at) < 25 -- date_trunc('hour', created_at) <= created_at -- created_at::date > '2020-01-01'
    messages: (created_at::text)::date > '2020-01-01' -- octet_length(content) / 2 < 9000 -- 7 / length(content) < 90
    messages: case when content ~ '^[0-9]+$' then content::numeric > -1 else true end
    chats: message_count::numeric < 100000 -- id::text <> 'x' -- updated_at - created_at < interval '900 years'
    chat_assignments: released_at - assigned_at > interval '-1 day'
    operators: is_available is not null -- (not is_active) or is_available is not null
"""


def conditions(text: str) -> list[tuple[str, str]]:
    """The tables and conditions of such a text."""
    return [
        (line.partition(":")[0].strip(), one.strip())
        for line in text.strip().splitlines()
        for one in line.partition(":")[2].split(" -- ")
    ]


@pytest.mark.long
def test_conditions_that_refuse_what_is_written_every_day_are_critical_and_no_others(platform: Database) -> None:
    """Held against what really comes through, where rows that are there already were not looked at."""
    db031 = tuple(check for check in load.shipped() if check.code == "DB031")
    wrong = []
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        acts = Acts.begin(connection._connection)
        for refuses, text in ((True, REFUSING), (False, PASSING)):
            for table, condition in conditions(text):
                with undone(connection):
                    connection.script(f"alter table {table} add constraint odd check ({condition}) not valid")
                    (result,) = run.run(connection, db031, rows=20, whole_seconds=600).results
                    told = {row["object"]: result.severity.value for row in result.rows}
                    # The acts write no digits.
                    fails = bool(acts.failing()) or condition.startswith("content !~")
                    if (fails, told) != (refuses, {"odd": "critical"} if refuses else {}) or result.status == "unknown":
                        wrong.append(f"{table}: {condition}: fails {fails}, told {told or result.reason}")
    assert wrong == [], "\n".join(wrong)

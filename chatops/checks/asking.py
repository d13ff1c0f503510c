"""The text that asks one check, or several that begin alike, for its first rows and their exact number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chatops import sqlfiles
from chatops.checks.load import Check
from chatops.model import Values

COUNT = "chatops_offending_count"
"""The column that says how many rows there are."""
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")
"""An instant as JSON has it."""
# An interval of days and hours, which is what a difference of two instants is.
_SPAN = re.compile(r"(?:(?P<days>-?\d+) days? ?)?(?P<sign>-?)(?P<hours>\d{2,}):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?)")


NARROWED = ("messages", "chat_assignments", "operator_activity")
"""What belongs to a chat by its `chat_id`."""
PLACE = re.compile(r"\bctid\b")
"""Where a row lies: a cluster's tables do not tell it once they are hidden behind some of their rows."""


def of_some(*, place: bool = True) -> str:
    """CTEs that hide the tables behind the rows of some chats, the parameter of that name; they tell the `place` of a row.

    >>> of_some().splitlines()[0]
    "chats as not materialized (select * from chats where id = any(:'some_chats'::uuid[])),"
    """
    lead = ["chats as not materialized (select * from chats where id = any(:'some_chats'::uuid[]))"]
    # Where a message lies is asked, too.
    columns = "ctid, *" if place else "*"
    lead += [
        f"{name} as not materialized (select {columns} from {name} where chat_id = any(:'some_chats'::uuid[]))"
        for name in NARROWED
    ]
    return ",\n".join(lead)


def alone(check: Check, *, before_018: bool, about: bool, lead: str = "") -> str:
    """One check's rows; with `about` only those that mention the parameter of that name; `lead` are CTEs in front."""
    query = check.query(before_018=before_018)
    return (
        f"with {lead}offending as materialized (\n{query}\n), about as (select * from offending as found{_about(about)})\n"
        f"select (select count(*) from about) as {COUNT}, about.* from about limit :'rows'::bigint"
    )


def together(group: Sequence[Check], *, before_018: bool, about: bool, lead: str = "") -> str:
    """The rows of several checks in one query, as `code, found, data`: what they share is read once."""
    queries = {check.code: check.query(before_018=before_018, alone=False) for check in group}
    # A variant for old databases may do without what they share, which is not for these then.
    names = dict.fromkeys(name for check in group for name in check.shares if name in queries[check.code])
    parts = [sqlfiles.shared(name) for name in names]
    selects = []
    for check in group:
        name = f"offending_{check.code.lower()}"
        query = queries[check.code]
        parts += [f"{name} as materialized (\n{query}\n)", f"about_{name} as (select * from {name} as found{_about(about)})"]
        selects.append(
            f"(select '{check.code}' as code, (select count(*) from about_{name}) as found, to_json(one) as data "
            f"from (select * from about_{name} limit :'rows'::bigint) as one)"
        )
    return f"with {lead}" + ", ".join(parts) + "\n" + "\nunion all\n".join(selects)


def which_find(group: Sequence[Check], *, before_018: bool) -> str:
    """The codes of those of several checks that find anything, as one text with commas: what they share is read once."""
    queries = {check.code: check.query(before_018=before_018, alone=False) for check in group}
    names = dict.fromkeys(name for check in group for name in check.shares if name in queries[check.code])
    lead = f"with {', '.join(sqlfiles.shared(name) for name in names)}\n" if names else ""
    asked = ",\n".join(f"case when exists (\n{query}\n) then '{code}' end" for code, query in queries.items())
    return f"{lead}select pg_catalog.concat_ws(',', {asked})"


def _about(about: bool) -> str:
    return " where to_jsonb(found)::text like '%' || :'about'::text || '%'" if about else ""


def typed(data: Values) -> dict[str, Any]:
    """A row that came as JSON with its ids as such, by the endings of their names, and instants and spans of time by their look.

    >>> typed({"overlap_for": "2 days 03:00:00.5"})["overlap_for"]
    datetime.timedelta(days=2, seconds=10800, microseconds=500000)
    >>> typed({"both_since": "2026-11-23T04:13:09.33627+00:00"})["both_since"].microsecond
    336270
    """
    made: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, str) and key.endswith("_id"):
            made[key] = UUID(value)
        elif isinstance(value, str) and INSTANT.fullmatch(value):
            made[key] = datetime.fromisoformat(value)
        elif isinstance(value, str) and (span := _SPAN.fullmatch(value)):
            sign = -1 if span["sign"] else 1
            made[key] = timedelta(days=int(span["days"] or 0)) + sign * timedelta(
                hours=int(span["hours"]), minutes=int(span["minutes"]), seconds=float(span["seconds"])
            )
        else:
            made[key] = value
    return made

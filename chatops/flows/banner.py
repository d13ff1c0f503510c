"""The banner: where a run is, whether a newer chatops was there, and whether it may write on this engine."""

from __future__ import annotations

from datetime import UTC, datetime

from chatops import cluster
from chatops.db import Database, Facts
from chatops.flows import ahead
from chatops.formatting import visible
from chatops.model import Line, Span, Style
from chatops.widths import cells

TELLS = frozenset(("doctor", "psql", "wait"))
"""Commands that are no wiser on a coordinator."""
COLOURS: dict[str, Style] = {"red": "critical", "yellow": "warning", "green": "ok", "cyan": "advice"}
"""`colour` of an environment."""


def line(database: Database, facts: Facts, width: int) -> Line:
    """Environment, host, database, role, engine, version, server time: what fits one line of `width` (0: endless), by rank."""
    target = database.target
    node = cluster.node_of(database) if facts.citus is not None else None
    name = Span(visible(target.title), COLOURS.get(target.colour or "", "plain"))
    told = {
        "host": visible(target.place) + "/",
        "database": visible(facts.database),
        "role": visible(f" as {facts.role}"),
        "version": f" · Postgres {facts.version.split()[0]}",
        "engine": f" · {node.told}" if node is not None else "",
        "standby": " · standby" if facts.standby else "",
        "schema": "" if target.schema == "public" else visible(f" · schema {target.schema}"),
        "time": f" · {utc(facts.now)}",
    }
    # The least important first; what stays always is environment, database, schema, and that it is a standby.
    hour = f" · {facts.now.astimezone(UTC):%H:%M} UTC"
    shorter: list[dict[str, str]] = [
        {"version": ""}, {"engine": ""}, {"time": hour}, {"role": ""}, {"host": _middle_left_out(told["host"])}, {"time": ""},
        {"host": "", "time": hour}, {"time": ""},
    ]  # fmt: skip
    rest = " · " + "".join(told.values())
    for less in shorter:
        if not 0 < width < cells(name.text + rest):
            break
        told |= less
        rest = " · " + "".join(told.values())
    return [name, Span(rest)]


def _middle_left_out(host: str) -> str:
    """A host without the middle of its name; whole where it is an address, for half a figure is another one.

    >>> _middle_left_out("aws-0-eu-central-1.pooler.supabase.com:6543/"), _middle_left_out("10.0.12.200:6543/")
    ('aws-0-eu-central-1..com:6543/', '10.0.12.200:6543/')
    """
    labels = host.split(".")
    return f"{labels[0]}..{labels[-1]}" if labels[2:] and host[:1].isalpha() else host


def newer(database: Database) -> str | None:
    """Which files of a newer chatops are in, None where there are none."""
    found = ahead.files_ahead(database)
    return ahead.told(found) if found else None


def refuse_worker(database: Database, facts: Facts, command: str) -> None:
    """Raises RefusedError on a node of a cluster that has neither ledger nor log, for all but what tells that by itself."""
    if facts.citus is not None and command not in TELLS:
        cluster.refuse_worker(cluster.node_of(database), command)


def refuse_writing(database: Database, facts: Facts, command: str) -> None:
    """Raises RefusedError where a command that writes cannot work on this engine."""
    if facts.citus is not None:
        cluster.refuse_writing(cluster.node_of(database), command, database.target.schema)


def utc(moment: datetime) -> str:
    """An instant to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

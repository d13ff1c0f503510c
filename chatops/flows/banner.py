"""The banner: where a run is, whether a newer chatops was there, and whether it may write on this engine."""

from __future__ import annotations

from datetime import UTC, datetime

from chatops import cluster
from chatops.db import Database, Facts
from chatops.flows import ahead
from chatops.formatting import visible
from chatops.model import Line, Span, Style

TELLS = frozenset(("doctor", "psql", "wait"))
"""Commands that are no wiser on a coordinator."""
COLOURS: dict[str, Style] = {"red": "critical", "yellow": "warning", "green": "ok", "cyan": "advice"}
"""`colour` of an environment."""


def line(database: Database, facts: Facts) -> Line:
    """Environment, host, database, role, engine, version, server time."""
    target = database.target
    node = cluster.node_of(database) if facts.citus is not None else None
    engine = f" · {node.told}" if node is not None else ""
    schema = "" if target.schema == "public" else f" · schema {target.schema}"
    standby = " · standby" if facts.standby else ""
    where = visible(f"{target.place}/{facts.database} as {facts.role}")
    rest = visible(f" · Postgres {facts.version.split()[0]}{engine}{standby}{schema} · {utc(facts.now)}")
    return [Span(visible(target.name), COLOURS.get(target.colour or "", "plain")), Span(f" · {where}{rest}")]


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

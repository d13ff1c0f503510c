"""What a diagnosis is compared with when no file is named: the newest look of `monitor`, of this machine or of this database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chatops import sqlfiles
from chatops.checks.compare_looks import Earlier, Was
from chatops.db import Database
from chatops.deploys import monitor_state, watch_file
from chatops.deploys.monitor_state import Watch
from chatops.errors import DatabaseError, UsageError
from chatops.flows.run import Invocation
from chatops.flows.state_files import default_path


def stored_watch(database: Database) -> str | None:
    """What `monitor --store` keeps in this database, inside `reading`; None where it keeps nothing, or nothing can be read."""
    if database.facts is None or not database.facts.has_bookkeeping:
        return None
    try:
        with database.savepoint("chatops_watch"):
            if not database.value(sqlfiles.read("queries/watch_readable.sql")):
                return None
            kept = database.value(sqlfiles.read("queries/watch_read.sql"), {"schema": database.target.schema})
    except DatabaseError:
        return None
    return None if kept is None else str(kept)


def last_tick(invocation: Invocation, stored: str | None) -> Earlier | None:
    """The newest look of `monitor` that reached the database, by the state file of this machine or by what the database keeps."""
    looks = [look for origin, kept in kept_watches(invocation, stored, whole=False).items() if (look := looked(kept, origin))]
    return max(looks, key=lambda look: look.at, default=None)


def kept_watches(invocation: Invocation, stored: str | None, *, whole: bool = True) -> dict[str, Watch]:
    """What `monitor` remembers of this database, on this machine and in it (`stored`), by the command that wrote it.

    Where not the `whole` is wanted, a file's newest looks.
    """
    mine = f"{invocation.target.shown()} {invocation.target.schema}"
    sources: dict[str, Callable[[], Watch | None]] = {
        "chatops monitor": lambda: watch_file.read(default_path(invocation, "monitor"), whole=whole),
        "chatops monitor --store": lambda: None if stored is None else monitor_state.parse_state(stored, "chatops.watches"),
    }
    found = {}
    for origin, read in sources.items():
        try:
            kept = read()
        except UsageError as error:
            invocation.warn(f"not compared with the last look of monitor: {error.message}")
            continue
        # What lies in a database is about that one, by whatever name the other run had reached it.
        if kept is not None and (kept.place == mine or origin.endswith("--store")):
            found[origin] = kept
    return found


def looked(kept: Watch, origin: str) -> Earlier | None:
    tick = next((tick for tick in reversed(kept.ticks) if tick.reached), None)
    if tick is None:  # only the look with which it began
        if kept.unseen is not None:
            return None
        began = {
            code: Was(one.severity, None, datetime.fromisoformat(one.since)) for code, one in kept.open.items() if one.before
        }
        return Earlier(datetime.fromisoformat(kept.started), origin, began, silent_on=frozenset({"advice"}))
    found = {}
    for code, severity in tick.findings.items():
        opened = kept.open.get(code)
        since = datetime.fromisoformat(opened.since) if opened else None
        found[code] = Was(severity, None, since, _well(kept, code, since))
    # A look leaves advice out.
    return Earlier(datetime.fromisoformat(tick.at), origin, found, silent_on=frozenset({"advice"}))


def _well(kept: Watch, code: str, since: datetime | None) -> datetime | None:
    """The last look that did not find what was first seen then; None where none of those at hand is older."""
    older = (tick for tick in reversed(kept.ticks) if tick.reached and since is not None and _at(tick.at) < since)
    tick = next(older, None)
    return _at(tick.at) if tick is not None and code not in tick.findings else None


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)

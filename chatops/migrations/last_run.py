"""The newest run of migrate, adopt or deploy that wrote files into the ledger of a schema, and those before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.frozen import frozen


@frozen
class Ran:
    """One file of a run. `os_user` is who ran it, `applied_by` as which role; durations in milliseconds."""

    source: str
    name: str
    kind: str
    state: str
    applied_at: datetime
    duration_ms: float | None
    waited_ms: float | None
    rows: int
    os_user: str | None
    applied_by: str
    command: str | None
    environment: str | None
    chatops_version: str | None
    git_revision: str | None

    @property
    def who(self) -> str:
        """Who ran it, and as which role."""
        return who(self.os_user, self.applied_by)


@frozen
class Earlier:
    """A run before the newest: its files by name, whether they were applied or adopted, when and by whom."""

    source: str
    state: str
    names: Sequence[str]
    at: datetime
    os_user: str | None
    applied_by: str

    @property
    def who(self) -> str:
        """Who ran it, and as which role."""
        return who(self.os_user, self.applied_by)


def who(os_user: str | None, role: str) -> str:
    """Who ran something, and as which role, where that is another name.

    >>> who("ada", "postgres"), who(None, "postgres")
    ('ada as postgres', 'postgres')
    """
    return role if os_user in (None, role) else f"{os_user} as {role}"


def last_run(database: Database) -> Sequence[Ran]:
    """Its files in their order. Raises RefusedError where no ledger knows any; inside a transaction that reads."""
    has_ledger = database.facts is not None and database.facts.has_ledger
    asked = {"schema": database.target.schema}
    found = database.rows(Ran, sqlfiles.read("queries/last_run.sql"), asked) if has_ledger else []
    if not found:
        raise RefusedError(f"no run of chatops has written files into the ledger of schema {database.target.schema}")
    return found


def earlier_runs(database: Database, ran: Sequence[Ran]) -> Sequence[Earlier]:
    """The runs before that one, the oldest first; inside a transaction that reads."""
    asked = {"schema": database.target.schema, "last": [one.name for one in ran]}
    return database.rows(Earlier, sqlfiles.read("queries/earlier_runs.sql"), asked)

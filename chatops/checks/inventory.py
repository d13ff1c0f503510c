"""What is known of a database before any check runs: its tables, and what the ledger says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from chatops import sqlfiles
from chatops.checks import catalog
from chatops.checks.catalog import Ledger
from chatops.checks.limits import Limit
from chatops.checks.thresholds import Threshold, configured_names, resolve
from chatops.db import Database, identifier
from chatops.errors import DatabaseError, HiddenRowsError, LockTimeoutError
from chatops.frozen import frozen

TABLES = (
    "operators", "real_users", "fictional_users", "chats", "messages", "chat_assignments", "operator_activity", "platform_config",
)  # fmt: skip
GUARDS = "022_stop_new_damage"
"""The file that puts the guards in: what a check of history finds from before it has no cause any more, and is advice."""


@frozen
class Inventory:
    """What is known of the database before any check runs."""

    schema: str = "public"
    missing: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    before_018: bool = True
    """The queue is told by its messages: its clocks are not there, or (before 021) not filled in and obeyed."""
    ledger: bool = False
    """There is a readable ledger."""
    stand: str | None = None
    """Where nobody has ever noted which of our files are in: the number of the newest one whose objects are there."""
    ledger_unread: tuple[str, str] | None = None
    """Why the ledger that is there could not be read, and the SQL that lets it be."""
    audit: bool = False
    """There is a readable audit."""
    audit_present: bool = False
    """There is an audit to write to."""
    small: bool = False
    """Chats and messages are so few that all are looked at, not only what was written lately."""
    applied: tuple[str, ...] | None = None
    """The shipped files that the ledger says are in; None: no ledger that this role can read."""
    views_applied: bool = False
    """The ledger says that the text of sql/views is in."""
    guarded_at: datetime | None = None
    """Since when new damage is stopped; None: it is not, or nobody knows."""
    expected: str = "[]"
    """The objects that must be there by the files which are in, as `catalog.expected` tells them, in JSON."""
    known: Ledger = field(default_factory=Ledger)
    """What the ledger says of our files."""
    ahead: tuple[str, ...] = ()
    """The files of ours that the ledger knows and this version does not."""
    migrated_at: datetime | None = None
    """When the newest of our files went in; None: none did, or nobody knows."""

    @property
    def by_hand(self) -> bool:
        """Nobody has ever noted which of our files are in."""
        return self.stand is not None


@frozen
class _Table:
    table_name: str
    present: bool
    readable: bool
    hidden: bool
    small: bool | None
    goes_by_clocks: bool


@frozen
class _Ledger:
    present: bool
    ledger_readable: bool
    audit_readable: bool
    audit_present: bool


@frozen
class _Configured:
    name: str
    value: float | None


def take_inventory(database: Database) -> Inventory:
    """Which tables are there and readable in full, and what the ledger says."""
    schema = database.target.schema
    tables = database.rows(_Table, sqlfiles.read("queries/check_inventory.sql"), {"tables": list(TABLES), "schema": schema})
    ledger = database.rows(_Ledger, sqlfiles.read("queries/check_ledger.sql"))
    readable = bool(ledger and ledger[0].ledger_readable)
    applied: tuple[str, ...] | None = None
    views: tuple[str, ...] = ()
    guarded_at: datetime | None = None
    migrated_at: datetime | None = None
    known, noted = Ledger(), False
    unread: tuple[str, str] | None = None
    if readable:
        try:
            with database.savepoint("chatops_ledger"):
                asked = {"schema": schema, "guards": GUARDS}
                files, installed, guarded_at = database.tuples(sqlfiles.read("queries/check_applied.sql"), asked)[0]
                own, own_views, migrated_at, noted = database.tuples(
                    sqlfiles.read("queries/check_files.sql"), {"schema": schema}
                )[0]
        except HiddenRowsError as error:
            unread = (f"the ledger cannot be read: {error.message}", error.next_steps[0][1])
        except DatabaseError as error:
            locked = isinstance(error, LockTimeoutError)
            unread = ("the ledger is locked by somebody else" if locked else f"the ledger cannot be read: {error.message}", "")
        else:
            applied, views = tuple(files) or None, tuple(installed)
            known = Ledger(dict(own) or None, own_views)
    elif database.facts is not None and database.facts.has_ledger:
        role = identifier(database.facts.role)
        unread = (
            f"{role} may not read the ledger",
            f"grant usage on schema chatops to {role}; grant select on all tables in schema chatops to {role};",
        )
    stand: str | None = None
    if unread is None and not noted and not any(table.table_name == "chats" and not table.present for table in tables):
        stand = str(database.value(sqlfiles.read("queries/deployed_files.sql")))
    return Inventory(
        schema=schema,
        missing=frozenset(table.table_name for table in tables if not table.present),
        unreadable=frozenset(table.table_name for table in tables if table.present and not table.readable),
        hidden=frozenset(table.table_name for table in tables if table.present and table.hidden),
        small=(database.facts is None or database.facts.citus is None)
        and all(bool(table.small) for table in tables if table.table_name in ("chats", "messages")),
        before_018=not any(table.table_name == "chats" and table.goes_by_clocks for table in tables),
        ledger=readable and unread is None,
        stand=stand,
        ledger_unread=unread,
        audit=bool(ledger and ledger[0].audit_readable),
        audit_present=bool(ledger and ledger[0].audit_present),
        applied=applied,
        views_applied=any(name.endswith("get_assignment_queue_status") for name in views),
        guarded_at=guarded_at,
        expected=catalog.expected_text(known, cluster=database.facts is not None and database.facts.citus is not None),
        known=known,
        ahead=tuple(name for name in applied or () if name not in sqlfiles.names("migrations")),
        migrated_at=migrated_at,
    )


def take_thresholds(
    database: Database, inventory: Inventory, given: Mapping[str, float], limits: Mapping[str, Limit]
) -> dict[str, Threshold]:
    """The limits that hold here: by the flags, the file and platform_config. Raises UsageError."""
    configured: dict[str, float | None] = {}
    unread = "platform_config" in inventory.unreadable | inventory.hidden
    if not unread and "platform_config" not in inventory.missing:
        try:
            with database.savepoint("chatops_configured"):
                rows = database.rows(
                    _Configured, sqlfiles.read("queries/check_configured.sql"), {"names": configured_names(limits)}
                )
            configured = {row.name: row.value for row in rows}
        except DatabaseError:
            unread = True
    return resolve(configured, database.target.thresholds, given, unread=unread, limits=limits)

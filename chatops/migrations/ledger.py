"""The migration ledger: what a database remembers of the files that went in, and the SQL by which a file is recorded."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from chatops import __version__, db, formatting, interrupts, sqlfiles
from chatops.db import Argument, Database, Facts
from chatops.errors import ConflictError, DatabaseError
from chatops.frozen import frozen
from chatops.migrations.plan import Entry, LedgerRow
from chatops.migrations.source import SHIPPED, MigrationFile

LOCK_CLASS = 0x63686174  # "chat"
# Who creates the bookkeeping holds this one too: the schema chatops belongs to every tenant of the database.
BOOKKEEPING_LOCK = 0
ANOTHER_MIGRATOR = "CHL01"
LEDGER_MOVED = "CHL02"
ABSENT = "absent"
DEFAULT_SCHEMA = "public"
AT_ONCE = 1000
"""Schemas that are asked about in one round trip."""
LARGEST_NUMBER = 2**63 - 1
"""The ledger's number is a bigint."""
MIGRATORS = ("chatops", "psql")
"""What programs call themselves that migrate: this one, and psql with a text of `-o sql`."""
LONGEST_IDLE_S = 10.0
"""A migrator pauses for less than that between two attempts."""


@frozen
class Ledger:
    """What was read of a database before anything is decided: whether it has a ledger, and its rows for the target schema."""

    facts: Facts
    rows: tuple[LedgerRow, ...]

    @property
    def exists(self) -> bool:
        """Whether there is a ledger at all."""
        return self.facts.has_ledger

    def row(self, source: str, name: str) -> LedgerRow | None:
        """What it knows of one file."""
        return next((row for row in self.rows if row.source == source and row.name == name), None)

    def knows(self, source: str) -> bool:
        """Whether any file of a source was ever recorded."""
        return any(row.source == source for row in self.rows)


@frozen
class Migrator:
    """The session that holds the migrators' lock; what pg_stat_activity hides is None."""

    pid: int
    role: str | None
    application_name: str | None
    client: str | None
    state: str | None
    backend_start: datetime | None
    xact_start: datetime | None
    seconds_in_state: float | None

    @property
    def is_gone(self) -> bool:
        """Whether nobody migrates there any more: the lock stayed on a session that a pooler keeps, or whose client is gone.

        No migrator is idle for longer than a pause between two attempts; a pooler gives its session to others meanwhile.
        """
        if self.state != "idle":
            return False
        anothers = bool(self.application_name) and not str(self.application_name).startswith(MIGRATORS)
        return anothers or (self.seconds_in_state or 0.0) > LONGEST_IDLE_S

    def __str__(self) -> str:
        if self.is_gone:
            idle = formatting.duration(self.seconds_in_state or 0.0)
            return f"{self._who}, idle for {idle}: a pooler kept the session, or its client is gone"
        return self._who

    @property
    def _who(self) -> str:
        where = f" from {self.client}" if self.client else ""
        return f"pid {self.pid}, {self.application_name or 'hidden'}, role {self.role or 'hidden'}{where}"


@frozen
class Run:
    """One run of a writing command, as the ledger and the audit know it; `annotations` are settings by name."""

    command: str
    annotations: Mapping[str, str | None] = field(default_factory=dict)
    revision: str | None = None
    id: UUID = field(default_factory=uuid4)
    tenant: bool = False
    """Whether the target schema is one of a Citus cluster's: then statements go apart, and what they set reaches the workers."""

    @property
    def settings(self) -> dict[str, str | None]:
        """Every setting that SQL of a run may read, such as the defaults of the audit's columns."""
        return {**self.annotations, "chatops.run_id": str(self.id)}


def read(database: Database, meanwhile: Callable[[], object] | None = None) -> Ledger:
    """The facts and the ledger, in one round trip where there is no ledger and two where there is one.

    `meanwhile` is done while the server works at the first, perhaps several times.
    """
    facts = database.glance(meanwhile)
    if not facts.has_ledger:
        return Ledger(facts, ())
    rows = database.glance_at(LedgerRow, sqlfiles.read("queries/ledger.sql"), {"target_schema": database.target.schema})
    return Ledger(facts, tuple(rows))


@frozen
class _AlikeRow(LedgerRow):
    """A file as it stands in the ledger, and the schemas in which it stands so."""

    schemas: Sequence[str]


def read_many(database: Database, schemas: Sequence[str]) -> list[Ledger]:
    """As `read` for each of several schemas: two kinds of round trips, however many there are.

    Files that stand alike in several schemas are one and the same row in all of them.
    """
    facts = [one for at in range(0, len(schemas), AT_ONCE) for one in database.glance_many(schemas[at : at + AT_ONCE])]
    rows: dict[str, list[LedgerRow]] = {schema: [] for schema in schemas}
    if facts and facts[0].has_ledger:
        for row in database.glance_at(_AlikeRow, sqlfiles.read("queries/ledger_alike.sql"), {"schemas": list(schemas)}):
            for schema in row.schemas:
                rows[schema].append(row)
    return [Ledger(one, tuple(rows[schema])) for one, schema in zip(facts, schemas, strict=True)]


def lock_object(schema: str) -> int:
    """The second key of the migrators' lock: each target schema has its own migrator."""
    return (zlib.crc32(schema.encode()) & 0x7FFFFFFF) | 1


def migrator(database: Database) -> Migrator | None:
    """Who is migrating this schema now, if it is not this session."""
    keys = {"lock_class": LOCK_CLASS, "lock_object": lock_object(database.target.schema)}
    found = database.rows(Migrator, sqlfiles.read("queries/migrator.sql"), keys)
    return found[0] if found else None


def left_behind(holder: Migrator, again: str) -> ConflictError:
    """What is to be done where a lock has no migrator any more: waiting for it would not end."""
    return ConflictError(
        "a session that migrates no more holds the migrators' lock; it will not end by itself",
        details=[str(holder)],
        next_steps=[("end it (SQL)", f"select pg_terminate_backend({holder.pid});"), ("again", again)],
    )


@lru_cache(maxsize=8)
def lock_text(schema: str, *, bookkeeping: bool, source: str = SHIPPED) -> tuple[str, ...]:
    """The statements that take the lock until the end of the transaction, or fail with CHL01 at once.

    The schema must exist where files are to make their tables there: the shipped ones, and those for a tenant.
    """
    text = sqlfiles.read("queries/ledger_lock.sql")
    objects = [lock_object(schema), *([BOOKKEEPING_LOCK] if bookkeeping else [])]
    values = {"lock_class": LOCK_CLASS, "target_schema": schema, "schema_is_needed": needs_schema(schema, source)}
    return tuple(db.inlined(text, {**values, "lock_object": one}) for one in objects)


def needs_schema(schema: str, source: str) -> bool:
    """Whether the files of a source make what they make in the target schema, which must be there then."""
    return source == SHIPPED or schema != DEFAULT_SCHEMA


def expectation(row: LedgerRow | None) -> str:
    """What `ledger_expect.sql` compares: the state in which the plan saw a file."""
    return ABSENT if row is None else f"{row.state} {row.steps_done} {row.checksum}"


def expect_text(schema: str, source: str, name: str, row: LedgerRow | None) -> str:
    """The statement that fails with CHL02 when somebody has been at a file since the ledger was read."""
    return expect_text_of(schema, source, name, expectation(row))


def expect_text_of(schema: str, source: str, name: str, expected: str) -> str:
    """The same for an expectation in words."""
    values = {"target_schema": schema, "source": source, "name": name, "expected": expected}
    return db.inlined(sqlfiles.read("queries/ledger_expect.sql"), values)


def run_text(run: Run) -> str:
    """The statement that records a run."""
    values = {"run_id": run.id, "command": run.annotations.get("chatops.command") or run.command, "chatops_version": __version__}
    return db.inlined(sqlfiles.read("queries/ledger_run.sql"), values)


def begin_text(
    schema: str, source: str, name: str, number: int | None, checksum: str, run: Run, *, kind: str = "versioned",
    state: str = "applied", digests: Sequence[str] | None = None, waited_ms: float = 0.0,
) -> str:  # fmt: skip
    """The statement that records a file before it runs."""
    values: dict[str, Any] = {
        "target_schema": schema, "source": source, "name": name, "number": stored(number), "kind": kind, "state": state,
        "checksum": checksum, "statements": None if digests is None else db.json_of_words(digests),
        "chatops_version": __version__, "git_revision": run.revision, "waited_ms": round(waited_ms, 1),
    }  # fmt: skip
    return db.inlined(sqlfiles.read("queries/ledger_begin_file.sql"), values)


def stored(number: int | None) -> int | None:
    """A file's number as the ledger keeps it; none where it is too long, the name tells it."""
    return number if number is not None and number <= LARGEST_NUMBER else None


def replaced_texts(schema: str, source: str, name: str, replaces: Sequence[str]) -> list[str]:
    """The statement that keeps what a file is about to replace; none for a file that replaces nothing."""
    if not replaces:
        return []
    values = {"target_schema": schema, "source": source, "name": name, "replaces": list(replaces)}
    return [db.inlined(sqlfiles.read("queries/ledger_replaced.sql"), values)]


def end_text(schema: str, source: str, name: str | Argument) -> str:
    """The statement that records that a file is wholly in."""
    return db.inlined(sqlfiles.read("queries/ledger_end_file.sql"), {"target_schema": schema, "source": source, "name": name})


# -- taking over a database ---------------------------------------------------------------------------------------------


def create(database: Database) -> bool:
    """Makes the bookkeeping where it is missing; whether it was. Raises ConflictError while another migrator is at work."""
    if database.glance().has_ledger:
        return False
    _write(database, [], Run("adopt"))
    return True


def share(database: Database, *, shipped: bool, run: Run) -> bool:
    """Makes what all tenants of a database share, where it is missing, before they are migrated side by side; whether it was.

    Raises ConflictError while another migrator is at work.
    """
    if database.glance().has_ledger and (not shipped or database.value(sqlfiles.read("queries/fleet_shared_there.sql"))):
        return False
    _write(database, [sqlfiles.read("queries/fleet_shared.sql")] if shipped else [], run)
    return True


def adopt(database: Database, files: Sequence[MigrationFile], run: Run, *, also: Sequence[str] = ()) -> int:
    """Records files as being in, without running them; how many were not recorded before. Makes the bookkeeping if missing.

    All files are of one source. `also` are statements of the same transaction. Raises ConflictError while another migrator is
    at work.
    """
    if not files:
        if also:
            _write(database, [run_text(run), *also], run)
        return 0
    text = adopt_text(database.target.schema, files, run)
    ran = _write(database, [run_text(run), *also, text], run)
    return int(ran.tags[-2].rpartition(" ")[2])


def adopt_text(schema: str, files: Sequence[MigrationFile], run: Run) -> str:
    """The statement that records files of one source as being in."""
    rows = [
        {"name": file.name, "number": stored(file.number), "checksum": file.checksum, "statements": file.digests}
        for file in files
    ]
    values = {
        "target_schema": schema, "source": files[0].source, "files": db.json(rows),
        "chatops_version": __version__, "git_revision": run.revision or "",
    }  # fmt: skip
    return db.inlined(sqlfiles.read("queries/ledger_adopt.sql"), values)


def write(database: Database, texts: Sequence[str], run: Run) -> None:
    """Statements about the ledger alone, in one transaction; none is nothing to do. Raises ConflictError as `adopt` does."""
    if texts:
        _write(database, [run_text(run), *texts], run)


def correct(database: Database, entry: Entry, run: Run) -> None:
    """Takes an edited file's present text for the applied one, and a vanished file out of the ledger.

    Raises ConflictError while another migrator is at work, or when the ledger has moved on.
    """
    row, file = entry.row, entry.file
    assert row is not None  # only what the ledger knows can be edited or missing
    values = {"target_schema": database.target.schema, "source": row.source, "name": row.name, "before": row.checksum}
    if file is None:
        text = db.inlined(sqlfiles.read("queries/ledger_forget.sql"), values)
    else:
        digests = None if file.digests is None else db.json_of_words(file.digests)
        text = db.inlined(
            sqlfiles.read("queries/ledger_accept.sql"), {**values, "checksum": file.checksum, "statements": digests}
        )
    if _write(database, [run_text(run), text], run).firsts[-2] is None:
        raise ConflictError(f"the ledger has another row for {row.name} by now; nothing was changed")


def _write(database: Database, statements: Sequence[str], run: Run) -> db.Ran:
    """One transaction under the migrators' lock, the bookkeeping made first."""
    schema = database.target.schema
    text = ";\n".join(
        part.rstrip().removesuffix(";")
        for part in (
            "begin",
            *settings_texts(schema, run, lock_timeout_ms=3000, statement_timeout="0"),
            *lock_text(schema, bookkeeping=True),
            sqlfiles.read("bookkeeping.sql"),
            *statements,
            "commit",
        )
    )
    database.awake()
    with interrupts.held(database.cancel):
        ran = database.run(text)
    if ran.error is not None:
        database.rollback()
        interrupts.unless_asked_to_stop()
        if isinstance(ran.error, DatabaseError) and ran.error.sqlstate == ANOTHER_MIGRATOR:
            holder = migrator(database)
            if holder is not None and holder.is_gone:
                raise left_behind(holder, "chatops status")
            raise ConflictError(
                "another migrator is at work on this schema; nothing was changed", details=[str(holder)] if holder else []
            )
        raise ran.error
    return ran


CLUSTER_SETTINGS = (
    "set local citus.propagate_set_commands = 'local'",
    "set local citus.enable_unsafe_triggers = on",
    # What a file makes outside the tenant's schema is no tenant.
    "set local citus.enable_schema_based_sharding = off",
)
"""What a transaction on a tenant of a Citus cluster begins with. By SET: what set_config sets stays on this node."""


def settings_texts(
    schema: str, run: Run, *, lock_timeout_ms: int, statement_timeout: str | None = None, local: bool = True,
    also: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """The statements that set what a file may lean on, until the end of its transaction or, not `local`, of the session.

    `also` are calls that set more by the same statement.
    """
    values = {
        "lock_timeout": f"{lock_timeout_ms}ms",
        **({"statement_timeout": statement_timeout} if statement_timeout is not None else {}),
        **{name: value or "" for name, value in run.settings.items()},
    }
    scope = "true" if local else "false"
    calls = (f"pg_catalog.set_config({db.literal(name)}, {db.literal(value)}, {scope})" for name, value in values.items())
    texts = [path_text(schema, local=local), "select " + ",\n  ".join((*calls, *also))]
    if run.tenant and local:
        texts = [*CLUSTER_SETTINGS, *texts, f"set local lock_timeout = '{lock_timeout_ms}ms'"]
    if statement_timeout is not None:
        # Whoever sets a limit of their own sets that of whole transactions aside, which servers have since 17.
        texts.append(
            f"select pg_catalog.set_config(name, '0', {scope}) from pg_catalog.pg_settings where name = 'transaction_timeout'"
        )
    return texts


def path_text(schema: str, *, local: bool = True) -> str:
    """The statement that makes the target schema the one for unqualified names.

    By SET, not set_config: functions keep the path as the server spells it, the same as after psql.
    """
    return f"set {'local ' if local else ''}search_path = {db.identifier(schema)}, pg_temp"


def file_path_texts(source: str, schema: str, *, local: bool = True) -> list[str]:
    """The statements before a file's own that give it its search_path.

    Shipped files see the target schema alone. Files of others see what psql would show them: the path that the session has by
    its role, database and connection, with a tenant's schema in front.
    """
    if source == SHIPPED:
        return [path_text(schema, local=local)]
    texts = [f"set {'local ' if local else ''}search_path to default"]
    if schema != DEFAULT_SCHEMA:
        path = f"pg_catalog.concat_ws(', ', {db.literal(db.identifier(schema))}, {_SESSION_PATH})"
        texts.append(f"select pg_catalog.set_config('search_path', {path}, {'true' if local else 'false'})")
    return texts


_SESSION_PATH = "nullif(pg_catalog.current_setting('search_path'), '')"

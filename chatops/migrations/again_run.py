"""Carries out what `migrate --again` makes: one transaction with its audit row, then each index by itself."""

from __future__ import annotations

import contextlib

from chatops import db, interrupts, sqlfiles
from chatops.db import Database
from chatops.errors import ConflictError, DatabaseError, LockTimeoutError
from chatops.migrations import ledger as ledgers
from chatops.migrations.again import Again
from chatops.migrations.failure import MigrationFailedError
from chatops.migrations.ledger import Run
from chatops.migrations.made_again import Made, built_concurrently
from chatops.migrations.transaction import CLEAN, Part, Transaction, deadline_text

DEADLINE_MS = 3000
BUILD_DEADLINE_MS = 60_000
"""So long the build of an index waits for those who work."""
_MOVED = (ledgers.ANOTHER_MIGRATOR, ledgers.LEDGER_MOVED)


def again_text(again: Again, schema: str, run: Run) -> Transaction:
    """One transaction: the definitions of before, the file's statements, the audit row, and the ledger where its text counts."""
    file, row = again.file, again.entry.row
    assert row is not None
    names = [one.name for one in again.made if one.kind != "INDEX"]
    settings = ledgers.settings_texts(schema, run, lock_timeout_ms=DEADLINE_MS)
    head = ["begin", *settings, *ledgers.lock_text(schema, bookkeeping=False, source=file.source), ledgers.run_text(run)]
    head += [
        ledgers.expect_text(schema, row.source, row.name, row),
        db.inlined(sqlfiles.read("queries/again_keep.sql"), {"setting": "chatops.before", "names": names}),
        deadline_text(DEADLINE_MS),
        *ledgers.file_path_texts(file.source, schema),
    ]
    own = [
        Part(one.statement.text)
        if run.tenant
        else Part(file.reading.sent[one.statement.leading : one.statement.stop], file.reading, one.statement)
        for one in again.made
        if one.kind != "INDEX"
    ]
    pinned = {(piece.kind, piece.name) for piece in again.pieces if piece.pinned}
    own += [
        Part(f"alter {one.kind.lower()} {db.identifier(one.name)} set search_path from current")
        for one in again.made
        if (one.kind.lower(), one.name) in pinned
    ]
    own += [Part(one.text) for one in again.rights if one.runs]
    tail = [ledgers.path_text(schema)]  # such statements leave nothing behind that would have to be reset
    tail += [
        db.inlined(sqlfiles.read("queries/again_keep.sql"), {"setting": "chatops.after", "names": names}),
        db.inlined(sqlfiles.read("queries/again_record.sql"), {"file": file.name, "target_schema": schema}),
    ]
    if again.accepts:
        digests = None if file.digests is None else db.json(file.digests)
        values = {
            "target_schema": schema, "source": row.source, "name": row.name, "before": row.checksum,
            "checksum": file.checksum, "statements": digests,
        }  # fmt: skip
        tail.append(db.inlined(sqlfiles.read("queries/ledger_accept.sql"), values))
    parts = [*(Part(text.rstrip().removesuffix(";")) for text in head), *own]
    return Transaction((*parts, *(Part(text.rstrip().removesuffix(";")) for text in (*tail, "commit"))), apart=run.tenant)


def apply_again(database: Database, again: Again, run: Run, command: str) -> None:
    """Does it, all or nothing, then builds the indexes. Raises MigrationFailedError, ConflictError while another migrator or a
    lock is in the way."""
    if again.accepts or len(again.built) < len(again.made):
        _send(database, again, again_text(again, database.target.schema, run), command)
    if again.built:
        _build(database, again, run, command)


def build_texts(again: Again) -> list[tuple[Made, list[str]]]:
    """Of each index the statements that build it: one that is there is invalid, and goes first."""
    there = {piece.name for piece in again.pieces if piece.kind == "index" and piece.now is not None}
    return [
        (
            one,
            [
                *([f"drop index concurrently if exists {db.identifier(one.name)}"] if one.name in there else []),
                built_concurrently(one.statement),
            ],
        )
        for one in again.built
    ]


def built_record(again: Again, schema: str, run: Run) -> Transaction:
    """The transaction that records which indexes were built."""
    names = [one.name for one in again.built]
    texts = [
        "begin",
        *ledgers.settings_texts(schema, run, lock_timeout_ms=DEADLINE_MS),
        ledgers.run_text(run),
        "select pg_catalog.set_config('chatops.before', '{}', true)",
        db.inlined(sqlfiles.read("queries/again_keep.sql"), {"setting": "chatops.after", "names": names}),
        db.inlined(sqlfiles.read("queries/again_record.sql"), {"file": again.file.name, "target_schema": schema}),
        "commit",
    ]
    return Transaction(tuple(Part(text.rstrip().removesuffix(";")) for text in texts), apart=run.tenant)


def pasteable(again: Again, schema: str, run: Run) -> str:
    """All of it as a text for psql."""
    texts = [again_text(again, schema, run).pasteable] if again.accepts or len(again.built) < len(again.made) else []
    if again.built:
        texts += [f"{ledgers.path_text(schema, local=False)};\n"]
        texts += [f"{text};\n" for _, each in build_texts(again) for text in each]
        texts.append(built_record(again, schema, run).pasteable)
    return "\n".join(texts)


def _build(database: Database, again: Again, run: Run, command: str) -> None:
    schema, source = database.target.schema, again.file.source
    settings = ledgers.settings_texts(schema, run, lock_timeout_ms=BUILD_DEADLINE_MS, statement_timeout="0", local=False)
    for one, texts in build_texts(again):
        database.awake()
        database.script("; ".join([*settings, *ledgers.file_path_texts(source, schema, local=False)]))
        try:
            with interrupts.held(database.cancel):
                for text in texts:
                    database.execute(text)
        except DatabaseError as error:
            database.rollback()
            with contextlib.suppress(DatabaseError):
                database.execute(f"drop index concurrently if exists {db.identifier(one.name)}")
            interrupts.unless_asked_to_stop()
            done = [made.name for made in again.built[: again.built.index(one)]]
            kept = f"built: {', '.join(done)}" if done else "nothing of it was built"
            raise ConflictError(f"index {one.name}: {error.message}; {kept}", next_steps=[("again", command)]) from None
        finally:
            if not database.closed:
                database.script("; ".join(CLEAN))
    _send(database, again, built_record(again, schema, run), command)


def _send(database: Database, again: Again, sent: Transaction, command: str) -> None:
    database.awake()
    with interrupts.held(database.cancel):
        ran = sent.sent_by(database)
    if ran.error is None:
        return
    database.rollback()
    interrupts.unless_asked_to_stop()
    if isinstance(ran.error, LockTimeoutError) or getattr(ran.error, "sqlstate", "") in _MOVED:
        raise ConflictError(f"{ran.error.message}; nothing was changed", next_steps=[("again", command)])
    if not isinstance(ran.error, DatabaseError):
        raise ran.error
    raise MigrationFailedError(sent.failure(ran), again.file.name, ["Nothing was changed."], [("again", command)])

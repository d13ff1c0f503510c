"""Runs the pending files for real in one transaction that is rolled back, and measures what each statement does to others.

Between the statements the transaction looks at itself: the locks that it holds, the relfilenodes, the rows that it read and
changed. What a rollback does not take back is what no rollback does: numbers drawn from sequences, calls to other systems.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from chatops import sqlfiles
from chatops.db import Database, Ran
from chatops.errors import ConflictError, DatabaseError
from chatops.migrations import ledger as ledgers
from chatops.migrations.bookkeeping import bookkeeping_texts
from chatops.migrations.citus_form import Form, form_of
from chatops.migrations.distribution import DISTRIBUTION
from chatops.migrations.failure import discreet, located
from chatops.migrations.known_relations import KnownRelations, SeenRelations
from chatops.migrations.ledger import Run
from chatops.migrations.locks import Blocker, Budget, Watch, retried
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.prepare import Prepared
from chatops.migrations.rehearsal import Piece, Rehearsal, RehearsedFile, RehearsedStatement
from chatops.migrations.rehearse_measure import CLOCK, MeasuredScript, OpenRehearsal, blocking_of, gentle_way
from chatops.migrations.rehearse_shards import Shards, sent
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.source import SHIPPED, MigrationFile
from chatops.migrations.sql_walk import catalog_name, literal_words
from chatops.migrations.transaction import CLEAN, FRESH_SESSION, Part, Transaction

# It is only a rehearsal: nobody is kept waiting behind it for longer than a blink.
LONGEST_LOCK_WAIT_MS = 500
VIEWS = "views"
SYNTAX_ERROR = "42601"
OWN_LABELS = 170000
SILENT_MINUTES = 30.0
"""Whoever was not heard of for so long is silent: what OPER003 begins with."""
"""From this server on a transaction may use a value that it added to an enum which it made; behind a savepoint it may not."""

Tell = Callable[[str], None]


def pieces(prepared: Prepared) -> list[Piece]:
    """What migrate would run, each in a transaction of its own."""
    shipped = prepared.tenant and prepared.folder.source == SHIPPED

    def forms(*names: str) -> tuple[Form, ...]:
        return tuple(form_of(name) for name in names) if shipped else ()

    def piece(name: str, file: MigrationFile) -> Piece:
        form = forms(file.name)
        nothing = any(one.only_without is not None for one in form) and prepared.ledger.facts.has_chats
        return Piece(name, () if nothing else (file.reading,), () if nothing else form)

    found = [piece(entry.name, entry.file) for entry in prepared.plan.apply if entry.file is not None]
    if prepared.views:
        own = forms(*(view.ledger_name for view in prepared.views))
        found.append(Piece(VIEWS, tuple(view.reading for view in prepared.views), own))
    return found


def rehearse(
    database: Database, prepared: Prepared, run: Run, *, max_hold: float | None, max_wait: float,
    tell: Tell = lambda line: None, known: KnownRelations | None = None,
) -> Rehearsal:  # fmt: skip
    """Runs every pending file that runs in one transaction, and rolls everything back, whatever happens.

    `known` is what an earlier rehearsal read of a database that nobody else writes.
    Raises ConflictError when locks were not had within `max_wait` seconds, or another migrator is at work.
    """
    on_shift = _on_shift(database)
    stage = _Stage(database, prepared, replace(run, tenant=prepared.tenant), max_hold, max_wait, tell, known)
    started = time.monotonic()
    try:
        files = stage.all(pieces(prepared))
    finally:
        stage.close()
    return Rehearsal(tuple(files), time.monotonic() - started, max_hold, *(on_shift or (None, 0)))


def _on_shift(database: Database) -> tuple[int, int] | None:
    with suppress(DatabaseError), database.reading(statement_timeout="2s"):
        minutes = database.target.thresholds.get("silent_minutes", SILENT_MINUTES)
        ((on_shift, silent),) = database.tuples(sqlfiles.read("queries/rehearse_on_shift.sql"), {"minutes": minutes})
        return int(on_shift), int(silent)
    return None


class _Stage:
    """The connection on which files are rehearsed, one transaction after the other where one does not do."""

    def __init__(
        self, database: Database, prepared: Prepared, run: Run, max_hold: float | None, max_wait: float, tell: Tell,
        known: KnownRelations | None = None,
    ) -> None:  # fmt: skip
        self.database = database
        self.prepared = prepared
        self.run = run
        self.max_hold = max_hold
        self.budget = Budget(max_wait)
        self.tell = tell
        self.shards = Shards(database, prepared)
        self.known = known or KnownRelations()
        self.distribution: RehearsedFile | None = None
        self.bookkeeping = not prepared.ledger.exists
        self.source = prepared.folder.source
        self.watch = Watch(database)
        self.open: OpenRehearsal | None = None
        self.lost: list[str] = []
        """The files whose effects went with the last transaction that ran out of time."""
        self.keywords: frozenset[str] = frozenset()

    @property
    def version(self) -> int:
        """The server's version as a number; 0 where nobody asked."""
        return self.database.facts.version_number if self.database.facts is not None else 0

    @property
    def lock_timeout_ms(self) -> int:
        """How long a statement may wait for a lock, and keep those behind it waiting."""
        return min(LONGEST_LOCK_WAIT_MS, self.budget.deadline_ms)

    def all(self, wanted: Sequence[Piece]) -> list[RehearsedFile]:
        """Every piece; from the beginning again when a lock was not had."""
        while True:
            try:
                return self.once(wanted)
            except ConflictError:
                raise
            except DatabaseError as error:
                self.end()
                if not retried(error):
                    raise
                blockers = list(self.watch.blockers)
                if self.budget.left <= 0:
                    raise self.blocked(blockers) from None
                self.tell(_waiting(blockers, self.lock_timeout_ms, self.budget.attempt))
                time.sleep(self.budget.pause())
                self.budget.attempt += 1

    def once(self, wanted: Sequence[Piece]) -> list[RehearsedFile]:
        """Every piece, in one attempt. `absent` are the files whose effects later ones do not see."""
        found: list[RehearsedFile] = []
        absent: list[str] = []
        by_name = {piece.name: piece for piece in wanted}
        if self.prepared.distributes:
            self.tell(DISTRIBUTION)
            found.append(self.distributed())
        for piece in wanted:
            if any(one.status == "failed" or (one.name == DISTRIBUTION and one.status == "too long") for one in found):
                found.append(RehearsedFile(piece.name, "not reached", note="a file before it fails"))
                continue
            refused = next((one for reading in piece.readings for one in reading.problems if one.severity == "error"), None)
            if refused is not None:
                found.append(RehearsedFile(piece.name, "failed", note=f"{refused.where}  {refused.message}; {refused.hint}"))
                continue
            mode = next((reading for reading in piece.readings if reading.mode != "transaction"), None)
            if mode is not None:
                found.append(RehearsedFile(piece.name, "not rehearsable", note=_why_not(mode)))
                absent.append(piece.name)
                continue
            self.tell(piece.name)
            told = self.piece(piece, [by_name[name] for name in absent])
            if told.status != "rehearsed":
                absent += [*([] if self.open else self.lost), piece.name]
            found.append(told)
        self.end()
        return found

    def distributed(self) -> RehearsedFile:
        """The schema made a tenant first, as migrate does."""
        try:
            self.begin()
        except DatabaseError as error:
            if error.sqlstate != "57014" or self.max_hold is None:
                raise
            self.end()
            return RehearsedFile(DISTRIBUTION, "too long", note=f"cancelled: locks had been held for {self.max_hold:g} s")
        assert self.distribution is not None
        return self.distribution

    def begin(self) -> OpenRehearsal:
        """Opens a transaction that can do what a migrator's can, under the migrators' lock."""
        schema = self.database.target.schema
        ran = self.sent(
            [
                "begin",
                *ledgers.settings_texts(schema, self.run, lock_timeout_ms=self.lock_timeout_ms),
                *ledgers.lock_text(schema, bookkeeping=self.bookkeeping),
                *(bookkeeping_texts() if self.bookkeeping or self.prepared.distributes else []),
            ]
        )
        if ran.error is not None:
            if getattr(ran.error, "sqlstate", None) == ledgers.ANOTHER_MIGRATOR:
                holder = ledgers.migrator(self.after_failure())
                if holder is not None and holder.is_gone:
                    raise ledgers.left_behind(holder, "chatops rehearse")
                raise ConflictError(
                    "another migrator is at work on this schema; nothing was rehearsed", details=[str(holder)] if holder else []
                )
            raise ran.error
        self.distribution = self.shards.distributed(self.max_hold)
        if (ran := self.sent(self.shards.begun())).error is not None:
            raise ran.error
        relations = SeenRelations(self.shards.relations(self.known))
        now = float(self.database.value(f"select {CLOCK}"))
        self.keywords = self.keywords or frozenset(self.database.value(sqlfiles.read("queries/rehearse_keywords.sql")))
        deadline = None if self.max_hold is None else now + self.max_hold
        self.open = OpenRehearsal(relations, deadline)
        return self.open

    def sent(self, texts: Sequence[str]) -> Ran:
        """Statements of ours; how far they came."""
        return sent(self.database, texts, apart=self.run.tenant)

    def after_failure(self) -> Database:
        """The connection, ready for a query."""
        self.end()
        return self.database

    def end(self) -> None:
        """Rolls back."""
        self.open = None
        self.database.rollback()

    def piece(self, piece: Piece, absent: Sequence[Piece]) -> RehearsedFile:
        """One piece in the open transaction, which is opened when there is none."""
        opened = self.open or self.begin()
        opened.before.clear()
        path = ledgers.file_path_texts(SHIPPED if piece.name == VIEWS else self.source, self.database.target.schema)
        script = MeasuredScript(piece, opened.deadline, self.lock_timeout_ms, path, self.shards.looks)
        restored = ["release savepoint chatops_file", *CLEAN, *self.settings(opened)]
        transaction = Transaction((*script.parts, *(Part(text) for text in restored)), apart=self.run.tenant)
        with self.watch.over(None):
            ran = transaction.sent_by(self.database)
        steps = script.steps(ran, opened, piece.name)
        if ran.error is None:
            opened.done.append(piece.name)
            opened.used = time.monotonic() - opened.started
            return RehearsedFile(piece.name, "rehearsed", tuple(steps), tuple(blocking_of(steps, script.at_the_end(ran))))
        if not isinstance(ran.error, DatabaseError) or retried(ran.error):
            raise ran.error
        told = self.stopped(piece, script, transaction, ran, steps, opened, absent)
        # There is no savepoint to go back to where the text was not begun, or stopped behind the file.
        if told.status in ("too long", "out of time") or "SAVEPOINT" not in ran.tags or "RELEASE" in ran.tags:
            self.lost = list(opened.done)
            self.end()
        else:
            self.take_back(opened)
        return told

    def settings(self, opened: OpenRehearsal) -> list[str]:
        """The statements by which a file finds the transaction as a migrator would leave it."""
        schema = self.database.target.schema
        modes = sqlfiles.read("queries/rehearse_initial_modes.sql").rstrip().removesuffix(";")
        fresh = FRESH_SESSION.split("; ")  # what belongs to a session: the next file has one of its own
        made = f"select pg_catalog.set_config('chatops.rehearsed', '{','.join(map(str, opened.made))}', true)"
        return [*fresh, *ledgers.settings_texts(schema, self.run, lock_timeout_ms=self.lock_timeout_ms), modes, made]

    def take_back(self, opened: OpenRehearsal) -> None:
        """Undoes the file that stopped, and keeps those before it."""
        ran = self.sent(["rollback to savepoint chatops_file", *self.settings(opened)])
        if ran.error is not None:
            raise ran.error
        opened.relations.taken_back(opened.before, self.shards.relations(KnownRelations()))

    def stopped(
        self, piece: Piece, script: MeasuredScript, transaction: Transaction, ran: Ran, steps: list[RehearsedStatement],
        opened: OpenRehearsal, absent: Sequence[Piece],
    ) -> RehearsedFile:  # fmt: skip
        """What it means that a piece did not come to its end."""
        error = ran.error
        assert isinstance(error, DatabaseError)
        before = opened.done
        failure = transaction.failure(ran)
        spot = located(failure)
        where = f"{spot.where}  " if spot else ""
        if error.sqlstate == "57014" and self.max_hold is not None:
            return self.cut(piece, script, failure.statement, steps, opened)
        message = f"{where}{error.message}  ({error.sqlstate})"
        if error.sqlstate == "55P04" and before and not _own_value(piece):
            note = f"{message}: only because {', '.join(before)} would be committed before it"
            return RehearsedFile(piece.name, "not together", tuple(steps), note=note)
        if error.sqlstate == "55P04" and self.version >= OWN_LABELS and _makes_enum(piece):
            note = f"{message}: in a transaction of its own the file may use values of a type that it made"
            return RehearsedFile(piece.name, "unknown", tuple(steps), note=note)
        if error.sqlstate != SYNTAX_ERROR and (needed := self.needed(piece, failure.statement, absent)):
            return RehearsedFile(piece.name, "unknown", tuple(steps), note=f"{message}: it may need {', '.join(needed)}")
        detail = discreet(error.server_detail)
        return RehearsedFile(
            piece.name, "failed", tuple(steps), note=f"{message}{f'; {detail}' if detail else ''}",
            excerpt=spot.excerpt if spot else (),
        )  # fmt: skip

    def needed(self, piece: Piece, statement: Statement | None, absent: Sequence[Piece]) -> list[str]:
        """The files whose effects are absent and that speak of what a failed statement speaks of: they may make or mend it."""
        if not absent:
            return []
        own = words_of([statement] if statement is not None else [one for _, one in piece.statements]) - self.keywords
        return [one.name for one in absent if own & words_of([statement for _, statement in one.statements])]

    def cut(
        self,
        piece: Piece,
        script: MeasuredScript,
        statement: Statement | None,
        steps: list[RehearsedStatement],
        opened: OpenRehearsal,
    ) -> RehearsedFile:
        """A piece that was cancelled because locks had been held for long enough, by it or by those before it."""
        assert self.max_hold is not None
        own = max(0.0, self.max_hold - opened.used)
        if own < self.max_hold / 2:
            note = f"{', '.join(opened.done)} used up the {self.max_hold:g} s for which locks may be held"
            return RehearsedFile(piece.name, "out of time", tuple(steps), note=note)
        if statement is not None:
            left = max(0.0, own - sum(step.seconds for step in steps))
            locks = script.cut_locks(statement)
            cut = RehearsedStatement(
                piece.name, statement.line, statement.text, left, locks, over=True, help=gentle_way(statement, (), over=True)
            )
            steps.append(cut)
        before = f", of which {opened.used:.2g} s went to the files before it" if opened.done else ""
        note = f"cancelled: locks had been held for {self.max_hold:g} s{before}"
        return RehearsedFile(piece.name, "too long", tuple(steps), tuple(blocking_of(steps, 0.0)), note)

    def blocked(self, blockers: Sequence[Blocker]) -> ConflictError:
        """Nobody let go of a lock in time."""
        return ConflictError(
            f"a lock was not had within {self.budget.max_wait:g} s; nothing was changed",
            details=[f"blocked by {blocker}" for blocker in blockers] or ["who was in the way could not be seen"],
        )

    def close(self) -> None:
        """Rolls back and lets go of the second connection."""
        if not self.database.closed:
            self.end()
        self.watch.close()


def words_of(statements: Sequence[Statement]) -> frozenset[str]:
    """The names and words in some statements, those inside literals included."""
    tokens = [token for statement in statements for token in significant(statement.text)]
    return frozenset(catalog_name(token) for token in tokens if token.kind in ("word", "identifier")) | literal_words(tokens)


def _waiting(blockers: Sequence[Blocker], lock_timeout_ms: int, attempt: int) -> str:
    what = f" on {blockers[0].waits_for}: blocked by {blockers[0]}" if blockers else ""
    return f"a lock{what} was not had in {lock_timeout_ms} ms (attempt {attempt}); rolled back, trying again"


def _why_not(reading: MigrationText) -> str:
    if reading.mode in ("batched", "repairs"):
        return "commits after every batch, so it cannot be rolled back"
    return (
        f"runs outside a transaction ({reading.mode_reason})"
        if reading.mode_reason != "declared"
        else "runs outside a transaction"
    )


def _own_value(piece: Piece) -> bool:
    """Whether a file adds the value of an enum that it uses: that fails without any other file."""
    return any("ADD VALUE" in " ".join(keywords(one, 12)) for _, one in piece.statements)


def _makes_enum(piece: Piece) -> bool:
    """Whether a file makes an enum."""
    return any(keywords(one, 2) == ("CREATE", "TYPE") and "ENUM" in keywords(one, 6) for _, one in piece.statements)

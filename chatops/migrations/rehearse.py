"""Runs the pending files for real in one transaction that is rolled back, and measures what each statement does to others.

Between the statements the transaction looks at itself: the locks that it holds, the relfilenodes, the rows that it read and
changed. What a rollback does not take back is what no rollback does: numbers drawn from sequences, calls to other systems.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chatops import sqlfiles
from chatops.db import Database, Ran
from chatops.errors import ConflictError, DatabaseError
from chatops.migrations import ledger as ledgers
from chatops.migrations.failure import discreet, located
from chatops.migrations.ledger import Run
from chatops.migrations.lock_modes import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, WORTH_A_WORD, spelled, usual_locks
from chatops.migrations.locks import Blocker, Budget, Watch, retried
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.prepare import Prepared
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.transaction import CLEAN, Part, Transaction

# In longer files only the statements that take strong locks are measured one by one.
MEASURED_ONE_BY_ONE = 200
# It is only a rehearsal: nobody is kept waiting behind it for longer than a blink.
LONGEST_LOCK_WAIT_MS = 500
# A name that is not there, or rows that break a rule, in a file that comes after one whose effects are not: it may be that one's
# to make or to mend.
_MAY_BE_MADE_BEFORE = frozenset(("42P01", "42703", "42883", "42704", "3F000", "23502", "23503", "23505", "23514", "23P01"))
_STRONG = frozenset(("ALTER", "CALL", "CLUSTER", "COMMENT", "CREATE", "DO", "DROP", "LOCK", "REFRESH", "REINDEX", "TRUNCATE"))
_CLOCK = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::text"

Status = Literal[
    "rehearsed", "failed", "too long", "not rehearsable", "not together", "out of time", "needs another", "not reached"
]


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that a statement took. `since` names an earlier file that already held one on the same relation, which hides how
    strong this one is: its mode is then the one that such a statement is known to take."""

    relation: str
    mode: str
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """What a statement did to a relation: rows, and bytes where it wrote all of it anew."""

    relation: str
    what: Literal["rewrites", "builds", "scans", "changes", "empties"]
    rows: int
    bytes: int | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, measured. `seconds` is the server's own time for it; `over` is whether it was cancelled for taking longer
    than locks may be held. `line` counts from 1."""

    file: str
    line: int
    statement: str
    seconds: float
    locks: tuple[Lock, ...] = ()
    touched: tuple[Touched, ...] = ()
    over: bool = False
    help: str | None = None


@dataclass(frozen=True, slots=True)
class Blocking:
    """Whom a file keeps waiting: from the lock to the end of the file, in seconds; `more` where it was cancelled before."""

    relation: str
    what: Literal["every read and write", "every write", "other writes of the changed rows"]
    seconds: float
    more: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One file's rehearsal. `note` says why it was not, or what went wrong; `excerpt` shows where."""

    name: str
    status: Status
    steps: tuple[Step, ...] = ()
    blocking: tuple[Blocking, ...] = ()
    note: str | None = None
    excerpt: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """The time of its statements."""
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All files, and the time from the first statement to the last rollback; `on_shift` operators would have waited."""

    files: tuple[Rehearsed, ...]
    seconds: float
    max_hold: float | None
    on_shift: int | None

    @property
    def too_long(self) -> bool:
        """Whether a file keeps others waiting for longer than locks may be held, or was not measured because time was up."""
        return any(file.status in ("too long", "out of time") for file in self.files) or (
            self.max_hold is not None and any(one.seconds > self.max_hold for file in self.files for one in file.blocking)
        )

    @property
    def failed(self) -> bool:
        """Whether a file fails."""
        return any(file.status == "failed" for file in self.files)


@dataclass(frozen=True, slots=True)
class Piece:
    """What runs as one transaction: a file, or the views together. `problem` says why it cannot."""

    name: str
    readings: tuple[MigrationText, ...]

    @property
    def statements(self) -> list[tuple[MigrationText, Statement]]:
        """Its statements in order."""
        return [(reading, statement) for reading in self.readings for statement in reading.statements]


Tell = Callable[[str], None]


def pieces(prepared: Prepared) -> list[Piece]:
    """What migrate would run, each in a transaction of its own."""
    found = [Piece(entry.name, (entry.file.reading,)) for entry in prepared.plan.apply if entry.file is not None]
    if prepared.views:
        found.append(Piece("views", tuple(view.reading for view in prepared.views)))
    return found


def rehearse(
    database: Database, prepared: Prepared, run: Run, *, max_hold: float | None, max_wait: float, tell: Tell = lambda line: None
) -> Rehearsal:
    """Runs every pending file that runs in one transaction, and rolls everything back, whatever happens.

    Raises ConflictError when locks were not had within `max_wait` seconds, or another migrator is at work.
    """
    on_shift = _on_shift(database)
    stage = _Stage(database, run, max_hold, max_wait, tell, not prepared.ledger.exists)
    started = time.monotonic()
    try:
        files = stage.all(pieces(prepared))
    finally:
        stage.close()
    return Rehearsal(tuple(files), time.monotonic() - started, max_hold, on_shift)


def _on_shift(database: Database) -> int | None:
    with suppress(DatabaseError), database.reading(statement_timeout="2s"):
        return int(database.value(sqlfiles.read("queries/rehearse_on_shift.sql")))
    return None


@dataclass
class _Relation:
    """What is known of a relation while a transaction goes on. `mode` is the strongest held, taken by the file `since`;
    `told` is the strongest that was reported for the file `file`."""

    relfilenode: int
    mode: int = -1
    since: str = ""
    file: str = ""
    told: int = -1
    read: int = 0
    changed: int = 0


@dataclass
class _Open:
    """A transaction in which files are rehearsed one after the other; `used` are the seconds that the finished ones took."""

    relations: dict[int, _Relation]
    deferred: str | None
    deadline: float | None
    started: float = field(default_factory=time.monotonic)
    used: float = 0.0
    done: list[str] = field(default_factory=list)
    built: set[int] = field(default_factory=set)


class _Stage:
    """The connection on which files are rehearsed, one transaction after the other where one does not do."""

    def __init__(
        self, database: Database, run: Run, max_hold: float | None, max_wait: float, tell: Tell, bookkeeping: bool
    ) -> None:
        self.database = database
        self.run = run
        self.max_hold = max_hold
        self.budget = Budget(max_wait)
        self.tell = tell
        self.bookkeeping = bookkeeping
        self.watch = Watch(database)
        self.open: _Open | None = None
        self.lost: list[str] = []
        """The files whose effects went with the last transaction that ran out of time."""

    @property
    def lock_timeout_ms(self) -> int:
        """How long a statement may wait for a lock, and keep those behind it waiting."""
        return min(LONGEST_LOCK_WAIT_MS, self.budget.deadline_ms)

    def all(self, wanted: Sequence[Piece]) -> list[Rehearsed]:
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

    def once(self, wanted: Sequence[Piece]) -> list[Rehearsed]:
        """Every piece, in one attempt. `absent` are the files whose effects later ones do not see."""
        found: list[Rehearsed] = []
        absent: list[str] = []
        for piece in wanted:
            if any(one.status == "failed" for one in found):
                found.append(Rehearsed(piece.name, "not reached", note="a file before it fails"))
                continue
            refused = next((one for reading in piece.readings for one in reading.problems if one.severity == "error"), None)
            if refused is not None:
                found.append(Rehearsed(piece.name, "failed", note=f"{refused.where}  {refused.message}; {refused.hint}"))
                continue
            mode = next((reading for reading in piece.readings if reading.mode != "transaction"), None)
            if mode is not None:
                found.append(Rehearsed(piece.name, "not rehearsable", note=_why_not(mode)))
                absent.append(piece.name)
                continue
            self.tell(piece.name)
            told = self.piece(piece, absent)
            if told.status != "rehearsed":
                absent += [*([] if self.open else self.lost), piece.name]
            found.append(told)
        self.end()
        return found

    def begin(self) -> _Open:
        """Opens a transaction that can do what a migrator's can, under the migrators' lock."""
        schema = self.database.target.schema
        parts = [
            "begin",
            *ledgers.settings_texts(schema, self.run, lock_timeout_ms=self.lock_timeout_ms),
            *ledgers.lock_text(schema, bookkeeping=self.bookkeeping),
            *(ledgers.bookkeeping_texts() if self.bookkeeping else []),
        ]
        ran = self.database.run("".join(f"{part.rstrip().removesuffix(';')}\n;\n" for part in parts))
        if ran.error is not None:
            if getattr(ran.error, "sqlstate", None) == ledgers.ANOTHER_MIGRATOR:
                holder = ledgers.migrator(self.after_failure())
                raise ConflictError(
                    "another migrator is at work on this schema; nothing was rehearsed", details=[str(holder)] if holder else []
                )
            raise ran.error
        relations = self.database.tuples(sqlfiles.read("queries/rehearse_relations.sql"))
        deferred = self.database.value(sqlfiles.read("queries/rehearse_deferred.sql"))
        now = float(self.database.value(f"select {_CLOCK}"))
        deadline = None if self.max_hold is None else now + self.max_hold
        known = {oid: _Relation(relfilenode, read=read, changed=changed) for oid, relfilenode, read, changed in relations}
        self.open = _Open(known, deferred, deadline)
        return self.open

    def after_failure(self) -> Database:
        """The connection, ready for a query."""
        self.end()
        return self.database

    def end(self) -> None:
        """Rolls back."""
        self.open = None
        self.database.rollback()

    def piece(self, piece: Piece, absent: Sequence[str]) -> Rehearsed:
        """One piece in the open transaction, which is opened when there is none."""
        opened = self.open or self.begin()
        before = {oid: replace(relation) for oid, relation in opened.relations.items()}
        script = _Script(piece, opened.deadline, self.lock_timeout_ms)
        restored = ["release savepoint chatops_file", *CLEAN, *self.settings(opened)]
        transaction = Transaction((*script.parts, *(Part(text) for text in restored)))
        with self.watch.over(None):
            ran = self.database.run(transaction.text, transaction.copies)
        steps = script.steps(ran, opened, piece.name)
        if ran.error is None:
            opened.done.append(piece.name)
            opened.used = time.monotonic() - opened.started
            return Rehearsed(piece.name, "rehearsed", tuple(steps), tuple(_blocking(steps, script.at_the_end(ran))))
        if not isinstance(ran.error, DatabaseError) or retried(ran.error):
            raise ran.error
        told = self.stopped(piece, script, transaction, ran, steps, opened, absent)
        if told.status in ("too long", "out of time"):
            self.lost = list(opened.done)
            self.end()
        else:
            self.take_back(opened, before)
        return told

    def settings(self, opened: _Open) -> list[str]:
        """The statements by which a file finds the transaction as a migrator would leave it."""
        schema = self.database.target.schema
        deferred = [f"set constraints {opened.deferred} deferred"] if opened.deferred else []
        return [*ledgers.settings_texts(schema, self.run, lock_timeout_ms=self.lock_timeout_ms), *deferred]

    def take_back(self, opened: _Open, before: dict[int, _Relation]) -> None:
        """Undoes the file that stopped, and keeps those before it."""
        text = "".join(f"{part}\n;\n" for part in ("rollback to savepoint chatops_file", *self.settings(opened)))
        ran = self.database.run(text)
        if ran.error is not None:
            raise ran.error
        opened.relations = before
        for oid, relfilenode, read, changed in self.database.tuples(sqlfiles.read("queries/rehearse_relations.sql")):
            # What was counted for the file that stopped is not counted for the next one.
            if (relation := opened.relations.get(oid)) is not None:
                relation.relfilenode, relation.read, relation.changed = relfilenode, read, changed

    def stopped(
        self, piece: Piece, script: _Script, transaction: Transaction, ran: Ran, steps: list[Step], opened: _Open,
        absent: Sequence[str],
    ) -> Rehearsed:  # fmt: skip
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
        if error.sqlstate in ("55P04", "55006") and before and not _own_fault(piece, error.sqlstate, steps):
            note = f"{message}: only because {', '.join(before)} would be committed before it"
            return Rehearsed(piece.name, "not together", tuple(steps), note=note)
        if error.sqlstate in _MAY_BE_MADE_BEFORE and absent:
            return Rehearsed(piece.name, "needs another", tuple(steps), note=f"{message}: it may need {', '.join(absent)}")
        detail = discreet(error.server_detail)
        return Rehearsed(
            piece.name, "failed", tuple(steps), note=f"{message}{f'; {detail}' if detail else ''}",
            excerpt=spot.excerpt if spot else (),
        )  # fmt: skip

    def cut(self, piece: Piece, script: _Script, statement: Statement | None, steps: list[Step], opened: _Open) -> Rehearsed:
        """A piece that was cancelled because locks had been held for long enough, by it or by those before it."""
        assert self.max_hold is not None
        own = max(0.0, self.max_hold - opened.used)
        if own < self.max_hold / 2:
            note = f"{', '.join(opened.done)} used up the {self.max_hold:g} s for which locks may be held"
            return Rehearsed(piece.name, "out of time", tuple(steps), note=note)
        if statement is not None:
            left = max(0.0, own - sum(step.seconds for step in steps))
            locks = script.cut_locks(statement)
            cut = Step(piece.name, statement.line, statement.text, left, locks, over=True, help=_help(statement, (), over=True))
            steps.append(cut)
        before = f", of which {opened.used:.2g} s went to the files before it" if opened.done else ""
        note = f"cancelled: locks had been held for {self.max_hold:g} s{before}"
        return Rehearsed(piece.name, "too long", tuple(steps), tuple(_blocking(steps, 0.0)), note)

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


def _waiting(blockers: Sequence[Blocker], lock_timeout_ms: int, attempt: int) -> str:
    what = f" on {blockers[0].waits_for}: blocked by {blockers[0]}" if blockers else ""
    return f"a lock{what} was not had in {lock_timeout_ms} ms (attempt {attempt}); rolled back, trying again"


def _why_not(reading: MigrationText) -> str:
    if reading.mode == "batched":
        return "commits after every batch, so it cannot be rolled back"
    return (
        f"runs outside a transaction ({reading.mode_reason})"
        if reading.mode_reason != "declared"
        else "runs outside a transaction"
    )


def _own_fault(piece: Piece, sqlstate: str, steps: Sequence[Step]) -> bool:
    """Whether a file fails by itself with an error that may also come from the files before it in one transaction."""
    if sqlstate == "55P04":
        return any("ADD VALUE" in " ".join(keywords(one, 12)) for _, one in piece.statements)
    return any(touched.what == "changes" for step in steps for touched in step.touched)


# -- one file ------------------------------------------------------------------------------------------------------------


class _Script:
    """The statements of a piece with a look at the clock and at the transaction around each."""

    def __init__(self, piece: Piece, deadline: float | None, lock_timeout_ms: int) -> None:
        self.piece = piece
        self.parts = [Part("savepoint chatops_file")]
        self.places: list[tuple[int, MigrationText, Statement, bool]] = []
        statements = piece.statements
        for index, (reading, statement) in enumerate(statements):
            looked = (
                len(statements) <= MEASURED_ONE_BY_ONE
                or index == len(statements) - 1
                or not _STRONG.isdisjoint(keywords(statement, 1))
            )
            self.parts.append(Part(_limits(deadline, lock_timeout_ms)))
            self.places.append((len(self.parts), reading, statement, looked))
            text = reading.sent[statement.leading : statement.end if statement.copy_data else statement.stop]
            self.parts.append(Part(text, reading, statement))
            self.parts.append(Part(f"select {_CLOCK}, pg_catalog.set_config('statement_timeout', '0', true)"))
            if looked:
                self.parts.append(Part(_state()))
        # What a commit would still have to do.
        self.parts.append(Part(_limits(deadline, lock_timeout_ms)))
        self.last = len(self.parts)
        self.parts.append(Part("set constraints all immediate"))
        self.parts.append(Part(f"select {_CLOCK}, pg_catalog.set_config('statement_timeout', '0', true)"))

    def at_the_end(self, ran: Ran) -> float:
        """Seconds for the constraints that are checked at commit."""
        before, after = ran.firsts[self.last - 1], ran.firsts[self.last + 1]
        return max(0.0, float(after or 0) - float(before or 0))

    def steps(self, ran: Ran, opened: _Open, name: str) -> list[Step]:
        """Every statement that came to its end, measured."""
        found: list[Step] = []
        for at, _, statement, looked in self.places:
            if len(ran.firsts) <= at + 1 + looked:
                break
            seconds = max(0.0, float(ran.firsts[at + 1] or 0) - float(ran.firsts[at - 1] or 0))
            held = json.loads(ran.firsts[at + 2] or "[]") if looked else []
            locks, touched = _measured(held, opened, statement, name, ran.tags[at])
            found.append(Step(name, statement.line, statement.text, seconds, locks, touched, help=_help(statement, touched)))
        return found

    def cut_locks(self, statement: Statement) -> tuple[Lock, ...]:
        """The locks of a statement that was cancelled: those that such a statement is known to take."""
        return tuple(Lock(name, STRENGTH[mode]) for name, mode in usual_locks(statement).items())


def _limits(deadline: float | None, lock_timeout_ms: int) -> str:
    """The clock, and what is left for the next statement; the clock is read last."""
    timeout = "'0'"
    if deadline is not None:
        left = f"1000 * ({deadline:.3f} - pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()))"
        timeout = f"greatest(1, {left})::integer::text"
    return (
        f"with limits as materialized (select pg_catalog.set_config('lock_timeout', '{lock_timeout_ms}', true) as a, "
        f"pg_catalog.set_config('statement_timeout', {timeout}, true) as b) select {_CLOCK} from limits"
    )


def _state() -> str:
    return sqlfiles.read("queries/rehearse_state.sql").rstrip().removesuffix(";")


def _measured(
    held: Sequence[Mapping[str, Any]], opened: _Open, statement: Statement, name: str, tag: str
) -> tuple[tuple[Lock, ...], tuple[Touched, ...]]:
    """What a statement took and did, by what the transaction holds after it; `opened` is brought up to date."""
    locks: list[Lock] = []
    touched: list[Touched] = []
    names = {relation["oid"]: relation["name"] for relation in held}
    reads = {one["oid"]: one["read"] - known.read for one in held if (known := opened.relations.get(one["oid"])) is not None}
    rebuilt: dict[int, list[int]] = {}
    for relation in held:
        known = opened.relations.get(relation["oid"])
        if known is not None and relation["index_of"] and known.relfilenode != relation["relfilenode"]:
            rebuilt.setdefault(relation["index_of"], []).append(int(relation["estimated_rows"]))
    for relation in held:
        oid, kind = relation["oid"], relation["kind"]
        known = opened.relations.get(oid)
        if known is None:
            owner = relation["index_of"]
            if kind == "i" and owner in opened.relations and oid not in opened.built:
                opened.built.add(oid)
                rows = max(int(relation["estimated_rows"]), reads.get(owner, 0))
                touched.append(Touched(names.get(owner, "?"), "builds", rows, relation["bytes"], relation["name"]))
            continue
        strongest = max(STRENGTH.index(spelled(mode)) for mode in relation["modes"])
        if kind not in ("i", "I") or _index_alone(relation, held, strongest):
            locks += _lock(relation, known, strongest, statement, name)
        if strongest > known.mode:
            known.mode, known.since = strongest, name
        touched += _touched(relation, known, rebuilt.get(oid, []), tag, held)
        known.relfilenode, known.read, known.changed = relation["relfilenode"], relation["read"], relation["changed"]
    built = {one.relation for one in touched if one.what in ("builds", "rewrites", "empties")}
    return tuple(locks), tuple(one for one in touched if one.what != "scans" or one.relation not in built)


def _index_alone(relation: Mapping[str, Any], held: Sequence[Mapping[str, Any]], strongest: int) -> bool:
    """Whether an index is locked against every reader while its table is not."""
    if strongest < BLOCKS_READS:
        return False
    table = next((one for one in held if one["oid"] == relation["index_of"]), None)
    return table is None or "AccessExclusiveLock" not in table["modes"]


def _lock(relation: Mapping[str, Any], known: _Relation, strongest: int, statement: Statement, name: str) -> list[Lock]:
    """The lock that a statement took on a relation, if it is one worth a word and was not told before."""
    if known.file != name:
        known.file, known.told = name, -1
    if strongest > known.mode:
        mode, since = strongest, None
    else:
        # An earlier file holds as much already: only the statement tells what this one asks for.
        usual = usual_locks(statement).get(relation["name"]) if known.since != name else None
        if usual is None:
            return []
        mode, since = min(usual, known.mode), known.since
    if mode < WORTH_A_WORD or mode <= known.told:
        return []
    known.told = mode
    return [Lock(relation["name"], STRENGTH[mode], since)]


def _touched(
    relation: Mapping[str, Any], known: _Relation, rebuilt: Sequence[int], tag: str, held: Sequence[Mapping[str, Any]]
) -> list[Touched]:
    """What a statement did to the rows of a relation that was there before."""
    name, kind = relation["name"], relation["kind"]
    read, changed = relation["read"] - known.read, relation["changed"] - known.changed
    anew = relation["relfilenode"] != known.relfilenode
    if kind in ("i", "I"):
        table = next((one for one in held if one["oid"] == relation["index_of"]), None)
        if not anew or table is None or tag.startswith(("ALTER TABLE", "TRUNCATE")):
            return []
        return [Touched(table["name"], "builds", max(0, int(relation["estimated_rows"])), relation["bytes"], name)]
    if kind not in ("r", "m", "p", "f"):
        return []
    found: list[Touched] = []
    if anew and tag.startswith("TRUNCATE"):
        found.append(Touched(name, "empties", 0))
    elif anew:
        # Building an index anew reads the rows once more, in part in other processes; it leaves their number in the index.
        found.append(Touched(name, "rewrites", max(read // (1 + len(rebuilt)), *rebuilt, 0), relation["bytes"]))
    elif read > 0:
        found.append(Touched(name, "scans", read))
    if changed > 0 and not anew:
        found.append(Touched(name, "changes", changed))
    return found


def _blocking(steps: Sequence[Step], at_the_end: float) -> list[Blocking]:
    """Whom the statements of one file keep waiting, and for how long: to its end, for no lock is let go before."""
    more = any(step.over for step in steps)
    since: dict[tuple[str, int], int] = {}
    rows: dict[str, int] = {}
    for index, step in enumerate(steps):
        for lock in step.locks:
            strength = STRENGTH.index(lock.mode)
            for level in (BLOCKS_WRITES, BLOCKS_READS):
                if strength >= level:
                    since.setdefault((lock.relation, level), index)
        for touched in step.touched:
            if touched.what == "changes":
                rows.setdefault(touched.relation, index)

    def left(index: int) -> float:
        return sum(step.seconds for step in steps[index:]) + at_the_end

    found: list[Blocking] = []
    for (relation, level), index in since.items():
        if level == BLOCKS_READS:
            found.append(Blocking(relation, "every read and write", left(index), more))
        elif since.get((relation, BLOCKS_READS)) != index:
            found.append(Blocking(relation, "every write", left(index), more))
    for relation, index in rows.items():
        if since.get((relation, BLOCKS_WRITES), len(steps)) > index:
            found.append(Blocking(relation, "other writes of the changed rows", left(index), more))
    return sorted(found, key=lambda one: (one.relation, one.what != "every read and write"))


# Help is offered for tables that are worth it.
BIG_ROWS = 1000


def _help(statement: Statement, touched: Sequence[Touched], *, over: bool = False) -> str | None:
    """The gentle way to the same end, for what is known to have one and took a table of some size, or was cancelled."""
    words = " ".join(token.upper or token.text for token in significant(statement.text))
    big = {one.what for one in touched if one.rows >= BIG_ROWS} if not over else {"rewrites", "scans", "builds"}
    if not words.startswith(("ALTER TABLE", "CREATE")) or not big & {"rewrites", "scans", "builds"}:
        return None
    if re.match(r"CREATE (UNIQUE )?INDEX", words):
        return "create index concurrently, in a file of its own, blocks nobody"
    if " SET NOT NULL" in words:
        return "add check (… is not null) not valid, validate it in a later file; set not null then scans nothing"
    if re.search(r" ADD (CONSTRAINT \S+ )?(UNIQUE|PRIMARY KEY)", words):
        return "create unique index concurrently in a file of its own, then add constraint … using index"
    if re.search(r" ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY)", words) and "NOT VALID" not in words:
        return "add it not valid, and validate it in a later file: that blocks nobody"
    if "rewrites" in big and " ADD " in words:
        return "add it without a default, fill it in batches (-- chatops: batched), set the default last"
    if "rewrites" in big and " TYPE " in words:
        return "add a column of the new type, fill it in batches (-- chatops: batched), and change over to it"
    return None

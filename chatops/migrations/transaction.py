"""The text of one transaction: lock, ledger row, the file's own statements, the end of the ledger row, commit.

The whole is sent as one request. So a file costs one round trip, a client that dies leaves a transaction that ends by itself,
and the server parses all of it before the first statement runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chatops import db, sqlfiles
from chatops.db import Database, Ran
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.bookkeeping import bookkeeping_texts
from chatops.migrations.citus_form import Form, form_of
from chatops.migrations.ledger import Run
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.placing import quoted_names, unplaced
from chatops.migrations.plan import Entry
from chatops.migrations.scanner import Statement, keywords
from chatops.migrations.source import SHIPPED
from chatops.migrations.views import READ_AS_CALLER, View

# A lock that is wanted late in an attempt gets at least this; on a busy table none is had in less.
SHORTEST_LOCK_TIMEOUT_MS = 20
# With more statements than that, only those that take strong locks are given what is left of the deadline.
MANY_STATEMENTS = 500
BELOW_DEADLOCK = 0.8
_STRONG = frozenset(("ALTER", "CALL", "CLUSTER", "CREATE", "DO", "DROP", "LOCK", "REFRESH", "REINDEX", "TRUNCATE"))
_BLOCK = re.compile(r"do\b", re.IGNORECASE)
_SETS = re.compile(r"\balter\s+(?:function|procedure|routine)\b.*\bset\s", re.IGNORECASE | re.DOTALL)
_NAMED = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:(?:recursive|temp|temporary)\s+)*(?:function|procedure|view)\s+"
    r"(?:(?:\"[^\"]+\"|\w+)\s*\.\s*)?(\"(?:[^\"]|\"\")+\"|\w+)",
    re.IGNORECASE,
)
# A file may leave settings and a role behind; what follows it, and the next file, must not run under them.
CLEAN = ("reset session authorization", "reset role", "reset all")
# psql gives each file a session of its own: a temporary table of an earlier file would stand before a real one, and currval
# would answer for it.
FRESH = ("discard temp", "discard sequences")
# A lock that a file takes for its session would be kept from everybody else while later files run; behind a pooler, for ever.
UNLOCKED = "select pg_catalog.pg_advisory_unlock_all()"
FRESH_SESSION = "; ".join(("close all", "deallocate all", "unlisten *", *FRESH))
KEPT_BY_SESSIONS = (
    (re.compile(r"\bprepare\b", re.IGNORECASE), "deallocate all"),
    (re.compile(r"\bhold\b", re.IGNORECASE), "close all"),
    (re.compile(r"\blisten\b", re.IGNORECASE), "unlisten *"),
)
# The log is written in order: the flush of a later commit takes this one along, and a crash before it loses whole files only,
# each with its row in the ledger.
UNFLUSHED = "set local synchronous_commit = off"
AFTERWARDS = "$statement_of_afterwards$"
LOCK_AFTERWARDS_MS = 1000
_LEFT = (
    f"select pg_catalog.set_config('lock_timeout', greatest({SHORTEST_LOCK_TIMEOUT_MS},\n  "
    "coalesce(nullif(pg_catalog.current_setting('chatops.deadline_ms', true), '')::float8, 0::float8)"
    "\n  - 1000::float8 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()))::integer::text, true)"
)
_LEFT_ON_A_CLUSTER = (
    "do $left$ begin execute pg_catalog.format('set local lock_timeout = %s', "
    f"greatest({SHORTEST_LOCK_TIMEOUT_MS},\n  "
    "coalesce(nullif(pg_catalog.current_setting('chatops.deadline_ms', true), '')::float8, 0::float8)"
    "\n  - 1000::float8 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()))::integer); end $left$"
)
"""The same where it must reach the workers: by SET, in a block."""


@frozen
class Part:
    """One statement of the transaction; `statement` and `reading` say which of a file's it is, None for one of ours."""

    text: str
    reading: MigrationText | None = None
    statement: Statement | None = None
    translated: bool = False
    """Whether this is what a Citus cluster gets for the file's statement: then places in it are none in the file."""


@frozen
class Failure:
    """Where and why a transaction stopped; `statement` is None when one of our own statements failed."""

    error: DatabaseError
    reading: MigrationText | None
    statement: Statement | None
    offset: int | None


@frozen
class Transaction:
    """Statements that go to the server together, and what a failure among them means."""

    parts: tuple[Part, ...]
    end: int | None = None
    """Which of them records that a file is wholly in, and tells how long it took."""
    apart: bool = False
    """Whether each goes by itself: a Citus cluster sends on the whole of a request."""

    @property
    def text(self) -> str:
        """What is sent. Each statement ends in a line of its own, so that a comment at its end swallows nothing."""
        return "".join(f"{part.text}\n;\n" for part in self.parts)

    def sent_by(self, database: Database) -> Ran:
        """Sends it; how far it came."""
        if self.apart:
            return database.run_apart([part.text for part in self.parts], self.heard)
        return database.run(self.text, self.copies, self.heard)

    @property
    def pasteable(self) -> str:
        """The same for psql, which wants the rows of a COPY behind its statement."""
        rows = iter(self.copies)
        return "".join(
            f"{part.text}\n;\n" + (f"{next(rows)}\\.\n" if part.statement and part.statement.copy_data else "")
            for part in self.parts
        )

    @property
    def heard(self) -> set[int]:
        """The numbers of the statements that are a file's own."""
        return {at for at, part in enumerate(self.parts) if part.statement is not None}

    @property
    def copies(self) -> list[str]:
        """The rows of each COPY … FROM stdin."""
        found = []
        for part in self.parts:
            if part.reading and part.statement and part.statement.copy_data:
                begin, end = part.statement.copy_data
                found.append(part.reading.sent[begin:end])
        return found

    def rows_changed(self, ran: Ran) -> int:
        """How many rows the file's own INSERT, UPDATE, DELETE, MERGE and COPY statements changed."""
        total = 0
        for part, tag in zip(self.parts, ran.tags, strict=False):
            if part.statement is not None:
                word, _, rest = tag.partition(" ")
                total += int(rest.rpartition(" ")[2]) if word in ("INSERT", "UPDATE", "DELETE", "MERGE", "COPY") else 0
        return total

    def duration_ms(self, ran: Ran) -> float:
        """How long the file took by the server's clock; 0 where the server did not say."""
        return _told(ran, self.end) or 0.0

    def recorded_ms(self, ran: Ran | None, ended: str) -> float | None:
        """The same of what the statement `ended` records, as the ledger has it; None where the server did not say."""
        text = ended.rstrip().removesuffix(";")
        at = next(
            (at for at, part in enumerate(self.parts) if part.statement is None and part.text.rstrip().removesuffix(";") == text),
            None,
        )
        return _told(ran, at) if ran is not None else None

    def failure(self, ran: Ran) -> Failure:
        """Where a run of this text stopped: by the server's position, else by the number of statements that had finished."""
        error = ran.error
        assert isinstance(error, DatabaseError)
        if error.position is not None:
            start = 0
            for part in self.parts:
                end = start + len(part.text) + 3
                if error.position - 1 < end:
                    if part.statement is None or part.reading is None:
                        return Failure(error, None, None, None)
                    inside = min(error.position - 1 - start, len(part.text))
                    if part.translated:
                        inside = part.statement.start - part.statement.leading
                    return Failure(error, part.reading, part.statement, part.statement.leading + inside)
                start = end
        part = self.parts[min(len(ran.tags), len(self.parts) - 1)]
        if part.statement is None or part.reading is None:
            return Failure(error, None, None, None)
        names = [name for name in (error.constraint, *quoted_names(error.message)) if name]
        return Failure(
            error,
            part.reading,
            part.statement,
            unplaced(error.context, names, part.reading, part.statement, repeated=error.sqlstate == "42701"),
        )


def _told(ran: Ran, at: int | None) -> float | None:
    told = ran.firsts[at] if at is not None and at < len(ran.firsts) else None
    return None if told is None else float(told)


def for_file(
    entry: Entry, schema: str, run: Run, *, deadline_ms: int, bookkeeping: bool, statement_timeout: str | None = None,
    waited_ms: float = 0.0, first: Sequence[str] = (), patient: bool = False, followed: bool = False, run_known: bool = False,
    also: Sequence[str] = (), has_chats: bool = False, begun: Sequence[str] = (), ended: str | None = None,
    prepares: Sequence[str] = (), shortened: Callable[[str], str] | None = None,
) -> Transaction:  # fmt: skip
    """A pending file that runs in one transaction; `bookkeeping` makes the ledger first, `first` are locks to begin with.

    `followed` says that another transaction of the run comes after it, whose commit makes this one durable too; `run_known`
    that one came before it, which has recorded the run. `also` are statements that stand or fall with the file. `has_chats`:
    the chat tables are there already, which keeps a file from making them on a Citus cluster. `begun` are statements that lock,
    expect and record all that ours would, `ended` is the one in the place of ours. `shortened` gives another text for a statement
    of ours that is the same in every file, once `prepares` have run.
    """
    file = entry.file
    assert file is not None  # it is pending
    own = [ending for word, ending in KEPT_BY_SESSIONS if word.search(file.reading.sent)]
    own += [UNLOCKED] if file.source != SHIPPED else []
    last = [*own, *also, ended or ledger.end_text(schema, file.source, file.name), *([UNFLUSHED] if followed else [])]
    tail = _tail(schema, run, last)
    if begun:
        path, *settings = _settings(schema, run, deadline_ms, statement_timeout)
        head = [Part(text.rstrip().removesuffix(";")) for text in ("begin", path, *prepares, *settings, *begun)]
    else:
        of_file = (file.source, file.name, file.number, file.checksum)
        begin = ledger.begin_text(schema, *of_file, run, digests=file.digests, waited_ms=waited_ms)
        known = {"bookkeeping": bookkeeping, "run_known": run_known}
        head = _head(schema, run, deadline_ms, statement_timeout, source=file.source, **known)
        head += [Part(ledger.expect_text(schema, file.source, file.name, entry.row)), Part(begin)]
    parts = (
        *head,
        *_kept(schema, file.source, file.name, file.reading),
        *(Part(text) for text in FRESH if file.source != SHIPPED),
        *([] if begun else [Part(deadline_text(deadline_ms, patient=patient))]),
        *_locks(first, run),
        *(Part(text) for text in ledger.file_path_texts(file.source, schema) if file.source != SHIPPED),
        *_body(file.reading, run, form=_form(run, file.source, file.name), first=not first, has_chats=has_chats),
        *tail,
    )
    if shortened is not None:
        parts = tuple(Part(shortened(part.text)) if part.statement is None else part for part in parts)
    return Transaction(parts, len(parts) - (3 if followed else 2), run.tenant)


def alike_texts(
    schema: str, source: str, run: Run, *, deadline_ms: int, statement_timeout: str | None = None
) -> list[str]:  # fmt: skip
    """The queries of ours that are the same in every file that goes with others."""
    texts = [*_settings(schema, run, deadline_ms, statement_timeout), *ledger.file_path_texts(source, schema), _LEFT, UNLOCKED]
    return [text for text in texts if text.startswith("select")]


def _settings(schema: str, run: Run, deadline_ms: int, statement_timeout: str | None) -> list[str]:
    """What a file that goes with others begins with, the attempt's deadline included."""
    return ledger.settings_texts(
        schema, run, lock_timeout_ms=deadline_ms, statement_timeout=statement_timeout, also=[_deadline(deadline_ms)]
    )


def for_ledger(texts: Sequence[str], schema: str, run: Run, *, deadline_ms: int, bookkeeping: bool) -> Transaction:
    """Statements about the ledger alone; `bookkeeping` makes it first."""
    head = _head(schema, run, deadline_ms, None, bookkeeping=bookkeeping, source="")
    return Transaction((*head, *(Part(text.rstrip().removesuffix(";")) for text in texts), Part("commit")), apart=run.tenant)


def for_views(
    views: Sequence[View], schema: str, run: Run, *, source: str, deadline_ms: int, statement_timeout: str | None = None,
    waited_ms: float = 0.0,
) -> Transaction:  # fmt: skip
    """Every view whose text changed, all or none."""
    parts = _head(schema, run, deadline_ms, statement_timeout, bookkeeping=False)
    parts.append(Part(deadline_text(deadline_ms)))
    for place, view in enumerate(views):
        of_view = (source, view.ledger_name, None, view.reading.checksum)
        begin = ledger.begin_text(schema, *of_view, run, kind="repeatable", waited_ms=0.0 if place else waited_ms)
        parts += [
            Part(ledger.expect_text(schema, source, view.ledger_name, view.row)),
            Part(begin),
            *_kept(schema, source, view.ledger_name, view.reading),
            *_body(view.reading, run, form=_form(run, source, view.ledger_name)),
            Part(ledger.end_text(schema, source, view.ledger_name)),
        ]  # fmt: skip
    return Transaction((*parts, *_rights(views, run), *_tail(schema, run, [])), apart=run.tenant)


def _rights(views: Sequence[View], run: Run) -> list[Part]:
    """Who may read the tables may read those of the views that are new; a Citus cluster does not send such grants on."""
    new = [view.name for view in views if view.row is None and view.name in READ_AS_CALLER]
    text = db.inlined(sqlfiles.read("queries/views_rights.sql"), {"views": new})
    return [Part(text.rstrip())] if new and not run.tenant else []


def for_afterwards(statement: str, schema: str, run: Run) -> Transaction:
    """A statement behind a tenant's files, in a block that keeps its failure from those who come after it."""
    asked = f"execute {AFTERWARDS}{statement}{AFTERWARDS}"
    block = f"do $afterwards$ begin {asked}; exception when others then null; end $afterwards$"
    texts = ["begin", *ledger.settings_texts(schema, run, lock_timeout_ms=LOCK_AFTERWARDS_MS), UNFLUSHED, block, "commit"]
    return Transaction(tuple(Part(text.rstrip().removesuffix(";")) for text in texts))


def deadline_text(deadline_ms: int, *, patient: bool = False) -> str:
    """The statement by which the attempt's deadline begins to run: from here on locks on the tables of others are taken.

    The first lock may take all of it. Whoever holds one and waits for another stays below deadlock_timeout, unless `patient`:
    past that the server breaks a circle by failing a client's transaction rather than ours.
    """
    return f"select {_deadline(deadline_ms, patient=patient)}"


def _deadline(deadline_ms: int, *, patient: bool = False) -> str:
    least_wait = "pg_catalog.date_part('epoch', pg_catalog.current_setting('deadlock_timeout')::interval)"
    below = f"{1000 * BELOW_DEADLOCK}::float8 * {least_wait}"
    left = str(deadline_ms) if patient else f"least({deadline_ms}, {below})"
    return (
        "pg_catalog.set_config('chatops.deadline_ms',\n"
        "  (1000::float8 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())"
        f"\n  + {left}::float8)::bigint::text, true)"
    )


def replaced_by(reading: MigrationText) -> list[str]:
    """The names of the functions, procedures and views that a file creates, without their schema, in blocks too; and those that
    a block names which sets something on functions.

    What they were before is kept in the ledger, for going back: by hand, or by `remove`.
    """
    names: dict[str, None] = {}
    for statement in reading.statements:
        block = _BLOCK.match(statement.text) is not None
        found = _NAMED.finditer(statement.text) if block else filter(None, [_NAMED.match(statement.text)])
        for match in found:
            name = match[1]
            names[name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()] = None
        if block and _SETS.search(statement.text):
            names |= dict.fromkeys(re.findall(r"'(\w+)'", statement.text))
    return list(names)


def _kept(schema: str, source: str, name: str, reading: MigrationText) -> list[Part]:
    return [Part(text.rstrip().removesuffix(";")) for text in ledger.replaced_texts(schema, source, name, replaced_by(reading))]


def _head(
    schema: str,
    run: Run,
    deadline_ms: int,
    statement_timeout: str | None,
    *,
    bookkeeping: bool,
    run_known: bool = False,
    source: str = SHIPPED,
) -> list[Part]:
    settings = ledger.settings_texts(schema, run, lock_timeout_ms=deadline_ms, statement_timeout=statement_timeout)
    texts = ["begin", *settings, *ledger.lock_text(schema, bookkeeping=bookkeeping, source=source)]
    if bookkeeping:
        texts += bookkeeping_texts()
    if not run_known:
        texts.append(ledger.run_text(run))
    return [Part(text.rstrip().removesuffix(";")) for text in texts]


def _left(run: Run) -> Part:
    return Part(_LEFT_ON_A_CLUSTER if run.tenant else _LEFT)


def _locks(first: Sequence[str], run: Run) -> list[Part]:
    return [part for index, text in enumerate(first) for part in ([_left(run)] if index else []) + [Part(text)]]


def _form(run: Run, source: str, name: str) -> Form | None:
    return form_of(name) if run.tenant and source == SHIPPED else None


def _body(
    reading: MigrationText, run: Run, *, form: Form | None = None, first: bool = True, has_chats: bool = False
) -> list[Part]:
    """The file's statements as they stand, each told what is left of the attempt's deadline.

    So an attempt that already holds a lock and waits for the next one keeps everybody else waiting no longer than that.
    """
    if form is not None and form.only_without is not None and has_chats:
        return []
    every = len(reading.statements) <= MANY_STATEMENTS
    parts: list[Part] = []
    for index, statement in enumerate(reading.statements):
        if (index or not first) and (every or not _STRONG.isdisjoint(keywords(statement, 1))):
            parts.append(_left(run))
        if form is not None:
            texts = form.texts(statement.text)
            parts += [Part(text, reading, statement, text != statement.text) for text in texts]
            continue
        text = reading.sent[statement.leading : statement.end if statement.copy_data else statement.stop]
        parts.append(Part(text, reading, statement))
    return parts


def _tail(schema: str, run: Run, last: Sequence[str]) -> list[Part]:
    settings = [ledger.path_text(schema), "set local lock_timeout = '3s'"]
    texts = [*CLEAN, *settings, *(text.rstrip().removesuffix(";") for text in last), "commit"]
    return [Part(text) for text in texts]

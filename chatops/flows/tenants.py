"""One command over many tenants, the schemas of a database or several databases: each asked alone, and one page of all."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import partial
from typing import Literal, TypeVar

from chatops import formatting, schemas, settings
from chatops.db import Database, Facts, Intent, connect
from chatops.db.sessions import Sessions, place_of
from chatops.errors import (
    ChatopsError,
    ExitCode,
    NotATerminalError,
    RefusedError,
    UnreachableError,
    UsageError,
    standby_refused,
    worst,
)
from chatops.flows import ahead
from chatops.flows.connection import started
from chatops.flows.given import Given
from chatops.flows.live_line import live_line
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.flows.watch_option import shown
from chatops.frozen import frozen
from chatops.model import Answer, Line
from chatops.schemas import Schema
from chatops.screens import tenants as screen
from chatops.screens.tenants import Page, TenantRow
from chatops.settings import Target

MOST_NAMES = 5
JOBS, MOST_JOBS = 4, 64
MANY = 20
"""From so many tenants on it is told how far the look is."""
Scope = Literal["all", "tenant", "database"]
"""What is asked in the name of one tenant: all, what is its own, or what is the same for all of its database."""
One = TypeVar("One")
Made = TypeVar("Made")


class OneTenant(Invocation):
    """The run for one of many tenants: nobody answers its questions, what it would show is kept, its connections are shared."""

    is_one_of_many = True

    def __init__(
        self, whole: Invocation, target: Target, sessions: Sessions, known: Facts | None = None, scope: Scope = "all"
    ) -> None:
        super().__init__(Given(**{one.name: getattr(whole, one.name) for one in fields(Given)}))
        self.environ = whole.environ
        self.__dict__["configuration"] = whole.configuration
        self.write = ()
        self.output = "json"
        self.sessions = sessions
        self.answer: Answer | None = None
        self.said: list[str] = []
        self.known = known
        self.scope = scope
        self._target = target
        self._whole = whole
        self._taken: list[Database] = []
        self._banner_shown = True  # the run's own stands for all

    @property
    def interactive(self) -> bool:
        """Nobody is asked about one of five hundred."""
        return False

    def asks(self, *, of_database: bool) -> bool:
        """As its scope has it."""
        return self.scope in ("all", "database" if of_database else "tenant")

    @property
    def has_tenants(self) -> bool:
        """It is one of them."""
        return False

    @property
    def streams(self) -> bool:
        """An answer is kept whole."""
        return False

    def connect(self, intent: Intent = "read", *, target: Target | None = None) -> Database:
        """A connection that the tenants share, given back when this one is done."""
        database = self.sessions.take(target or self.target, intent)
        self._taken.append(database)
        database.known = self.known if target is None else None
        database.before_writing = None if intent == "read" else ahead.refuse_ahead
        database.show_names = self._whole.medium().show_names
        self.fits, self.lacks = database.fitting, database.lacking
        return database

    @contextlib.contextmanager
    def connected(self, intent: Intent = "read") -> Iterator[Database]:
        """A connection for a block, given back behind it: a new session for each tenant would begin without a cache."""
        database = self.connect(intent)
        try:
            yield database
        finally:
            self._given_back(database)

    def close(self) -> None:
        """Gives the connections back."""
        while self._taken:
            self._given_back(self._taken[-1])
        super().close()

    def _given_back(self, database: Database) -> None:
        """One that a failure left in a transaction is closed."""
        self._taken.remove(database)
        if not database.closed and database.in_transaction:
            database.close()
        self.sessions.give(database, as_new=database.intent == "migrate")

    def show(self, answer: Answer, emit: Callable[[str], object] | None = None) -> None:
        """Keeps the answer."""
        self.answer = answer

    def emit(self, piece: str, medium: object = None) -> None:
        """Nothing is written for one tenant alone."""

    def note(self, line: Line) -> None:
        """Keeps what would have been said beside the answer."""
        self.said.append(line if isinstance(line, str) else "".join(span.text for span in line))


@frozen
class Found:
    """A tenant that is to be asked; or why it cannot be, in `error`."""

    target: Target
    label: str
    error: ChatopsError | None = None
    facts: Facts | None = None
    scope: Scope = "all"


def over_all(
    invocation: Invocation, run: Callable[[OneTenant], ExitCode], page: Page, *, watch: float | None = None,
    chats: bool = True, most_jobs: int = MOST_JOBS, limit: int | None = None,
) -> ExitCode:  # fmt: skip
    """Runs a command's own flow for each tenant and shows one page of their answers; the exit code is the worst.

    `chats`: schemas without chat tables are left out, and named on stderr. `limit`: how many tenants are listed.
    """
    return show(invocation, lambda: rows(invocation, run, page, chats=chats, most_jobs=most_jobs), page, watch=watch, limit=limit)


def show(
    invocation: Invocation, ask: Callable[[], Sequence[TenantRow]], page: Page, *, watch: float | None = None,
    limit: int | None = None,
) -> ExitCode:  # fmt: skip
    """One page of the rows that `ask` finds, again and again with `watch`; the exit code is that of the worst tenant."""
    if watch is not None:
        return shown(invocation, lambda: screen.answer(page, ask(), invocation.now, limit), watch)
    found = ask()
    show_paged(invocation, screen.answer(page, found, invocation.now, limit))
    return worst(row.code for row in found)


def rows(
    invocation: Invocation, run: Callable[[OneTenant], ExitCode], page: Page, *, chats: bool = True, most_jobs: int = MOST_JOBS
) -> list[TenantRow]:
    """What the command's own flow finds in each tenant, as the page tells it, in the order of the names."""
    sessions = Sessions(invocation.command)
    try:
        jobs = min(jobs_of(invocation), most_jobs)
        tenants = _asked_once(found_tenants(invocation, sessions, jobs, chats=chats), page)
        with _counting(invocation, len(tenants)) as count:

            def look(tenant: Found) -> TenantRow:
                row = _row(invocation, sessions, run, page, tenant)
                count()
                return row

            found = side_by_side(tenants, look, jobs, sessions)
        return [row for row in found if not (row.of_database and row.well)]
    finally:
        sessions.close()


def _asked_once(tenants: Sequence[Found], page: Page) -> list[Found]:
    """The tenants, and for each database that has several one more look, at what is the same for all of them.

    Where the page has no line for a database, the first of its tenants asks that.
    """
    there: dict[object, list[Found]] = {}
    for one in tenants:
        if one.error is None:
            there.setdefault(place_of(one.target), []).append(one)
    many = {place: found for place, found in there.items() if len(found) > 1}
    own: list[Found] = []
    for one in tenants:
        among = many.get(place_of(one.target), []) if one.error is None else []
        own.append(replace(one, scope="tenant") if among and (page.tells_databases or one is not among[0]) else one)
    if not page.tells_databases:
        return own
    return [replace(found[0], label=f"database {_database_of(found[0])}", scope="database") for found in many.values()] + own


def _database_of(one: Found) -> str:
    return one.facts.database if one.facts is not None else one.target.shown()


@contextlib.contextmanager
def _counting(invocation: Invocation, of_all: int) -> Iterator[Callable[[], None]]:
    """What is told of each tenant that was looked at, where they are so many that somebody waits for the page."""
    if of_all < MANY:
        yield lambda: None
        return
    done, turn, started = [0], threading.Lock(), time.monotonic()
    with live_line(invocation, f"0 of {of_all} tenants") as tell:

        def count() -> None:
            with turn:
                done[0] += 1
                tell(time.monotonic() - started, f"{done[0]} of {of_all} tenants")

        yield count


def _row(
    invocation: Invocation, sessions: Sessions, run: Callable[[OneTenant], ExitCode], page: Page, tenant: Found
) -> TenantRow:
    one = OneTenant(invocation, tenant.target, sessions, tenant.facts, tenant.scope)
    try:
        if tenant.error is not None:
            raise tenant.error
        code = run(one)
        if one.answer is None:
            raise UsageError("; ".join(one.said[-1:]) or "it gave no answer")
        row = page.row(tenant.target, tenant.label, one.answer, code, one.here(*page.words))
    except ChatopsError as error:
        code = error.exit_code if page.acts or isinstance(error, UnreachableError) else ExitCode.FOUND
        row = screen.unknown(tenant.target, tenant.label, error.message, code, one.here(*page.words))
    finally:
        if invocation.now is None:
            invocation.now = one.now
        one.close()
    return replace(row, of_database=True, schema="") if tenant.scope == "database" else row


def jobs_of(invocation: Invocation) -> int:
    """How many connections may be at work at once. Raises UsageError."""
    jobs = JOBS if invocation.jobs is None else invocation.jobs
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"--jobs is a number from 1 to {MOST_JOBS}, not {jobs}")
    return jobs


def found_tenants(invocation: Invocation, sessions: Sessions, jobs: int, *, chats: bool = True) -> list[Found]:
    """The tenants that are meant, by databases and by --all-schemas. Raises UsageError when no schema matches anywhere."""
    if invocation.schema is not None and invocation.all_schemas is not None:
        raise UsageError("--schema and --all-schemas: one of them")
    places = targets(invocation)
    for warning in dict.fromkeys(warning for target in places for warning in target.warnings):
        invocation.warn(warning)
    if len({(place_of(target), target.schema) for target in places}) < len(places):
        invocation.warn("one database is named twice: it is asked twice")
    pattern = invocation.all_schemas
    if pattern is None:
        labels = schemas.labels(places)
        invocation.note(f"{formatting.plural(len(places), 'database')}: {', '.join(labels)}")
        return [Found(target, label) for target, label in zip(places, labels, strict=True)]
    listed = side_by_side(places, partial(_listed, invocation, sessions, pattern, chats=chats), jobs, sessions)
    if all(isinstance(one, UsageError) for one in listed):
        raise next(one for one in listed if isinstance(one, UsageError))
    found: list[Found] = []
    without: list[str] = []
    for place, there in zip(places, listed, strict=True):
        if isinstance(there, ChatopsError):
            if not isinstance(there, UsageError):
                found.append(Found(place, "", there))
            continue
        without += [one.name for one, _ in there if chats and not one.has_chats]
        found += [
            Found(schemas.of_schema(place, one.name), "", _no_right(one), facts)
            for one, facts in there
            if one.has_chats or not chats
        ]
    if without:
        names = formatting.listed(without, MOST_NAMES)
        invocation.note(formatting.visible(f"{formatting.plural(len(without), 'schema has', 'schemas have')} no chats: {names}"))
    if not found:
        raise UsageError(f"no schema that matches {pattern} has chats")
    return [replace(one, label=label) for one, label in zip(found, schemas.labels([one.target for one in found]), strict=True)]


def _no_right(schema: Schema) -> ChatopsError | None:
    return None if schema.may_use else ChatopsError("this role may not use the schema")


def _listed(
    invocation: Invocation, sessions: Sessions, pattern: str, place: Target, *, chats: bool
) -> list[tuple[Schema, Facts]] | ChatopsError:
    """The schemas of one database that match, each with what the server says of it."""
    try:
        database = sessions.take(place, "read")
        try:
            with database.reading():
                invocation.banner(database)
                found = schemas.there(database, pattern)
                if not chats:  # with chats, those without are left out and named anyway
                    found = schemas.without_public(found, pattern, invocation.note)
                names = [] if found else [one.name for one in schemas.there(database, "*")]
            facts = database.glance_many([one.name for one in found]) if found else []
        finally:
            sessions.give(database)
    except ChatopsError as error:
        return error
    return list(zip(found, facts, strict=True)) or schemas.none_matches(place, pattern, names)


def targets(invocation: Invocation) -> list[Target]:
    """Every database that is named; the embedded server is started where it is one of them."""
    found = settings.resolve_all(invocation.options, configuration=invocation.configuration)
    return [started(target, invocation.note) for target in found]


def consent(invocation: Invocation, question: str, *, yes: bool, writes: bool = True) -> bool:
    """One question for all tenants, as `Invocation.consent` for one: not asked where it would be refused in each database."""
    looked = [_looked(invocation, target) for target in targets(invocation)]
    named = [target for target, _ in looked]
    production = [target for target in named if target.production]
    if yes or (not production and not invocation.interactive):
        return True
    names = ", ".join(f"{target.name} ({target.where})" for target in (production or named)[:MOST_NAMES])
    if not invocation.interactive:
        raise NotATerminalError(f"{invocation.command} changes production ({names}): give --yes to go on; nothing was changed")
    refused = [why for _, why in looked if why is not None]
    if writes and len(refused) == len(looked):
        raise refused[0]
    tenants = f"schemas {invocation.all_schemas} of " if invocation.all_schemas is not None else ""
    return invocation.ask(f"{question} on {tenants}{names}? [y/N]", "--yes").lower() in ("y", "yes")


def _looked(invocation: Invocation, target: Target) -> tuple[Target, ChatopsError | None]:
    """The target by where a connection goes, as it was named where there is none; and why nothing can be written there."""
    try:
        with connect(target, invocation.command) as database:
            standby = database.glance().standby
            found = [] if invocation.all_schemas is not None else ahead.files_ahead(database)
            why = standby_refused() if standby else RefusedError(f"{ahead.told(found)}; nothing was changed") if found else None
            return database.target, why
    except UnreachableError as error:
        return target, error


def side_by_side(many: Iterable[One], work: Callable[[One], Made], jobs: int, sessions: Sessions | None = None) -> list[Made]:
    """What `work` makes of each, `jobs` at a time. An interrupt ends the statements that run, and nothing more begins."""
    over = threading.Event()

    def unless_over(one: One) -> Made:
        if over.is_set():
            raise KeyboardInterrupt
        return work(one)

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        futures = [pool.submit(unless_over, one) for one in many]
        try:
            return [future.result() for future in futures]
        except BaseException:
            over.set()
            for future in futures:
                future.cancel()
            if sessions is not None:
                sessions.cancel()
            raise

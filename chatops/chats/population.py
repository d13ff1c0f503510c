"""A believable system: operators on shifts, users, chats in every state, messages and assignment history, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from chatops import formatting, sqlfiles
from chatops.db import Database, identifier
from chatops.errors import RefusedError, UsageError
from chatops.frozen import frozen

DEFAULT_SIZE = 5_000
SMALLEST, LARGEST = 500, 5_000_000

RICH_UP_TO = 100_000
"""Chats; beyond, each has one turn of three messages, so that a million of them take a minute or two."""

SET_ASIDE_FROM = 50_000
"""Chats; from here on indexes and keys are made after the rows."""

SETTINGS = "set local synchronous_commit = off; set local work_mem = '64MB'; set local jit = off"

UNGUARDED = "set local session_replication_role = replica"

STALE_AFTER = timedelta(minutes=1)

Say = Callable[[str], None]


@frozen
class Population:
    """How many rows there are now."""

    operators: int
    chats: int
    messages: int
    assignments: int

    @property
    def in_words(self) -> str:
        """The figures on one line."""
        people = formatting.plural(self.operators, "operator")
        return f"{formatting.count(self.chats)} chats, {formatting.count(self.messages)} messages, {people}"


_COUNTS = """select (select count(*) from operators) as operators, (select count(*) from chats) as chats,
       (select count(*) from messages) as messages, (select count(*) from chat_assignments) as assignments"""


def populate(database: Database, *, size: int = DEFAULT_SIZE, seed: int = 1, say: Say = lambda line: None) -> Population:
    """Fills the empty chat tables in one transaction, its times relative to the database's clock.

    The same seed and size give the same rows but for their times. Triggers are off meanwhile, which takes a superuser; foreign
    keys are looked at before the end. `say` hears of what takes a while. Raises RefusedError where there are chats already,
    UsageError for a size or seed out of range.
    """
    check_size(size, seed)
    with database.acting():
        if database.value("select exists (select from chats) or exists (select from operators)"):
            raise RefusedError("this database has chats or operators already; the demo fills an empty one only")
        database.script(f"{SETTINGS}; {UNGUARDED}")
        database.script(sqlfiles.read("demo/clear.sql"))
        database.execute(
            "create temporary table demo_given as "
            "select :'seed'::bigint as seed, :'size'::integer as size, :'rich'::boolean as rich",
            {"seed": seed, "size": size, "rich": size <= RICH_UP_TO},
        )
        large = size >= SET_ASIDE_FROM
        steps = [
            ("plan", f"thinking up {formatting.count(size)} chats"),
            *([("set_aside", "setting indexes and keys aside")] if large else []),
            ("people", "operators, users, profiles"),
            ("chats", f"{formatting.count(size)} chats"),
            ("messages", "messages"),
            ("assignments", "assignments"),
            *([("clocks", "when each chat began to wait")] if database.facts and database.facts.has_queue_clocks else []),
            *([("put_back", "indexes and keys")] if large else []),
            ("foreign_keys", "foreign keys"),
        ]
        for name, title in steps:
            if large:
                say(title)
            database.script(sqlfiles.read(f"demo/{name}.sql"))
        database.script("analyze operators, real_users, fictional_users, chats, messages, chat_assignments, operator_activity")
    if large:
        say("vacuum")
        # By schema: outside a transaction the search path is the role's own.
        schema = identifier(database.target.schema)
        database.script("vacuum " + ", ".join(f"{schema}.{table}" for table in ("chats", "messages", "chat_assignments")))
    with database.acting():
        if large:
            database.script(UNGUARDED)
            database.script(sqlfiles.read("demo/moment.sql"))
        database.script(sqlfiles.read("demo/clear.sql"))
        return database.rows(Population, _COUNTS)[0]


def figures(database: Database) -> Population:
    """What is there now, planted troubles included."""
    with database.reading():
        return database.rows(Population, _COUNTS)[0]


def refresh(database: Database) -> timedelta | None:
    """Moves a populated system's whole past to just before now, when its newest event is over a minute old.

    By how much, None where there was nothing to do. Takes a superuser, and about a minute for each million messages.
    """
    with database.acting():
        return move(database, STALE_AFTER)


def move(database: Database, unless_younger: timedelta = timedelta()) -> timedelta | None:
    """As `refresh`, in the caller's transaction."""
    behind = database.value(sqlfiles.read("demo/behind.sql"))
    if not isinstance(behind, timedelta) or behind < unless_younger:
        return None
    database.script(f"{SETTINGS}; {UNGUARDED}")
    database.annotate({"chatops.demo_behind": f"{behind.total_seconds()} seconds"})
    database.script(sqlfiles.read("demo/later.sql"))
    return behind


def check_size(size: int, seed: int) -> None:
    """Raises UsageError for a size or seed that the population cannot have."""
    if not SMALLEST <= size <= LARGEST:
        raise UsageError(f"--size must be between {formatting.count(SMALLEST)} and {formatting.count(LARGEST)} chats")
    if not 0 <= seed < 2**31:
        raise UsageError("--seed must be between 0 and 2147483647")

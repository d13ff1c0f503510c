"""One command over every schema of a database that matches a pattern: a snapshot for each tenant, on few connections."""

from __future__ import annotations

import contextlib
import functools
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from chatops import db, formatting, sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError, UsageError
from chatops.flows.paste import program
from chatops.flows.run import Invocation
from chatops.migrations import fleet
from chatops.settings import Target
from chatops.tables_there import require_chats

Found = TypeVar("Found")
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class _Schema:
    name: str
    has_chats: bool
    may_use: bool


@dataclass(frozen=True, slots=True)
class Tenant(Generic[Found]):
    """What was found in one schema; None where it could not be seen, and `unknown` says why."""

    target: Target
    found: Found | None
    unknown: str | None = None

    @property
    def schema(self) -> str:
        """Its name."""
        return self.target.schema

    def here(self, *words: str) -> str:
        """A chatops command line for this tenant that works when pasted."""
        return here(self.target, *words)


def here(target: Target, *words: str) -> str:
    """A chatops command line for a target that works when pasted."""
    return " ".join(part for part in (program(), target.flags, *words) if part)


def each(
    invocation: Invocation, pattern: str, ask: Callable[[Database, Callable[..., str]], Found], *, jobs: int = 1
) -> list[Tenant[Found]]:
    """Asks each schema with chats that matches, `jobs` connections at once; says on stderr which ones have no chats.

    `ask` is given the snapshot and what makes command lines of that tenant. One transaction each: the locks of one over all
    would not fit into the server's memory. Raises UsageError when nothing matches.
    """
    if invocation.schema is not None:
        raise UsageError("--schema and --all-schemas: one of them")
    first = invocation.connect("read")
    with first.reading():
        invocation.banner(first)
        asked = sqlfiles.read("queries/tenants_like.sql")
        found = first.rows(_Schema, asked, {"pattern": fleet.like(pattern)})
        if not found:
            raise fleet.none_matches(first.target, pattern, [one.name for one in first.rows(_Schema, asked, {"pattern": "%"})])
    without = [one.name for one in found if not one.has_chats]
    if without:
        rest = len(without) - MOST_NAMES
        names = ", ".join(without[:MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")
        invocation.note(formatting.visible(f"{formatting.plural(len(without), 'schema has', 'schemas have')} no chats: {names}"))
    tenants = [one for one in found if one.has_chats]
    if not tenants:
        raise UsageError(f"no schema that matches {pattern} has chats")
    return _asked(invocation, first, tenants, ask, jobs)


def _asked(
    invocation: Invocation, first: Database, tenants: Sequence[_Schema], ask: Callable[[Database, Callable[..., str]], Found],
    jobs: int,
) -> list[Tenant[Found]]:  # fmt: skip
    base, show_names = first.target, first.show_names
    idle: queue.SimpleQueue[Database | None] = queue.SimpleQueue()
    for one in (first, *[None] * (jobs - 1)):
        idle.put(one)

    def look(schema: _Schema) -> Tenant[Found]:
        target = fleet.of_schema(base, schema.name)
        if not schema.may_use:
            return Tenant(target, None, "this role may not use the schema")
        database = idle.get()
        try:
            if database is None or database.closed:
                database = db.connect(base, invocation.command, "read")
                database.show_names = show_names
            database.target = target
            with database.reading():
                require_chats(database)
                return Tenant(target, ask(database, functools.partial(here, target)))
        except ChatopsError as error:
            return Tenant(target, None, error.message)
        finally:
            idle.put(database)

    try:
        if jobs == 1:
            return [look(schema) for schema in tenants]
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            return list(pool.map(look, tenants))
    finally:
        first.target = base
        while not idle.empty():
            if (database := idle.get()) is not None and database is not first:
                with contextlib.suppress(ChatopsError):
                    database.close()

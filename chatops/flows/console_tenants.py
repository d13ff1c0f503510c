"""The live desk over many schemas: one connection looks at each in turn; a tenant that is opened has a desk of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from chatops import schemas, tables_there
from chatops.chats import desk, reports
from chatops.chats.desk import Schema, TenantFigures, TenantsLook, Wait
from chatops.checks.results import Survey
from chatops.console.source import Act, Done, Proposal, Source
from chatops.db import Database
from chatops.errors import ChatopsError, RefusedError, UnreachableError, UsageError
from chatops.flows.console_source import Reading
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from chatops.screens.console import Key

PATIENCE = 120.0
"""Seconds after which a look at all of them is given up."""
SHARE = 0.1
"""Of the time at most so much is looked, however many tenants there are."""


class TenantsSource:
    """The tenants of a database whose schemas match a pattern."""

    def __init__(
        self, invocation: Invocation, pattern: str, open_desk: Callable[[Invocation], Source], *, show_names: bool
    ) -> None:
        if invocation.schema is not None:
            raise UsageError("--schema and --all-schemas: one of them")
        self._invocation = invocation
        self._pattern = pattern
        self._open_desk = open_desk
        self._reading = Reading(invocation)
        self._before: tuple[float, TenantsLook] | None = None
        self._rests_until = 0.0
        self.show_names = show_names
        with self._reading.alone() as database, database.reading():
            invocation.banner(database)
            facts, target = database.facts, database.target
            assert facts is not None
            if not self._schemas(database):
                there = [one.name for one in desk.schemas(database, "%")]
                raise schemas.none_matches(target, pattern, there)
        self.name = target.name
        self.production = target.production
        self.where = f"{target.place}/{facts.database} {pattern} as {facts.role}"

    def _schemas(self, database: Database) -> list[Schema]:
        return desk.schemas(database, schemas.like(self._pattern))

    def here(self, *words: str) -> str:
        """A command line over all of them."""
        return self._invocation.here(*words)

    def stop(self) -> None:
        """Ends what is running."""
        self._reading.stop()

    def close(self) -> None:
        """Closes the connection until the next look."""
        self._reading.close()

    def look(self) -> TenantsLook:
        """Each tenant in a snapshot of its own: the locks of one over all would not fit into the server's memory.

        The look before, where a look takes so long that it would take too much of the time.
        """
        if self._before is not None and time.monotonic() < self._rests_until:
            return self._before[1]
        began = time.monotonic()
        with self._reading.alone(PATIENCE) as database:
            base = database.target
            try:
                with database.reading():
                    found = self._schemas(database)
                    facts = database.facts
                tenants = [self._tenant(database, one) for one in found if one.has_chats]
            finally:
                database.target = base
        assert facts is not None
        look = TenantsLook(database.facts or facts, tenants, [one.name for one in found if not one.has_chats])
        took = time.monotonic() - began
        self._before, self._rests_until = (began, look), began + took / SHARE
        return look

    def _tenant(self, database: Database, schema: Schema) -> TenantFigures:
        if not schema.may_use:
            return TenantFigures(schema.name, None, "this role may not use the schema")
        database.target = schemas.of_schema(database.target, schema.name)
        try:
            with database.reading():
                tables_there.require_chats(database)
                return TenantFigures(schema.name, reports.queue_figures(database))
        except UnreachableError:
            raise  # nor would the others be reached
        except ChatopsError as error:
            return TenantFigures(schema.name, None, error.message)

    def tenant(self, schema: str) -> Source:
        """Its desk, on a connection of its own."""
        given = Given(**{one.name: getattr(self._invocation, one.name) for one in fields(Given)})
        given.schema = schema
        run = Invocation(given)
        self._invocation.closed_with_the_run(run)
        return self._open_desk(run)

    # ---- what belongs to one tenant ------------------------------------------------------------------------------------

    def waits(self) -> Sequence[Wait]:
        """None: the page tells each tenant's wait now."""
        return ()

    def checks(self) -> Iterator[Survey | None]:
        """None: `diagnose --all-schemas` runs them."""
        return iter(())

    def hurry(self) -> None:
        """Nothing runs that could wait."""

    def about(self, key: Key, width: int) -> str:
        """Nothing: a tenant is opened."""
        raise RefusedError("a tenant is opened, not read out")

    def plan(self, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        """Nothing is done to a tenant as a whole."""
        raise RefusedError(f"open the tenant first: enter, then {act}")

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Nothing is done to a tenant as a whole."""
        raise RefusedError("open the tenant first; nothing was changed")

"""The live desk over many tenants, schemas or databases: a connection for each database looks at its own in turn; a tenant that
is opened has a desk of its own."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta

from chatops import formatting, schemas
from chatops.chats import reports
from chatops.chats.desk import TenantFigures, TenantsLook, Wait
from chatops.checks.results import Survey
from chatops.console.source import Act, Done, Proposal, Source
from chatops.db import Database, Facts
from chatops.db.sessions import place_of
from chatops.errors import ChatopsError, RefusedError, UnreachableError, UsageError
from chatops.flows import tenants
from chatops.flows.console_source import Reading
from chatops.flows.given import Given
from chatops.flows.paste import program
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.schemas import Schema
from chatops.screens.console import Key
from chatops.settings import Target

PATIENCE = 120.0
"""Seconds after which a look at all of a database's tenants is given up."""
SHARE = 0.1
"""Of the time at most so much is looked, however many tenants there are."""
LOCK, STATEMENT = 1.0, 15.0
"""Seconds that one tenant is waited for: for its locks, for its figures."""
LOST = 10.0
"""Seconds that a look loses with tenants that answer nothing; those that follow then get little time."""
LEAST_LOCK, LEAST_STATEMENT = 0.02, 2.0


class _HurriedError(Exception):
    """Somebody could not wait for the end of a look."""


@frozen
class _Seen:
    """What one database's tenants look like; `error` where it could not be reached."""

    tenants: Sequence[tuple[Target, TenantFigures]]
    without: Sequence[str] = ()
    facts: Facts | None = None
    error: ChatopsError | None = None


class TenantsSource:
    """The tenants of a run: the schemas that match its pattern, in each of its databases; without a pattern the databases."""

    def __init__(self, invocation: Invocation, open_desk: Callable[[Invocation], Source], *, show_names: bool) -> None:
        if invocation.schema is not None and invocation.all_schemas is not None:
            raise UsageError("--schema and --all-schemas: one of them")
        self._invocation = invocation
        self._pattern = invocation.all_schemas
        self._open_desk = open_desk
        places = {(place_of(one), one.schema): one for one in tenants.targets(invocation)}
        self._readings = [Reading(self._run(one)) for one in places.values()]
        each = dict.fromkeys(one.flags.replace(f"--schema {shlex.quote(one.schema)}", "").strip() for one in places.values())
        self._flags = f"--env {shlex.quote(invocation.env)}" if invocation.env else " ".join(each)
        self._jobs = tenants.jobs_of(invocation)
        self._targets: Mapping[str, Target] = {}
        self._before: TenantsLook | None = None
        self._rests_until = 0.0
        self._hurried = False
        self.show_names = show_names
        seen = self._seen(self._reached)
        if all(one.error is not None for one in seen):
            raise next(one.error for one in seen if one.error is not None)
        found = [reading.invocation.target for reading in self._readings]
        self.production = any(one.production for one in found)
        pattern = f" {self._pattern}" if self._pattern else ""
        if len(found) == 1:
            facts = next(one.facts for one in seen if one.facts is not None)
            self.name, self.where = found[0].name, f"{found[0].place}/{facts.database}{pattern} as {facts.role}"
        else:
            self.name, self.where = formatting.plural(len(found), "database"), ", ".join(schemas.labels(found)) + pattern

    def _run(self, target: Target) -> Invocation:
        """A run about one of the targets, which ends with this one."""
        run = Invocation(Given(**{one.name: getattr(self._invocation, one.name) for one in fields(Given)}))
        run.environ = self._invocation.environ
        run.all_schemas, run.db, run.env = None, (), target.environment
        run.use(target)
        self._invocation.closed_with_the_run(run)
        return run

    def here(self, *words: str) -> str:
        """A command line over all of them; of one, where the first word is the options that name it."""
        if words and words[0].startswith("--"):
            return " ".join((program(), *words))
        pattern = (f"--all-schemas {shlex.quote(self._pattern)}",) if self._pattern is not None else ()
        return " ".join(part for part in (program(), self._flags, *words, *pattern) if part)

    def stop(self) -> None:
        """Ends what is running."""
        for reading in self._readings:
            reading.stop()

    def close(self) -> None:
        """Closes the connections until the next look, which is a new one."""
        self._rests_until = 0.0
        for reading in self._readings:
            reading.close()

    # ---- looking -------------------------------------------------------------------------------------------------------

    def look(self) -> TenantsLook:
        """Each tenant in a snapshot of its own: the locks of one over all would not fit into the server's memory.

        The look before, where a look takes so long that it would take too much of the time.
        """
        if self._before is not None and time.monotonic() < self._rests_until:
            return self._before
        began = time.monotonic()
        self._hurried = False
        try:
            seen = self._seen(self._looked)
        except _HurriedError:
            if self._before is None:
                raise ChatopsError("the look was ended, for something else was asked for") from None
            return self._before
        facts = next((one.facts for one in seen if one.facts is not None), None)
        if facts is None:
            raise next(one.error for one in seen if one.error is not None)
        known = [both for one in seen for both in one.tenants]
        labels = schemas.labels([target for target, _ in known])
        self._targets = {label: target for label, (target, _) in zip(labels, known, strict=True)}
        figures = [replace(one, name=label, flags=target.flags) for label, (target, one) in zip(labels, known, strict=True)]
        every = (time.monotonic() - began) / SHARE
        look = TenantsLook(facts, figures, [name for one in seen for name in one.without], every)
        self._before, self._rests_until = look, began + every
        return look

    def _seen(self, see: Callable[[Reading], _Seen]) -> list[_Seen]:
        return tenants.side_by_side(self._readings, see, self._jobs)

    def _reached(self, reading: Reading) -> _Seen:
        """Whether one database is reached. Raises UsageError where no schema of the only one matches."""
        try:
            with reading.alone() as database, database.reading():
                self._invocation.banner(database)
                self._schemas(database)
                return _Seen((), facts=database.facts)
        except UsageError:
            raise
        except ChatopsError as error:
            return _Seen((), error=error)

    def _looked(self, reading: Reading) -> _Seen:
        """What is seen of one database. Raises UsageError where no schema of the only one matches."""
        run = reading.invocation
        try:
            with reading.alone(PATIENCE) as database:
                base = database.target
                try:
                    with database.reading():
                        facts, found = database.facts, self._schemas(database)
                    there = [one for one in found if one.has_chats]
                    known = self._tenants(database, there) if there else []
                finally:
                    database.target = base
        except UsageError:
            raise
        except ChatopsError as error:
            if self._hurried:
                raise _HurriedError from None
            return _Seen([(run.target, TenantFigures("", "", None, error.message))], error=error)
        return _Seen(known, [one.name for one in found if not one.has_chats], facts)

    def _schemas(self, database: Database) -> list[Schema]:
        """Those that are looked into: all that match, or the one that this database was named with."""
        if self._pattern is None:
            return [Schema(database.target.schema, True, True)]
        found = schemas.there(database, self._pattern)
        if not found and len(self._readings) == 1:
            others = [one.name for one in schemas.there(database, "*")]
            raise schemas.none_matches(database.target, self._pattern, others)
        return found

    def _tenants(self, database: Database, found: Sequence[Schema]) -> list[tuple[Target, TenantFigures]]:
        """One after the other; those that answer nothing take only so much of the look."""
        base, lost, looked = database.target, 0.0, []
        each = database.glance_many([one.name for one in found])
        glanced = time.monotonic()
        for schema, facts in zip(found, each, strict=True):
            target = schemas.of_schema(base, schema.name) if self._pattern else base
            began = time.monotonic()
            figures = self._tenant(database, target, schema, facts, LOST - lost)
            if self._hurried:
                raise _HurriedError
            lost += time.monotonic() - began if figures.unseen is not None else 0.0
            looked.append((target, replace(figures, now=facts.now + timedelta(seconds=began - glanced))))
        return looked

    def _tenant(self, database: Database, target: Target, schema: Schema, facts: Facts, left: float) -> TenantFigures:
        """The figures of one tenant, for which at most `left` seconds are waited, or a little."""
        if not schema.may_use:
            return TenantFigures("", "", None, "this role may not use the schema")
        database.target = target
        lock, statement = max(LEAST_LOCK, min(LOCK, left)), max(LEAST_STATEMENT, min(STATEMENT, left))
        try:
            known = reports.queue_figures_at_once(
                database, facts, statement_timeout=f"{statement * 1000:.0f}ms", lock_timeout=f"{lock * 1000:.0f}ms"
            )
        except ChatopsError as error:
            if isinstance(error, UnreachableError) and database.closed:
                raise  # nor would the others be reached; the worker of a cluster is away for its tenants only
            return TenantFigures("", "", None, error.message)
        return TenantFigures("", "", known)

    def tenant(self, name: str) -> Source:
        """Its desk, on a connection of its own."""
        target = self._targets.get(name)
        if target is None:
            raise UsageError(f"{name} is not there any more")
        return self._open_desk(self._run(target))

    # ---- what belongs to one tenant ------------------------------------------------------------------------------------

    def waits(self) -> Sequence[Wait]:
        """None: the page tells each tenant's wait now."""
        return ()

    def checks(self) -> Iterator[Survey | None]:
        """None: `diagnose --all-schemas` runs them."""
        return iter(())

    def hurry(self) -> None:
        """Ends a look that is under way: the one before is shown on."""
        self._hurried = True
        self.stop()

    def about(self, key: Key, width: int) -> str:
        """Nothing: a tenant is opened."""
        raise RefusedError("a tenant is opened, not read out")

    def plan(self, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        """Nothing is done to a tenant as a whole."""
        raise RefusedError(f"open the tenant first: enter, then {act}")

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Nothing is done to a tenant as a whole."""
        raise RefusedError("open the tenant first; nothing was changed")

"""Applies every file of a folder to an empty database, each rehearsed before, and says what the server does not have."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from chatops import sqlfiles
from chatops.db import Database, Facts
from chatops.errors import ChatopsError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.known_relations import KnownRelations
from chatops.migrations.ledger import Run
from chatops.migrations.migration_text import Problem
from chatops.migrations.objects_made import claims_of
from chatops.migrations.prepare import MigrationRequest, Prepared, prepare
from chatops.migrations.rehearsal import Blocking, RehearsedFile
from chatops.migrations.rehearse import rehearse
from chatops.migrations.run import apply
from chatops.migrations.scanner import Token, significant
from chatops.migrations.source import Folder, MigrationFile

# What Supabase has before the first migration of a project.
PLATFORM_ROLES = frozenset(
    ("anon", "authenticated", "service_role", "authenticator", "supabase_admin", "supabase_auth_admin", "supabase_storage_admin",
     "dashboard_user")
)  # fmt: skip
PLATFORM_SCHEMAS = frozenset(
    ("auth", "storage", "realtime", "extensions", "vault", "graphql", "graphql_public", "pgsodium", "cron", "net")
)

MAX_WAIT_S = 30.0
BOOKKEEPING = "chatops"
"""The schema of the ledger."""


@frozen
class Lack:
    """Something that files lean on and the server does not have."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@frozen
class CheckedFile:
    """How one file fared. `blocking` is whom it would keep waiting on tables that earlier files made; `failure` why it is not
    in."""

    file: MigrationFile
    status: Literal["applied", "failed", "not reached"]
    seconds: float = 0.0
    blocking: tuple[Blocking, ...] = ()
    not_measured: str | None = None
    failure: Problem | None = None
    excerpt: tuple[str, ...] = ()


def lacks(database: Database, folder: Folder) -> list[Lack]:
    """What the files lean on and neither the server nor the folder has."""
    extensions: set[str] = set()
    made: set[str] = set()
    named: set[str] = set()
    for file in folder.files:
        for claim in claims_of(file.reading, ("public",)).told:
            if claim.there and claim.thing.kind == "extension":
                extensions.add(claim.thing.name)
            elif claim.there and claim.thing.kind in ("role", "schema"):
                made.add(claim.thing.name)
        for statement in file.reading.statements:
            named |= _platform_names(list(significant(statement.text)))
    asked: Mapping[str, object] = {
        "extensions": sorted(extensions), "roles": sorted(named & PLATFORM_ROLES - made),
        "schemas": sorted(named & PLATFORM_SCHEMAS - made),
    }  # fmt: skip
    return [Lack(kind, name) for kind, name in database.tuples(sqlfiles.read("queries/check_lacks.sql"), asked)]


def _platform_names(tokens: Sequence[Token]) -> set[str]:
    """The roles and schemas of a platform that a statement names: a schema before a dot or behind SCHEMA."""
    found: set[str] = set()
    for index, token in enumerate(tokens):
        name = token.text.strip('"').lower() if token.kind in ("word", "identifier") else ""
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        before = tokens[index - 1].upper if index else ""
        if name in PLATFORM_ROLES or (name in PLATFORM_SCHEMAS and (following == "." or before == "SCHEMA")):
            found.add(name)
    return found


def check_folder(database: Database, folder: Folder, run: Run, tell: Callable[[str], None]) -> list[CheckedFile]:
    """Every file in order; what comes after one that fails is not reached."""
    checking, found = _Checking(database, folder, run), list[CheckedFile]()
    for file in folder.files:
        if found and found[-1].status != "applied":
            found.append(CheckedFile(file, "not reached"))
            continue
        tell(file.name)
        found.append(checking.checked(file))
    return found


class _Checking:
    """The files of a folder one after the other, in a database that nobody else writes.

    What one file leaves as it was is not read anew for the next: a folder of thousands would be read a thousand times.
    """

    def __init__(self, database: Database, folder: Folder, run: Run) -> None:
        self.database = database
        self.folder = folder
        self.run = run
        self.whole: Prepared | None = None
        self.known = KnownRelations()

    def prepared(self, file: MigrationFile) -> Prepared:
        """What a run up to this file would do: the file, and the views with the last one."""
        facts = self.database.glance()
        if self.database.odd_strings:  # which files can be read at all is judged file by file
            request = MigrationRequest(to=file.name, max_wait=MAX_WAIT_S)
            return prepare(self.database, ledger.read(self.database), self.folder, request)
        if self.whole is None or not _alike(facts, self.whole.ledger.facts):
            self.whole = prepare(self.database, ledger.read(self.database), self.folder, MigrationRequest(max_wait=MAX_WAIT_S))
        plan = self.whole.plan
        # The next one, as a rule; those before it as well where they have gone out of the ledger.
        last = next((at for at, entry in enumerate(plan.apply, 1) if entry.name == file.name), 0)
        entries = plan.apply[:last]
        rest = replace(self.whole, plan=replace(plan, apply=plan.apply[last:]))
        views = () if rest.plan.apply else rest.views
        # A file that speaks of the schema of the ledger may change what is noted there.
        self.whole = None if BOOKKEEPING in file.reading.text.lower() else rest
        return replace(rest, plan=replace(plan, apply=entries), views=views)

    def checked(self, file: MigrationFile) -> CheckedFile:
        refused = next((problem for problem in file.reading.problems if problem.severity == "error"), None)
        if refused is not None:
            return CheckedFile(file, "failed", failure=refused)
        started = time.monotonic()
        try:
            prepared = self.prepared(file)
            tried = self.rehearsed(prepared)
            started = time.monotonic()
            request = MigrationRequest(to=file.name, max_wait=MAX_WAIT_S)
            apply(self.database, prepared, request, self.run, lambda event: None)
        except ChatopsError as error:
            self.database.rollback()
            return CheckedFile(file, "failed", time.monotonic() - started, failure=_failure(file, error), excerpt=_excerpt(error))
        seconds = time.monotonic() - started
        measured = tried is not None and tried.status == "rehearsed"
        return CheckedFile(
            file, "applied", seconds, tried.blocking if tried is not None and measured else (),
            None if measured or tried is None else tried.note,
        )  # fmt: skip

    def rehearsed(self, prepared: Prepared) -> RehearsedFile | None:
        """How the file fares in a transaction that is rolled back; None where it is in."""
        if not prepared.plan.apply:
            return None
        self.known.settle(self.database)
        return rehearse(self.database, prepared, self.run, max_hold=None, max_wait=MAX_WAIT_S, known=self.known).files[0]


def _alike(facts: Facts, before: Facts) -> bool:
    """Whether the server says the same of itself as before, but for the time and the process that answers."""
    return replace(facts, now=before.now, backend_pid=before.backend_pid) == before


def _failure(file: MigrationFile, error: ChatopsError) -> Problem:
    state = f"  ({error.sqlstate})" if getattr(error, "sqlstate", None) else ""  # type: ignore[attr-defined]
    hint = "; ".join(f"{label}: {step}" for label, step in error.next_steps if label.endswith("(SQL)"))
    message = error.message.partition("   ")[2] or error.message
    line, column = getattr(error, "line", None), getattr(error, "column", None)
    return Problem(file.shown, line, column, "does-not-apply", f"{message}{state}", hint)


def _excerpt(error: ChatopsError) -> tuple[str, ...]:
    return tuple(line for line in error.details if " | " in line)

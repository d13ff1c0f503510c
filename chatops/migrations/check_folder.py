"""Applies every file of a folder to an empty database, each rehearsed before, and says what the server does not have."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.ledger import Run
from chatops.migrations.migration_text import Problem
from chatops.migrations.objects_made import claims_of
from chatops.migrations.prepare import MigrationRequest, prepare
from chatops.migrations.rehearsal import Blocking
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
    found: list[CheckedFile] = []
    for file in folder.files:
        if found and found[-1].status != "applied":
            found.append(CheckedFile(file, "not reached"))
            continue
        tell(file.name)
        found.append(_checked(database, folder, file, run))
    return found


def _checked(database: Database, folder: Folder, file: MigrationFile, run: Run) -> CheckedFile:
    refused = next((problem for problem in file.reading.problems if problem.severity == "error"), None)
    if refused is not None:
        return CheckedFile(file, "failed", failure=refused)
    request = MigrationRequest(to=file.name, max_wait=30.0)
    started = time.monotonic()
    try:
        prepared = prepare(database, ledger.read(database), folder, request)
        tried = rehearse(database, prepared, run, max_hold=None, max_wait=30.0).files[0] if prepared.plan.apply else None
        started = time.monotonic()
        apply(database, prepared, request, run, lambda event: None)
    except ChatopsError as error:
        database.rollback()
        where = {"line": getattr(error, "line", None), "column": getattr(error, "column", None)}
        state = f"  ({error.sqlstate})" if getattr(error, "sqlstate", None) else ""  # type: ignore[attr-defined]
        hint = "; ".join(f"{label}: {step}" for label, step in error.next_steps if label.endswith("(SQL)"))
        excerpt = tuple(line for line in error.details if " | " in line)
        message = error.message.partition("   ")[2] or error.message
        problem = Problem(file.shown, where["line"], where["column"], "does-not-apply", f"{message}{state}", hint)
        return CheckedFile(file, "failed", time.monotonic() - started, failure=problem, excerpt=excerpt)
    seconds = time.monotonic() - started
    measured = tried is not None and tried.status == "rehearsed"
    return CheckedFile(
        file, "applied", seconds, tried.blocking if tried is not None and measured else (),
        None if measured or tried is None else tried.note,
    )  # fmt: skip

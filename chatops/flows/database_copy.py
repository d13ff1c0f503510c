"""A database beside another one with the same objects: a copy of all of it, or where others are connected of its structure."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatops import formatting
from chatops.db import Database, identifier
from chatops.errors import DatabaseError, RefusedError, UsageError
from chatops.flows.psql import variables
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.local import programs
from chatops.settings import Target, redact

IN_USE = "55006"
SETTINGS = ("chatops.settings", "chatops.migrations")
"""Tables of ours whose rows say how functions behave, and which files are in."""
SECONDS = 120
_NOT_SQL = ("\\restrict", "\\unrestrict", "SET transaction_timeout")


@frozen
class Copy:
    """What a database was made as, in words, and the statements that still have to run in it."""

    told: str
    statements: str = ""


def make_copy(invocation: Invocation, server: Database, database: str, clone: str) -> Copy:
    """Makes the database `clone`. Raises RefusedError where neither way leads there."""
    try:
        server.execute(f"create database {identifier(clone)} template {identifier(database)}")
        return Copy("in a copy that is dropped again")
    except DatabaseError as error:
        if error.sqlstate != IN_USE:
            needs = "a copy takes the right to create databases"
            raise RefusedError(f"no copy of {database} could be made: {error.message}", details=(needs,)) from None
    texts = [_dumped(invocation, words) for words in _what(invocation.target)]
    server.execute(f"create database {identifier(clone)} template template0")
    told = f"in a database with the structure of {database}, which others are connected to; it is dropped again"
    return Copy(told, "\n".join(texts))


def _what(target: Target) -> Iterator[Sequence[str]]:
    yield [
        "--schema-only",
        "--no-publications",
        "--no-subscriptions",
        "--no-comments",
        "--no-security-labels",
        "--no-tablespaces",
    ]
    tables = [f'--table="{target.schema}".platform_config', *(f"--table={table}" for table in SETTINGS)]
    yield ["--data-only", "--inserts", *tables]


def _dumped(invocation: Invocation, words: Sequence[str]) -> str:
    environment = variables(invocation.target, os.environ, write=False, plain=True)
    said = "pg_dump is not installed here"
    for program in _programs(invocation):
        try:
            done = subprocess.run([program, *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  errors="replace", check=False, timeout=SECONDS)  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            said = str(error)
            continue
        if done.returncode == 0:
            lines = done.stdout.splitlines()
            return "\n".join(line for line in lines if not line.startswith(_NOT_SQL))
        told = redact(done.stderr, invocation.secrets).strip().splitlines()
        said = formatting.visible(told[-1]) if told else f"it ended with {done.returncode}"
    raise RefusedError(
        f"others are connected to this database, and its structure could not be read: {said}",
        details=["pg_dump of the server's own version is needed, or a moment in which nobody is connected"],
        next_steps=[("without races", invocation.here("verify", "--scenarios"))],
    )


def _programs(invocation: Invocation) -> Iterator[str]:
    if found := shutil.which("pg_dump"):
        yield found
    for installed in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), reverse=True):
        yield str(installed)
    try:
        own = programs.folder(invocation.note) / "pg_dump"
    except UsageError:
        return
    if own.exists():
        yield str(own)

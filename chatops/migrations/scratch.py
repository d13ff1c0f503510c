"""A database that is made for one run and dropped with it, and a role that is no superuser to work in it."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError, RefusedError
from chatops.frozen import frozen
from chatops.settings import Target

PREFIX = "chatops_check_"


@frozen
class BeforeFile:
    """SQL that stands in for what a platform has, run before the first file by the role that was given."""

    name: str
    text: str


@contextlib.contextmanager
def scratch(server: Database, before: Sequence[BeforeFile], texts: Iterable[str], command: str) -> Iterator[Target]:
    """A new database on a server, as a target whose role owns it; both are gone at the end, and roles that came with it.

    Roles belong to the whole server, where others make some meanwhile: only those go that these texts, or those before
    them, name, or that the database's own role made.

    Raises RefusedError when the role may not create databases, or a `before` file fails.
    """
    name = PREFIX + secrets.token_hex(4)
    (superuser, may_create), *_ = server.tuples("select rolsuper, rolcreatedb from pg_roles where rolname = current_user")
    if not (superuser or may_create):
        raise RefusedError("this role may create no database, and check works in one of its own; nothing was changed")
    roles = _roles(server)
    target = replace(server.target, parameters={**server.target.parameters, "dbname": name}, schema="public")
    own = target
    try:
        if superuser:
            # Files are run by a role without special rights in production: what only a superuser may do fails here, too.
            password = secrets.token_hex(16)
            verifier = server.password_verifier(name, password)
            server.execute(f"create role {db.identifier(name)} login createrole createdb password {db.literal(verifier)}")
            own = replace(target, parameters={**target.parameters, "user": name, "password": password})
        owner = db.identifier(name) if superuser else "current_user"
        server.execute(f"create database {db.identifier(name)} owner {owner} template template0")
        with contextlib.closing(db.connect(target, command, "migrate")) as first:
            _stand_in(first, before, name if superuser else None)
        yield own
    finally:
        made_by = server.tuples(sqlfiles.read("queries/roles_made_by.sql"), {"role": name}) if superuser else []
        server.execute(f"drop database if exists {db.identifier(name)} with (force)")
        spoken_of = set(re.findall(r"[^\W\d]\w*", " ".join([*(file.text for file in before), *texts])))
        for role in sorted((_roles(server) - roles) & (spoken_of | {row[0] for row in made_by} | {name})):
            # Somebody else's database may lean on a role of that name by now.
            with contextlib.suppress(ChatopsError):
                server.execute(f"drop role if exists {db.identifier(role)}")


def _roles(server: Database) -> set[str]:
    return {row[0] for row in server.tuples("select rolname::text from pg_roles")}


def _stand_in(database: Database, before: Sequence[BeforeFile], role: str | None) -> None:
    """Runs what stands in for a platform, and lets the role use it as a platform would."""
    for file in before:
        try:
            database.script(file.text)
        except DatabaseError as error:
            raise RefusedError(f"{file.name}: {error.message}; no file was checked") from None
    if role is None or not before:
        return
    own = db.identifier(role)
    schemas = "select nspname::text from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')"
    found = [row[0] for row in database.tuples(schemas)]
    for schema in map(db.identifier, found):
        database.execute(f"grant all on schema {schema} to {own}")
        for kind in ("tables", "sequences", "routines"):
            database.execute(f"grant all on all {kind} in schema {schema} to {own}")
    if "extensions" in found:
        database.execute(f'alter role {own} set search_path = "$user", public, extensions')

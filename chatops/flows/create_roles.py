"""`chatops doctor --create-roles`: the roles of sql/roles, and a login role for each person who is named."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from urllib.parse import quote

from chatops import sqlfiles
from chatops.db import Database, identifier
from chatops.errors import ExitCode, RefusedError, UsageError
from chatops.flows.run import Invocation
from chatops.formatting import visible
from chatops.model import Line
from chatops.settings import Target
from chatops.tables_there import require_place

ROLES = ("chatops_reader", "chatops_operator")
LONGEST = 63
"""Bytes of a role's name."""


def create_roles(invocation: Invocation, people: Sequence[str], *, dry_run: bool, yes: bool) -> ExitCode:
    """Makes the roles of sql/roles and of these people, or shows their SQL. Raises UsageError for what is no name of a role."""
    names = [_name(person) for person in dict.fromkeys(people)]
    texts = [sqlfiles.read(f"roles/{name}.sql") for name in ROLES]
    if dry_run:
        invocation.emit("\n".join([*texts, *(_by_hand(name) for name in names)]))
        return ExitCode.OK
    database = invocation.connect("read")
    require_place(database, database.glance())
    invocation.note("chatops_reader     reads the chat tables and what chatops remembers, nothing else")
    invocation.note("chatops_operator   also moves, releases and repairs chats; appends to the log, cannot change it")
    for name in names:
        invocation.note(f"{name:<18} logs in, may do what chatops_operator may; the log names them")
    invocation.note(f"the SQL: {invocation.here('doctor', '--create-roles', *map(shlex.quote, names), '--dry-run')}")
    if not invocation.consent("Make these roles, or bring them up to date", yes=yes):
        raise RefusedError("nothing was changed")
    passwords = {name: _password(invocation, name, yes=yes) for name in names}
    notices: list[str] = []
    with invocation.acting() as database:
        database.on_notice(lambda _severity, message: notices.append(message))
        for text in texts:
            database.script(text)
        for name, password in passwords.items():
            _make(database, name, password)
    for message in notices:
        invocation.warn(message)
    lines: list[Line] = []
    if not names:
        lines.append("chatops_reader and chatops_operator are there. Next: grant chatops_reader to LOGIN_ROLE;")
    for name, password in passwords.items():
        lines += _told(invocation, name, with_password=bool(password))
    invocation.tell(*lines, roles=[*ROLES, *names])
    return ExitCode.OK


def _name(person: str) -> str:
    name = person.strip()
    if not name or len(name.encode()) > LONGEST or name != visible(name) or name.startswith("pg_") or name in ("public", "none"):
        raise UsageError(f"“{visible(person)}” cannot be the name of a role; nothing was changed")
    if name in ROLES:
        raise UsageError(f"{name} is the role for everybody; name a person")
    return name


def _by_hand(name: str) -> str:
    """What makes a person's role, to be pasted into psql; the password is asked for there, and not shown."""
    role = identifier(name)
    return f"create role {role} login;\ngrant chatops_operator to {role};\n-- then, in psql: \\password {role}\n"


def _password(invocation: Invocation, name: str, *, yes: bool) -> str:
    """The password that somebody types, twice and unseen; "" for none, and where nobody is there to type it."""
    if yes or not invocation.interactive:
        return ""
    first = invocation.ask_unseen(f"Password for {name} (not shown; empty: set it later):")
    if first and invocation.ask_unseen("Once more:") != first:
        raise UsageError("the two passwords differ; nothing was changed")
    return first


def _make(database: Database, name: str, password: str) -> None:
    """Only a verifier reaches the server. Raises RefusedError for a role that may do more than a person on call."""
    if database.value(sqlfiles.read("queries/role_administers.sql"), {"name": name}):
        raise RefusedError(
            f"{name} is there already, as an administrator or the owner of the chats: choose another name; nothing was changed"
        )
    verifier = database.password_verifier(name, password) if password else ""
    database.annotate({"chatops.person": name, "chatops.verifier": verifier})
    database.script(sqlfiles.read("roles/person.sql"))


def _told(invocation: Invocation, name: str, *, with_password: bool) -> list[Line]:
    lines: list[Line] = [f"{name} may log in, and the log names {name}."]
    if not with_password:
        lines.append(f"Set the password: {invocation.here('psql', '--write')}, there: \\password {identifier(name)}")
    lines.append(f"Their address: {_address(invocation.target, name)}")
    return lines


def _address(target: Target, name: str) -> str:
    """The URL with which a person connects, without the password; a pooler's user carries the project behind a dot."""
    _, dot, project = target.parameters.get("user", "").partition(".")
    parameters = target.parameters
    port = f":{parameters['port']}" if parameters.get("port") else ""
    database = parameters.get("dbname", "postgres")
    return f"postgresql://{quote(name, safe='')}{dot}{project}@{parameters.get('host', 'localhost')}{port}/{database}"

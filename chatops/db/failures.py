"""The driver's errors as ours, without secrets: by SQLSTATE, and by what kept a connection from being made."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Sequence

import psycopg
from psycopg.rows import TupleRow

from chatops.db import encodings
from chatops.errors import (
    ChatopsError,
    ConnectionLostError,
    DatabaseError,
    LockTimeoutError,
    StatementTimeoutError,
    UnreachableError,
)
from chatops.settings import WHERE_SUPABASE_SHOWS_IT, Target, redact, secrets_of, url_without_password
from chatops.settings.secrets import MASK, SECRET_PARAMETERS, shown

CONNECT_TIMEOUT_SECONDS = 10
PROTOCOL_VIOLATION = "08P01"
NO_SUCH_SIGN = "22P05"
OURS = ("actions", "migrations", "runs", "settings", "watches")
"""The tables of schema chatops, as a server names them to whoever may not touch them."""
NO_RIGHT = "42501"
LIMITS = {"57P05": "idle_session_timeout", "25P03": "idle_in_transaction_session_timeout", "25P04": "transaction_timeout"}
"""The settings by which a server ends a session, by what it says then."""
_WORKER = re.compile(r"connection to the remote node (?:\S+@)?(\S+) failed(?: with the following error:)? ?(.*)")
"""What a coordinator of a Citus cluster says of a worker that is away."""


def translate(
    error: psycopg.Error, connection: psycopg.Connection[TupleRow] | None = None, secrets: Sequence[str] = ()
) -> ChatopsError:
    """A driver's error as one of ours, without secrets."""
    diag = error.diag
    lost = connection is not None and connection.closed
    said = diag.message_primary or str(error).strip() or type(error).__name__
    message = redact(said, secrets)
    if error.sqlstate == PROTOCOL_VIOLATION and "statement pooling" in said:  # PgBouncer speaks English only
        return UnreachableError(
            "the pooler gives each statement another session (pool_mode = statement); chatops needs transactions",
            details=("connect to a port of it that pools sessions or transactions, or to the server itself",),
        )
    if lost or error.sqlstate in ("57P01", "57P02", "57P03", *LIMITS) or (error.sqlstate or "").startswith("08"):
        worker = _WORKER.match(said)
        found = ConnectionLostError(
            f"the coordinator does not reach its worker {worker[1]}: {redact(worker[2], secrets)}"
            if worker is not None
            else f"the connection to the database was lost: {message.splitlines()[0]}",
            details=("what was not committed has been rolled back by the server",),
        )
        found.sqlstate = error.sqlstate
        return found
    kind: type[DatabaseError] = DatabaseError
    if error.sqlstate == NO_SUCH_SIGN and connection is not None:
        message = encodings.in_words(message, connection.info.parameter_status("server_encoding"))
    if error.sqlstate == "55P03":
        kind = LockTimeoutError
    elif error.sqlstate == "57014":
        kind = StatementTimeoutError
    return kind(
        message,
        sqlstate=error.sqlstate,
        position=int(diag.statement_position) if diag.statement_position else None,
        server_detail=redact(diag.message_detail, secrets) if diag.message_detail else None,
        server_hint=redact(diag.message_hint, secrets) if diag.message_hint else None,
        context=redact(diag.context, secrets) if diag.context else None,
        constraint=diag.constraint_name,
        table=diag.table_name,
    )


def secrets_known(target: Target, pgconn: psycopg.pq.abc.PGconn | None) -> list[str]:
    """The secrets of a target, and those that libpq found elsewhere for a connection to it: in ~/.pgpass, in a service."""
    found = dict.fromkeys(secrets_of(target))
    if pgconn is not None:
        with contextlib.suppress(psycopg.Error):
            found[(pgconn.password or b"").decode("utf-8", "replace")] = None
            known = {option.keyword.decode(): option.val or b"" for option in pgconn.info}
            found |= dict.fromkeys(known.get(name, b"").decode("utf-8", "replace") for name in SECRET_PARAMETERS)
    return [one for one in found if one]


def lifted(setting: str, role: str, database: str, options: str) -> tuple[str, str]:
    """How a limit of a session is taken off, whoever has set it.

    >>> lifted("statement_timeout", "ada", "chat", "")[1]
    'alter role "ada" in database "chat" set statement_timeout = 0;'
    """
    if setting in options:
        return (f"take {setting} out", "of PGOPTIONS, or of the options of the connection")
    who, where = ('"' + name.replace('"', '""') + '"' for name in (role, database))
    return (f"{setting} ends it; lift it (SQL)", f"alter role {who} in database {where} set {setting} = 0;")


_DENIED = re.compile(r'permission denied for (table|view|materialized view|sequence|schema|function) "?([^"]+?)"?$')


def grants(message: str, role: str, *, acting: bool) -> tuple[tuple[str, str], ...]:
    """What a database owner runs so that this role may do it: the one grant, where the server names what is missing, else roles.

    >>> grants("permission denied for table chats", "ada", acting=False)[0]
    ('as its owner', 'grant select on chats to "ada";')
    """
    who = '"' + role.replace('"', '""') + '"'
    shipped_role = "chatops_operator" if acting else "chatops_reader"
    shipped = ("or all of them", f"grant {shipped_role} to {who};  -- made by: chatops doctor --create-roles")
    named = _DENIED.search(message)  # a server that speaks another language gets the roles alone
    if named is None or MASK in named[2]:
        return (("what is missing", "chatops doctor"), shipped)
    kind, name = named[1], named[2]
    name = f"chatops.{name}" if kind == "table" and name in OURS else name
    right = {"schema": "usage on schema", "function": "execute on function", "sequence": "usage on sequence"}.get(kind)
    right = right or ("select, insert, update, delete on" if acting else "select on")
    return (("as its owner", f"grant {right} {name} to {who};"), shipped, ("what else is missing", "chatops doctor"))


_EACH_HOST = re.compile(r"^- host: '(.*?)', port: '(.*?)'.*?: (?:connection failed: )?(.*)$", re.MULTILINE)


def _unreachable_hosts(text: str, target: Target, secrets: Sequence[str]) -> UnreachableError:
    """Of several hosts each has its own reason."""
    reasons = [
        f"{host}:{port}: {redact(why.partition(' failed: ')[2] or why, secrets)}" for host, port, why in _EACH_HOST.findall(text)
    ]
    return UnreachableError(
        f"none of the hosts of {target.shown()} gave a connection",
        details=reasons or redact(text, secrets).splitlines()[:1],
        next_steps=[_which_setting(target)],
    )


def _as_sent(said: str, what: str, target: Target, pgconn: psycopg.pq.abc.PGconn | None, secrets: Sequence[str]) -> str:
    """A name in what a server said: whole where it is the one that libpq sent, be it a secret's, too."""
    sent = (pgconn.user if what == "user" else pgconn.db) if pgconn is not None else b""
    ours = (target.parameters.get(what), (sent or b"").decode("utf-8", "replace"))
    return said if said in ours else redact(said, secrets)


def _which_setting(target: Target) -> tuple[str, str]:
    """The command that tells where a target comes from: of several environments it has to name one."""
    named = ["--env", shlex.quote(target.named)] if target.named else []
    return "which setting won", " ".join(["chatops", *named, "config"])


def _took_user(pgconn: psycopg.pq.abc.PGconn | None, target: Target, text: str) -> str:
    """The user whom libpq took where no user is named and the server would not have that one; "" otherwise."""
    if target.parameters.get("user") or "service" in target.parameters or pgconn is None:
        return ""
    about_user = (
        re.search(r"role \"|authentication|pg_hba|password|user \"", text) or pgconn.needs_password or pgconn.used_password
    )
    return (pgconn.user or b"").decode("utf-8", "replace") if about_user else ""


def _who_says(user: str) -> str:
    return "as PGUSER says" if os.environ.get("PGUSER") == user else "the account of this machine"


def _with_user(target: Target) -> str:
    """The target's URL with a place for the user."""
    return url_without_password({**target.parameters, "user": "USER"})


def unreachable(error: psycopg.Error, target: Target) -> UnreachableError:
    """Why there is no connection, and what helps."""
    # What libpq said decides; what is shown of it is without secrets.
    secrets, text = secrets_known(target, error.pgconn), str(error).strip()
    if len(target.host.split(",")) > 1:
        return _unreachable_hosts(text, target, secrets)
    first = redact(re.sub(r"^connection failed: ", "", text.splitlines()[0] if text else type(error).__name__), secrets)
    host, pgconn = target.host, error.pgconn
    details: list[str] = []
    next_steps = [_which_setting(target)]
    lowered = text.lower()
    lasts = False
    if re.fullmatch(r"db\.[a-z0-9]+\.supabase\.co", host):
        message = f"{host} cannot be reached: that name has an IPv6 address only"
        details.append("use the session pooler: postgresql://postgres.<ref>@aws-0-<region>.pooler.supabase.com:5432/postgres")
        details.append(WHERE_SUPABASE_SHOWS_IT)
    elif "password authentication failed" in lowered or "sasl" in lowered or "wrong password" in lowered:
        lasts = True
        user = shown(target.parameters.get("user", ""))
        message = f"the server at {target.shown()} rejected the password or the user {user}".rstrip()
        if "pooler.supabase.com" in host and "." not in target.parameters.get("user", ""):
            details.append("at the pooler the user must be postgres.<ref>, not postgres")
    elif "no password supplied" in lowered or (pgconn is not None and pgconn.needs_password):
        lasts = True
        message = f"the server at {target.shown()} wants a password and none was given"
        details.append("put it in the URL of CHATOPS_DATABASE_URL, in PGPASSWORD or in ~/.pgpass")
    elif "tenant or user not found" in lowered:
        lasts = True
        message = f"the pooler at {host} knows no such project: the user must be postgres.<ref> and the region right"
    elif "could not translate host name" in lowered or "name or service not known" in lowered or "failed to resolve" in lowered:
        message = f"there is no host named {shown(host)}"
    elif "connection refused" in lowered:
        message = f"nothing answers at {target.shown()}: connection refused"
    elif "timeout" in lowered or "timed out" in lowered:
        message = f"{target.shown()} did not answer within {CONNECT_TIMEOUT_SECONDS} s"
    elif "too many connections for role" in lowered:
        role = target.parameters.get("user", "")
        message = f"{first.partition('FATAL:')[2].strip() or first}: the limit of the role is reached"
        details.append(f"another run of {role or 'this role'} may still be at work; migrate itself uses up to two connections")
        next_steps = [("raise it (SQL)", f'alter role "{role}" connection limit -1;')]
    elif nobody := re.search(r'role "(.*)" does not exist', text):
        message = f"the server at {target.shown()} has no role {_as_sent(nobody[1], 'user', target, pgconn, secrets)}"
    elif "does not exist" in lowered and "database" in lowered:
        server = target.shown().rpartition("/")[0] or target.shown()
        message = f"the server at {server} has no database {shown(target.parameters.get('dbname', ''))}"
        if not target.parameters.get("dbname") and "service" not in target.parameters:
            taken = re.search(r'database "(.*)" does not exist', text)
            name = _as_sent(taken[1], "dbname", target, pgconn, secrets) if taken else "that of the user"
            took = f"{target.origin} names no database, and libpq took {name}"
            message = f"{took}: the server at {server} has none of that name"
            named = url_without_password({**target.parameters, "dbname": "DATABASE"})
            details.append(f"name it behind the host: {named}")
        if target.embedded == "demo":
            message, next_steps = "there is no demo yet", [("make it", "chatops demo")]
    elif pgconn is not None and pgconn.used_password:
        # A server that speaks another language: the password got as far as being judged, and there is no connection.
        message = f"the server at {target.shown()} did not take the user, the password or the database"
        details.append(first)
    elif "no such file or directory" in lowered:
        message = f"no server listens at {target.shown()}"
        details.append(first)
    else:
        message = f"no connection to {target.shown()}"
        details.append(first)
    if took := _took_user(pgconn, target, text):
        details.append(f"{target.origin} names no user, and libpq took {took}, {_who_says(took)}")
        details.append(f"name it before the host: {_with_user(target)}")
    found = UnreachableError(message, details=details, next_steps=next_steps)
    found.lasts = lasts
    return found

"""Connections to a target, and whether a pooler stands in between."""

from __future__ import annotations

import psycopg

from chatops.db.database import Database
from chatops.db.failures import CONNECT_TIMEOUT_SECONDS, unreachable
from chatops.db.link import Intent
from chatops.db.session import CLIENT_ENCODING, adapt
from chatops.errors import UsageError
from chatops.settings import Target

# What libpq's timeout parameter cannot say: a server that vanished without closing is noticed after about half a minute.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4"}


def connect(target: Target, command: str, intent: Intent = "read", *, connect_timeout: int = CONNECT_TIMEOUT_SECONDS) -> Database:
    """Connects to a target (an embedded one must have been started and resolved before).

    Raises UsageError for an unknown parameter, UnreachableError with the next step when there is no connection.
    """
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    unknown = sorted(set(target.parameters) - known)
    if unknown:
        raise UsageError(f"{target.origin}: libpq knows no connection parameter {', '.join(unknown)}")
    parameters = {"connect_timeout": str(connect_timeout), **KEEPALIVES, **target.parameters}
    parameters |= {"application_name": f"chatops {command}", "client_encoding": CLIENT_ENCODING}
    try:
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **parameters)  # type: ignore[arg-type]
    except psycopg.Error as error:
        raise unreachable(error, target) from None
    adapt(connection)
    return Database(connection, target, intent)


def pools_transactions(database: Database) -> bool:
    """Whether a pooler in transaction mode stands before the server, so that nothing of a session lasts.

    A pooler is there when the process id of the protocol is not the server's; it is in transaction mode when a second
    connection, made while the first is idle, is on the same server process.
    """
    if database.value("select pg_backend_pid()") == database.protocol_pid:
        return False
    with connect(database.target, "pooler test", "read") as second:
        return any(database.value("select pg_backend_pid()") == second.value("select pg_backend_pid()") for _ in range(3))

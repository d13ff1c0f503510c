"""Connections to a target, and whether a pooler stands in between."""

from __future__ import annotations

import psycopg

from chatops.db.database import Database
from chatops.db.failures import CONNECT_TIMEOUT_SECONDS, unreachable
from chatops.db.link import Intent
from chatops.db.session import CLIENT_ENCODING, adapt
from chatops.errors import RefusedError, UsageError
from chatops.settings import Answered, Target, judged

# What libpq's timeout parameter cannot say: a server that vanished without closing is noticed after about half a minute.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4"}
POOLER_LOOKS = 6
"""How often two connections are compared, where a pooler is known to stand in between."""


def connect(target: Target, command: str, intent: Intent = "read", *, connect_timeout: int = CONNECT_TIMEOUT_SECONDS) -> Database:
    """Connects to a target (an embedded one must have been started and resolved before).

    The database's target is the one named, judged by where the connection really went. Raises UsageError for an unknown
    parameter, UnreachableError with the next step when there is no connection, RefusedError when it leads to production and the
    one before did not.
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
    database = Database(connection, target, intent)
    try:
        database.target = arrived(target, database.answered)
    except RefusedError:
        database.close()
        raise
    return database


def arrived(target: Target, answered: Answered) -> Target:
    """The target by where a connection to it really went.

    With several hosts each may go elsewhere, and what was agreed to for one place holds for no other. Raises RefusedError when
    it leads to production, and the one before did not.
    """
    found = judged(target, answered)
    if target.answered and found.production and not target.production:
        raise RefusedError(f"this connection leads to {found.name} ({found.place}), the one before to {target.place}; "
                           "name one host")  # fmt: skip
    return found


def pools_transactions(database: Database) -> bool:
    """Whether a pooler stands before the server that may give each transaction another session, so that nothing of one lasts.

    A pooler is there when the process id of the protocol is not the server's. It keeps a session for us only when many
    transactions of ours in a row are on one server process, and those of a second connection, made meanwhile, on another.
    """
    if _backend(database) == database.protocol_pid:
        return False
    with connect(database.target, "pooler test", "read") as second:
        ours, theirs = set(), set()
        for _ in range(POOLER_LOOKS):
            ours.add(_backend(database))
            theirs.add(_backend(second))
            ours.add(_backend(database))  # twice in a row: two connections in turn may always meet the same two of a round
            if len(ours) > 1 or ours & theirs:
                return True
    return False


def _backend(database: Database) -> object:
    return database.value("select pg_backend_pid()")

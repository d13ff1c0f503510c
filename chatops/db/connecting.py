"""Connections to a target, and whether a pooler stands in between."""

from __future__ import annotations

import psycopg
from psycopg.rows import TupleRow

from chatops.db.database import Database
from chatops.db.failures import CONNECT_TIMEOUT_SECONDS, unreachable
from chatops.db.link import Intent
from chatops.db.session import CLIENT_ENCODING, adapt
from chatops.errors import RefusedError, UsageError
from chatops.settings import Answered, Target, judged

# What libpq's timeout parameter cannot say: a server that vanished without closing is noticed after about half a minute.
KEEPALIVES = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4"}
LIFTED = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
"""Limits of a session that any server from 15 on knows; 17 and later have one more."""
SINCE_17 = "transaction_timeout"
ENDED_AT_ONCE = "due to transaction timeout"
"""What a server says whose limit is over before a session has begun."""
_lifted_at: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
"""Where sessions were found that could not be worked in: further ones begin without their limits."""
NO_REPLICATION = ("", "false", "off", "no", "0")
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
    if target.parameters.get("replication", "false").lower() not in NO_REPLICATION:
        raise UsageError(f"{target.origin}: replication makes a connection that answers no queries; take it out")
    parameters = {"connect_timeout": str(connect_timeout), **KEEPALIVES, **target.parameters}
    parameters |= {"application_name": f"chatops {command}", "client_encoding": CLIENT_ENCODING}

    def opened(more: dict[str, str]) -> psycopg.Connection[TupleRow]:
        made = psycopg.connect(autocommit=True, prepare_threshold=None, **{**parameters, **more})  # type: ignore[arg-type]
        adapt(made)
        return made

    place = tuple(sorted(target.parameters.items()))

    def again(like: psycopg.Connection[TupleRow], *, lift: bool) -> psycopg.Connection[TupleRow]:
        more = _without_limits(like, version) if lift else _lifted_at.get(place, {})
        made = opened(more)
        _lifted_at[place] = more
        return made

    try:
        connection = opened(_lifted_at.get(place, {}))
    except psycopg.Error as error:
        if ENDED_AT_ONCE not in str(error):
            raise unreachable(error, target) from None
        try:
            connection = opened({"options": f"{target.parameters.get('options', '')} -c {SINCE_17}=0"})
        except psycopg.Error:
            raise unreachable(error, target) from None
    version = connection.pgconn.server_version  # that of a lost connection is 0
    database = Database(connection, target, intent)
    database.dial = again

    def judge() -> None:
        database.target = arrived(database.target, database.answered)

    database.judge = judge
    try:
        judge()
    except RefusedError:
        database.close()
        raise
    return database


def _without_limits(like: psycopg.Connection[TupleRow], version: int) -> dict[str, str]:
    """What a connection to the place of another adds, so that no limit of roles, databases or PGOPTIONS ends its session."""
    given = next((one.val or b"" for one in like.pgconn.info if one.keyword == b"options"), b"").decode()
    names = [*LIFTED, *([SINCE_17] if version >= 170000 else [])]
    return {"options": " ".join(filter(None, (given, *(f"-c {name}=0" for name in names))))}


def arrived(target: Target, answered: Answered) -> Target:
    """The target by where a connection to it really went.

    With several hosts each may go elsewhere, and what was agreed to for one place holds for no other. Raises RefusedError when
    it leads to production, and the one before did not.
    """
    found = judged(target, answered)
    if target.answered and found.production and not target.production:
        raise RefusedError(f"this connection leads to {found.name} ({found.where}), the one before to {target.where}; "
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

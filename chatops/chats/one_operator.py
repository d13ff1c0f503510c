"""One operator and what they did, as the database holds it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chatops import sqlfiles
from chatops.chats.reports import OperatorLoad, ask
from chatops.db import Database
from chatops.errors import DatabaseError
from chatops.frozen import frozen
from chatops.names import OperatorName
from chatops.tables_there import require_rows


@frozen
class Identity(OperatorLoad):
    """An operator as `show operator` tells them."""

    is_active: bool
    is_available: bool
    taken_last_day: int


@frozen
class Deed:
    """Something that an operator did, or that was done to a chat of theirs."""

    at: datetime | None
    event: str
    chat_id: UUID | None
    detail: str | None


@frozen
class OneOperator:
    """An operator and their newest deeds, oldest first; what has no time comes last. `now` is the database's clock."""

    identity: Identity
    deeds: Sequence[Deed]
    now: datetime | None


def read(database: Database, named: OperatorName, rows: int) -> OneOperator:
    """The operator and the newest `rows` deeds; inside a transaction."""
    one = ask(database, Identity, "queries/operator_identity.sql", {"operator": named.id})[0]
    parameters = {"operator": named.id, "rows": rows}
    history = sqlfiles.read("queries/operator_history.sql")
    require_rows(database, history)
    deeds = database.rows(Deed, history, parameters)
    if database.facts is not None and database.facts.has_bookkeeping:
        try:
            with database.savepoint():
                deeds += database.rows(Deed, sqlfiles.query("queries/operator_actions.sql"), parameters)
        except DatabaseError as error:
            deeds.append(Deed(None, "actions unknown", None, error.message))
    deeds.sort(key=lambda deed: (deed.at is None, deed.at or datetime.max))
    return OneOperator(one, deeds[-rows:], database.facts.now if database.facts else None)

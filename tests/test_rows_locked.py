"""DB010 tells who keeps rows locked that are asked for now, from what stands in the rows: it locks and writes nothing itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chatops.checks.results import Result
from chatops.model import Severity
from chatops.tables_there import TABLES
from tests import ailing
from tests.ailing import as_role, deployed, look, result
from tests.servers import Database, Farm, Server

__all__ = ["deployed"]

AT_ONCE = {"locked_rows_seconds": 0.1}
NEVER = {"locked_rows_seconds": 1000000}
HELD = "select id from chats where chat_state = 'assigned' order by id limit 1"
FREE = "select id from operators where is_active and is_available order by id limit 1"
WAIT_S = 60


def waiting(place: int = 0) -> str:
    """One of the chats that wait."""
    return f"""select id from chats where chat_state = 'waiting_assignment' and is_active and message_count > 0
                order by id limit 1 offset {place}"""


def locks(one: str, how: str, of: str = "chats") -> str:
    return f"select from {of} where id in ({one}) for {how}"


KINDS: dict[str, tuple[list[str], str]] = {
    "a waiting chat": ([locks(waiting(0), "update")], "row locks on 1 waiting chat"),
    "one that an update changed": ([f"update chats set updated_at = now() where id in ({waiting(1)})"],
                                   "row locks on 1 waiting chat"),
    "below a savepoint": (["savepoint one", locks(waiting(2), "no key update")], "row locks on 1 waiting chat"),
    "with one who only refers to it": ([locks(waiting(3), "no key update"), "\\other", locks(waiting(3), "key share")],
                                       "row locks on 1 waiting chat"),
    "shared with another": ([locks(waiting(4), "share"), "\\other", locks(waiting(4), "share")],
                            "row locks on 1 waiting chat"),
    "two": ([locks(waiting(5), "update"), locks(waiting(6), "update")], "row locks on 2 waiting chats"),
    "a held chat": ([locks(HELD, "update")], "row locks on 1 held chat"),
    "an operator who is free": ([locks(FREE, "update", "operators")], "row locks on 1 operator"),
}  # fmt: skip
ALSO_FOUND = 1
"""The other one of those who share a row."""


@contextmanager
def open_transactions(database: Database, statements: list[str]) -> Iterator[int]:
    """A session that has run these and stays in its transaction; behind \\other the rest is another's. Its pid."""
    first, other = database.connect(application_name="nightly report"), database.connect()
    at = first
    first.execute("begin")
    for statement in statements:
        if statement == "\\other":
            at = other
            other.execute("begin")
        else:
            at.execute(statement.encode())
    try:
        yield first.info.backend_pid
    finally:
        other.execute("rollback")
        first.execute("rollback")


def until_found(ask: Callable[[], Result], sessions: int = 1) -> Result:
    """What the check says once a tenth of a second of these transactions is over."""
    ends = time.monotonic() + WAIT_S
    while (found := ask()).count < sessions and time.monotonic() < ends:
        pass
    return found


@pytest.mark.parametrize("schema", ["017", "latest"])
def test_who_keeps_rows_locked_that_are_asked_for_is_named_with_what_they_hold(
    new_database: Callable[..., Database], farm: Farm, any_server: Server, schema: str
) -> None:
    database = ailing.populated(new_database, farm, any_server, schema)
    with ExitStack() as open_ones:
        pids = {open_ones.enter_context(open_transactions(database, statements)): kind for kind, (statements, _) in KINDS.items()}
        assert result(look(database, "DB010", given=NEVER), "DB010").status == "passed"
        found = until_found(lambda: result(look(database, "DB010", given=AT_ONCE, rows=50), "DB010"), len(pids) + ALSO_FOUND)
    rows = {pids[row["pid"]]: row for row in found.rows if row["pid"] in pids}
    assert {kind: row["locks"] for kind, row in rows.items()} == {kind: words for kind, (_, words) in KINDS.items()}
    assert found.count == len(pids) + ALSO_FOUND
    assert found.severity == Severity.WARNING
    for kind, row in rows.items():
        assert (row["application"], row["state"], row["address"]) == ("nightly report", "idle in transaction", "127.0.0.1")
        wrote = "what it wrote into chats" if kind == "one that an update changed" else "nothing: it has only read and locked"
        assert row["rolls_back"] == wrote
    left = f"left by {database.name}"
    database.connect().execute(f"begin; {locks(waiting(), 'update')}; prepare transaction '{left}'".encode())
    try:
        found = until_found(lambda: result(look(database, "DB010", given=AT_ONCE), "DB010"))
        assert [row["locks"] for row in found.rows] == ["row locks on 1 waiting chat"]
        assert found.rows[0]["remedy"] == f"rollback prepared '{left}';"
    finally:
        database.execute(f"rollback prepared '{left}'")
    assert result(look(database, "DB010", given=AT_ONCE), "DB010").status == "passed"
    with open_transactions(database, [locks("select id from chats where chat_state = 'waiting_assignment'", "update")]):
        found = until_found(lambda: result(look(database, "DB010", given=AT_ONCE), "DB010"))
    assert found.severity == Severity.CRITICAL
    assert re.match(r"row locks on all \d+ waiting chats", str(found.rows[0]["locks"])), found.rows


def test_an_owner_from_whom_the_server_hides_what_others_do_hears_who_and_which_grant_shows_more(deployed: Database) -> None:
    with deployed.role("plain_owner") as role:
        owned = [f"alter table {name} owner to {role}" for name in TABLES]
        deployed.script("; ".join((*owned, f"grant usage, create on schema public to {role}")))
        assert as_role(deployed, role, "DB010").results[0].status == "unknown"
        with open_transactions(deployed, [locks(waiting(), "update")]) as pid:
            found = as_role(deployed, role, "DB010").results[0]
        deployed.script("; ".join(f"alter table {name} owner to postgres" for name in TABLES))
    (row,) = found.rows
    assert (found.severity.value, row["pid"], row["open_for"]) == ("advice", pid, None)
    assert "row locks on 1 waiting chat" in str(row["locks"])
    assert row["last_statement"] == f"hidden from {role}: as a superuser, grant pg_read_all_stats to {role}"
    assert row["ended_by"] == "a superuser, or a member of pg_signal_backend"

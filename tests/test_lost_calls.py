"""Whom a pending file takes a function from: named before it is applied, with what gives it back."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.conftest import Result
from tests.servers import Database

ASSIGN = "select assign_chat_to_operator('00000000-0000-0000-0000-000000000001')"
CALLS = "select has_function_privilege('{}', 'assign_chat_to_operator(uuid)', 'execute')"


def test_whoever_calls_a_function_because_everybody_may_is_named_with_the_grant(
    core_database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    database = core_database
    with database.role("app") as app, database.role("granted") as granted, database.role("other") as other:
        database.execute(f"grant select, insert, update on chats, messages to {app}, {granted}")
        database.execute(f"grant execute on all functions in schema public to {granted}")
        chatops_inprocess("adopt", "--to", "017", "--yes", db=database, check=0)
        told = chatops_inprocess("migrate", "--dry-run", db=database, check=0).stderr
        (line,) = [line for line in told.splitlines() if "may not call" in line and database.name in line]
        assert f"{app} may not call assign_chat_to_operator and release_and_reassign_chat any more" in line
        assert granted not in line
        assert other not in told
        again = chatops_inprocess("migrate", "--yes", db=database, check=0).stderr
        assert line in again
        assert database.value(CALLS.format(app)) is False
        grant = re.search(r"grant execute .*;", line)
        assert grant is not None
        database.execute(grant[0])
        assert database.value(CALLS.format(app)) is True
        assert "may not call" not in chatops_inprocess("migrate", "--dry-run", db=database, check=0).stderr

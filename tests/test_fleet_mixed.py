"""A fleet whose members differ: each is told by name, none stops another, and the same command goes on where it ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import APPLICATION_OWNER, Result, _command, url_as
from tests.servers import Database, Farm, Server
from tests.test_migrate_fleet import counts

Chatops = Callable[..., Result]
Rows = dict[str, dict[str, Any]]
EARLY, NEWEST = ("m_early_1", "m_early_2", "m Early.Three"), ("m_newest_1", "m_newest_2")
BROKEN, LOCKED, NO_CREATE, NO_USE = "m_broken", "m_locked", "m_no_create", "m_no_use"
MEMBERS = (*EARLY, *NEWEST, BROKEN, LOCKED, NO_CREATE, NO_USE)
IN_THE_WAY = "create function m_broken.oldest_unanswered(p_chat_id uuid) returns text language sql as 'select null::text'"
"""018 replaces it, and cannot: a function's result keeps its type, and it is somebody else's."""
EVERY = ("migrate", "--all-schemas", "m*", "-o", "json")


def build_mixed(database: Database) -> None:
    """Some stand at 016, some at the newest; one holds what a file cannot replace; two are somebody else's."""
    for statement in (f"create role {APPLICATION_OWNER}", f"alter role {APPLICATION_OWNER} login"):
        database.execute(f"do $$ begin {statement}; exception when duplicate_object or unique_violation or internal_error "
                         "then null; end $$")  # fmt: skip
    database.execute(f'grant create on database "{database.name}" to {APPLICATION_OWNER}')
    for name in MEMBERS:
        database.execute(f'create schema "{name}" authorization {APPLICATION_OWNER}')
    url = url_as(database, APPLICATION_OWNER)
    _command(url, "migrate", "--all-schemas", "m*", "--to", "016", "--yes")
    _command(url, "migrate", "--all-schemas", "m_newest_*", "--yes")
    database.execute(IN_THE_WAY)
    for name in (NO_CREATE, NO_USE):
        database.execute(f"alter schema {name} owner to postgres; revoke all on schema {name} from {APPLICATION_OWNER}")
    database.execute(f"grant usage on schema {NO_CREATE} to {APPLICATION_OWNER}")


@pytest.fixture
def mixed(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """All of them, in a database whose `public` is empty."""
    return new_database(on=server, template=farm.template(server, "mixed-fleet", build_mixed))


def rows_of(result: Result) -> Rows:
    return {row["target"]: row for row in json.loads(result.stdout)["targets"]}


def ended(result: Result) -> dict[str, tuple[str, int]]:
    return {name: (row["result"], row["exit_code"]) for name, row in rows_of(result).items()}


def test_members_that_differ_are_each_told_by_name(mixed: Database, chatops_inprocess: Chatops) -> None:
    url = url_as(mixed, APPLICATION_OWNER)
    before = counts(mixed)
    told = chatops_inprocess(*EVERY, "--dry-run", db=url, check=4)
    assert ended(told) == {
        **dict.fromkeys((*EARLY, BROKEN, LOCKED, NO_CREATE), ("to apply", 0)), **dict.fromkeys(NEWEST, ("nothing to do", 0)),
        NO_USE: ("refused", 4),
    }  # fmt: skip
    # One after another, so that nobody but the one who is locked waits.
    with mixed.connect(autocommit=False) as holder:
        holder.execute(f"lock table {LOCKED}.chats in access exclusive mode")
        done = chatops_inprocess(*EVERY, "--to", "018", "--jobs", "1", "--max-wait", "2s", db=url, check=4)
    assert ended(done) == {
        **dict.fromkeys(EARLY, ("applied", 0)), **dict.fromkeys(NEWEST, ("nothing to do", 0)),
        BROKEN: ("failed", 4), LOCKED: ("conflict", 5), NO_CREATE: ("failed", 4), NO_USE: ("refused", 4),
    }  # fmt: skip
    rows = rows_of(done)
    assert "oldest_unanswered" in rows[BROKEN]["message"]
    assert "a lock was not had" in rows[LOCKED]["message"]
    assert rows[NO_CREATE]["message"].endswith(f"permission denied for schema {NO_CREATE}")
    assert rows[NO_USE]["message"] == f"{APPLICATION_OWNER} may not use schema {NO_USE}; nothing was changed"
    assert f"waits for {LOCKED}.chats" in done.stderr
    assert f'grant usage, create on schema "{NO_USE}" to "{APPLICATION_OWNER}";' in done.stderr
    for name in (BROKEN, LOCKED, NO_CREATE):
        assert f"--schema {name} migrate" in done.stderr
    # What went in, and nothing else: a schema that may not be used has no file in the ledger that is not in it.
    now = counts(mixed)
    grown = {**dict.fromkeys(EARLY, 2), **dict.fromkeys(NEWEST, 0), BROKEN: 1, LOCKED: 1, NO_CREATE: 0, NO_USE: 0}
    assert {name: now[name] - before[name] for name in MEMBERS} == grown
    # Mended, the same command goes on where each one ended.
    mixed.execute("drop function m_broken.oldest_unanswered(uuid)")
    mixed.execute(f"grant all on schema {NO_CREATE}, {NO_USE} to {APPLICATION_OWNER}")
    again = chatops_inprocess(*EVERY, "--jobs", "2", db=url, check=0)
    assert {name for name, (result, _) in ended(again).items() if result == "nothing to do"} == set(NEWEST)
    assert len(set(counts(mixed).values())) == 1
    status = json.loads(chatops_inprocess("status", "--all-schemas", "m*", "--exit-code", "-o", "json", db=url, check=0).stdout)
    assert (status["tenants_total"], status["well"]) == (len(MEMBERS), len(MEMBERS))


def test_canaries_and_failures_stop_a_fleet_whose_members_differ(mixed: Database, chatops_inprocess: Chatops) -> None:
    url = url_as(mixed, APPLICATION_OWNER)
    mixed.execute(f"grant all on schema {NO_CREATE}, {NO_USE} to {APPLICATION_OWNER}")
    words = (*EVERY, "--to", "018", "--jobs", "1")
    # In the order of the names the first two that have something to do: one of them fails, and no other begins.
    held = chatops_inprocess(*words, "--canary", "2", db=url, check=4)
    first = sorted((*EARLY, BROKEN, LOCKED, NO_CREATE, NO_USE))[:2]
    assert BROKEN in first
    results = ended(held)
    assert {name for name, (result, _) in results.items() if result in ("applied", "failed")} == set(first)
    left = {name: row["message"] for name, row in rows_of(held).items() if row["result"] == "not begun"}
    assert left.keys() == {*EARLY, LOCKED, NO_CREATE, NO_USE} - set(first)
    assert set(left.values()) == {f"not begun: 1 canary failed ({BROKEN})"}
    assert "The same command again goes on where this run ended." in held.stderr
    # Without canaries it is the one failure that is allowed.
    stopped = ended(chatops_inprocess(*words, "--max-failures", "1", db=url, check=4))
    assert stopped[BROKEN] == ("failed", 4)
    assert {name for name, (result, _) in stopped.items() if result == "not begun"} == {*EARLY, LOCKED, NO_CREATE, NO_USE} - set(
        first
    )
    allowed = ended(chatops_inprocess(*words, "--max-failures", "2", db=url, check=4))
    assert [name for name, (result, code) in allowed.items() if code] == [BROKEN]
    assert allowed[LOCKED] == ("applied", 0)


def test_a_wildcard_does_not_mean_a_public_without_chats(mixed: Database, chatops_inprocess: Chatops) -> None:
    for command, code in (("migrate", 0), ("status", 0)):
        more = ("--dry-run",) if command == "migrate" else ()
        done = chatops_inprocess(command, *more, "--all-schemas", "*", "-o", "json", db=mixed, check=code)
        found = json.loads(done.stdout)["targets" if command == "migrate" else "tenants"]
        assert {row["target" if command == "migrate" else "tenant"] for row in found} == set(MEMBERS)
        assert "schema public has no chats and is left out; --schema public means it" in done.stderr
    named = chatops_inprocess("migrate", "--dry-run", "--all-schemas", "public", "-o", "json", db=mixed, check=0)
    assert [row["result"] for row in rows_of(named).values()] == ["to apply"]


@pytest.mark.parametrize("fleet", [True, False])
def test_a_schema_that_the_role_may_not_use_is_refused_and_nothing_is_recorded(
    fleet: bool, mixed: Database, chatops_inprocess: Chatops
) -> None:
    before = counts(mixed)
    words = ("--all-schemas", f"{NO_USE}*") if fleet else ("--schema", NO_USE)
    done = chatops_inprocess("migrate", *words, db=url_as(mixed, APPLICATION_OWNER), check=4)
    assert f"{APPLICATION_OWNER} may not use schema {NO_USE}; nothing was changed" in done.stderr
    assert counts(mixed) == before

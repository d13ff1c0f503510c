"""Asks in one request which checks find nothing at all: those have passed. What finds, fails or takes long is asked by itself.

For many tenants, where nearly all is well nearly everywhere: a request for each check would be much of the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from chatops import db, sqlfiles
from chatops.checks import asking
from chatops.checks.load import Check
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError, LockTimeoutError, StatementTimeoutError

LONGEST_MS, LOCK_MS = 1000, 20
"""What takes longer, or waits longer, is asked by itself, as patiently as ever."""
LEAVE = ("rollback to savepoint chatops_check", "release savepoint chatops_check")


def passed(database: Database, checks: Sequence[Check], parameters: Mapping[str, object], *, before_018: bool) -> set[str]:
    """The codes of those that find nothing, inside the transaction of a run; of the others nothing is said."""
    if database.facts is None or database.facts.citus is not None:  # a cluster takes a request of many for one
        return set()
    groups = _groups(tuple(check for check in checks if check.shipped and not check.fails_on_error))
    found: set[str] = set()
    while groups:
        requests = [_statements(group, parameters, before_018=before_018) for group in groups]
        ran = database.run(";\n".join(one for request in requests for one in request))
        answered, end = 0, 0
        for group, request in zip(groups, requests, strict=True):
            end += len(request)
            if end > len(ran.tags):
                break
            answered += 1
            finding = (ran.firsts[end - len(LEAVE) - 1] or "").split(",")
            found |= {check.code for check in group if check.code not in finding}
        if ran.error is None:
            break
        if not isinstance(ran.error, DatabaseError) or isinstance(ran.error, ConnectionLostError):
            break  # whoever asks next is told
        database.script("; ".join(LEAVE))
        if isinstance(ran.error, (LockTimeoutError, StatementTimeoutError)):
            break
        groups = groups[answered + 1 :]
    return found


def nothing_to_find(database: Database, checks: Sequence[Check], parameters: Mapping[str, object]) -> set[str]:
    """The codes of those whose condition (`only-if`) does not hold, asked in one request; of the others nothing is said."""
    asked = [check for check in checks if check.shipped and check.only_if]
    if not asked or database.facts is None or database.facts.citus is not None:  # there the settings are asked by themselves
        return set()
    queries = [db.inlined(sqlfiles.body(sqlfiles.query(f"queries/{check.only_if}.sql")), parameters) for check in asked]
    begin = _begun(asked)
    ran = database.run(";\n".join([*begin, *queries, *LEAVE]))
    if ran.error is not None and isinstance(ran.error, DatabaseError) and not isinstance(ran.error, ConnectionLostError):
        database.script("; ".join(LEAVE))
    told = ran.firsts[len(begin) : len(begin) + len(asked)]
    return {check.code for check, found in zip(asked, told, strict=False) if found == "f"}


def _statements(group: tuple[Check, ...], parameters: Mapping[str, object], *, before_018: bool) -> list[str]:
    """A query that tells which of a group find anything, in a savepoint: what it sets for its session ends with it."""
    query = db.inlined(_query(group, before_018=before_018), parameters)
    return [*_begun(group), f"{query}\n", *LEAVE]


def _begun(checks: Sequence[Check]) -> list[str]:
    """A savepoint, and what holds in it."""
    avoided = [f"set local enable_{name} = off" for name in sorted({check.avoids for check in checks if check.avoids})]
    limits = [f"set local statement_timeout = {LONGEST_MS}", f"set local lock_timeout = {LOCK_MS}"]
    return ["savepoint chatops_check", *limits, *avoided]


@lru_cache(maxsize=256)
def _query(group: tuple[Check, ...], *, before_018: bool) -> str:
    return asking.which_find(group, before_018=before_018)


@lru_cache(maxsize=64)
def _groups(checks: tuple[Check, ...]) -> list[tuple[Check, ...]]:
    """Together those that have anything in common: it is read once for all of them."""
    found: list[list[Check]] = []
    for check in checks:
        akin = [one for one in found if any(set(check.shares) & set(other.shares) for other in one)]
        found = [one for one in found if one not in akin] + [[*(each for one in akin for each in one), check]]
    return [tuple(one) for one in found]

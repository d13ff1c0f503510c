"""Whether the triggers that guard the tables are there, switched on, and as the migrations made them, with their functions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from chatops.checks import load, run
from chatops.checks.findings import filled
from chatops.checks.results import Survey
from chatops.db import Database
from chatops.frozen import frozen

CODES = ("DB003", "DB017", "DB018", "DB034")
OURS = "chatops_"
"""What the name of each trigger of ours begins with."""
_CALLS = re.compile(r"\bEXECUTE FUNCTION (?:\w+\.)?(\w+)\(")
_MOST = 1000


@frozen
class Guarding:
    """What of the guards does not work, each by its code and in words; and why it could not be told."""

    broken: Sequence[tuple[str, str]] = ()
    unknown: str | None = None


def look(database: Database) -> Guarding:
    """Inside a snapshot."""
    checks = load.chosen(load.shipped(), CODES, ())
    survey = run.run(database, checks, rows=_MOST)
    functions = _functions(survey)
    broken = [
        (result.check.code, filled(result.check.title_one, row, survey.now))
        for result in survey.results
        if result.status == "failed"
        for row in result.rows
        if _guards(str(row.get("kind") or "trigger"), str(row["object"]), functions)
    ]
    return Guarding(broken, next((result.reason for result in survey.results if result.status == "unknown"), None))


def _functions(survey: Survey) -> frozenset[str]:
    """The functions that triggers of ours call, and the one that says whether they are on."""
    wanted = [one for one in json.loads(survey.inventory.expected) if one["kind"] == "trigger"]
    called = {name for one in wanted for text in one["definition"].get("definition", ()) for name in _CALLS.findall(text)}
    return frozenset({"guards_are_on", *called})


def _guards(kind: str, name: str, functions: frozenset[str]) -> bool:
    return (kind == "trigger" and name.rpartition(".")[2].startswith(OURS)) or (kind == "function" and name in functions)

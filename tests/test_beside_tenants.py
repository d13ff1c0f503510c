"""What is said of a schema made by hand does not lean on what stands beside it: what all tenants share proves nothing about one."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from typing import Any

import pytest

from chatops import sqlfiles
from tests.conftest import Result, _command
from tests.servers import Database, Farm, Server
from tests.test_by_hand import FILES, FROM, STOPS, UNTOLD

Run = Callable[..., Result]
NEIGHBOUR = "neighbour"
SCREENS = (("status",), ("adopt", "--dry-run"), ("adopt", "--to", "017", "--dry-run"), ("verify",), ("diagnose", "--rows", "200"))
OF_THE_MOMENT = ("database", "at", "seconds", "age")


def by_hand(database: Database, **stops: str) -> None:
    """Schemas, each with the files up to its stop by psql, and the tables of chatops, in which nothing is noted."""
    texts = [sqlfiles.read("bookkeeping.sql")]
    for schema, last in stops.items():
        texts.append(f"create schema {schema}; set search_path to {schema};")
        texts += [sqlfiles.read(f"migrations/{name}.sql") for name in FILES[: FILES.index(last) + 1]]
    done = database.psql("\n".join(texts))
    assert done.returncode == 0, done.stderr


def of(last: str) -> str:
    return f"at_{last[:3]}"


def lasting(said: Any) -> Any:
    """What was said, without when it was, how long it took and of which database."""
    if isinstance(said, dict):
        return {key: lasting(one) for key, one in said.items() if key not in OF_THE_MOMENT}
    return [lasting(one) for one in said] if isinstance(said, list) else said


@pytest.fixture
def one_at_each_stop(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """A schema at each stop, and one more with all files, which chatops took over."""

    def build(database: Database) -> None:
        by_hand(database, **{of(last): last for last in FILES[FROM:]}, **{NEIGHBOUR: FILES[-1]})
        _command(database.url, "adopt", "--schema", NEIGHBOUR, "--yes")

    return new_database(template=farm.template(server, "one-at-each-stop", build))


@pytest.mark.parametrize("last", STOPS)
def test_a_schema_is_told_as_if_it_were_alone(
    last: str, one_at_each_stop: Database, new_database: Callable[..., Database], chatops_inprocess: Run
) -> None:
    alone = new_database()
    by_hand(alone, **{of(last): last})

    def said(database: Database, *words: str) -> Any:
        answer = chatops_inprocess("--schema", of(last), *words, "-o", "json", db=database)
        assert answer.exit_code in (0, 1), answer.stderr
        return lasting(json.loads(answer.stdout))

    for words in SCREENS:
        here, there = (json.dumps(said(one, *words), indent=1).splitlines() for one in (one_at_each_stop, alone))
        differs = "\n".join(difflib.unified_diff(there, here, "alone", "beside others", lineterm="", n=0))
        assert not differs, differs
    points = [
        [one for one in said(database, "doctor")["points"] if one["area"] == "objects"] for database in (one_at_each_stop, alone)
    ]
    assert points[0] == points[1]


@pytest.mark.parametrize("last", STOPS)
def test_a_schema_beside_others_is_taken_over_up_to_where_it_stands(
    last: str, one_at_each_stop: Database, chatops_inprocess: Run
) -> None:
    chatops_inprocess("--schema", of(last), "adopt", "--to", max("017", last[:3]), "--yes", db=one_at_each_stop, check=0)
    status = json.loads(chatops_inprocess("--schema", of(last), "status", "-o", "json", db=one_at_each_stop).stdout)
    adopted = {one["name"] for one in status["files"] if one["state"] == "adopted"}
    assert adopted >= {name for name in FILES if name <= last and name[:3] not in UNTOLD}
    assert all(one["state"] == "pending" for one in status["files"] if one["name"] > last)
    findings = json.loads(chatops_inprocess("--schema", of(last), "diagnose", "-o", "json", db=one_at_each_stop).stdout)[
        "findings"
    ]
    assert "DB003" not in {one["code"] for one in findings}

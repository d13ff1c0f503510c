"""Each of many harms that a database comes to is told by exactly its checks, and ends with their helps.

By default every eighteenth of them, on 18; with CHATOPS_TEST_LONG=1 all, on each server.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable

import pytest

from chatops.checks import load, run
from chatops.checks.findings import findings
from chatops.checks.results import Survey
from chatops.db import Database as Connection
from chatops.model import Severity
from tests import harms, harms_together
from tests.ailing import opened
from tests.conftest import Result, build_migrated_application, server_labels
from tests.servers import Database, Farm
from tests.test_checks_long import undone

LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))
CHECKS = tuple(check for check in load.shipped() if check.group == "schema" or check.code in ("DB001", "DB002", "DB023"))


NEW = "is new: look at what it does"
"""What is told of every trigger, key and condition that came since: not of what it does."""
LOUD = {"warning": "loud", "critical": "loud"}
"""How bad each harm is tells tests/test_vital.py."""


EACH_ITS_OWN = ("DB019", "DB029", "DB030")
"""Checks of many kinds of harm: what is said of one would not be true of another."""


def told(survey: Survey) -> dict[str, str]:
    """The codes of what is found, or could not be asked, with how bad it is; not of what is only new."""
    return {
        one.check.code: "unknown" if one.status == "unknown" else one.severity.value
        for one in survey.results
        if one.status == "unknown" or (one.status == "failed" and not all(row.get("trouble") == NEW for row in one.rows))
    }


def looked(connection: Connection) -> Survey:
    """What the checks of the schema find now."""
    return run.run(connection, CHECKS, rows=20, whole_seconds=600)


ROUNDS = 8


def follow(connection: Connection, survey: Survey) -> set[str]:
    """Runs the statements of the first help, to the letter but for what does not run inside a transaction, and looks again."""
    for _ in range(ROUNDS):
        helps = [one for one in findings(survey, lambda *words: " ".join(words)) if one.result.severity is not Severity.ADVICE]
        text = next((one.sql for one in helps if one.sql), None)
        if text is None:
            break
        connection.script(text.replace(" CONCURRENTLY", "").replace(" concurrently", ""))
        survey = looked(connection)
    return {code for code, how in told(survey).items() if how != "advice"}


@pytest.fixture(params=server_labels() if LONG else ["18"])
def platform(request: pytest.FixtureRequest, new_database: Callable[..., Database], farm: Farm) -> Database:
    """The application's own database, taken over and migrated by its owner."""
    server = farm.server(request.param)
    return new_database(on=server, template=farm.template(server, "migrated-application", build_migrated_application))


@pytest.mark.sampled(0)
@pytest.mark.long
def test_each_harm_is_told_by_exactly_its_checks_and_ends_with_their_helps(platform: Database) -> None:
    wrongly: list[str] = []
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        before = told(looked(connection))
        assert set(before.values()) <= {"advice"}, before
        for name, harm in list(harms.ALL.items())[:: 1 if LONG else 18]:
            with undone(connection):
                connection.script(harm.text)
                survey = looked(connection)
                found = {code: LOUD.get(how, how) for code, how in told(survey).items() if before.get(code) != how}
                wanted = dict.fromkeys(harm.told_by, "loud") | dict.fromkeys(harm.advice, "advice")
                wanted = {code: how for code, how in wanted.items() if before.get(code) != how}
                if found != wanted:
                    wrongly.append(f"{name}: {found}, not {wanted}")
                    wrongly += [f"    {one.check.code}: {one.reason or [dict(row) for row in one.rows[:3]]}" for one in survey.results
                                if one.check.code in found]  # fmt: skip
                elif harm.told_by and harm.helps:
                    left = follow(connection, survey)
                    if left:
                        wrongly.append(f"{name}: {left} after the helps")
    assert wrongly == [], "\n".join(wrongly)


def rows_of(survey: Survey) -> list[tuple[str, str]]:
    """What is told, each row with its check."""
    return [
        (one.check.code, f"{one.reason or ''} {dict(row)}")
        for one in survey.results
        if one.status != "passed"
        for row in one.rows or ({},)
        if row.get("trouble") != NEW
    ]


@pytest.mark.parametrize("kind", ["LOUD", "QUIET"])
def test_many_harms_at_once_are_each_told_and_nothing_besides(platform: Database, kind: str) -> None:
    together: list[harms_together.Told] = getattr(harms_together, kind)
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        before = rows_of(looked(connection))
        for harm in together:
            connection.script(harm.text)
        survey = run.run(connection, CHECKS, rows=500, whole_seconds=600)
        found = [row for row in rows_of(survey) if row not in before]
        silent = [
            (one.check.code, row.get("object"), row.get("trouble"))
            for one in survey.results
            if one.status == "failed" and one.check.code in EACH_ITS_OWN
            for row in one.rows
            if not (row.get("so") and row.get("because"))
        ]
        assert silent == [], "each says what it does to people, and where it comes from"
        untold = [harm for harm in together if not any(code == harm.code and harm.words in text for code, text in found)]
        besides = [(code, text[:300]) for code, text in found
                   if not any(code == harm.code and harm.words in text for harm in together)
                   # A condition that is not validated, and a file that is not noted as in, are told by these as well.
                   and code not in ("DB005", "DB014")]  # fmt: skip
        assert (untold, besides) == ([], [])
        assert {LOUD.get(how, how) for code, how in told(survey).items() if code in {harm.code for harm in together}} == {
            "loud" if kind == "LOUD" else "advice"
        }


def test_what_harms_nobody_is_told_by_nothing(platform: Database) -> None:
    with opened(platform, "migrate") as connection, connection.acting(rollback=True):
        before = rows_of(looked(connection))
        for text in harms_together.SILENT:
            connection.script(text)
        assert [row for row in rows_of(looked(connection)) if row not in before] == []


def test_functions_that_are_otherwise_are_made_again_by_the_commands_of_the_helps(
    migrated_application_database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    database = migrated_application_database
    for harm in harms.FUNCTIONS.values():
        if "DB018" in (*harm.told_by, *harm.advice):
            database.script(harm.text)
    commands = []
    for _ in range(ROUNDS):
        shown = chatops_inprocess("diagnose", "--only", "DB018", "-o", "json", db=database).stdout
        found = [one for one in json.loads(shown)["findings"] if one["code"] == "DB018"]
        if not found:
            break
        commands.append(found[0]["help_command"])
        words = [word for word in shlex.split(commands[-1])[1:] if word != "--dry-run"]
        chatops_inprocess(*words, "--yes", db=database, check=0)
    assert found == []
    assert any("migrate --again" in one for one in commands)

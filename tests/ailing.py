"""Populated databases for the tests of checks and repairs, at both ends of the migrations, and what is found in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chatops import db, settings
from chatops.chats import planting, population
from chatops.checks import load, run
from chatops.checks.run import Result, Survey
from chatops.model import Severity
from tests.conftest import build_core, build_latest
from tests.servers import Database, Farm, Server


def build_guarded(database: Database) -> None:
    """Every migration, and for so long that whatever is planted came after the guards."""
    build_latest(database)
    database.execute("update chatops.migrations set applied_at = applied_at - interval '1 year'")


SCHEMAS = {"017": build_core, "latest": build_guarded}
KNOWN_BEFORE_018 = {"DB001", "QUEUE003"}
"""Advice about the deployed functions: they are open to everybody, and they count empty chats as waiting."""


@contextmanager
def opened(database: Database, intent: Any = "read") -> Iterator[db.Database]:
    """The database as chatops sees it."""
    target = settings.resolve(settings.Options(db=(database.url,)), environ={}, configuration=settings.Configuration())
    connection = db.connect(target, "test", intent)
    try:
        yield connection
    finally:
        connection.close()


def populated(new_database: Callable[..., Database], farm: Farm, server: Server, schema: str) -> Database:
    """A healthy system of 600 chats whose clocks are right, without (017) or with (latest) the queue's clocks."""

    def build(database: Database) -> None:
        SCHEMAS[schema](database)
        with opened(database, "migrate") as filling:
            with filling.reading():
                pass
            population.populate(filling, size=600)

    made = new_database(on=server, template=farm.template(server, f"healthy-{schema}", build))
    with opened(made, "migrate") as filled:
        with filled.reading():
            pass
        population.refresh(filled)
    return made


def plant(database: Database, code: str) -> planting.Planted:
    """Plants one trouble."""
    with opened(database, "act") as planted:
        with planted.reading():
            pass
        return planting.plant(planted, code)


def look(database: Database, *codes: str, **options: Any) -> Survey:
    """Runs all checks, or those named; nothing is written."""
    checks = tuple(check for check in load.shipped() if not codes or check.code in codes)
    options.setdefault("whole_seconds", 120)
    with opened(database) as reading:
        with reading.reading():
            survey = run.run(reading, checks, **options)
        assert reading.wrote is False
    return survey


def result(survey: Survey, code: str) -> Result:
    """What one check said."""
    return next(found for found in survey.results if found.check.code == code)


def wrong(survey: Survey) -> dict[str, str]:
    """Code to status of all that did not pass, with the reason of what is unknown."""
    return {
        found.check.code: found.status + (f": {found.reason}" if found.reason else "")
        for found in survey.results
        if found.status != "passed"
    }


def above_advice(survey: Survey) -> set[str]:
    """The codes that make a run end in 1."""
    return {found.check.code for found in survey.results if found.status != "passed" and found.severity is not Severity.ADVICE}


@pytest.fixture(params=SCHEMAS)
def healthy(request: pytest.FixtureRequest, new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """A healthy system, before and after our migrations, on 18."""
    return populated(new_database, farm, server, request.param)


@pytest.fixture(params=SCHEMAS)
def healthy_everywhere(
    request: pytest.FixtureRequest, new_database: Callable[..., Database], farm: Farm, any_server: Server
) -> Database:
    """A healthy system, before and after our migrations, on each server of the matrix."""
    return populated(new_database, farm, any_server, request.param)


@pytest.fixture
def deployed(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """A healthy deployed system (017) on 18."""
    return populated(new_database, farm, server, "017")


@pytest.fixture
def mended(new_database: Callable[..., Database], farm: Farm, server: Server) -> Database:
    """A healthy system after all migrations, on 18."""
    return populated(new_database, farm, server, "latest")

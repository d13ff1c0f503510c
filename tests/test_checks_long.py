"""The checks on many populations: none is ailing by itself, and troubles at random are found together, with no others."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from chatops.chats import planting, population
from chatops.checks import run
from chatops.model import Severity
from tests.ailing import SCHEMAS, above_advice, look, opened, plant, populated, wrong
from tests.servers import Database, Farm, Server

LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))
POPULATIONS, LARGE_ONES, THREES = (200, 5, 60) if LONG else (4, 0, 2)


def fresh(new_database: Callable[..., Database], farm: Farm, server: Server, schema: str, size: int, seed: int) -> Database:
    database = new_database(on=server, template=farm.template(server, f"empty-{schema}", SCHEMAS[schema]))
    with opened(database, "migrate") as filling:
        with filling.reading():
            pass
        population.populate(filling, size=size, seed=seed)
    return database


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
def test_no_healthy_population_has_a_finding_above_advice(
    new_database: Callable[..., Database], farm: Farm, server: Server, schema: str
) -> None:
    shapes = [(2000, seed) for seed in range(10, 10 + POPULATIONS // 2)] + [(100_000, seed) for seed in range(LARGE_ONES)]
    for size, seed in shapes:
        database = fresh(new_database, farm, server, schema, size, seed)
        survey = look(database)
        assert above_advice(survey) == set(), (size, seed, wrong(survey))
        assert survey.ran == len(survey.results)
        database.drop()


@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
def test_three_troubles_at_random_are_found_and_no_others(
    new_database: Callable[..., Database], farm: Farm, server: Server, schema: str
) -> None:
    chance = random.Random(f"three troubles on {schema}")
    codes = [code for code in planting.codes() if not code.startswith("DB")]
    for _ in range(THREES):
        chosen = chance.sample(codes, 3)
        database = populated(new_database, farm, server, schema)
        dropped = [plant(database, code).dropped for code in chosen]
        survey = look(database)
        implied = {code for one in chosen for code in planting.implied(one)} | ({"DB003"} if any(dropped) else set())
        failed: set[str] = {found.check.code for found in survey.results if found.status == "failed"}
        assert set(chosen) <= failed, chosen
        assert above_advice(survey) <= set(chosen) | implied, (chosen, wrong(survey))
        database.drop()


def test_the_budget_of_a_run_is_kept_and_what_was_left_out_is_named(
    new_database: Callable[..., Database], farm: Farm, server: Server
) -> None:
    database = populated(new_database, farm, server, "017")
    survey = look(database, whole_seconds=0.06)
    assert survey.ran < len(survey.results)
    assert all(found.reason for found in survey.results if found.status == "unknown")
    assert {found.severity for found in survey.results if found.status == "unknown"} >= {Severity.WARNING}
    assert run.WHOLE_BUDGET_SECONDS < 15

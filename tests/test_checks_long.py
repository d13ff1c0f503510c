"""The checks on many populations: none is ailing by itself, and troubles are found, alone and in random threes, with no others.

By default in small; with CHATOPS_TEST_LONG=1 on 100,000 chats, and on each server of the matrix.
"""

from __future__ import annotations

import os
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chatops import db, sqlfiles
from chatops.chats import planting, population
from chatops.checks import load, run
from chatops.checks.results import Result, Survey
from chatops.model import Severity
from tests import shapes
from tests.ailing import ELSEWHERE, FRESH_S, SCHEMAS, TROUBLES, above_advice, look, opened, populated, several_at_a_time, wrong
from tests.conftest import server_labels
from tests.locks import wait_until_blocked
from tests.servers import Database, Farm, Server

LONG = bool(os.environ.get("CHATOPS_TEST_LONG"))
THREES = 150 if LONG else 5
SMALL_ONES, LARGE_ONES = (100, 3) if LONG else (0, 0)
"""Populations of 2,000 and of 100,000 chats on each schema."""

SEQUENCES = """select q.seqrelid::regclass::text, pg_sequence_last_value(q.seqrelid), q.seqstart
                 from pg_sequence q
                 join pg_class c on c.oid = q.seqrelid
                 join pg_namespace n on n.oid = c.relnamespace and n.nspname in (current_schema(), 'chatops')"""

Made = Callable[..., Database]


@pytest.fixture(params=server_labels() if LONG else ["18"])
def some_server(request: pytest.FixtureRequest, farm: Farm) -> Server:
    """18, and at full length every server of the matrix."""
    return farm.server(request.param)


def fresh(new_database: Made, farm: Farm, server: Server, schema: str, size: int, seed: int) -> Database:
    """A population of its own."""
    database = new_database(on=server, template=farm.template(server, f"empty-{schema}", SCHEMAS[schema]))
    fill(database, size, seed)
    return database


def fill(database: Database, size: int, seed: int) -> None:
    """Populates an empty system."""
    with opened(database, "migrate") as filling:
        with filling.reading():
            pass
        population.populate(filling, size=size, seed=seed)


# ---- one population, and trials in it that leave nothing --------------------------------------------------------------


@dataclass
class Trials:
    """A healthy system in a transaction whose clock stands still, what it is found with by itself, and what went wrong."""

    database: db.Database
    schema: str
    known: Mapping[str, Result] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    done: int = 0

    def look(self, given: Mapping[str, float] | None = None) -> Survey:
        """All checks, as of now."""
        # What the server tells of sessions and of tables stands still, too, unless it is asked anew.
        self.database.script("select pg_stat_clear_snapshot()")
        return run.run(self.database, load.shipped(), given=given, whole_seconds=3600)

    def possible(self) -> list[str]:
        """The codes that can be planted in this transaction."""
        return [*planting.codes(), *(code for code, trouble in TROUBLES.items() if self.schema in trouble.schemas)]

    def three(self, chance: random.Random) -> list[str]:
        """Three that can be true at the same moment."""
        while True:
            chosen = chance.sample(self.possible(), 3)
            replaced = [name for code in chosen for name in replaces(code)]
            if len(replaced) > len(set(replaced)):
                continue
            if not any(TROUBLES[code].contradicts & set(chosen) for code in chosen if code in TROUBLES):
                # What says of the whole system how it is comes after what changes it.
                return sorted(chosen, key=lambda code: code in TROUBLES)

    def one(self, chosen: Sequence[str], *, outside: frozenset[str] = frozenset()) -> None:
        """Plants these, notes what is missing or too much, and takes them back. `outside` has been made elsewhere."""
        implied = set(outside)
        with undone(self.database):
            for code in chosen:
                if code in TROUBLES:
                    stage(self.database, TROUBLES[code].text)
                    implied |= TROUBLES[code].also
                else:
                    dropped = planting.plant_here(self.database, code).dropped
                    implied |= planting.implied(code) | ({"DB003"} if dropped else set())
            found = {result.check.code: result for result in self.look().results if result.status != "passed"}
        wanted = {*chosen, *outside}
        # In the deployed system the queue's figures count empty chats by themselves; a copy that does is no news.
        new = {code for code, result in found.items() if self.is_news(result)}
        missing = wanted - new - ({"QUEUE003", "DB001"} if self.schema == "017" else set())
        unknown = {code for code, result in found.items() if result.status == "unknown"} - implied
        too_much = new - wanted - implied | unknown
        self.done += 1
        if missing or too_much:
            said = {code: found[code].reason or [dict(row) for row in found[code].rows[:2]] for code in too_much}
            self.troubles.append(f"{', '.join([*chosen, *outside])}: missing {sorted(missing)}, too much {said}")

    def is_news(self, result: Result) -> bool:
        """Whether this is found that was not found before, or is worse than it was."""
        before = self.known.get(result.check.code)
        return before is None or result.count > before.count or result.severity.rank < before.severity.rank


@contextmanager
def trials(database: Database, schema: str) -> Iterator[Trials]:
    """Trials on a population; nothing remains of them. They begin at its newest moment: with time people are missed."""
    with opened(database, "migrate") as connected, connected.acting(rollback=True):
        population.move(connected, timedelta(seconds=FRESH_S / 2))
        connected.script("set local session_replication_role = origin; set local idle_in_transaction_session_timeout = 0")
        made = Trials(connected, schema)
        survey = made.look()
        assert above_advice(survey) == set(), wrong(survey)
        assert survey.ran == len(survey.results)
        made.known = {result.check.code: result for result in survey.results if result.status != "passed"}
        yield made


@contextmanager
def undone(database: db.Database) -> Iterator[None]:
    """What happens in it is taken back, what sequences counted too: no rollback does that."""
    counted = database.tuples(SEQUENCES)
    database.script("savepoint trial")
    try:
        yield
    finally:
        database.script("rollback to savepoint trial; release savepoint trial")
        for sequence, last, start in set(database.tuples(SEQUENCES)) ^ set(counted):
            if (sequence, last, start) in counted:
                database.execute(f"select setval('{sequence}', {start if last is None else last}, {last is not None})")


def replaces(code: str) -> set[str]:
    """The functions that a plant or trouble makes anew: no other one can be made of the same."""
    text = TROUBLES[code].text if code in TROUBLES else sqlfiles.read(f"plants/{code}.sql")
    return set(re.findall(r"(?i)create (?:or replace )?function (\w+)", text))


def stage(database: db.Database, text: str) -> None:
    """Runs statements as a plant: with its functions, and without triggers."""
    database.script("set local session_replication_role = replica")
    database.script(sqlfiles.read("demo/stage.sql"))
    database.script(text)
    database.script("set local session_replication_role = origin")


def with_roles(database: Database) -> None:
    """The application's roles, which belong to the whole server."""
    database.script(
        "do $$ begin create role authenticated nologin; exception when duplicate_object or unique_violation then null; end $$"
    )


def clash(one: str, other: str) -> bool:
    """Whether one of two troubles implies or contradicts the other, or makes its function."""
    told = {code: TROUBLES[code].also | TROUBLES[code].contradicts for code in (one, other)}
    return other in told[one] or one in told[other] or bool(replaces(one) & replaces(other))


@pytest.mark.sampled(1)
@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
def test_each_trouble_and_three_at_random_are_found_and_no_others(
    new_database: Made, farm: Farm, some_server: Server, schema: str, record_property: Callable[[str, object], None]
) -> None:
    if LONG:
        database = fresh(new_database, farm, some_server, schema, 100_000, 1)
    else:
        database = populated(new_database, farm, some_server, schema)
    with_roles(database)
    chance = random.Random(f"three troubles on {schema}")
    with trials(database, schema) as tried:
        # The plants one by one, on these two schemas, are in test_plants.py.
        unplanted = [code for code in tried.possible() if code in TROUBLES]
        for codes in [[code] for code in tried.possible()] if LONG else several_at_a_time(unplanted, 4, clash):
            tried.one(codes)
        for _ in range(THREES):
            tried.one(tried.three(chance))
    record_property("trials", tried.done)
    assert tried.troubles == [], "\n".join(tried.troubles)
    assert {*tried.possible(), *ELSEWHERE} | {code for code, trouble in TROUBLES.items() if schema not in trouble.schemas} == {
        check.code for check in load.shipped()
    }


# ---- what takes other sessions, or what no rollback takes back -----------------------------------------------------------


@contextmanager
def held_up(database: Database) -> Iterator[None]:
    """DB010: a report keeps a row, and somebody waits for it."""
    row = database.value("select id from real_users order by id limit 1")
    taken = "select from real_users where id = %s for update"
    holder, waiter = database.connect(application_name="nightly report"), database.connect()
    holder.execute("begin")
    holder.execute(taken, (row,))
    waiting = threading.Thread(target=lambda: waiter.execute(taken, (row,)))
    waiting.start()
    try:
        wait_until_blocked(database.connect(), waiter.info.backend_pid)
        yield
    finally:
        holder.execute("rollback")
        waiting.join()


@contextmanager
def full_of_dead_rows(database: Database) -> Iterator[None]:
    """DB011: what was inserted and rolled back is dead, and no vacuum has come by."""
    with database.connect() as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("begin")
        connection.execute(
            "insert into operator_activity (chat_id, operator_id) "
            "select gen_random_uuid(), gen_random_uuid() from generate_series(1, 20000)"
        )
        connection.execute("rollback")
        connection.execute("select pg_stat_force_next_flush()")
    try:
        yield
    finally:
        database.execute("vacuum operator_activity")


@contextmanager
def nearly_all_connections(database: Database) -> Iterator[None]:
    """DB015: an application without a pooler."""
    with ExitStack() as kept:
        for _ in range(22):
            kept.enter_context(database.connect())
        yield


OUTSIDE = {"DB010": held_up, "DB011": full_of_dead_rows, "DB015": nearly_all_connections}


@pytest.mark.sampled(0)
@pytest.mark.long
def test_what_other_sessions_do_is_found_beside_other_troubles(own_server: Callable[..., Server]) -> None:
    # A standby, slow statements, large tables: test_checks.py. Adopted functions: test_adopted_functions.py. Partitions: test_partitioned.py.
    # A cluster: test_citus.py.
    assert OUTSIDE.keys() | {"DB012", "DB021", "DB025", "DB026", "DB027", "DB028", "DB034"} == ELSEWHERE
    schema = "latest"
    database = own_server("18", max_connections="30").create_database()
    SCHEMAS[schema](database)
    fill(database, 600, 1)
    with_roles(database)
    chance = random.Random("beside others")
    with trials(database, schema) as tried:
        for code, make in OUTSIDE.items():
            with make(database):
                tried.one([], outside=frozenset({code}))
                for _ in range(THREES // 10 if LONG else 1):
                    tried.one(tried.three(chance)[:2], outside=frozenset({code}))
        with ExitStack() as all_of_them:
            for make in OUTSIDE.values():
                all_of_them.enter_context(make(database))
            tried.one([], outside=frozenset(OUTSIDE))
        tried.one([])
    assert tried.troubles == [], "\n".join(tried.troubles)


# ---- healthy ones of many shapes ------------------------------------------------------------------------------------------


@pytest.mark.sampled(1)
@pytest.mark.long
@pytest.mark.parametrize("schema", SCHEMAS)
def test_no_healthy_system_of_any_shape_has_a_finding_above_advice(
    new_database: Made, farm: Farm, some_server: Server, schema: str, record_property: Callable[[str, object], None]
) -> None:
    troubles = []
    every = [[structure] for structure in shapes.STRUCTURES] + [["as it is", detail] for detail in shapes.DETAILS]
    if not LONG:
        # Every other structure on each schema, and three details at a time.
        structures, details = list(shapes.STRUCTURES), list(shapes.DETAILS)
        every = [[one] for one in structures[list(SCHEMAS).index(schema) :: 2]] + [
            ["as it is", *details[at::3]] for at in range(3)
        ]
    with trials(populated(new_database, farm, some_server, schema), schema) as tried:
        for names in every:
            with undone(tried.database):
                shapes.form(tried.database, names)
                survey = tried.look()
            if above_advice(survey) or survey.ran < len(survey.results):
                troubles.append(f"600 chats, {names}: {wrong(survey)}")
    chance = random.Random(f"shapes on {schema}")
    sizes = [2_000] * SMALL_ONES + [100_000] * LARGE_ONES
    for seed, size in enumerate(sizes, start=10):
        names = shapes.at_random(chance)
        database = fresh(new_database, farm, some_server, schema, size, seed)
        with opened(database, "migrate") as forming, forming.acting():
            shapes.form(forming, names)
        survey = look(database)
        if above_advice(survey) or survey.ran < len(survey.results):
            troubles.append(f"{size} chats, seed {seed}, {names}: {wrong(survey)}")
        database.drop()
    record_property("populations", len(every) + len(sizes))
    assert troubles == [], "\n".join(troubles)


# ---- the time of a run ----------------------------------------------------------------------------------------------------


def test_the_budget_of_a_run_is_kept_and_what_was_left_out_is_named(new_database: Made, farm: Farm, server: Server) -> None:
    database = populated(new_database, farm, server, "017")
    survey = look(database, whole_seconds=0.02)
    assert survey.ran < len(survey.results)
    assert all(found.reason for found in survey.results if found.status == "unknown")
    assert {found.severity for found in survey.results if found.status == "unknown"} >= {Severity.WARNING}
    assert run.WHOLE_BUDGET_SECONDS < 15

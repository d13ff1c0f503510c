"""The many ways of writing in other sessions: through poolers, prepared and in pipelines, under settings of every kind.

By default every third way in each, by turns, on one server; with CHATOPS_TEST_LONG=1 every way in each, on each server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from tests import conftest
from tests.servers import Database, Farm
from tests.test_write_ways import WAYS, Street, Way

LONG = conftest.LONG
LABELS = conftest.server_labels()
IDLE = psycopg.pq.TransactionStatus.IDLE
Session = psycopg.Connection[Any]
Told = tuple[list[Any], dict[str, str], list[str]]
"""What each statement told, how the chats stand then, and what is wrong."""

# What needs its session goes as one transaction where there is none; without transactions it does not go at all.
OF_A_SESSION = ("prepared", "beside advisory locks")
SETTINGS = {
    "Nepal": {"timezone": "Asia/Kathmandu", "datestyle": "SQL, DMY", "intervalstyle": "sql_standard",
              "standard_conforming_strings": "off", "extra_float_digits": "-15", "transform_null_equals": "on",
              "array_nulls": "off", "quote_all_identifiers": "on", "bytea_output": "escape"},
    "Germany": {"timezone": "<+0530>-5:30", "datestyle": "German", "intervalstyle": "iso_8601", "row_security": "off",
                "enable_nestloop": "off", "enable_hashjoin": "off", "enable_indexscan": "off", "enable_bitmapscan": "off",
                "plan_cache_mode": "force_custom_plan", "xmloption": "document"},
    "serializable": {"default_transaction_isolation": "serializable", "plan_cache_mode": "force_generic_plan",
                     "enable_seqscan": "off", "enable_sort": "off", "from_collapse_limit": "1", "join_collapse_limit": "1",
                     "cursor_tuple_fraction": "0", "work_mem": "64kB"},
    "repeatable": {"default_transaction_isolation": "repeatable read", "datestyle": "Postgres, MDY", "enable_mergejoin": "off",
                   "enable_hashagg": "off", "enable_material": "off", "enable_memoize": "off", "synchronous_commit": "off",
                   "geqo_threshold": "2", "check_function_bodies": "off", "timezone": "America/St_Johns"},
}  # fmt: skip


class Other(Street):
    """The same street, on which each speaks in another kind of session."""

    def __init__(self, database: Database, speak: Callable[[Other, Way], list[Any]]) -> None:
        super().__init__(database)
        self.speak = speak

    def go(self, way: Way) -> list[Any]:
        return self.speak(self, way)


def tried(street: Street, way: Way) -> Told:
    """What comes of a way; the street is empty then."""
    try:
        if way.owner:
            street.session("owner").execute(street.filled(way.owner).encode())
        said = street.go(way)
        # Every street has ids of its own.
        names = {identifier: name for name, identifier in street.names.items()}
        for identifier, name in names.items():
            said = [one.replace(identifier, name) if isinstance(one, str) else one for one in said]
        return said, street.stands(), street.wrong()
    finally:
        if way.undo:
            street.session("owner").execute(way.undo.encode())
        street.leave()


def one(street: Street, connection: Session, statement: str, *, prepare: bool = False) -> Any:
    """What a statement told: rows, how many, or its error."""
    try:
        if statement.startswith("copy "):
            with connection.cursor().copy(statement.encode()) as copy:
                for chat in ("waits", "answered", "empty"):
                    copy.write_row((street.names[chat], "real", "x"))
            return None
        cursor = connection.execute(statement.encode(), prepare=prepare)
        return cursor.fetchall() if cursor.description else cursor.rowcount
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_primary}"


def spoken(street: Street, connection: Session, way: Way, *, prepare: bool = False) -> list[Any]:
    """Each statement, without what only says that rows were copied."""
    told = (one(street, connection, statement, prepare=prepare) for statement in map(street.filled, way.statements))
    return [answer for answer in told if answer is not None]


@pytest.fixture(scope="module")
def plainly(farm: Farm) -> Callable[[str], tuple[Database, dict[str, Told]]]:
    """A migrated database of the platform on a server, and what came of the ways so far there in a plain session."""
    made: dict[str, tuple[Database, dict[str, Told]]] = {}

    def ask(label: str) -> tuple[Database, dict[str, Told]]:
        if label not in made:
            server = farm.server(label)
            database = server.create_database(farm.template(server, "migrated-application", conftest.build_migrated_application))
            made[label] = database, {}
        return made[label]

    return ask


def differences(
    asked: tuple[Database, dict[str, Told]], speak: Callable[[Other, Way], list[Any]], names: Iterator[str]
) -> dict[str, Any]:
    database, plain = asked
    differing = {}
    for name in names:
        if name not in plain:
            plain[name] = tried(Other(database, directly), WAYS[name])
        if (found := tried(Other(database, speak), WAYS[name])) != plain[name]:
            differing[name] = (found, plain[name])
    return differing


def directly(street: Other, way: Way) -> list[Any]:
    """In a plain session."""
    return spoken(street, street.session(way.who), way)


def by_turns(turn: int, of: int = 3) -> Iterator[str]:
    """The ways whose turn it is, of so many; in the long form all."""
    return iter(list(WAYS) if LONG else list(WAYS)[turn::of])


# ---- poolers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("label", LABELS if LONG else LABELS[:1])
def test_through_a_pooler_in_transaction_mode_every_way_comes_to_the_same(
    through_pgbouncer: Callable[..., str], plainly: Any, label: str
) -> None:
    asked = plainly(label)
    pooled = through_pgbouncer(
        asked[0], "transaction", ("authenticator", conftest.APPLICATION_OWNER),
        default_pool_size=2, min_pool_size=2, server_round_robin=1,
    )  # fmt: skip

    def speak(street: Other, way: Way) -> list[Any]:
        """As PostgREST does: role and claims are those of each transaction."""
        user = {"owner": conftest.APPLICATION_OWNER, "super": "postgres"}.get(way.who, "authenticator")
        url = pooled.replace("postgres@", f"{user}@")
        said: list[Any] = []
        together = any(WAYS[name] is way for name in OF_A_SESSION)
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            for statement in map(street.filled, way.statements):
                begins, within = statement.startswith("begin"), connection.info.transaction_status != IDLE
                if not within:
                    connection.execute((statement if begins else "begin").encode())
                    put_on(street, connection, way.who)
                if begins:
                    said.append(-1)
                elif (answer := one(street, connection, statement)) is not None:
                    said.append(answer)
                if not within and not begins and not together:
                    connection.execute("commit")
            if together:
                connection.execute("commit")
        return said

    assert differences(asked, speak, by_turns(0)) == {}


def put_on(street: Street, connection: Session, who: str) -> None:
    """The role of somebody for a transaction, with what the hosting says of them."""
    if who in street.names:
        claims = json.dumps({"sub": street.names[who], "role": "authenticated"})
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
    if who not in ("owner", "super"):
        connection.execute(f"set local role {'service_role' if who == 'service' else 'authenticated'}")


@pytest.mark.long
@pytest.mark.parametrize("label", LABELS if LONG else LABELS[-1:])
def test_through_a_pooler_in_statement_mode_every_way_without_a_transaction_comes_to_the_same(
    through_pgbouncer: Callable[..., str], plainly: Any, label: str
) -> None:
    asked = plainly(label)
    database = asked[0]
    with ExitStack() as opened:
        # Who may say nothing but statements has its role from the first.
        roles = {who: opened.enter_context(database.role(who)) for who in ("service", "tab")}
        database.script("".join(
            f"grant {role} to {roles[who]}; alter role {roles[who]} set role = '{role}';"
            for who, role in (("service", "service_role"), ("tab", "authenticated"))
        ))  # fmt: skip
        pooled = through_pgbouncer(
            database, "statement", (conftest.APPLICATION_OWNER, *roles.values()),
            default_pool_size=2, min_pool_size=2, server_round_robin=1, server_lifetime=0,
        )  # fmt: skip

        def speak(street: Other, way: Way) -> list[Any]:
            user = {"owner": conftest.APPLICATION_OWNER, "super": "postgres"}.get(way.who, roles.get(way.who, roles["tab"]))
            if way.who in street.names:
                claims = json.dumps({"sub": street.names[way.who], "role": "authenticated"})
                database.execute(f"alter role {user} in database \"{database.name}\" set request.jwt.claims = '{claims}'")
            url = pooled.replace("postgres@", f"{user}@")
            with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
                return spoken(street, connection, way)

        fit = (
            name
            for name in by_turns(1)
            if name not in OF_A_SESSION and not any(s.startswith("begin") for s in WAYS[name].statements)
        )
        assert differences(asked, speak, fit) == {}


# ---- the extended protocol -----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("label", LABELS if LONG else LABELS[:1])
def test_prepared_and_in_pipelines_every_way_comes_to_the_same(plainly: Any, label: str) -> None:
    def speak(street: Other, way: Way) -> list[Any]:
        said: list[Any] = []
        connection = street.session(way.who)
        for statement in map(street.filled, way.statements):
            if statement.startswith("copy "):
                one(street, connection, statement)
                continue
            try:
                with connection.pipeline():
                    cursor = connection.execute(statement.encode(), prepare=True)
                said.append(cursor.fetchall() if cursor.description else cursor.rowcount)
            except psycopg.Error as error:
                said.append(f"{error.sqlstate} {error.diag.message_primary}")
        return said

    assert differences(plainly(label), speak, by_turns(2)) == {}


# ---- settings ------------------------------------------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize(
    ("label", "name"),
    [(label, name) for at, name in enumerate(SETTINGS) for label in (LABELS if LONG else [LABELS[at % len(LABELS)]])],
)
def test_under_the_settings_of_any_session_every_way_comes_to_the_same(plainly: Any, label: str, name: str) -> None:
    def speak(street: Other, way: Way) -> list[Any]:
        connection = street.session(way.who)
        for setting, value in SETTINGS[name].items():
            # To a tab, from which rows are hidden, it is an error by itself.
            if setting != "row_security" or way.who not in street.names:
                connection.execute("select set_config(%s, %s, false)", [setting, value])
        return spoken(street, connection, way)

    assert differences(plainly(label), speak, by_turns(list(SETTINGS).index(name), of=len(SETTINGS))) == {}

"""The demo's population is healthy, and each plant in it is found: by its own check, and by no other that matters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatops import db, settings, sqlfiles
from chatops.chats import planting, population
from chatops.checks import load, run
from chatops.checks.results import Result
from chatops.errors import RefusedError, UsageError
from chatops.model import Severity
from tests.ailing import build_guarded, implies, recent, several_at_a_time
from tests.conftest import LONG, build_core
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database, Farm, Server
from tests.test_checks_long import replaces, undone

SIZE = population.SMALLEST
TABLES = ("operators", "real_users", "fictional_users", "chats", "messages", "chat_assignments", "operator_activity")

DEPLOYED_BY_ITSELF = {"DB001", "DB014", "QUEUE003"}
"""What the deployed system is found with before anything happens to it: advice, all of it."""
TIME_TELLS = {"QUEUE004"}
"""What comes by itself once nobody has worked for a minute: advice."""

ORACLES = {
    **INVARIANTS,
    "I12 no chat is held by somebody inactive or silent": """
        select c.id from chats as c join operators as o on o.id = c.assigned_operator_id
          left join operator_activity as a on a.chat_id = c.id and a.operator_id = o.id
         where o.is_active is not true or o.is_available is not true
            or a.last_activity is null or a.last_activity < now() - interval '7 minutes'""",
    "I13 completed and not active are the same": """
        select id from chats where is_active is null or chat_state is null or (chat_state = 'completed') = is_active""",
    "I14 counters equal their source": COUNTERS,
    "I15 nobody writes into an ended chat": """
        select c.id from chats as c join messages as m on m.chat_id = c.id
         where c.chat_state = 'completed' and m.created_at > c.updated_at""",
    "I16 nobody is given a chat without a message": """
        select id from chats where chat_state in ('assigned', 'waiting_real_user_reply') and message_count = 0""",
    "I17 no instant lies ahead": """
        select id from operator_activity where greatest(last_activity, updated_at) > now()
        union all select id from messages where greatest(created_at, delivered_at, read_at) > now()
        union all select id from chat_assignments where greatest(assigned_at, released_at, created_at) > now()
        union all select id from chats where greatest(created_at, updated_at, last_message_at, assignment_time, operator_replied_at) > now()
        union all select id from operators where greatest(last_activity, created_at) > now()""",
    "I17 nothing happens before it can": """
        select m.id from messages as m join chats as c on c.id = m.chat_id
          join real_users as u on u.id = c.real_user_id join fictional_users as f on f.id = c.fictional_user_id
         where m.created_at < c.created_at or c.created_at < greatest(u.created_at, f.created_at) or m.delivered_at < m.created_at
        union all select id from chat_assignments where released_at < assigned_at""",
    "I18 no reply is there twice": """
        select chat_id, content from messages where sender_type = 'fictional' group by 1, 2 having count(*) > 1""",
    "I19 nobody who waits was passed over": """
        with waiting as (
          select c.id, min(m.created_at) as since from chats as c join messages as m on m.chat_id = c.id
           where c.chat_state = 'waiting_assignment' and m.created_at > coalesce(c.operator_replied_at, '-infinity') group by 1
        ), taken as (
          select a.assigned_at, (select min(m.created_at) from messages as m
                                  where m.chat_id = a.chat_id and m.created_at <= a.assigned_at
                                    and m.created_at > coalesce((select max(r.created_at) from messages as r
                                          where r.chat_id = a.chat_id and r.sender_type = 'fictional'
                                            and r.created_at < a.assigned_at), '-infinity')) as since
            from chat_assignments as a
        )
        select w.id, t.assigned_at from waiting as w join taken as t on t.since > w.since and t.assigned_at > w.since""",
    "I20 settings are numbers": "select key from platform_config where jsonb_typeof(value) <> 'number'",
    "I27 the last operator wrote the newest reply": """
        select c.id from chats as c
         where c.last_operator_id is distinct from (select m.handled_by_operator_id from messages as m
                where m.chat_id = c.id and m.sender_type = 'fictional' order by m.created_at desc limit 1)""",
    "nobody works on two chats at once": """
        select a.operator_id from chat_assignments as a
          join chat_assignments as b on b.operator_id = a.operator_id and b.id > a.id
         where a.assigned_at < coalesce(b.released_at, 'infinity') and b.assigned_at < coalesce(a.released_at, 'infinity')
           and coalesce(a.release_reason, '') <> 'idle_timeout'""",
    "nobody gets the chat they just had": """
        select id from (select id, operator_id, lag(operator_id) over (partition by chat_id order by assigned_at) as before
                          from chat_assignments) as turn
         where operator_id = before""",
    "a chat waits for its user since its newest reply": """
        select c.id from chats as c where c.chat_state = 'waiting_real_user_reply'
           and c.operator_replied_at is distinct from (select max(created_at) from messages where chat_id = c.id)""",
    "the newest message is known": """
        select c.id from chats as c
         where c.last_message_at is distinct from (select max(created_at) from messages where chat_id = c.id)""",
    "closed assignments end in a reply or idle": """
        select a.id from chat_assignments as a where a.released_at is not null
           and (a.release_reason not in ('operator_sent_message', 'idle_timeout')
                or (a.release_reason = 'operator_sent_message') <> exists (
                      select from messages as m where m.chat_id = a.chat_id and m.handled_by_operator_id = a.operator_id
                         and m.created_at between a.assigned_at and a.released_at))""",
    "people have names of their own": "select email from operators group by 1 having count(*) > 1 or email is null",
    "a chat is one user with one profile": "select real_user_id from chats group by 1, fictional_user_id having count(*) > 1",
}


def populated(database: Database, size: int = SIZE, seed: int = 1) -> None:
    """Fills it and lets go of it, so that it can be a template."""
    with opened(database) as connection:
        population.populate(connection, size=size, seed=seed)


def opened(database: Database) -> db.Database:
    """The database as chatops connects to it."""
    parameters, _ = settings.parse(database.url, "test")
    return db.connect(settings.Target(parameters=parameters, origin="test", production=False), "test", "migrate")


def deployed(database: Database) -> None:
    build_core(database)
    populated(database)


def newest(database: Database) -> None:
    build_guarded(database)
    populated(database)


SCHEMAS: dict[str, Callable[[Database], None]] = {"deployed": deployed, "newest": newest}


@pytest.fixture(params=SCHEMAS)
def system(
    request: pytest.FixtureRequest, new_database: Callable[..., Database], farm: Farm, server: Server
) -> Iterator[tuple[str, db.Database]]:
    """A populated system as deployed and with every migration, as fresh as on its first second."""
    template = recent(farm, server, f"populated_{request.param}", SCHEMAS[request.param])
    with opened(new_database(on=server, template=template)) as connection:
        yield request.param, connection


@pytest.fixture(scope="module", params=SCHEMAS)
def plot(request: pytest.FixtureRequest, farm: Farm, server: Server) -> Iterator[tuple[db.Database, dict[str, Result]]]:
    """The same for all plants, each of which is taken back: in a transaction, whose clock stands still; and what is found in it."""
    database = server.create_database(recent(farm, server, f"populated_{request.param}", SCHEMAS[request.param]))
    try:
        with opened(database) as connection, connection.acting(rollback=True):
            connection.script("set local idle_in_transaction_session_timeout = 0")
            yield connection, found_here(connection)
    finally:
        database.drop()


def found(connection: db.Database, since: str | None = None) -> dict[str, Result]:
    """What the shipped checks find or cannot tell, by code."""
    with connection.reading(statement_timeout="60s"):
        return found_here(connection, since)


def found_here(connection: db.Database, since: str | None = None) -> dict[str, Result]:
    """The same, in the caller's transaction."""
    survey = run.run(connection, load.shipped(), since=since, whole_seconds=60)
    return {result.check.code: result for result in survey.results if result.status != "passed"}


def troubles(results: dict[str, Result]) -> set[str]:
    """The codes above advice."""
    return {code for code, result in results.items() if result.status == "unknown" or result.severity is not Severity.ADVICE}


# ---- the population ----------------------------------------------------------------------------------------------------


def test_the_shipped_checks_find_nothing_in_a_fresh_population(system: tuple[str, db.Database]) -> None:
    schema, connection = system
    expected = DEPLOYED_BY_ITSELF if schema == "deployed" else set()
    for since in (None, "all"):
        results = found(connection, since)
        assert troubles(results) == set()
        assert set(results) - TIME_TELLS <= expected


@pytest.mark.parametrize("seed", [1, 7, 2**31 - 1])
def test_a_fresh_population_keeps_every_invariant(new_database: Callable[..., Database], any_server: Server, farm: Farm,
                                                  seed: int) -> None:  # fmt: skip
    database = new_database(on=any_server, template=farm.template(any_server, "core", build_core))
    populated(database, seed=seed)
    broken = {name: rows[:3] for name, oracle in ORACLES.items() if (rows := database.execute(oracle))}
    assert broken == {}


def test_the_default_population_is_believable(core_database: Database) -> None:
    populated(core_database, population.DEFAULT_SIZE)
    assert {name for name, oracle in ORACLES.items() if core_database.execute(oracle)} == set()
    shares = dict(core_database.execute("select chat_state, count(*)::float / sum(count(*)) over () from chats group by 1"))
    assert set(shares) == {"waiting_assignment", "assigned", "waiting_real_user_reply", "completed"}
    assert shares["waiting_real_user_reply"] > 0.4
    assert shares["completed"] > 0.3
    waiting = core_database.value("select count(*) from chats where chat_state = 'waiting_assignment' and message_count > 0")
    assert 24 <= waiting <= 60
    loads = dict(core_database.execute("""
        select case when c.id is not null then 'busy' when not o.is_active then 'left' when o.is_available then 'free' else 'away' end,
               count(*) from operators as o left join chats as c on c.assigned_operator_id = o.id group by 1"""))  # fmt: skip
    assert loads["busy"] == core_database.value("select count(*) from chats where chat_state = 'assigned'") >= 5
    assert min(loads["free"], loads["away"], loads["left"]) >= 2
    assert core_database.value("select count(*) from chats where message_count = 0") > 0
    assert core_database.value("select count(*) from chat_assignments where release_reason = 'idle_timeout'") > 0
    assert core_database.value("select max(now() - created_at) > interval '90 days' from messages")


def test_the_newest_schema_has_its_clocks_filled_as_the_triggers_keep_them(latest_database: Database) -> None:
    populated(latest_database)
    assert latest_database.execute(QUEUE_CLOCK) == []
    assert (
        latest_database.value("select count(*) from chats where chat_state = 'waiting_assignment' and waiting_since is not null")
        > 20
    )
    assert (
        latest_database.value("select count(*) from chat_assignments where waiting_since is null or waiting_since > assigned_at")
        == 0
    )


def contents(database: Database) -> dict[str, str]:
    """Each table as a digest of its rows, its instants as distances from the newest message."""
    digests = {}
    for table in TABLES:
        columns = [
            f"extract(epoch from t.{name} - newest.at)::numeric(20, 6)::text" if kind == "timestamp with time zone" else f"t.{name}::text"
            for name, kind in database.execute(
                "select column_name, data_type from information_schema.columns where table_schema = 'public' and table_name = %s "
                "order by 1", [table])
        ]  # fmt: skip
        digests[table] = database.value(
            f"select md5(string_agg(md5(concat_ws('|', {', '.join(columns)})), '' order by t.id)) "
            f"from {table} as t, (select max(created_at) as at from messages) as newest"
        )
    return digests


def test_the_same_seed_gives_the_same_system_and_another_seed_another_one(new_database: Callable[..., Database], farm: Farm,
                                                                          server: Server) -> None:  # fmt: skip
    made = []
    for seed in (3, 3, 4):
        database = new_database(on=server, template=farm.template(server, "core", build_core))
        populated(database, seed=seed)
        made.append(contents(database))
    assert made[0] == made[1]
    # Nothing is taken over from one seed to the next, down to the ids.
    assert all(made[0][table] != made[2][table] for table in TABLES)


def catalogue(database: Database) -> list[tuple[str, ...]]:
    """Every constraint and index with its definition, state and comment."""
    return database.execute("""
        select conname::text, pg_get_constraintdef(oid), convalidated::text, obj_description(oid, 'pg_constraint')
          from pg_constraint where connamespace = 'public'::regnamespace
        union all
        select indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text, obj_description(indexrelid, 'pg_class')
          from pg_index where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace) order by 1, 2""")


@pytest.mark.parametrize("schema", ["core", "latest"])
def test_indexes_and_keys_that_a_large_population_sets_aside_come_back_as_they_were(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, schema: str
) -> None:
    database: Database = request.getfixturevalue(f"{schema}_database")
    database.execute("comment on index idx_chats_last_operator is 'it''s mine'")
    database.execute("comment on constraint messages_chat_id_fkey on messages is 'leans on its chat'")
    before = catalogue(database)
    told: list[str] = []
    monkeypatch.setattr(population, "SET_ASIDE_FROM", SIZE)
    monkeypatch.setattr(population, "RICH_UP_TO", SIZE - 1)
    with opened(database) as connection:
        population.populate(connection, size=SIZE, say=told.append)
    assert catalogue(database) == before
    assert "indexes and keys" in told
    assert {name for name, oracle in ORACLES.items() if database.execute(oracle)} == set()
    # Three messages and one assignment a chat, but for the chats of the moment.
    assert abs(database.value("select count(*) from messages") - 3 * SIZE) < SIZE / 10
    assert abs(database.value("select count(*) from chat_assignments") - SIZE) < SIZE / 10


@pytest.mark.parametrize("schema", ["core", "latest"])
def test_a_population_that_took_minutes_to_make_is_as_fresh_as_a_quick_one(
    request: pytest.FixtureRequest, new_database: Callable[..., Database], schema: str
) -> None:
    database: Database = request.getfixturevalue(f"{schema}_database")
    with opened(database) as connection, connection.acting():
        connection.script(population.UNGUARDED)
        connection.script(f"create temporary table demo_given as select 1::bigint as seed, {SIZE} as size, true as rich")
        connection.script(sqlfiles.read("demo/plan.sql"))
        connection.script("update demo_setting set now = now - interval '9 minutes'")
        for name in ("people", "chats", "messages", "assignments", *(["clocks"] if schema == "latest" else []), "moment"):
            connection.script(sqlfiles.read(f"demo/{name}.sql"))
    assert {name for name, oracle in ORACLES.items() if database.execute(oracle)} == set()
    assert database.value("select now() - min(last_activity) < interval '1 minute' from operator_activity")
    with opened(database) as connection:
        assert troubles(found(connection)) == set()
    if schema == "latest":
        assert database.execute(QUEUE_CLOCK) == []


def test_a_row_that_leans_on_nothing_is_noticed_before_the_end(core_database: Database) -> None:
    core_database.execute("insert into real_users (id) values (gen_random_uuid())")
    populated(core_database)
    with core_database.connect() as connection:
        connection.execute("begin; set local session_replication_role = replica; update messages set chat_id = gen_random_uuid()")
        with pytest.raises(Exception, match="rows of messages lean on rows of chats that do not exist"):
            connection.execute(sqlfiles.read("demo/foreign_keys.sql").encode())
        connection.execute("rollback")


def test_only_an_empty_system_is_filled_and_only_in_sizes_that_make_sense(core_database: Database) -> None:
    core_database.execute("insert into operators (name) values ('somebody')")
    with opened(core_database) as connection:
        with pytest.raises(RefusedError, match="operators already"):
            population.populate(connection, size=SIZE)
        for size, seed in ((SIZE - 1, 1), (population.LARGEST + 1, 1), (SIZE, -1), (SIZE, 2**31)):
            with pytest.raises(UsageError, match="must be between"):
                population.populate(connection, size=size, seed=seed)
    assert core_database.value("select count(*) from chats") == 0
    assert core_database.value("select count(*) from operators") == 1


def test_an_old_population_is_moved_to_now_as_a_whole(system: tuple[str, db.Database]) -> None:
    _, connection = system
    for table in TABLES:
        names = [row[0] for row in connection.tuples(
            "select column_name from information_schema.columns where data_type = 'timestamp with time zone' "
            "and table_schema = 'public' and table_name = :'table'", {"table": table})]  # fmt: skip
        changes = ", ".join(f"{name} = {name} - interval '3 days'" for name in names)
        connection.script(f"begin; set local session_replication_role = replica; update {table} set {changes}; commit")
    assert "OPER001" in troubles(found(connection))
    behind = population.refresh(connection)
    assert behind is not None
    assert behind.days == 3
    assert troubles(found(connection)) == set()
    assert population.refresh(connection) is None


# ---- the plants --------------------------------------------------------------------------------------------------------


GROUPS = several_at_a_time(
    planting.codes(), 1 if LONG else 9, lambda one, other: implies(one, other) or bool(replaces(one) & replaces(other))
)


@pytest.mark.sampled(5)
@pytest.mark.long
@pytest.mark.parametrize("codes", GROUPS, ids=lambda codes: codes[0])
def test_a_plant_is_found_by_its_own_check_and_by_no_other(plot: tuple[db.Database, dict[str, Result]], codes: list[str]) -> None:
    """Several at a time, which do not touch each other; in the long form each alone."""
    connection, already = plot
    with undone(connection):
        planted = [planting.plant_here(connection, code) for code in codes]
        results = found_here(connection)
    assert {code: results[code].status for code in codes if code in results} == dict.fromkeys(codes, "failed")
    # What had to go for one on a newer schema is missed, too.
    also = {"DB003"} if any(one.dropped for one in planted) else set()
    others = set(results).difference(codes, also, *map(planting.implied, codes))
    assert troubles(results) & others == set()
    # Nor is anything else news, or more than it was, if only as advice; but that a condition is new.
    assert {one for one in others if one not in already or results[one].count > already[one].count} <= TIME_TELLS | {"DB030"}
    for one in planted:
        if one.code in already:
            assert one.code in DEPLOYED_BY_ITSELF | TIME_TELLS
        else:
            # One example, as the story tells it; two where a counter of each kind is off.
            assert results[one.code].count <= 2 or one.code in {*TIME_TELLS, *also}
        assert one.story


def test_all_plants_together_hide_none_of_each_other(system: tuple[str, db.Database]) -> None:
    _, connection = system
    planted = {one.code for one in planting.plant_all(connection)}
    results = found(connection)
    assert planted <= set(results)
    assert troubles(results) <= planted.union(*map(planting.implied, planted))
    assert {result.status for result in results.values()} == {"failed"}
    counts = {code: results[code].count for code in planted - TIME_TELLS - DEPLOYED_BY_ITSELF}
    # The chat that waits too long was passed over, too; the one that is gone left messages and assignments.
    assert {code for code, count in counts.items() if count > 1} <= {"DATA001", "DATA004", "QUEUE002", "DB003"}


def test_every_check_has_a_plant_or_a_reason_why_it_has_none() -> None:
    checks = {check.code for check in load.shipped()}
    plants = set(planting.codes())
    assert checks - plants == {check.code for check in load.shipped() if check.unplanted}
    assert plants <= checks
    assert {code for code in plants if planting.implied(code) - checks} == set()


def test_no_two_plants_take_the_same_chat() -> None:
    taken: dict[str, str] = {}
    for path in sorted((sqlfiles.root() / "plants").glob("*.sql")):
        for digits in set(re.findall(r"victim\('([0-9a-f]{2})'", path.read_text())):
            assert digits not in taken, f"{path.stem} and {taken[digits]} both take chats ending in {digits}"
            taken[digits] = path.stem
    assert len(taken) > 20


def test_a_plant_says_what_it_needs_and_what_there_is(core_database: Database) -> None:
    with opened(core_database) as connection:
        with pytest.raises(Exception, match="the plant needs the population of the demo"):
            planting.plant(connection, "CHAT001")
        with pytest.raises(UsageError, match="nothing can be planted for CHAT999"):
            planting.plant(connection, "CHAT999")
    assert core_database.value("select count(*) from operators") == 0


def test_what_forbids_a_plant_goes_and_is_named_and_nothing_else_does(
    new_database: Callable[..., Database], farm: Farm, server: Server
) -> None:
    database = new_database(on=server, template=farm.template(server, "populated_newest", newest))
    before = {row[0] for row in catalogue(database)}
    with opened(database) as connection:
        planted = planting.plant(connection, "CHAT003")
    assert planted.dropped
    assert before - {row[0] for row in catalogue(database)} == set(planted.dropped)
    # The triggers were off for the plant alone.
    assert database.value("select count(*) from pg_trigger where tgenabled <> 'O' and not tgisinternal") == 0


def test_the_first_line_of_every_plant_tells_its_story() -> None:
    for path in sorted((sqlfiles.root() / "plants").glob("*.sql")):
        assert Path(path).read_text().startswith(f"-- Plants {path.stem}: "), path.name
        assert planting.story(path.stem).endswith("."), path.name

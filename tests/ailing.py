"""Populated databases for the tests of checks and repairs, at both ends of the migrations, and what is found in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chatops import db, settings
from chatops.chats import planting, population
from chatops.checks import load, run
from chatops.checks.results import Result, Survey
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


@dataclass(frozen=True)
class Trouble:
    """A trouble that the demo does without: the statements that make it, and where it can be had at all."""

    text: str
    schemas: tuple[str, ...] = ("017", "latest")
    also: frozenset[str] = frozenset()
    """What is found with it, because one implies the other."""
    contradicts: frozenset[str] = frozenset()
    """What cannot be true at the same moment."""


TROUBLES = {
    "CONF002": Trouble(
        """insert into chatops.settings (target_schema, key, value, until, reason)
           values (current_schema(), 'guards', '"off"', now() + interval '10 minutes', 'release 2.14')""",
        ("latest",),
    ),
    "CONF003": Trouble(
        """insert into chatops.settings (target_schema, key, value, until, reason)
           values (current_schema(), 'pause', '"on"', now() + interval '10 minutes', 'release 2.14')""",
        ("latest",),
    ),
    "OPER005": Trouble(
        "select setval('refusals_late_reply', 4)",
        ("latest",),
    ),
    "DB009": Trouble(
        """revoke execute on function assign_chat_to_operator(uuid) from public, authenticated;
           grant select on chats to authenticated"""
    ),
    "DB030": Trouble(
        """insert into chatops.settings (target_schema, key, value)
           values (current_schema(), 'safety', '{"row level security of chats": {"table": "chats",
             "sql": "alter table chats enable row level security;"}}')
           on conflict (target_schema, key) do update set value = excluded.value"""
    ),
    "DB032": Trouble("select setval('refusals_late_reply', 9223372036854775800)", ("latest",), also=frozenset({"OPER005"})),
    "DB029": Trouble("alter table chat_assignments set unlogged"),
    "DB014": Trouble(
        """delete from chatops.migrations where name like '027%';
           insert into chatops.migrations (target_schema, source, name, number, checksum, state, applied_at)
           select current_schema(), 'chatops', name, left(name, 3)::int, '', 'adopted', now() - interval '1 year'
             from unnest(array['001_chat_core', '014_chat_state_management', '015_fix_assignment_function',
                               '016_chat_state_verification', '017_fix_concurrent_messages']) as name
           on conflict do nothing""",
        also=frozenset({"DB033"}),
    ),
    "DB033": Trouble("update chatops.migrations set applied_at = 'infinity' where name like '023%'", ("latest",)),
    "DB016": Trouble(
        """update pg_database
              set datfrozenxid = ((txid_current() - 1200000000 + 4294967296) % 4294967296)::text::xid
            where datname = current_database()"""
    ),
    "DB018": Trouble(
        r"""do $$
            begin
              execute regexp_replace(pg_get_functiondef('assign_chat_to_operator(uuid)'::regprocedure),
                                     '(\$[a-z]+\$)\s*$', E'-- by hand\n\\1');
            end
            $$""",
        ("latest",),
    ),
    "OPER006": Trouble(
        """update chat_assignments set release_reason = 'operator_sent_message' where release_reason ilike '%idle%';
           select pg_temp.hold(pg_temp.victim('56', '50 minutes'), pg_temp.newcomer('Berta Loos'), '40 minutes', '30 minutes');
           update operators set last_activity = now() - interval '30 minutes' where name = 'Berta Loos'""",
        also=frozenset({"OPER001", "CHAT009", "CHAT010", "CHAT015", "DATA001", "OPER002"}),
    ),
    "QUEUE013": Trouble(
        """update chats set waiting_since = waiting_since + interval '30 seconds'
            where id = (select id from chats where chat_state = 'waiting_assignment' and waiting_since is not null
                         order by waiting_since limit 1)""",
        ("latest",),
    ),
    "DB020": Trouble(
        """do $$ begin create role few_rights nologin; exception when duplicate_object or unique_violation then null; end $$;
           do $$ begin execute format('grant create on schema %I to few_rights', current_schema()); end $$;
           alter function assign_chat_to_operator(uuid) owner to few_rights""",
        ("latest",),
        also=frozenset({"DB022"}),
    ),
    "QUEUE011": Trouble(
        """do $$
           declare
             v_chat_id constant uuid := pg_temp.victim('5a', '45 minutes');
           begin
             update operators as o set is_available = false
              where is_available and not exists (select from chats as c where c.assigned_operator_id = o.id);
             perform pg_temp.write_as_user(v_chat_id, '6 minutes', 'Is anybody there?');
             update chats set chat_state = 'waiting_assignment' where id = v_chat_id;
             perform pg_temp.keep_clocks(v_chat_id);
           end
           $$""",
        # Whoever waits so long has been passed over as well.
        also=frozenset({"QUEUE002"}),
        contradicts=frozenset({"QUEUE004", "OPER003"}),
    ),
    "OPER007": Trouble(
        "update operators set is_available = false",
        contradicts=frozenset({"QUEUE004", "QUEUE011", "OPER003"}),
    ),
    "QUEUE012": Trouble(
        """update chats set waiting_since = null
            where id = (select id from chats where chat_state = 'waiting_assignment' and is_active and waiting_since is not null
                         order by waiting_since desc limit 1)""",
        ("latest",),
    ),
}
"""Findings that have no file in `sql/plants` and can be had by statements that a rollback takes back."""
ELSEWHERE = {"DB010", "DB011", "DB012", "DB015", "DB021", "DB025", "DB026", "DB027", "DB028", "DB034"}
"""Findings that take other sessions or servers, what no rollback takes back, or a ledger."""


@contextmanager
def opened(database: Database, intent: Any = "read") -> Iterator[db.Database]:
    """The database as chatops sees it."""
    target = settings.resolve(settings.Options(db=(database.url,)), environ={}, configuration=settings.Configuration())
    connection = db.connect(target, "test", intent)
    try:
        yield connection
    finally:
        connection.close()


FRESH_S = 20
"""From a minute on people are missed who should be working: a test begins long before that."""


def recent(farm: Farm, server: Server, name: str, build: Callable[[Database], None]) -> str:
    """The name of a template of a populated system whose newest event is less than half a minute old.

    Moving a population to now takes longer than copying it: that is done once for all tests of a while, whoever asks first.
    """
    template = farm.template(server, name, build)
    with farm.locked(f"recent-{server.label}-{name}"):
        kept = farm.folder / f"template-{server.label}-{name}-recent"
        if kept.exists() and time.time() - kept.stat().st_mtime < FRESH_S:
            return kept.read_text()
        moved = server.create_database(template)
        with opened(moved, "migrate") as filled, filled.acting():
            population.move(filled)
        kept.write_text(moved.name)
        kept.with_name(f"template-{server.label}-{moved.name}.built").write_text(moved.name)
    return moved.name


def healthy_template(farm: Farm, server: Server, schema: str) -> str:
    """The template of a healthy system of 600 chats whose clocks are right, without (017) or with (latest) the queue's clocks."""

    def build(database: Database) -> None:
        SCHEMAS[schema](database)
        with opened(database, "migrate") as filling:
            with filling.reading():
                pass
            population.populate(filling, size=600)

    return recent(farm, server, f"healthy-{schema}", build)


def populated(new_database: Callable[..., Database], farm: Farm, server: Server, schema: str) -> Database:
    """A copy of that template."""
    return new_database(on=server, template=healthy_template(farm, server, schema))


@contextmanager
def standing_still(farm: Farm, server: Server, schema: str) -> Iterator[db.Database]:
    """A healthy system in one transaction, whose clock stands still, for many trials that are each taken back to a savepoint."""
    database = server.create_database(healthy_template(farm, server, schema))
    try:
        with opened(database, "migrate") as connection, connection.acting(rollback=True):
            connection.script("set local idle_in_transaction_session_timeout = 0")
            yield connection
    finally:
        database.drop()


def several_at_a_time(codes: Sequence[str], most: int, clash: Callable[[str, str], bool]) -> list[list[str]]:
    """These codes in as few groups as come of putting each into the first in which it clashes with none; `most` in one."""
    groups: list[list[str]] = []
    for code in codes:
        fits = (group for group in groups if len(group) < most and not any(clash(code, one) for one in group))
        found = next(fits, None)
        if found is None:
            groups.append([code])
        else:
            found.append(code)
    return groups


def implies(one: str, other: str) -> bool:
    """Whether one of two plants brings what the other is about."""
    return other in planting.implied(one) or one in planting.implied(other)


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


def as_role(database: Database, name: str, *codes: str) -> Survey:
    """Runs all checks, or those named, as another role."""
    with opened(database) as reading, reading.reading():
        reading.execute(f"set local role {name}")
        assert reading.facts is not None
        reading.facts = replace(reading.facts, role=name)
        return run.run(reading, [check for check in load.shipped() if not codes or check.code in codes])


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

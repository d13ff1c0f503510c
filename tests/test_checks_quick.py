"""What many tenants are asked in one request, `quick`, finds what each check finds by itself."""

from __future__ import annotations

import re

from chatops import db, sqlfiles
from chatops.chats import planting
from chatops.checks import load, quick, run
from tests.ailing import deployed, healthy_everywhere, mended, opened, plant
from tests.servers import Database

__all__ = ["deployed", "healthy_everywhere", "mended"]

# What other sessions do, and what the server counts, may be something else a moment later.
STANDING = [check for check in load.shipped() if not re.search(r"pg_stat_|pg_locks|refusal", check.sql)]


def both(reading: db.Database) -> list[dict[str, tuple[str, int, tuple[object, ...], str | None]]]:
    """What is found one by one and quickly, in one snapshot; only how long a check takes may differ."""
    return [
        {
            # For how long a session has held a lock is another time a moment later.
            one.check.code: (
                one.status,
                one.count,
                one.rows,
                (one.reason or "").partition(" of postgres, ")[0] if one.locked else one.reason,
            )
            for one in run.run(reading, STANDING, quick=quickly).results
        }
        for quickly in (False, True)
    ]


def assert_alike(database: Database, unknown: bool = False) -> None:
    with opened(database) as reading, reading.reading():
        one_by_one, quickly = both(reading)
        assert quickly == one_by_one
        assert list(quickly) == [check.code for check in STANDING]
        assert ("unknown" in {status for status, *_ in quickly.values()}) == unknown


def test_all_is_found_that_each_check_finds(healthy_everywhere: Database) -> None:
    assert_alike(healthy_everywhere)
    for code in planting.codes():
        if not code.startswith("DB"):
            plant(healthy_everywhere, code)
    assert_alike(healthy_everywhere)


def test_what_fails_is_asked_by_itself_and_the_others_have_passed(deployed: Database) -> None:
    deployed.execute("drop function get_assignment_queue_status()")
    assert_alike(deployed, unknown=True)


def test_what_cannot_be_read_for_a_lock_is_unknown_here_too(mended: Database) -> None:
    locker = mended.connect()
    locker.execute("begin; lock table operator_activity in access exclusive mode")
    assert_alike(mended, unknown=True)
    locker.execute("rollback")


def test_nearly_all_of_a_healthy_tenant_is_told_by_one_request(mended: Database) -> None:
    with opened(mended) as reading, reading.reading():
        survey = run.run(reading, [])
        passed = quick.passed(reading, load.shipped(), {**run.parameters(survey), "rows": 1, "about": None}, before_018=False)
    assert len(passed) > 0.9 * len(load.shipped())


def test_a_check_whose_condition_does_not_hold_is_not_asked_and_one_whose_does_is(mended: Database) -> None:
    kept = (
        "insert into chatops.settings (target_schema, key, value) values ('public', 'safety', {}) "
        "on conflict (target_schema, key) do update set value = excluded.value"
    )
    with opened(mended) as reading:
        for change, passed in (
            ("select", {"DB030"}),
            ("alter table chats alter column chat_state set default 'other'", set()),
            ("alter table chats alter column chat_state set default 'waiting_assignment'", {"DB030"}),
            ("alter table messages add constraint new check (content is not null)", set()),
            ("alter table messages drop constraint new", {"DB030"}),
            (kept.format("""'"no object"'"""), set()),
            ("delete from chatops.settings where key = 'safety'", {"DB030"}),
            ("alter table chatops.settings rename to otherwise", set()),
        ):
            mended.execute(change)
            with reading.reading():
                assert quick.nothing_to_find(reading, load.shipped()) == passed, change
                assert reading.tuples("select 1") == [(1,)], "the transaction goes on"


def test_the_names_of_the_expected_objects_tell_what_the_objects_do(healthy_everywhere: Database) -> None:
    told = """select kind, name, state, vital, definition <> '{}', definition ? 'definition',
                     case when kind = 'function' and state = 'adopted' then migration end,
                     case when kind = 'function' and state = 'adopted' then definition -> 'body' end from (FOUND) as one"""
    with opened(healthy_everywhere) as reading, reading.reading():
        known = run.parameters(run.run(reading, []))
        objects, names = (
            reading.tuples(told.replace("FOUND", sqlfiles.query(f"checks/shared/expected_{what}.sql")), known)
            for what in ("objects", "names")
        )
    assert len(objects) > 100
    assert sorted(map(str, names)) == sorted(map(str, objects))

"""The settings of platform_config have one range each: functions, checks, thresholds, repairs and migrate take the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from chatops import sqlfiles
from chatops.chats import policy
from chatops.checks import load
from chatops.checks.findings import findings
from chatops.repairs.texts import chosen
from tests.ailing import look, mended, opened, result
from tests.conftest import Result
from tests.servers import Database

__all__ = ["mended"]

SETTINGS = {name: limit for name, limit in load.limits().items() if limit.in_platform_config}
ASKED = re.compile(r"policy_number\(\s*'(?P<name>\w+)'::text,\s*(?P<usual>[\d.]+)::numeric,\s*(?P<least>[\d.]+)::numeric,\s*"
                   r"(?P<most>[\d.]+)::numeric")  # fmt: skip
LITTLE = Decimal("0.0000000000000001")


def borders(name: str) -> list[tuple[str, bool]]:
    """Values of a setting as they are stored, at the borders and just beyond, and whether each can be used."""
    least, most = (Decimal(repr(number)) for number in (SETTINGS[name].least, SETTINGS[name].most))
    values = [(least, True), (most, True), (least + LITTLE, True), (most - LITTLE, True), (most - Decimal("0.5"), True),
              (least - LITTLE, False), (most + LITTLE, False), (most * 10, False), (Decimal(-1), False)]  # fmt: skip
    return [(f"{value:f}", usable) for value, usable in values]


def test_every_function_asks_for_a_setting_in_its_one_range() -> None:
    asked = [match for name in sqlfiles.names("migrations") for match in ASKED.finditer(sqlfiles.read(f"migrations/{name}.sql"))]
    assert {match["name"] for match in asked} == {"idle_timeout_minutes", "max_reassignments", "own_chat_after_seconds"}
    for match in asked:
        limit = SETTINGS[match["name"]]
        assert [float(match[key]) for key in ("usual", "least", "most")] == [limit.default, limit.least, limit.most], match[0]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_function_check_threshold_and_repair_agree_at_the_borders_and_just_beyond(mended: Database, name: str) -> None:
    limit = SETTINGS[name]
    mended.execute("delete from platform_config where key = %s", (name,))
    mended.execute("insert into platform_config (key, value) values (%s, '1')", (name,))
    (repair,) = chosen(["CONF001"])
    finds = repair.find
    for text, usable in borders(name):
        mended.execute("update platform_config set value = %s::jsonb where key = %s", (text, name))
        taken = mended.value("select policy_number(%s, -7, %s::numeric, %s::numeric)", (name, str(limit.least), str(limit.most)))
        assert (taken == Decimal(text)) is usable, (text, taken)
        survey = look(mended, "CONF001", "CONF004")
        assert (result(survey, "CONF001").status == "passed") is usable, text
        assert usable or result(survey, "CONF004").status == "passed", "one value, one finding"
        found = mended.execute(f"select key from ({finds}) as found")
        assert (found == []) is usable, text
        if abs(Decimal(text) - Decimal(repr(limit.least))) != LITTLE and abs(Decimal(text) - Decimal(repr(limit.most))) != LITTLE:
            assert (survey.thresholds[name].origin == "platform_config") is usable, text
        if name in policy.RANGES:
            assert policy.usable(name, text) == (pytest.approx(float(text)) if usable else policy.DEFAULTS[name])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", ["0.5", "0.01", "2.4", '"2.4"', "1440"])
def test_migrate_changes_no_value_that_works(
    core_database: Database, chatops_inprocess: Callable[..., Result], text: str
) -> None:
    keys = ["idle_timeout_minutes", *([] if text in ("0.5", "0.01", "1440") else ["max_reassignments"])]
    core_database.execute("update platform_config set value = %s::jsonb where key = any (%s)", (text, keys))
    core_database.execute("insert into platform_config (key, value) values ('queue_sla_minutes', '0.1')")
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    chatops_inprocess("migrate", "--yes", db=core_database, check=0)
    stored = dict(core_database.execute("select key, value from platform_config"))
    assert {key: stored[key] for key in keys} == dict.fromkeys(keys, float(json.loads(text)))
    assert stored["queue_sla_minutes"] == 0.1
    minutes = core_database.value("select extract(epoch from idle_timeout()) / 60")
    assert float(minutes) == pytest.approx(float(json.loads(text)))


def test_migrate_sets_what_no_function_takes_to_the_default(
    core_database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    core_database.execute("update platform_config set value = '0.009' where key = 'idle_timeout_minutes'")
    core_database.execute("update platform_config set value = '\"many\"' where key = 'max_reassignments'")
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    chatops_inprocess("migrate", "--yes", db=core_database, check=0)
    stored = dict(core_database.execute("select key, value from platform_config"))
    assert (stored["idle_timeout_minutes"], stored["max_reassignments"]) == (5, 3)


def test_a_fraction_of_the_limit_counts_up_as_the_functions_compare_it(mended: Database) -> None:
    mended.execute("update platform_config set value = '2.4' where key = 'max_reassignments'")
    with opened(mended) as database, database.reading():
        assert policy.read(database).max_reassignments == 3


@pytest.mark.parametrize("text", ["\u20033", "3\u00a0", "\u0663", "\uff13", "3e0", "+3", "0x3", "3_0", "NaN", "infinity", ""])
def test_what_only_looks_like_a_number_is_a_finding_and_no_error_for_the_caller(mended: Database, text: str) -> None:
    mended.execute("delete from platform_config where key = 'max_reassignments'")
    mended.execute("insert into platform_config (key, value) values ('max_reassignments', to_jsonb(%s::text))", (text,))
    assert mended.value("select policy_number('max_reassignments', 7, 1, 100)") == 7
    assert result(look(mended, "CONF001"), "CONF001").status == "failed"


@pytest.mark.parametrize("text", [" 3", "\t3\n", "3.0"])
def test_blanks_around_a_number_are_nothing(mended: Database, text: str) -> None:
    mended.execute("delete from platform_config where key = 'max_reassignments'")
    mended.execute("insert into platform_config (key, value) values ('max_reassignments', to_jsonb(%s::text))", (text,))
    assert mended.value("select policy_number('max_reassignments', 7, 1, 100)") == 3


UPDATE = re.compile(r"update platform_config set value = '[^']*' where key = '(\w+)';")


@pytest.mark.parametrize("name", sorted(SETTINGS))
@pytest.mark.parametrize("stored", ['"2 weeks"', "beyond", "odd"])
def test_a_setting_that_is_wrong_is_told_with_its_range_and_the_statement_that_sets_the_number_that_was_meant(
    mended: Database, chatops_inprocess: Callable[..., Result], name: str, stored: str
) -> None:
    """`odd`: it can be used, and nobody can have meant it."""
    limit = SETTINGS[name]
    code = "CONF004" if stored == "odd" else "CONF001"
    value = {"beyond": f"{limit.most + 1:g}", "odd": f"{limit.most:g}"}.get(stored, stored)
    mended.execute("delete from platform_config where key = %s", (name,))
    mended.execute("insert into platform_config (key, value) values (%s, %s::jsonb)", (name, value))
    told = chatops_inprocess("diagnose", "--only", code, db=mended, check=None).stdout
    assert f"{name} takes {limit.least:g} to {limit.most:g}" in told
    statement = UPDATE.search(told)
    assert statement, told
    mended.execute(statement[0])
    assert result(look(mended, code), code).status == "passed"
    general = chatops_inprocess("explain", code, check=0).stdout
    assert f"{name} {limit.least:g} to {limit.most:g}" in general
    assert "update platform_config set value = 'NUMBER'" in general


@pytest.mark.parametrize("value", ['"2 weeks"', "null", "-1", '"3"'])
def test_the_title_says_what_is_wrong_and_the_consequence_what_comes_of_it(mended: Database, value: str) -> None:
    """Neither says the other's words again."""
    mended.execute("update platform_config set value = %s::jsonb where key = 'idle_timeout_minutes'", (value,))
    survey = look(mended, "CONF001")
    (finding,) = findings(survey, lambda *words: " ".join(words))
    assert finding.title.startswith("the setting idle_timeout_minutes is ")
    assert all(so not in finding.title for so in finding.consequences)
    needs = value != '"3"'  # a number that stands as text stays what it says
    assert any("update platform_config" in advice for advice in finding.advices) is needs


@pytest.mark.parametrize("there", [False, True])
def test_a_misspelt_setting_is_put_right_by_its_name_where_that_is_free(mended: Database, there: bool) -> None:
    mended.execute("delete from platform_config where key = 'queue_sla_minutes'")
    if there:
        mended.execute("insert into platform_config (key, value) values ('queue_sla_minutes', '20')")
    mended.execute("insert into platform_config (key, value) values ('Queue SLA-minutes', '30')")
    (row,) = result(look(mended, "CONF004"), "CONF004").rows
    said = str(row["decides"])
    assert said.startswith("queue_sla_minutes is there besides" if there else "where its value was meant: update platform_config")
    if not there:
        mended.execute(said.partition(": ")[2])
        assert result(look(mended, "CONF004"), "CONF004").status == "passed"
        assert mended.value("select value from platform_config where key = 'queue_sla_minutes'") == 30

"""The banner is one line on every width that holds environment and database, and loses what matters least first."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from chatops.db import Database, Facts
from chatops.flows import banner
from chatops.settings import Target
from chatops.widths import cells

NAMES = st.text("abcxyz0123456789_-漢", min_size=1, max_size=63)
LABELS = st.lists(st.text("abcxyz-", min_size=1, max_size=20), min_size=1, max_size=5).map(".".join)
ADDRESSES = st.tuples(*[st.integers(0, 255)] * 4).map(lambda parts: ".".join(map(str, parts)))


def told(width: int, environment: str, host: str, database: str, role: str, schema: str, *, standby: bool) -> str:
    target = Target({"host": host, "dbname": database}, "test", environment, schema=schema)
    facts = SimpleNamespace(
        database=database, role=role, version="15.8 (Debian)", citus=None, standby=standby,
        now=datetime(2026, 1, 15, 3, 12, tzinfo=UTC),
    )  # fmt: skip
    line = banner.line(cast(Database, SimpleNamespace(target=target)), cast(Facts, facts), width)
    return "".join(span if isinstance(span, str) else cast(Any, span).text for span in line)


@given(
    width=st.integers(40, 200), environment=NAMES, host=LABELS | ADDRESSES, database=NAMES, role=NAMES,
    schema=st.just("public") | NAMES, standby=st.booleans(),
)  # fmt: skip
def test_it_never_loses_the_database_and_fits_where_that_fits(
    width: int, environment: str, host: str, database: str, role: str, schema: str, standby: bool
) -> None:
    whole = told(0, environment, host, database, role, schema, standby=standby)
    line = told(width, environment, host, database, role, schema, standby=standby)
    least = f"{environment} · {database}" + " · standby" * standby + f" · schema {schema}" * (schema != "public")
    assert cells(line) <= max(width, cells(least))
    assert f" · {database}" in line or f"/{database}" in line
    assert ("standby" in line.split(" · ")) == standby or "standby" in (environment, database, role, schema)
    if cells(whole) <= width:
        assert line == whole
    if "Postgres" in line:  # the version goes first
        assert line == whole


def test_what_matters_least_goes_first() -> None:
    asked = ("production", "aws-0-eu-central-1.pooler.supabase.com", "postgres", "postgres.abcdefghijkl", "public")
    lines = [told(width, *asked, standby=False) for width in (120, 100, 80, 60, 40)]
    assert lines == [
        "production · aws-0-eu-central-1.pooler.supabase.com/postgres as postgres.abcdefghijkl · 2026-01-15 03:12 UTC",
        "production · aws-0-eu-central-1.pooler.supabase.com/postgres as postgres.abcdefghijkl · 03:12 UTC",
        "production · aws-0-eu-central-1.pooler.supabase.com/postgres · 03:12 UTC",
        "production · aws-0-eu-central-1..com/postgres · 03:12 UTC",
        "production · postgres · 03:12 UTC",
    ]

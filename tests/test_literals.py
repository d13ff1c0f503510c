"""What a literal holds and what a name is, read from a file: held against the server's own reading of generated ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chatops.migrations.sql_walk import catalog_name, string_value, tokens_of
from tests.servers import Farm

Connection = psycopg.Connection[Any]

PIECES = st.sampled_from(
    ["a", "é", "😀", " ", "''", '""', "\\\\", "!!", "\\0061", "!0061", "\\+01F600", "!D83D!DE00", "\\D83D\\DE00", "\\x41", "\\101", "\\303\\251",
     "\\u00e9", "\\U0001F600", "\\n", "\\q", "\\'", "!", "\\", "+", "'\n'", "' \t\r\n  '", "--", "$", "uescape"]
)  # fmt: skip
HEADS = st.sampled_from(["'", "E'", "e'", "U&'", "u&'", "$é$", "$$", '"', 'U&"', 'u&"'])
TAILS = st.sampled_from(["", "", " UESCAPE '!'", "\nuescape '!'", " /* by */ uEscape '\\'"])


@settings(max_examples=300)
@given(HEADS, st.lists(PIECES, min_size=1, max_size=5).map("".join), TAILS)
@example('U&"', "d!0061ta", " UESCAPE '!'")
@example("U&'", "!D83D!DE00''x", " uescape '!'")
@example("E'", "\\303\\251'\n'\\U0001F600", "")
def test_a_literal_holds_and_a_name_is_what_the_server_says(literals: Connection, head: str, inner: str, tail: str) -> None:
    """Of escapes, letters by number, UESCAPE, and strings that go on in another line."""
    quote = head[-1]
    text = f"{head}{inner}{head if head[0] == '$' else quote}" + (tail if head[:2] in ("U&", "u&") else "")
    name = quote == '"'
    try:
        cursor = literals.execute(f"select 1 as {text}" if name else f"select {text}")
    except psycopg.Error:
        return  # the server refuses it
    assert cursor.description is not None
    row = cursor.fetchone()
    assert row is not None
    (token, *others) = tokens_of(text)
    assert (catalog_name(token) if name else string_value(token)) == (cursor.description[0].name if name else row[0]), text
    assert others == [], text


@pytest.fixture(scope="module")
def literals(farm: Farm) -> Iterator[Connection]:
    with farm.server("18").connect("postgres", autocommit=True) as connection:
        yield connection

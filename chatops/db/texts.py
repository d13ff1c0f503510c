"""Values and names inside the text of a statement: placeholders, quoted names and values, what is bound as jsonb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import dumps
from uuid import UUID

from psycopg import sql as composed
from psycopg.types.json import Jsonb

from chatops import sqlfiles

WORDS_A_LINE = 5
Parameters = Mapping[str, object]
"""What stands for the `:'name'` of a statement."""


@lru_cache(maxsize=256)
def placeholders(text: str) -> str:
    """psql's `:'name'` as the driver's placeholders, so that the files under sql/ can be pasted into psql.

    >>> placeholders("select :'since'::interval, 5 % 2")
    'select %(since)s::interval, 5 %% 2'
    """
    return sqlfiles.PLACEHOLDER.sub(r"%(\1)s", text.replace("%", "%%"))


@lru_cache(maxsize=256)
def _pieces(text: str) -> list[str]:
    """A text and the names of its placeholders in turn."""
    return sqlfiles.PLACEHOLDER.split(text)


def inlined(text: str, parameters: Parameters) -> str:
    """A text with its `:'name'` replaced by quoted values, for statements that travel with others in one text.

    >>> inlined("select :'n'::int", {"n": 3})
    'select 3::int'
    """
    pieces = _pieces(text)
    values = {name: literal(parameters[name]) for name in set(pieces[1::2])}
    return "".join([values[piece] if at % 2 else piece for at, piece in enumerate(pieces)])


class Argument(int):
    """In the place of a value: the so-manieth one that an EXECUTE gives to what was prepared."""


def json(value: object) -> Jsonb:
    """A value to bind as jsonb."""
    return Jsonb(value)


def json_of_words(words: Sequence[str]) -> Jsonb:
    """Short words to bind as jsonb, a few on each line of the text."""
    lines = (", ".join(map(dumps, words[at : at + WORDS_A_LINE])) for at in range(0, len(words), WORDS_A_LINE))
    text = "[" + ",\n    ".join(lines) + "]"
    return Jsonb(list(words), dumps=lambda _: text)


def identifier(name: str) -> str:
    """A name quoted for use inside SQL text."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value quoted for use inside SQL text, for statements that take no parameters."""
    if isinstance(value, str) and "\\" not in value and "\0" not in value:
        return "'" + value.replace("'", "''") + "'"  # as the driver does, without its search for a way to
    if value is None:
        return "NULL"
    if isinstance(value, UUID):
        return f"'{value}'::uuid"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Argument):
        return f"${int(value)}"
    if type(value) is int and value >= 0:
        return str(value)
    if isinstance(value, Jsonb) and value.dumps is None and "\\" not in (text := dumps(value.obj)):
        return f"{literal(text)}::jsonb"
    return composed.Literal(value).as_string(None)

"""The plain shapes that travel between the layers: severities, and answers as tables of typed columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from chatops.frozen import frozen


class Severity(Enum):
    """How bad a finding is; the order is worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    ADVICE = "advice"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


Values = Mapping[str, Any]
"""The values of a row, or of an object of JSON, by their names; of what type each is, its query or its file says."""

Audience = Literal["all", "people", "machines"]
Kind = Literal["text", "id", "number", "share", "bar", "instant", "age", "duration", "flag", "data", "sql", "person", "command"]


@frozen
class Column:
    """One column of an answer.

    `name` is the key in machine formats and the attribute (or mapping key) of the row; `heading` is for people.
    Kinds: `age` holds an instant that people see as "2 h 14 m ago" by the database's clock; `duration` seconds or a timedelta;
    `share` and `bar` a fraction 0..1; `id` a uuid that people may see shortened; `person` a name that is hidden off a terminal;
    `command` a command line to paste.
    `audience` keeps a column to people or machines. On a narrow screen columns of a high `rank` give way first.
    """

    name: str
    heading: str
    kind: Kind = "text"
    audience: Audience = "all"
    rank: int = 1


def named(*names: str, kind: Kind = "text", audience: Audience = "all") -> tuple[Column, ...]:
    """Columns whose headings are their names.

    >>> [column.heading for column in named("code", "row_id")]
    ['code', 'row id']
    """
    return tuple(Column(name, name.replace("_", " "), kind, audience) for name in names)


@frozen
class Table:
    """Rows (dataclasses or mappings) under columns; rows may be any iterable, and are read once by streaming formats."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[object]
    title: str | None = None
    empty: str | None = None
    audience: Audience = "all"
    most: int | None = None
    """So many rows people see; programs get all of them."""


Style = Literal["plain", "strong", "dim", "ok", "advice", "warning", "critical", "code"]


@frozen
class Span:
    """A piece of a line with the style that helps to read it; colour never carries the meaning alone."""

    text: str
    style: Style = "plain"


Line = str | Sequence[Span]


@frozen
class Text:
    """Lines for people between tables; machine formats leave them out. A `str` line is plain."""

    lines: Sequence[Line]


@frozen
class Figure:
    """One number for systems that watch numbers: `name` in snake_case with its unit at the end, `meaning` one sentence."""

    name: str
    value: float | None
    meaning: str
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class Outcome:
    """How one thing that was checked ended, for systems that count passed and failed.

    `severity` is critical, warning or advice; `counts` says whether it makes the run end in 1; `help` is a command or a sentence.
    What is not judged had too little to look at, or is promised by a later file: it is neither well nor wrong. What is not tried
    could be judged, by somebody who may try it.
    """

    name: str
    status: Literal["passed", "failed", "unknown", "not judged", "not tried"]
    severity: str
    message: str
    help: str = ""
    counts: bool = False
    seconds: float = 0.0
    evidence: str = ""

    @property
    def wrong(self) -> bool:
        """Whether something was found, or could not be looked for."""
        return self.status in ("failed", "unknown")


@frozen
class Answer:
    """What a command found, ready for any format.

    `body` holds tables and text in reading order: people see all of it, machine formats the tables by name. csv, tsv and jsonl
    show the first table only. `data` is what machine formats carry beside the tables; `now` is the database's clock, against
    which ages are told. `figures` and `outcomes` are for monitoring systems and test views, in formats of their own; outcomes
    are None where nothing was checked.
    """

    command: str
    body: Sequence[Table | Text] = ()
    data: Mapping[str, object] = field(default_factory=dict)
    now: datetime | None = None
    figures: Sequence[Figure] = ()
    outcomes: Sequence[Outcome] | None = None

    @property
    def tables(self) -> list[Table]:
        """The tables, in order."""
        return [block for block in self.body if isinstance(block, Table)]


def value_of(row: object, name: str) -> Any:
    """The value of a row, whether dataclass or mapping."""
    return row[name] if isinstance(row, Mapping) else getattr(row, name)

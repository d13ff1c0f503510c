"""One value of a row as text, for people and for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from chatops import formatting, signs
from chatops.model import Answer, Column, Line, Table, value_of
from chatops.render.format import Medium

NUMERIC = frozenset({"number", "share", "age", "duration"})
BAR_WIDTH = 20
_EIGHTHS = " ▏▎▍▌▋▊▉"


def columns_for(table: Table, reader: str) -> list[Column]:
    """The columns meant for `people` or for `machines`."""
    return [column for column in table.columns if column.audience in ("all", reader)]


def tables_for(answer: Answer, reader: str) -> list[Table]:
    """The tables meant for `people` or for `machines`."""
    return [table for table in answer.tables if table.audience in ("all", reader)]


def for_people(answer: Answer, table: Callable[[Table], Iterable[str]], line: Callable[[Line], Iterable[str]]) -> Iterator[str]:
    """Text and tables in reading order, a blank line before a table; without what programs alone read."""
    for position, block in enumerate(answer.body):
        if not isinstance(block, Table):
            yield from (part for one in block.lines for part in line(one))
        elif block.audience != "machines":
            if position:
                yield "\n"
            yield from table(block)


def bar(fraction: float | None, width: int = BAR_WIDTH) -> str:
    """A bar of block characters; never empty when there is something.

    >>> bar(0.5, 4), bar(0.0001, 4), bar(0, 4)
    ('██', '▏', '')
    """
    if not fraction or fraction <= 0:
        return ""
    eighths = max(1, round(min(1.0, fraction) * width * 8))
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def machine(value: object) -> object:
    """A value as JSON knows it: instants as RFC 3339, ids and decimals as text or numbers."""
    if isinstance(value, str):  # most are
        return value
    if isinstance(value, datetime):
        return formatting.instant(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return _whole(value)
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, dict):
        return {str(key): machine(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [machine(item) for item in value]
    return value


def _whole(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def machine_row(row: object, columns: list[Column], medium: Medium) -> dict[str, object]:
    """A row as a JSON object; people's names as initials unless they may be shown."""
    return {column.name: machine(_person(value_of(row, column.name), column, medium)) for column in columns}


def flat(row: object, column: Column, medium: Medium) -> str:
    """A value for csv, tsv and plain text: full ids, RFC 3339, "" for nothing."""
    return flat_value(value_of(row, column.name), column, medium)


def flat_value(value: object, column: Column, medium: Medium) -> str:
    """The same of the value itself."""
    value = machine(_person(value, column, medium))
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)


def spreadsheet(row: object, column: Column, medium: Medium, *, lines: bool = False) -> str:
    """A value that a spreadsheet shows and does not compute: one quote stands before what looks like a formula, but for --raw."""
    text = flat(row, column, medium)
    if not medium.raw and text.lstrip().startswith(FORMULA) and not _NUMBER.fullmatch(text):
        text = "'" + text
    return formatting.visible(text, lines=lines)


def human(row: object, column: Column, medium: Medium, now: datetime | None) -> str:
    """A value for a person at a terminal: ages, thousands, shares; foreign text made visible."""
    value = value_of(row, column.name)
    if column.kind == "person" and not str(value or "").strip() and (known := _id_of(row, column)):
        return known
    return human_value(value, column, medium, now)


def human_value(value: object, column: Column, medium: Medium, now: datetime | None) -> str:
    """The same of the value itself."""
    text = _human(value, column, medium, now)
    return signs.in_ascii(text) if medium.ascii else text


def _human(found: object, column: Column, medium: Medium, now: datetime | None) -> str:
    value = _person(found, column, medium)
    if column.kind == "bar":
        return bar(value)
    if value is None or (column.kind == "person" and not str(value).strip()):
        return "—"
    if column.kind == "age":
        if not medium.utc and (beyond := formatting.ahead(value, now)):
            return f"{beyond} ahead"
        return formatting.instant_to_the_second(value) if medium.utc else formatting.age(value, now)
    if column.kind == "share":
        return f"{value * 100:.1f} %"
    if column.kind == "duration":
        return formatting.duration(value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC) if value.tzinfo else value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal) and column.kind == "number":
        return formatting.count(_whole(value) if isinstance(value, Decimal) else value)
    if column.kind == "id":
        return str(value)[:8]
    if isinstance(value, dict | list):
        return formatting.visible(json.dumps(machine(value), ensure_ascii=False))
    return formatting.visible(str(value), lines=column.kind == "sql")


def _id_of(row: object, column: Column) -> str:
    """The beginning of the id of somebody without a name, where the row has it."""
    name = "operator_id" if column.name == "name" else column.name.removesuffix("_name") + "_id"
    found = row.get(name) if isinstance(row, Mapping) else getattr(row, name, None)
    return str(found)[:8] if isinstance(found, UUID) else ""


def _person(value: object, column: Column, medium: Medium) -> Any:
    if column.kind == "person" and value is not None and not medium.show_names:
        return formatting.initial(str(value))
    return value

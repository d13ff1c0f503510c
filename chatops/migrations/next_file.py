"""The name and the head of the next file of a folder, in the style of those that are there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from chatops.errors import UsageError
from chatops.migrations.layout import STAMP_DIGITS, key_of, named_for_undoing, number_of, order_of
from chatops.migrations.other_tools import TOOLS

FIRST_WIDTH = 3
# Time stamps by their digits: seconds, minutes, milli- and microseconds of a moment in UTC.
_MOMENTS = {12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f", 20: "%Y%m%d%H%M%S%f"}
_UNIX = {10: 1, 13: 1000, 16: 1_000_000}


def next_name(names: Sequence[str], title: str, now: datetime, *, stamps: bool = False) -> str:
    """The name of the next file, without its ending; `names` are those of the folder's migrations, in order, without theirs.

    `stamps` asks for a time stamp where the folder is empty. Raises UsageError for a title that no name can be made of.

    >>> next_name(["001_a", "002_b"], "Add a token", datetime(2026, 1, 1, tzinfo=UTC))
    '003_add_a_token'
    >>> next_name(["010-a", "020-b"], "Add a token", datetime(2026, 1, 1, tzinfo=UTC))
    '030-add-a-token'
    """
    last = names[-1] if names else "00000000000000_" if stamps else "0" * FIRST_WIDTH
    digits = re.match(r"[0-9]*", last)[0]  # type: ignore[index]  # it matches the empty text
    sign = last[len(digits)] if len(last) > len(digits) else "_"
    words = re.findall(r"\w+", title.lower().replace("_", " "))
    if not words:
        raise UsageError(f"“{title}” holds no letter or digit to make a name of")
    slug = ("-" if sign == "-" else "_").join(words)
    ending = re.search(r"[._-]up$", last)
    name = f"{_following(names, digits, now)}{sign}{slug}{ending[0] if ending else ''}"
    if not ending and named_for_undoing(f"{name}.sql"):
        raise UsageError(f"{name} would be taken for a file that undoes another one: choose other last words")
    return name


def head(title: str, last_text: str) -> str:
    """What stands in the file when it is made: what it is, its `-- effect:` line, the mark of the tool that the folder is for."""
    lines = [f"-- {title.strip().rstrip('.')}.", "-- effect:"]
    for line in last_text.splitlines():
        if any(tool.up.match(line) for tool in TOOLS):
            lines = [re.sub(r"\s+transaction\s*:.*|\s+notransaction.*", "", line), *lines]
            break
    return "\n".join([*lines, "", ""])


def _following(names: Sequence[str], digits: str, now: datetime) -> str:
    """The digits that come after all that are there."""
    width = len(digits)
    moment = now.astimezone(UTC)
    if width in _UNIX and 10**9 * _UNIX[width] <= int(digits) < 4 * 10**9 * _UNIX[width]:
        return str(max(int(moment.timestamp() * _UNIX[width]), int(digits) + 1))
    if width in _MOMENTS:
        stamp = moment.strftime(_MOMENTS[width])[: width if width != 17 else 17]
        return stamp if stamp > digits else str(int(digits) + 1).zfill(width)
    if width == STAMP_DIGITS:
        return max(moment.strftime("%Y%m%d"), _day_after(digits))
    numbers = [number_of(name) for name in names]
    step = 10 if len(numbers) > 1 and all(number % 10 == 0 for number in numbers) else 1
    return str(max(numbers, default=0) + step).zfill(max(width, 1))


def _day_after(digits: str) -> str:
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) + timedelta(days=1)
    except ValueError:  # eight digits that are no date
        return str(int(digits) + 1)
    return day.strftime("%Y%m%d")


def comes_last(name: str, names: Sequence[str]) -> bool:
    """Whether a file would be applied after all others of the folder."""
    order = order_of(f"{one}.sql" for one in (*names, name))
    return all(key_of(one, order) < key_of(name, order) for one in names)

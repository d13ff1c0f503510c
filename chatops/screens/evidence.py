"""Offending rows in words, and for programs: ids, ages and names as the reader may see them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chatops import formatting
from chatops.checks.asking import INSTANT
from chatops.checks.findings import shown
from chatops.checks.results import Survey
from chatops.model import Values
from chatops.screens.lines import DIFF, SIDES, Reader

_NOT_SHOWN = (
    "remedy",
    "mend",
    "dropping",
    "statement",
    "forget",
    "found_as",
    "wanted_as",
    "told",
    "stops",
    "otherwise",
    "so",
    "because",
    "left",
    "wait_beside",
    "wait_beside_since",
    "aims",
    "felt",
    "locked_waiting",
    "in_queue",
    "put_aside_since",
    "longer_than",
    "able",
    "staff",
    "decides",
    "look",
    "leaves",
)
"""What the title, the help line or the difference below says."""
MOST_DIFFERENCE = 12
MOST_GONE = 3
_WHICH_ROWS = re.compile(r"\s*(?:where|having|limit|offset|fetch)\b", re.I)
"""A line of a view's query that keeps rows out, as the server writes them."""
CONTEXT = 1
"""So many lines that are alike stand around those that differ."""
_REMARK = re.compile(r"--[^\n]*$")
SHORTEST_TOLD = 2
"""A shorter word stands in a title by chance."""
_SILENT_WHERE_NONE = (
    "object", "chat_id", "operator_id", "operator", "last_operator_id", "held_for", "opened_at", "gone_after", "changed_at",
    "definition", "size", "function", "owner", "idle_for", "ended_by", "address", "last_statement",
    "assignment", "assignment_closed_at", "assignment_closed_as", "written_by",
)  # fmt: skip
# Columns that say of whom: shown without their names in front of the value.
_SELF_EVIDENT = ("object", "relation", "setting", "operator", "operator_is", "kind", "trouble")


def evidence(row: Values, survey: Survey, reader: Reader, title: str = "") -> str:
    """What the row says, beside the words that the `title` says already; "" when that is all."""
    parts: list[str] = []
    names_shown = {key for key, value in row.items() if value is not None}
    for key, value in row.items():
        if key in _NOT_SHOWN:
            continue
        if value is None and key in _SILENT_WHERE_NONE:
            continue
        if row.get("kind") == "file" and key in ("kind", "migration"):
            continue  # all of it: the object is its name
        if key == "operator" and value is not None:
            parts.append(
                formatting.visible(formatting.told_apart(str(value))) if reader.show_names else formatting.initial(str(value))
            )
            continue
        if key == "operator_id" and "operator" in names_shown and reader.short_ids and reader.show_names:
            continue
        if value is None and key.endswith("_by_id"):
            parts.append(f"{_label_of(key)} nobody known")
            continue
        text = formatting.visible(_with_ids(value, survey, reader, key))
        if isinstance(value, str) and len(text) > SHORTEST_TOLD and text in title:
            continue
        if key == "chat_id" or key in _SELF_EVIDENT:
            parts.append(text)
        else:
            parts.append(f"{_label_of(key)} {text}")
    return "  ".join(parts)


def _with_ids(value: object, survey: Survey, reader: Reader, key: str) -> str:
    if isinstance(value, UUID):
        return str(value)[:8] if reader.short_ids else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_with_ids(item, survey, reader, key) for item in value)
    if isinstance(value, str) and INSTANT.fullmatch(value):
        value = datetime.fromisoformat(value)
    if not reader.short_ids and isinstance(value, datetime):
        return formatting.instant(value)
    return shown(value, survey.now, key)


def _label_of(key: str) -> str:
    for ending, replacement in (("_id", ""), ("_ids", ""), ("_at", ""), ("_since", " since"), ("_minutes", "")):
        if key.endswith(ending):
            key = key.removesuffix(ending) + replacement
            break
    return key.replace("_", " ")


def machine_row(row: Values, reader: Reader) -> dict[str, Any]:
    if reader.show_names or row.get("operator") is None:
        return dict(row)
    return {**row, "operator": formatting.initial(str(row["operator"]))}


def difference(row: Values) -> list[str]:
    """How an object should be made and how it is, as the lines of a diff that differ; [] for other rows.

    >>> difference({"wanted_as": {"body": "select 1", "settings": None}, "found_as": {"body": "select 2", "settings": "a=b"}})
    ['body (file → now): select 1 → select 2', 'settings (file → now): none → a=b']
    """
    found, wanted = row.get("found_as"), row.get("wanted_as")
    if not isinstance(found, Mapping) or not isinstance(wanted, Mapping):
        return []
    lines: list[str] = []
    for name, text in found.items():
        old, new = str(wanted.get(name) or "").strip("\n"), str(text or "").strip("\n")
        if "\n" not in old + new:
            lines.append(f"{name} ({SIDES}): {old.strip() or 'none'} → {new.strip() or 'none'}")
            continue
        changed = _changed(old, new)
        whole = len(changed)
        changed = _some(changed, query=name == "query") if whole > MOST_DIFFERENCE else changed
        more = formatting.and_more(whole - len(changed), "line")
        lines += [f"{name} ({DIFF}):", *changed, *([f"{more}: -o json"] if more else [])]
    return [formatting.visible(line) for line in lines]


def _some(changed: Sequence[str], *, query: bool = False) -> list[str]:
    """The first lines of a long diff; of many that are gone in a row a few, for what is there now is what works.

    Of a query those first that say which rows it has: a list of columns may be the same by other names.
    """
    which = [line for line in changed if query and line[:1] in "+-" and _WHICH_ROWS.match(line[1:])]
    if which:
        return which[:MOST_DIFFERENCE]
    kept: list[str] = []
    gone = 0
    begins = next((place for place, line in enumerate(changed) if line[1:].strip().lower() == "begin"), 0)
    for line in changed[begins:]:  # what a function declares says little of what it does
        gone = gone + 1 if line.startswith("-") else 0
        if gone <= MOST_GONE:
            kept.append(line)
    return kept[:MOST_DIFFERENCE]


def _changed(old: str, new: str) -> list[str]:
    """The lines of a diff from the first on in which two texts differ by more than remarks, indentation and empty lines.

    >>> _changed("-- why\\nbegin\\n  a := 1;\\nend", "begin\\n\\n   a := 2;\\nend")
    [' begin', '-  a := 1;', '+   a := 2;', ' end']
    """
    before, after = ([(_REMARK.sub("", line).split(), line) for line in text.splitlines()] for text in (old, new))
    before, after = [one for one in before if one[0]], [one for one in after if one[0]]
    same = difflib.SequenceMatcher(
        None, [" ".join(one) for one, _ in before], [" ".join(one) for one, _ in after], autojunk=False
    )
    lines: list[str] = []
    for group in same.get_grouped_opcodes(CONTEXT):
        for kind, begin, end, start, stop in group:
            if kind == "equal":
                lines += [f" {line}" for _, line in after[start:stop]]
            else:
                lines += [f"-{line}" for _, line in before[begin:end]] + [f"+{line}" for _, line in after[start:stop]]
    if lines:
        return lines
    told = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in told if not line.startswith(("---", "+++", "@@"))]

"""Offending rows in words, and for programs: ids, ages and names as the reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chatops import formatting
from chatops.checks.findings import shown
from chatops.checks.results import Survey
from chatops.screens.lines import Reader

# Columns that say of whom: shown without their names in front of the value.
_SELF_EVIDENT = ("object", "relation", "setting", "operator", "operator_is", "kind")


def evidence(row: Mapping[str, Any], survey: Survey, reader: Reader) -> str:
    parts: list[str] = []
    names_shown = {key for key, value in row.items() if value is not None}
    for key, value in row.items():
        if key == "remedy":
            continue
        if value is None and key in ("chat_id", "operator_id", "operator", "last_operator_id", "held_for", "oldest_since"):
            continue
        if key == "operator" and value is not None:
            parts.append(formatting.visible(str(value)) if reader.show_names else formatting.initial(str(value)))
            continue
        if key == "operator_id" and "operator" in names_shown and reader.short_ids and reader.show_names:
            continue
        text = formatting.visible(_with_ids(value, survey, reader))
        if key == "chat_id" or key in _SELF_EVIDENT:
            parts.append(text)
        else:
            parts.append(f"{_label_of(key)} {text}")
    return "  ".join(parts)


def _with_ids(value: Any, survey: Survey, reader: Reader) -> str:
    if isinstance(value, UUID):
        return str(value)[:8] if reader.short_ids else str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_with_ids(item, survey, reader) for item in value)
    if not reader.short_ids and hasattr(value, "astimezone"):
        return formatting.instant(value)
    return shown(value, survey.now)


def _label_of(key: str) -> str:
    for ending, replacement in (("_id", ""), ("_ids", ""), ("_at", ""), ("_since", " since")):
        if key.endswith(ending):
            key = key.removesuffix(ending) + replacement
            break
    return key.replace("_", " ")


def machine_row(row: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    if reader.show_names or row.get("operator") is None:
        return dict(row)
    return {**row, "operator": formatting.initial(str(row["operator"]))}

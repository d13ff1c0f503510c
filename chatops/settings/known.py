"""What `chatops.toml` may hold: its tables, keys and types. What it does not know is refused, with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from chatops.errors import UsageError
from chatops.formatting import did_you_mean

Known = dict[str, object]
"""A key's type, a nested table, or for `*` what any name may hold."""

COLOURS = ("red", "yellow", "green", "cyan")
LIMITS: Known = {"*": float}
COMMANDS: Known = {"commands": list, "pass_database": bool}
ENVIRONMENT: Known = {
    "url": str, "url_env": str, "service": str, "production": bool, "schema": str, "colour": COLOURS, "thresholds": LIMITS,
}  # fmt: skip
KNOWN: Known = {
    "schema": str,
    "checks_dir": str,
    "thresholds": LIMITS,
    "env": {"*": ENVIRONMENT},
    "groups": {"*": list},
    "snooze": {"*": {"until": date, "reason": str, "schemas": list}},
    "migrations": {"dir": str, "source": str, "all_files": bool},
    "verify": {"checks_dir": str},
    "deploy": {**COMMANDS, "before": list, "after": list},
    "monitor": COMMANDS,
}
_WORDS = {str: "a text", bool: "true or false", float: "a number", date: "a day, as YYYY-MM-DD", list: "a list of texts"}
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


def check(data: Mapping[str, object], path: Path) -> None:
    """Raises UsageError for the first thing in the file that chatops does not know."""
    _check(data, KNOWN, (), path)
    environments = data.get("env", {})
    assert isinstance(environments, Mapping)
    for name, table in environments.items():
        if not _NAME.match(name):
            raise UsageError(f"{path}: environment name {name!r} may hold letters, digits, . _ - only")
        if sum(key in table for key in ("url", "url_env", "service")) > 1:
            raise UsageError(f"{path}: [env.{name}] needs one of url, url_env, service, as text")
    groups = data.get("groups", {})
    assert isinstance(groups, Mapping)
    for name in groups:
        if not _NAME.match(name) or name in environments:
            why = "is an environment's" if name in environments else "may hold letters, digits, . _ - only"
            raise UsageError(f"{path}: [groups] name {name!r} {why}")
    snoozes = data.get("snooze", {})
    assert isinstance(snoozes, Mapping)
    for code, table in snoozes.items():
        if "until" not in table:
            raise UsageError(f"{path}: [snooze.{code}] needs until = YYYY-MM-DD, or an instant")


def _check(table: Mapping[str, object], known: Known, inside: tuple[str, ...], path: Path) -> None:
    for key, value in table.items():
        wanted = known.get(key, known.get("*"))
        if wanted is None:
            raise _unknown(key, value, known, inside, path)
        if isinstance(wanted, dict):
            if not isinstance(value, Mapping):
                name = ".".join((*inside, key))
                many = ".NAME" if isinstance(wanted.get("*"), dict) else ""
                raise UsageError(f"{path}: {name} is a table, written as [{name}{many}]")
            _check(value, wanted, (*inside, key), path)
        elif not _fits(value, wanted):
            is_colour = isinstance(wanted, tuple)
            words = f"one of {', '.join(COLOURS)}" if is_colour else _WORDS[wanted]  # type: ignore[index]
            raise UsageError(f"{path}: {_place(inside)}{key} is {words}, not {_shown(value)}")


def _fits(value: object, wanted: object) -> bool:
    if isinstance(wanted, tuple):
        return value in wanted
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is list:
        return isinstance(value, list) and all(isinstance(one, str) and one.strip() for one in value)
    return isinstance(wanted, type) and isinstance(value, wanted)


def _unknown(key: str, value: object, known: Known, inside: tuple[str, ...], path: Path) -> UsageError:
    what = f"[{'.'.join((*inside, key))}]" if isinstance(value, Mapping) else f"{_place(inside)}{key}"
    meant = did_you_mean(key, known, most=1, likeness=0.5)
    return UsageError(f"{path}: chatops does not know {what}{meant}", details=[f"it knows: {', '.join(known)}"])


def _place(inside: tuple[str, ...]) -> str:
    return f"[{'.'.join(inside)}] " if inside else ""


def _shown(value: object) -> str:
    # A text may be a URL with a password in the wrong place.
    kinds = ((bool, "true or false"), (str, "a text"), (int | float, "a number"), (list, "a list"), (Mapping, "a table"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "this")

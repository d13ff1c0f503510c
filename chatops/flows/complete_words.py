"""Completion of values by their kind: words that no database has to be asked for, and ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from chatops import settings, sqlfiles
from chatops.checks.load import MEANWHILE, limits
from chatops.deploys.receipt import STEPS, remaining
from chatops.errors import ChatopsError
from chatops.flows import complete_ids
from chatops.flows.configured_commands import configured_commands
from chatops.flows.folder import FolderOptions
from chatops.flows.given import TABLE_FORMATS, Formats, Given
from chatops.flows.output import Output
from chatops.frozen import frozen
from chatops.migrations.source import SHIPPED

Offers = list[tuple[str, str]]


@frozen
class Known:
    """What the line says so far: the formats that the command has, where it has a list of its own, its name and its options."""

    formats: object = None
    command: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


def offers(kind: str, typed: str, given: Given, known: Known) -> Offers:
    """The values of that kind that begin so."""
    if kind == "codes" and known.command == "verify":
        kind = "codes of verify"
    if kind in CODES:
        sets = (
            [(MEANWHILE, "what a time without guards or triggers left")] if known.command in TAKE_SETS and typed.islower() else []
        )
        return [*codes(typed, CODES[kind]()), *(one for one in sets if one[0].startswith(typed))]
    if kind == "formats":
        return formats(known.formats, typed)
    if kind == "environments":
        return environments(given, typed)
    if kind == "files":
        return [(name, "") for name in _files(given, known) if name.startswith(typed)]
    if kind == "thresholds":
        return [(f"{name}=", f"{limit.default:g} {limit.unit}") for name, limit in limits().items() if name.startswith(typed)]
    if kind == "steps":
        return [(step, STEPS[step]) for step in _steps(given, known) if step.startswith(typed.lower())]
    return complete_ids.offers(given, kind, typed)


def _every_code() -> list[str]:
    return [name for name in sqlfiles.names("checks") if "." not in name]


def _codes_of(column: str) -> list[str]:
    """The codes whose rows have that column: what is about the schema names nobody."""
    return [name for name in _of_groups("data", "now") if column in _selected(sqlfiles.body(sqlfiles.read(f"checks/{name}.sql")))]


def _selected(text: str) -> set[str]:
    """The columns that a query gives.

    >>> sorted(_selected("with a as (select b.no from b) select a.id as chat_id, max(a.n) as most, o.who from (select 1) as a"))
    ['chat_id', 'most', 'who']
    """
    text = re.sub(r"--[^\n]*", "", text)
    while (less := re.sub(r"\([^()]*\)", " ", text)) != text:
        text = less
    listed = re.search(r"\bselect\b(.*?)(?:\bfrom\b|$)", text, re.DOTALL | re.IGNORECASE)
    return set(re.findall(r"(\w+)\s*(?:,|$)", listed[1].strip())) if listed else set()


def _of_groups(*groups: str) -> list[str]:
    return [name for name in _every_code() if sqlfiles.header(sqlfiles.read(f"checks/{name}.sql")).get("group") in groups]


CODES: Mapping[str, Callable[[], list[str]]] = {
    "codes": _every_code,
    "codes of chats": lambda: sorted({*_codes_of("chat_id"), *_codes_of("operator_id")}),
    "codes of operators": lambda: _codes_of("operator_id"),
    "codes of verify": lambda: _of_groups("schema", "data"),
    "codes with a repair": lambda: sqlfiles.names("repairs"),
}
"""Which checks are meant, by kind."""
TAKE_SETS = ("diagnose", "verify")
"""The commands that take the name of a set for its codes."""


def _configuration(given: Given) -> settings.Configuration | None:
    """chatops.toml; None where it cannot be read: somebody is typing."""
    try:
        return settings.load(Path(given.config) if given.config else None)
    except ChatopsError:
        return None


def _files(given: Given, known: Known) -> list[str]:
    """The names of the files that the command would work on."""
    configuration = _configuration(given)
    directory, source = known.params.get("directory"), known.params.get("source")
    if directory is None and known.command == "deploy":
        source = SHIPPED
    try:
        found = FolderOptions(None if directory is None else Path(directory), source).folder(
            configuration or settings.Configuration()
        )
    except (ChatopsError, OSError):
        return []
    return [file.name for file in found.files]


def _steps(given: Given, known: Known) -> list[str]:
    """The steps that this deploy has: those of commands where chatops.toml has some, the watch where its plan is given."""
    configuration = _configuration(given)
    named = {"before": "before", "code": "commands", "after": "after"}
    there = [step for step, key in named.items() if configuration and configured_commands(configuration, "deploy", key)]
    steps = remaining(None, monitored=known.params.get("monitor") is not None, hooks=there)
    return [step for step in steps if step != "code" or "code" in there or known.params.get("skip_code")]


def codes(typed: str, known: Sequence[str]) -> Offers:
    """The codes that begin so, each with its question; behind a comma the next one."""
    before, comma, code = typed.rpartition(",")
    names = [name for name in known if name.startswith(code.upper())]
    return [(f"{before}{comma}{name}", _question(name)) for name in names]


def _question(code: str) -> str:
    with (sqlfiles.root() / "checks" / f"{code}.sql").open(encoding="utf-8") as file:
        return file.readline().removeprefix("--").strip()


def formats(known: object, typed: str) -> Offers:
    """The formats of a command, whose own list `known` is where it has one."""
    given = Given(formats=known if isinstance(known, Formats) else TABLE_FORMATS)
    return [(name, "") for name in Output(given).format_names() if name.startswith(typed.lower())]


def environments(given: Given, typed: str) -> Offers:
    """The environments of chatops.toml by name; none where it cannot be read: somebody is typing."""
    configuration = _configuration(given)
    return [(name, "") for name in configuration.environments if name.startswith(typed)] if configuration is not None else []

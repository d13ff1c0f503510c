"""Completion of values by their kind: words that no database has to be asked for, and ids."""

from __future__ import annotations

from pathlib import Path

from chatops import settings, sqlfiles
from chatops.checks.load import limits
from chatops.deploys.receipt import STEPS
from chatops.errors import ChatopsError
from chatops.flows import complete_ids
from chatops.flows.given import TABLE_FORMATS, Formats, Given
from chatops.flows.output import Output

Offers = list[tuple[str, str]]


def offers(kind: str, typed: str, given: Given, known: object = None) -> Offers:
    """The values of that kind that begin so; `known` is the list of formats that the command has, where it has one."""
    if kind == "codes":
        return codes(typed)
    if kind == "formats":
        return formats(known, typed)
    if kind == "environments":
        return environments(given, typed)
    if kind == "files":
        return [(name, "") for name in sqlfiles.names("migrations") if name.startswith(typed)]
    if kind == "thresholds":
        return [(f"{name}=", f"{limit.default:g} {limit.unit}") for name, limit in limits().items() if name.startswith(typed)]
    if kind == "steps":
        return [(step, told) for step, told in STEPS.items() if step.startswith(typed.lower())]
    return complete_ids.offers(given, kind, typed)


def codes(typed: str) -> Offers:
    """The codes of the shipped checks, each with its question; behind a comma the next one."""
    before, comma, code = typed.rpartition(",")
    names = [name for name in sqlfiles.names("checks") if name.startswith(code.upper()) and "." not in name]
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
    try:
        found = settings.load(Path(given.config) if given.config else None).environments
    except ChatopsError:
        return []
    return [(name, "") for name in found if name.startswith(typed)]

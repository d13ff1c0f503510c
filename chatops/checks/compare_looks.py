"""What is new, ongoing and resolved in a look, against an earlier one: pure, whoever remembered the earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Literal

from chatops.checks.results import Survey
from chatops.errors import UsageError
from chatops.files import read_json
from chatops.frozen import frozen
from chatops.model import Values

Kind = Literal["new", "ongoing", "not compared"]


@frozen
class Was:
    """A finding of the earlier look; `since` is when it was first seen, `well` when last found well before, where known."""

    word: str
    count: int | None = None
    since: datetime | None = None
    well: datetime | None = None


@frozen
class Earlier:
    """An earlier look: when, who remembered it, what it found and what it had looked at.

    `passed` are the codes that were looked at and found well; None: all that are not in `found`, but for `silent_on` severities.
    """

    at: datetime
    origin: str
    found: Mapping[str, Was]
    passed: frozenset[str] | None = None
    silent_on: frozenset[str] = frozenset()


@frozen
class Change:
    """What became of one finding since the earlier look."""

    kind: Kind
    was: Was | None = None
    count: int = 0
    """How many rows offend now."""

    @property
    def grew(self) -> bool:
        """Whether it was found then, too, with fewer rows."""
        return self.kind == "ongoing" and self.was is not None and self.was.count is not None and self.was.count < self.count


@frozen
class Bounds:
    """Between which two looks a finding came: the last one that found it well, and the first that found it ill."""

    well: datetime
    ill: datetime


@frozen
class Changes:
    """A look against an earlier one: each finding's change by code, and what is gone, with what it was."""

    earlier: Earlier
    now: Mapping[str, Change] = field(default_factory=dict)
    resolved: Mapping[str, Was] = field(default_factory=dict)
    came: Mapping[str, Bounds] = field(default_factory=dict)
    """Between which looks the findings of now came, where more looks than that one are remembered."""

    def begins_after(self, code: str) -> datetime | None:
        """The newest look that found well what is found now; None where none did."""
        change, known = self.now.get(code), self.came.get(code)
        was = change.was if change is not None and change.kind == "ongoing" else None
        by_it = self.earlier.at if change is not None and change.kind == "new" else was.well if was is not None else None
        return max((one for one in (by_it, known.well if known is not None else None) if one is not None), default=None)

    def found_at(self, code: str) -> list[datetime]:
        """When looks found first what is found now, as far as it is known."""
        change, known = self.now.get(code), self.came.get(code)
        since = change.was.since if change is not None and change.kind == "ongoing" and change.was is not None else None
        return [at for at in (since, known.ill if known is not None else None) if at is not None]

    @property
    def new(self) -> list[str]:
        """The codes that were looked at then and found well."""
        return [code for code, change in self.now.items() if change.kind == "new"]

    @property
    def grown(self) -> dict[str, Change]:
        """The findings of then that have more rows now, by code."""
        return {code: change for code, change in self.now.items() if change.grew}


def bounds(survey: Survey, *several: Changes | None) -> dict[str, Bounds]:
    """Of each finding that a look once found well, when it came: after the newest such look, before the next that found it."""
    told: dict[str, Bounds] = {}
    having = [changes for changes in several if changes is not None]
    for code in {code for changes in having for code in changes.now}:
        well = max((at for changes in having if (at := changes.begins_after(code)) is not None), default=None)
        if well is not None:
            ills = [at for changes in having for at in changes.found_at(code) if at > well]
            told[code] = Bounds(well, min(ills, default=survey.now))
    return told


def compare(survey: Survey, earlier: Earlier) -> Changes:
    """Each finding of the survey as new, ongoing or not compared; resolved is only what was looked at now and passed."""
    now: dict[str, Change] = {}
    resolved: dict[str, Was] = {}
    for result in survey.results:
        code = result.check.code
        was = earlier.found.get(code)
        if result.status == "passed":
            # What could not be looked at then was no finding that could be resolved.
            if was is not None and was.word != "unknown":
                resolved[code] = was
            continue
        word = "unknown" if result.status == "unknown" else result.severity.value
        if was is not None and (was.word == "unknown") == (word == "unknown"):
            now[code] = Change("ongoing", was, result.count)
        elif was is not None:
            now[code] = Change("not compared", was)
        elif word in earlier.silent_on or (earlier.passed is not None and code not in earlier.passed):
            now[code] = Change("not compared")
        else:
            now[code] = Change("new")
    return Changes(earlier, now, resolved)


def earlier_of(survey: Survey, origin: str) -> Earlier:
    """A look as what later ones are compared with."""
    found, passed = {}, []
    for result in survey.results:
        if result.status == "passed":
            passed.append(result.check.code)
        else:
            word = "unknown" if result.status == "unknown" else result.severity.value
            found[result.check.code] = Was(word, result.count, survey.now)
    return Earlier(survey.now, origin, found, frozenset(passed))


def read(path: Path, place: str) -> Earlier:
    """The look that `diagnose --write json=FILE` kept. Raises UsageError for anything else, and for another database's.

    `place` is the database as the file's envelope names it.
    """
    try:
        found = read_json(path, "answer of diagnose")
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except UsageError as error:
        raise UsageError(error.message, details=[_HOW]) from None
    if not isinstance(found, dict) or found.get("command") != "diagnose" or "passed" not in found:
        raise UsageError(f"{path} is no answer of diagnose about a whole database", details=[_HOW])
    if found.get("format") != 1:
        raise UsageError(f"{path} was written by another version of chatops, in format {found.get('format')}")
    if found.get("database") != place:
        raise UsageError(f"{path} is about {found.get('database')}, not about {place}")
    try:
        return _earlier(found, path.name)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{path} is a damaged answer of diagnose: a field is missing or odd", details=[_HOW]) from None


_HOW = "write one with: chatops diagnose --write json=FILE"


def _earlier(found: Values, name: str) -> Earlier:
    at = datetime.fromisoformat(found["at"])
    findings = {}
    for row in found["findings"]:
        word = "unknown" if row["status"] == "unknown" else str(row["severity"])
        since = datetime.fromisoformat(row["since"]) if row.get("since") else at
        findings[str(row["code"])] = Was(word, int(row["count"]), since)
    return Earlier(at, name, findings, frozenset(str(code) for code in found["passed"]))

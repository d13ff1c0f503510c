"""What `diagnose` itself saw of this database before, on this machine: the looks of a day, so that the next says what is new."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from chatops.checks import compare_looks, kept_looks
from chatops.checks.compare_looks import Bounds, Changes, Earlier, Was
from chatops.checks.results import Survey
from chatops.deploys.hand_over import Watched
from chatops.deploys.monitor_state import Transition
from chatops.errors import UsageError
from chatops.files import read_json, write_file
from chatops.flows.run import Invocation
from chatops.flows.state_files import default_path
from chatops.model import Values

UNKNOWN = "unknown"


def since_then(invocation: Invocation, survey: Survey, *, part: bool) -> Changes | None:
    """What is new since the newest look at all checks, and keeps this one; None for the first.

    A look at a `part` of the checks is kept for what it saw; none is told against it. What cannot be kept or read is left.
    """
    path, place, looks = _looks(invocation, survey)
    changes = _changes(survey, looks)
    if path is None:
        return changes
    with contextlib.suppress(OSError, UsageError):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = kept_looks.packed([*looks, _kept(survey, place, changes) | {"part": part}], survey.now)
        write_file(path, json.dumps({"looks": kept}), private=True)
    return changes


def before(invocation: Invocation, survey: Survey) -> Changes | None:
    """The same of a look that is not kept: one that a program reads, or one with other limits."""
    return _changes(survey, _looks(invocation, survey)[2])


def _looks(invocation: Invocation, survey: Survey) -> tuple[Path | None, str, list[dict[str, Any]]]:
    """Where looks are kept, for which place, and those that are; nowhere and none for an account without a home folder."""
    place = f"{invocation.target.shown()} {invocation.target.schema}"
    try:
        path = default_path(invocation, "diagnose")
    except UsageError:
        return None, place, []
    with contextlib.suppress(OSError, UsageError, ValueError, TypeError, KeyError):
        return path, place, [one for one in _read(path, place) if datetime.fromisoformat(one["at"]) < survey.now]
    return path, place, []


def _read(path: Path, place: str) -> list[kept_looks.Look]:
    kept: Any = read_json(path, "looks of diagnose")
    return [one for one in kept_looks.unpacked(kept["looks"]) if one["place"] == place]


def _changes(survey: Survey, looks: Sequence[kept_looks.Look]) -> Changes | None:
    """Against the newest look at all checks; when what is found came, by all of them."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, IndexError):
        whole = [one for one in looks if not one.get("part")]
        look = whole[-1] if whole else {**looks[0], "found": {}, "passed": []}
        at = datetime.fromisoformat(look["at"])
        found = {str(code): Was(str(word), count, at) for code, (word, count) in look["found"].items()}
        changes = compare_looks.compare(survey, Earlier(at, "diagnose", found, frozenset(look["passed"])))
        return replace(changes, came=_came(survey, looks))
    return None


def _came(survey: Survey, looks: Sequence[kept_looks.Look]) -> dict[str, Bounds]:
    """When each finding came: after the last look that found it well, before the first after that which found it as it is."""
    well: dict[str, datetime] = {}
    ill: dict[str, tuple[datetime, bool]] = {}
    for look in kept_looks.turning(looks):
        at = datetime.fromisoformat(look["at"])
        for code, (word, _) in look["found"].items():
            if code not in ill or ill[code][1] != (word == UNKNOWN):
                ill[code] = (at, word == UNKNOWN)
        for code, (last, first) in look.get("came", {}).items():
            if code not in well:  # of looks that are no longer kept
                well[code], ill[code] = datetime.fromisoformat(last), (datetime.fromisoformat(first), ill[code][1])
        for code in look["passed"]:
            well[code] = at
            ill.pop(code, None)
    told = {}
    for one in survey.results:
        code, unknown = one.check.code, one.status == UNKNOWN
        if one.status != "passed" and code in well:
            first, was_unknown = ill.get(code, (survey.now, unknown))
            told[code] = Bounds(well[code], first if was_unknown == unknown else survey.now)
    return told


def seen_since(invocation: Invocation, since: datetime) -> Watched | None:
    """What came and went between the looks that this machine took since then; None where it took none."""
    place = f"{invocation.target.shown()} {invocation.target.schema}"
    with contextlib.suppress(OSError, UsageError, ValueError, TypeError, KeyError, AttributeError):
        mine = _read(default_path(invocation, "diagnose"), place)
        looks = [one for one in mine if datetime.fromisoformat(one["at"]) >= since]
        told: list[Transition] = []
        still: dict[str, str] = {}
        well: set[str] = set()
        for look in kept_looks.turning(mine):
            now, passed = _open(look), set(look["passed"])
            new, gone = sorted((now.keys() - still.keys()) & well), sorted(still.keys() & passed)
            told += [Transition(look["at"], 0, code, "new", now[code], "") for code in new]
            told += [Transition(look["at"], 0, code, "resolved", still[code], "") for code in gone]
            still = {code: word for code, word in still.items() if code not in look["found"] and code not in passed} | now
            well = (well - look["found"].keys()) | passed
        told = [one for one in told if datetime.fromisoformat(one.at) >= since]
        if looks:
            begins = "" if len(looks) < len(mine) else str(looks[0]["at"])
            return Watched(len(looks), tuple(told), still, by_hand=True, at=looks[-1]["at"], begins=begins)
    return None


def _open(look: Values) -> dict[str, str]:
    """What a look found, advice left out as the monitor does."""
    return {str(code): str(word) for code, (word, _) in look["found"].items() if word not in ("advice", UNKNOWN)}


def _kept(survey: Survey, place: str, changes: Changes | None) -> dict[str, Any]:
    """A look: what it found and what it found well; of what looks found well before that, between which two it came."""
    earlier = compare_looks.earlier_of(survey, "")
    found = {code: [was.word, was.count] for code, was in earlier.found.items()}
    came = {code: [one.well.isoformat(), one.ill.isoformat()] for code, one in compare_looks.bounds(survey, changes).items()}
    return {"at": survey.now.isoformat(), "place": place, "found": found, "passed": sorted(earlier.passed or ()), "came": came}

"""What `diagnose` itself saw of this database before, on this machine: a few looks, so that the next one says what is new."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from chatops.checks import compare_looks
from chatops.checks.compare_looks import Changes, Earlier, Was
from chatops.checks.results import Survey
from chatops.deploys.hand_over import Watched
from chatops.deploys.monitor_state import Transition
from chatops.errors import UsageError
from chatops.files import read_json, write_file
from chatops.flows.run import Invocation
from chatops.flows.state_files import default_path
from chatops.model import Values

KEPT = 12


def since_then(invocation: Invocation, survey: Survey) -> Changes | None:
    """What is new since the newest look, and keeps this one; None for the first. What cannot be kept or read is left."""
    path, place, looks = _looks(invocation, survey)
    changes = _changes(survey, looks)
    if path is None:
        return changes
    with contextlib.suppress(OSError, UsageError):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _kept(survey, place, changes)
        write_file(path, json.dumps({"looks": [*looks, kept][-KEPT:]}), private=True)
    return changes


def before(invocation: Invocation, survey: Survey) -> Changes | None:
    """The same of a look that is not kept, as one at some of the checks."""
    return _changes(survey, _looks(invocation, survey)[2])


def _looks(invocation: Invocation, survey: Survey) -> tuple[Path | None, str, list[dict[str, Any]]]:
    """Where looks are kept, for which place, and those that are; nowhere and none for an account without a home folder."""
    place = f"{invocation.target.shown()} {invocation.target.schema}"
    try:
        path = default_path(invocation, "diagnose")
    except UsageError:
        return None, place, []
    with contextlib.suppress(OSError, UsageError, ValueError, TypeError, KeyError):
        kept: Any = read_json(path, "looks of diagnose")
        return path, place, [
            one for one in kept["looks"] if one["place"] == place and datetime.fromisoformat(one["at"]) < survey.now
        ]  # fmt: skip
    return path, place, []


def _changes(survey: Survey, looks: Sequence[Values]) -> Changes | None:
    """Against the newest look. When an older one last found well what that one found ill stands in it."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, IndexError):
        look = looks[-1]
        at = datetime.fromisoformat(look["at"])
        came: Values = look.get("came", {})
        found = {
            str(code): Was(str(word), count, datetime.fromisoformat(came[code][1]) if code in came else at)
            for code, (word, count) in look["found"].items()
        }
        changes = compare_looks.compare(survey, Earlier(at, "diagnose", found, frozenset(look["passed"])))
        return replace(changes, well={str(code): datetime.fromisoformat(well) for code, (well, _) in came.items()})
    return None


def seen_since(invocation: Invocation, since: datetime) -> Watched | None:
    """What came and went between the looks that this machine took since then; None where it took none."""
    place = f"{invocation.target.shown()} {invocation.target.schema}"
    with contextlib.suppress(OSError, UsageError, ValueError, TypeError, KeyError, AttributeError):
        kept: Any = read_json(default_path(invocation, "diagnose"), "looks of diagnose")
        mine = [one for one in kept["looks"] if one["place"] == place]
        looks = [one for one in mine if datetime.fromisoformat(one["at"]) >= since]
        told: list[Transition] = []
        for before, look in itertools.pairwise([*[one for one in mine if one not in looks][-1:], *looks]):
            was, now = _open(before), _open(look)
            told += [Transition(look["at"], 0, code, "new", now[code], "") for code in sorted(now.keys() - was.keys())
                     if code in before["passed"]]  # fmt: skip
            told += [Transition(look["at"], 0, code, "resolved", was[code], "") for code in sorted(was.keys() - now.keys())
                     if code in look["passed"]]  # fmt: skip
        return Watched(len(looks), tuple(told), _open(looks[-1]), by_hand=True, at=looks[-1]["at"]) if looks else None
    return None


def _open(look: Values) -> dict[str, str]:
    """What a look found, advice left out as the monitor does."""
    return {str(code): str(word) for code, (word, _) in look["found"].items() if word not in ("advice", "unknown")}


def _kept(survey: Survey, place: str, changes: Changes | None) -> dict[str, Any]:
    """A look: what it found and what it found well; of what looks found well before that, between which two it came."""
    earlier = compare_looks.earlier_of(survey, "")
    found = {code: [was.word, was.count] for code, was in earlier.found.items()}
    came = {code: [one.well.isoformat(), one.ill.isoformat()] for code, one in compare_looks.bounds(survey, changes).items()}
    return {"at": survey.now.isoformat(), "place": place, "found": found, "passed": sorted(earlier.passed or ()), "came": came}

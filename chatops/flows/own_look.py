"""What `diagnose` itself saw of this database before, on this machine: a few looks, so that the next one says what is new."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
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
AGO = timedelta(minutes=10)
"""A look is compared with the newest one that is older than that: whoever looks again and again sees what is new for so long."""


def since_then(invocation: Invocation, survey: Survey) -> Changes | None:
    """What is new since an earlier look, and keeps this one; None for the first. What cannot be kept or read is left."""
    path = default_path(invocation, "diagnose")
    place = f"{invocation.target.shown()} {invocation.target.schema}"
    looks: list[dict[str, Any]] = []
    with contextlib.suppress(OSError, UsageError, ValueError, TypeError, KeyError):
        kept: Any = read_json(path, "looks of diagnose")
        looks = [one for one in kept["looks"] if one["place"] == place and datetime.fromisoformat(one["at"]) < survey.now]
    with contextlib.suppress(OSError, UsageError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps({"looks": [*looks, _kept(survey, place)][-KEPT:]}), private=True)
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        return _changes(survey, looks) if looks else None
    return None


def _changes(survey: Survey, looks: Sequence[Values]) -> Changes:
    """Against one earlier look; what came and went after it is gone, too, and what a later one found well began after that."""
    changes = compare_looks.compare(survey, _chosen(looks, survey.now))
    since = [one for one in looks if datetime.fromisoformat(one["at"]) > changes.earlier.at]
    passed = {one.check.code for one in survey.results if one.status == "passed"}
    went = {
        str(code): Was(str(word), count)
        for look in since for code, (word, count) in look["found"].items() if code in passed and word != "unknown"
    }  # fmt: skip
    well = {str(code): datetime.fromisoformat(look["at"]) for look in since for code in look["passed"]}
    return replace(changes, resolved={**went, **changes.resolved}, well=well)


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


def _kept(survey: Survey, place: str) -> dict[str, Any]:
    earlier = compare_looks.earlier_of(survey, "")
    found = {code: [was.word, was.count] for code, was in earlier.found.items()}
    return {"at": survey.now.isoformat(), "place": place, "found": found, "passed": sorted(earlier.passed or ())}


def _chosen(looks: Sequence[Values], now: datetime) -> Earlier:
    old = [one for one in looks if datetime.fromisoformat(one["at"]) <= now - AGO]
    one = old[-1] if old else looks[0]
    at = datetime.fromisoformat(one["at"])
    found = {str(code): Was(str(word), count, at) for code, (word, count) in one["found"].items()}
    return Earlier(at, "diagnose", found, frozenset(one["passed"]))

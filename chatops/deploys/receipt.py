"""What a deploy did, step by step, as one file that can be compared with the database later."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Literal

from chatops import formatting
from chatops.deploys.damaged import check_baseline, check_instants
from chatops.errors import UsageError
from chatops.files import read_json
from chatops.frozen import frozen
from chatops.model import Values
from chatops.shapes import built

FORMAT = 1
# The steps of a deploy in order, and what is true once each is done.
STEPS: Mapping[str, str] = {
    "preflight": "checked; nothing changed",
    "baseline": "figures from before the deploy saved in the receipt",
    "before": "the commands before the migration have run",
    "migrate": "the migration files are in and stay in",
    "code": "the commands of the code step have run",
    "verify": "the database was checked",
    "after": "the commands after the deploy have run",
    "monitor": "the watch is over",
}


@frozen
class Step:
    """How one step ended; `seconds` is its duration, `says` one line for people, `details` what explains a failure."""

    name: str
    result: Literal["done", "failed", "skipped"]
    says: str
    seconds: float = 0.0
    details: tuple[str, ...] = ()


@frozen
class File:
    """A file that the deploy applied; milliseconds, and `waited_ms` of them for locks."""

    name: str
    sha256: str
    duration_ms: float
    waited_ms: float
    rows: int


@frozen
class Command:
    """How one command of a step ended: shown without secrets, `mark` says whether a line is still the same; seconds."""

    step: str
    shown: str
    mark: str
    exit_code: int
    seconds: float


@frozen
class Receipt:
    """A deploy as far as it came. Instants are RFC 3339 texts by the database's clock.

    `before` and `after` are hashes of the catalog, `objects` the catalog after it by kind and name; `baseline` holds `figures`,
    the codes of the `findings` of before, and what is `known` of them: severity and title by code.
    """

    chatops: str
    environment: str
    database: str
    schema: str
    started: str
    revision: str | None = None
    steps: tuple[Step, ...] = ()
    files: tuple[File, ...] = ()
    baseline: Values = field(default_factory=dict)
    before: str | None = None
    after: str | None = None
    objects: Mapping[str, Values] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    signed: Mapping[str, str] = field(default_factory=dict)
    """Who deployed, and when the last step was over: `by` and `at`."""
    role: str = ""
    """The role of the database."""
    next_steps: tuple[tuple[str, str], ...] = ()
    """What to do now: labels with their commands."""

    def with_step(self, step: Step) -> Receipt:
        """The receipt with one step's result, in place of an earlier one of that step."""
        kept = tuple(one for one in self.steps if one.name != step.name)
        return replace(self, steps=(*kept, step))

    def with_command(self, command: Command) -> Receipt:
        """The receipt with how one command ended, in place of an earlier run of it."""
        kept = tuple(one for one in self.commands if (one.step, one.mark) != (command.step, command.mark))
        return replace(self, commands=(*kept, command))

    def ran(self, step: str, marks: Sequence[str]) -> int:
        """How many of these commands, from the first on, have run and succeeded."""
        good = {one.mark for one in self.commands if one.step == step and one.exit_code == 0}
        return next((number for number, mark in enumerate(marks) if mark not in good), len(marks))

    @property
    def signature(self) -> str:
        """The line at the end: who, when, and whether it is whole."""
        if not self.signed:
            return "not signed: the deploy did not come to its end"
        return f"deployed by {self.signed.get('by') or 'somebody'}, {self.signed.get('at')}"

    def result_of(self, name: str) -> str | None:
        """done, failed, skipped; None when the step was not reached."""
        return next((step.result for step in self.steps if step.name == name), None)

    @property
    def failed(self) -> Step | None:
        """The step that stopped the deploy."""
        return next((step for step in self.steps if step.result == "failed"), None)

    @property
    def text(self) -> str:
        """The receipt as JSON. It is written after every step: what is long in it, the catalog, is put into words once."""
        rest = _json({"format": FORMAT, "kind": "deploy", **asdict(replace(self, objects={}))})
        # No text holds a new line as it is, and only what is outermost stands one blank from the edge.
        return rest.replace('\n "objects": {}', f'\n "objects": {_objects(self.objects)}', 1) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


def _objects(objects: Mapping[str, Values]) -> str:
    if not _written or _written[0][0] is not objects:
        _written[:] = [(objects, _json(objects).replace("\n", "\n "))]
    return _written[0][1]


_written: list[tuple[Mapping[str, Values], str]] = []
"""The catalog that was put into words last, and these."""


def read(path: Path) -> Receipt:
    """The receipt in a file. Raises UsageError when there is none, or it is something else."""
    try:
        found = read_json(path, "receipt")
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    if not isinstance(found, dict) or found.get("kind") != "deploy" or found.get("format") != FORMAT:
        raise UsageError(f"{path} is no receipt of a deploy in format {FORMAT}")
    try:
        made = built(Receipt, {key: value for key, value in found.items() if key not in ("format", "kind")})
        check_instants(made.started, *filter(None, [made.signed.get("at")]))
        check_baseline(made.baseline)
    except ValueError as error:
        raise UsageError(f"{path} is a damaged receipt: {formatting.visible(str(error))}") from None
    return made


def remaining(start: str | None, *, monitored: bool, hooks: Collection[str] = ()) -> tuple[str, ...]:
    """The steps to take, from `start` on; `hooks` are those of `before` and `after` that there are. Raises UsageError for a step
    that does not exist.

    >>> remaining("code", monitored=False)
    ('code', 'verify')
    """
    left_out = {"before", "after"} - set(hooks) | (set() if monitored else {"monitor"})
    names = tuple(name for name in STEPS if name not in left_out)
    if start is None:
        return names
    if start == "monitor" and not monitored:
        raise UsageError("--from monitor needs to know for how long: add --monitor PLAN, such as --monitor '15m*4,1h*23'")
    if start not in names:
        raise UsageError(f"--from takes one of {', '.join(names)}, not {start!r}{formatting.did_you_mean(start, names)}")
    return names[names.index(start) :]


def standing(steps: Sequence[Step], failed: str, planned: Sequence[str]) -> list[str]:
    """What is in place when one of the planned steps failed, one line a step."""
    done = {step.name for step in steps if step.result == "done"}
    lines = [f"{name}: {meaning}" for name, meaning in STEPS.items() if name in done and name != failed]
    after = planned[planned.index(failed) + 1 :]
    return [*(lines or ["nothing is changed"]), f"not reached: {', '.join(after)}"] if after else lines

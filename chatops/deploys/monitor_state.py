"""What a watch remembers, and what a new look changes in it: pure, so that a day can be played in a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from chatops import formatting
from chatops.deploys.damaged import check_baseline, check_figures, check_instants
from chatops.deploys.schedule import Due, Schedule, due, parse
from chatops.errors import ExitCode, UsageError
from chatops.files import parse_json
from chatops.frozen import frozen
from chatops.model import Values
from chatops.shapes import built

FORMAT = 1
GOOD_TICKS_TO_CLEAR = 2
UNREACHABLE = "UNREACHABLE"
UNSEEN = "UNSEEN"


@frozen
class Seen:
    """A finding as a look saw it; severity is critical, warning or unknown."""

    severity: str
    title: str
    count: int = 0


@frozen
class Look:
    """The database at one moment: figures by name, findings by code; `reached` is false when it could not be asked."""

    figures: Values = field(default_factory=dict)
    findings: Mapping[str, Seen] = field(default_factory=dict)
    reached: bool = True
    beside: tuple[str, ...] = ()
    """What the commands that run beside it said, one line each."""
    unseen: str | None = None
    """Why the figures could not be measured; None when they were."""
    remedies: Mapping[str, str] = field(default_factory=dict)
    """The statement that lets a check run which could not, by its code."""


@frozen
class Tick:
    """One slot that was taken. Instants are RFC 3339 texts."""

    slot: int
    at: str
    reached: bool
    figures: Values
    findings: Mapping[str, str]
    unseen: str | None = None
    """Why it could not measure; None when it did."""


@frozen
class Open:
    """A finding that has not cleared; `good` is how many looks in a row did not see it."""

    severity: str
    title: str
    since: str
    good: int = 0
    before: bool = False
    """It was there before."""


@frozen
class Transition:
    """A finding appeared or went: told once."""

    at: str
    slot: int
    code: str
    kind: Literal["new", "resolved"]
    severity: str
    title: str
    before: bool = False


@frozen
class Counts:
    """How many looks there were; `reached` of them reached the database, and `blind` of those could not measure."""

    taken: int = 0
    reached: int = 0
    blind: int = 0

    def with_tick(self, tick: Tick) -> Counts:
        """One look more."""
        blind = tick.reached and tick.unseen is not None
        return Counts(self.taken + 1, self.reached + tick.reached, self.blind + blind)

    def before(self, ticks: tuple[Tick, ...]) -> Counts:
        """Without these looks, which are the last of them. Raises ValueError when they are more."""
        of = Counts()
        for tick in ticks:
            of = of.with_tick(tick)
        left = Counts(self.taken - of.taken, self.reached - of.reached, self.blind - of.blind)
        if not 0 <= left.blind <= left.reached <= left.taken:
            raise ValueError("the looks are other than were counted")
        return left


@frozen
class Watch:
    """Everything that a watch remembers between looks; it may hold the newest looks alone, and count those before them."""

    place: str
    plan: str
    started: str
    baseline: Values
    ticks: tuple[Tick, ...] = ()
    missed: tuple[int, ...] = ()
    open: Mapping[str, Open] = field(default_factory=dict)
    transitions: tuple[Transition, ...] = ()
    untold: tuple[Transition, ...] = ()
    """Those that --notify has still to tell: nobody has taken them yet."""
    end_told: bool = False
    """Whether --notify has told the verdict at the end."""
    environment: str = ""
    role: str = ""
    program: str = ""
    """The command line that means this database, such as chatops --env production."""
    earlier: Counts = Counts()
    """The looks before those that it holds; none where it is held whole."""
    after_deploy: bool = False
    """It is compared with how it was before a deploy, by a receipt; else with how it was when the watch began."""

    @property
    def since(self) -> str:
        """What the looks come after, in words."""
        return "after deploy" if self.after_deploy else "after the start"

    @property
    def schedule(self) -> Schedule:
        """The plan's slots."""
        return parse(self.plan)

    @property
    def counts(self) -> Counts:
        """How many looks there were."""
        found = self.earlier
        for tick in self.ticks:
            found = found.with_tick(tick)
        return found

    @property
    def taken(self) -> int:
        """How many looks were taken."""
        return self.earlier.taken + len(self.ticks)

    @property
    def settled(self) -> int:
        """How many slots were taken or missed: a look settles those before its own."""
        return max((*(tick.slot for tick in self.ticks), *self.missed), default=-1) + 1

    @property
    def finished(self) -> bool:
        """Whether the last slot is settled."""
        return self.settled >= len(self.schedule.slots)

    @property
    def worse(self) -> dict[str, Open]:
        """The open findings that were not there before."""
        return {code: one for code, one in self.open.items() if not one.before}

    @property
    def unknown(self) -> dict[str, Open]:
        """The checks that the newest look could not make, the one at the start where there was none since."""
        last = self.ticks[-1].findings if self.ticks else {code: one.severity for code, one in self.open.items()}
        return {code: one for code, one in self.open.items() if last.get(code) == "unknown"}

    @property
    def counting(self) -> dict[str, Open]:
        """What makes a look end in 1: open and not there before, or not known to be well."""
        return self.worse | self.unknown

    @property
    def next_steps(self) -> tuple[tuple[str, str], ...]:
        """What to do now: labels with their commands; none where the database is not known."""
        if not self.program:
            return ()
        codes = sorted(self.worse or self.unknown)
        if not codes:
            return (("look again", f"{self.program} diagnose"),)
        label = "what is new, and what mends it" if self.worse else "what could not be checked, and why"
        seen = [(label, f"{self.program} diagnose --only {','.join(codes)}")]
        return (*seen, ("what it means", f"{self.program} explain {codes[0]}"))

    def due(self, now: datetime) -> Due:
        """Which slot a look at this moment is."""
        return due(self.schedule, now - datetime.fromisoformat(self.started), self.settled)

    @property
    def unseen(self) -> str | None:
        """Why the newest look could not measure, the one at the start where there was none since; None when it did."""
        if not self.ticks:
            reason = self.baseline.get("unseen")
            return None if reason is None else str(reason)
        last = self.ticks[-1]
        return last.unseen if last.reached else "the database does not answer"

    @property
    def text(self) -> str:
        """The watch as one JSON document, as a database remembers it. It is held whole."""
        assert not self.earlier.taken
        return json.dumps(self.document, ensure_ascii=False)

    @property
    def document(self) -> dict[str, object]:
        """What `text` writes."""
        found = asdict(self)
        del found["earlier"]
        return {"format": FORMAT, "kind": "monitor", **found}


@frozen
class Verdict:
    """How a watch ended, in one sentence, and as an exit code."""

    sentence: str
    code: ExitCode


def baseline_of(look: Look) -> dict[str, Any]:
    """What a look before a deploy leaves for later: the figures, the codes of the findings, and their severity and title."""
    # What hides the figures hides rows from the checks too: it is told once, not for each check.
    found = {code: seen for code, seen in look.findings.items() if look.unseen is None or seen.severity != "unknown"}
    return {
        "figures": dict(look.figures),
        "findings": sorted(code for code, seen in found.items() if seen.severity != "unknown"),
        "unknown": sorted(code for code, seen in found.items() if seen.severity == "unknown"),
        "known": {code: {"severity": seen.severity, "title": seen.title} for code, seen in sorted(found.items())},
        "unseen": look.unseen,
    }


def begin(place: str, plan: str, now: datetime, baseline: Values, *, after_deploy: bool = False) -> Watch:
    """A watch that starts now; the baseline's findings are known and will not be told as new."""
    schedule = parse(plan)
    start = formatting.instant(now)
    known = baseline.get("findings", [])
    unknown = baseline.get("unknown", [])
    told = baseline.get("known", {})
    opened = {
        code: Open(told.get(code, {}).get("severity", "unknown"), told.get(code, {}).get("title", "was there before"),
                   start, before=True)
        for code in (*known, *unknown)
    }  # fmt: skip
    figures = dict(baseline.get("figures", {}))
    before = {"figures": figures, "findings": sorted(known), "unseen": baseline.get("unseen")}
    return Watch(place, schedule.text, start, before, open=opened, after_deploy=after_deploy)


def advance(watch: Watch, slot: int, missed: tuple[int, ...], now: datetime, look: Look) -> tuple[Watch, tuple[Transition, ...]]:
    """The watch after a look, and the transitions to tell. A database that does not answer says nothing of what is open."""
    at = formatting.instant(now)
    found = dict(look.findings)
    if not look.reached:
        found = {UNREACHABLE: Seen("critical", "the database does not answer")}
    elif look.unseen is not None:
        # What hides the figures hides rows from the checks too: it is reported once, not for each check.
        found = {code: seen for code, seen in found.items() if seen.severity != "unknown"}
        found[UNSEEN] = Seen("unknown", f"the figures cannot be seen: {look.unseen}")
    unknown = {code for code, seen in look.findings.items() if seen.severity == "unknown"}
    standing = dict(watch.open)
    told: list[Transition] = []
    for code, seen in found.items():
        known = standing.get(code)
        # What could not be checked at the start is not known to have been there.
        if known is not None and known.before and seen.severity != "unknown" and code not in watch.baseline.get("findings", ()):
            known = None
        if known is None:
            told.append(Transition(at, slot, code, "new", seen.severity, seen.title))
        standing[code] = Open(seen.severity, seen.title, known.since if known else at, before=bool(known and known.before))
    if look.reached:
        for code in [code for code in standing if code not in found]:
            known = standing[code]
            # A check that could not look has not seen it go.
            good = known.good + (code not in unknown)
            if good >= GOOD_TICKS_TO_CLEAR:
                del standing[code]
                told.append(Transition(at, slot, code, "resolved", known.severity, known.title, known.before))
            else:
                standing[code] = replace(known, good=good)
    tick = Tick(slot, at, look.reached, dict(look.figures), {code: seen.severity for code, seen in found.items()}, look.unseen)
    after = replace(
        watch, ticks=(*watch.ticks, tick), missed=(*watch.missed, *missed), open=standing,
        transitions=(*watch.transitions, *told),
    )  # fmt: skip
    return after, tuple(told)


def verdict(watch: Watch) -> Verdict:
    """One sentence about the watch so far. What was never seen is not taken for health."""
    last = watch.ticks[-1].slot if watch.ticks else None
    when = f"{span(watch.schedule.slots[last])} {watch.since}" if last is not None else watch.since
    parts: list[str] = []
    counts = watch.counts
    worse = watch.worse
    unknown = {code: one for code, one in watch.unknown.items() if code not in worse}
    if not watch.settled:
        return Verdict("no look was due yet", ExitCode.FOUND)
    if not counts.reached:
        return Verdict(f"{when}: unknown; no look reached the database", ExitCode.FOUND)
    if counts.blind == counts.reached:
        why = next(tick.unseen for tick in reversed(watch.ticks) if tick.reached)
        return Verdict(f"{when}: unknown; no look could measure: {why}", ExitCode.FOUND)
    if worse:
        parts.append(f"worse than before, {_list(worse)} {'is' if len(worse) == 1 else 'are'} new")
    elif not unknown:
        parts.append("no worse")
    if unknown:
        parts.append(f"unknown, {_list(unknown)} could not be checked")
    closed = [one for one in watch.transitions if one.kind == "resolved" and not one.before]
    for severity in ("critical", "warning", "unknown"):
        if number := sum(one.severity == severity for one in closed):
            noun = severity if severity == "unknown" else formatting.plural(number, severity).split(" ", 1)[1]
            parts.append(f"{number} {'critical' if severity == 'critical' else noun} opened and closed")
    old = [code for code, one in watch.open.items() if one.before and code not in unknown]
    if old:
        parts.append(f"{formatting.plural(len(old), 'older finding')} {'remains' if len(old) == 1 else 'remain'}")
    if counts.blind:
        parts.append(f"{counts.blind} of {formatting.plural(len(watch.schedule.slots), 'look')} could not measure")
    if watch.missed:
        parts.append(f"{len(watch.missed)} of {formatting.plural(len(watch.schedule.slots), 'look')} missed")
    return Verdict(f"{when}: {'; '.join(parts)}", ExitCode.FOUND if watch.counting else ExitCode.OK)


def increase(now: int | None, before: int | None) -> int:
    """How much a counter went up; one that was set back (a server that crashed) counts from zero again.

    >>> increase(7, 5), increase(2, 5), increase(3, None), increase(None, 5)
    (2, 2, 0, 0)
    """
    if now is None or before is None:
        return 0
    return now - before if now >= before else now


def span(distance: timedelta) -> str:
    """A distance in hours up to two days, as the guide counts.

    >>> span(timedelta(hours=24)), span(timedelta(minutes=45))
    ('24 h', '45 m')
    """
    hours = distance.total_seconds() / 3600
    return f"{hours:.0f} h" if 1 <= hours <= 48 and hours == int(hours) else formatting.duration(distance)


def parse_state(text: str, where: str) -> Watch:
    """The watch that a text holds, as `Watch.text` wrote it. Raises UsageError when it is something else."""
    return parse_found(parse_json(text, where, "state of a monitor"), where)


def parse_found(found: object, where: str) -> Watch:
    """The watch that a JSON document holds. Raises UsageError when it is something else."""
    if not isinstance(found, dict) or found.get("kind") != "monitor" or found.get("format") != FORMAT:
        raise UsageError(f"{where} is no state of a monitor in format {FORMAT}")
    try:
        if "earlier" in found:
            raise ValueError("earlier is unknown")
        watch = built(Watch, {key: value for key, value in found.items() if key not in ("format", "kind")})
        checked(watch)
    except ValueError as error:
        raise UsageError(f"{where} is a damaged state: {formatting.visible(str(error))}") from None
    except UsageError as error:
        raise UsageError(f"{where} is a damaged state: {error.message}") from None
    return watch


def checked(watch: Watch) -> None:
    """Raises ValueError or UsageError when it is none that chatops has written."""
    told = (*watch.transitions, *watch.untold)
    instants = [*(one.at for one in told), *(tick.at for tick in watch.ticks), *(one.since for one in watch.open.values())]
    check_instants(watch.started, *instants)
    slots = len(watch.schedule.slots)
    if not all(0 <= slot < slots for slot in (*(tick.slot for tick in watch.ticks), *watch.missed, *(one.slot for one in told))):
        raise ValueError("a slot is none of the plan")
    check_baseline(watch.baseline)
    check_figures(*(tick.figures for tick in watch.ticks))


def _list(standing: Mapping[str, Open]) -> str:
    return formatting.listed(sorted(standing), 5)

"""The live desk's first three lines: where and how fresh, how bad, who works and how the wait went in the last hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta

from chatops import formatting
from chatops.chats.desk import Look, TenantsLook
from chatops.checks.findings import tally
from chatops.formatting import plural
from chatops.frozen import frozen
from chatops.model import Line, Span, Style
from chatops.screens import console_tenants, waits_beside
from chatops.screens.console import Findings, age
from chatops.screens.console_why import clock
from chatops.screens.lines import locked_in_words
from chatops.widths import cells, cut

BLOCKS = "▁▂▃▄▅▆▇█"
NOT_SEEN = "·"
HOUR = 3600.0
BETWEEN = 300.0
"""Between two moments of the hour before the first look: so much older ones still tell of its beginning."""
FEWEST, MOST = 6, 12
"""Blocks of the sparkline."""
SLA = "queue_sla_minutes"


@frozen
class Head:
    """What the first lines tell beside the look: which database, whether it may be written, how old the figures are."""

    name: str
    where: str
    production: bool
    armed_for: timedelta | None = None
    age: float | None = None
    """Seconds since the look; None while there is none."""
    every: float = 5.0
    frozen: bool = False
    trouble: str | None = None
    waits: Sequence[tuple[float, float]] = ()
    """The longest wait, in seconds, so many seconds ago."""
    clock_back: timedelta = timedelta(0)


def stale(head: Head) -> bool:
    """Whether the figures are older than they should be."""
    return head.age is None or head.trouble is not None or head.age > 3 * head.every + 1


def head_lines(head: Head, look: Look | TenantsLook | None, found: Findings | None, width: int) -> list[Line]:
    """Three lines: where and how fresh; how bad; who works."""
    name = f"PRODUCTION {head.name}" if head.production and head.name.casefold() != "production" else head.name
    name = name.upper() if head.production else name
    may = ""
    if head.production:
        may = "READ ONLY (W: arm 10 m)" if head.armed_for is None else f"ARMED {formatting.duration(head.armed_for)}"
    time = f"{look.now.astimezone(UTC):%H:%M:%S}Z" if look else "no look yet"
    age = f", {formatting.duration(round(head.age))} ago" if head.age is not None else ""
    age += "  STALE" if stale(head) and look else ""
    age += "  FROZEN" if head.frozen else ""
    age += f"  CLOCK {formatting.duration(head.clock_back)} BACK" if head.clock_back else ""
    right = f"{may}   {time}{age}" if may else time + age
    left = width - cells(right) - 2
    where = cut(f"  {formatting.visible(head.where)}", max(0, left - cells(name) - 3))
    fill = " " * max(1, width - cells(name) - 2 - cells(where) - cells(right) - 1)
    first: Line = [
        Span(f" {name} ", "critical" if head.production else "strong"), Span(where + fill),
        Span(right, "warning" if stale(head) or head.clock_back or head.armed_for is not None else "plain"),
    ]  # fmt: skip
    if isinstance(look, TenantsLook):
        return [first, console_tenants.verdict(look, width), console_tenants.people(look, width)]
    return [first, _verdict(head, look, found, width), _people(head, look, width)]


def _verdict(head: Head, look: Look | None, found: Findings | None, width: int) -> Line:
    if look is None:
        return [Span(" " + cut(head.trouble or "looking …", width - 2), "warning" if head.trouble else "plain")]
    word, style = _word(found)
    paused = f"PAUSED until {clock(look.paused)}" if look.paused else "pause not seen" if "pause" in look.unseen else ""
    parts = {"counts": _counts(found), "paused": [paused], **_queue(look, found), "lag": _lag(look)}
    room = width - cells(word) - 2
    told = _in_one(parts, "    ")
    for name in GIVES_WAY:  # what is left out is left out whole: a figure that is cut is another figure
        if cells(told) < room:
            break
        parts[name] = parts[name][1:] or parts[name]
        told = _in_one(parts, "  ")
    return [Span(f" {word} ", style), Span(cut(f" {told}", room))]


GIVES_WAY = ("gap", "limit", "lag", "counts", "counts", "locked", "aside", "counts", "locked")
"""What becomes shorter or is left out, one after the other, until the line fits: who waits, for how long and a pause stay."""


def _in_one(parts: Mapping[str, Sequence[str]], gap: str) -> str:
    """The parts as they are now, which is the first of what each may be."""
    now = {name: may_be[0] if may_be else "" for name, may_be in parts.items()}
    queue = "".join(now[name] for name in QUEUE)
    return gap.join(part for part in (now["counts"], now["paused"], queue, now["lag"]) if part)


QUEUE = ("wait", "locked", "aside", "oldest", "limit")


def _counts(found: Findings | None) -> list[str]:
    if found is None:
        return []
    number = tally(found.survey)
    counted = {"critical": "critical", "warning": "warnings", "unknown": "unknown"}
    told = [plural(number[one], one, many) for one, many in counted.items() if number[one]]
    return [*(", ".join(told[:most]) for most in (3, 2, 1)), ""]


def _queue(look: Look, found: Findings | None) -> dict[str, list[str]]:
    """Who waits, part by part: each as long as it may be, then shorter."""
    parts: dict[str, list[str]] = {"gap": [], "wait": [], "locked": [], "aside": [], "oldest": [], "limit": []}
    if look.queue is None:
        return parts | {"wait": ["queue not seen"]}
    waiting = look.queue.waiting
    aside, their = waits_beside.of_survey(found.survey) if found is not None else ("", [])
    parts |= {"wait": [f"{formatting.count(waiting)} wait"], "aside": [aside, ""]}
    if not waiting:
        return parts
    if look.locked:
        locked = min(len(look.locked), waiting)
        parts["locked"] = [f", {locked_in_words(locked, waiting)}", f", {formatting.count(locked)} locked", ""]
    oldest = min((at for at in (look.queue.oldest, *their) if at is not None), default=None)
    parts["oldest"] = [f", oldest {age(oldest, look.now)}"]
    limit = found.survey.thresholds.get(SLA) if found is not None else None
    parts["limit"] = [f" (limit {formatting.duration(limit.value * 60)})", ""] if limit is not None else []
    return parts


def _lag(look: Look) -> list[str]:
    """How far the figures are behind on a standby, the standbys behind a primary, which may be left out; nothing where there is
    none."""
    lag = look.lag
    if lag is None:
        return ["STANDBY"] if look.facts.standby else ["lag not seen", ""]
    if lag.standby:
        return [f"STANDBY, {formatting.duration(lag.behind)} behind"]
    if not lag.standbys:
        return []
    return [f"lag {formatting.duration(lag.standby_behind)}" if lag.standby_behind is not None else "lag hidden", ""]


def _word(found: Findings | None) -> tuple[str, Style]:
    if found is None:
        return "FINDINGS NOT SEEN", "warning"
    number = tally(found.survey)
    if number["critical"]:
        return "BAD", "critical"
    if number["warning"]:
        return "WARN", "warning"
    return ("UNKNOWN", "warning") if number["unknown"] else ("OK", "ok")


def _people(head: Head, look: Look | None, width: int) -> Line:
    if look is None:
        return ""
    if look.operators is None:
        return [Span(cut(f" OPERATORS not seen: {look.unseen.get('operators', '')}", width), "warning")]
    kinds = [one.load for one in look.operators]
    silent = [one.load for one in look.operators if look.silent(one)]
    told = f" {len(kinds)} OPERATORS:"
    for load, word, odd in (("free", "free", "silent"), ("busy", "busy", "gone"), ("away", "away", ""), ("inactive", "off", "")):
        # As the other commands count; how many of them are not there is said behind.
        of_them = f" ({silent.count(load)} {odd})" if load in silent else ""
        told += f" {kinds.count(load)} {word}{of_them} "
    told = told.rstrip()
    return told + _last_hour(head, width - cells(told) - 1)


# ---- the wait of the last hour -----------------------------------------------------------------------------------------


def _last_hour(head: Head, room: int) -> str:
    """The wait of the last hour and where it goes, as far as there is room; "" while fewer than two moments are known."""
    if len(head.waits) < 2:
        return ""
    trend = trend_of(head.waits)
    for title, ending in (("   wait, 1 h ", f" {trend}" if trend else ""), ("   wait, 1 h ", ""), ("  1 h ", "")):
        blocks = min(MOST, room - len(title) - len(ending))
        if blocks >= FEWEST:
            return title + sparkline(in_steps(head.waits, blocks)) + ending
    return ""


def in_steps(waits: Sequence[tuple[float, float]], steps: int) -> list[float | None]:
    """The longest wait in each of so many parts of the last hour, the newest last; None where nothing was seen.

    >>> in_steps([(3500, 9), (1700, 60), (10, 30), (5, 20)], 4), in_steps([(3601, 7), (4000, 8)], 2)
    ([9, None, 60, 30], [7, None])
    """
    found: list[float | None] = [None] * steps
    for ago, seconds in waits:
        place = steps - 1 - int(min(ago, HOUR - 1) / HOUR * steps)
        if ago < HOUR + BETWEEN and place < steps:
            found[place] = max(found[place] or 0, seconds)
    return found


def sparkline(values: Sequence[float | None]) -> str:
    """Values as blocks; what was not seen is a dot, never a low block.

    >>> sparkline([1, 2, None, 4]), sparkline([0, 0])
    ('▂▄·█', '▁▁')
    """
    most = max((value for value in values if value is not None), default=0)
    return "".join(NOT_SEEN if value is None else BLOCKS[min(7, int(value / most * 7.999)) if most else 0] for value in values)


def trend_of(waits: Sequence[tuple[float, float]]) -> str:
    """Where the wait goes: the last ten minutes against the ten before; "" while that is not known.

    >>> trend_of([(900, 60), (60, 600)]), trend_of([(900, 60), (60, 61)]), trend_of([(900, 300), (60, 20)]), trend_of([(2, 1)])
    ('rising', 'steady', 'falling', '')
    """
    now = [seconds for ago, seconds in waits if ago < 600]
    before = [seconds for ago, seconds in waits if 600 <= ago < 1500]
    if not now or not before:
        return "steady" if len(waits) > 1 and max(s for _, s in waits) == min(s for _, s in waits) else ""
    change = max(now) - max(before)
    if abs(change) <= max(15.0, 0.2 * max(before)):
        return "steady"
    return "rising" if change > 0 else "falling"

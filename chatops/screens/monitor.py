"""A watch on the screen: the lines of a look, the page on a terminal, the answer for machines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from chatops import formatting
from chatops.deploys.monitor_state import UNREACHABLE, UNSEEN, Transition, Watch, increase, span, verdict
from chatops.model import Answer, Column, Figure, Line, Outcome, Span, Style, Table, Text, named

COUNTERS = ("deadlocks", "rollbacks", "refusals")
STATES = {"waiting": "wait for an operator", "assigned": "with an operator",
          "waiting_real_user_reply": "wait for the user", "completed": "completed"}  # fmt: skip
PAGE_TICKS = 40
SPARKS = "▁▂▃▄▅▆▇█"
REMINDER_SECONDS = 3600


def tick_lines(watch: Watch, before: Watch, told: tuple[Transition, ...], beside: Sequence[str] = ()) -> list[str]:
    """The line of a look, then a line for each finding that appeared, goes on, or went."""
    tick = watch.ticks[-1]
    slot = f"{tick.slot + 1}/{len(watch.schedule.slots)}"
    if not tick.reached:
        text = f"{tick.at[11:16]}  {slot}  the database does not answer"
    elif tick.unseen is not None:
        text = f"{tick.at[11:16]}  {slot}  cannot be seen: {formatting.visible(tick.unseen)}"
    else:
        text = f"{tick.at[11:16]}  {slot}  {_figures_line(watch, before)}"
    lines = [text, *(f"       beside   {line}" for line in beside)]
    fresh = {one.code for one in told}
    lines += [f"       {one.kind:<8} {one.severity:<8} {one.code}  {formatting.visible(one.title)}" for one in told]
    lines += [f"       ongoing  {one.severity:<8} {code}  since {one.since[11:16]}"
              for code, one in sorted(watch.worse.items()) if code not in fresh]  # fmt: skip
    lines += [f"       unknown  {code}  could not be checked, as at the start"
              for code, one in sorted(watch.unknown.items()) if one.before]  # fmt: skip
    offset = watch.schedule.slots[tick.slot].total_seconds()
    if offset % REMINDER_SECONDS == 0:
        lines.append(f"       {span(watch.schedule.slots[tick.slot])} {watch.since}: ask the operators how it goes")
    return lines


def _figures_line(watch: Watch, before: Watch) -> str:
    """The figures of the newest look, and what changed since the one before that measured."""
    tick = watch.ticks[-1]
    figures, base = tick.figures, watch.baseline["figures"]
    change = f" ({figures['waiting'] - base['waiting']:+d})" if "waiting" in base else ""
    waits = [one.figures["waiting"] for one in watch.ticks[-8:] if "waiting" in one.figures]
    text = (f"{figures['waiting']} wait{change} {sparkline(waits)}, oldest {formatting.duration(figures.get('oldest_seconds'))}"
            f" · {figures.get('assigned', 0)} held · {formatting.plural(len(tick.findings), 'finding')}")  # fmt: skip
    last = next((one.figures for one in reversed(before.ticks) if one.reached and one.unseen is None), base)
    for name in COUNTERS:
        if more := increase(figures.get(name), last.get(name)):
            text += f" · {formatting.plural(more, name.removesuffix('s'))}"
    return text


def page(watch: Watch, lines: Sequence[str], columns: int) -> list[Line]:
    """A page so many columns wide: states and waits over the last looks, findings open and gone, what the look told."""
    tick = watch.ticks[-1]
    seen = [one for one in watch.ticks if one.reached][-min(PAGE_TICKS, max(4, columns - 36)) :]
    after = span(watch.schedule.slots[tick.slot])
    head = f"look {tick.slot + 1} of {len(watch.schedule.slots)} · {after} {watch.since} · {tick.at[11:16]} UTC"
    drawn: list[Line] = [[Span(head, "strong")], [Span(verdict(watch).sentence, "critical" if watch.counting else "ok")], ""]

    def row(label: str, name: str, text: Callable[[float], str]) -> None:
        values = [one.figures.get(name) or 0 for one in seen if one.unseen is None]
        if tick.unseen is not None:
            drawn.append(f"{label:<22} {'not seen':>10}  {sparkline(values)}")
        elif values:
            drawn.append(f"{label:<22} {text(values[-1]):>10}  {sparkline(values)}")

    if tick.unseen is not None:
        drawn += [[Span(f"cannot be seen: {formatting.visible(tick.unseen)}", "warning")], ""]
    for state, label in STATES.items():
        row(label, state, lambda value: formatting.count(int(value)))
    row("longest wait", "oldest_seconds", formatting.duration)
    drawn.append("")
    for code, one in sorted(watch.worse.items()):
        kind = "new" if one.since == tick.at else "ongoing"
        style: Style = "critical" if one.severity == "critical" else "warning"
        drawn.append([Span(f"{kind:<8} "), Span(f"{one.severity:<8} ", style),
                     Span(f"{code}  {formatting.visible(one.title)}")])  # fmt: skip
    drawn += [[Span("resolved ", "ok"), Span(f"{one.severity:<8} {one.code}  at {one.at[11:16]}")]
             for one in watch.transitions if one.kind == "resolved"][-5:]  # fmt: skip
    drawn += [[Span("unknown  ", "warning"), Span(f"{code}  could not be checked, as at the start")]
              for code, one in sorted(watch.unknown.items()) if one.before]  # fmt: skip
    if not watch.counting:
        drawn.append([Span("nothing new is open", "ok")])
    if known := sorted(code for code, one in watch.open.items() if one.before and code not in watch.unknown):
        width = max(20, columns or 80)
        folded = textwrap.wrap(f"before   {', '.join(known)}", width, subsequent_indent=" " * 9)
        drawn += [[Span(line, "dim")] for line in folded]
    shown = ("new ", "resolved", "ongoing", "unknown")
    rest = [line for line in lines[1:] if not line.strip().startswith(shown)]
    return [*drawn, *([""] if rest else []), *(line.strip() for line in rest)]


def answer(watch: Watch, lines: Sequence[Line]) -> Answer:
    """The last look as tables and numbers; what was there before is shown, and counts only while it is unknown."""
    figures: list[Figure] = []
    outcomes = [Outcome(code, "unknown" if one.severity == "unknown" else "failed",
                        "critical" if one.severity == "critical" else "warning", one.title, counts=code in watch.counting)
                for code, one in watch.open.items()]  # fmt: skip
    if watch.unseen is not None and not set(watch.open) & {UNSEEN, UNREACHABLE}:
        outcomes.append(Outcome("figures", "unknown", "warning", f"cannot be seen: {watch.unseen}", counts=True))
    tick = watch.ticks[-1] if watch.ticks else None
    rows: list[dict[str, object]] = []
    if tick is not None:
        rows = [{"slot": tick.slot, "at": tick.at, "reached": tick.reached, "figures": dict(tick.figures),
                 "findings": dict(tick.findings), "unseen": tick.unseen}]  # fmt: skip
        figures = [Figure(f"monitor_{name}", float(value), f"{name.replace('_', ' ').capitalize()} at the last look.")
                   for name, value in tick.figures.items() if isinstance(value, int | float)]  # fmt: skip
    counts = watch.counts
    unseen = counts.taken - counts.reached + counts.blind
    figures += [Figure("monitor_ticks", counts.taken, "Looks that were taken."),
                Figure("monitor_unmeasured", unseen, "Looks that were taken and could not measure."),
                Figure("monitor_missed", len(watch.missed), "Looks that were missed."),
                Figure("monitor_worse", len(watch.worse), "Findings that were not there before."),
                Figure("monitor_unknown", len(watch.unknown), "Checks that the last look could not make.")]  # fmt: skip
    columns = [Column("slot", "slot", "number"), Column("at", "at"), Column("reached", "reached", "flag"),
               Column("figures", "figures", "data"), Column("findings", "findings", "data"),
               Column("unseen", "unseen")]  # fmt: skip
    standing = [{"code": code, "severity": one.severity, "title": one.title, "since": one.since, "before": one.before}
                for code, one in sorted(watch.open.items())]  # fmt: skip
    open_columns = named("code", "severity", "title", "since", "before")
    now = datetime.fromisoformat(tick.at) if tick is not None else None
    return Answer("monitor", [Text(lines), Table("ticks", columns, rows, audience="machines"),
                              Table("open", open_columns, standing, audience="machines")],
                  {"verdict": verdict(watch).sentence, "missed": list(watch.missed)}, now, figures, outcomes)  # fmt: skip


def at(watch: Watch, slot: int) -> str:
    """When a slot is due, to the minute."""
    moment = datetime.fromisoformat(watch.started) + watch.schedule.slots[slot]
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def sparkline(values: Sequence[float]) -> str:
    """Numbers as a row of bars.

    >>> sparkline([0, 4, 8])
    '▁▅█'
    """
    top = max(values, default=0)
    return "".join(SPARKS[round(value / top * 7) if top else 0] for value in values)

"""The guide's tests on the screen: the verdict, each step with what was expected and seen, and what remains."""

from __future__ import annotations

from collections.abc import Mapping

from chatops import formatting
from chatops.chats.scenario_stage import Played, Verdict
from chatops.chats.scenarios import Performance
from chatops.model import Answer, Line, Outcome, Span, Style, Table, Text, named

SIGNS: dict[Verdict, tuple[str, Style]] = {
    "passed": ("✓", "ok"), "failed": ("✗", "critical"), "unknown": ("?", "warning"), "not promised": ("–", "dim"),
}  # fmt: skip


def answer(played: Performance, where: str = "rolled back, no row remains") -> Answer:
    """`chatops verify --scenarios`: the verdict, then each step with what was expected and seen."""
    left = f"{played.remaining} made-up rows REMAIN" if played.remaining else where
    moved = ", ".join(f"{name} by {steps}" for name, steps in (played.moved or {}).items())
    sequences = f"numbers skipped, here or by others, which harms nothing: {moved}" if moved else "no sequence moved"
    lines: list[Line] = [[Span(f"{summary(played)}; {left}", "ok" if played.passed else "critical")], ""]
    for step in played.steps:
        sign, style = SIGNS[step.result]
        lines.append([Span(sign, style), Span(f" {step.name}"), Span(f"  {promised(step)}".rstrip(), "dim")])
        if step.result != "passed":
            seen = "seen" if step.result == "not promised" else step.result
            lines += [[Span(f"    expected  {step.expected}")], [Span(f"    {seen:<8}  {formatting.visible(step.seen)}")]]
    if played.role:
        others = ", ".join(played.application_roles)
        told = (
            f"steps that name no role: as {played.role}"
            if others
            else f"as {played.role}; no role of the application is granted anything here"
        )
        lines += ["", [Span(told, "dim")]]
    if played.moved is not None:
        lines += ["", [Span(f"made-up rows left: {played.remaining}; {sequences}", "dim")]]
    if played.counted:
        refusals = formatting.plural(played.counted, "refusal")
        told = (
            f"{refusals} of this test stay{'s' if played.counted == 1 else ''} counted by guard: this role may not take that back"
        )
        lines += [[Span(told, "warning")]]
    if played.rows:
        lines += [[Span(_rows_told(played.rows), "dim")]]
    columns = named("name", "result", "expected", "seen", "since")
    counts = {str(verdict): sum(step.result == verdict for step in played.steps) for verdict in SIGNS}
    return Answer("verify", [Text(lines), Table("scenarios", columns, played.steps, audience="machines")],
                  {**counts, "remaining": played.remaining, "sequences_moved": played.moved, "refusals_counted": played.counted,
                   "rows": _rows_data(played.rows), "role": played.role, "application_roles": list(played.application_roles)},
                  outcomes=[_outcome(step) for step in played.steps])  # fmt: skip


def summary(played: Performance) -> str:
    """How many steps passed, and which are not promised here yet.

    >>> summary(Performance((Played("a", "passed", "", ""), Played("b", "not promised", "", "", "022")), 0))
    '1 of 2 scenario steps passed, 1 is not promised before 022'
    """
    passed = sum(step.result == "passed" for step in played.steps)
    text = f"{passed} of {len(played.steps)} scenario steps passed"
    later = [step for step in played.steps if step.result == "not promised"]
    if later:
        numbers = sorted({step.since or "" for step in later})
        text += f", {len(later)} {'is' if len(later) == 1 else 'are'} not promised before {' or '.join(numbers)}"
    return text


def promised(step: Played) -> str:
    """Which file promises a step, for one that did not pass."""
    if step.result == "passed" or step.since is None:
        return ""
    return f"not promised before {step.since}" if step.result == "not promised" else f"promised by {step.since}"


def _rows_told(rows: Mapping[str, tuple[int | None, int | None]]) -> str:
    counted = {name: pair for name, pair in rows.items() if None not in pair}
    changed = ", ".join(f"{name} {before:,} → {after:,}" for name, (before, after) in counted.items() if before != after)
    others = [name for name in rows if name not in counted]
    told = f"rows of {formatting.plural(len(counted), 'table')} counted before and after: "
    told += f"{changed} (others wrote meanwhile)" if changed else "all as before"
    return told + (f"; not counted: {', '.join(others)}" if others else "")


def _rows_data(rows: Mapping[str, tuple[int | None, int | None]] | None) -> dict[str, dict[str, int | None]] | None:
    return None if rows is None else {name: {"before": before, "after": after} for name, (before, after) in rows.items()}


def _outcome(step: Played) -> Outcome:
    if step.result == "not promised":
        return Outcome(step.name, "passed", "critical", f"not promised before {step.since}; seen {step.seen}")
    message = step.expected if step.result == "passed" else f"expected {step.expected}; seen {step.seen}"
    return Outcome(step.name, step.result, "critical", message, counts=step.result != "passed")

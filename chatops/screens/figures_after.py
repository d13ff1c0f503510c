"""Which figures are others once our reading functions are in, though nothing is wrong: before, after and why."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.migrations.figures_after import Figure, Figures
from chatops.model import Line, Span
from chatops.screens.lines import described

HEADING = "Figures that change then, with nothing wrong (the chats as they are now{}):"


def lines(figures: Figures, now: datetime, width: int) -> list[Line]:
    """Each reader with its figures; `width` in columns, 0 for endless."""
    told = [*changed(figures, now), *((f"{name}()", "not counted") for name in figures.uncounted)]
    if not told:
        return []
    if figures.in_state is not None and any(one.name == "total_waiting" for one in figures.changed):
        now_, then = map(formatting.count, figures.in_state)
        counts = f"still counts {now_}" if now_ == then else f"counts {now_} → {then}"
        told.append(("chat_state_summary", f"{counts} in waiting_assignment: the state alone"))
    return ["", [Span(HEADING.format(_mending(figures)), "strong")], *described(told, width)]


def changed(figures: Figures, now: datetime) -> list[tuple[str, str]]:
    """Each reader whose figures change, with these: before, after and why."""
    return [(f"{name}()", _of(name, figures, now)) for name in dict.fromkeys(one.reader for one in figures.changed)]


def _mending(figures: Figures) -> str:
    """Whether what repairs will change is counted in.

    >>> _mending(Figures()), _mending(Figures(mending=("023",))), _mending(Figures(mending=("020", "023"), counted_in=False))
    ('', ', with what 023 mends', ', without what 020 and 023 mend')
    """
    files = " and ".join(figures.mending)
    verb = "mend" if len(figures.mending) > 1 else "mends"
    return f", {'with' if figures.counted_in else 'without'} what {files} {verb}" if files else ""


def in_short(figures: Figures) -> str:
    """Those that people watch, in one phrase; "" where none changes.

    >>> in_short(Figures((Figure("detect_stuck_chats", "rows", 338, 0), Figure("status", "total_waiting", 44, 36))))
    'detect_stuck_chats() 338 → 0, total_waiting 44 → 36'
    >>> in_short(Figures())
    ''
    """
    watched = [one for one in figures.changed if one.name in ("rows", "total_waiting")]
    named = [(f"{one.reader}()" if one.name == "rows" else one.name, one) for one in watched]
    told = ", ".join(f"{name} {_shown(one.before)} → {_shown(one.after)}" for name, one in named)
    return f"{told}{_mending(figures)}" if told else ""


def _of(name: str, figures: Figures, now: datetime) -> str:
    return "; ".join(_told(one, now) for one in figures.changed if one.reader == name)


def _told(one: Figure, now: datetime) -> str:
    """One figure.

    >>> now = datetime(2026, 11, 27)
    >>> _told(Figure("status", "total_waiting", 44, 36, "those whose user waits"), now)
    'total_waiting 44 → 36, those whose user waits'
    >>> _told(Figure("detect_stuck_chats", "rows", 338, 0), now)
    '338 rows → 0'
    """
    if one.name == "rows" and isinstance(one.before, int):
        told = f"{formatting.plural(one.before, 'row')} → {_shown(one.after)}"
    else:
        sides = [formatting.age(one_, now) if isinstance(one_, datetime) else _shown(one_) for one_ in (one.before, one.after)]
        told = f"{one.name} {' → '.join(sides)}"
    return f"{told}, {one.why}" if one.why else told


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return formatting.count(value) if isinstance(value, int) else "none"

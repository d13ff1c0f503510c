"""Which figures are others once our reading functions are in, though nothing is wrong: before, after and why."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.migrations.figures_after import Figure, Figures
from chatops.model import Line, Span
from chatops.screens.lines import described

HEADING = "Figures that change then, with nothing wrong (the chats as they are now):"


def lines(figures: Figures, now: datetime, width: int) -> list[Line]:
    """Each reader with its figures; `width` in columns, 0 for endless."""
    told = [(f"{name}()", _of(name, figures, now)) for name in dict.fromkeys(one.reader for one in figures.changed)]
    told += [(f"{name}()", "not counted") for name in figures.uncounted]
    if not told:
        return []
    if figures.in_state is not None and any(one.name == "total_waiting" for one in figures.changed):
        told.append(
            ("chat_state_summary", f"still counts {formatting.count(figures.in_state)} in waiting_assignment: the state alone")
        )
    return ["", [Span(HEADING, "strong")], *described(told, width)]


def in_short(figures: Figures) -> str:
    """Those that people watch, in one phrase; "" where none changes.

    >>> in_short(Figures((Figure("detect_stuck_chats", "rows", 338, 0), Figure("status", "total_waiting", 44, 36))))
    'detect_stuck_chats() 338 → 0, total_waiting 44 → 36'
    >>> in_short(Figures())
    ''
    """
    watched = [one for one in figures.changed if one.name in ("rows", "total_waiting")]
    named = [(f"{one.reader}()" if one.name == "rows" else one.name, one) for one in watched]
    return ", ".join(f"{name} {_shown(one.before)} → {_shown(one.after)}" for name, one in named)


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

"""What a receipt and a state hold beside their fields' kinds: figures that are numbers, instants that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from chatops.frozen import frozen
from chatops.model import Values
from chatops.shapes import built


@frozen
class _Known:
    severity: str
    title: str


@frozen
class _Baseline:
    figures: Mapping[str, float | None] = field(default_factory=dict)
    findings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    known: Mapping[str, _Known] = field(default_factory=dict)
    unseen: str | None = None


def check_baseline(baseline: Values) -> None:
    """Raises ValueError when it is none that chatops has written."""
    built(_Baseline, dict(baseline))


def check_figures(*figures: Values) -> None:
    """Raises ValueError for one that is no number."""
    for one in figures:
        if all(value is None or type(value) in (int, float) for value in one.values()):
            continue
        built(_Baseline, {"figures": dict(one)})


def check_instants(*texts: str) -> None:
    """Raises ValueError for one that is no RFC 3339 text."""
    for text in texts:
        if datetime.fromisoformat(text).tzinfo is None:
            raise ValueError(f"{text} is no instant")

"""What `wait --for` waits for: a finding's count, or a figure of the queue, compared with a number."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping

from chatops import formatting
from chatops.errors import UsageError
from chatops.frozen import frozen

_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "==": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
FIGURES = ("waiting", "oldest", "free", "busy")
"""Figures of the queue; `oldest` is a span of time."""
SEVERITIES = ("critical", "warning", "advice")
NAMES = f"names: the code of a finding, or {', '.join(FIGURES)}"
_TEXT = re.compile(r"\s*([A-Za-z]+[0-9]*)\s*(<=|>=|==|=|<|>)\s*(\S.*?)\s*$")


@frozen
class Condition:
    """`name` is a code in capitals, or a figure; `number` counts rows, chats or operators, or seconds."""

    name: str
    sign: str
    number: float
    text: str

    def holds(self, value: float | None) -> bool:
        """Whether it is so; what is not known holds nothing."""
        return value is not None and _SIGNS[self.sign](value, self.number)


def parse(text: str) -> Condition:
    """A condition as typed. Raises UsageError for what is none.

    >>> parse("chat003=0"), parse("oldest < 5m").number
    (Condition(name='CHAT003', sign='=', number=0.0, text='CHAT003=0'), 300.0)
    """
    match = _TEXT.match(text)
    if match is None:
        raise UsageError(f"--for takes NAME=NUMBER (or <, <=, >, >=), such as CHAT003=0 or 'oldest<5m', not {text!r}",
                         details=[NAMES])  # fmt: skip
    name, sign, value = match.groups()
    if name.lower() not in FIGURES and name.isalpha():
        of_all = [("until nothing above advice is open", "chatops monitor --until-healthy")] if name.lower() in SEVERITIES else []
        near = "" if of_all else formatting.did_you_mean(name, FIGURES)
        raise UsageError(f"--for knows no {name!r}{near}", details=[NAMES], next_steps=of_all)
    name = name.lower() if name.lower() in FIGURES else name.upper()
    if name == "oldest" and not value.isdigit():
        number = formatting.span(value, "--for oldest").total_seconds()
    else:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            more = ("several conditions: --for once for each",) if re.search(r"[<>=]", value) else ()
            raise UsageError(f"--for {name} is compared with a number, not {value!r}", details=more)
    return Condition(name, sign, number, f"{name}{sign}{value}")

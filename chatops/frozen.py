"""How a value is declared that is made once and read from then on: most classes of chatops are that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[Kind]) -> type[Kind]:
    """The class as a frozen dataclass with slots: nothing assigns to it once it is made, and a name that it has not is an error.

    >>> @frozen
    ... class Pair:
    ...     left: int
    ...     right: int = 0
    >>> Pair(1)
    Pair(left=1, right=0)
    """
    return dataclass(frozen=True, slots=True)(kind)

"""How a value is declared that is made once and read from then on: most classes of chatops are that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(kind: type[Kind]) -> type[Kind]:
    """The class as a frozen dataclass with slots: nothing assigns to it once it is made, and a name that it has not is an error.

    How it is shown, compared and hashed is one function for all: a dataclass compiles its own, which is half of what it takes to
    make one, and most are never shown or compared.

    >>> @frozen
    ... class Pair:
    ...     left: int
    ...     right: int = field(default=0, compare=False)
    >>> Pair(1), Pair(1) == Pair(1, 2), Pair(1) == Pair(2), Pair(1) == 1, len({Pair(1), Pair(1, 2)})
    (Pair(left=1, right=0), True, False, False, 1)
    """
    for name, shared in (("__repr__", _shown), ("__eq__", _equal), ("__hash__", _hash)):
        if kind.__dict__.get(name) is None:  # a class that says what is equal has no hash until it is given one
            setattr(kind, name, shared)
    return dataclass(frozen=True, slots=True, repr=False, eq=False)(kind)


@cache
def _names_shown(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.repr)


@cache
def _compared_of(kind: type) -> Callable[[object], object]:
    """What takes from a value all that is compared of it, at once."""
    names = [one.name for one in fields(kind) if one.compare]
    return attrgetter(*names) if names else lambda value: ()


def _shown(self: object) -> str:
    kind: type = type(self)
    parts = (f"{name}={getattr(self, name)!r}" for name in _names_shown(kind))
    return f"{kind.__qualname__}({', '.join(parts)})"


def _equal(self: object, other: object) -> bool:
    kind: type = type(self)
    compared = _compared_of(kind)
    return bool(compared(self) == compared(other)) if other.__class__ is kind else NotImplemented


def _hash(self: object) -> int:
    kind: type = type(self)
    return hash(_compared_of(kind)(self))

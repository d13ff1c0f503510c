"""JSON of somebody else's as frozen dataclasses: every value is of the kind that its field says, or it is refused."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Made = TypeVar("Made")
_KNOWN: dict[type[object], Mapping[str, object]] = {}


def built(kind: type[Made], found: object) -> Made:
    """The dataclass that a JSON object holds. Raises ValueError, naming the field, for anything else."""
    if not isinstance(found, dict):
        raise ValueError(f"{kind.__name__} is no object")
    hints = _hints(kind)
    if unknown := found.keys() - hints.keys():
        raise ValueError(f"{sorted(map(str, unknown))[0]} is unknown")
    try:
        return kind(**{name: _value(hints[name], value, name) for name, value in found.items()})
    except TypeError:
        raise ValueError(f"a field of {kind.__name__} is missing") from None


def _hints(kind: type[object]) -> Mapping[str, object]:
    if kind not in _KNOWN:
        hints = get_type_hints(kind)
        _KNOWN[kind] = {one.name: hints[one.name] for one in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    return _KNOWN[kind]


def _value(hint: object, value: object, name: str) -> object:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return value
    if origin in (Union, types.UnionType):
        return next(made for made in _attempts(arguments, value, name) if not isinstance(made, ValueError))
    if origin is Literal and value in arguments:
        return value
    if origin is tuple and isinstance(value, list) and (arguments[-1] is Ellipsis or len(arguments) == len(value)):
        return tuple(_value(arguments[0], one, name) for one in value)
    if origin is not None and origin is not tuple and origin is not Literal and isinstance(value, dict):
        return {key: _value(arguments[1], one, name) for key, one in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return built(hint, value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"{name} is of another kind")


def _attempts(hints: tuple[object, ...], value: object, name: str) -> Iterator[object]:
    for hint in hints:
        try:
            yield _value(hint, value, name)
        except ValueError as error:
            yield error
    raise ValueError(f"{name} is of another kind")

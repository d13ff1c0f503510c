"""Modules that are loaded when something of them is first used: what a short command does not need costs it nothing."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def later(name: str) -> ModuleType:
    """Stands for a module, by its whole name. The import itself stands beside it under TYPE_CHECKING, for readers and linters.

    >>> later("json").dumps([1])
    '[1]'
    """
    return _Later(name)

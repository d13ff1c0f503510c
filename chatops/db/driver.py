"""Loads the driver without what only its asynchronous half uses: asyncio, and what reads the metadata of packages, are a third of
its time, and a short command is mostly the time that it takes to load.

While the driver is loaded, stand-ins are in the places of these modules, unless somebody has loaded one already; then they are
gone, and whoever imports asyncio gets asyncio. What the driver took from a stand-in is looked up in the real module when it is
used. A driver that asks more of them than that, and an environment that does not say plainly which driver it has, is loaded the
usual way. chatops has no use for the asynchronous half, which need not work in its process.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType
from typing import Any, TypeVar

DRIVER = "psycopg"
PACKAGES = (DRIVER, "psycopg-binary", "psycopg-c")
"""The driver, and the two packages that hold its quick half."""
DEFERRED = ("asyncio", "ctypes", "ctypes.util", "ssl", "zoneinfo")
"""Modules of which the driver calls something only later, or never. ssl it loads for what OpenSSL before 1.1 wanted set up."""
METADATA, TYPING = "importlib.metadata", "typing_extensions"
ENDING = ".dist-info"


class _Deferred:
    """Something of a module, looked up when it is first used."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def _real(self) -> Any:
        return getattr(importlib.import_module(self._module), self._name)

    def __call__(self, *arguments: object, **named: object) -> Any:
        return self._real()(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __getitem__(self, _: object) -> _Deferred:
        return self  # a class with its parameters

    def __mro_entries__(self, _: tuple[object, ...]) -> tuple[type, ...]:
        return ()  # a class that others derive from

    def __instancecheck__(self, one: object) -> bool:
        # Of a module that nobody has loaded there is no instance.
        loaded = sys.modules.get(self._module)
        return loaded is not None and isinstance(one, getattr(loaded, self._name))


class _Cancelled(BaseException):
    """In the place of asyncio's: what is caught must be a class."""


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> _Deferred | type[BaseException]:
        if name.startswith("__"):  # what the machinery of imports asks a module
            raise AttributeError(name)
        return _Cancelled if name.endswith("Error") else _Deferred(self.__name__, name)


def load() -> None:
    """Loads the driver, once."""
    if DRIVER in sys.modules:
        return
    put: dict[str, ModuleType] = {name: _StandIn(name) for name in DEFERRED}
    put[TYPING] = ModuleType(TYPING)
    # A default only type checkers read: Python before 3.13 knows none.
    put[TYPING].__dict__["TypeVar"] = lambda name, *bounds, default=None, **named: TypeVar(name, *bounds, **named)
    if versions := _versions():
        put[METADATA] = ModuleType(METADATA)
        put[METADATA].__dict__["version"] = versions.__getitem__
    put = {name: module for name, module in put.items() if name not in sys.modules}
    sys.modules.update(put)
    try:
        importlib.import_module(DRIVER)
    except Exception:  # noqa: BLE001 - whatever it is, the usual way is left, and tells what is wrong
        for name in [name for name in sys.modules if name.partition(".")[0].partition("_")[0] == DRIVER]:
            del sys.modules[name]
    finally:
        for name, module in put.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
    importlib.import_module(DRIVER)


def _versions() -> dict[str, str]:
    """The version of each of the driver's packages by the names of their folders; none where these do not tell."""
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)  # noqa: PTH208 - names alone, and pathlib makes objects of them
        except OSError:
            continue
        if DRIVER not in names:
            continue
        found: dict[str, str] = {}
        for package in PACKAGES:
            told = [name for name in names if name.startswith(f"{package.replace('-', '_')}-") and name.endswith(ENDING)]
            if len(told) > 1:
                return {}
            if told:
                found[package] = told[0].removesuffix(ENDING).partition("-")[2]
        return found if DRIVER in found else {}
    return {}


load()


def libpq() -> str:
    """The version of libpq that the driver uses, and by which of its halves."""
    pq = importlib.import_module(f"{DRIVER}.pq")
    number = pq.version()
    return f"{number // 10000}.{number % 10000} ({pq.__impl__})"

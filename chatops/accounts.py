"""The accounts of this machine: what a number is called, and where its home is."""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import pwd


def name_of(number: int) -> str | None:
    """The account's name, None where this machine knows none."""
    if sys.platform == "win32":
        return None
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return None


def own_name() -> str | None:
    """The name of the account that runs this process."""
    return None if sys.platform == "win32" else name_of(os.getuid())


def own_home() -> str | None:
    """The home of the account that runs this process."""
    if sys.platform == "win32":
        return None
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None

"""The accounts of this machine: what a number is called, and where its home is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

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


LOGGED_IN = Path("/proc/self/loginuid")
"""Who logged in to this machine, as the kernel remembers it through sudo and su."""
NOBODY = 2**32 - 1


def behind(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Who became this account, and who says so: login (the kernel), sudo or doas (a variable, which anybody can set).

    None where that is the account itself, or nobody knows.
    """
    said = [("sudo", environ.get("SUDO_USER", "")), ("doas", environ.get("DOAS_USER", ""))]
    try:
        number = int(LOGGED_IN.read_text(encoding="ascii"))
        said.insert(0, ("login", "" if number == NOBODY else name_of(number) or str(number)))
    except (OSError, ValueError):
        pass  # no Linux, or a container without it
    how, who = next(((how, who) for how, who in said if who), ("", ""))
    return (who, how) if who and who != own_name() else None


def own_home() -> str | None:
    """The home of the account that runs this process."""
    if sys.platform == "win32":
        return None
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None

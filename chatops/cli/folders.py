"""The folder that a command was given, in the words of the next command that it prints."""

from __future__ import annotations

import shlex
from pathlib import Path


def named(directory: Path | None, source: str | None) -> list[str]:
    """The options that name the same files again; none for the shipped ones.

    >>> named(Path("my files"), None)
    ['--dir', "'my files'"]
    """
    given = (("--dir", directory), ("--source", source))
    return [part for flag, value in given if value is not None for part in (flag, shlex.quote(str(value)))]

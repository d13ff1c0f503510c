"""The folder of numbered files that a command works on, as it was named on the command line."""

from __future__ import annotations

import shlex
from pathlib import Path


def folder_options(directory: Path | None, source: str | None) -> list[str]:
    """The options that name the same files again; none for the shipped ones.

    >>> folder_options(Path("my files"), None)
    ['--dir', "'my files'"]
    """
    given = (("--dir", directory), ("--source", source))
    return [part for flag, value in given if value is not None for part in (flag, shlex.quote(str(value)))]

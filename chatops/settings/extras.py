"""How an extra of this package gets into the environment that runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def with_extra(extra: str, prefix: Path | None = None) -> tuple[str, str]:
    """The next step where what an extra brings is missing: by pipx or uv where they made the environment, else by its own pip."""
    where = prefix or Path(sys.prefix)
    if (where / "pipx_metadata.json").exists():
        command = "pipx install --force"
    elif (where / "uv-receipt.toml").exists():
        command = "uv tool install --force"
    else:
        command = f"{shlex.quote(sys.executable)} -m pip install"
    return "into this environment, from a clone", f"{command} '.[{extra}]'"

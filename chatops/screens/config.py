"""Settings as `chatops config` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chatops.model import Answer, Column, Table, Text
from chatops.settings import Target


def answer(path: Path | None, targets: Sequence[Target]) -> Answer:
    """A table of settings for each database, each with where it came from."""
    columns = [Column("setting", "setting"), Column("value", "value"), Column("origin", "from")]
    body: list[Table | Text] = [Text([f"chatops.toml: {path or 'none here, above, or in the user config folder'}"])]
    for number, target in enumerate(targets, 1):
        body.append(Table("settings" if len(targets) == 1 else f"settings_{number}", columns, target.origins))
    return Answer("config", body)

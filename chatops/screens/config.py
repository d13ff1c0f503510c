"""Settings as `chatops config` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from chatops.model import Answer, Column, Table, Text
from chatops.settings import THIS_MACHINE, Target

TUNNEL = (
    "A host of this machine counts as not production. A tunnel (ssh -L, a proxy) looks the same; where it leads there:",
    "  [env.production]",
    '  url_env = "DATABASE_URL"',
    "  production = true",
)


def answer(path: Path | None, targets: Sequence[Target]) -> Answer:
    """A table of settings for each database, each with where it came from."""
    columns = [
        Column("setting", "setting", rank=0),
        Column("value", "value", rank=0),
        Column("origin", "from", audience="machines"),
        Column("shown_origin", "from", audience="people"),
    ]
    body: list[Table | Text] = [Text([f"chatops.toml: {path or 'none here, above, or in the user config folder'}"])]
    for number, target in enumerate(targets, 1):
        rows = [{**asdict(one), "shown_origin": _short(one.origin, path)} for one in target.origins]
        body.append(Table("settings" if len(targets) == 1 else f"settings_{number}", columns, rows))
    if any(one.setting == "production" and one.origin == THIS_MACHINE for target in targets for one in target.origins):
        body.append(Text(["", *TUNNEL]))
    return Answer("config", body)


def _short(origin: str, path: Path | None) -> str:
    """Where a setting comes from; the file that stands above by its name."""
    return origin if path is None else origin.replace(str(path), path.name)

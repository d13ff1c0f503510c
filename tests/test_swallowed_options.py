"""An option that needs a value and stands before another option is refused: it takes no option for its value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.cli import plain_line
from tests.conftest import Result

Chatops = Callable[..., Result]

LINES: dict[str, Any] = json.loads(Path(plain_line.FILE).read_text(encoding="utf-8"))
TAKE = {
    command: [spelling for spelling, said in line["options"].items() if said[1] != "boolean" and not spelling.startswith("--o")]
    for command, line in LINES.items()
    if command not in ("", "psql", "console")
}
"""Of psql's line the rest is psql's; the desk has no --output."""
WITHOUT = ("--force",)
"""That of undo may stand without a value."""


@pytest.mark.parametrize("command", [command for command in TAKE if TAKE[command]])
def test_no_option_becomes_the_value_of_another(command: str, chatops_inprocess: Chatops) -> None:
    left = [spelling for spelling in TAKE[command] if spelling not in WITHOUT]
    for spelling in (left[0], left[-1]):
        told = chatops_inprocess(command, spelling, "--output", "json")
        assert told.exit_code == 2, told
        assert f"{spelling} needs " in told.stderr
        assert f"--output is an option; as a value: {spelling}=--output" in told.stderr

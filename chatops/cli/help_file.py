"""Writes from the commands themselves what is read without loading them: `make help-file`.

`help.json` holds what the help of each says, `lines.json` what its line may hold.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
import typer.core

from chatops.cli import COMMANDS, help_page, plain_line, typer_line
from chatops.cli.line_table import line_of
from chatops.cli.page_of_command import page_of


def _commands() -> Iterator[tuple[str, typer.core.TyperCommand | typer.core.TyperGroup, typer.Context]]:
    group = typer_line.group()
    top = typer.Context(group, info_name="chatops", help_option_names=list(help_page.HELP_OPTIONS))
    yield "", group, top
    for _, name, _ in COMMANDS:
        command = group.get_command(top, name)
        assert isinstance(command, typer.core.TyperCommand)
        yield name, command, typer.Context(command, info_name=name, parent=top)


def lines() -> str:
    """The text of `lines.json`, by the commands as they are now: one line for each command."""
    rows = [f"{json.dumps(name)}: {json.dumps(line_of(command), ensure_ascii=False)}" for name, command, _ in _commands()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def content() -> str:
    """The text of `help.json`, by the commands as they are now: one line for each command, argument and option."""
    pages = {name: page_of(command, ctx) for name, command, ctx in _commands()}
    rows = [entry for page in pages.values() for panel in page["panels"] for entry in panel["entries"]]
    marked = {id(entry): f"entry {number}" for number, entry in enumerate(rows)}
    whole = {name: {**page, "panels": [{**panel, "entries": [marked[id(entry)] for entry in panel["entries"]]}
                                       for panel in page["panels"]]} for name, page in pages.items()}  # fmt: skip
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    return re.sub(r'"entry (\d+)"', lambda mark: json.dumps(rows[int(mark[1])], ensure_ascii=False), text) + "\n"


if __name__ == "__main__":
    for file, text in ((help_page.FILE, content()), (plain_line.FILE, lines())):
        Path(file).write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {Path(file).name}\n")

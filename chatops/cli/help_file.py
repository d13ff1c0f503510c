"""Writes `help.json`, what the help of every command says, from the commands themselves: `make help-file`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import typer
import typer.core

from chatops.cli import COMMANDS, help_page, typer_line
from chatops.cli.page_of_command import page_of


def content() -> str:
    """The file's text, by the commands as they are now: one line for each command, argument and option."""
    group = typer_line.group()
    top = typer.Context(group, info_name="chatops", help_option_names=list(help_page.HELP_OPTIONS))
    pages = {"": page_of(group, top)}
    for _, name, _ in COMMANDS:
        command = group.get_command(top, name)
        assert isinstance(command, typer.core.TyperCommand)
        pages[name] = page_of(command, typer.Context(command, info_name=name, parent=top))
    rows = [entry for page in pages.values() for panel in page["panels"] for entry in panel["entries"]]
    marked = {id(entry): f"entry {number}" for number, entry in enumerate(rows)}
    whole = {name: {**page, "panels": [{**panel, "entries": [marked[id(entry)] for entry in panel["entries"]]}
                                       for panel in page["panels"]]} for name, page in pages.items()}  # fmt: skip
    text = json.dumps(whole, ensure_ascii=False, indent=1)
    return re.sub(r'"entry (\d+)"', lambda mark: json.dumps(rows[int(mark[1])], ensure_ascii=False), text) + "\n"


if __name__ == "__main__":
    Path(help_page.FILE).write_text(content(), encoding="utf-8")
    sys.stdout.write(f"wrote {Path(help_page.FILE).name}\n")

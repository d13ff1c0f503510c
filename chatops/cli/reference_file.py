"""Writes docs/reference.md from the commands themselves: `make docs`."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from chatops.checks import load
from chatops.cli import COMMANDS, help_page
from chatops.errors import ExitCode
from chatops.flows import manual
from chatops.flows.given import Given
from chatops.flows.output import Output
from chatops.render import FORMATS, format_named
from chatops.settings.known import KNOWN, Known

TYPES = {str: "text", bool: "true or false", float: "number", date: "day, as YYYY-MM-DD", list: "list of texts"}
ENVIRONMENT = {
    "CHATOPS_DATABASE_URL": "the database; before DATABASE_URL, after --db",
    "DATABASE_URL": "the database, where CHATOPS_DATABASE_URL is not set",
    "PG*": "what libpq reads, where neither is set",
    "CHATOPS_ENV": "as --env",
    "CHATOPS_SCHEMA": "as --schema",
    "CHATOPS_CONFIG": "the chatops.toml to read, whosever it is",
    "NO_COLOR": "no colour, whatever the terminal can show",
    "LANG": "with LC_CTYPE and LC_ALL, which go before it: a terminal gets ASCII where the locale is not Unicode",
    "LC_CTYPE": "see LANG",
    "LC_ALL": "see LANG",
    "PYTHONIOENCODING": "the encoding of what is written, whatever the locale says; PYTHONUTF8=1: UTF-8",
    "PYTHONUTF8": "see PYTHONIOENCODING",
    "TERM": "dumb: no colour, nothing redrawn, no pager",
    "COLUMNS, LINES": "the size of the terminal, where it does not tell",
    "PAGER": "reads what is longer than the screen (default less); cat: nothing does",
    "CHATOPS_PAGER": "the same for chatops alone",
    "NO_PAGER": "set to anything: nothing does",
    "XDG_STATE_HOME": "where monitor, deploy and plans keep their files",
    "XDG_CONFIG_HOME": "where the chatops.toml of one's own lies, in chatops/",
    "XDG_CACHE_HOME": "where completion keeps ids for a minute",
    "XDG_DATA_HOME": "where the embedded server keeps its data",
    "SUDO_USER, DOAS_USER": "who became the account that acts, where the kernel does not tell: the log names them behind it",
    "GITHUB_STEP_SUMMARY": "a file of --write with this name is appended to",
}
GIVEN = {
    "CHATOPS_EVENT_TEXT": "the message, whole", "CHATOPS_EVENT_SUMMARY": "its first line",
    "CHATOPS_EVENT_NEW": "codes of what is new", "CHATOPS_EVENT_GONE": "codes of what went",
    "CHATOPS_EVENT_WORD": "BAD, WARN, UNKNOWN or OK: by the worst that is open, as in diagnose --brief",
    "CHATOPS_EVENT_VERDICT": "no worse, or what is", "CHATOPS_EVENT_PLACE": "database and schema", "CHATOPS_EVENT_AT": "when",
}  # fmt: skip
"""What a command of `monitor --notify` finds in its environment."""

ENVELOPE = """\
What json holds stands below at each command: its keys, and those of the rows of each of its arrays. A line of jsonl, csv and
tsv is a row, and the names are the same. Machine formats carry `chatops` (the version), `format` (of the envelope), `command`,
`environment` and `database`. A run that came to no answer carries `error` with `message`, `details`, `next_steps`, `exit_code`
and `sqlstate`."""


def document() -> str:
    """The text of docs/reference.md."""
    pages = help_page.pages()
    lines = ["# Reference", "", "Commands, options, exit codes, formats and `chatops.toml`. Made from the code: `make docs`.", ""]
    lines += ["## Exit codes", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {int(code)} | {code.meaning} |" for code in ExitCode]
    lines += ["| 141 | stdout was closed early; nothing is said |", ""]
    lines += ["With `-o nagios` the codes of plugins hold instead: 0, 1, 2, and 3 for whatever kept the check from running.", ""]
    lines += ["## Environment", "", "| variable | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {what} |" for name, what in ENVIRONMENT.items()]
    lines += [
        "",
        "A command of `monitor --notify` gets the message as JSON on stdin, and:",
        "",
        "| variable | holds |",
        "| --- | --- |",
    ]
    lines += [f"| `{name}` | {what} |" for name, what in GIVEN.items()]
    lines += ["", "## Formats", "", "| format | in its module's words |", "| --- | --- |", *_formats(), ""]
    lines += [ENVELOPE, ""]
    lines += [
        "## chatops.toml",
        "",
        "| key | holds |",
        "| --- | --- |",
        *(f"| `{key}` | {kind} |" for key, kind in settings()),
        "",
    ]
    lines += [
        "## Limits",
        "",
        "What checks measure against: `--threshold NAME=NUMBER`, `thresholds` of chatops.toml, or platform_config.",
        "",
    ]
    lines += ["| limit | default | from, to | meaning |", "| --- | --- | --- | --- |", *_limits(), ""]
    lines += ["## Commands", ""]
    lines += [f"- [`{name}`](#{name}) {line}" for _, name, line in COMMANDS]
    for _, name, _ in COMMANDS:
        lines += ["", f"### {name}", "", *_page(name, pages[name])]
    return "\n".join(lines) + "\n"


def settings(known: Known = KNOWN, inside: str = "") -> Iterator[tuple[str, str]]:
    """Each key that chatops.toml may hold, with the type of its value."""
    for key, kind in known.items():
        place = f"{inside}.{key}" if inside else key
        place = place.replace("*", "NAME")
        if isinstance(kind, dict):
            yield from settings(kind, place)
        elif isinstance(kind, tuple):
            yield place, f"one of {', '.join(kind)}"
        else:
            assert isinstance(kind, type)
            yield place, TYPES[kind]


def _limits() -> Iterator[str]:
    for name, limit in load.limits().items():
        place = " (platform_config)" if limit.in_platform_config else ""
        yield f"| `{name}`{place} | {limit.default:g} {limit.unit} | {limit.least:g}, {limit.most:g} | {_cell(limit.meaning)} |"


def _formats() -> Iterator[str]:
    for name in FORMATS:
        known = format_named(name)
        doc = (sys.modules[f"chatops.render.{known.name}"].__doc__ or "").strip().splitlines()[0]
        yield f"| `{name}` | {doc} |"


def _page(name: str, page: help_page.Page) -> Iterator[str]:
    yield f"`{page['usage']}`"
    for paragraph in page["text"]:
        yield ""
        yield _cell(paragraph)
    for panel in page["panels"]:
        yield ""
        yield f"| {panel['title'].lower()} | |"
        yield "| --- | --- |"
        for entry in panel["entries"]:
            label = ", ".join((*entry["names"], *entry.get("short", ())))
            value = f" {entry['value']}" if "value" in entry else ""
            told = " ".join(filter(None, (entry.get("help"), entry.get("extra"))))
            yield f"| `{_cell(label + value)}` | {_cell(told)} |"
    if any("--output" in entry["names"] for panel in page["panels"] for entry in panel["entries"]):
        formats = getattr(importlib.import_module(f"chatops.cli.{name}"), name).formats
        yield ""
        yield f"Formats: {', '.join(Output(Given(formats=formats)).format_names())}."
        yield from _keys(name)
    for line in page["epilog"]:
        yield ""
        yield f"`{line.strip()}`" if line.startswith("  ") else _cell(line)


def _keys(name: str) -> Iterator[str]:
    """What json holds beside the envelope, as tests/test_screens.py has seen it; the names of rows are those of csv, too."""
    known = json.loads((manual.folder() / "keys.json").read_text(encoding="utf-8")).get(name, {})
    for table, keys in known.items():
        yield ""
        yield f"{f'Rows of `{table}`' if table else 'Keys'}: {', '.join(f'`{key}`' for key in keys)}."


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    Path("docs/reference.md").write_text(document(), encoding="utf-8")
    sys.stdout.write("wrote docs/reference.md\n")

"""Turns an answer into text, in the format that its reader can use."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chatops import signs
from chatops.model import Answer

# Format → the module of this package that knows it.
FORMATS = {
    "table": "table",
    "plain": "plain",
    "json": "json",
    "jsonl": "jsonl",
    "csv": "delimited",
    "tsv": "delimited",
    "markdown": "markdown",
    "github": "github",
    "junit": "junit",
    "nagios": "nagios",
    "prometheus": "prometheus",
}


@dataclass(frozen=True, slots=True)
class Medium:
    """What the text is written to: `width` in columns (0: endless), colour, whether names may be shown."""

    width: int = 0
    terminal: bool = False
    colour: bool = False
    ascii: bool = False
    show_names: bool = False


def render(answer: Answer, format_: str, medium: Medium, envelope: dict[str, Any] | None = None) -> Iterator[str]:
    """The answer as pieces of text in one of FORMATS; `envelope` is what machine formats say about the run itself."""
    module = importlib.import_module(f"chatops.render.{FORMATS[format_]}")
    pieces: Iterator[str] = module.render(answer, format_, medium, envelope or {})
    return pieces


def encodable(text: str, medium: Medium) -> str:
    """The text in characters that the medium has: signs as ASCII look-alikes, the rest as escapes."""
    return signs.in_ascii(text) if medium.ascii else text

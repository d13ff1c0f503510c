"""Turns an answer into text, in the format that its reader can use. Here stands the list of formats."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace

from chatops import formatting, signs
from chatops.model import Answer, Line, Table, Text
from chatops.render.format import Envelope, Failure, Format, Medium

__all__ = ["FORMATS", "Envelope", "Failure", "Format", "Medium", "encodable", "format_named", "render", "safe", "safe_answer"]

FORMATS = ("table", "plain", "json", "jsonl", "csv", "tsv", "markdown", "github", "junit", "nagios", "prometheus")
"""In the order of the help; each is the object FORMAT of the module that bears its name, loaded when it is used."""


def format_named(name: str) -> Format:
    """The format of that name."""
    found: Format = importlib.import_module(f"chatops.render.{name}").FORMAT
    return found


def render(answer: Answer, name: str, medium: Medium, envelope: Envelope | None = None) -> Iterator[str]:
    """The answer as pieces of text in one of FORMATS; `envelope` is what machine formats say about the run itself."""
    return format_named(name).render(safe_answer(answer), medium, envelope or {})


def safe_answer(answer: Answer) -> Answer:
    """The answer with every line as it may be shown; values of tables are made so by whoever writes them."""
    return replace(answer, body=[_safe_block(block) for block in answer.body])


def _safe_block(block: Table | Text) -> Table | Text:
    if isinstance(block, Text):
        return replace(block, lines=[safe(line) for line in block.lines])
    title, empty = (None if text is None else formatting.visible(text, lines=True) for text in (block.title, block.empty))
    return replace(block, title=title, empty=empty)


def safe(line: Line) -> Line:
    """The one gate of lines for people: whatever is in them, no control character and nothing that a CI system obeys gets out."""
    if isinstance(line, str):
        return formatting.visible(line, lines=True)
    return [replace(span, text=formatting.visible(span.text, lines=True)) for span in line]


def encodable(text: str, medium: Medium) -> str:
    """The text in characters that the medium has: signs as ASCII look-alikes, the rest as escapes."""
    return signs.in_ascii(text) if medium.ascii else text

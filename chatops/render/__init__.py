"""Turns an answer into text, in the format that its reader can use. Here stands the list of formats."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

from chatops import signs
from chatops.model import Answer
from chatops.render.format import Envelope, Failure, Format, Medium

__all__ = ["FORMATS", "Envelope", "Failure", "Format", "Medium", "encodable", "format_named", "render"]

FORMATS = ("table", "plain", "json", "jsonl", "csv", "tsv", "markdown", "github", "junit", "nagios", "prometheus")
"""In the order of the help; each is the object FORMAT of the module that bears its name, loaded when it is used."""


def format_named(name: str) -> Format:
    """The format of that name."""
    found: Format = importlib.import_module(f"chatops.render.{name}").FORMAT
    return found


def render(answer: Answer, name: str, medium: Medium, envelope: Envelope | None = None) -> Iterator[str]:
    """The answer as pieces of text in one of FORMATS; `envelope` is what machine formats say about the run itself."""
    return format_named(name).render(answer, medium, envelope or {})


def encodable(text: str, medium: Medium) -> str:
    """The text in characters that the medium has: signs as ASCII look-alikes, the rest as escapes."""
    return signs.in_ascii(text) if medium.ascii else text

"""`chatops help`: the pages of docs/, as they were shipped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chatops import formatting
from chatops.checks import load
from chatops.errors import UsageError
from chatops.flows import pager
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Span, Table, Text
from chatops.screens import manual_page

TOPICS = ("guide", "on-call", "migrations", "scale", "safety", "reference", "findings", "glossary")
"""The pages, in the order to read them."""


def show(invocation: Invocation, topic: str) -> None:
    """One page, or what there is. Raises UsageError for a topic that is neither a page nor a command."""
    name = topic.lower().removesuffix(".md")
    if not name:
        pager.show_paged(invocation, _contents())
        return
    if name not in TOPICS:
        commands = sections()
        if name in commands:
            pager.show_paged(invocation, _answer(invocation, name, commands[name]))
            return
        known = [*TOPICS, *commands]
        if topic.upper() in {one.code for one in load.shipped()}:
            raise UsageError(f"{topic.upper()} is a finding, not a page", next_steps=[("it", f"chatops explain {topic.upper()}")])
        raise UsageError(
            f"there is no page “{formatting.visible(topic)}”{formatting.did_you_mean(name, known)}",
            details=(f"pages: {', '.join(TOPICS)}", "and every command has one, such as chatops help migrate"),
            next_steps=[("all pages", "chatops help")],
        )
    pager.show_paged(invocation, _answer(invocation, name, page(name)))


def _answer(invocation: Invocation, name: str, text: str) -> Answer:
    laid_out = invocation.format() in ("table", "plain")
    return Answer(
        "help", manual_page.blocks(text, invocation.medium().width) if laid_out else [Text(text.splitlines())], {"topic": name}
    )


@cache
def folder() -> Path:
    """The folder `docs/`: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "docs"
    return shipped if shipped.is_dir() else package.parent / "docs"


def page(name: str) -> str:
    """The text of one page."""
    return (folder() / f"{name}.md").read_text(encoding="utf-8")


def sections() -> Mapping[str, str]:
    """What the reference says of each command, by its name."""
    parts = page("reference").split("\n### ")[1:]
    return {part.split("\n", 1)[0].strip(): f"# {part.strip()}" for part in parts}


def _contents() -> Answer:
    rows = [{"topic": name, "about": about(page(name)), "command": f"chatops help {name}"} for name in TOPICS]
    columns = [Column("topic", "page"), Column("about", "about"), Column("command", "command", audience="machines")]
    ends = Text(
        [
            "",
            [Span("read one: "), Span("chatops help on-call", "code")],
            [Span("a command: "), Span("chatops help migrate", "code")],
        ]
    )
    return Answer("help", [Table("pages", columns, rows), ends])


def about(text: str) -> str:
    """The first sentence of a page below its title."""
    paragraph = next(block for block in text.split("\n\n")[1:] if not block.startswith("#"))
    return manual_page.plain(" ".join(paragraph.split()).split(". ")[0].rstrip(".").replace("`", ""))

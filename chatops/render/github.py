"""For GitHub Actions: an annotation per problem, at its file and line."""

from __future__ import annotations

from collections.abc import Iterator

from chatops import formatting
from chatops.model import Answer, Outcome, Table, value_of
from chatops.render.failure import unknown
from chatops.render.format import Envelope, Failure, Format, Medium

# GitHub knows three levels; whatever it does not know is shown as a notice.
LEVELS = {"critical": "error", "error": "error", "failed": "error", "warning": "warning", "unknown": "warning"}


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """A `::error …` line per row of the table `problems`; its columns file, line, column, severity, code, message and help count
    where they are; and one per outcome that is wrong, or was not tried. Nothing to say is no line at all."""
    for outcome in answer.outcomes or ():
        if outcome.wrong or outcome.status == "not tried":
            yield of_outcome(outcome)
    for table in answer.tables:
        if table.name == "problems":
            yield from (annotation(row, table) for row in table.rows)


def of_outcome(outcome: Outcome) -> str:
    """One outcome as a workflow command; what could not be checked is a warning at least."""
    level = LEVELS.get(outcome.severity, "notice")
    if outcome.status == "unknown":
        level = "warning"
    elif outcome.status == "not tried":
        level = "notice"
    text = f"{f'{outcome.status}: ' if outcome.status in ('unknown', 'not tried') else ''}{outcome.message}"
    message = "\n".join(formatting.visible(part, lines=True) for part in (text, outcome.help) if part)
    return f"::{level} title={_property(formatting.visible(outcome.name))}::{_message(message)}\n"


def annotation(row: object, table: Table) -> str:
    """One row as a workflow command."""
    found = fields(row, table)
    level = LEVELS.get(found.get("severity", ""), "notice")
    known = [("file", "file"), ("line", "line"), ("column", "col"), ("code", "title")]
    properties = ",".join(f"{theirs}={_property(found[ours])}" for ours, theirs in known if found.get(ours))
    message = "\n".join(text for text in (found.get("message", ""), found.get("help", "")) if text)
    return f"::{level}{' ' if properties else ''}{properties}::{_message(message)}\n"


def fields(row: object, table: Table) -> dict[str, str]:
    """A row of problems as text by column; what is None is left out."""
    values = {column.name: value_of(row, column.name) for column in table.columns}
    return {name: formatting.visible(str(value), lines=True) for name, value in values.items() if value is not None}


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def failure(failed: Failure, medium: Medium, envelope: Envelope) -> str:
    """The run as one thing that could not be checked."""
    return "".join(render(unknown(failed), medium, envelope))


FORMAT = Format("github", render, needs=frozenset({"problems"}), failure=failure)

"""For the textfile collector of Prometheus: every number of the answer as a gauge."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatops import formatting
from chatops.model import Answer, Figure
from chatops.render.failure import unknown
from chatops.render.format import Envelope, Failure, Format, Medium

# The envelope's entries that tell one target from another on every sample.
TARGET = ("environment", "database")


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """The text format 0.0.4: HELP and TYPE once a name, then its samples; a number that nobody knows is left out.

    Of a run with checks each is there as `chatops_check_failed` and `chatops_check_unknown`, 0 or 1.
    """
    figures = list(answer.figures)
    for outcome in answer.outcomes or ():
        labels = {"code": outcome.name, "severity": outcome.severity}
        figures.append(Figure("check_failed", float(outcome.status == "failed"), "Whether a check found something.", labels))
        figures.append(Figure("check_unknown", float(outcome.status == "unknown"), "Whether a check could not be made.", labels))
    if answer.now is not None:
        meaning = "When these numbers were read, by the database's clock."
        figures.append(Figure(f"{answer.command}_timestamp_seconds", answer.now.timestamp(), meaning))
    target = {"command": answer.command, **{name: str(envelope[name]) for name in TARGET if envelope.get(name)}}
    for name in dict.fromkeys(figure.name for figure in figures):
        same = [figure for figure in figures if figure.name == name and figure.value is not None]
        if not same:
            continue
        full = "chatops_" + re.sub(r"[^a-z0-9_]", "_", name.lower())
        yield f"# HELP {full} {_help(same[0].meaning)}\n# TYPE {full} gauge\n"
        yield from (f"{full}{_labels({**target, **figure.labels})} {_number(figure.value)}\n" for figure in same)


def _number(value: float | None) -> str:
    return repr(float(value or 0)).removesuffix(".0")


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_label(value)}"' for name, value in labels.items()) + "}" if labels else ""


def _label(value: str) -> str:
    return formatting.visible(value).replace("\\", "\\\\").replace('"', '\\"')


def _help(text: str) -> str:
    return formatting.visible(text).replace("\\", "\\\\")


def failure(failed: Failure, medium: Medium, envelope: Envelope) -> str:
    """The run as one thing that could not be checked."""
    return "".join(render(unknown(failed), medium, envelope))


FORMAT = Format("prometheus", render, needs=frozenset({"figures"}), failure=failure)

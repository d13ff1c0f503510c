"""For Nagios, Icinga and their kin: one line, performance data behind a bar, and the plugin's own exit codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chatops import formatting
from chatops.model import Answer, Figure, Outcome
from chatops.render.format import Envelope, Failure, Format, Medium

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
MOST_NAMED = 3


def state(answer: Answer) -> int:
    """0 nothing counts as found, 1 a warning does, 2 something critical does, 3 only that a check could not be made."""
    counting = [outcome for outcome in answer.outcomes or () if outcome.counts]
    failed = {outcome.severity for outcome in counting if outcome.status == "failed"}
    return 2 if "critical" in failed else 1 if failed else 3 if counting else 0


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """`CHATOPS STATE - what | 'name'=number`; the worst three things are named."""
    data = " ".join(_performance(figure) for figure in answer.figures if figure.value is not None)
    yield line(state(answer), _told(answer), data)


def line(code: int, text: str, data: str = "") -> str:
    """The one line; a bar in the text would begin the performance data, so it is shown as a slash."""
    said = " ".join(formatting.visible(text).split()).replace("|", "/")
    return f"CHATOPS {STATES[code]} - {said}" + (f" | {data}" if data else "") + "\n"


def _told(answer: Answer) -> str:
    if answer.outcomes is None:
        return f"{answer.command}: " + ", ".join(_said(figure) for figure in answer.figures if figure.value is not None)
    rank = ("critical", "warning", "advice")
    wrong = sorted((one for one in answer.outcomes if one.wrong and one.counts),
                   key=lambda one: (one.status == "unknown", rank.index(one.severity)))  # fmt: skip
    if not wrong:
        quiet = [one.name for one in answer.outcomes if one.wrong]
        found = f"{len(quiet)} below what counts: {formatting.listed(quiet, MOST_NAMED)}" if quiet else "nothing found"
        counts = Counter(one.status for one in answer.outcomes)
        open_ = "".join(f", {counts[status]} {status}" for status in ("not tried", "not judged") if counts[status])
        return f"{answer.command}: {formatting.plural(len(answer.outcomes), 'check')}{open_}, {found}"
    named = "; ".join(_named(one) for one in wrong[:MOST_NAMED])
    more = f"; {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    return f"{answer.command}: {len(wrong)} of {formatting.plural(len(answer.outcomes), 'check')}: {named}{more}"


def _named(outcome: Outcome) -> str:
    word = "unknown, " if outcome.status == "unknown" else ""
    return f"{outcome.name} {word}{formatting.shortened(outcome.message, 80)}"


def _name(figure: Figure) -> str:
    return "_".join((figure.name, *figure.labels.values()))


def _said(figure: Figure) -> str:
    return f"{_name(figure)} {formatting.count(figure.value)}"


def _performance(figure: Figure) -> str:
    unit = "s" if figure.name.endswith("_seconds") else ""
    label = "".join(letter for letter in formatting.visible(_name(figure)) if letter not in "'=|\"")
    number = f"{figure.value:.3f}".rstrip("0").rstrip(".")
    return f"'{label}'={number}{unit}"


def failure(failed: Failure, medium: Medium, envelope: Envelope) -> str:
    """The line that says why there is no answer."""
    return line(3, failed.error.message)


FORMAT = Format("nagios", render, needs=frozenset({"figures"}), failure=failure, exit_code=state)

"""A deploy or a watch as tables on stdout: what the page shows, for a job summary or a ticket."""

from __future__ import annotations

from chatops.deploys.monitor_state import Watch, span, verdict
from chatops.deploys.receipt import Receipt
from chatops.model import Answer, Column, Line, Span, Table, Text, named
from chatops.screens.report_page import before_deploy, head_of, open_now, place_of_receipt, place_of_watch, says_more

FIGURES = {"waiting": "chats that wait", "oldest_seconds": "longest wait, seconds", "assigned": "chats with an operator",
           "waiting_real_user_reply": "chats that wait for their user"}  # fmt: skip


def answer_of_receipt(receipt: Receipt) -> Answer:
    """A deploy as tables; where it stopped, why and what goes on stand first."""
    failed = receipt.failed
    lines: list[Line] = [[Span(head_of(receipt), "critical" if failed else "ok")], place_of_receipt(receipt)]
    lines += [f"  {detail}" for detail in (failed.details if failed else ())]
    steps = [Column("name", "step"), Column("result", "result"), Column("seconds", "took", "duration"), Column("says", "says")]
    told = [{"name": one.name, "result": one.result, "seconds": one.seconds, "says": says_more(one)} for one in receipt.steps]
    files = [Column("name", "file"), Column("duration_ms", "ms", "number"), Column("waited_ms", "ms for locks", "number"),
             Column("rows", "rows", "number")]  # fmt: skip
    return Answer("report", [
        Text(lines),
        Table("steps", steps, told, "Timeline"),
        Table("files", files, list(receipt.files), "Files"),
        Table("findings", named("code", "severity", "title"), before_deploy(receipt),
              "Findings before the deploy"),
        *_next(receipt.next_steps),
    ])  # fmt: skip


def answer_of_watch(watch: Watch) -> Answer:
    """A watch as tables; each figure of the plots as first, highest and last."""
    end = verdict(watch)
    seen = [tick for tick in watch.ticks if tick.reached]
    told = [Column("at", "at (UTC)"), Column("kind", "what"), Column("severity", "severity"), Column("code", "code"),
            Column("title", "title")]  # fmt: skip
    # Since when something is there that was there at the first look, nobody saw.
    standing = [{"code": code, "severity": one.severity, "since": None if one.before else one.since, "new": not one.before,
                 "title": one.title} for code, one in open_now(watch)]  # fmt: skip
    opened = [*named("code", "severity", "since"), Column("new", "new", "flag"), Column("title", "title")]
    figures = []
    for name, label in FIGURES.items():
        values = [float(tick.figures[name]) for tick in seen if tick.figures.get(name) is not None]
        if values:
            shown = [int(value) if value.is_integer() else value for value in (values[0], max(values), values[-1])]
            figures.append({"figure": label, **dict(zip(("first", "highest", "last"), shown, strict=True))})
    numbers = [Column("figure", "figure"), *named("first", "highest", "last", kind="number")]
    missed = [{"tick": slot + 1, "due": f"{span(watch.schedule.slots[slot])} after the start"} for slot in watch.missed]
    return Answer("report", [
        Text([[Span(end.sentence, "critical" if end.code else "ok")], place_of_watch(watch)]),
        Table("transitions", told, list(watch.transitions), "Findings that appeared and went"),
        Table("open", opened, standing, "Open now"),
        Table("figures", numbers, figures, "Figures"),
        Table("missed", [Column("tick", "look", "number"), Column("due", "due")], missed, "Looks that were missed"),
        *_next(watch.next_steps),
    ])  # fmt: skip


def _next(steps: tuple[tuple[str, str], ...]) -> list[Text]:
    lines: list[Line] = [[Span(f"{label}: "), Span(command, "code")] for label, command in steps]
    return [Text(["", *lines])] if lines else []

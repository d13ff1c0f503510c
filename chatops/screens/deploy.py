"""A deploy on the screen: its plan, what is in place when it stopped, its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from chatops import formatting
from chatops.deploys.command_text import command_shown
from chatops.deploys.receipt import Receipt
from chatops.frozen import frozen
from chatops.migrations.lost_rights import RoleLoses
from chatops.migrations.prepare import Prepared
from chatops.model import Answer, Column, Line, Span, Table, Text
from chatops.screens import lost_rights


@frozen
class Plan:
    """What a deploy would do here."""

    steps: Sequence[str]
    prepared: Prepared
    commands: Mapping[str, Sequence[str]]
    """The command lines of before, code and after."""
    path: Path
    monitor: str | None
    scenarios: bool
    losses: Sequence[RoleLoses] = ()
    """Which roles can do less once the files are in."""
    psql: str = ""
    """How a command begins that runs a statement."""

    @property
    def rows(self) -> list[dict[str, str]]:
        """Each step with what it does."""
        files = [entry.file.name for entry in self.prepared.plan.apply if entry.file is not None]
        told = {
            "preflight": "connection, role, rights, objects (doctor)",
            "baseline": "chats by state, queue, waits, findings; the catalog's fingerprint",
            "migrate": _files(files),
            **{step: " && ".join(command_shown(line) for line in lines) or "skipped" for step, lines in self.commands.items()},
            "verify": "schema checks" + (", then the guide's tests in a rolled-back transaction" if self.scenarios else ""),
            "monitor": self.monitor or "",
        }
        return [{"step": name, "does": told[name]} for name in self.steps]


def _files(names: Sequence[str]) -> str:
    if not names:
        return "nothing pending"
    told = ", ".join(names) if len(names) < 4 else f"{names[0]} to {names[-1]}"
    return f"{formatting.plural(len(names), 'file')}: {told}"


def plan_lines(plan: Plan) -> list[Line]:
    """The plan for people."""
    beyond = _beyond(plan)
    return ["", *([Span(f"  {row['step']:<10} "), Span(row["does"])] for row in plan.rows),
            [Span(f"  receipt    {plan.path}", "dim")], *beyond, *_losing(plan), ""]  # fmt: skip


def _losing(plan: Plan) -> list[Line]:
    """Which roles lose what they can do now, and the lines that keep it."""
    return lost_rights.lines(plan.losses, plan.psql, 0)


def _beyond(plan: Plan) -> list[Line]:
    """What is not applied as it lies beyond the file asked for, and what lies beyond it and is in."""
    files = plan.prepared.plan
    return [formatting.visible(told) for told in (files.beyond, files.not_taken_back) if told]


def plan_answer(plan: Plan, again: str, now: datetime | None) -> Answer:
    """`--dry-run`."""
    table = Table("steps", [Column("step", "step"), Column("does", "what it does")], plan.rows)
    nothing_left = bool(plan.prepared.plan.past) and not plan.prepared.plan.apply
    label = "Check, and hand the code over, all the same: " if nothing_left else "Do it: "
    lines: list[Line] = [*_beyond(plan), *_losing(plan), "", [Span(label), Span(again, "code")]]
    data = {"run": again, "beyond": [entry.name for entry in plan.prepared.plan.left], "roles": lost_rights.as_data(plan.losses)}
    files = len([entry for entry in plan.prepared.plan.apply if entry.file is not None])
    told = f"{formatting.plural(len(plan.rows), 'step')}, {formatting.plural(files, 'file')} to apply. Nothing was changed."
    return Answer("deploy", [Text([told]), table, Text(lines)], data, now)


def end_answer(receipt: Receipt, path: Path, next_steps: Sequence[tuple[str, str]], now: datetime | None) -> Answer:
    """What was done, and the next commands."""
    columns = [Column("name", "step"), Column("result", "result"), Column("seconds", "took", "duration"),
               Column("says", "says")]  # fmt: skip
    failed = receipt.failed
    head = Span("deployed", "ok") if failed is None else Span(f"not deployed: {failed.name} failed: {failed.says}", "critical")
    first: list[Line] = [[head], [Span(receipt.signature, "dim")]]
    lines: list[Line] = ["", *([Span(f"{label}: "), Span(line, "code")] for label, line in next_steps)]
    data = {"receipt": str(path), "before": receipt.before, "after": receipt.after, "signed": dict(receipt.signed)}
    return Answer("deploy", [Text(first), Table("steps", columns, list(receipt.steps)), Text(lines)], data, now)

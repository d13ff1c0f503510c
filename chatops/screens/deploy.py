"""A deploy on the screen: its plan, what is in place when it stopped, its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatops import formatting, settings
from chatops.deploys.receipt import Receipt
from chatops.migrations.prepare import Prepared
from chatops.model import Answer, Column, Line, Span, Table, Text


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy would do here."""

    steps: Sequence[str]
    prepared: Prepared
    commands: Sequence[str]
    path: Path
    monitor: str | None
    scenarios: bool

    @property
    def rows(self) -> list[dict[str, str]]:
        """Each step with what it does."""
        files = [entry.file.name for entry in self.prepared.plan.apply if entry.file is not None]
        told = {
            "preflight": "connection, role, rights, objects (doctor)",
            "baseline": "chats by state, queue, waits, findings; the catalog's fingerprint",
            "migrate": f"{formatting.plural(len(files), 'file')}: {', '.join(files)}" if files else "nothing pending",
            "code": " && ".join(command_shown(line) for line in self.commands) or "skipped",
            "verify": "schema checks" + (", then the guide's tests in a rolled-back transaction" if self.scenarios else ""),
            "monitor": self.monitor or "",
        }
        return [{"step": name, "does": told[name]} for name in self.steps]


def plan_lines(plan: Plan) -> list[Line]:
    """The plan for people."""
    return ["", *([Span(f"  {row['step']:<10} "), Span(row["does"])] for row in plan.rows),
            [Span(f"  receipt    {plan.path}", "dim")], ""]  # fmt: skip


def plan_answer(plan: Plan, again: str, now: datetime | None) -> Answer:
    """`--dry-run`."""
    table = Table("steps", [Column("step", "step"), Column("does", "what it does")], plan.rows)
    return Answer("deploy", [table, Text(["", [Span("Do it: "), Span(again, "code")]])], {"run": again}, now)


def end_answer(receipt: Receipt, path: Path, next_steps: Sequence[tuple[str, str]], now: datetime | None) -> Answer:
    """What was done, and the next commands."""
    columns = [Column("name", "step"), Column("result", "result"), Column("seconds", "took", "duration"),
               Column("says", "says")]  # fmt: skip
    lines: list[Line] = ["", [Span("deployed", "ok")], *([Span(f"{label}: "), Span(line, "code")] for label, line in next_steps)]
    return Answer("deploy", [Table("steps", columns, list(receipt.steps)), Text(lines)],
                  {"receipt": str(path), "before": receipt.before, "after": receipt.after}, now)  # fmt: skip


def command_shown(line: str) -> str:
    """A command line as it may be shown and kept: without control characters and the passwords of URLs."""
    return formatting.visible(settings.without_passwords(line))

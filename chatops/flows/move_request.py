"""What a command line says about moving chats, and what of it can be refused before there is a connection. Loads no driver."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatops.chats import rules
from chatops.errors import UsageError

RULES = rules.NAMES
MOST = 50
SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRequest:
    """The chats that are meant, where they go, and how that is done."""

    command: Literal["reassign", "release", "close", "reopen"]
    names: Sequence[str] = ()
    where: str | None = None
    stuck: str | None = None
    held_by: str | None = None
    idle: bool = False
    to: str | None = None
    force: Sequence[str] = ()
    most: int = MOST
    rate: str | None = None
    stop_after: int | None = None
    plan_out: Path | None = None
    plan: Path | None = None
    dry_run: bool = False
    yes: bool = False
    reason: str | None = None
    no_audit: bool = False
    every_row: bool = False

    @property
    def shown(self) -> int | None:
        """How many chats a preview shows; None: all."""
        return None if self.every_row else SHOWN

    @property
    def looks_only(self) -> bool:
        """Whether nothing is changed."""
        return self.dry_run or self.plan_out is not None

    @property
    def logged(self) -> bool:
        """Whether what is done stays, and is logged."""
        return not self.dry_run and not self.no_audit

    def again(self) -> list[str]:
        """The words that name the same chats again."""
        parts: list[str] = [self.command, *(shlex.quote(name) for name in self.names)]
        pairs = (("--where", self.where), ("--stuck", self.stuck), ("--from", self.held_by), ("--to", self.to))
        for flag, value in pairs:
            parts += [flag, shlex.quote(value)] if value is not None else []
        parts += ["--idle"] if self.idle else []
        parts += [f"--force={','.join(self.force)}"] if self.force else []
        return parts

    def as_asked(self) -> list[str]:
        """The words that keep a command one that changes nothing, where this one was."""
        plan = ["--plan-out", shlex.quote(str(self.plan_out))] if self.plan_out is not None else []
        return plan + (["--dry-run"] if self.dry_run else [])

    def doing(self) -> list[str]:
        """The words that do what a dry run has shown."""
        parts = [self.command, "--plan", shlex.quote(str(self.plan))] if self.plan is not None else self.again()
        parts += ["--max", str(self.most)] if self.most != MOST else []
        return parts + (["--no-audit"] if self.no_audit else [])

    def check(self) -> None:
        """Raises UsageError for what contradicts itself or says too little."""
        rules.rules(self.force)
        per_second(self.rate)
        given = {
            "CHAT": bool(self.names), "--where": self.where is not None, "--stuck": self.stuck is not None,
            "--from": self.held_by is not None, "--idle": self.idle, "--plan": self.plan is not None,
        }  # fmt: skip
        chosen = [name for name, is_given in given.items() if is_given]
        if len(chosen) > 1:
            raise UsageError(f"{' and '.join(chosen)} both say which chats; give one of them")
        if not chosen:
            raise UsageError(
                "say which chats: CHAT …, - for ids on stdin, --where CODE, --stuck TIME, --from OPERATOR"
                + (", --idle" if self.command == "release" else ""),
            )
        if self.plan is not None and (self.to is not None or self.force or self.plan_out is not None):
            raise UsageError("--plan brings its own targets and rules; --to, --force and --plan-out belong to its making")
        if self.no_audit and self.plan is not None:
            raise UsageError("--plan needs the log, to know what is done already")


def per_second(rate: str | None) -> float | None:
    """A speed such as 10, 10/s or 300/m, in chats a second. Raises UsageError.

    >>> per_second("10/s"), per_second("300/m"), per_second(None)
    (10.0, 5.0, None)
    """
    if rate is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?\s*", rate)
    if match is None or float(match[1]) <= 0:
        raise UsageError("--rate takes chats a second, such as 10/s, or 300/m")
    return float(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]

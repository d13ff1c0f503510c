"""What the desk asks of whoever holds the connection; each call may take a while and is made in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from chatops.chats.desk import Look
from chatops.chats.reassignment import MovePlan
from chatops.checks.results import Survey
from chatops.screens.console import Key

Act = Literal["reassign", "release"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an act would do to one chat, as it stood when it was planned; `problem` says why it is refused."""

    act: Act
    chat_id: UUID
    to: str
    plan: MovePlan | None
    lines: Sequence[str]
    command: str
    last_message_at: datetime | None = None
    problem: str | None = None

    @property
    def button(self) -> str:
        """The act in words."""
        return f"{self.act.capitalize()} 1 chat"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of an act: `action_id` when it was done; else what was different, and the plan as it is now."""

    action_id: int | None
    lines: Sequence[str]
    proposal: Proposal | None = None


class Source(Protocol):
    """The database behind the desk."""

    name: str
    where: str
    production: bool
    show_names: bool

    def look(self) -> Look:
        """One snapshot. Raises ChatopsError."""

    def check(self) -> Survey:
        """The checks, in a snapshot of their own. Raises ChatopsError."""

    def about(self, key: Key, width: int) -> str:
        """A chat or an operator with a timeline. Raises ChatopsError."""

    def plan(self, act: Act, chat_id: UUID, to: str) -> Proposal:
        """What the act would do. Raises ChatopsError."""

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Acts, if everything still is as proposed. Raises ChatopsError."""

    def here(self, *words: str) -> str:
        """A command line that names this database."""

    def stop(self) -> None:
        """Ends what is running."""

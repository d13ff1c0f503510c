"""What the desk asks of whoever holds the connection; each call may take a while and is made in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal, Protocol

from chatops.chats.desk import Look, TenantsLook, Wait
from chatops.checks.results import Survey
from chatops.formatting import plural
from chatops.frozen import frozen
from chatops.screens.console import Key

Act = Literal["reassign", "release", "drain", "undo"]
KINDS: Mapping[Act, str] = {"reassign": "chat", "release": "chat", "drain": "operator", "undo": "action"}
"""What each act is about: the kind of its rows."""


@frozen
class Standing:
    """What is compared before an act: how one thing stood when the act was planned, in words by what they are about."""

    name: str
    told: Mapping[str, str]
    last_message_at: datetime | None = None
    counter: tuple[object, ...] = ()
    """What changes with everything else that is done to it."""


@frozen
class Proposal:
    """What an act would do, as things stood when it was planned; `problem` says why it is refused.

    `keys` are the rows it is about, `plan` belongs to who made it; `stood` is compared again before anything is done.
    """

    act: Act
    keys: Sequence[Key]
    to: str
    lines: Sequence[str]
    command: str
    plan: object = None
    stood: Mapping[str, Standing] = field(default_factory=dict)
    problem: str | None = None

    @property
    def button(self) -> str:
        """The act in words."""
        return f"{self.act.capitalize()} {plural(len(self.keys), KINDS[self.act])}"

    @property
    def has_target(self) -> bool:
        """Whether somebody may be named who gets the chats."""
        return self.act in ("reassign", "drain")


@frozen
class Done:
    """What became of an act: `action_id` when something was done; else what was different, and the plan as it is now."""

    action_id: int | None
    lines: Sequence[str]
    proposal: Proposal | None = None


class Source(Protocol):
    """The database behind the desk."""

    name: str
    where: str
    production: bool
    show_names: bool

    def look(self) -> Look | TenantsLook:
        """One snapshot; of many tenants one of each. Raises ChatopsError."""

    def waits(self) -> Sequence[Wait]:
        """The longest wait at moments of the last hour. Raises ChatopsError."""

    def checks(self) -> Iterator[Survey | None]:
        """The checks, in several short snapshots: after each what is known by then, the whole at last. Raises ChatopsError."""

    def hurry(self) -> None:
        """Ends the check that runs, to be begun again later: somebody waits for a look."""

    def about(self, key: Key, width: int) -> str:
        """A chat or an operator with a timeline, or what a finding means. Raises ChatopsError."""

    def plan(self, act: Act, keys: Sequence[Key], to: str) -> Proposal:
        """What the act would do. Raises ChatopsError."""

    def carry_out(self, proposal: Proposal, reason: str) -> Done:
        """Acts, if everything still is as proposed. Raises ChatopsError."""

    def tenant(self, name: str) -> Source:
        """The desk of one tenant, which says so of its command lines. Raises ChatopsError."""

    def here(self, *words: str) -> str:
        """A command line that names this database."""

    def stop(self) -> None:
        """Ends what is running."""

    def close(self) -> None:
        """Closes the connection until the next look."""

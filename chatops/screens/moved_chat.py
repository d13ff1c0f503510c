"""One chat of a plan of moves, as its table reads it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from chatops import formatting, states
from chatops.chats.reassignment import Details
from chatops.frozen import frozen


@frozen
class MovedChat:
    """One chat of a plan, and what became of it."""

    chat_id: UUID
    state_before: str | None
    operator_before_id: UUID | None
    operator_before: str | None
    state_after: str | None
    operator_after_id: UUID | None
    operator_after: str | None
    outcome: str
    detail: str | None
    action_id: int | None
    plan_id: UUID
    show_names: bool = False
    holder_seen: datetime | None = None
    operator_after_seen_at: datetime | None = None
    details: Details | None = None

    @property
    def user_name(self) -> str | None:
        """Who writes."""
        return self.details.user_name if self.details else None

    @property
    def profile_name(self) -> str | None:
        """To whom they write."""
        return self.details.profile_name if self.details else None

    @property
    def waits_since(self) -> datetime | None:
        """Since when the user waits for an answer."""
        return self.details.waits_since if self.details else None

    @property
    def holder(self) -> str:
        """Who held it, as the medium may show it."""
        return person(self.operator_before, self.operator_before_id, show_names=self.show_names)

    @property
    def taker(self) -> str:
        """Who gets it, as the medium may show it."""
        return person(self.operator_after, self.operator_after_id, show_names=self.show_names)

    @property
    def now(self) -> str:
        """The state before, in words."""
        return states.brief(self.state_before)

    @property
    def becomes(self) -> str:
        """The state now and then, in words."""
        return self.now if self.now == self.then else f"{self.now} → {self.then}"

    @property
    def then(self) -> str:
        """The state after, in words."""
        return states.brief(self.state_after)


def person(name: str | None, operator_id: UUID | None, *, show_names: bool) -> str:
    """An operator for people: the name, or where logs are public its first letter and the beginning of the id; "" for nobody."""
    if operator_id is None:
        return ""
    if not (name or "").strip():
        return str(operator_id)[:8]
    return formatting.called(name) if show_names else f"{formatting.initial(name)} {str(operator_id)[:8]}"

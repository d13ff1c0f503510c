"""Columns that several tables have."""

from __future__ import annotations

from chatops.model import Column

TAKEN = Column("taken", "chats taken", "number", rank=2)


def whose_chat(*, chat: int, user: int, profile: int) -> tuple[Column, ...]:
    """A chat, its user and its profile, by the ranks they have."""
    return (
        Column("chat_id", "chat", "id", rank=chat),
        Column("user_name", "user", "person", rank=user),
        Column("profile_name", "profile", "person", rank=profile),
    )


def operator(heading: str, rank: int, name: str = "operator") -> tuple[Column, ...]:
    """An operator by name; programs get the id, too. `name` is what the row's fields begin with."""
    return Column(f"{name}_name", heading, "person", rank=rank), Column(f"{name}_id", heading, "id", audience="machines")


def operator_of_row(rank: int) -> tuple[Column, ...]:
    """The operator whom a row is about: the name first, the id by its rank."""
    return Column("name", "operator", "person", rank=0), Column("operator_id", "id", "id", rank=rank)

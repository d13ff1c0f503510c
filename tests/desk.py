"""A small office on a database: operators, users who write, and the application's sessions; on the original or on ours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from chatops.chats import writers
from tests.original_writers import Session
from tests.servers import Database

_number = itertools.count(1)


class Desk:
    """Operators, chats and sessions of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.app = Session(database)

    def session(self, **options: Any) -> Session:
        """Another client of the application."""
        return Session(self.database, **options)

    # ---- people and chats ------------------------------------------------------------------------------------------

    def operator(self, name: str = "") -> UUID:
        """An operator on shift."""
        name = name or f"operator-{next(_number)}"
        return self.app.value(
            "insert into operators (name, is_active, is_available) values (%s, true, true) returning id", [name]
        )  # type: ignore[no-any-return]

    def empty_chat(self) -> UUID:
        """A chat in which nobody has written."""
        user = self.app.value("insert into real_users (name) values (%s) returning id", [f"user-{next(_number)}"])
        profile = self.app.value("insert into fictional_users (name) values ('profile') returning id")
        return self.app.write(writers.create_chat(user, profile))  # type: ignore[no-any-return]

    def waiting_chat(self, content: str = "hello") -> UUID:
        """A chat whose user has just written."""
        chat = self.empty_chat()
        self.says(chat, content)
        return chat

    def says(self, chat: UUID, content: str = "and?") -> None:
        """The user writes."""
        self.app.write(writers.user_message(chat, content))

    def takes(self, operator: UUID) -> UUID | None:
        """The operator asks for the next chat."""
        return self.app.write(writers.assign(operator))  # type: ignore[no-any-return]

    def replies(self, chat: UUID, operator: UUID, content: str = "hi") -> bool:
        """The operator answers."""
        return self.app.write(writers.operator_reply(chat, operator, content))  # type: ignore[no-any-return]

    def held_chat(self, operator: UUID) -> UUID:
        """A chat that the operator has just got."""
        chat = self.waiting_chat()
        taken = self.takes(operator)
        assert taken == chat, f"{operator} got {taken}"
        return chat

    def answered_chat(self, operator: UUID) -> UUID:
        """A chat that waits for its user."""
        chat = self.held_chat(operator)
        assert self.replies(chat, operator)
        return chat

    # ---- what stands in the tables ---------------------------------------------------------------------------------

    def state(self, chat: UUID) -> str | None:
        """The chat's state."""
        return self.app.value("select chat_state from chats where id = %s", [chat])  # type: ignore[no-any-return]

    def holder(self, chat: UUID) -> UUID | None:
        """Who holds the chat."""
        return self.app.value("select assigned_operator_id from chats where id = %s", [chat])  # type: ignore[no-any-return]

    def newest_sender(self, chat: UUID) -> str:
        """Who wrote last."""
        return self.app.value("select sender_type from messages where chat_id = %s order by created_at desc limit 1", [chat])  # type: ignore[no-any-return]

    def open_assignments(self, chat: UUID) -> list[UUID]:
        """The operators of the chat's open assignments."""
        rows = self.app.execute("select operator_id from chat_assignments where chat_id = %s and released_at is null", [chat])
        return [row[0] for row in rows]

    def contradictions(self) -> list[Any]:
        """Chats whose state, operator and activity do not agree, or that have no state."""
        return self.app.execute(
            "select id, chat_state, assigned_operator_id, is_active from chats where chat_state is null or is_active is null"
            " or (chat_state = 'assigned') <> (assigned_operator_id is not null) or (chat_state = 'completed') = is_active"
        )

    # ---- time, and what the application would not write ------------------------------------------------------------

    @contextmanager
    def history(self) -> Iterator[Session]:
        """Writes that no guard sees, for what happened long ago."""
        self.app.execute("set session_replication_role = replica")
        yield self.app
        self.app.execute("set session_replication_role = origin")

    def was_silent(self, chat: UUID, minutes: int = 60) -> None:
        """The chat was taken so long ago, and its holder has not been heard of since."""
        with self.history() as past:
            past.execute("update chats set assignment_time = now() - make_interval(mins => %s) where id = %s", [minutes, chat])
            past.execute(
                "update chat_assignments set assigned_at = now() - make_interval(mins => %s)"
                " where chat_id = %s and released_at is null",
                [minutes, chat],
            )
            past.execute(
                "update operator_activity set last_activity = now() - make_interval(mins => %s) where chat_id = %s",
                [minutes, chat],
            )

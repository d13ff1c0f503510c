"""What users and operators do all day, in one connection and taken back: which of it does not come through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from chatops.chats import writers
from chatops.chats.writers import Rows, Step, Writer
from chatops.db import placeholders

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Failed:
    """An act that did not come through, and how it was noticed."""

    act: str
    why: str


@dataclass(frozen=True)
class Acts:
    """A user, two operators and a profile of the platform's own database (tests/application_schema.sql).

    `connection` belongs to a superuser, inside a transaction.
    """

    connection: Connection
    user: UUID
    operators: tuple[UUID, UUID]
    profile: UUID

    @classmethod
    def begin(cls, connection: Connection) -> Acts:
        def account(name: str) -> UUID:
            return connection.execute("insert into auth.users (email) values (%s) returning id", [f"{name}@acts"]).fetchone()[0]  # type: ignore[index, no-any-return]

        user, ann, ben = account("user"), account("ann"), account("ben")
        connection.execute("insert into real_users (id, name) values (%s, 'a user of the acts')", [user])
        for operator in (ann, ben):
            connection.execute(
                "insert into operators (id, name, email, is_active, is_available) values (%s, %s, %s, true, true)",
                [operator, f"operator {operator}", f"{operator}@acts"],
            )
        profile = connection.execute("insert into fictional_users (name) values ('a profile') returning id").fetchone()
        assert profile is not None
        return cls(connection, user, (ann, ben), profile[0])

    def failing(self) -> list[Failed]:
        """What fails of a day: written by people themselves, and by the application's server for them."""
        found = []
        for as_server in (False, True):
            self.connection.execute("savepoint acts")
            failed = self._day(as_server)
            self.connection.execute("rollback to savepoint acts; release savepoint acts")
            found += [failed] if failed else []
        return found

    def _day(self, as_server: bool) -> Failed | None:
        """A new chat; twice taken, answered and written into again; taken once more, and given back."""
        act = "a new chat"
        try:
            chat = self._write(as_server, self.user, writers.create_chat(self.user, self.profile))
            self._write(as_server, self.user, writers.user_message(chat, "hello"))
            if self._stands(chat) != ("waiting_assignment", None, True, 0):
                return Failed(act, f"stands as {self._stands(chat)}")
            for operator in self.operators:
                act = "assigning"
                got = self._write(as_server, operator, writers.assign(operator))
                if got != chat or self._stands(chat) != ("assigned", operator, True, 1):
                    return Failed(act, f"gave {got}, the chat stands as {self._stands(chat)}")
                act = "a reply"
                if not self._write(as_server, operator, writers.operator_reply(chat, operator, "good day")):
                    return Failed(act, "its chat is not seen")
                if self._stands(chat) != ("waiting_real_user_reply", None, False, 0):
                    return Failed(act, f"the chat stands as {self._stands(chat)}")
                act = "a message"
                self._write(as_server, self.user, writers.user_message(chat, "and then?"))
                if self._stands(chat) != ("waiting_assignment", None, True, 0):
                    return Failed(act, f"the chat stands as {self._stands(chat)}")
            act = "messages"
            if (kept := self._value("select count(*) from messages where chat_id = %s", chat)) != 5:
                return Failed(act, f"{kept} of 5 are kept")
            act = "giving back"
            self._write(as_server, self.operators[0], writers.assign(self.operators[0]))
            self._write(as_server, self.operators[0], writers.unassign(chat))
            if self._stands(chat) != ("waiting_assignment", None, True, 0):
                return Failed(act, f"the chat stands as {self._stands(chat)}")
        except (psycopg.Error, writers.DatabaseError) as error:
            return Failed(act, str(error).partition("\n")[0])
        return None

    def _write(self, as_server: bool, who: UUID, writer: Writer[Any]) -> Any:
        role = "service_role" if as_server else "authenticated"
        claims = json.dumps({"role": role} | ({} if as_server else {"sub": str(who)}))
        self.connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        self.connection.execute(f"set local role {role}")

        def run(step: Step) -> Rows:
            with self.connection.cursor(row_factory=dict_row) as cursor:
                cursor.execute(placeholders(step.text), dict(step.parameters))
                return cursor.fetchall() if cursor.description else []

        done = writers.drive(writer, run)
        self.connection.execute("reset role")
        return done

    def _stands(self, chat: UUID) -> tuple[Any, ...] | None:
        return self.connection.execute(
            "select c.chat_state, c.assigned_operator_id, c.waiting_since is not null,"
            " (select count(*) from chat_assignments as a where a.chat_id = c.id and a.released_at is null)"
            " from chats as c where c.id = %s",
            [chat],
        ).fetchone()

    def _value(self, query: str, chat: UUID) -> Any:
        row = self.connection.execute(query, [chat]).fetchone()  # type: ignore[arg-type]
        return row[0] if row else None

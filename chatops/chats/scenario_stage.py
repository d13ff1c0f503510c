"""The stage of the guide's tests: made-up people and chats, what they do by the application's own statements, what is seen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

from chatops import sqlfiles
from chatops.chats import own_refusals, writers
from chatops.chats.made_up_rows import make_row
from chatops.chats.writers import Result, Rows, Step, Writer
from chatops.db import Database, identifier
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.frozen import frozen

Verdict = Literal["passed", "failed", "unknown", "not tried", "not promised"]
CANNOT = ("42501", "42883", "42P01", "42703", "55P03", "57014", "23502", "23503", "428C9", "40P01")
"""Errors that say that a step could not be lived through, not how the system behaves."""
LONGEST_SECONDS = 10
"""How long all steps may take: they keep locks on what they made, and on what the database's own functions touch."""
OPERATORS = ("A", "B", "C", "D")


@frozen
class Promise:
    """What must hold, and since which file (its name) it is promised; None: the deployed system keeps it."""

    name: str
    since: str | None = None

    @property
    def number(self) -> str | None:
        """The number of that file."""
        return None if self.since is None else self.since.partition("_")[0]


@frozen
class Played:
    """One step of the guide's tests: what was expected, what was seen; `since` is the number of the file that promises it.

    Not tried: this session may not become the role whose step it is, or may not make something up. It is
    neither kept nor broken.
    """

    name: str
    result: Verdict
    expected: str
    seen: str
    since: str | None = None

    @property
    def by_role(self) -> bool:
        """Whether it is something that a role of the application does all day."""
        return self.name.startswith("as ")


@frozen
class AppRole:
    """A role as which the application comes: what grants let it do by now, and what they let it do when chatops last kept them.

    `named`: one of the hosting's, each of which has to be given chats. `comes`: it is granted more than a migration grants.
    `may` are the ways that its grants give it, by what it does. `lets` is the statement that lets this login become it,
    `back` what takes that away again, and `lends` by what this login may run it, "" where only somebody else may.
    """

    name: str
    named: bool
    comes: bool
    may: Mapping[str, Sequence[str]]
    could: frozenset[str] = frozenset()
    lets: str = ""
    back: str = ""
    lends: str = ""
    enters: bool = True
    """Whether it may use the schema of the chats: without, the server says of all there that it does not exist."""


@frozen
class Way:
    """One way to do something: what it is called, and the doing."""

    called: str
    does: Callable[[], object]


@frozen
class Seen:
    """What has become of a chat."""

    chat_state: str | None
    assigned_operator_id: UUID | None
    last_operator_id: UUID | None
    has_reply: bool
    turns: int
    open_turns: int
    answered_turns: int
    open_operators: list[UUID] | None
    messages: int
    old: bool
    """Whether it was given to its holder over half an hour ago."""


GONE = Seen("gone, or hidden", None, None, False, 0, 0, 0, None, 0, False)


NOT_FIRST = "the made-up ones could not be put first; while users wait only the tables' owner can run this"


class PlayOver(Exception):  # noqa: N818 - the play is over, whatever was seen is kept
    """The transaction must be rolled back now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Stage:
    """Made-up people and chats in one session, and what was lived through so far; `files` are those that are in."""

    database: Database
    files: frozenset[str] = frozenset()
    played: list[Played] = field(default_factory=list)
    made: list[UUID] = field(default_factory=list)
    chats: dict[UUID, str] = field(default_factory=dict)
    people: dict[UUID, str] = field(default_factory=dict)
    users: dict[UUID, UUID] = field(default_factory=dict)
    """The user of each chat."""
    began: float = field(default_factory=time.monotonic)
    roles: list[AppRole] = field(default_factory=list)
    """Those as which the application comes."""
    counted: int = 0
    """So many refusals of ours the guards count, because this role may not take them back."""

    # -- steps ----------------------------------------------------------------------------------------------------------

    def step(self, promise: Promise, expected: str, act: Callable[[], tuple[bool | None, str]], *, undone: bool = False) -> None:
        """One step in a savepoint; `undone` ones leave nothing for the next. An error of the server is what was seen.

        Whether it came about is None for one that could not be tried.
        """
        if time.monotonic() - self.began > LONGEST_SECONDS:
            raise PlayOver(f"all steps together take longer than {LONGEST_SECONDS} s here, so all was rolled back")
        self.database.execute("savepoint chatops_scenario")
        try:
            good, seen = act()
        except ConnectionLostError:
            raise
        except DatabaseError as error:
            self.database.execute("rollback to savepoint chatops_scenario")
            self.uncounted(error)
            if error.sqlstate in CANNOT:
                raise PlayOver(error.message) from None
            self.played.append(self.judged(promise, False, expected, error.message))
            return
        if undone:
            self.database.execute("rollback to savepoint chatops_scenario")
        self.played.append(self.judged(promise, good, expected, seen))

    def judged(self, promise: Promise, good: bool | None, expected: str, seen: str) -> Played:
        """What a step comes to: a promise of a file that is not in cannot be broken."""
        promised = promise.since is None or promise.since in self.files
        verdict: Verdict = "not tried" if good is None else "passed" if good else "failed" if promised else "not promised"
        return Played(promise.name, verdict, expected, seen, promise.number)

    def uncounted(self, refusal: DatabaseError) -> None:
        """Takes a refusal back from the guards' counter: they count what people are refused, not what we try."""
        if own_refusals.take_back(self.database, refusal) is False:
            self.counted += 1

    def stop(self, promises: tuple[Promise, ...], reason: str) -> None:
        """What was not lived through is unknown."""
        done = {step.name for step in self.played}
        for promise in promises:
            if promise.name not in done:
                self.played.append(Played(promise.name, "unknown", "to be lived through", reason, promise.number))
                reason = "not reached"

    # -- people and chats -----------------------------------------------------------------------------------------------

    def person(self, name: str) -> UUID:
        """An operator of that name, to be made by `prepare`."""
        made = uuid4()
        self.people[made] = name
        return made

    def prepare(self, chats: int = 2) -> tuple[bool, str]:
        """Operators on shift, and so many chats at the head of the queue, chat 1 first. Whatever hinders that is unknown."""
        try:
            for operator in self.people:
                self.make("operators", operator, is_active=True, is_available=True, last_activity="now", total_messages=0)
            for number in range(1, chats + 1):
                self.chats[self.new_chat()] = f"chat {number}"
        except ConnectionLostError:
            raise
        except DatabaseError as error:
            raise PlayOver(f"nobody could be made up: {error.message}") from None
        for chat in reversed(self.chats):  # each goes before all that wait: chat 1 last, to stand first
            self.to_head(chat, "1 second")
        states = [self.look(chat).chat_state for chat in self.chats]
        return states == ["waiting_assignment"] * chats, f"{chats} chats, {', '.join(str(state) for state in states)}"

    def new_chat(self) -> UUID:
        """A made-up user who has just written to a made-up profile."""
        user, profile = uuid4(), uuid4()
        self.make("real_users", user, username=f"chatops-{user}", is_active=True)
        self.make("fictional_users", profile, is_active=True)
        chat = self.drive(writers.create_chat(user, profile))
        self.users[chat] = user
        self.drive(writers.user_message(chat, "chatops scenario: hello"))
        return chat

    def make(self, table: str, key: UUID, **known: object) -> None:
        """One made-up person as a real row."""
        who = {"name": f"chatops scenario {key}", "email": f"{key}@chatops.invalid", "created_at": "now", "updated_at": "now"}
        self.made += [made for _, _, made in make_row(self.database, table, key, {**who, **known})]

    def to_head(self, chat: UUID, lead: str) -> None:
        """Back-dated by the marker with which our own functions write, as no application could."""
        facts = self.database.facts
        text = sqlfiles.query("queries/scenario_head.sql", before_018=facts is None or not facts.goes_by_clocks)
        with self.marked():
            self.database.execute(text, {"chat_id": chat, "lead": lead})
            # This session may remember where the head of the queue was.
            self.database.execute("select pg_catalog.set_config('chatops.queue_head', '', true)")

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Writes inside are taken for our own functions'."""
        self.database.annotate({"chatops.write": "function"})
        try:
            yield
        finally:
            if self.database.in_transaction and not self.database.failed:
                self.database.annotate({"chatops.write": ""})

    # -- what they do -----------------------------------------------------------------------------------------------------

    def assign(self, operator: UUID) -> UUID | None:
        """What the operator gets; a chat of somebody real ends the play at once."""
        given = self.drive(writers.assign(operator))
        if given is not None and given not in self.chats:
            failed = any(step.result in ("failed", "not promised") for step in self.played)
            why = "after what failed above, none of ours waited" if failed else NOT_FIRST
            raise PlayOver(f"assign gave a real chat, so all was rolled back at once: {why}")
        return given

    def done_as(
        self, role: AppRole, act: str, who: UUID, ways: Sequence[Way], seen: Callable[[], tuple[bool, str]]
    ) -> tuple[bool | None, str]:
        """Whether a role of the application may do something, by which of these ways, and what is `seen` of it: each tried as
        that role, with who asks as the pages tell it. Nothing of it stays. None where this session may not become the role:
        grants alone tell that it might, or that it may not."""
        if not role.enters:
            return False, f"it may not use schema {self.database.target.schema}"
        claims = json.dumps({"sub": str(who), "role": role.name})
        goes: list[str] = []
        told: dict[str, list[str]] = {}
        for way in ways:
            self.database.execute("savepoint chatops_role")
            try:
                self.database.annotate({"request.jwt.claims": claims, "request.jwt.claim.sub": str(who)})
                self.database.execute(f"set local role {identifier(role.name)}")
            except ConnectionLostError:
                raise
            except DatabaseError:
                self.database.execute("rollback to savepoint chatops_role")
                may = role.may.get(act, ())
                grants = f"its grants let it, by {listed(may)}" if may else "its grants refuse it"
                return None if may else False, f"{grants}; not tried, for {self.login} may not become {role.name}"
            try:
                way.does()
                self.database.execute(f"set local role {identifier(self.role)}")
                good, became = seen()
            except ConnectionLostError:
                raise
            except DatabaseError as error:
                good, became = False, error.message
                self.database.execute("rollback to savepoint chatops_role")
                self.uncounted(error)
            else:
                self.database.execute("rollback to savepoint chatops_role")
            if good:
                goes.append(way.called)
            else:
                told.setdefault(became, []).append(way.called)
        if goes:
            without = [called for some in told.values() for called in some if called not in goes]
            return True, f"by {listed(goes)}" + (f"; not by {listed(without)}" if without else "")
        return False, "; ".join(f"by {listed(some)}: {became}" for became, some in told.items())

    @property
    def login(self) -> str:
        """As who this session logged in: only what that role belongs to can it become."""
        return "this role" if self.database.facts is None else self.database.facts.login

    @property
    def role(self) -> str:
        """As which this session writes."""
        return "" if self.database.facts is None else self.database.facts.role

    def gets(self, operator: UUID, chat: UUID | None) -> tuple[bool, str]:
        """Whether the operator is given that chat."""
        given = self.assign(operator)
        return given == chat, f"{self.people[operator]} got {self.named(given)}"

    def drive(self, writer: Writer[Result]) -> Result:
        """Runs a writer of the application to its end."""
        return writers.drive(writer, self.run)

    def run(self, step: Step) -> Rows:
        """Runs one statement of a writer."""
        text = sqlfiles.body(step.text)
        if text.split(None, 1)[0].lower() == "select" or "returning" in text:
            return self.database.mappings(text, step.parameters)
        self.database.execute(text, step.parameters)
        return []

    # -- what is seen -----------------------------------------------------------------------------------------------------

    def look(self, chat: UUID) -> Seen:
        """What has become of a chat."""
        found = self.database.rows(Seen, sqlfiles.read("queries/scenario_seen.sql"), {"chat_id": chat})
        return found[0] if found else GONE

    def held(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        """Whether that operator holds the chat."""
        seen = self.look(chat)
        good = seen.chat_state == "assigned" and seen.assigned_operator_id == operator
        return good, f"{seen.chat_state}, {self.called(seen.assigned_operator_id)} holds it"

    def called(self, operator: UUID | None) -> str:
        """An operator by the name on the stage."""
        return "nobody" if operator is None else self.people.get(operator, "somebody")

    def named(self, chat: UUID | None) -> str:
        """A chat by its name on the stage."""
        return "no chat" if chat is None else self.chats.get(chat, "a real chat")


def listed(ways: Sequence[str]) -> str:
    """Ways in one row, each once.

    >>> listed(["release_chat()", "UPDATE of chats", "UPDATE of chats"])
    'release_chat(), UPDATE of chats'
    """
    return ", ".join(dict.fromkeys(ways))


def files_in(database: Database) -> frozenset[str]:
    """The shipped files that the ledger says are in, inside a transaction; where it may not be read, those whose objects are
    there. None where there is no ledger."""
    if database.facts is None or not database.facts.has_ledger:
        return frozenset()
    try:
        with database.savepoint("chatops_files"):
            parameters = {"schema": database.target.schema, "guards": ""}
            found = database.mappings(sqlfiles.read("queries/check_applied.sql"), parameters)
    except DatabaseError as error:
        if error.sqlstate != "42501":
            return frozenset()
        found = database.mappings(sqlfiles.read("queries/scenario_files.sql"))
    return frozenset(str(name) for name in found[0]["files"])

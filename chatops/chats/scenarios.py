"""The guide's tests for real: made-up people live through them in a transaction that is rolled back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid4

from chatops import db, formatting, sqlfiles
from chatops.chats import writers
from chatops.chats.writers import Result, Step, Writer
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.model import Answer, Column, Line, Outcome, Span, Style, Table, Text

Verdict = Literal["passed", "failed", "unknown"]
CANNOT = ("42501", "42883", "42P01", "42703", "55P03", "57014", "23502", "23503", "428C9", "40P01")
"""Errors that say that a step could not be lived through, not how the system behaves."""
LONGEST_SECONDS = 10
"""How long all steps may take: they keep locks on what they made, and on what the database's own functions touch."""
SIGNS: dict[Verdict, tuple[str, Style]] = {"passed": ("✓", "ok"), "failed": ("✗", "critical"), "unknown": ("?", "warning")}


@dataclass(frozen=True, slots=True)
class Played:
    """One step of the guide's tests: what was expected, what was seen."""

    name: str
    result: Verdict
    expected: str
    seen: str


@dataclass(frozen=True, slots=True)
class Performance:
    """All steps; `remaining` is how many rows of the made-up people are in the database afterwards; `moved` are the sequences
    that went on meanwhile and by how much, which no rollback takes back; `rows` are the rows of each table before and after,
    None for one that was not counted; both are None where nobody looked."""

    steps: tuple[Played, ...]
    remaining: int
    moved: Mapping[str, int] | None = None
    rows: Mapping[str, tuple[int | None, int | None]] | None = None

    @property
    def passed(self) -> bool:
        """Whether every step did, and nothing remains."""
        return not self.remaining and all(step.result == "passed" for step in self.steps)


@dataclass(frozen=True, slots=True)
class _Seen:
    chat_state: str | None
    assigned_operator_id: UUID | None
    last_operator_id: UUID | None
    has_reply: bool
    turns: int
    open_turns: int
    answered_turns: int
    open_operators: list[UUID] | None


class _Enough(Exception):  # noqa: N818 - the play is over, whatever was seen is kept
    """The transaction must be rolled back now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def play(database: Database) -> Performance:
    """Lives through the guide's tests inside one transaction that is always rolled back, with the deployed application's
    own statements. A step that could not be lived through is unknown, with the reason; so are those behind it.

    Raises RefusedError on a standby, ConnectionLostError.
    """
    stage = _Stage(database)
    with database.reading():
        sequences, before = _sequences(database), _rows(database)
    with database.acting(rollback=True):
        # Whoever hangs here with locks is ended by the server.
        database.annotate({"idle_in_transaction_session_timeout": f"{LONGEST_SECONDS}s"})
        try:
            stage.all()
        except _Enough as enough:
            stage.stop(enough.reason)
    with database.reading():
        remaining = 0
        if database.facts is not None and database.facts.has_chats:
            ids = [str(one) for one in stage.made]
            remaining = int(database.value(sqlfiles.read("queries/scenario_left.sql"), {"ids": ids}))
        moved = {name: value - sequences.get(name, 0) for name, value in _sequences(database).items()}
        after = _rows(database)
    rows = {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
    return Performance(tuple(stage.played), remaining, {name: steps for name, steps in moved.items() if steps}, rows)


def _sequences(database: Database) -> dict[str, int]:
    return {str(name): int(value) for name, value in database.tuples(sqlfiles.read("queries/scenario_sequences.sql"))}


def _rows(database: Database) -> dict[str, int | None]:
    """The rows of each table; None for one that was not counted, and for all where that took longer than one statement may."""
    tables = [
        (str(schema), str(name), bool(counts))
        for schema, name, counts in database.tuples(sqlfiles.read("queries/scenario_rows.sql"))
    ]
    found: dict[str, int | None] = {f"{schema}.{name}": None for schema, name, _ in tables}
    texts = [
        f"select {db.literal(f'{schema}.{name}')}, count(*) from {db.identifier(schema)}.{db.identifier(name)}"
        for schema, name, counts in tables
        if counts
    ]
    if texts:
        try:
            with database.savepoint("chatops_rows"):
                found.update({str(name): int(rows) for name, rows in database.tuples(" union all ".join(texts))})
        except ConnectionLostError:
            raise
        except DatabaseError:
            return found
    return found


NAMES = (
    "made-up people and chats", "assign: the oldest chat first", "concurrent messages", "stale write of the application",
    "double click", "one assignment = one conversation", "reply", "same-operator prevention", "somebody else gets it",
    "late reply", "idle release", "admin reassign", "stats",
)  # fmt: skip


@dataclass(slots=True)
class _Stage:
    database: Database
    played: list[Played] = field(default_factory=list)
    made: list[UUID] = field(default_factory=list)
    chats: dict[UUID, str] = field(default_factory=dict)
    people: dict[UUID, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def all(self) -> None:
        """The tests in order; each step starts where the one before it left off."""
        if self.database.facts is None or not self.database.facts.has_chats:
            raise _Enough("there is no table chats")
        ann, bob, cleo, dan = (self.person(name) for name in ("A", "B", "C", "D"))
        self.step("made-up people and chats", "four operators, two chats at the head of the queue", self.prepare)
        first, second = self.chats

        self.step("assign: the oldest chat first", "operator A gets chat 1", lambda: self.gets(ann, first))
        self.step("concurrent messages", "two more messages: still assigned, A still holds chat 1",
                  lambda: self.more_messages(first, ann))  # fmt: skip
        self.step("stale write of the application", "a write from before the assign: A still holds chat 1",
                  lambda: self.stale_write(first, ann), undone=True)  # fmt: skip
        self.step("double click", "A asks again: no second chat", lambda: self.double_click(ann, first))
        self.step("one assignment = one conversation", "chat 1 has 1 turn, open, by A", lambda: self.turns(first, ann, 1))
        self.step("reply", "waiting for the user, last operator A, the turn closed", lambda: self.reply(first, ann))
        self.step("same-operator prevention", "the user writes back, A asks: A gets chat 2",
                  lambda: self.written_back(first, ann, second))  # fmt: skip
        self.step("somebody else gets it", "B asks: B gets chat 1", lambda: self.gets(bob, first))
        self.step("late reply", "A replies without holding chat 1: B still holds it",
                  lambda: self.late_reply(first, ann, bob), undone=True)  # fmt: skip
        self.step("idle release", "B is silent for an hour: chat 1 waits, nobody holds it, no turn open",
                  lambda: self.idle(first, bob))  # fmt: skip
        self.step("admin reassign", "C takes chat 1, an admin gives it to D: D holds it, 1 turn open, by D",
                  lambda: self.admin(first, cleo, dan))  # fmt: skip
        self.step("stats", "chat 1: 4 turns, one each, 1 of them answered", lambda: self.stats(first))

    def step(self, name: str, expected: str, act: Callable[[], tuple[bool, str]], *, undone: bool = False) -> None:
        """One step in a savepoint; `undone` ones leave nothing for the next. An error of the server is what was seen."""
        if time.monotonic() - self.began > LONGEST_SECONDS:
            raise _Enough(f"all steps together take longer than {LONGEST_SECONDS} s here, so all was rolled back")
        self.database.execute("savepoint chatops_scenario")
        try:
            good, seen = act()
        except ConnectionLostError:
            raise
        except DatabaseError as error:
            self.database.execute("rollback to savepoint chatops_scenario")
            if error.sqlstate in CANNOT:
                raise _Enough(error.message) from None
            self.played.append(Played(name, "failed", expected, error.message))
            return
        if undone:
            self.database.execute("rollback to savepoint chatops_scenario")
        self.played.append(Played(name, "passed" if good else "failed", expected, seen))

    def stop(self, reason: str) -> None:
        """What was not lived through is unknown."""
        done = {step.name for step in self.played}
        for name in NAMES:
            if name not in done:
                self.played.append(Played(name, "unknown", "to be lived through", reason))
                reason = "not reached"

    # -- the acts -----------------------------------------------------------------------------------------------------

    def person(self, name: str) -> UUID:
        made = uuid4()
        self.made.append(made)
        self.people[made] = name
        return made

    def prepare(self) -> tuple[bool, str]:
        for operator in self.people:
            self.database.execute(sqlfiles.read("queries/scenario_operator.sql"), {"operator_id": operator})
        for number in (1, 2):
            user, profile = uuid4(), uuid4()
            self.made += [user, profile]
            self.database.execute(sqlfiles.read("queries/scenario_user.sql"), {"user_id": user})
            self.database.execute(sqlfiles.read("queries/scenario_profile.sql"), {"profile_id": profile})
            chat = self.drive(writers.create_chat(user, profile))
            self.chats[chat] = f"chat {number}"
            self.drive(writers.user_message(chat, "chatops scenario: hello"))
        for chat in reversed(self.chats):  # each goes before all that wait: chat 1 last, to stand first
            self.to_head(chat, "1 second")
        states = [self.look(chat).chat_state for chat in self.chats]
        return states == ["waiting_assignment"] * 2, f"two chats, {', '.join(str(state) for state in states)}"

    def to_head(self, chat: UUID, lead: str) -> None:
        """Back-dated by the marker with which our own functions write, as no application could."""
        facts = self.database.facts
        text = sqlfiles.query("queries/scenario_head.sql", before_018=facts is None or not facts.has_queue_clocks)
        with self.marked():
            self.database.execute(text, {"chat_id": chat, "lead": lead})

    def marked(self) -> _Marked:
        return _Marked(self.database)

    def gets(self, operator: UUID, chat: UUID | None) -> tuple[bool, str]:
        given = self.assign(operator)
        return given == chat, f"{self.people[operator]} got {self.named(given)}"

    def assign(self, operator: UUID) -> UUID | None:
        """What the operator gets; a chat of somebody real ends the play at once."""
        given = self.drive(writers.assign(operator))
        if given is not None and given not in self.chats:
            failed = any(step.result == "failed" for step in self.played)
            why = "after what failed above, none of ours waited" if failed else "the made-up ones could not be put first"
            raise _Enough(f"assign gave a real chat, so all was rolled back at once: {why}")
        return given

    def more_messages(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        for text in ("chatops scenario: are you there?", "chatops scenario: one more"):
            self.drive(writers.user_message(chat, text))
        return self.held(chat, operator)

    def stale_write(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        self.run(Step("requeue_chat", {"chat_id": chat}))
        return self.held(chat, operator)

    def double_click(self, operator: UUID, chat: UUID) -> tuple[bool, str]:
        given = self.assign(operator)
        holds = [other for other in self.chats if self.look(other).assigned_operator_id == operator]
        return given in (chat, None) and holds == [chat], f"A got {self.named(given)}, holds {len(holds)}"

    def turns(self, chat: UUID, operator: UUID, number: int) -> tuple[bool, str]:
        seen = self.look(chat)
        good = seen.turns == number and seen.open_turns == 1 and seen.open_operators == [operator]
        return good, f"{seen.turns} turns, {seen.open_turns} open"

    def reply(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        sent = self.drive(writers.operator_reply(chat, operator, "chatops scenario: an answer"))
        seen = self.look(chat)
        good = (sent and seen.chat_state == "waiting_real_user_reply" and seen.assigned_operator_id is None and seen.has_reply
                and seen.last_operator_id == operator and seen.open_turns == 0 and seen.answered_turns == 1)  # fmt: skip
        last = self.people.get(seen.last_operator_id, "nobody") if seen.last_operator_id else "nobody"
        return good, f"{seen.chat_state}, last operator {last}, {seen.open_turns} open, {seen.answered_turns} answered"

    def written_back(self, chat: UUID, operator: UUID, other: UUID) -> tuple[bool, str]:
        self.drive(writers.user_message(chat, "chatops scenario: thank you, and"))
        self.to_head(chat, "3 seconds")
        return self.gets(operator, other)

    def late_reply(self, chat: UUID, late: UUID, holder: UUID) -> tuple[bool, str]:
        """The application's statements of a reply whose look at the holder is out of date."""
        both = {"chat_id": chat, "operator_id": late}
        try:
            with self.database.savepoint("chatops_late"):
                self.run(Step("insert_reply", {**both, "content": "chatops scenario: late"}))
                self.run(Step("end_chat_turn", both))
        except DatabaseError as error:
            if error.sqlstate in CANNOT:
                raise
            good, seen = self.held(chat, holder)
            return good, f"refused; {seen}"
        return self.held(chat, holder)

    def idle(self, chat: UUID, holder: UUID) -> tuple[bool, str]:
        with self.marked():
            self.database.execute(sqlfiles.read("queries/scenario_silent.sql"), {"chat_id": chat, "operator_id": holder})
        self.run(Step("release_idle", {"chat_id": chat}))
        seen = self.look(chat)
        good = seen.chat_state == "waiting_assignment" and seen.assigned_operator_id is None and seen.open_turns == 0
        holder_now = "nobody" if seen.assigned_operator_id is None else "somebody"
        return good, f"{seen.chat_state}, {holder_now} holds it, {seen.open_turns} open"

    def admin(self, chat: UUID, holder: UUID, target: UUID) -> tuple[bool, str]:
        self.to_head(chat, "3 seconds")
        good, told = self.gets(holder, chat)
        if not good:
            return False, told
        self.drive(writers.admin_reassign(chat, target, "chatops scenario"))
        held, seen = self.held(chat, target)
        turns = self.look(chat)
        return held and turns.open_operators == [target], f"{seen}, {turns.open_turns} open"

    def stats(self, chat: UUID) -> tuple[bool, str]:
        seen = self.look(chat)
        return (seen.turns, seen.open_turns, seen.answered_turns) == (4, 1, 1), \
            f"{seen.turns} turns, {seen.open_turns} open, {seen.answered_turns} answered"  # fmt: skip

    # -- looking ------------------------------------------------------------------------------------------------------

    def held(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        seen = self.look(chat)
        holder = self.people.get(seen.assigned_operator_id, "somebody") if seen.assigned_operator_id else "nobody"
        return seen.chat_state == "assigned" and seen.assigned_operator_id == operator, f"{seen.chat_state}, {holder} holds it"

    def look(self, chat: UUID) -> _Seen:
        return self.database.rows(_Seen, sqlfiles.read("queries/scenario_seen.sql"), {"chat_id": chat})[0]

    def named(self, chat: UUID | None) -> str:
        return "no chat" if chat is None else self.chats[chat]

    def drive(self, writer: Writer[Result]) -> Result:
        """Runs a writer of the application to its end."""
        rows: list[dict[str, object]] = []
        try:
            step = next(writer)
            while True:
                rows = self.run(step)
                step = writer.send(rows)
        except StopIteration as end:
            result: Result = end.value
            return result

    def run(self, step: Step) -> list[dict[str, object]]:
        text = sqlfiles.body(step.text)
        if text.split(None, 1)[0].lower() == "select" or "returning" in text:
            return self.database.mappings(text, step.parameters)
        self.database.execute(text, step.parameters)
        return []


class _Marked:
    """Writes inside are taken for our own functions'."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> None:
        self.database.annotate({"chatops.write": "function"})

    def __exit__(self, *_: object) -> None:
        if self.database.in_transaction:
            self.database.annotate({"chatops.write": ""})


def answer(played: Performance, where: str = "rolled back, nothing remains") -> Answer:
    """`chatops verify --scenarios`: the verdict, then each step with what was expected and seen."""
    bad = [step for step in played.steps if step.result != "passed"]
    left = f"{played.remaining} made-up rows REMAIN" if played.remaining else where
    moved = ", ".join(f"{name} by {steps}" for name, steps in (played.moved or {}).items())
    sequences = f"sequences went on, here or elsewhere: {moved}" if moved else "no sequence moved"
    first = f"{len(played.steps) - len(bad)} of {len(played.steps)} scenario steps passed; {left}"
    lines: list[Line] = [[Span(first, "ok" if played.passed else "critical")], ""]
    for step in played.steps:
        sign, style = SIGNS[step.result]
        lines.append([Span(sign, style), Span(f" {step.name}")])
        if step.result != "passed":
            lines += [[Span(f"    expected  {step.expected}")], [Span(f"    {step.result:<8}  {step.seen}")]]
    if played.moved is not None:
        lines += ["", [Span(f"made-up rows left: {played.remaining}; {sequences}", "dim")]]
    if played.rows:
        lines += [[Span(_rows_told(played.rows), "dim")]]
    columns = [Column(name, name) for name in ("name", "result", "expected", "seen")]
    counts = {str(verdict): sum(step.result == verdict for step in played.steps) for verdict in SIGNS}
    return Answer("verify", [Text(lines), Table("scenarios", columns, played.steps, audience="machines")],
                  {**counts, "remaining": played.remaining, "sequences_moved": played.moved, "rows": _rows_data(played.rows)},
                  outcomes=[_outcome(step) for step in played.steps])  # fmt: skip


def _rows_told(rows: Mapping[str, tuple[int | None, int | None]]) -> str:
    counted = {name: pair for name, pair in rows.items() if None not in pair}
    changed = ", ".join(f"{name} {before:,} → {after:,}" for name, (before, after) in counted.items() if before != after)
    others = [name for name in rows if name not in counted]
    told = f"rows of {formatting.plural(len(counted), 'table')} counted before and after: "
    told += f"{changed} (others wrote meanwhile)" if changed else "all as before"
    return told + (f"; not counted: {', '.join(others)}" if others else "")


def _rows_data(rows: Mapping[str, tuple[int | None, int | None]] | None) -> dict[str, dict[str, int | None]] | None:
    return None if rows is None else {name: {"before": before, "after": after} for name, (before, after) in rows.items()}


def _outcome(step: Played) -> Outcome:
    message = step.expected if step.result == "passed" else f"expected {step.expected}; seen {step.seen}"
    return Outcome(step.name, step.result, "critical", message, counts=step.result != "passed")

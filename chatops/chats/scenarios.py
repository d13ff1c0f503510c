"""The guide's tests for real: made-up people go through them in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from uuid import UUID

from chatops import db, sqlfiles
from chatops.chats import scenario_stage, writers
from chatops.chats.scenario_stage import CANNOT, OPERATORS, AppRole, Played, PlayOver, Promise, Stage, Way, files_in
from chatops.chats.writers import Step
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError
from chatops.frozen import frozen

GUARDS = "022_stop_new_damage"
WRITE_PATH = "021_write_path"
DAY: Mapping[str, str] = {
    "assign": "gives an operator a chat",
    "message": "stores what a user writes",
    "reply": "stores an operator's reply",
    "release": "gives a chat back",
}
"""What the application does all day."""
PEOPLE = Promise("made-up people and chats")
OLDEST = Promise("assign: the first in the queue")
MESSAGES = Promise("concurrent messages")
STALE = Promise("stale write of the application", GUARDS)
CLICKS = Promise("double click")
ONE_TURN = Promise("one assignment = one conversation")
REPLY = Promise("reply")
OTHERS = Promise("same-operator prevention")
SOMEBODY_ELSE = Promise("somebody else gets it")
LATE = Promise("late reply", GUARDS)
IDLE = Promise("idle release")
ADMIN = Promise("admin reassign", GUARDS)
STATS = Promise("stats", GUARDS)
PROMISES = (PEOPLE, OLDEST, MESSAGES, STALE, CLICKS, ONE_TURN, REPLY, OTHERS, SOMEBODY_ELSE, LATE, IDLE, ADMIN, STATS)


@frozen
class ToTry:
    """A role that this login may not become, the statement that lets it, and the one that takes that back.

    `lends`: by what this login may run it itself; "" where only somebody else may.
    """

    role: str
    grant: str
    back: str
    lends: str = ""


@frozen
class Performance:
    """All steps; `remaining` is how many rows of the made-up people are in the database afterwards; `moved` are the sequences
    that went on meanwhile and by how much, which no rollback takes back; `rows` are the rows of each table before and after,
    None for one that was not counted; both are None where nobody looked. `counted` refusals of ours
    stay counted by the guards. `role` lived through all steps but those as the `application_roles`; `to_try` are those of them
    that `login` may not become, each with the grant that lets it and what takes that back; `major` is the server's version."""

    steps: tuple[Played, ...]
    remaining: int
    moved: Mapping[str, int] | None = None
    rows: Mapping[str, tuple[int | None, int | None]] | None = None
    counted: int = 0
    role: str = ""
    application_roles: tuple[str, ...] = ()
    to_try: tuple[ToTry, ...] = ()
    login: str = ""
    major: int = 0

    @property
    def untried(self) -> tuple[Played, ...]:
        """The steps of which only the grants were read."""
        return tuple(step for step in self.steps if step.result == "not tried")

    @property
    def lost(self) -> tuple[Played, ...]:
        """The steps that failed or could not be lived through."""
        return tuple(step for step in self.steps if step.result in ("failed", "unknown"))

    @property
    def passed(self) -> bool:
        """Whether every promise that could be tried held, and nothing remains."""
        return not self.remaining and not self.lost


def play(database: Database) -> Performance:
    """Lives through the guide's tests inside one transaction that is always rolled back, with the deployed application's
    own statements. A step that could not be lived through is unknown, with the reason; so are those behind it. What a file
    promises that is not in counts for nothing.

    Raises RefusedError on a standby, ConnectionLostError.
    """
    stage = Stage(database)
    with database.reading():
        sequences, before = _sequences(database), _rows(database)
        stage.files = files_in(database)
        stage.roles = _roles(database)
    with database.acting(rollback=True):
        # Whoever hangs here with locks is ended by the server.
        database.annotate({"idle_in_transaction_session_timeout": f"{scenario_stage.LONGEST_SECONDS}s"})
        try:
            Acts(stage).all()
        except PlayOver as over:
            stage.stop(PROMISES, over.reason)
    with database.reading():
        remaining = 0
        if database.facts is not None and database.facts.has_chats:
            ids = [str(one) for one in stage.made]
            remaining = int(database.value(sqlfiles.read("queries/scenario_left.sql"), {"ids": ids}))
        moved = {name: value - sequences.get(name, 0) for name, value in _sequences(database).items()}
        after = _rows(database)
    rows = {name: (before.get(name), after.get(name)) for name in sorted({*before, *after})}
    went_on = {name: steps for name, steps in moved.items() if steps}
    return Performance(tuple(stage.played), remaining, went_on, rows, stage.counted,
                       stage.role, tuple(one.name for one in stage.roles), _to_try(stage), stage.login,
                       0 if database.facts is None else database.facts.version_number // 10000)  # fmt: skip


def _to_try(stage: Stage) -> tuple[ToTry, ...]:
    untried = {one.name for one in stage.played if one.result == "not tried"}
    return tuple(ToTry(role.name, role.lets, role.back, role.lends) for role in stage.roles
                 if role.lets and untried & {as_role(role, act) for act in DAY})  # fmt: skip


def as_role(role: AppRole, act: str) -> str:
    """What the step is called in which a role does something.

    >>> as_role(AppRole("app", False, True, {}), "reply")
    'as app: reply'
    """
    return f"as {role.name}: {act}"


def _roles(database: Database) -> list[AppRole]:
    """As which roles the application comes, with what each may do by now and what it could when chatops last kept that."""
    if database.facts is None or not database.facts.has_chats:
        return []
    could: dict[str, frozenset[str]] = {}
    try:
        with database.savepoint("chatops_roles"):
            kept = database.mappings(sqlfiles.read("queries/scenario_roles_kept.sql"), {})
            could = {str(row["role"]): frozenset(act for act in DAY if row[act]) for row in kept}
    except ConnectionLostError:
        raise
    except DatabaseError:
        pass  # nothing is kept here, or it may not be read
    there = [
        AppRole(name, bool(row["named"]), bool(row["comes"]) or name in could, {act: row[act] for act in DAY if row[act]},
                could.pop(name, frozenset()), str(row["lets"]), str(row["back"]), str(row["lends"]),
                bool(row["enters"]))
        for row in database.mappings(sqlfiles.read("queries/scenario_roles.sql"), {})
        for name in [str(row["role"])]
    ]  # fmt: skip
    return there + [AppRole(name, False, True, {}, acts) for name, acts in sorted(could.items())]


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


class Acts:
    """The guide's tests on a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def all(self) -> None:
        """The tests in order; each step starts where the one before it left off."""
        stage = self.stage
        if stage.database.facts is None or not stage.database.facts.has_chats:
            raise PlayOver("there is no table chats")
        ann, bob, cleo, dan = (stage.person(name) for name in OPERATORS)
        stage.step(PEOPLE, "four operators, two chats at the head of the queue", stage.prepare)
        first, second = stage.chats
        self.days(first, dan)
        stage.step(OLDEST, "operator A gets chat 1", lambda: stage.gets(ann, first))
        stage.step(MESSAGES, "two more messages: still assigned, A still holds chat 1", lambda: self.more_messages(first, ann))
        stage.step(
            STALE, "a write from before the assign: A still holds chat 1", lambda: self.stale_write(first, ann), undone=True
        )
        stage.step(CLICKS, "A asks again: no second chat", lambda: self.double_click(ann, first))
        stage.step(ONE_TURN, "chat 1 has 1 turn, open, by A", lambda: self.turns(first, ann, 1))
        stage.step(REPLY, "waiting for the user, last operator A, the turn closed", lambda: self.reply(first, ann))
        stage.step(OTHERS, "the user writes back, A asks: A gets chat 2", lambda: self.written_back(first, ann, second))
        stage.step(SOMEBODY_ELSE, "B asks: B gets chat 1", lambda: stage.gets(bob, first))
        stage.step(
            LATE, "A replies without holding chat 1: B still holds it", lambda: self.late_reply(first, ann, bob), undone=True
        )
        stage.step(IDLE, "B is silent for an hour: chat 1 waits, nobody holds it, no turn open", lambda: self.idle(first, bob))
        stage.step(ADMIN, "C takes chat 1, an admin gives it to D: D holds it, 1 turn open, by D",
                   lambda: self.admin(first, cleo, dan))  # fmt: skip
        stage.step(STATS, "chat 1: 4 turns, one each, 1 of them answered", lambda: self.stats(first))

    def days(self, chat: UUID, operator: UUID) -> None:
        """What the application's roles do all day, each as itself: what it may, could, or has to; and that somebody may."""
        roles = self.stage.roles
        for act in DAY:
            those = [role for role in roles if act in {*role.may, *role.could} or (act == "assign" and role.named)]
            for role in those:
                self.stage.step(Promise(as_role(role, act)), f"the application's role {role.name} {DAY[act]}",
                                partial(self.done_as, role, act, chat, operator), undone=True)  # fmt: skip
            if not those and any(role.comes for role in roles):
                seen = f"the grants of {', '.join(role.name for role in roles)} let none of them"
                self.stage.step(Promise(f"as a role of the application: {act}"), f"one of the application's roles {DAY[act]}",
                                lambda seen=seen: (False, seen), undone=True)  # type: ignore[misc]  # fmt: skip

    def done_as(self, role: AppRole, act: str, chat: UUID, operator: UUID) -> tuple[bool | None, str]:
        """One act of a role, by each function for it and by the application's statements."""
        stage, who = self.stage, operator
        if act == "assign":
            ways = [Way("assign_chat_to_operator()", lambda: stage.assign(operator))]
        elif act == "message":
            text = "chatops scenario: written as a role"
            ways = [Way("user_message()", lambda: stage.drive(writers.send_user_message(chat, text))),
                    Way("INSERT into messages", lambda: stage.drive(writers.user_message(chat, text)))]  # fmt: skip
            who = stage.users[chat]
        elif act == "reply":
            text = "chatops scenario: replied as a role"
            ways = [Way("operator_reply()", lambda: stage.drive(writers.send_reply(chat, operator, text))),
                    Way("INSERT into messages", lambda: stage.drive(writers.operator_reply(chat, operator, text))),
                    Way("INSERT into messages", lambda: stage.drive(writers.bare_reply(chat, operator, text)))]  # fmt: skip
        else:
            ways = [Way("release_chat()", lambda: stage.drive(writers.release(chat))),
                    Way("release_and_reassign_chat()", lambda: stage.drive(writers.give_back(chat))),
                    Way("UPDATE of chats", lambda: stage.drive(writers.unassign(chat)))]  # fmt: skip
        if act in ("reply", "release"):
            stage.assign(operator)
        if WRITE_PATH not in stage.files and act in ("message", "reply", "release"):
            ways = ways[1:]
        before = stage.look(chat).messages
        return stage.done_as(role, act, who, ways, lambda: self.done(act, chat, operator, before))

    def done(self, act: str, chat: UUID, operator: UUID, before: int) -> tuple[bool, str]:
        """Whether an act came about, in a chat that had so many messages before it."""
        seen = self.stage.look(chat)
        if act == "assign":
            holds = [one for one in self.stage.chats if self.stage.look(one).assigned_operator_id == operator]
            return bool(holds), "no chat was given"
        if act in ("message", "reply") and seen.messages <= before:
            return False, "no message was stored"
        if act == "reply":
            return seen.chat_state == "waiting_real_user_reply", f"the chat is {seen.chat_state}"
        return seen.chat_state == "waiting_assignment" and seen.assigned_operator_id is None, f"the chat is {seen.chat_state}"

    def more_messages(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        texts, before = ("chatops scenario: are you there?", "chatops scenario: one more"), self.stage.look(chat).messages
        for text in texts:
            self.stage.drive(writers.user_message(chat, text))
        stored = self.stage.look(chat).messages - before
        held, seen = self.stage.held(chat, operator)
        return held and stored == len(texts), seen if stored == len(texts) else f"{stored} of {len(texts)} were stored; {seen}"

    def stale_write(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        self.stage.run(Step("requeue_chat", {"chat_id": chat}))
        return self.stage.held(chat, operator)

    def double_click(self, operator: UUID, chat: UUID) -> tuple[bool, str]:
        given = self.stage.assign(operator)
        holds = [other for other in self.stage.chats if self.stage.look(other).assigned_operator_id == operator]
        return given in (chat, None) and holds == [chat], f"A got {self.stage.named(given)}, holds {len(holds)}"

    def turns(self, chat: UUID, operator: UUID, number: int) -> tuple[bool, str]:
        seen = self.stage.look(chat)
        good = seen.turns == number and seen.open_turns == 1 and seen.open_operators == [operator]
        return good, f"{seen.turns} turns, {seen.open_turns} open"

    def reply(self, chat: UUID, operator: UUID) -> tuple[bool, str]:
        before = self.stage.look(chat).messages
        sent = self.stage.drive(writers.operator_reply(chat, operator, "chatops scenario: an answer"))
        seen = self.stage.look(chat)
        if sent and seen.messages <= before:
            return False, "the reply was not stored"
        good = (sent and seen.chat_state == "waiting_real_user_reply" and seen.assigned_operator_id is None and seen.has_reply
                and seen.last_operator_id == operator and seen.open_turns == 0 and seen.answered_turns == 1)  # fmt: skip
        last = self.stage.called(seen.last_operator_id)
        return good, f"{seen.chat_state}, last operator {last}, {seen.open_turns} open, {seen.answered_turns} answered"

    def written_back(self, chat: UUID, operator: UUID, other: UUID) -> tuple[bool, str]:
        self.stage.drive(writers.user_message(chat, "chatops scenario: thank you, and"))
        self.stage.to_head(chat, "3 seconds")
        return self.stage.gets(operator, other)

    def late_reply(self, chat: UUID, late: UUID, holder: UUID) -> tuple[bool, str]:
        """The application's statements of a reply whose look at the holder is out of date."""
        both = {"chat_id": chat, "operator_id": late}
        try:
            with self.stage.database.savepoint("chatops_late"):
                self.stage.run(Step("insert_reply", {**both, "content": "chatops scenario: late"}))
                self.stage.run(Step("end_chat_turn", both))
        except DatabaseError as error:
            if error.sqlstate in CANNOT:
                raise
            self.stage.uncounted(error)
            good, seen = self.stage.held(chat, holder)
            return good, f"refused; {seen}"
        return self.stage.held(chat, holder)

    def idle(self, chat: UUID, holder: UUID) -> tuple[bool | None, str]:
        with self.stage.marked():
            silent = {"chat_id": chat, "operator_id": holder}
            self.stage.database.execute(sqlfiles.read("queries/scenario_silent.sql"), silent)
        before = self.stage.look(chat)
        if before.assigned_operator_id == holder and not before.old:
            self.stage.drive(writers.give_back(chat))
            return None, "an hour of silence could not be made up, as the tables' owner may"
        self.stage.run(Step("release_idle", {"chat_id": chat}))
        seen = self.stage.look(chat)
        good = seen.chat_state == "waiting_assignment" and seen.assigned_operator_id is None and seen.open_turns == 0
        holder_now = "nobody" if seen.assigned_operator_id is None else "somebody"
        return good, f"{seen.chat_state}, {holder_now} holds it, {seen.open_turns} open"

    def admin(self, chat: UUID, holder: UUID, target: UUID) -> tuple[bool, str]:
        self.stage.to_head(chat, "3 seconds")
        good, told = self.stage.gets(holder, chat)
        if not good:
            return False, told
        self.stage.drive(writers.admin_reassign(chat, target, "chatops scenario"))
        held, seen = self.stage.held(chat, target)
        turns = self.stage.look(chat)
        return held and turns.open_operators == [target], f"{seen}, {turns.open_turns} open"

    def stats(self, chat: UUID) -> tuple[bool, str]:
        seen = self.stage.look(chat)
        good = (seen.turns, seen.open_turns, seen.answered_turns) == (4, 1, 1)
        return good, f"{seen.turns} turns, {seen.open_turns} open, {seen.answered_turns} answered"

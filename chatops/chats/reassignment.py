"""Decides which chat goes to whom, and which rules that would break. Reads facts, changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal
from uuid import UUID, uuid4

from chatops import formatting, sqlfiles
from chatops.chats import audit
from chatops.chats.reports import query
from chatops.chats.rules import Rule
from chatops.db import Database
from chatops.frozen import frozen
from chatops.tables_there import require_rows

MoveCommand = Literal["reassign", "release", "close", "reopen"]

# The application reads these reasons: by their beginning, and by whether they hold "idle". No free text ever goes there.
REASSIGNED = "manual_reassignment_by_admin:chatops"
RELEASED = "manual_release"
IDLE = "idle_timeout"
CLOSED = "chat_closed"

PLANNING_TIMEOUT = "60s"
FORCED = "; --force "
"""Where a refusal begins to say what would break the rule."""


@frozen
class Standing:
    """A chat as the plan found it; `by_messages` is the state that its messages say, `epoch` changes with whoever holds it.

    `loose`: open assignments and activity rows. `asked`: a user message waits for an answer. `releases`: since the last reply.
    """

    chat_id: UUID
    chat_state: str | None
    is_active: bool
    operator_id: UUID | None
    last_operator_id: UUID | None
    epoch: int
    by_messages: str
    asked: bool
    loose: int
    releases: int = 0

    @property
    def over(self) -> bool:
        """Whether the chat has ended."""
        return self.chat_state == "completed" or not self.is_active

    @property
    def settled(self) -> bool:
        """Whether a release would change nothing."""
        wanted = "completed" if self.over else self.by_messages
        return self.chat_state == wanted and self.operator_id is None and not self.loose


@frozen
class Operator:
    """An operator who may take a chat; `held` counts the active chats with their id on them."""

    operator_id: UUID
    name: str | None
    is_active: bool
    is_available: bool
    last_activity: datetime | None
    held: int

    @property
    def label(self) -> str:
        """The name, made harmless, or the beginning of the id."""
        return formatting.shortened(self.name or "", 40) or str(self.operator_id)[:8]

    @property
    def load(self) -> str:
        """free, busy, away or inactive, as `operators` says it."""
        if self.held:
            return "busy"
        return "inactive" if not self.is_active else "free" if self.is_available else "away"


@frozen
class Details:
    """What a person wants to know of a chat before it is moved."""

    chat_id: UUID
    user_name: str | None
    profile_name: str | None
    assignment_time: datetime | None
    last_message_at: datetime | None
    waits_since: datetime | None
    replied_at: datetime | None
    open_assignments: int
    open_since: datetime | None


@frozen
class Move:
    """What is meant to happen to one chat; `to` is None for a release, or when nobody can take it.

    `problem` says why it is refused; `breaks` are the rules that it breaks and that were forced.
    """

    chat: Standing
    to: UUID | None = None
    breaks: tuple[Rule, ...] = ()
    problem: str | None = None

    @property
    def refused(self) -> bool:
        """Whether it will not be tried."""
        return self.problem is not None


@dataclass(frozen=True)
class MovePlan:
    """What a command means to do, chat by chat, and the operators that it concerns."""

    command: MoveCommand
    moves: Sequence[Move]
    operators: dict[UUID, Operator] = field(default_factory=dict)
    plan_id: UUID = field(default_factory=uuid4)
    forced: frozenset[Rule] = frozenset()
    release_reason: str = REASSIGNED
    reassignment_limit: int | None = None
    made_at: datetime | None = None
    silent_before: datetime | None = None
    unserved: int = 0
    """So many chats go back into the queue where nobody is there who could be given one."""

    @cached_property
    def silent_takers(self) -> list[Operator]:
        """Those who are to get a chat and were not heard of for long."""
        takers = dict.fromkeys(move.to for move in self.wanted if move.to is not None)
        known = [self.operators[one] for one in takers if one in self.operators]
        return [one for one in known if is_silent(one, self.silent_before)]

    @cached_property
    def seen_elsewhere(self) -> list[Operator]:
        """Who loses a chat as idle, and was heard of meanwhile all the same: not in that chat, or by a clock ahead of ours."""
        if self.release_reason != IDLE or self.silent_before is None:
            return []
        holders = dict.fromkeys(move.chat.operator_id for move in self.wanted)
        known = [self.operators[one] for one in holders if one in self.operators]
        return [one for one in known if one.is_active and not is_silent(one, self.silent_before)]

    @cached_property
    def wanted(self) -> list[Move]:
        """The moves that will be tried."""
        return [move for move in self.moves if not move.refused and not self.idle(move)]

    @cached_property
    def refused(self) -> list[Move]:
        """The moves that will not be tried."""
        return [move for move in self.moves if move.refused]

    def then_state(self, move: Move) -> str | None:
        """The state that a chat is meant to be in afterwards."""
        if move.refused or self.idle(move):
            return move.chat.chat_state
        if self.command == "reassign":
            return "assigned"
        if self.command != "release":
            return "completed" if self.command == "close" else move.chat.by_messages
        limited = self.reassignment_limit is not None and move.chat.releases >= self.reassignment_limit
        waits = move.chat.by_messages == "waiting_assignment"
        return "completed" if move.chat.over or (waits and limited) else move.chat.by_messages

    def idle(self, move: Move) -> bool:
        """Whether nothing has to be done."""
        if self.command == "release":
            return move.chat.settled
        if self.command == "close":
            return move.chat.over and move.chat.settled
        if self.command == "reopen":
            return not move.chat.over
        held = move.to is not None and move.chat.operator_id == move.to
        return held and move.chat.chat_state == "assigned" and move.chat.is_active

    def loads(self) -> list[OperatorChange]:
        """Each operator whose load changes, chats held before and after."""
        change: dict[UUID, int] = {}
        for move in self.wanted:
            if move.chat.operator_id is not None and move.chat.is_active:
                change[move.chat.operator_id] = change.get(move.chat.operator_id, 0) - 1
            if move.to is not None:
                change[move.to] = change.get(move.to, 0) + 1
        known = [(self.operators[one], delta) for one, delta in change.items() if one in self.operators]
        return [OperatorChange(one.operator_id, one.name, one.load, one.held, one.held + delta, one.last_activity)
                for one, delta in known]  # fmt: skip


@frozen
class OperatorChange:
    """An operator's chats before and after a plan."""

    operator_id: UUID
    name: str | None
    load: str
    held_before: int
    held_after: int
    last_activity: datetime | None = None


def standings(database: Database, chats: Sequence[UUID], *, count_releases: bool = False) -> list[Standing]:
    """How these chats stand, in the order given; those that do not exist are left out. Inside a transaction."""
    text = audit.statement(database, "queries/move_standing.sql")
    require_rows(database, text)
    parameters = {"chats": audit.array(chats), "count_releases": count_releases}
    if len(chats) <= 1000:
        return database.rows(Standing, text, parameters)
    return list(database.stream(Standing, text, parameters))


def details(database: Database, chats: Sequence[UUID]) -> dict[UUID, Details]:
    """The details that the tables show of moved chats, by id. Inside a transaction."""
    if not chats:
        return {}
    found = database.rows(Details, query(database, "queries/move_details.sql"), {"chats": list(chats)})
    return {one.chat_id: one for one in found}


def one_chat_each(database: Database) -> bool:
    """Whether the database itself forbids that an operator holds two chats. Inside a transaction."""
    return bool(database.value(sqlfiles.read("queries/move_one_chat.sql")))


def operators(database: Database, only: Iterable[UUID] | None = None, *, free: int = 0) -> dict[UUID, Operator]:
    """Everybody by id, those seen last first; or those of these ids, and the first `free` who could. In a transaction."""
    parameters = {"only": None if only is None else audit.array(only), "free": free}
    found = database.rows(Operator, query(database, "queries/move_operators.sql"), parameters)
    return {one.operator_id: one for one in found}


def plan_release(
    chats: Sequence[Standing],
    everybody: dict[UUID, Operator],
    *,
    forced: Collection[Rule] = (),
    release_reason: str = RELEASED,
    reassignment_limit: int | None = None,
    made_at: datetime | None = None,
) -> MovePlan:
    """Each chat back to where its messages say it belongs; a completed one is refused."""
    moves = []
    for chat in chats:
        broken = (Rule.COMPLETED,) if chat.over and not chat.settled else ()
        moves.append(_judged(Move(chat, breaks=broken), forced, {Rule.COMPLETED: "it is completed"}))
    return MovePlan("release", moves, everybody, forced=frozenset(forced), release_reason=release_reason,
                reassignment_limit=reassignment_limit, made_at=made_at)  # fmt: skip


def plan_ending(
    command: Literal["close", "reopen"],
    chats: Sequence[Standing],
    everybody: dict[UUID, Operator],
    *,
    made_at: datetime | None = None,
) -> MovePlan:
    """Each chat ended, whoever holds it, or opened again, whoever ended it."""
    return MovePlan(command, [Move(chat) for chat in chats], everybody, release_reason=CLOSED, made_at=made_at)


def plan_reassign(
    chats: Sequence[Standing],
    everybody: dict[UUID, Operator],
    to: UUID | None,
    *,
    forced: Collection[Rule] = (),
    one_chat: bool = False,
    silent_before: datetime | None = None,
    made_at: datetime | None = None,
) -> MovePlan:
    """Each chat to one operator, or (`to` None) spread over those who are free, nobody twice and nobody their last one.

    `one_chat`: the database itself forbids two chats of one operator, so that nothing forces a busy one. `silent_before`: who was
    not heard of since is passed over where nobody named them, unless that is forced.

    >>> plan_reassign([], {}, None).moves
    []
    """
    moves: list[Move] = []
    if one_chat:
        forced = frozenset(forced) - {Rule.BUSY}
    taking = {one: everybody[one].held for one in everybody}
    free = [one for one in everybody.values() if one.is_active and one.is_available and not one.held]
    silent = {one.operator_id for one in free if is_silent(one, silent_before)}
    # Those who are there come first, the silent ones after them and only if forced.
    present = [one for one in free if one.operator_id not in silent]
    queue = _Free(present + [one for one in free if one.operator_id in silent] if Rule.SILENT in forced else present)
    for chat in chats:
        if to is not None:
            moves.append(_given(chat, everybody[to], taking[to] - _own(chat, to), forced, one_chat))
            if not moves[-1].refused and chat.operator_id != to:
                taking[to] += 1
            continue
        problem = _unwanted(chat, forced)
        if problem is not None:
            moves.append(problem)
            continue
        found = queue.take(not_these=() if Rule.LAST in forced else _before(chat), rather_not=_before(chat))
        if found is None:
            left = len(queue)
            why = "nobody is free" if not left else "the only operator who is free had it last"
            if not left and silent and Rule.SILENT not in forced:
                why = f"of those who are free nobody was heard of lately; --force {Rule.SILENT.value} takes one of them"
            moves.append(Move(chat, problem=f"{why}; it stays as it is"))
        else:
            breaks = tuple(rule for rule in _about_chat(chat) if rule in forced)
            breaks += (Rule.LAST,) if found.operator_id in _before(chat) else ()
            breaks += (Rule.SILENT,) if found.operator_id in silent else ()
            moves.append(Move(chat, found.operator_id, breaks))
    return MovePlan("reassign", moves, everybody, forced=frozenset(forced), release_reason=REASSIGNED, made_at=made_at,
                    silent_before=silent_before)  # fmt: skip


class _Free:
    """Operators who can each take one chat, in order."""

    def __init__(self, free: Sequence[Operator]) -> None:
        self._left = {one.operator_id: one for one in free}

    def __len__(self) -> int:
        return len(self._left)

    def take(self, not_these: Collection[UUID], rather_not: Collection[UUID]) -> Operator | None:
        """The first who is neither excluded nor, while there is another, better avoided; None when nobody is."""
        for avoided in (rather_not, not_these):
            for operator_id in self._left:
                if operator_id not in avoided:
                    return self._left.pop(operator_id)
        return None


def is_silent(operator: Operator, before: datetime | None) -> bool:
    """Whether an operator was not heard of since an instant; nobody is where there is none."""
    return before is not None and (operator.last_activity is None or operator.last_activity < before)


def _own(chat: Standing, operator_id: UUID) -> int:
    # A chat that bears its target's id already is not another one.
    return int(chat.operator_id == operator_id and chat.is_active)


def _before(chat: Standing) -> tuple[UUID, ...]:
    return tuple({one for one in (chat.operator_id, chat.last_operator_id) if one is not None})


def _about_chat(chat: Standing) -> tuple[Rule, ...]:
    if chat.over:
        return (Rule.COMPLETED,)
    return () if chat.asked else (Rule.ANSWERED,)


def _unwanted(chat: Standing, forced: Collection[Rule]) -> Move | None:
    judged = _judged(Move(chat, breaks=_about_chat(chat)), forced, _chat_problems(chat))
    return judged if judged.refused else None


def _chat_problems(chat: Standing) -> dict[Rule, str]:
    answered = "the last word was ours: nobody waits for an answer"
    empty = "no user has written yet: there is nothing to answer"
    return {
        Rule.COMPLETED: "it is completed",
        Rule.ANSWERED: answered if chat.by_messages == "waiting_real_user_reply" else empty,
    }


def _given(chat: Standing, target: Operator, held: int, forced: Collection[Rule], one_chat: bool) -> Move:
    if chat.operator_id == target.operator_id and chat.chat_state == "assigned" and chat.is_active:
        return Move(chat, target.operator_id)
    broken = list(_about_chat(chat))
    broken += [Rule.INACTIVE] if not target.is_active else [Rule.AWAY] if not target.is_available else []
    broken += [Rule.BUSY] if held > 0 else []
    broken += [Rule.LAST] if chat.last_operator_id == target.operator_id else []
    sentences = {
        **_chat_problems(chat),
        Rule.INACTIVE: "the operator is not active",
        Rule.AWAY: "the operator is not available",
        Rule.BUSY: f"the operator is busy with {'another chat' if held == 1 else formatting.plural(held, 'other chat')}",
        Rule.LAST: "the operator had it last",
    }  # fmt: skip
    if one_chat:
        sentences[Rule.BUSY] += ", and this database allows one"
    return _judged(Move(chat, target.operator_id, tuple(broken)), forced, sentences, {Rule.BUSY} if one_chat else ())


def _judged(move: Move, forced: Collection[Rule], sentences: dict[Rule, str], unbreakable: Collection[Rule] = ()) -> Move:
    kept = [rule for rule in move.breaks if rule not in forced]
    if not kept:
        return move
    problem = "; ".join(sentences[rule] for rule in kept)
    flag = "" if set(kept) & set(unbreakable) else f"{FORCED}{','.join(rule.value for rule in kept)} does it all the same"
    return replace(move, problem=problem + flag, breaks=tuple(kept))

"""Which chats a request means, and what is to become of each: the plan, before anybody is asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from chatops import formatting
from chatops.chats import audit, chat_sets, reassignment, rules, served
from chatops.chats.chat_sets import Selection
from chatops.chats.reassignment import Details, MovePlan, Operator, Standing
from chatops.db import Database
from chatops.errors import NotATerminalError, RefusedError, UsageError
from chatops.flows import acting
from chatops.flows.move_request import MoveRequest
from chatops.flows.pager import show_beside
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.later import later
from chatops.model import Values
from chatops.names import find_operator
from chatops.render import format_named
from chatops.screens import moves

if TYPE_CHECKING:  # sets of chats: those of a finding, of a filter, of a file; and limits
    from chatops.chats import chat_list, plan_file, policy
    from chatops.checks import load, run
else:
    chat_list, plan_file = later("chatops.chats.chat_list"), later("chatops.chats.plan_file")
    policy, load, run = later("chatops.chats.policy"), later("chatops.checks.load"), later("chatops.checks.run")


@dataclass(slots=True)
class _Facts:
    """What was read before anything is decided."""

    standings: Sequence[Standing]
    operators: dict[UUID, Operator]
    target: UUID | None = None
    reassignment_limit: int | None = None
    one_chat: bool = False
    idle_timeout: timedelta | None = None


def planned(invocation: Invocation, database: Database, request: MoveRequest) -> tuple[MovePlan, dict[UUID, Details]]:
    """The plan of a request, or what is left of the one in its file; and what people are told of the chats that they see."""
    loaded = plan_file.read(request.plan, request.command, invocation.target) if request.plan is not None else None
    timeout = reassignment.PLANNING_TIMEOUT
    with acting.planning(invocation, database, logged=not request.no_audit, statement_timeout=timeout):
        if loaded is not None:
            plan = _served(database, _left_of(invocation, database, loaded))
            return plan, _told(invocation, database, request, plan)
        facts = _facts(invocation, database, request)
        if not (_asks_for_target(request) and facts.standings):
            plan = _served(database, _made(invocation, database, request, facts))
            return plan, _told(invocation, database, request, plan)
    # While somebody thinks no snapshot is kept.
    facts.target = _asked_for_target(invocation, database, facts)
    plan = _made(invocation, database, request, facts)
    with database.reading():
        return plan, _told(invocation, database, request, plan)


def _asks_for_target(request: MoveRequest) -> bool:
    return request.command == "reassign" and request.to is None


def _made(invocation: Invocation, database: Database, request: MoveRequest, facts: _Facts) -> MovePlan:
    forced = rules.rules(request.force)
    if request.command == "close" or request.command == "reopen":
        return reassignment.plan_ending(request.command, facts.standings, facts.operators, made_at=invocation.now)
    if request.command == "release":
        reason = reassignment.IDLE if request.idle else reassignment.RELEASED
        plan = reassignment.plan_release(
            facts.standings, facts.operators, forced=forced, release_reason=reason,
            reassignment_limit=facts.reassignment_limit, made_at=invocation.now,
        )  # fmt: skip
        if facts.idle_timeout is not None and invocation.now is not None:
            plan = replace(plan, silent_before=invocation.now - facts.idle_timeout)
        return plan
    return reassignment.plan_reassign(
        facts.standings, facts.operators, facts.target, forced=forced, one_chat=facts.one_chat,
        silent_before=silent_before(database), made_at=invocation.now,
    )  # fmt: skip


def _served(database: Database, plan: MovePlan) -> MovePlan:
    """The plan, which knows how many of the chats that it puts into the queue nobody is there for."""
    waits = sum(plan.then_state(move) == "waiting_assignment" for move in plan.wanted)
    if plan.command != "release" or not waits or served.anybody_available(database, silent_before(database)):
        return plan
    return replace(plan, unserved=waits)


def _told(invocation: Invocation, database: Database, request: MoveRequest, plan: MovePlan) -> dict[UUID, Details]:
    """Nothing where none reads it, or where the plan is refused as a whole."""
    if not format_named(invocation.format()).for_people or refused_as_a_whole(request, plan):
        return {}
    return reassignment.details(database, [move.chat.chat_id for move in moves.first(plan, request.shown)])


def refused_as_a_whole(request: MoveRequest, plan: MovePlan) -> bool:
    """Whether nothing of a plan is tried: chats were named and one of them may not be moved, or none may."""
    return bool(plan.refused and (request.names or not plan.wanted))


def _left_of(invocation: Invocation, database: Database, plan: MovePlan) -> MovePlan:
    done = audit.done_before(database, plan.plan_id)
    if done:
        of_all = formatting.plural(len(plan.moves), "chat")
        invocation.note(f"done already: {formatting.count(len(done))} of the {of_all} of this plan")
    left = [one for one in plan.moves if one.chat.chat_id not in done]
    concerned = {one for move in left for one in (move.chat.operator_id, move.to) if one is not None}
    everybody = {**plan.operators, **reassignment.operators(database, concerned)}
    return replace(plan, moves=left, operators=everybody, silent_before=silent_before(database))


def _facts(invocation: Invocation, database: Database, request: MoveRequest) -> _Facts:
    limits = _idle_policy(invocation, database) if request.idle else None
    chats = chat_sets.chats_of(database, _selection(database, request, limits.idle_timeout if limits else None))
    if len(chats) > request.most:
        raise RefusedError(
            f"these are {formatting.plural(len(chats), 'chat')}, more than --max {request.most:,}; nothing was changed",
            next_steps=[
                ("if all of them are meant", invocation.here(*request.again(), "--max", str(len(chats)), *request.as_asked()))
            ],
        )
    target = None
    if request.to is not None and request.to != "auto":
        target = find_operator(database, request.to).id
    standings = reassignment.standings(database, chats, count_releases=limits is not None)
    only, free = None, 0
    if not _asks_for_target(request):
        only = {one for one in (target, *(chat.operator_id for chat in standings)) if one is not None}
        # Each chat passes over two of those who are free at most, so that one more than these is never asked.
        free = len(standings) + 3 if request.to == "auto" else 0
    return _Facts(
        standings,
        reassignment.operators(database, only, free=free),
        target,
        limits.max_reassignments if limits else None,
        reassignment.one_chat_each(database),
        limits.idle_timeout if limits else None,
    )


def _idle_policy(invocation: Invocation, database: Database) -> policy.Policy:
    """The policy of the application; the timeout that chatops.toml sets holds here as it does for OPER001."""
    found, limit = policy.read(database), "idle_timeout_minutes of the application"
    if (minutes := database.target.thresholds.get("idle_timeout_minutes")) is not None:
        found, limit = replace(found, idle_timeout=timedelta(minutes=minutes)), "idle_timeout_minutes of chatops.toml"
    silent_for = formatting.duration(found.idle_timeout)
    invocation.note(f"idle: its holder is inactive, or was not heard of in the chat for {silent_for} ({limit})")
    return found


def _selection(database: Database, request: MoveRequest, idle_for: timedelta | None) -> Selection:
    if request.names:
        names = list(request.names)
        if "-" in names:
            if len(names) > 1:
                raise UsageError("- takes the ids from stdin; name no chats beside it")
            names = chat_sets.read_names(sys.stdin)
        return Selection(names=names) if names else Selection(finding="-")
    if request.where is not None and "=" in request.where:
        wanted = chat_list.parsed(request.where)
        return Selection(filtered=chat_list.ids(database, wanted))
    if request.where is not None:
        code, rows = offending(database, request.where)
        return Selection(finding=code, offending=rows)
    if request.stuck is not None:
        return Selection(stuck_for=formatting.span(request.stuck, "--stuck"))
    if request.held_by is not None:
        return Selection(held_by=request.held_by)
    return Selection(idle_for=idle_for)


def offending(database: Database, where: str) -> tuple[str, Sequence[Values]]:
    """The rows that `diagnose` finds under a code, measured against the same thresholds."""
    code = load.codes_of([where])
    if len(code) != 1:
        raise UsageError("--where takes one code, such as CHAT003")
    survey = run.run(database, load.chosen(load.shipped(), code, ()), rows=10_000_000, whole_seconds=60)
    result = survey.results[0]
    if result.status == "unknown":
        raise RefusedError(f"{code[0]} cannot be looked for here: {result.reason}; nothing was changed")
    return code[0], result.rows


def _asked_for_target(invocation: Invocation, database: Database, facts: _Facts) -> UUID | None:
    before = {one for chat in facts.standings for one in (chat.operator_id, chat.last_operator_id)}
    many = len(facts.standings) > 1
    listed = [one for one in facts.operators.values() if one.load == "free" and (many or one.operator_id not in before)][:9]
    if not invocation.interactive:
        names = [f"{one.operator_id}  {moves.standing(one, invocation.now)}" for one in listed]
        raise NotATerminalError(
            "say who gets it: --to OPERATOR, or --to auto; nothing was changed",
            details=names or ["nobody who could take it is free"],
        )
    if not listed:
        raise RefusedError("nobody who could take it is free; nothing was changed",
                           next_steps=[("who works", invocation.here("operators"))])  # fmt: skip
    show_beside(invocation, moves.candidates(len(facts.standings), listed, invocation.now))
    answer = invocation.ask("Who gets it? (number, name, id, auto)", "--to")
    if not answer:
        raise RefusedError("nobody was named; nothing was changed")
    if answer == "auto":
        return None
    if answer.isdigit() and 1 <= int(answer) <= len(listed):
        return listed[int(answer) - 1].operator_id
    with database.reading():
        return find_operator(database, answer).id

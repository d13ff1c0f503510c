"""A plan as a file: reviewed by people, applied later, resumed after a crash, and kept as the record of what was done."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from chatops import formatting, settings
from chatops.chats.carry_out import MoveResult
from chatops.chats.reassignment import CLOSED, IDLE, REASSIGNED, RELEASED, Move, MoveCommand, MovePlan, Operator, Standing
from chatops.chats.rules import Rule
from chatops.errors import RefusedError, UsageError
from chatops.files import read_json
from chatops.model import Values
from chatops.settings import Target

FORMAT = 1
LARGEST_BYTES = 512 << 20


def kept_at(plan_id: UUID) -> Path:
    """Where a large plan is kept while it runs, so that it can be resumed."""
    return settings.state_dir() / "plans" / f"{plan_id}.json"


def write(path: Path, plan: MovePlan, target: Target, results: Sequence[MoveResult] | None = None) -> None:
    """Writes a plan, and what became of it, as JSON: the whole file or nothing. Raises UsageError when it cannot."""
    outcomes = {result.chat_id: result for result in results or ()}
    whole: dict[str, Any] = {
        "chatops_plan": FORMAT,
        "plan_id": str(plan.plan_id),
        "command": plan.command,
        "made_at": formatting.instant(plan.made_at),
        "environment": target.name,
        "database": target.shown(),
        "schema": target.schema,
        "forced": sorted(rule.value for rule in plan.forced),
        "release_reason": plan.release_reason,
        "reassignment_limit": plan.reassignment_limit,
        "operators": [
            {"operator_id": str(one.operator_id), "name": one.name, "held_before": one.held_before, "held_after": one.held_after}
            for one in plan.loads()
        ],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            # One item a line: a plan is read by people, compared by diff, and may be long.
            file.write(json.dumps(whole, indent=2)[:-2] + ',\n  "items": [')
            for place, move in enumerate(plan.moves):
                item = _item(plan, move, outcomes.get(move.chat.chat_id))
                file.write((",\n    " if place else "\n    ") + json.dumps(item))
            file.write("\n  ]\n}\n")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write the plan to {path}: {error.strerror}") from None


def _item(plan: MovePlan, move: Move, result: MoveResult | None) -> dict[str, Any]:
    chat = move.chat
    item: dict[str, Any] = {
        "chat_id": str(chat.chat_id),
        "now": {
            "chat_state": chat.chat_state,
            "is_active": chat.is_active,
            "operator_id": _text(chat.operator_id),
            "last_operator_id": _text(chat.last_operator_id),
            "epoch": chat.epoch,
            "by_messages": chat.by_messages,
            "asked": chat.asked,
            "loose": chat.loose,
            "releases": chat.releases,
        },
        "then": {"chat_state": plan.then_state(move), "operator_id": _text(move.to)},
        "breaks": [rule.value for rule in move.breaks],
        "refused": move.problem,
    }
    if result is not None:
        item["result"] = {"outcome": result.outcome, "detail": result.detail, "action_id": result.action_id}
    return item


def read(path: Path, command: str, target: Target) -> MovePlan:
    """The plan in a file. Raises UsageError when it is none, RefusedError when it was made for something else."""
    try:
        whole = read_json(path, "plan", largest=LARGEST_BYTES)
    except FileNotFoundError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}") from None
    if not isinstance(whole, dict):
        raise UsageError(f"{path} is no plan")
    try:
        plan = _plan(whole)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path} is no plan that this version can read: {formatting.visible(repr(error))}") from None
    if plan.command != command:
        apply = f"chatops {plan.command} --plan {shlex.quote(str(path))}"
        raise RefusedError(f"{path} is a plan for {plan.command}", next_steps=[("apply it", apply)])
    here = (target.shown(), target.schema)
    if (whole.get("database"), whole.get("schema")) != here and not (
        target.environment and (whole.get("environment"), whole.get("schema")) == (target.environment, target.schema)
    ):
        made_for = f"{formatting.visible(str(whole.get('database')))} (schema {formatting.visible(str(whole.get('schema')))})"
        raise RefusedError(f"{path} was made for {made_for}, and this is {target.shown()}; nothing was changed")
    return plan


def plan_id_of(path: Path) -> UUID:
    """Which plan a file is. Raises UsageError when it is none."""
    try:
        whole = read_json(path, "plan", largest=LARGEST_BYTES)
        if isinstance(whole, dict):
            return UUID(whole["plan_id"])
    except FileNotFoundError as error:
        raise UsageError(f"cannot read the plan {path}: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise UsageError(f"{path} is no plan")


def _plan(whole: Values) -> MovePlan:
    if whole["chatops_plan"] != FORMAT:
        raise ValueError(f"format {whole['chatops_plan']}")
    if whole["command"] not in get_args(MoveCommand):
        raise ValueError(f"command {whole['command']}")
    operators = {
        UUID(one["operator_id"]): Operator(UUID(one["operator_id"]), one["name"], True, True, None, int(one["held_before"]))
        for one in whole["operators"]
    }
    moves = [_move(item) for item in whole["items"]]
    if len({move.chat.chat_id for move in moves}) != len(moves):
        raise ValueError("a chat is in it twice")
    limit = whole["reassignment_limit"]
    return MovePlan(
        command=whole["command"],
        moves=moves,
        operators=operators,
        plan_id=UUID(whole["plan_id"]),
        forced=frozenset(Rule(name) for name in whole["forced"]),
        release_reason=_release_reason(whole["release_reason"]),
        reassignment_limit=None if limit is None else int(limit),
        made_at=datetime.fromisoformat(whole["made_at"]) if whole["made_at"] else None,
    )


def _release_reason(text: str) -> str:
    # The application reads this column: a file must not put free text there.
    if text not in (CLOSED, IDLE, REASSIGNED, RELEASED):
        raise ValueError(f"release_reason {text!r}")
    return text


def _move(item: Values) -> Move:
    now = item["now"]
    chat = Standing(
        chat_id=UUID(item["chat_id"]),
        chat_state=None if now["chat_state"] is None else str(now["chat_state"]),
        is_active=bool(now["is_active"]),
        operator_id=_uuid(now["operator_id"]),
        last_operator_id=_uuid(now["last_operator_id"]),
        epoch=int(now["epoch"]),
        by_messages=str(now["by_messages"]),
        asked=bool(now["asked"]),
        loose=int(now["loose"]),
        releases=int(now["releases"]),
    )
    refused = item["refused"]
    return Move(chat, _uuid(item["then"]["operator_id"]), tuple(Rule(name) for name in item["breaks"]),
                None if refused is None else str(refused))  # fmt: skip


def _uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)

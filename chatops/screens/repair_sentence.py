"""What a repair would do to a row, and to a chat with all its rows, as a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from chatops import formatting
from chatops.checks import load
from chatops.checks.repair_batches import Change

Names = Mapping[UUID, str | None]

_STATES = {
    "waiting_assignment": "goes back to the queue",
    "waiting_real_user_reply": "waits for its user",
    "completed": "is completed",
}
LONGEST_VALUES = 60
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00$")
_ROWS = {"chat_assignments": "assignment", "operator_activity": "heartbeat"}


def sentence(change: Change, names: Names, *, show_names: bool) -> str:
    """The change in words. Without `show_names` people are initials.

    >>> sentence(Change(1, "CHAT003", UUID(int=1), None, None, {"chat_state": None}, {"chat_state": "waiting_assignment"}),
    ...          {UUID(int=1): "Rainy Robin"}, show_names=True)
    'chat with Rainy Robin goes back to the queue'
    """
    table, _, key = (change.row_id or "chats").partition(" ")
    chat = _chat(change, names, show_names=show_names)
    operator = _person(change.operator_id, names, show_names=show_names) if change.operator_id else "nobody"
    if table == "chats" and change.before is not None and change.after is not None:
        return _of_chat(change, chat, operator)
    if table in _ROWS:
        whose = f"{operator}'s {_ROWS[table]} {'to' if table == 'chat_assignments' else 'on'} {chat}"
        if change.before is not None and change.after is not None:
            closed = change.before.get("released_at", "") is None and change.after.get("released_at") is not None
            return f"{whose} is closed" if closed else f"{whose}: {_set_right(change)}"
    else:
        whose = {
            "operators": operator,
            "chats": chat,
            "messages": f"a message of {chat}",
            "platform_config": f"setting {key}",
            "sequence": f"sequence {key}",
        }.get(table, f"{table} of {chat}")
    if change.after is None:
        return f"{whose} is removed"
    if change.before is None:
        return f"{whose} is added"
    return f"{whose}: {_set_right(change)}"


def act(changes: Sequence[Change], names: Names, *, show_names: bool) -> str:
    """What is done to one chat at once, in one sentence: the chat first, then what goes with it.

    >>> chat, dora = UUID(int=1), UUID(int=2)
    >>> state = Change(1, "CHAT001", chat, dora, None, {"chat_state": "assigned"}, {"chat_state": "waiting_assignment"})
    >>> heard = Change(2, "CHAT001", chat, dora, "operator_activity", {"last_activity": "x"}, None)
    >>> act([heard, state], {chat: "Rainy Robin", dora: "Dora"}, show_names=True)
    "chat with Rainy Robin goes back to the queue; Dora's heartbeat is removed"
    """
    first, *rest = sorted(changes, key=lambda one: one.row_id is not None)
    told = [sentence(first, names, show_names=show_names)]
    for one in rest:
        chat = _chat(one, names, show_names=show_names)
        told.append(sentence(one, names, show_names=show_names).replace(f" to {chat}", "").replace(f" on {chat}", ""))
    return "; ".join(told)


def acts(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes of each chat together, in the order of their first; what is of no chat stays by itself."""
    found: dict[object, list[Change]] = {}
    for place, one in enumerate(changes):
        found.setdefault((one.code, one.chat_id) if one.chat_id else place, []).append(one)
    return list(found.values())


def _of_chat(change: Change, chat: str, operator: str) -> str:
    before, after = change.before or {}, change.after or {}
    state = after.get("chat_state")
    if "chat_state" in after and before.get("chat_state") != state:
        if state == "assigned":
            return f"{chat} is with {operator}"
        return f"{chat} {_STATES.get(str(state), f'has the state {state}')}"
    holder = after.get("assigned_operator_id")
    if "assigned_operator_id" in after and before.get("assigned_operator_id") != holder:
        return f"{chat} is with {operator}" if holder else f"{chat} is held by nobody"
    return f"{chat}: {_set_right(change)}"


def _set_right(change: Change) -> str:
    before, after = change.before or {}, change.after or {}
    words = []
    for name, value in after.items():
        was = before.get(name)
        if was == value:
            continue
        numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (was, value))
        known = f"{was:,} → {value:,}" if numbers else _instants(was, value)
        if name == "value":  # of a setting: a number that was kept as text, as JSON writes them
            known = formatting.shortened(f"{json.dumps(was)} → {json.dumps(value)}", LONGEST_VALUES)
            if not _same_number(was, value):
                meant = f"nothing says which number was meant{_range(change)}"
                words.append(f"value {known}, the default; {meant}")
                continue
        words.append(f"{name.removesuffix('_id').replace('_', ' ')} {known or 'set right'}")
    return ", ".join(words) or "unchanged"


def _range(change: Change) -> str:
    """What the setting takes, and where the statement stands that gives it another number."""
    limit = load.limits().get((change.row_id or "").partition(" ")[2])
    return f" ({limit.least:g} to {limit.most:g}: diagnose --only {change.code} has the statement)" if limit is not None else ""


def _instants(was: object, value: object) -> str:
    """From when to when a clock is set, in UTC as JSON has them, as short as tells them apart; "" for what is no clock.

    >>> _instants("2026-11-27T08:18:49.26+00:00", "2026-11-27T06:00:14+00:00"), _instants(None, "2026-11-27T06:00:14+00:00")
    ('08:18 → 06:00', '')
    >>> _instants("infinity", "2026-11-27T06:00:14+00:00"), _instants("2026-11-28T06:00:01+00:00", "2026-11-27T06:00:14+00:00")
    ('infinity → 2026-11-27 06:00', '2026-11-28 06:00 → 2026-11-27 06:00')
    """
    if not (isinstance(was, str) and isinstance(value, str) and _INSTANT.match(value)):
        return ""
    old, new = (one[:19].replace("T", " ") if _INSTANT.match(one) else one for one in (was, value))
    if old[:16] != new[:16]:
        old, new = (one[:16] for one in (old, new))
    if old[:10] == new[:10]:
        old, new = (one[11:] for one in (old, new))
    return f"{old} → {new}"


def _same_number(was: object, value: object) -> bool:
    """Whether a setting said this number already, as a text."""
    try:
        return float(str(was)) == float(str(value))
    except ValueError:
        return False


def _chat(change: Change, names: Names, *, show_names: bool) -> str:
    if change.chat_id is None:
        return "no chat"
    name = names.get(change.chat_id)
    if not name:
        return f"chat {str(change.chat_id)[:8]}"
    if show_names:
        return f"chat with {formatting.called(name)}"
    return f"chat {str(change.chat_id)[:8]} with {formatting.initial(name)}"


def _person(who: UUID, names: Names, *, show_names: bool) -> str:
    name = (names.get(who) or "").strip()
    if not name:
        return str(who)[:8]
    return formatting.called(name) if show_names else f"{formatting.initial(name)} {str(who)[:8]}"

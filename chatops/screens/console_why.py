"""Why nobody has a chat that waits, in few words, as far as the rules and the last checks tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chatops import formatting
from chatops.chats.desk import Look
from chatops.chats.reports import OperatorLoad, WaitingChat
from chatops.checks.results import Survey
from chatops.frozen import frozen
from chatops.screens.lines import free_in_words
from chatops.screens.moved_chat import person

PASSED_OVER = "QUEUE002"
"""The check that counts how often a chat that waits was passed over."""


@frozen
class Free:
    """Who could take a chat: those who are there, those who are silent; how many are away."""

    there: Sequence[OperatorLoad]
    silent: Sequence[OperatorLoad]
    away: int


def free_of(look: Look) -> Free | None:
    """Who is free at a look; None where the operators were not seen."""
    if look.operators is None:
        return None
    free = [one for one in look.operators if one.load == "free"]
    silent = [one for one in free if look.silent(one)]
    return Free([one for one in free if not look.silent(one)], silent, sum(1 for one in look.operators if one.load == "away"))


def passed_over(survey: Survey | None) -> Mapping[UUID, int]:
    """How often each chat was passed over, as the checks last counted it."""
    rows = [row for one in survey.results if one.check.code == PASSED_OVER for row in one.rows] if survey is not None else []
    return {row["chat_id"]: int(row["overtaken"]) for row in rows if isinstance(row.get("chat_id"), UUID)}


def why(chat: WaitingChat, look: Look, free: Free | None, passed: int, *, show_names: bool) -> str:
    """The pause; who has locked it; passed over by others; nobody there; only the one who had it last, until when; or that the
    free do not fetch."""
    if look.paused is not None:
        return f"paused until {clock(look.paused)}"
    if chat.chat_id in look.locked:
        pid = look.locked[chat.chat_id]
        return f"locked by pid {pid}" if pid else "locked by a prepared transaction"
    told = ["perhaps paused: not seen"] if "pause" in look.unseen else []
    told += [f"passed over {formatting.plural(passed, 'time')}"] if passed else []
    if free is None:
        return "; ".join([*told, "operators not seen"])
    others = [one for one in free.there if one.operator_id != chat.last_operator_id]
    if others:
        told = told or [f"{formatting.plural(len(others), 'free does', 'free do')} not fetch"]
    elif free.there:
        told.append(_only_the_last(chat, look, free.there[0], show_names))
    elif free.silent:
        told.append(free_in_words(len(free.silent), len(free.silent)))
    else:
        told.append(f"nobody is free, {formatting.count(free.away)} away" if free.away else "nobody is free")
    return "; ".join(told)


def _only_the_last(chat: WaitingChat, look: Look, last: OperatorLoad, show_names: bool) -> str:
    who = person(last.name, last.operator_id, show_names=show_names)
    if not look.facts.goes_by_clocks:
        return f"only {who} is free, who had it last"
    if timedelta(0) <= look.now - chat.queued_since < look.policy.own_chat_after:
        return f"until {clock(chat.queued_since + look.policy.own_chat_after)} not for {who}, who had it last"
    return f"only {who} is free, and does not fetch"


def clock(moment: datetime) -> str:
    """An instant's hour and minute, in UTC."""
    return f"{moment.astimezone(UTC):%H:%M}"

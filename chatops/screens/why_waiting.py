"""Why nobody gets a chat that waits, in lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from chatops import formatting
from chatops.chats.pick_order import OUR_CLOCK
from chatops.chats.why_waiting import Obstacle, Waiting
from chatops.model import Line, Span
from chatops.screens.lines import free_in_words

NAMED = 3
LOCKED = "locked, so no time can be told"
ABSENT = ("silent", "away", "inactive")
"""Those of whom people ask since when they are not there: named with when they were last seen, the last first."""


def lines(waiting: Waiting | None, here: Callable[..., str], *, show_names: bool, locked: bool = False) -> list[Line]:
    """Its place in the queue, rule by rule who could take it, and when it would be served; [] when it is not in the queue.

    `locked`: somebody keeps its row, so that nobody is given it.
    """
    if waiting is None:
        return []
    place = waiting.place
    counted = Counter(one.rule for one in waiting.obstacles)
    since = formatting.age(place.waiting_since, waiting.now)
    beyond = formatting.ahead(place.waiting_since, waiting.now)
    begun = f"by a clock that is {beyond} ahead" if beyond else f"for {since}"
    waits = f"its user waits {begun}, {formatting.plural(waiting.ahead, 'chat')} before it"
    may = waiting.pause.until is None and not locked
    told: list[Line] = [f"{waits} · {_served(waiting) if not locked else LOCKED}", *_by_another_order(waiting)]
    for kind, meaning in (
        (
            "free",
            "could take it now, if they fetch: nobody is given a chat unasked"
            if waiting.pause.until is None and not locked
            else "could take it, but it is locked"
            if locked
            else "could take it, but the queue is paused",
        ),
        ("silent", "count as free, and were not heard of for long"),
        ("was last", "had it last; gets it again only after a while, or when nobody else is available"),
        ("busy", "hold another chat"),
        ("away", "are not available"),
        ("inactive", "are not active"),
    ):
        if not counted[kind]:
            continue
        who = [one for one in waiting.obstacles if one.rule == kind]
        if kind in ABSENT:
            who.sort(key=lambda one: (one.last_activity is not None, one.last_activity or datetime.max), reverse=True)
        shown = formatting.listed([_who(one, waiting.now, seen=kind in ABSENT, show_names=show_names) for one in who], NAMED)
        sign = "✓" if kind == "free" and may else " "
        told.append(
            [
                Span(f"  {sign} {counted[kind]:>4} {kind:<10}", "ok" if kind == "free" and may else "plain"),
                Span(f"{meaning}{', last seen' if kind in ABSENT else ''}: {shown}"),
            ]
        )
    if any(number > NAMED for number in counted.values()):
        told.append([Span("  all of them: "), Span(here("operators"), "code")])
    if not counted["free"] or not may:
        told.append([Span("nobody can take it now", "warning")])
    return told


def _who(one: Obstacle, now: datetime | None, *, seen: bool, show_names: bool) -> str:
    # One without a name is found by the beginning of the id.
    name = formatting.shortened(one.name or "", 24) if show_names else formatting.initial(one.name)
    name = name.strip("—") or str(one.operator_id)[:8]
    if not seen:
        return name
    if beyond := formatting.ahead(one.last_activity, now):
        return f"{name} by a clock that is {beyond} ahead"
    return f"{name} {formatting.age(one.last_activity, now)} ago" if one.last_activity else f"{name} never"


def _by_another_order(waiting: Waiting) -> list[Line]:
    """That the installed function does not go by the wait, and what that means for this chat."""
    order = waiting.order
    if order is None or order.column == OUR_CLOCK:
        return []
    end = "newest" if order.newest_first else "oldest"
    by = f"the installed assign function takes the {end} by {order.column}, not by the wait"
    passed = formatting.plural(waiting.place.taken_meanwhile, "other chat was", "other chats were")
    return [[Span(f"{by}: {passed} taken while it waited, and more can pass it", "warning")]]


STANDS_STILL, STANDS_STILL_S = 5.0, 60.0
"""After so many times what a turn took in the last hour, and so many seconds, the hour says nothing of the next turn."""


def _served(waiting: Waiting) -> str:
    place, order = waiting.place, waiting.order
    if waiting.pause.until is not None:
        return f"paused until {formatting.instant(waiting.pause.until)}, so no time can be told"
    if waiting.pause.unseen is not None:
        return "whether the queue is paused cannot be seen, so no time can be told"
    if all(one.rule != "free" for one in waiting.obstacles):
        silent = sum(one.rule == "silent" for one in waiting.obstacles)
        return f"{free_in_words(silent, silent) if silent else 'nobody is free'}, so no time can be told"
    if order is None:
        return "in which order the installed assign function picks cannot be told from its text, so no time can be told"
    if not place.served_last_hour:
        return "nothing was served in the last hour, so no time can be told"
    seconds = (waiting.ahead + 1) * 3600 / place.served_last_hour
    rate = f"at the rate of the last hour ({place.served_last_hour} served)"
    idle = (waiting.now - place.served_at).total_seconds() if place.served_at and waiting.now else 0.0
    if idle > max(STANDS_STILL_S, STANDS_STILL * seconds):
        return f"nobody has taken a chat for {formatting.duration(idle)}, so no time can be told"
    if order.column != OUR_CLOCK and place.taken_meanwhile > waiting.ahead:
        return f"served in the last hour: {place.served_last_hour}; chats pass it, so no time can be told"
    waits = (waiting.now - place.waiting_since).total_seconds() if waiting.now else 0.0
    if waits > max(STANDS_STILL * STANDS_STILL_S, STANDS_STILL * seconds):
        free = sum(one.rule == "free" for one in waiting.obstacles)
        many = (
            "1 operator could take it, and does not fetch it"
            if free == 1
            else f"{free} operators could take it, and nobody fetches it"
        )
        return f"{many}, so no time can be told"
    return f"{rate} its turn is in about {formatting.duration(max(10.0, seconds))}"

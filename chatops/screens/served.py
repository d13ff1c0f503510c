"""In one line whether users are served again."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.chats.served import Served
from chatops.model import Span
from chatops.screens.lines import busy_in_words, free_in_words


def told(served: Served, now: datetime | None) -> Span:
    """Who waits, and whether somebody can be given the chat that waits longest; where nobody can, why not."""
    queue = served.queue
    waits = "nobody waits"
    if queue.waiting:
        many = f"{formatting.count(queue.waiting)} {'waits' if queue.waiting == 1 else 'wait'}"
        waits = f"{many}, oldest {formatting.age(queue.oldest, now)}"
    if served.stops:
        return Span(f"nobody can be given a chat: {_why(served)}; {waits}", "warning" if queue.waiting else "plain")
    if not queue.waiting:
        return Span(f"{waits}; {free_in_words(queue.free, queue.silent)}", "ok")
    who = f"{formatting.count(served.able)} of {formatting.count(queue.free)} free may have the first"
    if served.given_at is None:
        return Span(f"{waits}; {who}, but nobody was given one for an hour", "warning")
    return Span(f"{waits}; {who}; last given {formatting.age(served.given_at, now)} ago", "ok")


def _why(served: Served) -> str:
    queue = served.queue
    if not served.assigns:
        return "assign_chat_to_operator is missing"
    if served.pause.until is not None:
        return f"paused until {formatting.instant(served.pause.until)}"
    if not queue.free:
        return f"nobody is free ({busy_in_words(queue.busy, queue.leaving)}, {formatting.count(queue.away)} away)"
    kept = [f"{formatting.count(served.rules[rule])} {says}" for rule, says in (("silent", "silent"), ("was last", "had it last"))
            if served.rules.get(rule)]  # fmt: skip
    if not kept:
        return free_in_words(queue.free, queue.silent)
    return f"of {formatting.count(queue.free)} free none may have the first ({', '.join(kept)})"

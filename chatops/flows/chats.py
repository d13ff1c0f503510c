"""What `chats` does: understand the filter, list the first chats that pass it, or stream all."""

from __future__ import annotations

import shlex
from dataclasses import replace

from chatops.chats import chat_list, reports
from chatops.chats.chat_list import ChatFilter
from chatops.errors import ExitCode
from chatops.flows import paused, tenants
from chatops.flows.run import Invocation
from chatops.flows.watch_option import shown
from chatops.frozen import frozen
from chatops.model import Answer
from chatops.screens import chats as screen
from chatops.screens.tenants_chats import CHATS

__all__ = ["ChatFilter", "ChatsRequest", "chats"]


@frozen
class ChatsRequest:
    """The filter, the order, and how many are listed."""

    wanted: ChatFilter
    oldest: bool
    limit: int | None
    watch: float | None


def chats(invocation: Invocation, request: ChatsRequest) -> ExitCode:
    """`chatops chats`."""
    if invocation.has_tenants:
        alone = replace(request, limit=1, watch=None)
        return tenants.over_all(invocation, lambda one: chats(one, alone), CHATS, watch=request.watch, limit=request.limit)
    wanted = request.wanted
    chat_list.order(wanted.sort)  # refused before anything is asked
    waits = wanted.sort == "wait"
    where = ["--where", shlex.quote(wanted.words)] if wanted.words else []
    verb = chat_list.acts_on(wanted)
    act = invocation.here(verb, *where, *(["--to", "auto"] if verb == "reassign" else []), "--dry-run") if where and verb else ""
    more = invocation.here("chats", *_options(wanted), "-o", "jsonl")
    if invocation.streams and request.watch is None:
        with invocation.reading() as database:  # rows as they come: the snapshot stays open until the last
            rows = chat_list.stream(database, wanted, limit=request.limit, oldest=request.oldest)
            invocation.show(screen.answer(rows, invocation.now, total=None, shown=0, order="", act=act, more=more, waits=waits))
        return ExitCode.OK

    listed = invocation.rows_of_list(request.limit, 20)

    def ask() -> Answer:
        with invocation.reading() as database:
            total = chat_list.count(database, wanted)
            found = chat_list.first(database, wanted, limit=listed.read, oldest=request.oldest) if total else []
            queued = reports.queue_figures(database).waiting if chat_list.is_about_waiting(wanted) else None
            answer = screen.answer(found, invocation.now, total=total, shown=listed.shown, order=_said(request), act=act,
                                   more=more, waits=waits, queued=queued)  # fmt: skip
            return paused.led(database, answer)

    return shown(invocation, ask, request.watch)


def _said(request: ChatsRequest) -> str:
    """The order in words."""
    said = {"wait": "longest wait first", "age": "oldest chat first"}
    return said.get(request.wanted.sort or "", "oldest message first" if request.oldest else "newest message first")


def _options(wanted: ChatFilter) -> list[str]:
    """The filter as the options of this command."""
    pairs = (("--state", wanted.state), ("--name", wanted.name), ("--user", wanted.user), ("--profile", wanted.profile),
             ("--holder", wanted.holder),
             ("--last-holder", wanted.last_holder), ("--older-than", wanted.older_than),
             ("--sort", wanted.sort))  # fmt: skip
    return [part for flag, value in pairs if value is not None for part in (flag, shlex.quote(value))]

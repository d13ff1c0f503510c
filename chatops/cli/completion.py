"""Completion of chat and operator ids, as options and arguments name it; loads nothing until somebody presses the key."""

from __future__ import annotations

import typer

Offers = list[tuple[str, str]]


def chats(ctx: typer.Context, incomplete: str) -> Offers:
    """Ids of chats that begin so, each with its state: who waits or is held first, then the newest."""
    return _offers(ctx, "chats", incomplete)


def operators(ctx: typer.Context, incomplete: str) -> Offers:
    """Ids of operators that begin so, each with what they do now."""
    return _offers(ctx, "operators", incomplete)


def either(ctx: typer.Context, incomplete: str) -> Offers:
    """Ids of what the word before says: `show chat …` or `show operator …`."""
    return _offers(ctx, "operators" if ctx.params.get("what") == "operator" else "chats", incomplete)


def _offers(ctx: typer.Context, kind: str, incomplete: str) -> Offers:
    from chatops.flows import complete_ids  # on the key, not when the option is declared

    return complete_ids.offers(ctx.obj.given, kind, incomplete)

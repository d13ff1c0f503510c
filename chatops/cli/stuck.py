"""`chatops stuck`."""

from __future__ import annotations

import typer

from chatops.cli.invocation import command, invocation_of


@command(
    examples=["chatops stuck", "chatops stuck --longer-than 30m", "chatops stuck -o jsonl > stuck.jsonl"],
    exits="0 always, when the database could be read",
)
def stuck(
    ctx: typer.Context,
    longer_than: str = typer.Option("1h", "--longer-than", metavar="TIME", help="30m, 1h, 2d …"),
    limit: int = typer.Option(20, "--limit", min=1, max=100_000, help="How many to list (jsonl, csv and tsv: all)."),
) -> None:
    """Chats that wait or are held for too long, or whose user wrote last and nobody was called.

    A chat that waits for its user is not stuck. The guide's `detect_stuck_chats`.
    """
    from chatops import words
    from chatops.chats import reports, screens

    invocation = invocation_of(ctx)
    span = words.span(longer_than, "--longer-than")
    with invocation.reading() as database:
        if invocation.format() in ("jsonl", "csv", "tsv"):
            answer = screens.stuck_answer(reports.stuck_stream(database, span), None, longer_than, "", invocation.now)
        else:
            found = reports.stuck(database, span, limit)
            more = invocation.here("stuck", f"--longer-than {longer_than}", "-o jsonl")
            answer = screens.stuck_answer(found.worst, found.total, longer_than, more, invocation.now, len(found.worst))
        invocation.show(answer)

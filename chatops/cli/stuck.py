"""`chatops stuck`."""

from __future__ import annotations

from pathlib import Path

import typer

from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode
from chatops.flows.replay_archive import REPLAY_HELP
from chatops.model import Answer


@command(
    examples=[
        "chatops stuck",
        "chatops stuck --watch 5",
        "chatops stuck --longer-than 30m",
        "chatops stuck -o jsonl > stuck.jsonl",
    ],
    exits="0 always, when the database could be read",
)
def stuck(
    ctx: typer.Context,
    longer_than: str = typer.Option("1h", "--longer-than", metavar="TIME", help="30m, 1h, 2d …"),
    limit: int = typer.Option(20, "--limit", min=1, max=100_000, help="How many to list (jsonl, csv and tsv: all)."),
    watch: float | None = typer.Option(
        None, "--watch", metavar="SECONDS", min=0.2, max=86_400, help="Again and again, redrawn in place; Ctrl-C ends it."
    ),
    replay: Path | None = typer.Option(None, "--replay", metavar="FILE", help=REPLAY_HELP),
) -> ExitCode:
    """Chats that wait or are held for too long, or whose user wrote last and nobody was called.

    A chat that waits for its user is not stuck. The guide's `detect_stuck_chats`.
    """
    from chatops import formatting
    from chatops.chats import reports
    from chatops.flows import replay_archive
    from chatops.flows.watch_option import shown
    from chatops.screens import tables

    invocation = invocation_of(ctx)
    if replay is not None:
        replay_archive.replay(invocation, replay)
    span = formatting.span(longer_than, "--longer-than")
    if invocation.format() in ("jsonl", "csv", "tsv") and watch is None:
        with invocation.reading() as database:  # rows as they come: the snapshot stays open until the last
            stream = reports.stuck_stream(database, span)
            invocation.show(tables.stuck_answer(stream, None, longer_than, "", invocation.now))
        return ExitCode.OK

    def ask() -> Answer:
        with invocation.reading() as database:
            found = reports.stuck(database, span, limit)
        more = invocation.here("stuck", f"--longer-than {longer_than}", "-o jsonl")
        return tables.stuck_answer(found.worst, found.total, longer_than, more, invocation.now, len(found.worst))

    return shown(invocation, ask, watch)

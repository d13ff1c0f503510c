"""`chatops config`: which setting won, and why."""

from __future__ import annotations

import typer

from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of
from chatops.model import Answer, Column, Table, Text


@command(
    examples=["chatops config", "chatops --env production config -o json"],
    exits="0 shown · 2 no database named, or the configuration is malformed",
    formats=DOCUMENT_FORMATS,
)
def config(ctx: typer.Context) -> None:
    """Shows each setting and where it came from; connects to nothing and never shows a password."""
    from chatops import settings

    invocation = invocation_of(ctx)
    configuration = settings.load()
    options = settings.Options(tuple(invocation.db), invocation.env, invocation.schema)
    targets = settings.resolve_all(options, configuration=configuration)
    columns = [Column("setting", "setting"), Column("value", "value"), Column("origin", "from")]
    body: list[Table | Text] = [Text([f"chatops.toml: {configuration.path or 'none here, above, or in the user config folder'}"])]
    for index, target in enumerate(targets):
        for warning in target.warnings:
            invocation.warn(warning)
        name = "settings" if len(targets) == 1 else f"settings_{index + 1}"
        body.append(Table(name, columns, target.origins))
    invocation.show(Answer("config", body))

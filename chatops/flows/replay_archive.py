"""A captured system in place of a live one: loaded into a scratch database of the embedded server, dropped at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from chatops.checks.capture import Archive

REPLAY_HELP = "Look at an archive of diagnose --capture: loaded into a scratch database of the embedded server, then dropped."


class _Scratch:
    """A database of the embedded server that is dropped when the run closes what it opened."""

    def __init__(self, name: str) -> None:
        self.name = name

    def close(self) -> None:
        from chatops import local

        local.drop_database(self.name)


def replay(invocation: Invocation, file: Path) -> Archive:
    """Makes the archive the database of this run. Raises UsageError when it is none, or when a database was named, too."""
    import secrets
    from dataclasses import replace

    from chatops import db, formatting, local, settings
    from chatops.checks import capture
    from chatops.errors import UsageError

    if invocation.db or invocation.env:
        raise UsageError("--replay looks at an archive: leave --db and --env out")
    archive = capture.read(file)
    name = f"replay_{secrets.token_hex(6)}"
    invocation.note(f"replaying {file.name} of {formatting.instant(archive.at)} in a scratch database of the embedded server")
    local.create_database(name, say=invocation.note)
    invocation.closed_with_the_run(_Scratch(name))
    parameters, _ = settings.parse(local.url(name), "embedded server")
    target = settings.Target(parameters, file.name, environment=f"replay of {file.name}", production=False)
    invocation.use(replace(target, flags=""))
    with db.connect(invocation.target, "replay", "act") as database:
        capture.restore(database, archive)
    if not archive.whole:
        chats = f"{formatting.count(archive.head['chats'])} of {formatting.count(archive.head['chats_there'])} chats"
        invocation.note(f"the archive holds {chats}: findings are told as they were found then")
    return archive

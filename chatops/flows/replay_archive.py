"""A captured system in place of a live one: loaded into a scratch database of the embedded server, dropped at the end."""

from __future__ import annotations

import secrets
from pathlib import Path

from chatops import db, formatting, local, settings
from chatops.checks import archive as archives
from chatops.checks import load
from chatops.checks.archive import Archive
from chatops.errors import UsageError
from chatops.flows.run import Invocation
from chatops.frozen import frozen


@frozen
class _Scratch:
    """A database of the embedded server that is dropped when the run closes what it opened."""

    name: str

    def close(self) -> None:
        local.drop_database(self.name)


def replay(invocation: Invocation, file: Path) -> Archive:
    """Makes the archive the database of this run. Raises UsageError when it is none, or when a database was named, too."""
    if invocation.db or invocation.env:
        raise UsageError("--replay looks at an archive: leave --db and --env out")
    archive = archives.read(file)
    known = {check.code for check in load.shipped()}
    unknown = sorted({str(one["code"]) for one in archive.results} - known)
    if len(unknown) == len({one["code"] for one in archive.results}):
        raise UsageError(f"{file} was made by chatops {archive.head['chatops']}; this one knows none of its checks")
    if unknown:
        invocation.warn(f"chatops {archive.head['chatops']} made this archive; not known here: {', '.join(unknown)}")
    name = f"replay_{secrets.token_hex(6)}"
    invocation.note(f"replaying {file.name} of {formatting.instant(archive.at)} in a scratch database of the embedded server")
    local.create_database(name, say=invocation.note)
    invocation.closed_with_the_run(_Scratch(name))
    parameters, _ = settings.parse(local.url(name), "embedded server")
    target = settings.Target(parameters, file.name, environment=f"replay of {file.name}", production=False, flags="")
    invocation.use(target)
    with db.connect(target, "replay", "act") as database, invocation.under_way("making its tables"):
        archives.restore(database, archive)
    if not archive.whole:
        chats = f"{formatting.count(archive.head['chats'])} of {formatting.plural(archive.head['chats_there'], 'chat')}"
        invocation.note(f"the archive holds {chats}: findings are told as they were found then")
    return archive

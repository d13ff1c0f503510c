"""`chatops new`: writes the next file of a folder, ready to be filled."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from chatops.errors import RefusedError, UsageError
from chatops.flows.folder import Configured
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.migrations.layout import sort_out
from chatops.migrations.next_file import comes_last, head, next_name
from chatops.migrations.source import is_shipped
from chatops.screens.new import answer


@frozen
class NewRequest:
    """What was asked for on the command line."""

    title: str
    directory: Path | None
    dry_run: bool


def run(invocation: Invocation, asked: NewRequest) -> None:
    """Names the file, writes it, says where it is. Raises RefusedError where it is there already or cannot be written."""
    folder = asked.directory or Configured.of(invocation.configuration).directory
    if folder is None:
        raise UsageError('say where: --dir FOLDER, or dir = "FOLDER" under [migrations] of chatops.toml')
    if is_shipped(folder):
        raise UsageError(f"{folder} holds the files that chatops ships: give a folder of your own")
    found = sort_out(folder, empty=True)
    names = [name[: -len(".sql")] for name in found.migrations]
    last = (folder / found.migrations[-1]).read_text(encoding="utf-8", errors="replace") if names else ""
    name = next_name(names, asked.title, datetime.now(UTC), stamps=folder.resolve().parent.name == "supabase")
    if not comes_last(name, names):
        raise RefusedError(f"{name} would not come after {names[-1]}: give the last file a number of the folder's own kind")
    path, text = folder / f"{name}.sql", head(asked.title, last)
    if not asked.dry_run:
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            raise RefusedError(f"{path} is there already; nothing was changed") from None
        except OSError as error:
            raise RefusedError(f"cannot write {path}: {error.strerror}") from None
    invocation.show(answer(path, text, written=not asked.dry_run))

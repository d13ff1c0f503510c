"""Ledgers of earlier versions called a folder by its path: its files are known again under the name that it has now.

A source is carried over when it is a path of this folder and holds a file of its, or when it is any path and holds one of the
same text. What is in under any other name is not guessed at: a pending file with the same name and text is refused, with the
flag that joins the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatops import db, formatting, sqlfiles
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.migrations.ledger import Ledger
from chatops.migrations.plan import LedgerRow, MigrationPlan
from chatops.migrations.source import SHIPPED, Folder

CARRY_OVER = "queries/ledger_carry_over.sql"


@frozen
class CarriedOver:
    """A ledger as it reads for one folder, and the sources whose rows are not written so yet."""

    ledger: Ledger
    sources: tuple[str, ...] = ()


def carried_over(ledger: Ledger, folder: Folder) -> CarriedOver:
    """The ledger with the folder's files under the folder's source; changes nothing.

    Raises RefusedError where two sources hold the same file, so that nobody can tell which of them the folder is.
    """
    if folder.source == SHIPPED:
        return CarriedOver(ledger)
    here = {file.name for file in folder.files}
    known = {row.name for row in ledger.rows if row.source == folder.source}
    if folder.named and known:
        return CarriedOver(ledger)  # the name is one that the ledger has: it is meant as it stands
    texts = {(file.name, file.checksum) for file in folder.files}
    same = {row.source for row in ledger.rows if (row.name, row.checksum) in texts}
    places = _paths(folder.path)
    moved = [
        row
        for row in ledger.rows
        if row.source not in (SHIPPED, folder.source)
        and row.name in here
        and (row.source in places or ("/" in row.source and row.source in same))
    ]
    sources = list(dict.fromkeys(row.source for row in moved))
    if twice := _held_twice(moved, known):
        holders = list(dict.fromkeys(row.source for row in moved if row.name == twice))
        holders += [folder.source] if twice in known else []
        raise RefusedError(
            f"the ledger holds {twice} under {len(holders)} sources: {', '.join(holders)}; which of them is {folder.path}? "
            "Nothing was changed.",
            details=[f"say it: --source '{holder}'" for holder in holders],
        )
    # All of a source comes along: files that are gone from the folder are missing there.
    rows = [replace(row, source=folder.source) if row.source in sources else row for row in ledger.rows]
    return CarriedOver(replace(ledger, rows=tuple(rows)), tuple(sources))


def carry_over_texts(schema: str, folder: Folder, sources: Sequence[str]) -> list[str]:
    """The statements that write it down."""
    text = sqlfiles.read(CARRY_OVER)
    return [db.inlined(text, {"target_schema": schema, "before": one, "after": folder.source}) for one in sources]


def refuse_known_elsewhere(ledger: Ledger, folder: Folder, plan: MigrationPlan) -> None:
    """Refuses pending files whose name and text are in under another source: they would run a second time."""
    other = {
        (row.name, row.checksum): row.source for row in ledger.rows if row.source != folder.source and row.kind == "versioned"
    }
    found = [
        (entry.name, other[entry.name, entry.file.checksum])
        for entry in plan.entries
        if entry.row is None and entry.file is not None and (entry.name, entry.file.checksum) in other
    ]
    if not found:
        return
    sources = list(dict.fromkeys(source for _, source in found))
    raise RefusedError(
        f"{found[0][0]} is in already, with the same text, under the source {found[0][1]}; nothing was run",
        details=[
            *([f"{more} likewise"] if (more := formatting.and_more(len(found) - 1, "file")) else []),
            *(f"if it is the same folder: --source '{source}', or source = \"{source}\" under [migrations] of chatops.toml"
              for source in sources if source != SHIPPED),
            "if it is another one: give the file another name",
        ],
    )  # fmt: skip


def refuse_strange_folder(ledger: Ledger, folder: Folder) -> None:
    """Refuses a folder that nobody has named where the ledger's unnamed folder holds none of its files: it is another one."""
    if folder.named:
        return
    known = {row.name: row.checksum for row in ledger.rows if row.source == folder.source and row.kind == "versioned"}
    here = {file.name: file.checksum for file in folder.files}
    # Names such as 001_init are everywhere: only the texts tell, where files are gone, too.
    if known and not known.items() & here.items() and known.keys() - here.keys():
        raise RefusedError(
            f"the files that are in under the source {folder.source} are others ({min(known)} …): {folder.path} is another "
            "folder; nothing was run",
            details=['give it a name of its own: --source NAME, or source = "NAME" under [migrations] of chatops.toml'],
        )


def _paths(folder: Path) -> set[str]:
    """Every name that a folder's place would have given it: its path in any of the folders above."""
    found: set[str] = set()
    for here in (folder.absolute(), folder.resolve()):
        found |= {"/".join(here.parts[-length:]) for length in range(1, len(here.parts))}
    return found


def _held_twice(rows: Sequence[LedgerRow], known: set[str]) -> str | None:
    seen = set(known)
    for row in rows:
        if row.name in seen:
            return row.name
        seen.add(row.name)
    return None

"""`chatops migrate --again` and `--show`, laid out: what differs, line by line."""

from __future__ import annotations

from collections.abc import Mapping

from chatops import formatting
from chatops.migrations.again import Again, Piece
from chatops.migrations.source import MigrationFile
from chatops.model import Answer, Column, Line, Span, Table, Text

MOST_LINES = 60
_COLUMNS = (
    Column("kind", "kind"),
    Column("name", "object"),
    Column("same", "same", "flag"),
    Column("now", "now"),
    Column("then", "then"),
)


def count(again: Again) -> str:
    """How many objects, in words."""
    return formatting.plural(len(again.pieces), "object")


def lines(again: Again) -> list[Line]:
    """What would change, object by object."""
    found: list[Line] = []
    for piece in again.pieces:
        found += _piece(piece)
    found += [f"{name}: left to {by}, which has made it since" for name, by in again.left]
    if again.accepts:
        found.append(f"The ledger takes the present text of {again.file.name} for the one that was applied.")
    return [formatting.visible(line) if isinstance(line, str) else line for line in found]


def _piece(piece: Piece) -> list[Line]:
    title = f"{piece.kind} {formatting.visible(piece.name)}"
    if piece.same:
        return [f"{title}: as the file makes it"]
    if piece.now is None:
        return [f"{title}: is missing"]
    diff = piece.diff[2:]
    shown: list[Line] = [f"{title}:"]
    for line in diff[:MOST_LINES]:
        text = f"  {formatting.visible(line.expandtabs(4))}"
        shown.append([Span(text, "critical" if line.startswith("-") else "ok")] if line[:1] in "+-" else text)
    if len(diff) > MOST_LINES:
        shown.append(f"  and {len(diff) - MOST_LINES} more lines")
    return shown


def preview(again: Again, command: str) -> Answer:
    """What would be done, or that there is nothing to do."""
    shown = lines(again)
    if again.nothing:
        shown.append(f"Nothing to do: {count(again)} of {formatting.visible(again.file.name)} stand as the file makes them.")
    else:
        shown += ["", [Span("Nothing was changed. Make it again: "), Span(command, "code")]]
    return Answer("migrate", [_table(again), Text(shown)], _data(again, done=False))


def done(again: Again) -> Answer:
    """What was done."""
    line = f"Made {count(again)} of {formatting.visible(again.file.name)} again; before and after are in the log."
    return Answer("migrate", [_table(again), Text([line])], _data(again, done=True))


def shown(file: MigrationFile) -> Answer:
    """A file's text, for programs."""
    data = {"name": file.name, "source": file.source, "checksum": file.checksum, "effect": file.effect, "text": file.reading.text}
    return Answer("migrate", [Text([file.reading.text])], data)


def _table(again: Again) -> Table:
    return Table("objects", _COLUMNS, again.pieces, audience="machines")


def _data(again: Again, *, done: bool) -> Mapping[str, object]:
    left = [{"name": name, "by": by} for name, by in again.left]
    return {"file": again.file.name, "again": done, "left": left, "accepts_text": again.accepts}

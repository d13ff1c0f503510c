"""`chatops migrate --again` and `--show`, laid out: which objects differ, then how, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatops import formatting
from chatops.migrations.again import Again, Piece
from chatops.migrations.source import MigrationFile
from chatops.model import Answer, Column, Line, Span, Table, Text

THE_ACT = "- as it is now, goes away; + as the file makes it, comes back"
BEFORE_A_QUESTION = 6
"""So many lines of a difference stand above a question, which must stay on the screen."""
_COLUMNS = (
    Column("kind", "kind"),
    Column("name", "object"),
    Column("same", "same", "flag"),
    Column("now", "now"),
    Column("then", "then"),
)


def count(again: Again) -> str:
    """How many objects are made, in words."""
    return formatting.plural(len(again.made), "object")


def question(again: Again) -> str:
    """What is asked before it is done."""
    return f"Make {count(again)} again" if again.made else "Take the present text for the applied one"


def lines(again: Again, most: int | None = None) -> list[Line]:
    """The answer first: what differs or is missing, by name; then each difference, of `most` lines, then what stays as it is."""
    differ = [piece for piece in again.pieces if not piece.same]
    found: list[Line] = []
    if differ:
        verb = "is" if len(differ) == 1 else "are"
        of = formatting.plural(len(again.pieces), "object")
        named = ", ".join(f"{piece.kind} {piece.name}" + (" (missing)" if piece.now is None else "") for piece in differ)
        told = f"{len(differ)} of {of} of {again.file.name} {verb} not as the file makes {'it' if len(differ) == 1 else 'them'}"
        found.append([Span(formatting.visible(f"{told}: {named}."), "strong")])
    if shown := [piece for piece in differ if piece.now is not None]:
        found += ["", f"What differs ({THE_ACT}):"]
        for piece in shown:
            found += _piece(piece, most)
        found.append("")
    if again.accepts:
        found.append(f"The ledger takes the present text of {again.file.name} for the one that was applied.")
    same = sum(piece.same for piece in again.pieces)
    if same and differ:
        stays = f"{formatting.plural(same, 'other is', 'others are')} as the file makes {'it' if same == 1 else 'them'}"
        found.append(f"{stays}, and {'is' if same == 1 else 'are'} not made again.")
    found += _rights(again)
    found += [
        f"{piece.kind} {piece.name} is missing, and is not made again: DB003 has the statement"
        if piece.now is None
        else f"trigger {piece.name} is not made again: that stops every write of its table; DB018 has the statement"
        if piece.kind == "trigger"
        else f"{piece.kind} {piece.name} is there, and is not made again: DB018 has the statement"
        for piece in differ
        if not piece.makes
    ]
    found += [
        f"trigger {name} waits for {function}(), which is missing: make the file of the function again, then this one"
        for name, function in again.waits
    ]
    for by in dict.fromkeys(by for _, by in again.left):
        found.append(f"Left to {by}, which made them since: {', '.join(name for name, one in again.left if one == by)}")
    return [formatting.visible(line) if isinstance(line, str) else line for line in found]


def _piece(piece: Piece, most: int | None) -> list[Line]:
    diff = piece.diff
    shown: list[Line] = [f"{piece.kind} {formatting.visible(piece.name)}:"]
    for line in diff[:most]:
        text = f"  {formatting.visible(line.expandtabs(4))}"
        shown.append([Span(text, "ok" if line.startswith("+") else "warning")] if line[:1] in "+-" else text)
    if most is not None and (more := formatting.and_more(len(diff) - most, "line")):
        shown.append(f"  {more} (--dry-run shows them)")
    return shown


def _rights(again: Again) -> list[str]:
    """Who may use what is missing now, once it is made: by which files, and what is left to look at."""
    missing = [piece for piece in again.pieces if piece.now is None]
    if not missing:
        return []
    run = dict.fromkeys(one.file for one in again.rights if one.runs)
    told = dict.fromkeys(one.file for one in again.rights if not one.runs)
    lines = [f"Who may use what is missing is set as by {', '.join(run)}; what was changed by hand since is lost."] if run else []
    lines += [f"Look at {', '.join(told)}, too: it sets rights, and is not run again."] if told else []
    if not run and any(piece.kind in ("function", "procedure") and piece.makes for piece in missing):
        lines.append("What is missing will be open to everybody, as any new function: no file says who may use it.")
    return lines


def preview(again: Again, command: str) -> Answer:
    """What would be done, or that there is nothing to do."""
    shown = lines(again)
    if again.nothing and all(piece.same for piece in again.pieces):
        of = formatting.plural(len(again.pieces), "object")
        stand = "stands as the file makes it" if len(again.pieces) == 1 else "stand as the file makes them"
        shown.insert(0, f"Nothing to do: {of} of {formatting.visible(again.file.name)} {stand}.")
    elif again.nothing:
        shown += ["", "Nothing that can be made again differs: nothing to do."]
    else:
        does = question(again)
        shown += ["", [Span(f"Nothing was changed. {does}: "), Span(command, "code")]]
    return Answer("migrate", [_table(again), Text(shown)], _data(again, done=False))


def done(again: Again, logs: Sequence[str]) -> Answer:
    """What was done, whether it was asked about or not; `logs` are the commands that show it before and after."""
    file = formatting.visible(again.file.name)
    names = formatting.visible(", ".join(one.name for one in again.made))
    commands = [piece for log in logs for piece in (Span(" and "), Span(log, "code"))][1:]
    line: Line = [Span(f"Made {count(again)} of {file} again ({names}). Before and after: "), *commands]
    if not again.made:
        line = f"The present text of {file} counts as the one that was applied."
    return Answer("migrate", [_table(again), Text([line])], _data(again, done=True))


def shown(file: MigrationFile) -> Answer:
    """A file's text, for programs."""
    data = {"name": file.name, "source": file.source, "checksum": file.checksum, "effect": file.effect, "text": file.reading.text}
    return Answer("migrate", [Text([file.reading.text])], data)


def _table(again: Again) -> Table:
    return Table("objects", _COLUMNS, again.pieces, audience="machines")


def _data(again: Again, *, done: bool) -> Mapping[str, object]:
    left = [{"name": name, "by": by} for name, by in again.left]
    rights = [{"file": one.file, "run": one.runs} for one in dict.fromkeys(again.rights)]
    return {"file": again.file.name, "again": done, "left": left, "accepts_text": again.accepts, "rights": rights}

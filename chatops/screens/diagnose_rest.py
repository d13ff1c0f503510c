"""What is not urgent, on the one screen of diagnose: by line as far as there is room, the rest by its codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chatops.checks.findings import Finding
from chatops.model import Line, Span
from chatops.screens.how_mended import PAST, how_mended
from chatops.screens.lines import Reader, broken

CODE = 10
"""How wide the column of codes is."""
NARROW = 60
BY_LINE = ("ROWS", "SCHEMA")
"""What is told by line where the screen has room, the first of these first."""
ByLine = Callable[[str, Sequence[Finding]], list[Line]]


def filling(rest: Sequence[Finding], room: int, codes: list[Line], reader: Reader, by_line: ByLine) -> list[Line]:
    """What is not urgent, in at most `room` lines: as many of it by line as fit; else as `codes` alone."""
    if 0 < reader.width < NARROW:
        return codes
    spelled: dict[str, int] = {}
    for title, some in _kinds(rest):
        if title not in BY_LINE:
            continue
        for many in range(len(some), 0, -1):
            tried = folded(rest, reader, by_line, {**spelled, title: many})
            if len(tried) <= room:
                spelled, codes = {**spelled, title: many}, tried
                break
    return codes


def _kinds(rest: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """What is not urgent, by kind: its rows, what has happened, the schema, what could not be asked, advice."""
    warnings = [one for one in rest if one.word in ("warning", "critical")]
    kinds = (
        ("ROWS", [one for one in warnings if one.result.check.group != "schema" and how_mended(one) != PAST]),
        ("PAST", [one for one in warnings if one.result.check.group != "schema" and how_mended(one) == PAST]),
        ("SCHEMA", [one for one in warnings if one.result.check.group == "schema"]),
        ("UNKNOWN", [one for one in rest if one.word == "unknown"]),
        ("ADVICE", [one for one in rest if one.word == "advice"]),
    )
    return [(title, some) for title, some in kinds if some]


def folded(rest: Sequence[Finding], reader: Reader, by_line: ByLine, spelled: Mapping[str, int] | None = None) -> list[Line]:
    """What is not urgent by its codes; of the kinds that `spelled` names so many by line first, the codes of others behind."""
    lines: list[Line] = []
    room = (reader.width or 1000) - CODE - 2
    for title, some in _kinds(rest):
        head = f"{title} {len(some)}"
        many = (spelled or {}).get(title, 0)
        if many:
            lines += by_line(head, some[:many])
            some, head = some[many:], "and"
            if not some:
                continue
        pieces = broken(" ".join(one.code for one in some), room, room)
        if title == "ADVICE" and len(pieces) > 1:
            _beside(lines, f"ADVICE {len(some)}: --full", reader)
            continue
        if title == "PAST" and not many and len(pieces) == 1 and lines and isinstance(lines[-1], str):
            # Behind the few codes of a second line there is room.
            told, beside = str(lines[-1]), f"{head}  {pieces[0]}"
            gap = (reader.width or 0) - len(told) - len(beside)
            if gap > 2:
                lines[-1] = [Span(told + " " * min(gap, 4)), Span(head, "strong"), Span(f"  {pieces[0]}")]
                continue
        lines.append([Span(f"{head:<{CODE + 2}}", "plain" if many else "strong"), Span(pieces[0])])
        lines += [" " * (CODE + 2) + piece for piece in pieces[1:]]
    return lines


def _beside(lines: list[Line], text: str, reader: Reader) -> None:
    """Puts a few words at the right end of the last line where they fit, else on a line of their own."""
    used = sum(len(span.text) for span in lines[-1] if not isinstance(span, str)) if lines else 0
    gap = (reader.width or 80) - used - len(text)
    if lines and not isinstance(lines[-1], str) and gap > 2:
        lines[-1] = [*lines[-1], Span(" " * min(gap, 14) + text, "strong")]
    else:
        lines.append([Span(text, "strong")])

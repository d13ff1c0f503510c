"""What is wrong with the text of a file, whatever database it is for: bytes, open literals, COPY, hidden characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatops.migrations.migration_text import Mode, Problem, problem_at
from chatops.migrations.scanner import Kind, Place, Script, Statement, place, significant


def decoded(name: str, data: bytes) -> str | Problem:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        before = data[line_start : error.start].removeprefix(b"\xef\xbb\xbf" if line == 1 else b"")
        column = len(before.decode("utf-8", "replace")) + 1
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            message, hint = "is UTF-16, not UTF-8", "save it as UTF-8"
        else:
            message = f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
            hint = "save it as UTF-8; if it is Latin-1: iconv -f latin1 -t utf-8"
        return Problem(name, line, column, "not-utf-8", message, hint)


def is_restrict(statement: Statement) -> bool:
    return statement.kind is Kind.META and re.match(r"\\(?:un)?restrict(?![A-Za-z_])", statement.text) is not None


def blanked(read: Script, statements: Sequence[Statement]) -> str:
    """The text with blanks for some of its statements, offsets and lines kept."""
    pieces: list[str] = []
    done = 0
    # Inside another statement psql would take a backslash command too, the server would not: it stays, and is a problem.
    for statement in sorted((one for one in statements), key=lambda one: one.start):
        if statement.start >= done:
            end = statement.stop + 1 if statement.terminated and statement.kind is Kind.SQL else statement.end
            pieces += [read.text[done : statement.start], re.sub(r"[^\n]", " ", read.text[statement.start : end])]
            done = end
    return "".join([*pieces, read.text[done:]]) if pieces else read.text


def nul(name: str, text: str) -> Iterator[Problem]:
    offset = text.find("\0")
    if offset >= 0:
        yield problem_at(
            name, place(text, offset), "nul", "holds a NUL character, which no text in PostgreSQL can hold", "remove it"
        )


def unterminated(name: str, read: Script) -> Iterator[Problem]:
    opening = read.opening
    if opening is None:
        return
    hint = {
        "COPY data": r"the rows of a COPY … FROM stdin end with a line that holds only \.",
        "comment": "close it with */; comments nest, so that each /* needs its own",
        "dollar-quoted string": "close it with the tag that opens it",
        "BEGIN ATOMIC body": "each statement of the body needs its ;, and END follows the last one",
    }.get(opening.what, "close it; the file may also have been cut off")
    yield problem_at(name, opening.place, "unterminated", f"{opening.what} is never closed", hint)


_META_HINTS = {
    r"\i": "give the included file a number of its own",
    r"\ir": "give the included file a number of its own",
    r"\include": "give the included file a number of its own",
    r"\include_relative": "give the included file a number of its own",
    r"\copy": r"write COPY … FROM stdin; and the rows behind it, down to a line \.",
    r"\gexec": "build and run the statements in a DO block with EXECUTE",
    r"\set": "write the value where it is used",
    r"\if": "leave in the file what is to run, and nothing of the other branch",
    r"\elif": "leave in the file what is to run, and nothing of the other branch",
    r"\else": "leave in the file what is to run, and nothing of the other branch",
    r"\endif": "remove it together with its \\if",
    r"\q": "remove it and everything behind it, which psql does not run",
    r"\quit": "remove it and everything behind it, which psql does not run",
    r"\connect": "a file runs in the database that chatops is connected to",
    r"\c": "a file runs in the database that chatops is connected to",
    r"\.": "rows of a COPY end here, but no COPY … FROM stdin begins before it",
}


def meta_commands(name: str, statements: Sequence[Statement]) -> Iterator[Problem]:
    for statement in statements:
        if statement.kind is Kind.META:
            command = re.match(r"\\(?:[A-Za-z_]+|.)?", statement.text)[0]  # type: ignore[index]
            hint = _META_HINTS.get(command, "remove it: only psql knows it")
            yield problem_at(name, statement, "meta-command", f"{command} is a command of psql, not SQL", hint)


def copies(name: str, text: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    for statement in runnable:
        if statement.copy_data is not None:
            line_end = text.find("\n", statement.stop)
            rest = next(significant(text, statement.stop + 1, line_end if line_end >= 0 else len(text)), None)
            if rest is not None and rest.text != ";":
                yield problem_at(
                    name,
                    place(text, rest.start),
                    "copy-line",
                    "stands on the line of a COPY … FROM stdin, before its rows",
                    "put it on a line of its own behind the rows",
                )
            if mode == "batched":
                yield problem_at(
                    name,
                    statement,
                    "batched-copy",
                    "a COPY cannot be repeated until it reports 0 rows",
                    "give it a file of its own",
                )
        elif statement.text[:4].upper() == "COPY" and _copies_out(statement):
            yield problem_at(name, statement, "copy-to-stdout", "nobody reads what COPY … TO stdout writes here", "remove it")


def _copies_out(statement: Statement) -> bool:
    depth, before = 0, ""
    for token in significant(statement.text):
        if token.kind == "operator":
            depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            if before == "TO":
                return token.upper in ("STDOUT", "STDIN")
            before = token.upper
    return False


_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00a0]")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def invisible_characters(name: str, text: str) -> Iterator[Problem]:
    """Characters that make a text read as other than it is: bidirectional controls anywhere, invisible ones in names."""
    if not _INVISIBLE.search(text):
        return
    names = ""
    line, counted = 1, 0
    for match in _INVISIBLE.finditer(text):
        character, offset = match[0], match.start()
        if character in _BIDI:
            message = "turns the direction of text: what runs is not what one reads"
        else:
            names = names or _blanked_literals(text)
            if names[offset] != character:
                continue
            message = "looks like a blank or like nothing, and is part of a name to PostgreSQL"
        line, counted = line + text.count("\n", counted, offset), offset
        at = Place(offset, line, offset - text.rfind("\n", 0, offset))
        message = f"U+{ord(character):04X} {message}"
        yield problem_at(name, at, "invisible-character", message, "remove it, or write it as an escape", "warning")


def _blanked_literals(text: str) -> str:
    """The text with everything but unquoted words and numbers made blank, offsets kept."""
    pieces: list[str] = []
    done = 0
    for token in significant(text):
        if token.kind in ("word", "number"):
            pieces += [" " * (token.start - done), token.text]
            done = token.start + len(token.text)
    return "".join([*pieces, " " * (len(text) - done)])

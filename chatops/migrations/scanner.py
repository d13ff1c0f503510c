r"""Splits SQL text into statements exactly where PostgreSQL's own parser does; the one place in chatops that does it.

The rules are those of the server's lexer (`scan.l`) with `standard_conforming_strings` on, and of psql for what the server
never sees: backslash commands, and the rows after `COPY … FROM stdin`. A `;` ends a statement unless it stands in a
literal, a comment, parentheses (`CREATE RULE … DO (…; …)`), or the `BEGIN ATOMIC` body of a function.

A body starts only at a BEGIN directly followed by ATOMIC in a `CREATE FUNCTION` or `CREATE PROCEDURE`, and ends at the END
that directly follows a `;` or the ATOMIC: no statement begins with END there, so the END of a CASE, `t.end`, `AS end` and a
bare label `end` are never taken for it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal


class Kind(Enum):
    """What a statement is to the one who runs it."""

    SQL = "sql"
    COPY = "copy"  # its rows follow in the text
    META = "meta"  # a backslash command: psql's, not the server's


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a text: `offset` counts characters from 0, `line` and `column` from 1."""

    offset: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Opening:
    """Something that was opened and never closed; `place` is where it was opened."""

    what: Literal[
        "quoted string",
        "quoted identifier",
        "dollar-quoted string",
        "comment",
        "parenthesis",
        "BEGIN ATOMIC body",
        "COPY data",
    ]
    place: Place

    def __str__(self) -> str:
        return f"{self.what} opened at line {self.place.line}, column {self.place.column}"


@dataclass(frozen=True, slots=True)
class Statement:
    r"""One statement of a text, without its `;` and without the comments around it.

    `start` and `end` are character offsets into the whole text with `whole[start:end] == text`; `line` and `column` (from 1)
    are those of `start`. `leading` is where the comments and blanks before it begin, `stop` the offset of what ended it: its
    `;`, a backslash command such as `\g`, or the end of the text. `terminated` is false where the text ended first.
    `copy_data` are the offsets of the rows that follow a `COPY … FROM stdin`, without the line `\.`.
    """

    text: str
    start: int
    end: int
    line: int
    column: int
    terminated: bool
    kind: Kind = Kind.SQL
    leading: int = 0
    stop: int = 0
    copy_data: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A text and its statements in order; `opening` is what was never closed, or None for a text that is whole."""

    text: str
    statements: tuple[Statement, ...]
    opening: Opening | None


TokenKind = Literal["word", "identifier", "number", "string", "operator", "comment", "open"]


@dataclass(frozen=True, slots=True)
class Token:
    """One lexical token. Kinds: `word` is an unquoted name or keyword, `identifier` a quoted one, `operator` any punctuation
    (`;`, parentheses and backslash one character each), `open` a literal or comment that is never closed."""

    kind: TokenKind
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The token as a keyword: upper case for a word, nothing for any other kind."""
        return self.text.upper() if self.kind == "word" else ""


# The lexer's classes, spelled out: Python's \s and \w know more of Unicode than PostgreSQL, for which every character from
# U+0080 on, no-break spaces included, is part of a name.
_BLANK = r" \t\n\r\f\v"
_LETTER = r"A-Za-z_\x80-\U0010ffff"
_WORD = rf"[{_LETTER}][{_LETTER}0-9$]*+"
_NUMBER = rf"[0-9][{_LETTER}0-9]*+"
_TAG = rf"\$(?:[{_LETTER}][{_LETTER}0-9]*+)?\$"
_LINE_COMMENT = r"--[^\n\r]*+"
_FLAT_COMMENT = r"/\*(?:[^*/]++|\*(?!/)|/(?!\*))*+\*/"  # without another one inside; those are counted, not matched
_TRIVIA = rf"(?:[{_BLANK}]++|{_LINE_COMMENT}|{_FLAT_COMMENT})*+"
# A string goes on after a line break, and an E'' string goes on with backslashes in force.
_CONTINUED = rf"(?:[ \t\f\v]++|{_LINE_COMMENT})*+[\n\r](?:[{_BLANK}]++|{_LINE_COMMENT}[\n\r])*+'"
_ESCAPED = r"(?:[^'\\]++|\\[\s\S]|'')*+'"
_STRING = rf"(?:[eE]'{_ESCAPED}(?:{_CONTINUED}{_ESCAPED})*+(?!{_CONTINUED})|'[^']*+')"
_PUNCTUATION = rf"(?:[^{_BLANK}{_LETTER}0-9'\"$();\\/\-]|-(?!-)|/(?!\*))++"
_LONE_DOLLAR = rf"\$(?!(?:[{_LETTER}][{_LETTER}0-9]*+)?\$)"
# Parentheses that hold nothing a scanner has to look at, taken in one step.
_FLAT_PARENTHESES = r"\([^()'\"$;\\/\-]*+\)"


def _run(*, stop_at_begin: bool) -> re.Pattern[str]:
    """Matches everything up to the next character that decides something; group 1 ends with the last token of it."""
    word = rf"(?![eE]')(?![bB][eE][gG][iI][nN](?![{_LETTER}0-9$])){_WORD}" if stop_at_begin else rf"(?![eE]'){_WORD}"
    token = rf"(?:{word}|{_PUNCTUATION}|{_NUMBER}|{_STRING}|{_FLAT_PARENTHESES}|\"[^\"]*+\"|\$[0-9]++|{_LONE_DOLLAR})"
    return re.compile(rf"((?:{_TRIVIA}{token}++)*+){_TRIVIA}")


_RUN = _run(stop_at_begin=False)
_RUN_TO_BEGIN = _run(stop_at_begin=True)
_SKIP = re.compile(_TRIVIA)
_DOLLAR_TAG = re.compile(_TAG)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_NAME = re.compile(_WORD)
_NEEDS_A_LOOK = re.compile(rf"(?:create|copy|end)(?![{_LETTER}0-9$])", re.IGNORECASE)
_COPY_END = re.compile(r"^\\\.\r?$", re.MULTILINE)
_META_END = re.compile(r"[\n\r]|\\\\")
_META_NAME = re.compile(r"\\(?:[A-Za-z_]+|.)?")
# The backslash commands that send what stands before them, as a `;` would.
_SENDING = frozenset(
    (r"\g", r"\gx", r"\gexec", r"\gset", r"\gdesc", r"\crosstabview", r"\watch", r"\bind", r"\bind_named", r"\parse")
) | {r"\sendpipeline", r"\;"}

_TOKEN = re.compile(
    rf"(?P<blank>[{_BLANK}]++)|(?P<comment>{_LINE_COMMENT}|{_FLAT_COMMENT})|(?P<word>(?![eE]'){_WORD})|(?P<number>{_NUMBER}|\$[0-9]++)"
    rf"|(?P<string>{_STRING})|(?P<identifier>\"(?:[^\"]|\"\")*+\")|(?P<tag>{_TAG})|(?P<operator>{_PUNCTUATION}|[();\\$])"
    r"|(?P<nested>/\*)|(?P<open>[eE]?'|\")"
)


def scan(text: str) -> list[Statement]:
    """The statements of a text, in order; text that is never closed makes the last one unterminated.

    >>> [(s.text, s.line) for s in scan("select ';'; -- one\\nselect 2")]
    [("select ';'", 1), ('select 2', 2)]
    """
    return list(script(text).statements)


def script(text: str) -> Script:
    """The statements of a text, and what it leaves open."""
    return _Scan(text).run()


class _Scan:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Statement] = []
        self.parentheses: list[int] = []
        self.bodies: list[int] = []  # offsets of the BEGIN of every open BEGIN ATOMIC
        self.opened: tuple[int, str] | None = None
        # The line of `counted` is `line`; statements come in order, so that every character is looked at once.
        self.line, self.counted = 1, 0

    def run(self) -> Script:
        text, found = self.text, self.found
        position, leading, size = 0, 0, len(text)
        # The rows of a COPY begin on the next line: what stands behind its `;` on the same line is scanned first, up to
        # `limit`, and then scanning goes on at `resume`.
        limit, resume = size, size
        start = -1  # of the open statement, -1 between statements
        last = 0  # the end of its last token
        head = True  # at the start of a statement, or of one in a body
        pattern = _RUN
        copying = False
        while True:
            if head:
                position = self._skip(position, limit)
                if _NEEDS_A_LOOK.match(text, position, limit):
                    words = _first_words(text, position, limit)
                    if self.bodies and words[:1] == ["END"]:
                        self.bodies.pop()
                        position = last = _NAME.match(text, position, limit).end()  # type: ignore[union-attr]
                        pattern = _RUN
                    else:
                        pattern = _RUN_TO_BEGIN if _makes_a_routine(words) else _RUN
                        copying = start < 0 and words[:1] == ["COPY"]
                else:
                    pattern = _RUN
                    copying = copying and start >= 0
                head = False
            match = pattern.match(text, position, limit)
            assert match is not None  # it matches the empty text
            token_end = match.end(1)
            if token_end > position:
                if start < 0:
                    start = position
                last = token_end
            position = match.end()
            if position >= limit:
                if limit == size:
                    break
                position, limit, resume = resume, size, size
                continue
            character = text[position]
            if character == ";":
                if self.parentheses:
                    position += 1
                elif self.bodies:
                    position += 1
                    head, last = True, position
                else:
                    data = None
                    if start >= 0:
                        if copying and _reads_stdin(text[start:last]):
                            end_of_line = text.find("\n", position, limit)
                            if end_of_line < 0:
                                end_of_line = limit
                            begin = end_of_line + 1 if limit == size else resume
                            data = self._copy_data(min(begin, size), position)
                            limit, resume = end_of_line, self._after_copy_data(data)
                        self._add(start, last, leading, position, Kind.COPY if data else Kind.SQL, data)
                    position += 1
                    start, head, copying, leading = -1, True, False, position
                continue
            if start < 0 and character not in "/\\":
                start = position
            if character == "(":
                self.parentheses.append(position)
                position = last = position + 1
            elif character == ")":
                if self.parentheses:
                    self.parentheses.pop()
                position = last = position + 1
            elif character == "\\":
                end, name = self._meta(position, limit)
                if start < 0 or name in _SENDING:
                    if start >= 0:
                        self._add(start, last, leading, position, Kind.SQL, None)
                        self.parentheses.clear()
                        self.bodies.clear()
                    self._add(position, end, position if start >= 0 else leading, end, Kind.META, None)
                    start, head, copying, leading = -1, True, False, end
                else:
                    self._add(position, end, position, end, Kind.META, None)
                position = last = end
            elif character == "$":
                tag = _DOLLAR_TAG.match(text, position, limit)
                assert tag is not None  # a lone dollar is part of a run
                close = text.find(tag[0], tag.end(), limit)
                if close < 0:
                    self.opened = position, "dollar-quoted string"
                    last = limit
                    break
                position = last = close + len(tag[0])
            elif character == "/":
                close = _comment_end(text, position, limit)
                if close < 0:
                    self.opened = position, "comment"
                    break
                position = close
            elif character in "'\"eE":
                self.opened = position, "quoted identifier" if character == '"' else "quoted string"
                last = limit
                break
            else:
                position = self._begin(position, limit)
                last = position
                head = bool(self.bodies) and text[position - 1] in "cC"
        if start >= 0:
            self._add(start, last, leading, size, Kind.SQL, None, terminated=False)
        found.sort(key=lambda statement: statement.start)
        return Script(text, tuple(found), self._opening())

    def _skip(self, position: int, limit: int) -> int:
        """Past blanks and comments, nested ones included; stops before a comment that is never closed."""
        while True:
            position = _SKIP.match(self.text, position, limit).end()  # type: ignore[union-attr]
            if not self.text.startswith("/*", position, limit):
                return position
            close = _comment_end(self.text, position, limit)
            if close < 0:
                return position
            position = close

    def _begin(self, position: int, limit: int) -> int:
        """Past a BEGIN, and past ATOMIC where it directly follows outside parentheses and so opens a body."""
        after = position + len("begin")
        if self.parentheses:
            return after
        word = _NAME.match(self.text, self._skip(after, limit), limit)
        if word is None or word[0].upper() != "ATOMIC":
            return after
        self.bodies.append(position)
        return word.end()

    def _meta(self, position: int, limit: int) -> tuple[int, str]:
        r"""Where a backslash command ends, and its name; `\\` ends it before the end of the line, and is part of it."""
        name = _META_NAME.match(self.text, position, limit)[0]  # type: ignore[index]
        if name == r"\;":
            return position + 2, name
        end = _META_END.search(self.text, position + len(name), limit)
        if end is None:
            return limit, name
        return (end.end() if end[0] == r"\\" else end.start()), name

    def _copy_data(self, begin: int, position: int) -> tuple[int, int]:
        end = _COPY_END.search(self.text, begin)
        if end is None:
            if self.opened is None:
                self.opened = position, "COPY data"
            return begin, len(self.text)
        return begin, end.start()

    def _after_copy_data(self, data: tuple[int, int]) -> int:
        end = self.text.find("\n", data[1])
        return len(self.text) if end < 0 else end

    def _add(
        self,
        start: int,
        end: int,
        leading: int,
        stop: int,
        kind: Kind,
        data: tuple[int, int] | None,
        terminated: bool = True,
    ) -> None:
        text = self.text
        if start >= self.counted:
            self.line += text.count("\n", self.counted, start)
            self.counted = start
            line = self.line
        else:
            line = text.count("\n", 0, start) + 1
        column = start - text.rfind("\n", 0, start)
        self.found.append(Statement(text[start:end], start, end, line, column, terminated, kind, leading, stop, data))

    def _opening(self) -> Opening | None:
        offset, what = self.opened or (-1, "")
        if not what and self.parentheses:
            offset, what = self.parentheses[-1], "parenthesis"
        if not what and self.bodies:
            offset, what = self.bodies[-1], "BEGIN ATOMIC body"
        return Opening(what, place(self.text, offset)) if what else None  # type: ignore[arg-type]

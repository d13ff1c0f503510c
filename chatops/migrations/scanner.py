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
_ESCAPE_STRING = rf"[eE]'{_ESCAPED}(?:{_CONTINUED}{_ESCAPED})*+(?!{_CONTINUED})"
_STRING = rf"(?:{_ESCAPE_STRING}|'[^']*+')"
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

# Single tokens, where it matters which: as in the lexer, an operator of several characters ends in + or - only if it holds
# one of the characters that SQL's own operators do not have (so `a=-1` is `a = -1`, and `a@-1` is not).
_SIGN = r"(?:[+*<>=]|-(?!-)|/(?!\*))"
_OPERATOR = (
    rf"(?:{_SIGN}*+[~!@#^&|`?%](?:[~!@#^&|`?%]|{_SIGN})*+|{_SIGN}*(?:[*<>=]|/(?!\*))|\+|-(?!-)"
    rf"|::|:=|\.\.|[^{_BLANK}{_LETTER}0-9'\"$/\-]|{_LONE_DOLLAR})"
)
_DECIMAL = rf"(?:(?:[0-9][0-9_]*+)?\.[0-9][{_LETTER}0-9]*+|[0-9][0-9_]*+\.(?!\.)|{_NUMBER}|\$[0-9]++)"
_LITERAL = rf"(?:{_ESCAPE_STRING}|[bBxX]'[^']*+'|(?:[uU]&)?'(?:[^']++|'')*+')"
_IDENTIFIER = r"(?:[uU]&)?\"(?:[^\"]++|\"\")*+\""
_BARE_WORD = rf"(?![eEbBxX]'|[uU]&['\"]){_WORD}"
_TOKEN = re.compile(
    rf"(?P<blank>[{_BLANK}]++)|(?P<comment>{_LINE_COMMENT}|{_FLAT_COMMENT})|(?P<word>{_BARE_WORD})"
    rf"|(?P<number>{_DECIMAL})|(?P<string>{_LITERAL})|(?P<identifier>{_IDENTIFIER})|(?P<tag>{_TAG})"
    rf"|(?P<nested>/\*)|(?P<operator>{_OPERATOR})|(?P<open>(?:[eEbBxX]|[uU]&)?'|(?:[uU]&)?\")"
)
_PLAIN_TOKEN = rf"(?:{_BARE_WORD}|{_DECIMAL}|{_LITERAL}|{_IDENTIFIER}|{_OPERATOR})"
_PLAIN_TOKENS = re.compile(rf"{_TRIVIA}({_PLAIN_TOKEN})")
_PLAIN = re.compile(rf"(?:{_TRIVIA}{_PLAIN_TOKEN}++)*+{_TRIVIA}")


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
        self.line, self.line_start, self.counted = 1, 0, 0

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
                        copying = copying or (start < 0 and words[:1] == ["COPY"])
                else:
                    pattern = _RUN
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
                if start < 0:
                    leading = position
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
                    if start >= 0:
                        leading = position
                    start, head, copying = -1, True, False
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
                position, head = self._begin(position, limit)
                last = position
        if start >= 0:
            if copying and self.opened is None and _reads_stdin(text[start:last]):
                self.opened = start, "COPY data"
                self._add(start, last, leading, size, Kind.COPY, (size, size), terminated=False)
            else:
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

    def _begin(self, position: int, limit: int) -> tuple[int, bool]:
        """Past a BEGIN, and past ATOMIC where it directly follows outside parentheses: whether it opens a body."""
        after = position + len("begin")
        if self.parentheses:
            return after, False
        word = _NAME.match(self.text, self._skip(after, limit), limit)
        if word is None or word[0].upper() != "ATOMIC":
            return after, False
        self.bodies.append(position)
        return word.end(), True

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
        return len(self.text) if end < 0 else end + 1

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
        if start < self.counted:  # a backslash command inside the statement came first
            self.line, self.line_start, self.counted = 1, 0, 0
        if breaks := text.count("\n", self.counted, start):
            self.line += breaks
            self.line_start = text.rfind("\n", self.counted, start) + 1
        self.counted = start
        column = start - self.line_start + 1
        self.found.append(Statement(text[start:end], start, end, self.line, column, terminated, kind, leading, stop, data))

    def _opening(self) -> Opening | None:
        offset, what = self.opened or (-1, "")
        if not what and self.parentheses:
            offset, what = self.parentheses[-1], "parenthesis"
        if not what and self.bodies:
            offset, what = self.bodies[-1], "BEGIN ATOMIC body"
        return Opening(what, place(self.text, offset)) if what else None  # type: ignore[arg-type]


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a piece of SQL, comments included, blanks left out; offsets are those of `text`.

    Operators are cut as the server's lexer cuts them. What is never closed is one token of kind `open` that reaches to the end.
    """
    limit = len(text) if end is None else end
    position = start
    while position < limit:
        match = _TOKEN.match(text, position, limit)
        kind = match.lastgroup if match else None
        close = match.end() if match else limit
        if match is None or kind == "open":
            kind, close = "open", limit
        elif kind == "tag":
            found = text.find(match[0], close, limit)
            kind, close = ("open", limit) if found < 0 else ("string", found + len(match[0]))
        elif kind == "nested":
            found = _comment_end(text, position, limit)
            kind, close = ("open", limit) if found < 0 else ("comment", found)
        if kind != "blank":
            yield Token(kind, text[position:close], position)  # type: ignore[arg-type]
        position = close


def significant(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a piece of SQL without its comments."""
    return (token for token in tokens(text, start, end) if token.kind != "comment")


def keywords(statement: Statement | str, n: int) -> tuple[str, ...]:
    """The first `n` unquoted words of a statement in upper case; comments, quoted names, literals and signs are passed over.

    >>> keywords("create /* big */ index concurrently on t (a)", 3)
    ('CREATE', 'INDEX', 'CONCURRENTLY')
    """
    found: list[str] = []
    for token in tokens(statement if isinstance(statement, str) else statement.text):
        if len(found) == n:
            break
        if token.kind == "word":
            found.append(token.upper)
    return tuple(found)


def comments(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The comments in a piece of SQL; `comments(text, statement.leading, statement.start)` are those before a statement."""
    return [token for token in tokens(text, start, end) if token.kind == "comment"]


def normalised(text: str) -> str:
    """A statement with one blank between its tokens and no comments; literals and quoted names stay as they are.

    Two texts that differ in blanks, line breaks and comments alone are equal here. Case counts.

    >>> normalised("select  a/* b */+1 -- c") == normalised("select a + 1")
    True
    """
    # Nested comments and dollar quotes need counting and finding; most statements have neither.
    if _PLAIN.fullmatch(text):
        return " ".join(_PLAIN_TOKENS.findall(text))
    return " ".join(token.text for token in significant(text))


def place(text: str, offset: int) -> Place:
    """Line and column of a character offset.

    >>> place("a\\nbc", 3)
    Place(offset=3, line=2, column=2)
    """
    return Place(offset, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def statement_at(statements: Sequence[Statement], offset: int) -> Statement | None:
    """The statement that holds a character offset, its `;`, the comments before it and its COPY rows included.

    An offset behind the last statement belongs to it; None only where there are no statements.
    """
    if not statements:
        return None
    index = bisect_right(statements, offset, key=lambda statement: statement.leading) - 1
    return statements[max(index, 0)]


def _comment_end(text: str, position: int, limit: int) -> int:
    """Past the comment that opens at `position`, or -1; comments nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, position, limit):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


def _first_words(text: str, position: int, limit: int) -> list[str]:
    """The leading words of a statement, at most as many as CREATE OR REPLACE FUNCTION has."""
    words: list[str] = []
    for token in significant(text, position, limit):
        if token.kind != "word" or len(words) == 4:
            break
        words.append(token.upper)
    return words


def _makes_a_routine(words: list[str]) -> bool:
    if words[:1] != ["CREATE"]:
        return False
    kind = words[3:4] if words[1:3] == ["OR", "REPLACE"] else words[1:2]
    return kind in (["FUNCTION"], ["PROCEDURE"])


def _reads_stdin(statement: str) -> bool:
    """Whether a COPY takes its rows from the client; the grammar takes STDOUT for STDIN there."""
    depth = 0
    before = ""
    for token in significant(statement):
        if token.kind == "operator":
            depth += token.text.count("(") - token.text.count(")")
        if depth == 0:
            if before == "FROM":
                return token.upper in ("STDIN", "STDOUT")
            before = token.upper
    return False

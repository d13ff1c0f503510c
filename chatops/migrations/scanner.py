r"""Splits SQL text into statements exactly where PostgreSQL's own parser does; the one place in chatops that does it.

The rules are those of the server's lexer (`scan.l`) with `standard_conforming_strings` on, and of psql for what the server
never sees: backslash commands, and the rows after `COPY … FROM stdin`. A `;` ends a statement unless it stands in a
literal, a comment, parentheses (`CREATE RULE … DO (…; …)`), or the `BEGIN ATOMIC` body of a function.

A body starts only at a BEGIN directly followed by ATOMIC in a `CREATE FUNCTION` or `CREATE PROCEDURE`, and ends at the END
that directly follows a `;` or the ATOMIC: no statement begins with END there, so the END of a CASE, `t.end`, `AS end` and a
bare label `end` are never taken for it.
"""

from __future__ import annotations

import gc
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import Literal, NamedTuple

from chatops.frozen import frozen


class Kind(Enum):
    """What a statement is to the one who runs it."""

    SQL = "sql"
    COPY = "copy"  # its rows follow in the text
    META = "meta"  # a backslash command: psql's, not the server's


@frozen
class Place:
    """A point in a text: `offset` counts characters from 0, `line` and `column` from 1."""

    offset: int
    line: int
    column: int


@frozen
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


class Lines:
    """Where the lines of a text begin: looked up when somebody asks, for all of its statements at once."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []

    def line(self, offset: int) -> int:
        """The line of a character offset, from 1."""
        if not self._starts:
            self._starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        return bisect_right(self._starts, offset)

    def column(self, offset: int) -> int:
        """The column of a character offset, from 1."""
        return offset - self._starts[self.line(offset) - 1] + 1


class Statement(NamedTuple):
    r"""One statement of a text, without its `;` and without the comments around it.

    `start` and `end` are character offsets into the whole text with `whole[start:end] == text`; `line` and `column` (from 1)
    are those of `start`. `leading` is where the comments and blanks before it begin, `stop` the offset of what ended it: its
    `;`, a backslash command such as `\g`, or the end of the text. `terminated` is false where the text ended first.
    `copy_data` are the offsets of the rows that follow a `COPY … FROM stdin`, without the line `\.`.

    A tuple, because a file may hold a million: a frozen dataclass takes five times as long to make.
    """

    text: str
    start: int
    end: int
    leading: int
    stop: int
    terminated: bool
    kind: Kind
    copy_data: tuple[int, int] | None
    lines: Lines

    @property
    def line(self) -> int:
        """The line of `start`, from 1."""
        return self.lines.line(self.start)

    @property
    def column(self) -> int:
        """The column of `start`, from 1."""
        return self.lines.column(self.start)


@frozen
class Script:
    """A text and its statements in order; `opening` is what was never closed, or None for a text that is whole."""

    text: str
    statements: tuple[Statement, ...]
    opening: Opening | None


TokenKind = Literal["word", "identifier", "number", "string", "operator", "comment", "open"]


@frozen
class Token:
    """One lexical token. Kinds: `word` is an unquoted name or keyword, `identifier` a quoted one, `operator` any punctuation
    (`;`, parentheses and backslash one character each), `open` a literal or comment that is never closed."""

    kind: TokenKind
    text: str
    start: int

    @property
    def upper(self) -> str:
        """The token as a keyword: upper case for a word, nothing for any other kind.

        Keywords are ASCII: the server does not take a dotless i for an i.
        """
        if self.kind != "word":
            return ""
        return self.text.upper() if self.text.isascii() else self.text


# The lexer's classes, spelled out: Python's \s and \w know more of Unicode than PostgreSQL, for which every character from
# U+0080 on, no-break spaces included, is part of a name. Sets are written by what they leave out of ASCII: quicker.
# Groups repeated by *+ and ++ are atomic (?>…): before Python 3.11.5 a possessive repeat of a plain group goes on from where
# a failed alternative had come to.
_BLANK = r" \t\n\r\f\v"
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
_ALPHANUMERIC = r"[^\x00-/:-@\[-^`{-\x7f]"
_NAMED = r"[^\x00-#%-/:-@\[-^`{-\x7f]"  # what a name goes on with: letters, digits and the dollar
_SIGN = r"[\x00-!#%&*-,.:<-@\[\]^`{-\x7f]"  # blanks and whatever opens, closes and ends nothing
_WORD = rf"{_LETTER}{_NAMED}*+"
_NUMBER = rf"[0-9]{_ALPHANUMERIC}*+"
_TAG = rf"\$(?:{_LETTER}{_ALPHANUMERIC}*+)?\$"
_LONE_DOLLAR = rf"\$(?!(?:{_LETTER}{_ALPHANUMERIC}*+)?\$)"
_LINE_COMMENT = r"--[^\n\r]*+"


def _comment(depth: int) -> str:
    """Matches a comment that holds at most `depth` levels of others; deeper ones are counted, not matched."""
    inner = rf"|{_comment(depth - 1)}" if depth else ""
    return rf"/\*(?>[^*/]++|\*(?!/)|/(?!\*){inner})*+\*/"


_COMMENT = _comment(2)
_TRIVIA = rf"(?>[{_BLANK}]++|{_LINE_COMMENT}|{_COMMENT})*+"
# A string goes on after a line break, and an E'' string goes on with backslashes in force.
_CONTINUED = rf"(?>[ \t\f\v]++|{_LINE_COMMENT})*+[\n\r](?>[{_BLANK}]++|{_LINE_COMMENT}[\n\r])*+'"
_ESCAPED = r"(?>[^'\\]++|\\[\s\S]|'')*+'"
_ESCAPE_STRING = rf"[eE]'{_ESCAPED}(?>{_CONTINUED}{_ESCAPED})*+(?!{_CONTINUED})"


def _step(*, stop_at_begin: bool = False, depth: int = 2) -> str:
    """Matches a word, a literal, a comment, a run of signs: whatever decides nothing about where a statement ends.

    Parentheses of at most `depth` levels are one step when they hold steps alone; deeper ones are counted. Every alternative
    begins with a character or a set of them, so that `re` passes over the others without trying them.
    """
    words = rf"[^\x00-@\[-^`{{-\x7feE{'bB' if stop_at_begin else ''}]{_NAMED}*+{_SIGN}*+|[eE](?!'){_NAMED}*+{_SIGN}*+"
    if stop_at_begin:
        words += rf"|[bB](?![eE][gG][iI][nN](?!{_NAMED})){_NAMED}*+{_SIGN}*+"
    parentheses = rf"|\((?>{_step(depth=depth - 1)}|;)*+\)" if depth else ""
    return (
        rf"(?>{words}|{_SIGN}{_SIGN}*+|{_NUMBER}|'[^']*+'{parentheses}|-(?!-)|{_LINE_COMMENT}|/(?!\*)|{_COMMENT}"
        rf"|\"[^\"]*+\"|{_ESCAPE_STRING}|{_LONE_DOLLAR})"
    )


class Late:
    """A pattern that is compiled by whoever first looks for it: all together take 25 ms, and a file that is in is not scanned."""

    match: Callable[..., re.Match[str] | None]
    fullmatch: Callable[..., re.Match[str] | None]
    findall: Callable[[str], list[str]]

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __getattr__(self, name: str) -> object:
        pattern = re.compile(self.pattern)
        self.match, self.fullmatch, self.findall = pattern.match, pattern.fullmatch, pattern.findall
        return object.__getattribute__(self, name)


_RUN = Late(rf"{_step()}*+")
_RUN_TO_BEGIN = Late(rf"{_step(stop_at_begin=True)}*+")


def _keyword(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in word) + rf"(?!{_NAMED})"


# Group 1 is set where the first words decide how the rest of the statement is read; a nested comment between them hides them
# from the pattern, so that it is reason enough to look.
_DECIDING = (
    rf"{_keyword('create')}{_TRIVIA}(?:{_keyword('or')}{_TRIVIA}{_keyword('replace')}{_TRIVIA})?"
    rf"(?:{_keyword('function')}|{_keyword('procedure')}|(?:{_keyword('or')}{_TRIVIA})?/\*)|{_keyword('copy')}"
)
_HEAD = Late(rf"{_TRIVIA}({_DECIDING}|{_keyword('end')})?")
# A whole statement, when steps alone lead from its first word to its `;`.
_PLAIN_STATEMENT = Late(rf"{_TRIVIA}(?!{_DECIDING})({_step()}++);")
_BLANKS = " \t\n\r\f\v"
_BLANKS_OR_SLASH = frozenset(_BLANKS + "/")
_DOLLAR_TAG = re.compile(_TAG)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_COPY_END = re.compile(r"^\\\.\r?$", re.MULTILINE)
_META_END = re.compile(r"[\n\r]|\\\\")
_META_NAME = re.compile(r"\\(?:[A-Za-z_]+|.)?")
# The backslash commands that send what stands before them, as a `;` would.
_SENDING = frozenset(
    (r"\g", r"\gx", r"\gexec", r"\gset", r"\gdesc", r"\crosstabview", r"\watch", r"\bind", r"\bind_named", r"\parse")
) | {r"\sendpipeline", r"\;"}

# Single tokens, where it matters which: as in the lexer, an operator of several characters ends in + or - only if it holds
# one of the characters that SQL's own operators do not have (so `a=-1` is `a = -1`, and `a@-1` is not).
_SQL_SIGN = r"(?>[+*<>=]|-(?!-)|/(?!\*))"
_OPERATOR = (
    rf"(?:{_SQL_SIGN}*+[~!@#^&|`?%](?>[~!@#^&|`?%]|{_SQL_SIGN})*+|{_SQL_SIGN}*(?:[*<>=]|/(?!\*))|\+|-(?!-)"
    rf"|::|:=|\.\.|[\x00-\x08\x0e-\x1f!#%&()*+,.:;<-@\[-^`{{-\x7f]|{_LONE_DOLLAR})"
)
_DECIMAL = (
    r"(?:(?:[0-9][0-9_]*+(?:\.(?!\.)[0-9_]*+)?|\.[0-9][0-9_]*+)(?:[eE][+\-][0-9])?"
    rf"{_ALPHANUMERIC}*+|\$[0-9]++)"
)
_LITERAL = rf"(?:{_ESCAPE_STRING}|[bBxX]'[^']*+'|(?:[uU]&)?'(?>[^']++|'')*+')"
_IDENTIFIER = r"(?:[uU]&)?\"(?>[^\"]++|\"\")*+\""
_BARE_WORD = rf"(?![eEbBxX]'|[uU]&['\"]){_WORD}"
_TOKEN = Late(
    rf"(?P<blank>[{_BLANK}]++)|(?P<comment>{_LINE_COMMENT}|{_COMMENT})|(?P<word>{_BARE_WORD})"
    rf"|(?P<number>{_DECIMAL})|(?P<string>{_LITERAL})|(?P<identifier>{_IDENTIFIER})|(?P<tag>{_TAG})"
    rf"|(?P<nested>/\*)|(?P<operator>{_OPERATOR})|(?P<open>(?:[eEbBxX]|[uU]&)?'|(?:[uU]&)?\")"
)
_PLAIN_TOKEN = rf"(?>{_BARE_WORD}|{_DECIMAL}|{_LITERAL}|{_IDENTIFIER}|{_OPERATOR})"
_PLAIN_TOKENS = Late(rf"{_TRIVIA}(?:({_PLAIN_TOKEN}|[\s\S]++)|\Z)")  # what is never closed is one token
# A dollar quote ends with the tag it opens with; group 1 ends with the last token.
_DOLLAR_QUOTED = rf"(?P<tag>{_TAG})(?>[^$]++|(?!(?P=tag))\$)*+(?P=tag)"
_TO_LAST_TOKEN = Late(rf"((?>{_TRIVIA}(?>{_PLAIN_TOKEN}|{_DOLLAR_QUOTED})++)*+){_TRIVIA}")
_PLAIN = Late(rf"(?>{_TRIVIA}{_PLAIN_TOKEN}++)*+{_TRIVIA}")


def scan(text: str) -> list[Statement]:
    """The statements of a text, in order; text that is never closed makes the last one unterminated.

    >>> [(s.text, s.line) for s in scan("select ';'; -- one\\nselect 2")]
    [("select ';'", 1), ('select 2', 2)]
    """
    return list(script(text).statements)


def script(text: str) -> Script:
    """The statements of a text, and what it leaves open."""
    # Nothing here refers to itself: the collector would look at each of a million statements again and again for nothing.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _Scan(text).run()
    finally:
        if collecting:
            gc.enable()


class _Scan:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Statement] = []
        self.parentheses: list[int] = []
        self.bodies: list[int] = []  # offsets of the BEGIN of every open BEGIN ATOMIC
        self.opened: tuple[int, str] | None = None
        self.unclosed = -1  # offset of a comment that is never closed, met between statements
        self.lines = Lines(text)
        self.nested = False  # a backslash command stands inside a statement, and was found before it
        # The rows of a COPY begin on the next line: what stands behind its `;` on the same line is scanned first, up to
        # `limit`, and then scanning goes on at `resume`.
        self.limit = self.resume = len(text)

    def run(self) -> Script:
        text, size = self.text, len(self.text)
        position = leading = 0
        start = -1  # of the open statement, -1 between statements
        head = True  # at the first word of a statement, or of one in a body
        copying = False
        pattern = _RUN
        while True:
            if head:
                if start < 0:
                    position, leading = self._plain_statements(position, leading)
                position, decides = self._head(position)
                pattern, head = _RUN, False
                if start < 0 and position < self.limit and text[position] not in ";\\" and position != self.unclosed:
                    start = position
                if decides == "END":
                    if self.bodies:
                        self.bodies.pop()
                        position += len("end")
                elif decides == "COPY":
                    copying = copying or start == position
                # A nested comment between the words hides the rest of them from the pattern.
                elif decides and (decides[-2:] != "/*" or _makes_a_routine(_first_words(text, position, self.limit))):
                    pattern = _RUN_TO_BEGIN
            position = pattern.match(text, position, self.limit).end()  # type: ignore[union-attr]
            if position == self.limit:
                if position == size:
                    break
                position, self.limit = self.resume, size
                if start < 0:
                    head, leading = True, position
                continue
            character = text[position]
            if character == ";":
                position += 1
                if self.parentheses:
                    continue
                head = True
                if start >= 0 and not self.bodies:
                    data = self._copy_data(position) if copying and _reads_stdin(text[start : position - 1]) else None
                    self._add(start, position - 1, leading, data=data)
                    start, copying, leading = -1, False, position
            elif character == "(":
                self.parentheses.append(position)
                position += 1
            elif character == ")":
                if self.parentheses:
                    self.parentheses.pop()
                position += 1
            elif character == "$":
                tag = _DOLLAR_TAG.match(text, position, self.limit)
                assert tag is not None  # any other dollar is a step
                close = text.find(tag[0], tag.end(), self.limit)
                if close < 0:
                    self.opened = position, "dollar-quoted string"
                    break
                position = close + len(tag[0])
            elif character == "/":
                close = _comment_end(text, position, self.limit)
                if close < 0:
                    self.opened = position, "comment"
                    break
                position = close
            elif character == "\\":
                end, name = self._meta(position)
                if start >= 0 and name in _SENDING:
                    self._add(start, position, leading)
                    self.parentheses.clear()
                    self.bodies.clear()
                    start, leading = -1, position
                self._add(position, end, leading if start < 0 else position, kind=Kind.META)
                self.nested = self.nested or start >= 0
                if start < 0:
                    head, copying, leading = True, False, end
                position = end
            elif character in "bB":
                position, head = self._begin(position)
            else:
                self.opened = position, "quoted identifier" if character == '"' else "quoted string"
                break
        if start >= 0:
            # A comment that is never closed is no part of the statement before it.
            stop = self.opened[0] if self.opened and self.opened[1] == "comment" else size
            data = None
            if copying and self.opened is None and _reads_stdin(text[start:]):
                data = size, size
                self.opened = start, "COPY data"
            self._add(start, stop, leading, data=data, terminated=False)
        if self.nested:
            self.found.sort(key=lambda statement: statement.start)
        return Script(text, tuple(self.found), self._opening())

    def _plain_statements(self, position: int, leading: int) -> tuple[int, int]:
        """Past the statements that hold nothing but steps, which are most: where scanning goes on, and what leads from there."""
        text, limit, add, sql, lines = self.text, self.limit, self.found.append, Kind.SQL, self.lines
        while match := _PLAIN_STATEMENT.match(text, position, limit):
            start, stop = match.span(1)
            own, end = text[start:stop], stop
            if own[-1] in _BLANKS_OR_SLASH:
                own = _without_end_comments(own)
                end = start + len(own)
            add(Statement(own, start, end, leading, stop, True, sql, None, lines))
            position = leading = stop + 1
        return position, leading

    def _head(self, position: int) -> tuple[int, str]:
        """Past blanks and comments to the next word, and the words, if they decide how the statement is read."""
        while True:
            match = _HEAD.match(self.text, position, self.limit)
            assert match is not None  # it matches the empty text
            if match.lastindex:
                return match.start(1), match[1].upper()
            position = match.end()
            if not self.text.startswith("/*", position, self.limit):
                return position, ""
            close = _comment_end(self.text, position, self.limit)
            if close < 0:
                self.unclosed = position
                return position, ""
            position = close

    def _begin(self, position: int) -> tuple[int, bool]:
        """Past a BEGIN, and past ATOMIC where it directly follows outside parentheses: whether it opens a body."""
        after = position + len("begin")
        if not self.parentheses:
            following = next(significant(self.text, after, self.limit), None)
            if following is not None and following.upper == "ATOMIC":
                self.bodies.append(position)
                return following.start + len("atomic"), True
        return after, False

    def _meta(self, position: int) -> tuple[int, str]:
        r"""Where a backslash command ends, and its name; `\\` ends it before the end of the line, and is part of it."""
        name = _META_NAME.match(self.text, position, self.limit)[0]  # type: ignore[index]
        if name == r"\;":
            return position + 2, name
        end = _META_END.search(self.text, position + len(name), self.limit)
        if end is None:
            return self.limit, name
        return (end.end() if end[0] == r"\\" else end.start()), name

    def _copy_data(self, after: int) -> tuple[int, int]:
        """The rows of a COPY whose `;` ends at `after`; scanning is told to leave them out."""
        size = len(self.text)
        if self.limit == size:
            line_end = self.text.find("\n", after)
            begin = size if line_end < 0 else line_end + 1
            self.limit = size if line_end < 0 else line_end
        else:  # the second COPY on a line: its rows follow those of the first
            begin = self.resume
        end = _COPY_END.search(self.text, begin)
        if end is None:
            self.opened = self.opened or (after - 1, "COPY data")
            self.resume = size
            return begin, size
        following = self.text.find("\n", end.start())
        self.resume = size if following < 0 else following + 1
        return begin, end.start()

    def _add(
        self,
        start: int,
        stop: int,
        leading: int,
        *,
        kind: Kind = Kind.SQL,
        data: tuple[int, int] | None = None,
        terminated: bool = True,
    ) -> None:
        own = self.text[start:stop]
        # No comment can stand right before what ends a statement, unless it ends in a line break or in */.
        if not terminated or own[-1] in _BLANKS_OR_SLASH:
            own = _without_end_comments(own)
        if data is not None:
            kind = Kind.COPY
        self.found.append(Statement(own, start, start + len(own), leading, stop, terminated, kind, data, self.lines))

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
    if ("$" not in text and "/*" not in text) or _PLAIN.fullmatch(text):
        return " ".join(filter(None, _PLAIN_TOKENS.findall(text)))
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


def _without_end_comments(statement: str) -> str:
    """A statement without the blanks and comments behind its last token."""
    text = statement.rstrip(_BLANKS)
    # Only where the last line may hold a comment is it worth looking at every token.
    if not text.endswith("*/") and text.find("--", max(text.rfind("\n"), text.rfind("\r"), 0)) < 0:
        return text
    if match := _TO_LAST_TOKEN.fullmatch(text):
        return match[1]
    end = 0
    for token in significant(text):
        end = token.start + len(token.text)
    return text[:end]


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

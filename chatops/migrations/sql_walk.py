"""Walks through the tokens of one statement: keywords, names as the catalog spells them, lists, literals."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Sequence

from chatops.migrations.scanner import Token, significant

# NAMEDATALEN - 1: the server cuts longer names, and says so in a NOTICE that nobody reads.
LONGEST_NAME = 63
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Walk:
    """A place in the tokens of one statement. `path` are the schemas of unqualified names, the first is where things are made."""

    def __init__(self, tokens: Sequence[Token], text: str, line: int, path: Sequence[str]) -> None:
        self.tokens = tokens
        self.text = text
        self.path = tuple(path)
        self.line = line
        self.at = 0
        self._words: frozenset[str] | None = None
        self.qualified_by: str | None = None
        """The schema that the name read last was written with; None for a bare name."""

    def of(self, tokens: Sequence[Token]) -> Walk:
        """Another walk, through a part of the same statement."""
        part = Walk(tokens, self.text, self.line, self.path)
        part._words = self.words
        return part

    @property
    def words(self) -> frozenset[str]:
        """All names of the statement, told apart when they are first asked for: most walks end at the first keyword."""
        if self._words is None:
            self._words = names_in(self.tokens)
        return self._words

    def peek(self, ahead: int = 0) -> Token | None:
        """The token here, or further on."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else None

    def keyword(self, ahead: int = 0) -> str:
        """The keyword here, or further on; "" where there is none."""
        token = self.peek(ahead)
        return token.upper if token is not None else ""

    def take(self, *words: str) -> bool:
        """Steps over these keywords, if they are all here."""
        here = self.tokens[self.at : self.at + len(words)]
        if len(here) == len(words) and all(token.upper == word for token, word in zip(here, words, strict=True)):
            self.at += len(words)
            return True
        return False

    def sign(self, text: str) -> bool:
        """Steps over one operator."""
        token = self.peek()
        if token is not None and token.kind == "operator" and token.text == text:
            self.at += 1
            return True
        return False

    def name(self) -> str | None:
        """One name."""
        token = self.peek()
        if token is None or token.kind not in ("word", "identifier"):
            return None
        self.at += 1
        return catalog_name(token)

    def qualified(self) -> tuple[str, str] | None:
        """A name with or without its schema: (schema, name)."""
        first = self.name()
        self.qualified_by = None
        if first is None:
            return None
        if self.sign("."):
            second = self.name()
            self.qualified_by = first
            return None if second is None else (first, second)
        return (self.path[0] if self.path else ""), first

    @property
    def bare(self) -> bool:
        """Whether the name read last was written without a schema."""
        return self.qualified_by is None

    def group(self) -> list[Token] | None:
        """What stands in the parentheses that open here."""
        if not self.sign("("):
            return None
        depth, start = 1, self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if token.kind == "operator":
                depth += (token.text in "([") - (token.text in ")]")
                if depth == 0:
                    return list(self.tokens[start : self.at - 1])
        return None

    def rest(self) -> list[Token]:
        """The tokens from here on."""
        return list(self.tokens[self.at :])

    def until(self, *stops: str) -> list[Token]:
        """Steps to one of these keywords outside parentheses, or to the end: what was passed."""
        depth, start = 0, self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "operator":
                depth += (token.text in "([") - (token.text in ")]")
            elif depth == 0 and self.at > start and token.upper in stops:
                break
            self.at += 1
        return list(self.tokens[start : self.at])

    def written(self, tokens: Sequence[Token]) -> str:
        """Tokens as they stand in the text, without the parentheses around all of them."""
        while len(tokens) > 1 and tokens[0].text == "(" and _closes(tokens) == len(tokens) - 1:
            tokens = tokens[1:-1]
        return self.text[tokens[0].start : tokens[-1].start + len(tokens[-1].text)] if tokens else ""


def _closes(tokens: Sequence[Token]) -> int:
    """Where the parenthesis that opens first is closed."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
            if depth == 0:
                return index
    return -1


def cut(name: str) -> str:
    """A name as long as the server keeps it: 63 bytes, no character halved.

    >>> len(cut("é" * 40).encode())
    62
    """
    data = name.encode()
    return name if len(data) <= LONGEST_NAME else data[:LONGEST_NAME].decode(errors="ignore")


def catalog_name(token: Token) -> str:
    """A name as the catalog spells it."""
    if token.kind == "identifier":
        if token.text[0] not in "uU":
            return cut(token.text[1:-1].replace('""', '"'))
        inner, escape = _with_escape(token.text, '"')
        return cut(_by_numbers(inner.replace('""', '"'), escape))
    return cut(token.text.lower())


def _with_escape(text: str, quote: str) -> tuple[str, str]:
    """What stands between the quotes of U&…, and what escapes in it: the sign that UESCAPE names, else a backslash.

    >>> _with_escape("U&'d!0061' uescape '!'", "'")
    ('d!0061', '!')
    """
    found = re.search(r"\buescape\b(?:(?!').)*'(.)'$", text, re.IGNORECASE | re.DOTALL)
    inner = text[: found.start()].rstrip() if found else text
    return inner[3 : inner.rindex(quote)], found[1] if found else "\\"


def _by_numbers(text: str, escape: str = "\\") -> str:
    """What U&"…" and U&'…' write, their letters by number; two halves of a letter make one.

    >>> _by_numbers("d\\\\0061t\\\\+000061"), _by_numbers("!D83D!DE00!!", "!")
    ('data', '😀!')
    """
    sign = re.escape(escape)
    number = rf"{sign}(?:\+([0-9A-Fa-f]{{6}})|([0-9A-Fa-f]{{4}}))"

    def letter(found: re.Match[str]) -> str:
        if found[0] == escape * 2:
            return escape
        numbers = [int(one, 16) for one in found.groups() if one]
        if max(numbers) > sys.maxunicode:
            return found[0]
        read = _whole("".join(map(chr, numbers)))
        return found[0] if re.search("[\ud800-\udfff]", read) else read

    return re.sub(rf"{sign}{sign}|(?={sign}\+?(?:00)?[dD][89abAB]){number}{number}|{number}", letter, text)


def _whole(text: str) -> str:
    """Halves of letters put together; one that is alone, which the server refuses, stays half."""
    return re.sub(
        "[\ud800-\udbff][\udc00-\udfff]", lambda two: two[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text
    )


def pieces(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """A list cut at its commas, those inside parentheses aside."""
    depth = 0
    piece: list[Token] = []
    for token in tokens:
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and depth == 0:
                if piece:
                    yield piece
                piece = []
                continue
        piece.append(token)
    if piece:
        yield piece


def string_value(token: Token) -> str:
    """What a string literal holds."""
    text = token.text
    if text.startswith("$"):
        tag = text[: text.index("$", 1) + 1]
        return text[len(tag) : -len(tag)]
    if text[0] in "uU":
        inner, escape = _with_escape(text, "'")
        return _by_numbers(_joined(inner), escape)
    if text[0] in "eE":
        return _whole(_ESCAPED.sub(_unescaped, text[2:-1]))
    return _joined(text[text.index("'") + 1 : -1])


_GOES_ON = r"'[ \t\r\f\v]*\n\s*'"  # a string goes on in another line
_ESCAPED = re.compile(
    rf"''|{_GOES_ON}|\\u([0-9A-Fa-f]{{4}})|\\U([0-9A-Fa-f]{{8}})|((?:\\(?:[0-7]{{1,3}}|x[0-9A-Fa-f]{{1,2}}))+)|\\(.)", re.DOTALL
)


def _joined(inner: str) -> str:
    return re.sub(rf"''|{_GOES_ON}", lambda found: "'" if found[0] == "''" else "", inner)


def _unescaped(found: re.Match[str]) -> str:
    if number := found[1] or found[2]:
        return chr(int(number, 16)) if int(number, 16) <= sys.maxunicode else found[0]
    if found[3]:  # bytes
        bytes_of = re.findall(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2}))", found[3])
        return bytes((int(octal, 8) if octal else int(two, 16)) & 255 for octal, two in bytes_of).decode(errors="replace")
    if found[4]:
        return _ESCAPES.get(found[4], found[4])
    return "'" if found[0] == "''" else ""


def names_in(tokens: Sequence[Token]) -> frozenset[str]:
    """All names among some tokens."""
    return frozenset(catalog_name(token) for token in tokens if token.kind in ("word", "identifier"))


def called_in(tokens: Sequence[Token]) -> frozenset[str]:
    """The names before an opening parenthesis."""
    return frozenset(
        catalog_name(token)
        for token, following in itertools.pairwise(tokens)
        if following.text == "(" and token.kind in ("word", "identifier")
    )


def literal_words(tokens: Sequence[Token]) -> frozenset[str]:
    """The words inside the string literals of some tokens, as names."""
    return frozenset(
        word.lower() for token in tokens if token.kind == "string" for word in re.findall(r"[A-Za-z_][A-Za-z0-9_$]*", token.text)
    )


def tokens_of(text: str) -> list[Token]:
    """The tokens of a statement, comments left out; a literal that goes on in another line, or with UESCAPE, is one.

    >>> [token.text for token in tokens_of("u&'d!0061' uescape '!' = 1")]
    ["u&'d!0061' uescape '!'", '=', '1']
    """
    found: list[Token] = []
    waiting = list(significant(text))
    if not any(token.text[:2] in ("U&", "u&") for token in waiting) and not re.search(r"'\s*\n\s*'", text):
        return waiting
    at = 0
    while at < len(waiting):
        token, last = waiting[at], at
        while token.kind == "string" and token.text[0] != "$" and _goes_on(text, waiting, last):
            last += 1
        names = waiting[last + 1 : last + 3]
        if (
            token.text[:2] in ("U&", "u&")
            and len(names) == 2
            and names[0].upper == "UESCAPE"
            and re.fullmatch("'.'", names[1].text)
        ):
            last += 2
        end = waiting[last].start + len(waiting[last].text)
        found.append(token if last == at else Token(token.kind, text[token.start : end], token.start))
        at = last + 1
    return found


def _goes_on(text: str, tokens: Sequence[Token], at: int) -> bool:
    """Whether the next token is the rest of this string: nothing but blanks and the end of a line between them."""
    if at + 1 == len(tokens) or tokens[at + 1].text[0] != "'":
        return False
    between = text[tokens[at].start + len(tokens[at].text) : tokens[at + 1].start]
    return between.isspace() and "\n" in between

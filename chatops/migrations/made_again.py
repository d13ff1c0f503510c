"""What a statement of a file makes, or drops, of what can be made any number of times: functions, views, triggers, indexes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, pairwise

from chatops.frozen import frozen
from chatops.migrations.scanner import Statement, normalised, scan, significant
from chatops.migrations.statements import built_index, first_word, plain

KINDS = ("FUNCTION", "PROCEDURE", "VIEW")


@frozen
class Made:
    """What a statement makes or drops: its kind, its name as the catalog has it, the words between its parentheses."""

    kind: str
    name: str
    arguments: str
    replaces: bool
    statement: Statement


def made_by(statement: Statement) -> Made | None:
    """What a statement makes or drops, of what can be made again.

    >>> from chatops.migrations.scanner import scan
    >>> [(one.kind, one.name, one.arguments, one.replaces) for one in map(made_by, scan(
    ...     'create or replace function s.F(a int, b text) returns int as $$ $$; drop view if exists "V"')) if one]
    [('FUNCTION', 'f', 'a int , b text', True), ('VIEW', 'V', '', False)]
    """
    if first_word(statement) not in ("CREATE", "DROP"):
        return None
    words = _beginning(statement, 8)
    kind = next((word for word in words if word in KINDS), None)
    if kind is None or any(word in ("TABLE", "MATERIALIZED", "TRIGGER", "POLICY") for word in words[: words.index(kind)]):
        return None
    tokens = list(significant(statement.text))
    at = words.index(kind) + 1
    if words[at : at + 2] == ["IF", "EXISTS"]:
        at += 2
    while at + 2 < len(tokens) and tokens[at + 1].text == ".":
        at += 2
    if at >= len(tokens):
        return None
    name = tokens[at]
    return Made(
        kind,
        plain(name),
        _between_parentheses(statement, name.start + len(name.text)),
        words[1:3] == ["OR", "REPLACE"],
        statement,
    )


def trigger_of(statement: Statement) -> Made | None:
    """The trigger that a statement makes or drops; `arguments` is its table.

    >>> from chatops.migrations.scanner import scan
    >>> [(one.name, one.arguments, one.replaces) for one in map(trigger_of, scan(
    ...     'create or replace trigger T before insert on s."M" execute function f(); drop trigger if exists t on m')) if one]
    [('t', 'M', True), ('t', 'm', False)]
    """
    begins = _beginning(statement, 4) if first_word(statement) in ("CREATE", "DROP") else []
    if "TRIGGER" not in begins or "EVENT" in begins[:2]:
        return None
    tokens = list(significant(statement.text))
    words = [token.upper for token in tokens]
    if "ON" not in words:
        return None
    name = words.index("TRIGGER") + (3 if words[words.index("TRIGGER") + 1] == "IF" else 1)
    table = words.index("ON", name + 1) + 1
    while table + 2 < len(tokens) and tokens[table + 1].text == ".":
        table += 2
    return Made("TRIGGER", plain(tokens[name]), plain(tokens[table]), words[1:3] == ["OR", "REPLACE"], statement)


def index_of(statement: Statement) -> Made | None:
    """The index that a statement builds where it is absent, or drops; `arguments` is its table.

    >>> from chatops.migrations.scanner import scan
    >>> [(one.name, one.arguments, one.replaces) for one in map(index_of, scan(
    ...     'create unique index if not exists I on s.t (a); drop index if exists s.i; create index j on t (a)')) if one]
    [('i', 't', True), ('i', '', False)]
    """
    words = _beginning(statement, 7)
    if words[:2] == ["DROP", "INDEX"]:
        tokens = list(significant(statement.text))
        at = 2 + (words[2:3] == ["CONCURRENTLY"])
        at += 2 if words[at : at + 2] == ["IF", "EXISTS"] else 0
        while at + 2 < len(tokens) and tokens[at + 1].text == ".":
            at += 2
        return Made("INDEX", plain(tokens[at]), "", False, statement)
    if words[:1] != ["CREATE"] or "INDEX" not in words[1:3]:
        return None
    [once] = scan(built_concurrently(statement))
    index = built_index(once)
    if index is None or not index.name or "EXISTS" not in words:
        return None
    return Made("INDEX", index.name, index.table.rpartition(".")[2].strip('"'), True, statement)


def built_concurrently(statement: Statement) -> str:
    """The text that builds an index while its table is written, though the file builds it inside its own transaction.

    >>> from chatops.migrations.scanner import scan
    >>> [built_concurrently(one) for one in scan('create index if not exists i on t (a); create index concurrently j on t (a)')]
    ['create index concurrently if not exists i on t (a)', 'create index concurrently j on t (a)']
    """
    index, after = next(pair for pair in pairwise(significant(statement.text)) if pair[0].upper == "INDEX")
    if after.upper == "CONCURRENTLY":
        return statement.text
    end = index.start + len(index.text)
    return f"{statement.text[:end]} concurrently{statement.text[end:]}"


def anything(statement: Statement) -> Made | None:
    """What a statement makes or drops, of all that can be made again."""
    return made_by(statement) or trigger_of(statement) or index_of(statement)


def made_later(one: Made, others: Iterable[tuple[str, Made]]) -> str | None:
    """The last of later files that makes the same thing, or drops it; `others` are what they make, each with its file."""
    found = None
    for name, other in others:
        if (other.kind, other.name) == (one.kind, one.name) and (
            one.kind in ("VIEW", "INDEX")
            or other.arguments == one.arguments
            or (first_word(other.statement) == "DROP" and not other.arguments)
        ):
            found = name
    return found


def _beginning(statement: Statement, count: int) -> list[str]:
    """Its first words; of a long one most is never looked at."""
    return [token.upper for token in islice(significant(statement.text), count)]


def _between_parentheses(statement: Statement, start: int) -> str:
    depth, begin = 0, -1
    for token in significant(statement.text, start):
        if depth == 0 and token.text != "(":
            return ""
        depth += (token.text == "(") - (token.text == ")")
        begin = token.start + 1 if begin < 0 else begin
        if depth == 0:
            return normalised(statement.text[begin : token.start]).lower()
    return ""

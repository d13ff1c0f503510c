"""What the statements in a DO block claim, and what may keep them from being run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

from chatops.migrations.claims import Claim, Effect, Thing, Unread
from chatops.migrations.scanner import Token, scan, significant
from chatops.migrations.sql_walk import catalog_name, literal_words, string_value

_ON_TABLES = frozenset(("table", "column", "constraint", "index", "trigger", "policy", "rule"))
_KINDS = {
    "TABLE": _ON_TABLES, "INDEX": frozenset(("index",)), "TRIGGER": frozenset(("trigger",)), "POLICY": frozenset(("policy",)),
    "VIEW": frozenset(("view",)), "SEQUENCE": frozenset(("sequence",)), "FUNCTION": frozenset(("function",)),
    "PROCEDURE": frozenset(("function",)), "ROUTINE": frozenset(("function",)), "TYPE": frozenset(("type", "label")),
    "DOMAIN": frozenset(("domain",)), "RULE": frozenset(("rule",)), "PUBLICATION": frozenset(("publication",)),
    "ROLE": frozenset(("role",)), "USER": frozenset(("role",)), "EXTENSION": frozenset(("extension",)),
    "DATABASE": frozenset[str](), "DEFAULT": frozenset[str](), "SYSTEM": frozenset[str](),
}  # fmt: skip
Read = Callable[[list[Token], str, int], list[Claim] | None]
_AFTER = frozenset(("THEN", "ELSE", "BEGIN", "LOOP"))
_MADE_ALREADY = re.compile(
    r"exception\s+when\s+(duplicate_\w+(\s+or\s+duplicate_\w+)*)\s+then\s+(null|raise\s+notice)", re.IGNORECASE
)


def do_body(tokens: Sequence[Token]) -> Token | None:
    """The literal that holds the block of a DO statement; None for any other statement."""
    if not tokens or tokens[0].upper != "DO":
        return None
    return next((token for token in tokens if token.kind == "string"), None)


def read_do(tokens: list[Token], text: str, line: int, read: Read) -> tuple[list[Claim], Unread | None]:
    """The claims of the statements in a PL/pgSQL block, and what else it may do to the catalog; None for nothing."""
    literal = do_body(tokens)
    if literal is None:
        return [], Unread(line, _all_words(tokens))
    body = string_value(literal)
    inner = list(significant(body))
    offset = literal.text.index(body) if body and body in literal.text else 0
    first_line = line + text.count("\n", 0, literal.start + offset)
    made_already = _MADE_ALREADY.search(body) is not None
    # An exception that is caught undoes what the block had done.
    caught = any(token.upper == "EXCEPTION" and _follows(inner, index, "WHEN") for index, token in enumerate(inner))
    found: list[Claim] = []
    guarded = False
    hidden: list[Effect] = []
    conditions: list[list[Token]] = []
    depth = index = 0
    while index < len(inner):
        token = inner[index]
        before = inner[index - 1] if index else None
        starts = before is None or before.text in (";", ">>") or before.upper in _AFTER
        if starts and token.upper == "IF":
            then = next((i for i in range(index, len(inner)) if inner[i].upper == "THEN"), len(inner) - 1)
            end = [one.upper or one.text for one in inner[then + 1 : then + 6]]
            if end[:5] == ["RETURN", ";", "END", "IF", ";"]:
                guarded = True
                index = then + 6
                continue
            depth += 1
            conditions.append(inner[index + 1 : then])
        elif starts and token.upper in ("ELSE", "ELSIF") and conditions:
            conditions[-1] = []
        elif starts and token.upper in ("FOR", "WHILE", "LOOP", "FOREACH", "CASE"):
            depth += 1
            conditions.append([])
        elif starts and token.upper == "END" and index + 1 < len(inner) and inner[index + 1].upper in ("IF", "LOOP", "CASE"):
            depth = max(0, depth - 1)
            del conditions[-1:]
        elif starts and token.upper in ("CREATE", "ALTER", "DROP", "EXECUTE"):
            stop = _statement_end(inner, index)
            here, source = inner[index:stop], body
            if token.upper == "EXECUTE":
                here, source = _executed(here)
            at = first_line + body.count("\n", 0, token.start)
            told = read(here, source, at) if here else None
            if told is None and token.upper == "EXECUTE":
                hidden += _effect(inner[index + 1 : stop])
            for claim in told or []:
                kept = not depth and not guarded and not caught
                makes = claim.there and claim.was is None and not claim.change
                missing = depth == 1 and not caught and _asks_for(conditions[-1], claim.thing)
                if makes and not guarded and ((made_already and not depth) or missing):
                    found.append(_there_afterwards(claim))
                else:
                    found.append(claim if kept else claim.uncertain())
            index = stop
            continue
        elif token.upper == "EXECUTE" and before is not None and before.upper in ("IN", "QUERY", "FOR"):
            hidden += _effect(inner[index + 1 : _statement_end(inner, index)])
        index += 1
    return found, Unread(line, _all_words(inner), tuple(dict.fromkeys(hidden))) if hidden else None


_LOCKED = _ON_TABLES | {"view"}
_STATEMENTS = frozenset(
    ("ALTER", "ANALYZE", "CALL", "CLUSTER", "COMMENT", "CREATE", "DELETE", "DROP", "GRANT", "INSERT", "LOCK", "MERGE", "PERFORM",
     "REFRESH", "REINDEX", "REVOKE", "SELECT", "TRUNCATE", "UPDATE", "VACUUM", "WITH")
)  # fmt: skip


def statements_within(tokens: Sequence[Token]) -> tuple[list[str], int]:
    """The statements that a PL/pgSQL block may run, and how many it puts together itself that may lock a table or view.

    >>> statements_within(list(significant("do $$ begin if x then drop table a; end if; execute 'drop table ' || b; end $$")))
    (['drop table a'], 1)
    """
    literal = do_body(tokens)
    if literal is None:
        return [], 1
    body = string_value(literal)
    inner = list(significant(body))
    found: list[str] = []
    hidden = index = 0
    while index < len(inner):
        token, before = inner[index], inner[index - 1] if index else None
        starts = before is None or before.text in (";", ">>") or before.upper in _AFTER
        if starts and token.upper in _STATEMENTS:
            stop = _statement_end(inner, index)
            found.append(body[token.start : inner[stop - 1].start + len(inner[stop - 1].text)])
            index = stop
            continue
        if token.upper == "EXECUTE":
            stop = _statement_end(inner, index)
            _, text = _executed(inner[index:stop])
            if text:
                found.append(text)
            else:
                hidden += any(one.kinds is None or one.kinds & _LOCKED for one in _effect(inner[index + 1 : stop]))
            index = stop
            continue
        index += 1
    return found, hidden


def _all_words(tokens: Sequence[Token]) -> frozenset[str]:
    return frozenset(catalog_name(token) for token in tokens if token.kind in ("word", "identifier")) | literal_words(tokens)


_QUIET = frozenset(
    ("GRANT", "REVOKE", "COMMENT", "SELECT", "INSERT", "UPDATE", "DELETE", "SET", "ANALYZE", "NOTIFY", "LOCK", "VACUUM",
     "REFRESH", "WITH", "TRUNCATE", "SECURITY", "EXPLAIN")
)  # fmt: skip
_ROW_SECURITY = frozenset(("row level security", "forced row level security"))


def _effect(tokens: Sequence[Token]) -> list[Effect]:
    """What a text may do, by its literals: `format('drop policy %I on %I', …)`, `'alter view ' || name || ' owner to x'`; [] for
    nothing that is looked at."""
    literals = [string_value(token).upper() for token in tokens if token.kind == "string"]
    verbs = [one for one in literals if _first_word(one) in _QUIET or _first_word(one) in ("CREATE", "ALTER", "DROP")]
    rest = " ".join(one for one in literals if one not in verbs)
    if not verbs:
        return [Effect(None)]
    return [effect for verb in verbs for effect in _effect_of(f"{verb} {rest}")]


def _first_word(text: str) -> str:
    """What a text begins with; nothing for one that goes on with another, behind a blank."""
    return next(iter(re.findall(r"[A-Z_%]+", text)), "") if not text.startswith(" ") else ""


def _effect_of(text: str) -> list[Effect]:
    words = re.findall(r"[A-Z_%]+", text)
    if words[0] in _QUIET or " OWNER TO " in text:
        return []
    kinds = next((_KINDS[word] for word in words[1:5] if word in _KINDS), None)
    if words[0] == "DROP":
        return [Effect(kinds, "drop")]
    if words[0] == "CREATE" or not {"RENAME", "SCHEMA", "ADD", "DROP"}.isdisjoint(words):
        return [Effect(kinds)]
    parts = frozenset(("search path",)) if "SEARCH_PATH" in words else _ROW_SECURITY if "SECURITY" in words[3:] else None
    return [Effect(kinds, "alter", parts)]


def _asks_for(condition: Sequence[Token], thing: Thing) -> bool:
    """Whether a condition asks if a thing is missing: NOT EXISTS or IS NULL, and the thing's name."""
    words = [token.upper for token in condition]
    pairs = set(itertools.pairwise(words))
    named = _all_words(condition)
    return (
        bool(pairs & {("NOT", "EXISTS"), ("IS", "NULL")})
        and {thing.name, thing.name.lower()} & named != set()
        and "OR" not in words
    )


def _there_afterwards(claim: Claim) -> Claim:
    """What a block makes unless it is there: it is there afterwards, in whatever form."""
    return Claim(
        claim.thing, True, claim.line, (), lenient=True, words=claim.words, path=claim.path, table=claim.table,
        where_missing=claim.parts,
    )  # fmt: skip


def _follows(tokens: Sequence[Token], index: int, word: str) -> bool:
    return index + 1 < len(tokens) and tokens[index + 1].upper == word


def _statement_end(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        text = tokens[index].text
        if tokens[index].kind == "operator":
            depth += (text == "(") - (text == ")")
            if text == ";" and depth == 0:
                return index
    return len(tokens)


def _executed(tokens: Sequence[Token]) -> tuple[list[Token], str]:
    """The tokens of what an EXECUTE of one plain literal runs, and their text; [] for text that is put together."""
    if len(tokens) == 2 and tokens[1].kind == "string":
        statements = scan(string_value(tokens[1]))
        if len(statements) == 1:
            return list(significant(statements[0].text)), statements[0].text
    return [], ""

"""What CREATE statements make, tables aside."""

from __future__ import annotations

from collections.abc import Sequence

from chatops.migrations.claims import ANY, GLOBAL, Claim, Definition, Thing, claim, server_name
from chatops.migrations.read_table import create_table
from chatops.migrations.scanner import Token
from chatops.migrations.sql_types import argument_types
from chatops.migrations.sql_walk import Walk, catalog_name, pieces, string_value

Parts = tuple[tuple[str, Definition], ...]


def create(walk: Walk) -> list[Claim] | None:
    """The claims of a CREATE statement; [] for what lives in the session alone, None for what is not read."""
    walk.take("CREATE")
    replaces = walk.take("OR", "REPLACE")
    walk.take("GLOBAL")
    walk.take("LOCAL")
    if walk.take("TEMP") or walk.take("TEMPORARY"):
        return []
    walk.take("UNLOGGED")
    if walk.keyword(1) == "TABLE":
        walk.take("FOREIGN")
    if walk.take("TABLE"):
        return create_table(walk)
    if walk.take("UNIQUE", "INDEX"):
        return _index(walk, unique=True)
    if walk.take("INDEX"):
        return _index(walk, unique=False)
    if walk.take("RECURSIVE", "VIEW") or walk.take("VIEW"):
        return _view(walk, "view", replaces=replaces)
    if walk.take("MATERIALIZED", "VIEW"):
        return _view(walk, "materialized view", replaces=False)
    for kind in ("sequence", "domain"):
        if walk.take(kind.upper()):
            lenient = walk.take("IF", "NOT", "EXISTS")
            named = walk.qualified()
            return None if named is None else [claim(walk, kind, named, lenient=lenient)]
    if walk.take("TYPE"):
        return _type(walk)
    if walk.take("FUNCTION") or walk.take("PROCEDURE"):
        return _function(walk, replaces=replaces)
    if walk.take("CONSTRAINT", "TRIGGER") or walk.take("TRIGGER"):
        return _trigger(walk, replaces=replaces)
    if walk.take("POLICY"):
        return _policy(walk)
    if walk.take("RULE"):
        return _rule(walk, replaces=replaces)
    outside = global_kind(walk)
    if outside is not None:
        lenient = walk.take("IF", "NOT", "EXISTS")
        name = None if walk.keyword() == "AUTHORIZATION" else walk.name()
        if name is None:
            return None
        return [claim(walk, outside, (name if outside == "schema" else "", name), lenient=lenient)]
    return None


def global_kind(walk: Walk) -> str | None:
    """Steps over the word for a kind of things that belong to no schema; None where there is none."""
    if walk.keyword(1) == "MAPPING":
        return None
    for word in (*sorted(GLOBAL), "user", "group"):
        if walk.take(word.upper()):
            return word if word in GLOBAL else "role"
    return None


# -- indexes, views, types -----------------------------------------------------------------------------------------------


def _index(walk: Walk, *, unique: bool) -> list[Claim] | None:
    walk.take("CONCURRENTLY")
    lenient = walk.take("IF", "NOT", "EXISTS")
    name = None
    if walk.keyword() != "ON":
        name = walk.name()
        if name is not None and walk.sign("."):  # as the catalog writes it; the grammar of CREATE has no schema here
            name = walk.name()
    if not walk.take("ON"):
        return None
    walk.take("ONLY")
    table = walk.qualified()
    if table is None:
        return None
    bare = walk.bare
    parts, columns = _index_parts(walk, unique=unique)
    told = [column or "expr" for column in columns]
    own = name or server_name(table[1], _told_apart(told), "idx")
    return [
        claim(walk, "index", (table[0], own), bare=bare, parts=parts, lenient=lenient, named=name is not None, table=table[1],
              needs=(Thing("table", table[0], "", table[1]),), certain=name is not None or told == columns)
    ]  # fmt: skip


def _index_parts(walk: Walk, *, unique: bool) -> tuple[Parts, list[str | None]]:
    method = (walk.name() or "btree") if walk.take("USING") else "btree"
    keys = list(pieces(walk.group() or []))
    include = walk.written(walk.group() or []) if walk.take("INCLUDE") else ""
    walk.take("NULLS", "NOT", "DISTINCT")
    walk.take("NULLS", "DISTINCT")
    walk.until("WHERE") if walk.keyword() != "WHERE" else None
    where = walk.written(walk.rest()) if walk.take("WHERE") else ""
    columns = [_named_by(key) for key in keys]
    parts: Parts = (
        ("unique", Definition("yes" if unique else "no")),
        ("method", Definition(method)),
        ("keys", Definition(", ".join(_key(walk, key) for key in keys), "keys")),
        ("include", Definition(include, "loose")),
        ("where", Definition(where, "expression")),
    )
    return parts, columns


_NO_FUNCTIONS = frozenset(("case", "cast", "coalesce", "exists", "not", "nullif", "row", "treat"))


def _named_by(key: Sequence[Token]) -> str | None:
    """What the server calls a key in the name of an index: by its column, or by the function where it is a call; None where
    that is not told from the text.

    >>> from chatops.migrations.sql_walk import tokens_of
    >>> [_named_by(tokens_of(key)) for key in ("id desc", "(lower(b))", "(a + 1)", "s.f(x)", "(b::text)")]
    ['id', 'lower', 'expr', 'f', None]
    """
    walk = Walk(key, "", 1, ())
    bracketed = False
    while (inside := walk.group()) is not None:
        walk, bracketed = Walk(inside, "", 1, ()), True
    name = walk.name()
    while name is not None and walk.sign("."):
        name = walk.name()
    call = walk.group() is not None
    if name is not None and (walk.peek() is None or not bracketed) and not (call and name in _NO_FUNCTIONS):
        return name
    outside = [token for token in walk.tokens if token.kind != "operator"]
    depth = 0
    signs = []
    for token in walk.tokens:
        if token.kind == "operator":
            depth += (token.text in "([") - (token.text in ")]")
            signs += [token.text] if depth == 0 and token.text not in "()[].," else []
    if not bracketed or any(token.upper in ("CASE", "AT", "COLLATE") for token in outside):
        return None
    if any(sign != "::" for sign in signs):
        return "expr"
    return None


def _told_apart(columns: Sequence[str]) -> list[str]:
    """Names of keys with a number behind what stands there before, as the server gives them."""
    found: list[str] = []
    for name in columns:
        own, number = name, 0
        while own in found:
            number += 1
            own = f"{name}{number}"
        found.append(own)
    return found


def _key(walk: Walk, key: Sequence[Token]) -> str:
    """One key of an index without what is the default anyway."""
    words = [token.upper for token in key]
    text = list(key)
    descending = "DESC" in words
    if words[-2:] == (["NULLS", "FIRST"] if descending else ["NULLS", "LAST"]):
        text = text[:-2]
    if text and text[-1].upper == "ASC":
        text = text[:-1]
    return walk.text[text[0].start : text[-1].start + len(text[-1].text)] if text else ""


def _view(walk: Walk, kind: str, *, replaces: bool) -> list[Claim] | None:
    lenient = walk.take("IF", "NOT", "EXISTS")
    named = walk.qualified()
    if named is None:
        return None
    bare = walk.bare
    columns = walk.group()
    options = walk.group() if walk.take("WITH") else None
    invoker = "no"
    for piece in pieces(options or []):
        if piece[0].text.lower() == "security_invoker" and (
            len(piece) < 3 or piece[-1].text.lower().strip("'") in ("true", "on", "1")
        ):
            invoker = "yes"
    walk.until("AS") if walk.keyword() != "AS" else None
    query = walk.written(walk.rest()) if walk.take("AS") else ""
    for tail in ("with no data", "with data", "with check option", "with local check option", "with cascaded check option"):
        query = query.removesuffix(tail).removesuffix(tail.upper()).rstrip()
    # What * stands for was settled when the view was made, and tables may have more columns by now; that of count(*) stands
    # for none.
    around = zip(walk.tokens, walk.tokens[1:], walk.tokens[2:], strict=False)
    counts = sum((one.text, two.text, three.text) == ("(", "*", ")") for one, two, three in around)
    known = query and columns is None and sum(token.text == "*" for token in walk.tokens) == counts
    parts: list[tuple[str, Definition]] = [("query", Definition(query, "query") if known else ANY)]
    if kind == "view":
        parts.append(("security invoker", Definition(invoker)))
    return [claim(walk, kind, named, bare=bare, parts=tuple(parts), lenient=lenient, replaces=replaces)]


def _type(walk: Walk) -> list[Claim] | None:
    named = walk.qualified()
    if named is None:
        return None
    bare = walk.bare
    if walk.peek() is None:  # a shell, which the type that follows fills
        return []
    found = [claim(walk, "type", named, bare=bare)]
    if walk.take("AS", "ENUM"):
        labels = walk.group() or []
        found += [
            claim(walk, "label", (named[0], string_value(token)), named[1], bare=bare)
            for token in labels
            if token.kind == "string"
        ]
    return found


# -- functions -----------------------------------------------------------------------------------------------------------


def _function(walk: Walk, *, replaces: bool) -> list[Claim] | None:
    named = walk.qualified()
    bare = walk.bare
    arguments = walk.group()
    if named is None or arguments is None:
        return None
    found = {"body": ANY, "security": Definition("invoker"), "volatility": Definition("volatile"), "search path": Definition("")}
    if walk.take("RETURNS"):
        walk.until("LANGUAGE", "AS", "SECURITY", "STABLE", "IMMUTABLE", "VOLATILE", "SET", "STRICT", "COST", "ROWS", "RETURN",
                   "BEGIN", "PARALLEL", "LEAKPROOF", "CALLED", "EXTERNAL", "NOT", "WINDOW", "SUPPORT", "TRANSFORM")  # fmt: skip
    while walk.peek() is not None and walk.keyword() not in ("RETURN", "BEGIN"):
        if walk.take("AS"):
            literal = walk.peek()
            if literal is not None and literal.kind == "string":
                found["body"] = Definition(string_value(literal), "body")
            continue
        if not function_option(walk, found):
            walk.at += 1
    return [
        claim(walk, "function", named, argument_types(arguments), bare=bare, parts=tuple(found.items()), replaces=replaces)
    ]  # fmt: skip


def function_option(walk: Walk, found: dict[str, Definition]) -> bool:
    """Steps over one option of a function that is compared; whether there was one."""
    if walk.take("SECURITY"):
        found["security"] = Definition("definer" if walk.take("DEFINER") else "invoker")
        walk.take("INVOKER")
        return True
    for word in ("IMMUTABLE", "STABLE", "VOLATILE"):
        if walk.take(word):
            found["volatility"] = Definition(word.lower())
            return True
    if walk.take("SET", "SEARCH_PATH"):
        if walk.take("FROM", "CURRENT"):
            found["search path"] = ANY
            return True
        if not walk.take("TO"):
            walk.sign("=")
        names: list[str] = []
        while (token := walk.peek()) is not None and token.kind in ("word", "identifier", "string"):
            if names and walk.tokens[walk.at - 1].text != ",":
                break
            names.append(string_value(token) if token.kind == "string" else catalog_name(token))
            walk.at += 1
            if not walk.sign(","):
                break
        found["search path"] = ANY if names == ["default"] else Definition(", ".join(name or "''" for name in names), "loose")
        return True
    return False


# -- what stands on a table ------------------------------------------------------------------------------------------------


def _trigger(walk: Walk, *, replaces: bool) -> list[Claim] | None:
    name = walk.name()
    head = walk.until("ON") if walk.keyword() != "ON" else []
    if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
        return None
    bare = walk.bare
    events = " ".join(token.text.lower() for token in head)
    timing, _, rest = events.partition(" ")
    if timing == "instead":
        timing, rest = "instead of", rest.removeprefix("of ")
    told = [timing, " or ".join(sorted(one.strip() for one in rest.split(" or ")))]
    when = Definition("", "expression")
    level = "statement"
    while walk.peek() is not None:
        if walk.take("FOR"):
            walk.take("EACH")
            level = (walk.name() or "").lower()
        elif walk.take("WHEN"):
            when = Definition(walk.written(walk.group() or []), "expression")
        elif walk.take("EXECUTE"):
            walk.at += 1
            called = walk.qualified()
            arguments = walk.group() or []
            told.append(f"{called[1] if called else ''}({', '.join(token.text for token in arguments if token.text != ',')})")
        elif walk.take("DEFERRABLE") or walk.take("INITIALLY", "DEFERRED"):
            told.append(walk.tokens[walk.at - 1].text.lower())
        else:
            walk.at += 1
    parts = (("definition", Definition(" ".join([*told, level]), "loose")), ("when", when), ("state", Definition("O")))
    return [
        claim(walk, "trigger", (table[0], name), table[1], bare=bare, parts=parts, replaces=replaces,
              needs=(Thing("table", table[0], "", table[1]),))
    ]  # fmt: skip


_COMMANDS = ("all", "select", "insert", "update", "delete")


def _policy(walk: Walk) -> list[Claim] | None:
    name = walk.name()
    if name is None or not walk.take("ON") or (table := walk.qualified()) is None:
        return None
    bare = walk.bare
    parts = {
        "command": Definition("all"), "kind": Definition("permissive"), "roles": Definition("public"),
        "using": Definition("", "expression"), "check": Definition("", "expression"),
    }  # fmt: skip
    while walk.peek() is not None:
        if walk.take("AS"):
            parts["kind"] = Definition((walk.name() or "").lower())
        elif walk.take("FOR"):
            parts["command"] = Definition((walk.name() or "all").lower())
        elif not policy_part(walk, parts):
            walk.at += 1
    return [
        claim(walk, "policy", (table[0], name), table[1], bare=bare, parts=tuple(parts.items()),
              needs=(Thing("table", table[0], "", table[1]),))
    ]  # fmt: skip


def policy_part(walk: Walk, parts: dict[str, Definition]) -> bool:
    """Steps over the roles or an expression of a policy; whether there was one."""
    if walk.take("TO"):
        names = sorted(" ".join(catalog_name(token) for token in piece) for piece in pieces(walk.until("USING", "WITH")))
        own = {"current_user", "session_user", "current_role"} & set(names)
        parts["roles"] = ANY if own else Definition(", ".join(names))
    elif walk.take("USING"):
        parts["using"] = Definition(walk.written(walk.group() or []), "expression")
    elif walk.take("WITH", "CHECK"):
        parts["check"] = Definition(walk.written(walk.group() or []), "expression")
    else:
        return False
    return True


def _rule(walk: Walk, *, replaces: bool) -> list[Claim] | None:
    name = walk.name()
    walk.until("TO")
    if name is None or not walk.take("TO") or (table := walk.qualified()) is None:
        return None
    return [claim(walk, "rule", (table[0], name), table[1], replaces=replaces)]

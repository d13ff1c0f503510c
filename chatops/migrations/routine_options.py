"""What `create function` says of a routine beside its body (security, settings, volatility and the like), and `create view`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatops.migrations.scanner import Token, significant

_ENDS = frozenset({
    "LANGUAGE", "TRANSFORM", "WINDOW", "IMMUTABLE", "STABLE", "VOLATILE", "NOT", "LEAKPROOF", "CALLED", "RETURNS", "STRICT",
    "EXTERNAL", "SECURITY", "PARALLEL", "COST", "ROWS", "SUPPORT", "SET", "AS", "BEGIN", "RETURN",
})  # fmt: skip
"""Words that begin the next clause."""
FROM_CURRENT = "from current"


def options_of(text: str, path: str | None) -> dict[str, str]:
    """What the statement gives the routine, each property as `queries/again_texts.sql` tells it; what is absent as the default.

    `path`: what `set search_path from current` means where it is run; None where nobody knows.

    >>> found = options_of("create function f(a int) returns int stable security definer set x = 'on' as 'select 1'", None)
    >>> found["volatility"], found["security"], found["parallel"], found["set x"]
    ('stable', 'definer', 'unsafe', 'on')
    """
    words = _outside(list(significant(text)))
    found = {"volatility": "volatile", "strict": "no", "security": "invoker", "leakproof": "no", "parallel": "unsafe"}
    for at, token in enumerate(words):
        word, after = token.upper, [one.upper for one in words[at + 1 : at + 4]]
        if word in ("IMMUTABLE", "STABLE", "VOLATILE"):
            found["volatility"] = word.lower()
        elif word == "STRICT" or (word == "RETURNS" and after[:2] == ["NULL", "ON"]):
            found["strict"] = "yes"
        elif word in ("SECURITY", "PARALLEL") and after:
            found[word.lower()] = after[0].lower()
        elif word == "LEAKPROOF":
            found["leakproof"] = "no" if at and words[at - 1].upper == "NOT" else "yes"
        elif word in ("COST", "ROWS") and at + 1 < len(words):
            found[word.lower()] = words[at + 1].text
        elif word == "SET" and at + 1 < len(words):
            name, value = _setting(words[at + 1 :])
            if value == FROM_CURRENT and name == "search_path" and path is not None:
                value = path
            found[f"set {name}"] = value
    return found


def differing(wanted: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """The properties that are not alike; the cost and the rows only where the statement or somebody by hand gave them."""
    names = [name for name in {**wanted, **there} if wanted.get(name) != FROM_CURRENT]
    return [name for name in names if _plain(wanted.get(name, "")) != _plain(there.get(name, ""))]


def _plain(value: str) -> str:
    return "".join(value.lower().split()).replace('"', "").replace("'", "")


def _outside(tokens: Sequence[Token]) -> list[Token]:
    """The tokens that stand in no parentheses, behind the parameters; neither a body in quotes, nor what follows one without."""
    depth, before, found = 0, "(", []
    behind = False
    for token in tokens:
        if token.text in "()":
            depth += 1 if token.text == "(" else -1
            behind = behind or depth == 0
        elif behind and depth == 0:
            if token.upper in ("BEGIN", "RETURN"):
                break
            if before != "AS":
                found.append(token)
            before = token.upper
    return found


def _setting(tokens: Sequence[Token]) -> tuple[str, str]:
    name = tokens[0].text.lower()
    rest = list(tokens[1:])
    while len(rest) > 1 and rest[0].text == ".":
        name, rest = f"{name}.{rest[1].text.lower()}", rest[2:]
    if [one.upper for one in rest[:2]] == ["FROM", "CURRENT"]:
        return name, FROM_CURRENT
    value = []
    for token in rest[1:]:
        if token.upper in _ENDS or token.text == ";":
            break
        value.append(token.text)
    return name, "".join(value).strip("'") if len(value) == 1 else "".join(value)


def plain_options(options: Mapping[str, str]) -> dict[str, str]:
    """Options of a view with their values spelt alike; those that are off are left out."""
    spelt = {"on": "true", "1": "true", "yes": "true", "": "true", "off": "false", "0": "false", "no": "false"}
    plain_ones = {name.lower(): spelt.get(value.lower(), value.lower()) for name, value in options.items()}
    return {name: value for name, value in plain_ones.items() if value != "false"}


def view_options(text: str) -> dict[str, str]:
    """What stands in WITH (…) before the query of a view.

    >>> view_options("create or replace view v (a) with (security_invoker, check_option = 'local') as select 1")
    {'security_invoker': '', 'check_option': 'local'}
    >>> view_options("create view v as with (x) as (select 1) select 2")
    {}
    """
    found: dict[str, str] = {}
    tokens = list(significant(text))
    words = [token.upper for token in tokens]
    if "AS" not in words or "WITH" not in words[: words.index("AS")]:
        return found
    inside = tokens[words.index("WITH") + 2 : words.index("AS") - 1]
    name = ""
    for before, token in zip([None, *inside], inside, strict=False):
        if before is None or before.text == ",":
            name = token.text.lower()
            found[name] = ""
        elif token.text not in (",", "="):
            found[name] += token.text.strip("'")
    return found

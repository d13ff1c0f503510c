"""The statements that make one object of the catalog again, or as it should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from chatops.db import identifier

PARALLEL = {"s": "safe", "r": "restricted", "u": "unsafe"}
Texts = Mapping[str, str]
"""The properties of an object, as `sql/checks/shared/structure.sql` tells them."""


def make(kind: str, name: str, wanted: Texts, parts: Mapping[str, Texts]) -> str | None:
    """What makes a missing object; `parts` are the catalog's columns and constraints, for a table. None where only a file can."""
    of, _, own = name.rpartition(".")
    if kind == "index":
        return wanted["definition"].replace(" INDEX ", " INDEX CONCURRENTLY ", 1) + ";"
    if kind == "trigger":
        return wanted["definition"] + ";"
    if kind == "constraint":
        return f"alter table {quoted(of)} add constraint {identifier(own)} {wanted['definition']};"
    if kind == "column":
        return f"alter table {quoted(of)} add column {_column(own, wanted)};"
    if kind == "sequence":
        return f"create sequence {quoted(name)} {_sequence(wanted)};"
    if kind == "view":
        return f"create or replace view {quoted(name)}{_options(wanted)} as {wanted['query']}"
    if kind == "function":
        return _function(name, wanted)
    if kind == "table":
        columns = [
            _column(label.rpartition(".")[2], one)
            for label, one in parts.items()
            if _part_of(label, "column", name) and "type" in one  # not of a file that is still to come
        ]
        columns += [
            f"constraint {identifier(label.rpartition('.')[2])} {one['definition']}"
            for label, one in parts.items()
            if _part_of(label, "constraint", name) and "definition" in one
        ]
        return f"create table {quoted(name)} ({', '.join(columns)});"
    return None


def change(kind: str, name: str, wanted: Texts, differs: Collection[str], found: Texts) -> str | None:
    """What makes an object as it should be that differs in these properties."""
    of, _, own = name.rpartition(".")
    if kind == "index":
        return f"drop index concurrently {quoted(name)}; {make(kind, name, wanted, {})}"
    if kind == "trigger":
        again = f"alter table {quoted(of)} enable trigger {identifier(own)};"
        if set(differs) == {"enabled"}:
            return again
        return f"drop trigger {identifier(own)} on {quoted(of)}; {wanted['definition']};"
    if kind == "constraint":
        return f"alter table {quoted(of)} drop constraint {identifier(own)}; {make(kind, name, wanted, {})}"
    if kind == "column":
        steps = [_altered(property_, wanted, found) for property_ in sorted(differs)]
        return f"alter table {quoted(of)} " + ", ".join(f"alter column {identifier(own)} {step}" for step in steps) + ";"
    if kind == "sequence":
        wider = "as bigint " if {"maximum", "minimum"} & set(differs) else ""  # one of a smaller type has no room for these
        return f"alter sequence {quoted(name)} {wider}{_sequence(wanted)};"
    return make(kind, name, wanted, {})


def quoted(name: str) -> str:
    """A name below its schema, each part as an identifier.

    >>> quoted("chatops.refusals")
    '"chatops"."refusals"'
    """
    return ".".join(identifier(part) for part in name.split("."))


def _part_of(label: str, kind: str, table: str) -> bool:
    return label.startswith(f"{kind} {table}.") and "." not in label[len(f"{kind} {table}.") :]


def _column(own: str, wanted: Texts) -> str:
    parts = [identifier(own), wanted["type"]]
    if wanted.get("identity"):
        parts.append(f"generated {'always' if wanted['identity'] == 'a' else 'by default'} as identity")
    elif wanted.get("generated"):
        parts.append(f"generated always as ({wanted['default']}) stored")
    elif wanted.get("default"):
        parts.append(f"default {wanted['default']}")
    if wanted.get("not_null") == "true":
        parts.append("not null")
    return " ".join(parts)


def _altered(name: str, wanted: Texts, found: Texts) -> str:
    text = wanted.get(name, "")
    if name == "type":
        return f"type {text}"
    if name == "not_null":
        return "set not null" if text == "true" else "drop not null"
    if name == "default":
        return f"set default {text}" if text else "drop default"
    kind = "always" if text == "a" else "by default"
    if not text:
        return "drop identity"
    return f"set generated {kind}" if found.get("identity") else f"add generated {kind} as identity"


def _sequence(wanted: Texts) -> str:
    circle = "cycle" if wanted["cycles"] == "true" else "no cycle"
    cache = f" cache {wanted['cache']}" if "cache" in wanted else ""
    return f"increment by {wanted['increment']} minvalue {wanted['minimum']} maxvalue {wanted['maximum']} {circle}{cache}"


def _options(wanted: Texts) -> str:
    return f" with ({wanted['options']})" if wanted.get("options") else ""


def _function(name: str, wanted: Texts) -> str:
    kept = [f"language {wanted['language']}", {"i": "immutable", "s": "stable", "v": "volatile"}[wanted["volatile"]]]
    kept += ["strict"] if wanted.get("strict") == "true" else []
    kept += ["security definer"] if wanted["security"] == "definer" else []
    kept += [f"parallel {PARALLEL[wanted['parallel']]}"] if wanted.get("parallel", "u") != "u" else []
    kept += ["leakproof"] if wanted.get("leakproof") == "true" else []
    kept += [f"cost {wanted['cost']}"] if wanted.get("cost") else []
    kept += [f"rows {wanted['rows']}"] if wanted.get("rows", "0") != "0" else []
    for setting in filter(None, wanted.get("settings", "").split("; ")):
        key, _, value = setting.partition("=")
        kept.append("set search_path from current" if "(its own schema)" in value else f"set {key} to {value}")
    head = f"create or replace function {quoted(name)}({wanted['arguments']}) returns {wanted['returns']}"
    return f"{head} {' '.join(kept)} as $chatops${wanted['body']}$chatops$;"

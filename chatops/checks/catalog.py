"""What the shipped files make in a database, and which of it must be there as far as the ledger says files are in.

`sql/catalog/FILE.json` holds for each file of sql/migrations, sql/views and the bookkeeping the objects that it makes or changes,
as `sql/checks/shared/structure.sql` tells them, and in `citus` what is told otherwise of them on a tenant of a Citus cluster;
`make catalog` writes them from a database that is migrated file by file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from chatops import sqlfiles
from chatops.checks import mending_sql
from chatops.checks.vital import stops, vital
from chatops.frozen import frozen
from chatops.model import Values

FOLDER = "catalog"
BOOKKEEPING = "bookkeeping"
VARIANT = ".before_018"
State = Literal["applied", "adopted", "unknown"]
"""Our own text went in; somebody else's counts as it; there is no ledger that could say."""

OPTIONAL = frozenset({
    "operators.created_at", "real_users.created_at", "fictional_users.created_at", "messages.is_free_message",
    "messages.delivered_at", "messages.read_at", "chat_assignments.created_at", "operator_activity.id",
    "operator_activity.updated_at", "platform_config.description", "platform_config.updated_at",
})  # fmt: skip
"""Columns of the application that it may do without: nothing of ours reads them without looking."""
ADOPTED: Mapping[str, tuple[str, ...]] = {"constraint": ("columns",), "index": ("serves",), "function": ("body",)}
"""What still counts for an object that the application made: the columns of a constraint, whether an index holds rows, what a
function does."""
CORE = "001_chat_core"
"""The application's own tables: of them only columns are missed, unless our own text made them, and what `KEPT_APART` names."""
KEPT_APART = "constraint chats.chats_real_user_id_fictional_user_id_key"
"""What keeps a user to one chat with a profile: the application has it under any name, as a constraint or an index."""
MOST_TEXTS = 16
LONG = 100
"""Characters of a property from which on its digest is compared in its place."""

ELSE = "verify schema"
"""What tells more where no file of ours makes what is broken."""
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)

Properties = Mapping[str, str | Mapping[str, str]]
"""Each as text; as texts by major version where servers tell it differently."""


@frozen
class Ledger:
    """What the ledger says of our files: the names that are in, in order, with the checksum where our own text went in.

    None for `files`: there is no ledger.
    """

    files: Mapping[str, str | None] | None = None
    views: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Wanted:
    migration: str
    state: State
    of: str | None
    properties: dict[str, str | Mapping[str, str]]
    in_cluster: dict[str, str]
    """The properties that are told otherwise on a Citus cluster."""


@cache
def objects_of(file: str) -> Mapping[str, Properties | None]:
    """What one file makes or changes, by kind and name; None for what it drops. A file without a catalog makes nothing known."""
    path = sqlfiles.root() / FOLDER / f"{file}.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    made: dict[str, Properties | None] = {**only_in_cluster(file), **found["objects"]}
    # While a file is being written its catalog is behind: then its objects count by their names alone.
    return made if found["checksum"] == checksum(file) else {label: None if one is None else {} for label, one in made.items()}


@cache
def in_cluster(file: str) -> Mapping[str, Mapping[str, str] | None]:
    """What is told otherwise of one file's objects on a tenant of a Citus cluster; None for what it does not get."""
    path = sqlfiles.root() / FOLDER / f"{file}.json"
    found: dict[str, Mapping[str, str] | None] = (
        json.loads(path.read_text(encoding="utf-8")).get("citus", {}) if path.exists() else {}
    )
    return found


@cache
def only_in_cluster(file: str) -> Mapping[str, Mapping[str, str]]:
    """What only a tenant of a Citus cluster gets of one file, as `objects_of`."""
    path = sqlfiles.root() / FOLDER / f"{file}.json"
    own = json.loads(path.read_text(encoding="utf-8"))["objects"] if path.exists() else {}
    return {label: one for label, one in in_cluster(file).items() if one is not None and label not in own}


def checksum(file: str) -> str:
    """The sha256 of a file's text, by its name in the catalog."""
    relative = file if file == BOOKKEEPING or file.startswith("views/") else f"migrations/{file}"
    return _sum_of(sqlfiles.root() / f"{relative}.sql")


@cache
def _sum_of(path: Path) -> str:
    """A shipped file stays as it is while chatops runs, and is asked for again and again."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


@cache
def known_names() -> frozenset[str]:
    """Every object that a shipped file ever makes, by kind and name."""
    return frozenset(label for file in _all_files() for label in objects_of(file))


def expected(ledger: Ledger, *, cluster: bool = False) -> list[dict[str, object]]:
    """The objects that must be there: `kind, name, of, migration, state, vital, stops`; in `definition` each property's texts.

    Properties are told of what our own text made; of what was adopted, or where no ledger is, the names. `cluster`: as a Citus
    cluster has them, too.
    """
    wanted: dict[str, _Wanted] = {}
    others: set[str] = set()
    for file, state in _files(ledger):
        for label, properties in objects_of(file).items():
            if properties is None:
                wanted.pop(label, None)
            elif in_cluster(file).get(label, {}) is None if cluster else label in only_in_cluster(file):
                continue
            elif label in others or _may_lack(label, file, state):
                others.add(label)
            else:
                _want(wanted, label, file, state, properties)
    texts = {label: one.properties for label, one in wanted.items()}
    needed, meaning = vital(texts), stops(texts)
    return [
        {
            "kind": label.partition(" ")[0],
            "name": label.partition(" ")[2],
            "of": one.of,
            "migration": one.migration,
            "state": one.state,
            "vital": label in needed and label.removeprefix("column ") not in OPTIONAL,
            "stops": meaning.get(label),
            "definition": {
                name: _texts(value) + ([_short(one.in_cluster[name])] if cluster and name in one.in_cluster else [])
                for name, value in one.properties.items()
            },
        }
        for label, one in wanted.items()
    ]


_TEXTS: dict[str, str] = {}
_NAMES: dict[str, tuple[str, str]] = {}


def expected_text(ledger: Ledger, *, cluster: bool = False) -> str:
    """The same as JSON; of many tenants that stand alike it is made once."""
    key = json.dumps([None if ledger.files is None else list(ledger.files.items()), list((ledger.views or {}).items()), cluster])
    if key not in _TEXTS:
        if len(_TEXTS) > MOST_TEXTS:
            _TEXTS.clear()
        _TEXTS[key] = json.dumps(expected(ledger, cluster=cluster))
    return _TEXTS[key]


def names_text(expected_text: str) -> str:
    """What `sql/checks/shared/expected_names.sql` reads of it, as JSON, without what it fills in."""
    return _names(expected_text)[0]


def labels_text(expected_text: str) -> str:
    """Kind and name of each of them, a line each."""
    return _names(expected_text)[1]


def _names(expected_text: str) -> tuple[str, str]:
    if expected_text not in _NAMES:
        if len(_NAMES) > MOST_TEXTS:
            _NAMES.clear()
        wanted = json.loads(expected_text)
        names = json.dumps([_named(one) for one in wanted], separators=(",", ":"))
        _NAMES[expected_text] = names, "\n".join(f"{one['kind']} {one['name']}" for one in wanted)
    return _NAMES[expected_text]


def _named(one: Mapping[str, object]) -> dict[str, object]:
    told, definition = {"kind": one["kind"], "name": one["name"]}, one["definition"]
    if one["vital"]:
        told["vital"] = True
    if one["state"] != "applied":
        told["state"] = one["state"]
    if one["kind"] == "function" and one["state"] == "adopted":
        told |= {"migration": one["migration"], "definition": definition}
    elif isinstance(definition, dict) and definition:
        told["definition"] = {"definition" if "definition" in definition else "else": None}
    return told


def _want(wanted: dict[str, _Wanted], label: str, file: str, state: State, properties: Properties) -> None:
    kept = ADOPTED.get(label.partition(" ")[0], ()) if state != "applied" else None
    own = {name: value for name, value in properties.items() if name != "of" and (kept is None or name in kept)}
    of = properties.get("of")
    one = wanted.setdefault(label, _Wanted(file, state, of if isinstance(of, str) else None, {}, {}))
    one.properties |= own
    one.in_cluster = {name: text for name, text in one.in_cluster.items() if name not in own} | dict(
        in_cluster(file).get(label) or {}
    )
    # Whoever made it anew is asked to make it again; of what nobody has noted, the first.
    if state == "adopted" or (state == "applied" and (not own or "body" in own or "query" in own)):
        one.migration, one.state = file, state


def other_texts(ledger: Ledger) -> list[str]:
    """The files that went in as another text of ours than this version ships: with that nothing is compared."""
    return [name for name, went_in in (ledger.files or {}).items() if went_in is not None and checksum(name) not in ("", went_in)]


def _files(ledger: Ledger) -> Sequence[tuple[str, State]]:
    """Which files to look at, in the order they went in, and what is known of each."""
    if ledger.files is None:
        return [(BOOKKEEPING, "unknown"), *((name, "unknown") for name in sqlfiles.names("migrations"))]
    found: list[tuple[str, State]] = [(BOOKKEEPING, "applied")]
    for name, went_in in ledger.files.items():
        found.append((name, "applied" if went_in is not None and went_in == checksum(name) else "adopted"))
    for name, went_in in (ledger.views or {}).items():
        found += [(file, "applied") for file in (name, name + VARIANT) if went_in == checksum(file)]
    return found


def _may_lack(label: str, file: str, state: State) -> bool:
    """Whether an object is the application's own affair."""
    kind, _, name = label.partition(" ")
    ours = kind in ("table", "column") or label == KEPT_APART
    return file == CORE and state != "applied" and (not ours or name in OPTIONAL)


def _texts(value: str | Mapping[str, str]) -> list[str]:
    return [_short(text) for text in ([value] if isinstance(value, str) else value.values())]


def _short(text: str) -> str:
    return text if len(text) <= LONG else "md5:" + hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def texts_of(label: str, ledger: Ledger, major: int) -> dict[str, str]:
    """How an object should be made, as far as files are in, in the words of a server of this major version."""
    found: dict[str, str] = {}
    for file, _ in _files(ledger):
        for name, value in (objects_of(file).get(label) or {}).items():
            found[name] = value if isinstance(value, str) else value.get(str(major), next(iter(value.values())))
    return found


@cache
def columns_of(table: str) -> tuple[str, ...]:
    """The columns that a table of the application, or one of schema chatops, surely has."""
    made = objects_of(BOOKKEEPING if table.startswith("chatops.") else CORE)
    labels = (label.removeprefix("column ") for label in made if label.startswith(f"column {table}."))
    return tuple(label.rpartition(".")[2] for label in labels if label not in OPTIONAL)


def with_help(row: Values, ledger: Ledger, major: int) -> dict[str, Any]:
    """A row about an object, with what mends it: a command in `mend`, or statements in `remedy`; and how it should be."""
    kind, name, differs = row["kind"], row["object"], row.get("found_as")
    label = f"{kind} {name}"
    wanted = texts_of(label, ledger, major)
    made = {key: value for key, value in row.items() if key != "dropping"}
    if differs is not None:
        made["wanted_as"] = {one: wanted.get(one, "") for one in differs}
        if row.get("critical") and all(_bare(wanted.get(one, "")) == _bare(str(found)) for one, found in differs.items()):
            made["critical"] = False
    unknown = not str(row["mend"]).startswith("migrate --again")
    dropping = row.get("dropping")
    again = kind in ("function", "view") and (unknown or (dropping is None and _makes_again(row["migration"], name)))
    # Files of sql/views, each in one piece; of those that are missing one may need another: their statements are told in order.
    again = again or (kind in ("function", "view") and differs is not None and str(row["migration"]).startswith("views/"))
    # What is there and differs is not made again: see chatops.migrations.again.
    again = again or (
        kind in ("trigger", "index")
        and differs is None
        and not unknown
        and _makes_again(row["migration"], name.rpartition(".")[2])
    )
    anew = row["migration"] == BOOKKEEPING and kind in ("table", "index") and differs is None
    if again or anew or kind in ("file", "schema"):
        return {**made, "remedy": None}
    if differs is None:
        parts = {one: texts_of(one, ledger, major) for one in known_names() if one.partition(" ")[2].startswith(f"{name}.")}
        routine = kind in ("function", "view")
        remedy = _text_of(kind, name, row["migration"], ledger, major) if routine else mending_sql.make(kind, name, wanted, parts)
        if remedy is not None and dropping is not None:
            remedy = f"{dropping} {remedy}"
    else:
        remedy = mending_sql.change(kind, name, wanted, list(differs), differs)
    return {**made, "remedy": remedy, "mend": None if remedy else row["mend"]}


def _bare(text: str) -> str:
    """A text without its comments, its words one blank apart."""
    return " ".join(_COMMENTS.sub(" ", text).split())


def _text_of(kind: str, name: str, migration: str, ledger: Ledger, major: int) -> str:
    """What makes a function or view: by its properties; what a file makes only where it is absent, by that file."""
    wanted = texts_of(f"{kind} {name}", ledger, major)
    if ("body" if kind == "function" else "query") in wanted:
        return str(mending_sql.make(kind, name, wanted, {}))
    return f"{sqlfiles.body(sqlfiles.read(f'migrations/{migration}.sql'))};"


@cache
def _makes_again(file: str, name: str) -> bool:
    """Whether `migrate --again` makes this function, view, trigger or index: a statement of a numbered file that runs twice."""
    if file.startswith("views/") or file == BOOKKEEPING:
        return False
    made = r"create (?:or replace (?:function|procedure|view|trigger)|index (?:concurrently )?if not exists)"
    statement = re.compile(rf"^{made} {re.escape(name)}\b", re.MULTILINE)
    return statement.search(sqlfiles.read(f"migrations/{file}.sql")) is not None


def mended(name: str, ledger: Ledger, major: int, dropping: str | None = None) -> dict[str, Any]:
    """What makes a function or view as it should be, as columns of a row: by the newest applied file that makes it.

    `dropping` are statements that have to come before, where the one that is there cannot be replaced.
    """
    kinds = ("function", "view")
    wanted = next((one for one in expected(ledger) if one["kind"] in kinds and one["name"] == name), None)
    if wanted is None:
        return {"object": name, "mend": ELSE}
    kind = wanted["kind"]
    again = "adopt --dry-run" if wanted["state"] == "unknown" else f"migrate --again {wanted['migration']}"
    if dropping is not None and wanted["state"] != "unknown":
        made = _text_of(str(kind), name, str(wanted["migration"]), ledger, major)
        return {"object": name, "mend": None, "remedy": f"{dropping} {made}"}
    row = {"kind": kind, "object": name, "migration": wanted["migration"], "mend": again}
    return with_help(row, ledger, major)


def _all_files() -> list[str]:
    folder = sqlfiles.root() / FOLDER
    files = sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.json"))
    return [BOOKKEEPING, *(name for name in files if name != BOOKKEEPING)]

"""Writes `sql/catalog`: what each shipped file makes, from a database that is migrated file by file on each server of the matrix.

`make catalog` runs it; a test holds the files equal to what it writes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from unittest import mock

from chatops import sqlfiles
from chatops.checks import catalog
from chatops.cli import main as chatops
from chatops.migrations.citus_form import form_of
from chatops.migrations.scanner import scan
from tests import conftest
from tests.servers import Database, Farm, Server

Live = Mapping[str, Mapping[str, str]]
"""Objects by kind and name, each with its properties."""
Told = dict[str, dict[str, dict[str, str] | None]]
"""What is told of each file, by object."""


def structure(database: Database) -> Live:
    """What there is, as the checks see it."""
    rows = database.execute(sqlfiles.body(sqlfiles.read("checks/shared/structure.sql")))
    return {f"{kind} {name}": {**definition, **({"of": of} if of else {})} for kind, name, of, definition in rows}


def steps(server: Server) -> Iterator[tuple[str, Live, Database]]:
    """Each file, what there is after it, and where; the bookkeeping first, the files of sql/views in both variants."""
    database = server.create_database()
    try:
        database.script("set search_path = public, pg_temp")
        database.script(sqlfiles.root() / "bookkeeping.sql")
        yield catalog.BOOKKEEPING, structure(database), database
        for name in sqlfiles.names("migrations"):
            migrate(database, name)
            yield name, structure(database), database
    finally:
        database.drop()


def migrate(database: Database, to: str) -> None:
    """Applies the files up to one, as a user would."""
    said = io.StringIO()
    named = mock.patch.dict(os.environ, {"CHATOPS_DATABASE_URL": database.url})
    with named, contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = chatops(["migrate", "--to", to, "--yes"])
    if code:
        raise RuntimeError(f"migrate --to {to} ended with {code}:\n{said.getvalue()}")


def made(server: Server, otherwise: Told | None = None) -> Told:
    """What each file makes or changes, by object: its properties, None for what is gone.

    Into `otherwise` goes what is told otherwise of the objects that a file makes again on a Citus cluster: its other words, run on
    this plain server where the file has just gone in.
    """
    views = {name.removesuffix(catalog.VARIANT) for name in sqlfiles.names("views")}
    found: Told = {}
    before: Live = {}
    for file, after, database in steps(server):
        own: dict[str, dict[str, str] | None] = {}
        for label in sorted({*before, *after}):
            old, new = before.get(label), after.get(label)
            if old == new or label.startswith("rule "):
                continue
            name = label.partition(" ")[2]
            if name in views:
                found.setdefault(view_file(name, file), {})[label] = dict(new or {})
                if re.search(rf"create (or replace )?{label}\b", text_of(file)):
                    own[label] = {}
            elif new is None:
                own[label] = None
            elif old is None or old.get("body") != new.get("body"):
                own[label] = dict(new)
            else:
                own[label] = {key: new.get(key, "") for key in sorted({*old, *new}) if old.get(key) != new.get(key)}
        found[file] = own
        before = after
        if otherwise is not None and file != catalog.BOOKKEEPING:
            in_cluster(database, file, after, otherwise)
    return found


def in_cluster(database: Database, file: str, after: Live, found: Told) -> None:
    """What is told otherwise there of one file, and with the last of the files of sql/views."""
    if left_out := list(triggers_left_out(file)):
        found[file] = dict.fromkeys(left_out)
    if own := told_otherwise(database, file, after):
        found.setdefault(file, {}).update(own)
    for name in sqlfiles.names("views") if file == sqlfiles.names("migrations")[-1] else ():
        if not name.endswith(catalog.VARIANT) and (own := told_otherwise(database, f"views/{name}", after)):
            found[f"views/{name}"] = dict(own)


def told_otherwise(database: Database, name: str, before: Live) -> dict[str, dict[str, str]]:
    """The properties that differ by the other words of one file."""
    texts = [text for statement, text in other_words(name) if text.startswith("create or replace ")]
    if not texts:
        return {}
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("set local search_path = public, pg_temp")
        for text in texts:
            connection.execute(text.encode())
        rows = connection.execute(sqlfiles.body(sqlfiles.read("checks/shared/structure.sql")).encode()).fetchall()
    return {
        label: own
        for kind, named, of, definition in rows
        if (
            own := {
                key: value
                for key, value in (definition | ({"of": of} if of else {})).items()
                if value != before.get(label := f"{kind} {named}", {}).get(key)
            }
        )
    }


def triggers_left_out(name: str) -> Iterator[str]:
    """The triggers of a file that a Citus cluster does not get."""
    for statement in scan(sqlfiles.read(f"migrations/{name}.sql")):
        words = " ".join(statement.text.split())
        made = re.match(r"create or replace trigger (\w+) .*? on (\w+) ", words)
        if made is not None and not any(f" {made[1]} " in text for text in form_of(name).texts(statement.text)):
            yield f"trigger {made[2]}.{made[1]}"


def other_words(name: str) -> Iterator[tuple[str, str]]:
    """Each statement of a file with what a Citus cluster gets for it, where that is not the same."""
    for statement in scan(sqlfiles.read(f"{name if name.startswith('views/') else f'migrations/{name}'}.sql")):
        for text in form_of(name).texts(statement.text):
            if text != statement.text:
                yield statement.text, text


def view_file(name: str, file: str) -> str:
    """Which file of sql/views is installed after a numbered one: its variant until there are the queue's clocks."""
    relative = f"views/{name}.sql"
    return (sqlfiles.variant(relative) if file < "018" else relative).removesuffix(".sql")


def text_of(file: str) -> str:
    """The text of a numbered file, "" for the bookkeeping."""
    return sqlfiles.read(f"migrations/{file}.sql") if file != catalog.BOOKKEEPING else ""


def documents(farm: Farm) -> dict[str, str]:
    """The text of each file of sql/catalog: what differs from server to server by its major version."""
    otherwise: Told = {}
    labels = [label for label in conftest.server_labels() if label.isdecimal()]
    by_major = {label: made(farm.server(label), otherwise if label == labels[0] else None) for label in labels}
    texts = {}
    for file in sorted({name for one in by_major.values() for name in one}):
        objects: dict[str, object] = {}
        for label in sorted({name for one in by_major.values() for name in one.get(file, {})}):
            seen = {major: one.get(file, {}).get(label) for major, one in by_major.items()}
            objects[label] = None if None in seen.values() else merged({major: one or {} for major, one in seen.items()})
        document: dict[str, object] = {"checksum": catalog.checksum(file), "objects": objects}
        if otherwise.get(file):
            document["citus"] = otherwise[file]
        texts[f"{file}.json"] = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    return texts


def merged(seen: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    """The properties of one object; one that is not told alike everywhere as its text by major version."""
    found: dict[str, object] = {}
    for key in sorted({key for one in seen.values() for key in one}):
        values = {major: one.get(key, "") for major, one in seen.items()}
        found[key] = next(iter(values.values())) if len(set(values.values())) == 1 else values
    return found


def main() -> int:
    """Writes what has changed, and removes the files of migrations that are gone."""
    folder = sqlfiles.root() / catalog.FOLDER
    farm, end = Farm.plant()
    try:
        texts = documents(farm)
    finally:
        end()
    there = {str(path.relative_to(folder)): path for path in folder.rglob("*.json")}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(Path.cwd())}\n")
    for name in there.keys() - texts.keys():
        there[name].unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())

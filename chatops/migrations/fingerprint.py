"""What a schema is made of, as one stable text and its hash: equal for equal schemas, whatever way they came about."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.model import Values


@frozen
class Fingerprint:
    """The objects of one schema by kind and name, each with its definition.

    Kinds are those of `sql/queries/fingerprint.sql`: relation, column, constraint, index, trigger, policy, function, type …;
    a name is `table.column` for what belongs to a table, with its argument types for a function. Rows of tables are not part
    of it. Two fingerprints are equal when their objects are; the name of the schema does not count.
    """

    schema: str = field(compare=False)
    objects: Mapping[str, Values]

    @property
    def text(self) -> str:
        """The objects as JSON with sorted keys, one definition a line, ready for a diff."""
        lines = [
            f"{json.dumps(f'{kind} {name}', ensure_ascii=False)}: {json.dumps(definition, ensure_ascii=False, sort_keys=True)}"
            for kind, names in sorted(self.objects.items())
            for name, definition in sorted(names.items())
        ]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @property
    def sha256(self) -> str:
        """The hash of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def differences(self, other: Fingerprint) -> list[str]:
        """What is another in `other`, one line an object, sorted; [] when nothing is.

        A line names the object and says "only here", "only there", or which of its properties differ and how.
        """
        found: list[str] = []
        for kind in sorted({*self.objects, *other.objects}):
            here, there = self.objects.get(kind, {}), other.objects.get(kind, {})
            for name in sorted({*here, *there}):
                label = f"{kind} {name}".strip()
                if name not in there:
                    found.append(f"{label}: only here")
                elif name not in here:
                    found.append(f"{label}: only there")
                elif here[name] != there[name]:
                    found.append(f"{label}: {_changed(here[name], there[name])}")
        return found


@frozen
class Change:
    """One object that is another in a second fingerprint: gone, new, or changed in these properties, each as (first, second)."""

    label: str
    kind: Literal["gone", "new", "changed"]
    properties: Mapping[str, tuple[object, object]]


def changes(first: Fingerprint, second: Fingerprint) -> list[Change]:
    """What is another in the second, by kind and name."""
    found = []
    for kind in sorted({*first.objects, *second.objects}):
        then, now = first.objects.get(kind, {}), second.objects.get(kind, {})
        for name in sorted({*then, *now}):
            label = f"{kind} {name}".strip()
            if name not in now:
                found.append(Change(label, "gone", {}))
            elif name not in then:
                found.append(Change(label, "new", {}))
            elif then[name] != now[name]:
                both = [one if isinstance(one, dict) else {"definition": one} for one in (then[name], now[name])]
                keys = [key for key in sorted({*both[0], *both[1]}) if both[0].get(key) != both[1].get(key)]
                found.append(Change(label, "changed", {key: (both[0].get(key), both[1].get(key)) for key in keys}))
    return found


def fingerprint(database: Database, schema: str | None = None) -> Fingerprint:
    """The fingerprint of a schema (default: the target's), in one round trip.

    Inside a transaction it shows what that transaction sees and leaves its settings as they were; otherwise it reads in one of
    its own. Raises DatabaseError.
    """
    if not database.in_transaction:
        with database.reading():
            return fingerprint(database, schema)
    name = schema or database.target.schema
    path = db.literal(f"{db.identifier(name)}, pg_temp")
    query = db.inlined(sqlfiles.read("queries/fingerprint.sql"), {"schema": name}).rstrip().removesuffix(";")
    # The names in definitions are as the search_path shows them; the transaction gets its own path back.
    before = "select set_config('chatops.search_path', current_setting('search_path'), true)"
    after = "select set_config('search_path', current_setting('chatops.search_path'), true)"
    rows = database.script(f"{before}; select set_config('search_path', {path}, true); {query};\n{after}")[2]
    objects: dict[str, dict[str, Any]] = {}
    for kind, object_name, definition in rows:
        objects.setdefault(kind, {})[object_name] = definition
    return Fingerprint(name, objects)


def _changed(here: object, there: object) -> str:
    if not isinstance(here, dict) or not isinstance(there, dict):
        return f"{here!r} here, {there!r} there"
    keys = [key for key in sorted({*here, *there}) if here.get(key) != there.get(key)]
    return "; ".join(f"{key} {here.get(key)!r} here, {there.get(key)!r} there" for key in keys)

"""The schemas of a database that a pattern means, and what tells many targets apart."""

from __future__ import annotations

import contextlib
import fnmatch
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

from chatops import db, formatting, sqlfiles
from chatops.db.sessions import place_of
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.settings import Origin, Target

PUBLIC = "public"


@frozen
class Schema:
    """A schema whose name matches: whether it has chats, and whether this role may look into it."""

    name: str
    has_chats: bool
    may_use: bool


def there(database: db.Database, pattern: str) -> list[Schema]:
    """The schemas that match a pattern with `*`, `?` and `[ab]`, to be looked into; inside a transaction."""
    found = database.rows(Schema, sqlfiles.read("queries/tenants_like.sql"), {"pattern": like(pattern)})
    return [one for one in found if matches(one.name, pattern)]


def schemas(target: Target, pattern: str, note: Callable[[str], None]) -> list[Target]:
    """The target once for each of its schemas that match a pattern. Raises UsageError when none does."""
    with contextlib.closing(db.connect(target, "migrate", "read")) as database:
        found = there(database, pattern)
        if not found:
            raise none_matches(target, pattern, [one.name for one in there(database, "*")])
    return [of_schema(target, one.name) for one in without_public(found, pattern, note)]


def without_public(found: Sequence[Schema], pattern: str, note: Callable[[str], None]) -> list[Schema]:
    """Those that match, without a `public` that has no chats: who asks for every tenant does not mean it, unless by name."""
    kept = [one for one in found if one.name != PUBLIC or one.has_chats]
    if len(kept) == len(found) or not kept or pattern == PUBLIC:
        return list(found)
    note("schema public has no chats and is left out; --schema public means it")
    return kept


def matches(name: str, pattern: str) -> bool:
    """Whether a schema is meant by a pattern, as environments and files are; a name is itself, whatever signs are in it.

    >>> matches("tenant_b", "tenant_[ab]"), matches("tenant_c", "tenant_[!ab]"), matches("a[1]", "a[1]"), matches("ab", "A?")
    (True, True, True, False)
    """
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


_ONE = re.compile(r"\[!?\]?[^\]]*\]|\?")


def like(pattern: str) -> str:
    r"""A pattern as LIKE takes it, which may let through more: a set of signs is any sign, or itself.

    >>> like("tenant_*"), like("tenant_[ab]_?")
    ('tenant\\_%', 'tenant\\_%\\__')
    """
    text = pattern.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%").replace("*", "%")
    return _ONE.sub(lambda found: "_" if found[0] == "?" else "%", text)


def none_matches(target: Target, pattern: str, others: Sequence[str]) -> UsageError:
    """No schema matches: the nearest names are told."""
    guess = formatting.did_you_mean(pattern.replace("*", ""), others)
    return UsageError(f"no schema of {target.shown()} matches {pattern}{guess}")


def of_schema(target: Target, name: str) -> Target:
    """The same database, in one of its schemas."""
    origins = (*target.origins, Origin("schema", name, "--all-schemas"))
    flags = target.flags.replace(f"--schema {shlex.quote(target.schema)}", "").strip()
    return replace(target, schema=name, origins=origins, flags=f"{flags} --schema {shlex.quote(name)}".strip())


def labels(targets: Sequence[Target]) -> list[str]:
    """What tells the targets apart: environment, else place, and the schema where it is not public; the schema alone where all
    are in one database."""
    if len(targets) > 1 and len({place_of(target) for target in targets}) == 1 == len({target.environment for target in targets}):
        return [target.schema for target in targets]
    names = [target.environment or target.shown() for target in targets]
    return [f"{name} {target.schema}" if target.schema != "public" else name for name, target in zip(names, targets, strict=True)]

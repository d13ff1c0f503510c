"""Trouble on purpose: one believable example of each finding, for the demo and for the tests of the checks."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.db import Database, identifier
from chatops.errors import DatabaseError, UsageError
from chatops.frozen import frozen

FORBIDDEN = frozenset({"23514", "23505", "23P01"})
"""What a row that breaks a check, a unique index or an exclusion fails with."""

MOST_OBSTACLES = 20


@frozen
class Planted:
    """One plant: its finding's code, what it is in words, and which constraints or indexes had to go for it."""

    code: str
    story: str
    dropped: tuple[str, ...]


def codes() -> list[str]:
    """The codes of all findings that can be planted, rows first, then what changes the schema."""
    return sorted(sqlfiles.names("plants"), key=lambda code: (code.startswith("DB"), code))


def story(code: str) -> str:
    """What happened, in the words of the file's first line."""
    text = sqlfiles.read(f"plants/{code}.sql")
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("-- ") or line.startswith(("-- also:", "-- not-in-demo:")):
            break
        lines.append(line.removeprefix("-- "))
    return " ".join(lines).partition(": ")[2]


def implied(code: str) -> frozenset[str]:
    """The codes above advice that are found together with this one, because one trouble implies the other."""
    return frozenset(sqlfiles.header(sqlfiles.read(f"plants/{code}.sql")).get("also", "").replace(",", " ").split())


def plant(database: Database, code: str) -> Planted:
    """Makes one example of the finding, in a transaction of its own, on a database that `populate` filled.

    What forbids the rows on a newer schema is put out of the way first: triggers for the moment, a constraint or unique index
    for good. Takes a superuser. Raises UsageError for a code that has no plant.
    """
    with database.acting():
        return plant_here(database, code)


def plant_here(database: Database, code: str) -> Planted:
    """As `plant`, in the caller's transaction: a rollback takes the plant away, and puts back what had to go."""
    if code not in sqlfiles.names("plants"):
        raise UsageError(f"nothing can be planted for {code}", details=("there are: " + ", ".join(codes()),))
    dropped: list[str] = []
    database.script("set local session_replication_role = replica")
    database.script(sqlfiles.read("demo/stage.sql"))
    while True:
        try:
            with database.savepoint():
                database.script(sqlfiles.read(f"plants/{code}.sql"))
            break
        except DatabaseError as error:
            if error.sqlstate not in FORBIDDEN or error.constraint is None or len(dropped) == MOST_OBSTACLES:
                raise
            _drop(database, error.table or "", error.constraint)
            dropped.append(error.constraint)
    database.script("set local session_replication_role = origin")
    return Planted(code, story(code), tuple(dropped))


def plant_all(database: Database) -> list[Planted]:
    """Makes one example of every finding that the demo can live with: of those, too, that a later migration goes over."""
    return [plant(database, code) for code in codes() if not kept_out(code)]


def kept_out(code: str) -> str | None:
    """Why the demo does without this plant, None where it does not; the tests of the check still use it."""
    return sqlfiles.header(sqlfiles.read(f"plants/{code}.sql")).get("not-in-demo")


def _drop(database: Database, table: str, name: str) -> None:
    constraint = database.value(
        "select exists (select from pg_constraint where conrelid = to_regclass(quote_ident(:'table')) and conname = :'name')",
        {"table": table, "name": name},
    )
    if constraint:
        database.execute(f"alter table {identifier(table)} drop constraint {identifier(name)}")
    else:
        database.execute(f"drop index {identifier(name)}")

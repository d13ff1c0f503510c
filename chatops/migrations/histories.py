"""What other migration tools remember of a database: which files of a folder they ran, and which they did not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations import layout
from chatops.migrations.ledger import DEFAULT_SCHEMA
from chatops.migrations.source import Folder, MigrationFile

if TYPE_CHECKING:  # what reads files, for whoever asks of another schema than the default one
    from chatops.migrations import history_schema
else:
    history_schema = later("chatops.migrations.history_schema")


@frozen
class HistoryTable:
    """How a tool keeps its history. `query` gives version and name as text, either may be null, and what the row is: nothing for
    a file that ran, `to here` where every file up to it is in, `unclear` for one that stopped half-way; `{table}` stands for the
    table.

    `columns` tell it from other tools' tables of that name; `only`: it has no more. `parts` is what begins each part of a file
    that has a row of its own.
    """

    tool: str
    name: str
    columns: frozenset[str]
    query: str
    schema: str | None = None
    only: bool = False
    parts: str = ""


def _kept(
    tool: str, name: str, columns: str, select: str, where: str = "", *, schema: str | None = None, only: bool = False,
    parts: str = "",
) -> HistoryTable:  # fmt: skip
    values = select if select.count(", ") == 2 else f"{select}, ''"
    return HistoryTable(tool, name, frozenset(columns.split()), f"select {values} from {{table}} {where}", schema, only, parts)


def _by_name(tool: str, name: str, column: str) -> HistoryTable:
    return _kept(tool, name, column, f"null, {column}")


def _flyway(table: str) -> HistoryTable:
    """The last word on each version: what was undone, or taken out of the history, is not in."""
    return _kept(
        "Flyway", table, "installed_rank version script success type",
        "version, null, case when type like '%BASELINE%' then 'to here' else '' end",
        "as f where success and version is not null and type not like 'UNDO%' and type <> 'DELETE'"
        " and installed_rank = (select max(installed_rank) from {table} as o where o.version = f.version)",
    )  # fmt: skip


TO_HERE, UNCLEAR = "to here", "unclear"
# The first that fits a table is taken.
HISTORIES = (
    _kept("Supabase", "schema_migrations", "version name", "version, name", schema="supabase_migrations"),
    _kept("Supabase", "schema_migrations", "version", "version, null", schema="supabase_migrations"),
    _kept("golang-migrate", "schema_migrations", "version dirty",
          "version::text, null, case when dirty then 'unclear' else 'to here' end"),
    _kept("dbmate", "schema_migrations", "version", "version::text, null"),
    _flyway("flyway_schema_history"),
    _flyway("schema_version"),
    _kept("Flyway", "flyway_schema_history", "version script success", "version, null", "where success and version is not null"),
    _kept("Alembic", "alembic_version", "version_num", "version_num, null"),
    _kept("Prisma", "_prisma_migrations", "migration_name finished_at rolled_back_at", "null, migration_name",
          "where finished_at is not null and rolled_back_at is null"),
    _kept("goose", "goose_db_version", "id version_id is_applied", "version_id::text, null",
          "as g where is_applied and version_id > 0"
          " and id = (select max(id) from {table} as o where o.version_id = g.version_id)"),
    _by_name("node-pg-migrate", "pgmigrations", "name"),
    _by_name("sql-migrate", "gorp_migrations", "id"),
    _by_name("Knex", "knex_migrations", "name"),
    _by_name("Sequelize", "SequelizeMeta", "name"),
    _kept("graphile-migrate", "migrations", "filename hash", "null, filename", schema="graphile_migrate"),
    _by_name("yoyo", "_yoyo_migration", "migration_id"),
    _kept("Atlas", "atlas_schema_revisions", "version description type applied total",
          "version, null, case when type = 1 then 'to here' when applied < total then 'unclear' else '' end"),
    _kept("Atlas", "atlas_schema_revisions", "version description", "version, null"),
    _kept("sqlx", "_sqlx_migrations", "version success", "version::text, null, case when success then '' else 'unclear' end"),
    _kept("Diesel", "__diesel_schema_migrations", "version", "version, null"),
    _kept("refinery", "refinery_schema_history", "version name", "version::text, null"),
    _kept("Laravel", "migrations", "migration batch", "null, migration"),
    _kept("TypeORM", "migrations", "timestamp name", "timestamp::text, null"),
    _kept("postgres-migrations", "migrations", "id name hash executed_at", "id::text, name", "where id > 0"),
    _kept("Drizzle", "__drizzle_migrations", "hash created_at", "null, hash"),
    _kept("Sqitch", "changes", "change change_id", "null, change", schema="sqitch"),
    _kept("Liquibase", "databasechangelog", "filename exectype", "null, filename",
          "where exectype in ('EXECUTED', 'RERAN', 'MARK_RAN')", parts=r"(?im)^[ \t]*--[ \t]*changeset\b"),
    _kept("Postgrator", "schemaversion", "version name md5 run_at", "version::text, null, 'to here'"),
    _kept("tern", "schema_version", "version", "version::text, null, 'to here'", only=True),
    _kept("Entity Framework", "__EFMigrationsHistory", "MigrationId ProductVersion", 'null, "MigrationId"'),
)  # fmt: skip


@frozen
class ToolHistory:
    """What one tool's history says of a folder: the names of the files that it ran, and of those that it did not."""

    tool: str
    table: str
    ran: frozenset[str]
    not_run: frozenset[str]
    speaks: bool = True
    """Whether it speaks of the schema that is asked about, and not of another one."""


def histories(database: Database, folder: Folder, place: str) -> list[ToolHistory]:
    """The histories that have at least one file of a folder, and whether they speak of the schema `place`; inside a reading
    transaction."""
    names = sorted({one.name for one in HISTORIES})
    found: list[ToolHistory] = []
    for kept in database.mappings(sqlfiles.read("queries/adopt_histories.sql"), {"names": names}):
        fitting = next((one for one in HISTORIES if _fits(one, kept)), None)
        if fitting is None or not kept["readable"]:
            continue
        table = f"{db.identifier(kept['schema'])}.{db.identifier(kept['name'])}"
        rows = [(row[0], row[1], row[2]) for row in database.tuples(fitting.query.format(table=table))]
        if (told := said(folder, fitting, rows)) is not None:
            speaks = history_schema.speaks_of(
                database, [file for file in folder.files if file.name in told[0]], place, kept_in=kept["schema"],
                of_the_tool=fitting.schema is not None, own=database.target.schema == DEFAULT_SCHEMA,
            )  # fmt: skip
            found.append(ToolHistory(fitting.tool, f"{kept['schema']}.{kept['name']}", *told, speaks))
    return found


def _fits(known: HistoryTable, kept: Mapping[str, object]) -> bool:
    columns = kept["columns"]
    assert isinstance(columns, Sequence)
    fits = known.columns == set(columns) if known.only else known.columns <= set(columns)
    return known.name == kept["name"] and known.schema in (None, kept["schema"]) and fits


def said(
    folder: Folder, known: HistoryTable, rows: Iterable[tuple[str | None, str | None, str]]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """The names of the files that a history has, and of those that it would have; None where it has none of them.

    Of files that share a number nothing is known from the number alone.
    """
    kept = list(rows)
    by_version: dict[tuple[int, ...], list[MigrationFile]] = {}
    by_name = {_plain(file.name): file for file in folder.files} | {file.checksum: file for file in folder.files}
    for file in folder.files:
        for version in _versions_of(file):
            by_version.setdefault(version, []).append(file)
    ran: set[str] = set()
    unclear: set[str] = set()
    last: tuple[int, ...] = ()
    times: Counter[str] = Counter()
    for written, name, what in kept:
        version = _version(written)
        same = by_version.get(version, [])
        if what in (TO_HERE, UNCLEAR):
            last = max(last, version) if what == TO_HERE or known.tool == _ONE_VERSION else last
            unclear |= {file.name for file in same if what == UNCLEAR}
        elif name is not None and (own := by_name.get(_plain(name))) is not None:
            times[own.name] += 1
            whole = len(re.findall(known.parts, own.reading.text)) if known.parts else 0
            (ran if times[own.name] >= whole else unclear).add(own.name)
        elif name is not None and (named := [file for file in same if rest_of(file) == name]):
            ran |= {file.name for file in named}
        elif name is None and len(same) == 1:
            ran.add(same[0].name)
        unclear |= {file.name for file in same if what != TO_HERE}
    if last:
        if last not in by_version:
            return None if not ran else (frozenset(ran), frozenset())
        ran |= {file.name for file in folder.files if layout.version_of(file.name) <= last} - unclear
    if not ran:
        return None
    return frozenset(ran), frozenset(file.name for file in folder.files) - ran - unclear


# Its table holds one row, for the file that was run last.
_ONE_VERSION = "golang-migrate"
_LONG_STAMP = 12


def _version(text: str | None) -> tuple[int, ...]:
    """A version as tools write it; () for what is none."""
    return tuple(map(int, re.split(r"[._]", text))) if text and re.fullmatch(r"[0-9]+(?:[._][0-9]+)*", text) else ()


def _versions_of(file: MigrationFile) -> set[tuple[int, ...]]:
    """What tools may call a file's version: 2024-01-01-000000_a is Diesel's 20240101000000."""
    found = {layout.version_of(file.name)}
    digits = re.match(r"[0-9-]*", file.name)[0].replace("-", "")  # type: ignore[index]
    return found | ({(int(digits),)} if len(digits) >= _LONG_STAMP else set())


def _plain(name: str) -> str:
    """A name as tools spell it differently: without folder, ending and Flyway's V.

    >>> _plain("db/migrations/V1__init.up.sql"), _plain("001_init")
    ('1__init', '001_init')
    """
    last = re.sub(r"\.(sql|js|ts|xml|ya?ml)$", "", PurePosixPath(name).name, flags=re.IGNORECASE)
    last = re.sub(r"\.up$", "", last, flags=re.IGNORECASE)
    return re.sub(r"^[vV](?=\d)", "", last)


def version_of(file: MigrationFile) -> str:
    """The number of a file as it is written, which is Supabase's version."""
    digits = len(file.name) - len(file.name.lstrip("0123456789"))
    return file.name[:digits]


def rest_of(file: MigrationFile) -> str:
    """A file's name without its number, which is Supabase's name."""
    return file.name[len(version_of(file)) :].lstrip("_")


def is_supabase_folder(path: Path) -> bool:
    """Whether a folder is where a Supabase project keeps its migrations.

    >>> is_supabase_folder(Path("/shop/supabase/migrations"))
    True
    """
    return path.resolve().parts[-2:] == ("supabase", "migrations")

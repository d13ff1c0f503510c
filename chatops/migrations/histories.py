"""What other migration tools remember of a database: which files of a folder they ran, and which they did not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.frozen import frozen
from chatops.migrations.source import Folder, MigrationFile


@frozen
class HistoryTable:
    """How a tool keeps its history. `query` gives version and name as text, either may be null; `{table}` stands for the table.

    `up_to`: it holds one version, and all files to there are in. `columns` tell it from other tools' tables of that name.
    """

    tool: str
    name: str
    columns: frozenset[str]
    query: str
    schema: str | None = None
    up_to: bool = False


def _kept(
    tool: str, name: str, columns: str, select: str, where: str = "", *, schema: str | None = None, up_to: bool = False
) -> HistoryTable:
    return HistoryTable(tool, name, frozenset(columns.split()), f"select {select} from {{table}} {where}", schema, up_to)


def _by_name(tool: str, name: str, column: str) -> HistoryTable:
    return _kept(tool, name, column, f"null, {column}")


# The first that fits a table is taken.
HISTORIES = (
    _kept("Supabase", "schema_migrations", "version name", "version, name", schema="supabase_migrations"),
    _kept("Supabase", "schema_migrations", "version", "version, null", schema="supabase_migrations"),
    _kept("golang-migrate", "schema_migrations", "version dirty", "version::text, null", "where not dirty", up_to=True),
    _kept("dbmate", "schema_migrations", "version", "version::text, null"),
    _kept("Flyway", "flyway_schema_history", "version script success", "version, null",
          "where success and version is not null"),
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
    _kept("Atlas", "atlas_schema_revisions", "version description", "version, null"),
    _kept("sqlx", "_sqlx_migrations", "version success", "version::text, null", "where success"),
    _kept("Diesel", "__diesel_schema_migrations", "version", "version, null"),
    _kept("refinery", "refinery_schema_history", "version name", "version::text, null"),
    _kept("Laravel", "migrations", "migration batch", "null, migration"),
    _kept("TypeORM", "migrations", "timestamp name", "timestamp::text, null"),
    _kept("Sqitch", "changes", "change change_id", "null, change", schema="sqitch"),
    _kept("Liquibase", "databasechangelog", "filename exectype", "null, filename"),
)  # fmt: skip


@frozen
class ToolHistory:
    """What one tool's history says of a folder: the names of the files that it ran, and of those that it did not."""

    tool: str
    table: str
    ran: frozenset[str]
    not_run: frozenset[str]


def histories(database: Database, folder: Folder) -> list[ToolHistory]:
    """The histories that speak of a folder: those in which at least one of its files is found; inside a reading transaction."""
    names = sorted({one.name for one in HISTORIES})
    found: list[ToolHistory] = []
    for kept in database.mappings(sqlfiles.read("queries/adopt_histories.sql"), {"names": names}):
        fitting = next((one for one in HISTORIES if _fits(one, kept)), None)
        if fitting is None or not kept["readable"]:
            continue
        table = f"{db.identifier(kept['schema'])}.{db.identifier(kept['name'])}"
        rows = [(row[0], row[1]) for row in database.tuples(fitting.query.format(table=table))]
        if (told := said(folder, fitting, rows)) is not None:
            found.append(ToolHistory(fitting.tool, f"{kept['schema']}.{kept['name']}", *told))
    return found


def _fits(known: HistoryTable, kept: Mapping[str, object]) -> bool:
    columns = kept["columns"]
    assert isinstance(columns, Sequence)
    return known.name == kept["name"] and known.schema in (None, kept["schema"]) and known.columns <= set(columns)


def said(
    folder: Folder, known: HistoryTable, rows: Iterable[tuple[str | None, str | None]]
) -> tuple[frozenset[str], frozenset[str]] | None:
    """The names of the files that a history has, and of those that it would have; None where it has none of them.

    Of files that share a number nothing is known from the number alone.
    """
    kept = list(rows)
    if known.up_to:
        return _up_to(folder, [version for version, _ in kept if version])
    by_number: dict[int, list[MigrationFile]] = {}
    by_name = {_plain(file.name): file for file in folder.files}
    for file in folder.files:
        by_number.setdefault(file.number, []).append(file)
    ran: set[str] = set()
    unclear: set[str] = set()
    for version, name in kept:
        if name is not None and (own := by_name.get(_plain(name))) is not None:
            ran.add(own.name)
            continue
        number = int(version) if version and version.isdigit() else None
        same = by_number.get(number, []) if number is not None else []
        if name is not None and (named := [file for file in same if rest_of(file) == name]):
            ran |= {file.name for file in named}
        elif name is None and len(same) == 1:
            ran.add(same[0].name)
        unclear |= {file.name for file in same}
    if not ran:
        return None
    return frozenset(ran), frozenset(file.name for file in folder.files) - ran - unclear


def _up_to(folder: Folder, versions: Sequence[str]) -> tuple[frozenset[str], frozenset[str]] | None:
    numbers = [int(version) for version in versions if version.isdigit()]
    if not numbers or not any(file.number == max(numbers) for file in folder.files):
        return None
    ran = frozenset(file.name for file in folder.files if file.number <= max(numbers))
    return ran, frozenset(file.name for file in folder.files) - ran


def _plain(name: str) -> str:
    """A name as tools spell it differently: without folder, ending and Flyway's V.

    >>> _plain("db/migrations/V1__init.up.sql"), _plain("001_init")
    ('1__init', '001_init')
    """
    last = re.sub(r"(\.up)?\.(sql|js|ts|xml|ya?ml)$", "", PurePosixPath(name).name, flags=re.IGNORECASE)
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

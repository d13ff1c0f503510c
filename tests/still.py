"""The demo's system on a clock that stands still: what any command shows of it is the same in every run."""

from __future__ import annotations

from collections.abc import Callable

from chatops.chats import planting, population
from tests.conftest import CORE, ROOT, _command
from tests.servers import Database
from tests.test_plants import opened

INSTANT = "2026-01-15 03:12:09+00"
HELD = """select chat_id from chat_assignments join chats as c on c.id = chat_id where released_at is null
           and chat_state = 'assigned' and assigned_operator_id = operator_id order by assigned_at desc, chat_id limit 1"""
"""A chat that somebody has just taken."""
CLOCKS = ("now", "transaction_timestamp", "statement_timestamp", "clock_timestamp")


def stop_clock(database: Database) -> None:
    """Lets every clock of SQL tell one instant: in this database alone, for its catalog is its own."""
    with database.connect() as connection:
        connection.execute("set allow_system_table_mods = on")
        for name in CLOCKS:
            connection.execute(
                f"create or replace function pg_catalog.{name}() returns timestamptz language sql stable parallel safe"
                f" as $$ select timestamptz '{INSTANT}' $$"
            )


def troubled(database: Database) -> None:
    """As deployed, populated, with one of every trouble."""
    stop_clock(database)
    _command(database.url, "migrate", "--to", "017", "--yes")
    with opened(database) as connection:
        population.populate(connection, size=population.SMALLEST, seed=1)
        planting.plant_all(connection)


def healed(database: Database) -> None:
    """The same, migrated to the newest, and with a release in its log."""
    troubled(database)
    _command(database.url, "migrate", "--to", "latest", "--yes")
    held = database.value(HELD)
    _command(database.url, "release", str(held), "--yes", "--reason", "the tab was closed")
    _command(database.url, "drain", "Keiko", "--release", "--yes", "--reason", "home early")
    # Whoever runs this is somebody else on each machine.
    database.execute("update chatops.actions set os_user = 'ada@desk'")


def by_hand(database: Database) -> None:
    """The deployed files up to 016, without anything that says so: nobody has used chatops there."""
    stop_clock(database)
    for name in CORE[:-1]:
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")


SYSTEMS: dict[str, Callable[[Database], None]] = {"ill": troubled, "healed": healed, "bare": by_hand}

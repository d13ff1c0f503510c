"""Keeps in the database what protects and publishes its tables, so that it is missed when it goes."""

from __future__ import annotations

import contextlib

from chatops import sqlfiles
from chatops.db import Database
from chatops.errors import DatabaseError


def keep(database: Database) -> None:
    """Adds what is there now to what is kept; one request. Where this role may not, nothing is kept, and nothing is missed."""
    with contextlib.suppress(DatabaseError):
        database.at_once([sqlfiles.read("queries/safety_keep.sql")], {})

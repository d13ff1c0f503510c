"""The statements of `sql/bookkeeping.sql`. Apart from the ledger, whose readers do not pay for a scanner."""

from __future__ import annotations

from chatops import sqlfiles
from chatops.migrations.scanner import scan


def bookkeeping_texts() -> list[str]:
    """The statements that make the ledger and the audit where they are missing."""
    return [statement.text for statement in scan(sqlfiles.read("bookkeeping.sql"))]

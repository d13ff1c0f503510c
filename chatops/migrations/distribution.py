"""Makes a schema a tenant of a Citus cluster: its tables on one worker, functions and guards on every node, one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chatops import sqlfiles
from chatops.cluster import CitusNode
from chatops.db import Database, identifier, literal
from chatops.migrations import ledger as ledgers
from chatops.migrations.bookkeeping import bookkeeping_texts
from chatops.migrations.citus_form import form_of
from chatops.migrations.going_back import ours_alone
from chatops.migrations.ledger import Ledger, Run
from chatops.migrations.plan import plan
from chatops.migrations.scanner import Statement, keywords
from chatops.migrations.source import SHIPPED, Folder
from chatops.migrations.transaction import Part, Transaction, deadline_text
from chatops.migrations.views import views

DISTRIBUTION = "distribution"
"""What the step is called beside the names of files."""
SHARE_LOCK_MS = 3000
_MADE_AGAIN = frozenset(("FUNCTION", "VIEW", "TRIGGER"))


def distribution(folder: Folder, ledger: Ledger, node: CitusNode, schema: str, run: Run, *, deadline_ms: int) -> Transaction:
    """The settings of schema chatops on every node, the schema on one, and what files that are in define there made again."""
    head = [
        "begin",
        *ledgers.settings_texts(schema, run, lock_timeout_ms=deadline_ms),
        *ledgers.lock_text(schema, bookkeeping=True, source=SHIPPED),
        *bookkeeping_texts(),
        ledgers.run_text(run),
        deadline_text(deadline_ms),
    ]
    return _apart([*head, *distributing_texts(folder, ledger, node, schema)])


def distributing_texts(folder: Folder, ledger: Ledger, node: CitusNode, schema: str) -> list[str]:
    """The statements of that, inside a transaction that has the settings and the bookkeeping."""
    texts: list[str] = []
    if not node.shared_settings:
        texts.append(sqlfiles.read("queries/citus_share_settings.sql"))
    if not node.distributed_schema:
        texts += [
            # A function may read a table that no worker has yet.
            "set local check_function_bodies = off",
            sqlfiles.read("queries/citus_set_aside.sql"),
            f"select pg_catalog.citus_schema_distribute({literal(identifier(schema))}::regnamespace)",
            sqlfiles.read("queries/citus_leave_nothing.sql"),
            sqlfiles.read("queries/citus_put_back.sql"),
        ]
        texts += [text for one in _in(folder, ledger) for text in one]
    return texts


def share(database: Database, run: Run) -> None:
    """What a cluster's tenants share, made before they are migrated side by side. Raises DatabaseError."""
    run = replace(run, tenant=True)
    ran = _apart(
        [
            "begin",
            *ledgers.settings_texts(database.target.schema, run, lock_timeout_ms=SHARE_LOCK_MS),
            *ledgers.lock_text(database.target.schema, bookkeeping=True, source=SHIPPED),
            sqlfiles.read("queries/citus_share_settings.sql"),
        ]
    ).sent_by(database)
    if ran.error is not None:
        database.rollback()
        raise ran.error


def _apart(texts: Sequence[str]) -> Transaction:
    return Transaction((*(Part(text.rstrip().removesuffix(";")) for text in texts), Part("commit")), apart=True)


def _in(folder: Folder, ledger: Ledger) -> Sequence[Sequence[str]]:
    """The definitions of each file whose own text is in, as the cluster takes them.

    What was adopted stays as it was up to the deployed system, whose functions are the application's. Later files are nobody
    else's: taken over from psql or a restore, their functions stop on a node in the words of plain Postgres.
    """
    known = {row.name for row in ledger.rows if row.source == SHIPPED
             and (row.state == "applied" or (row.state == "adopted" and ours_alone(row.source, row.name)))}  # fmt: skip
    files = [(file.name, file.reading) for file in folder.files if folder.source == SHIPPED and file.name in known]
    if known:
        files += [
            (view.ledger_name, view.reading) for view in views(ledger, plan(folder, ledger.rows)) if view.ledger_name in known
        ]
    return [
        [text for one in reading.statements if _defines(one) for text in form_of(name).texts(one.text)] for name, reading in files
    ]


def _defines(statement: Statement) -> bool:
    """Whether a statement can be run any number of times, and makes what Citus does not distribute with the tables."""
    words = keywords(statement, 6)
    again = words[:3] == ("CREATE", "OR", "REPLACE") and not _MADE_AGAIN.isdisjoint(words)
    return again or words[:2] == ("CREATE", "SEQUENCE")

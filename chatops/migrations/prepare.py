"""Decides what a run would do to a database, and refuses, before anything runs, what cannot go well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from chatops import cluster, db, formatting, sqlfiles
from chatops.cluster import CitusNode
from chatops.db import Database, Facts
from chatops.errors import RefusedError, UsageError, standby_refused
from chatops.frozen import frozen
from chatops.later import later
from chatops.migrations.carry_over import carried_over, refuse_known_elsewhere, refuse_strange_folder
from chatops.migrations.fitness import refuse_odd_strings, refuse_unfit
from chatops.migrations.ledger import Ledger
from chatops.migrations.plan import MigrationPlan, destination, listed, plan, stands_at, taking_over
from chatops.migrations.problems import problems
from chatops.migrations.source import SHIPPED, Folder, MigrationFile
from chatops.migrations.views import View, views
from chatops.tables_there import deployed, require_place

if TYPE_CHECKING:  # Supabase's own history, where there is one, and what problems are made of
    from chatops.migrations import supabase_history
    from chatops.migrations.migration_text import Problem
    from chatops.migrations.supabase_history import InStep
else:
    supabase_history = later("chatops.migrations.supabase_history")


@frozen
class MigrationRequest:
    """What was asked for. `again` and `adopt` are the command lines that repeat the run and take a database over.

    `reads_only`: a dry run, which a standby answers too.
    """

    to: str | None = None
    max_wait: float = 300.0
    allow_out_of_order: bool = False
    strict: bool = False
    statement_timeout: str | None = None
    again: str = "chatops migrate"
    adopt: str = "chatops adopt"
    diagnose: str = "chatops diagnose"
    reads_only: bool = False


@frozen
class Prepared:
    """What a run would do to a database as it was read: the plan, the views that changed, and what speaks against it."""

    folder: Folder
    ledger: Ledger
    plan: MigrationPlan
    views: tuple[View, ...]
    problems: tuple[Problem, ...]
    carried: tuple[str, ...] = ()
    """Sources of an earlier version of chatops, whose files are this folder's; see `carry_over`."""
    history: InStep | None = None
    """Supabase's own history, where it keeps one of this folder."""
    by_history: tuple[MigrationFile, ...] = ()
    """Files that the history has and the ledger has not: they are recorded, not run."""
    node: CitusNode | None = None
    """The coordinator of a Citus cluster whose tenant the schema is, or becomes."""
    distributes: bool = False
    """Whether the schema, or what its tenants share, is yet to be distributed."""

    @property
    def tenant(self) -> bool:
        """Whether the schema is, or becomes, a tenant of a Citus cluster."""
        return self.node is not None

    @property
    def shares(self) -> bool:
        """Whether what the cluster's tenants share is yet to be put on every node."""
        return self.node is not None and not self.node.shared_settings

    def shared(self) -> Prepared:
        """The same once that is done."""
        assert self.node is not None
        return replace(self, node=replace(self.node, shared_settings=True), distributes=not self.node.distributed_schema)

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.plan.apply and not self.views and not self.distributes


def prepare(database: Database, ledger: Ledger, folder: Folder, request: MigrationRequest) -> Prepared:
    """Decides what to do to a database as its ledger was read; changes nothing.

    Raises RefusedError for a database that holds the chat tables but no ledger, UsageError for an unknown goal.
    """
    if ledger.facts.standby and not request.reads_only:
        raise standby_refused("migrated")
    if not ledger.facts.standby:
        refuse_unfit(database, ledger.facts, folder)
    refuse_absent_schema(database)
    refuse_unusable_schema(database, ledger.facts)
    require_place(database, ledger.facts)
    refuse_unknown(database, carried_over(ledger, folder).ledger, folder, request)
    history = supabase_history.in_step(database, folder, ledger) if ledger.facts.has_supabase_history else None
    prepared = judged(folder, ledger, request, history)
    refuse_strange_folder(prepared.ledger, folder)
    refuse_known_elsewhere(prepared.ledger, folder, prepared.plan)
    pending = (entry.file for entry in prepared.plan.apply if entry.file is not None)
    refuse_odd_strings(database, ledger.facts, pending)
    return in_cluster(database, prepared)


def in_cluster(database: Database, prepared: Prepared) -> Prepared:
    """The same for a tenant of a Citus cluster: whether its schema is to be distributed first."""
    if prepared.ledger.facts.citus is None:
        return prepared
    with database.reading():
        node = cluster.node_of(database)
        schema = database.target.schema
        cluster.refuse_writing(node, "migrate", schema)
        if node is None or not node.takes(schema):
            return prepared
        cluster.refuse_odd_name(node, schema)
        cluster.refuse_unknown_role(node, database.role)
        if not node.in_metadata:
            raise RefusedError(
                "the cluster does not know its coordinator, which holds what all tenants share; nothing was changed",
                next_steps=[("tell it (SQL)", "select citus_set_coordinator_host('HOST', PORT);")],
            )
        if not prepared.nothing or not (node.distributed_schema and node.shared_settings):
            cluster.refuse_absent_workers(database, node)
    return replace(prepared, node=node, distributes=not (node.distributed_schema and node.shared_settings))


def refuse_absent_schema(database: Database) -> None:
    """Refuses a target schema that is not there, with the nearest names; the transactions look for `public`."""
    schema = database.target.schema
    if schema == "public" or database.value("select to_regnamespace(quote_ident(:'name'))", {"name": schema}) is not None:
        return
    there = [str(name) for (name,) in database.tuples(sqlfiles.read("queries/schemas_like.sql"), {"pattern": "%"})]
    raise UsageError(
        f"there is no schema {schema}{formatting.did_you_mean(schema, there)}; nothing was changed",
        next_steps=[("make it (SQL)", f"create schema {db.identifier(schema)};")],
    )


def refuse_unusable_schema(database: Database, facts: Facts) -> None:
    """Refuses a schema that the role may not use: nothing in it is seen, and what a file makes would go elsewhere."""
    if not facts.schema_usable:
        schema, role = db.identifier(database.target.schema), db.identifier(facts.role)
        raise RefusedError(
            f"{facts.role} may not use schema {database.target.schema}; nothing was changed",
            next_steps=[("as its owner", f"grant usage, create on schema {schema} to {role};")],
        )


def refuse_unknown(database: Database, ledger: Ledger, folder: Folder, request: MigrationRequest) -> None:
    """Refuses a database that was migrated by other means: every file would run a second time."""
    if not ledger.facts.has_chats or ledger.knows(folder.source) or (folder.source != SHIPPED and ledger.rows):
        return
    schema, found = database.target.schema, deployed(database)
    shipped = folder.source == SHIPPED
    steps = [("take it over", taking_over(request.adopt, folder.source, request.to, found))]
    if shipped and request.to is not None and destination(folder, request.to)[0] > int(found):
        steps.append(("then", request.again))
    raise RefusedError(
        f"schema {schema} holds the chat tables, but no ledger says which files made them; nothing was changed",
        details=(stands_at(request.to, found),) if shipped else (),
        next_steps=steps,
    )


def judged(folder: Folder, ledger: Ledger, request: MigrationRequest, history: InStep | None = None) -> Prepared:
    """The plan for a ledger, and everything that speaks against it; needs no server."""
    carried = carried_over(ledger, folder)
    ledger, by_history = carried.ledger, list[MigrationFile]()
    if history is not None:
        by_history = supabase_history.unrecorded(history, folder, ledger)
        ledger = supabase_history.with_history(ledger, by_history)
    made = plan(folder, ledger.rows, request.to, allow_out_of_order=request.allow_out_of_order)
    changed = () if made.left else tuple(view for view in views(ledger, made) if view.changed)
    found = problems(folder, made, strict=request.strict, allow_out_of_order=request.allow_out_of_order)
    return Prepared(folder, ledger, made, changed, tuple(found), carried.sources, history, tuple(by_history))


class ProblemsError(RefusedError):
    """The files, or what became of them since they went in, keep a run from starting."""


def refuse_problems(prepared: Prepared) -> None:
    """Raises ProblemsError with every error at once, if there is one."""
    errors = [problem for problem in prepared.problems if problem.severity == "error"]
    if not errors:
        return
    lines = [line for problem in errors for line in (f"{problem.where}  {problem.message}", f"  → {problem.hint}")]
    raise ProblemsError(f"{formatting.plural(len(errors), 'problem')} in the files; nothing was run", details=lines)


def refuse_pooler(
    database: Database, prepared: Prepared, request: MigrationRequest,
    pools_transactions: Callable[[Database], bool] = db.pools_transactions,
) -> None:  # fmt: skip
    """Refuses, before anything is applied, files that need a session where there is none."""
    needing = [entry for entry in prepared.plan.apply if entry.file and entry.file.reading.mode == "statements"]
    if not needing or prepared.ledger.facts.backend_pid == database.protocol_pid or not pools_transactions(database):
        return
    port = database.target.parameters.get("port", "5432")
    where = "port 5432 of the same host, the session pooler" if port == "6543" else "the server's own port, or a session pooler"
    raise RefusedError(
        f"{listed([entry.name for entry in needing])} must run outside a transaction and needs a session, and the pooler at port "
        f"{port} gives each transaction another one; nothing was run",
        details=[f"{entry.name}: {entry.file.reading.mode_reason}" for entry in needing if entry.file]
        + [f"connect to {where}; the files before it can go in from here with --to"],
        next_steps=[("again", request.again)],
    )

"""Takes over a database that got its files by other means: proves them from the catalog, and records those that are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chatops import db, sqlfiles
from chatops.db import Database
from chatops.errors import standby_refused
from chatops.frozen import frozen
from chatops.migrations import ledger as ledgers
from chatops.migrations.adopt_verdicts import Judgement, Proof, Verdict, judge, schemas_of
from chatops.migrations.ask_same import compared
from chatops.migrations.catalog import catalog
from chatops.migrations.histories import ToolHistory, histories, is_supabase_folder, rest_of, version_of
from chatops.migrations.ledger import DEFAULT_SCHEMA, Ledger, Run
from chatops.migrations.objects_made import claims_of
from chatops.migrations.preflight import examine
from chatops.migrations.proposal import Proposal
from chatops.migrations.replay import Replay
from chatops.migrations.row_evidence import candidates, proven
from chatops.migrations.source import SHIPPED, Folder, MigrationFile


@frozen
class SupabaseHistory:
    """Supabase's own history of a database. `versions` are its numbers; `why_not` says why it could not be read or written,
    None when it can be."""

    there: bool
    versions: frozenset[str] = frozenset()
    why_not: str | None = None


@frozen
class Survey:
    """A folder held against a database: a proof per file, and the histories that speak of it."""

    folder: Folder
    ledger: Ledger
    judgement: Judgement
    history: SupabaseHistory
    tools: tuple[ToolHistory, ...] = ()
    tools_elsewhere: tuple[ToolHistory, ...] = ()
    """The histories that have files of the folder and speak of another schema."""
    place: str = DEFAULT_SCHEMA
    """The schema in which the files' bare names are made."""

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The proofs in the folder's order."""
        return self.judgement.proofs

    def of(self, *verdicts: Verdict) -> list[Proof]:
        """The proofs with one of these verdicts."""
        return [proof for proof in self.proofs if proof.verdict in verdicts]


@frozen
class ForHistory:
    """What Supabase's history would be told of: `told`; `untold` are files that it cannot take, because another one has their
    number."""

    told: tuple[MigrationFile, ...] = ()
    untold: tuple[MigrationFile, ...] = ()


def survey(database: Database, folder: Folder, ledger: Ledger) -> Survey:
    """Reads the catalog and the histories of other tools, and proves each file; writes nothing."""
    recorded = {row.name for row in ledger.rows if row.source == folder.source and row.kind == "versioned"}
    with database.reading():
        path, session, there = _path(database, folder)
        claims = [claims_of(file.reading, path) for file in folder.files]
        replay = Replay(claims, path, there)
        if folder.source == SHIPPED:
            _or_as_views(replay, path)
        live = catalog(database, schemas_of(claims, path))
        equal = compared(database, replay, live, session)
        tools = histories(database, folder, path[0])
        spoken = [tool.speaks for tool in tools if tool.tool == "Supabase"] or [database.target.schema == DEFAULT_SCHEMA]
        history = _history(database) if all(spoken) else SupabaseHistory(False)
        by_rows = proven(database, candidates([file.reading for file in folder.files], path))
    here = [tool for tool in tools if tool.speaks]
    said_in = {name for tool in here for name in tool.ran}
    said_out = {name for tool in here for name in tool.not_run} - said_in
    judgement = judge(folder, claims, replay, live, equal, recorded=recorded, said_in=said_in, said_out=said_out, by_rows=by_rows)
    return Survey(folder, ledger, judgement, history, tuple(here), tuple(tool for tool in tools if not tool.speaks), path[0])


def _or_as_views(replay: Replay, path: Sequence[str]) -> None:
    """What files leave as it is may be there as sql/views makes it."""
    views = [examine(f"{name}.sql", sqlfiles.read(f"views/{name}.sql").encode()) for name in sqlfiles.names("views")]
    made = [claim for view in views for claim in claims_of(view, path).told if claim.there]
    for (_, thing), ways in replay.where_missing.items():
        ways += [dict(claim.parts) for claim in made if claim.thing == thing]


def _path(database: Database, folder: Folder) -> tuple[tuple[str, ...], str, frozenset[str]]:
    """The schemas in which the files' bare names are looked for, the search path that the session has of its own, and the schemas
    that are there."""
    found = database.mappings(sqlfiles.read("queries/adopt_path.sql"))[0]
    schema, there = database.target.schema, frozenset(found["all_schemas"])
    if folder.source == SHIPPED:
        return (schema,), f"{db.identifier(schema)}, {found['setting']}", there
    own = tuple(found["schemas"] or ())
    if schema != "public":
        own = (schema, *(one for one in own if one != schema))
    return own or (schema,), ", ".join([*(db.identifier(one) for one in own), found["setting"] or "pg_catalog"]), there


def _history(database: Database) -> SupabaseHistory:
    found = database.mappings(sqlfiles.read("queries/catalog_has_history.sql"))[0]
    if not found["there"]:
        return SupabaseHistory(False)
    if not found["readable"]:
        return SupabaseHistory(True, why_not="this role may not read supabase_migrations.schema_migrations")
    rows: Sequence[Mapping[str, str | None]] = database.mappings(sqlfiles.read("queries/catalog_history.sql"))
    versions = frozenset(row["version"] or "" for row in rows)
    if not found["writable"] or not found["named"]:
        table = "supabase_migrations.schema_migrations"
        why = f"this role may not write {table}" if found["named"] else f"{table} has not the columns of today's Supabase CLI"
        return SupabaseHistory(True, versions, why)
    return SupabaseHistory(True, versions)


def for_history(survey: Survey, files: Sequence[MigrationFile]) -> ForHistory:
    """The files that Supabase's history is to be told of when `files` are recorded: its key is the number alone."""
    if not is_supabase_folder(survey.folder.path) or not survey.history.there or survey.history.why_not:
        return ForHistory()
    wanted = {file.name for file in files} | {proof.file.name for proof in survey.of(Verdict.RECORDED)}
    known = {name for tool in survey.tools if tool.tool == "Supabase" for name in tool.ran}
    taken = set(survey.history.versions)
    told: list[MigrationFile] = []
    untold: list[MigrationFile] = []
    for file in survey.folder.files:
        if file.name in wanted and file.name not in known:
            (untold if version_of(file) in taken else told).append(file)
            taken.add(version_of(file))
    return ForHistory(tuple(told), tuple(untold))


def record(database: Database, survey: Survey, proposal: Proposal, told: ForHistory, run: Run) -> int:
    """Writes what was chosen, in one transaction; the number of files that the ledger did not have.

    Raises RefusedError on a standby and ConflictError while another migrator is at work.
    """
    if survey.ledger.facts.standby:
        raise standby_refused()
    also = []
    if told.told:
        rows = [
            {"version": version_of(file), "name": rest_of(file), "statements": [one.text for one in file.reading.statements]}
            for file in told.told
        ]
        also.append(db.inlined(sqlfiles.read("queries/catalog_record_history.sql"), {"files": db.json(rows)}))
    return ledgers.adopt(database, proposal.files, run, also=also)

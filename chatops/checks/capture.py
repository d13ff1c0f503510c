"""One archive of a system as a diagnosis saw it: what somebody else needs to look again.

People and what they wrote are not in it, nor any id of a row: `marks.py` says what stands for them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from chatops import __version__, sqlfiles
from chatops.checks.archive import BOOKKEEPING, FORMAT, KEPT, TYPES, relation
from chatops.checks.marks import Marks, ids_of
from chatops.checks.results import Survey
from chatops.checks.thresholds import configured_names, known
from chatops.db import Database, identifier, literal
from chatops.files import whole_file
from chatops.frozen import frozen

MOST_CHATS = 20_000

"""Chats in an archive; those of the findings first, then who waits or is held, then the newest."""
MOST_EVIDENCE = 1_000

"""Offending rows of each finding whose chats are in the archive for certain."""
STATEMENT_TIMEOUT = "60s"


_CHOSEN: Mapping[str, str] = {
    "operators": "true",
    "real_users": "id in (select real_user_id from chats where id = any(:'chats'::uuid[]))",
    "fictional_users": "id in (select fictional_user_id from chats where id = any(:'chats'::uuid[]))",
    "chats": "id = any(:'chats'::uuid[])",
    "messages": "chat_id = any(:'chats'::uuid[])",
    "chat_assignments": "chat_id = any(:'chats'::uuid[])",
    "operator_activity": "chat_id = any(:'chats'::uuid[])",
    "platform_config": "key = any(:'settings'::text[])",
    "actions": "target_schema = current_schema() and (chat_id = any(:'chats'::uuid[]) or chat_id is null)",
}


@frozen
class Captured:
    """What is in an archive: chats of how many, rows by table, and what was left out, in words."""

    chats: int
    of: int
    rows: Mapping[str, int]
    left_out: tuple[str, ...]


def write(database: Database, survey: Survey, path: Path, *, most_chats: int = MOST_CHATS) -> Captured:
    """Writes the archive from the snapshot in which the survey was taken; inside that `reading` transaction.

    Raises UsageError when the file cannot be written, DatabaseError for tables that cannot be read.
    """
    marks = Marks()
    # The checks set the timeout to what was left of their own time.
    database.script(f"set local statement_timeout = {literal(STATEMENT_TIMEOUT)}")
    there = int(database.value("select count(*) from chats"))
    named = ids_of(row for result in survey.results for row in result.rows)
    chosen = [
        row[0]
        for row in database.tuples(
            """select id from chats
                order by (id = any(:'named'::uuid[])) desc,
                         coalesce(chat_state::text in ('waiting_assignment', 'assigned'), true) desc,
                         last_message_at desc nulls last, id
                limit :'most'::bigint""",
            {"named": named, "most": most_chats},
        )
    ]
    settings = configured_names(known())
    columns = _columns(database)
    server: dict[str, dict[str, str]] = {"setting": {}, "extension": {}}
    for kind, name, value in database.tuples(sqlfiles.read("queries/capture_server.sql")):
        server[kind][name] = value
    counts: dict[str, int] = {}
    with whole_file(path, private=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table, kept in columns.items():
            names = ", ".join(identifier(name) for name, _ in kept)
            query = f"select to_jsonb(r) as line from (select {names} from {relation(table)} where {_CHOSEN[table]}) as r"
            rows = database.mappings(query, {"chats": chosen, "settings": settings})
            kept_rows = marks.rows(table, [row["line"] for row in rows])
            lines = [json.dumps(row, ensure_ascii=False) for row in kept_rows]
            archive.writestr(f"rows/{table}.jsonl", "".join(line + "\n" for line in lines))
            counts[table] = len(lines)
        for result in survey.results:
            query = result.check.query(before_018=survey.inventory.before_018)
            archive.writestr(f"queries/{result.check.code}.sql", query + "\n")
        archive.writestr("results.json", json.dumps([marks.result(result) for result in survey.results], indent=1))
        left_out = _left_out(len(chosen), there, columns)
        head = {
            "kind": "chatops capture", "format": FORMAT, "chatops": __version__, "at": survey.now.isoformat(),
            "server": survey.facts.version, "settings": server["setting"],
            "extensions": server["extension"], "since": survey.since, "before_018": survey.inventory.before_018,
            "applied": survey.inventory.applied, "chats": len(chosen), "chats_there": there, "rows": counts,
            "columns": {table: dict(kept) for table, kept in columns.items()}, "left_out": left_out,
            "guarded_at": survey.inventory.guarded_at and survey.inventory.guarded_at.isoformat(),
            "thresholds": {name: [one.value, one.origin] for name, one in survey.thresholds.items()},
        }  # fmt: skip
        archive.writestr("capture.json", json.dumps(head, indent=1))
    return Captured(len(chosen), there, counts, tuple(left_out))


def _columns(database: Database) -> dict[str, list[tuple[str, str]]]:
    query = sqlfiles.read("queries/capture_columns.sql")
    ours = [table for table in KEPT if table != BOOKKEEPING]
    found: dict[str, list[tuple[str, str]]] = {table: [] for table in KEPT}
    for table, name, kind in database.tuples(query, {"tables": ours, "log": BOOKKEEPING}):
        if name in KEPT[table]:
            found[table].append((name, kind if kind in TYPES else "text"))
    return {table: kept for table, kept in found.items() if kept}


def _left_out(chats: int, there: int, columns: Mapping[str, Sequence[tuple[str, str]]]) -> list[str]:
    parts = ["names, e-mails, message text and the ids of rows (marks stand for them)", "columns that chatops does not know"]
    if chats < there:
        parts.insert(0, f"{there - chats} of {there} chats, the oldest quiet ones")
    parts += [
        "the log of actions, which is not there or may not be read"
        if table == BOOKKEEPING
        else f"table {table}, which is not there"
        for table in KEPT
        if table not in columns
    ]
    return parts

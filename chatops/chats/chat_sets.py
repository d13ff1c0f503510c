"""Which chats a command is about: named one by one, or a set found by a filter or a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from chatops import formatting
from chatops.chats import audit
from chatops.chats.reports import query
from chatops.db import Database
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.model import Values
from chatops.names import find_chat, find_operator

LONGEST_LINE = 10_000

CANDIDATES = 3
"""So many of those whom a name may mean are shown where several names cannot be used."""


@frozen
class Selection:
    """What the command line says: names, or one filter. `offending` are the rows that the check of `finding` selects,
    `filtered` the chats that pass a filter of `chats`."""

    names: Sequence[str] = ()
    finding: str | None = None
    offending: Sequence[Values] = ()
    stuck_for: timedelta | None = None
    held_by: str | None = None
    idle_for: timedelta | None = None
    filtered: Sequence[UUID] | None = None

    @property
    def named(self) -> bool:
        """Whether the chats were named one by one."""
        return bool(self.names)


def read_names(lines: Iterable[str]) -> list[str]:
    """Ids from a file or a pipe: the first field of each line; headings, comments and empty lines are left out.

    >>> read_names(["chat_id,since", "3f2b8c1e,2 h", "", "# note", '{"chat_id": "77ab01c4", "since": 1}'])
    ['3f2b8c1e', '77ab01c4']
    """
    names = []
    for raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if len(line) > LONGEST_LINE:
            raise UsageError("a line of the input is too long to be a chat's id")
        found = re.search(r'"(?:chat_id|id)"\s*:\s*"([^"]*)"', line) if line.startswith("{") else None
        name = found[1] if found else re.split(r"[,\t ]", line, maxsplit=1)[0].strip('"')
        if name.lower() not in ("id", "chat", "chat_id") and not set(name) <= {"-"}:
            names.append(name)
    return names


def chats_of(database: Database, selection: Selection) -> list[UUID]:
    """The ids of the chats that are meant, in order; inside `reading`. A finding about operators means the chats they hold.

    Raises UsageError for names that mean no chat, several, or the same one twice: all of them at once.
    """
    query(database, "queries/move_existing.sql")  # says so where there are no chats at all
    if selection.names:
        return _named(database, selection.names)
    if selection.filtered is not None:
        return list(selection.filtered)
    if selection.finding is not None:
        return _of_finding(database, selection.finding, selection.offending)
    if selection.stuck_for is not None:
        return _ids(database, "queries/move_stuck.sql", {"longer_than": selection.stuck_for})
    if selection.held_by is not None:
        holder = find_operator(database, selection.held_by)
        return _ids(database, "queries/move_held.sql", {"operator": holder.id})
    if selection.idle_for is not None:
        return _ids(database, "queries/release_idle.sql", {"idle_timeout": selection.idle_for})
    raise UsageError("say which chats: CHAT …, - for ids on stdin, --where CODE, --stuck TIME or --from OPERATOR")


def _of_finding(database: Database, code: str, rows: Sequence[Values]) -> list[UUID]:
    if rows and "chat_id" not in rows[0] and "operator_id" not in rows[0]:
        raise UsageError(f"{code} finds no chats: its rows name neither chat nor operator")
    found: dict[UUID, None] = {}
    for row in rows:
        if row.get("chat_id") is not None:
            found[row["chat_id"]] = None
        elif "chat_id" not in row and row.get("operator_id") is not None:
            found |= dict.fromkeys(_ids(database, "queries/move_held.sql", {"operator": row["operator_id"]}))
    return list(found)


def _ids(database: Database, file: str, parameters: Mapping[str, object]) -> list[UUID]:
    return [row[0] for row in database.tuples(query(database, file), dict(parameters))]


def _named(database: Database, names: Sequence[str]) -> list[UUID]:
    whole: dict[str, UUID] = {}
    for name in names:
        if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", name.strip()):
            whole[name] = UUID(name.strip())
    there: set[UUID] = set()
    if whole:
        there = set(_ids(database, "queries/move_existing.sql", {"chats": audit.array(whole.values())}))
    found: dict[UUID, str] = {}
    problems: list[tuple[str, Sequence[str]]] = []
    single: UsageError | None = None
    for name in names:
        try:
            chat = whole[name] if name in whole and whole[name] in there else find_chat(database, name).id
        except UsageError as error:
            single = error
            # Whom it may mean, where it means several.
            problems.append((error.message, error.details[:CANDIDATES] if error.next_steps else ()))
            continue
        if chat in found:
            problems.append((f"{chat} is given twice", ()))
        found[chat] = name
    if single is not None and len(problems) == 1:
        raise single
    if problems:
        message = f"{formatting.plural(len(problems), 'name')} cannot be used; nothing was changed"
        told = [line for said, meant in problems[:20] for line in (said, *(f"  {one}" for one in meant))]
        raise UsageError(message, details=[*told, *filter(None, [formatting.and_more(len(problems) - 20)])])
    return list(found)

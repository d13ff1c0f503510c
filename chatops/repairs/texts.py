"""The repairs that chatops ships: one file of `sql/repairs` each, with its place in the order, what it finds and how it mends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from chatops import sqlfiles
from chatops.db import inlined
from chatops.errors import UsageError
from chatops.frozen import frozen

MOST_FOUND = 100_000
"""Rows that are found at once; where there are more, they are looked for again when these are mended."""
EVER = "1000 years"
FIND_SETTINGS = ("set local work_mem = '64MB'", "set local jit = off", "set local enable_hashagg = off")
"""What a pass over all messages is quicker with: counted in the order of an index, a chat takes no place in memory."""
_WITHOUT_CLOCKS = (
    "chats as not materialized (select c.*, null::timestamptz as waiting_since, null::timestamptz as state_since,"
    " 0 as releases_without_reply from chats as c)"
)
_SEPARATOR = "\n;\n"


@frozen
class Repair:
    """What mends one finding.

    `order` is when its turn is: what is mended first makes the rest smaller. `find` selects what is wrong, one row for each
    offending row, `chat_id` among its columns; it takes no lock. `mend` takes some of these rows as `:'found'`, judges them anew,
    locks, writes and logs, and answers with `mended`, how many rows it mended, and `busy`, those that somebody else held.
    `from_018`: the queue's clocks are what it mends.
    """

    code: str
    order: int
    find: str
    mend: str
    from_018: bool = False

    @property
    def asks_a_person(self) -> bool:
        """Whether its query tells chats that it would end although their users wait: without a chat named they are left out."""
        return "user_waits" in self.find

    def finding(
        self, limits: Mapping[str, str] | None = None, *, since: str = EVER, before_018: bool = False, chat_id: str | None = None
    ) -> str:
        """The query for what is wrong, in all chats or in one; `before_018` for a database without the queue's clocks.

        A limit that is not given is "" in it, which leaves it to platform_config and the default.
        """
        text = self.find
        if before_018 and self.from_018:
            text = sqlfiles.in_front(_WITHOUT_CLOCKS, sqlfiles.body(text))
        asked = {match[1] for match in sqlfiles.PLACEHOLDER.finditer(text)}
        values = {**{name: (limits or {}).get(name, "") for name in asked}, "since": since}
        only = f"\n where found.chat_id = '{chat_id}'::uuid" if chat_id else ""
        return f"select found.* from (\n{inlined(text, values)}\n) as found{only}"

    def mending(self, found: Sequence[str]) -> str:
        """The statement that mends these rows, each as `found_text` gave it."""
        return inlined(self.mend, {"found": f"[{','.join(found)}]"})


def found_text(query: str, most: int | None = None) -> str:
    """What a query finds as one value: a line of JSON for each row, MOST_FOUND of them at most; null where there is none."""
    limit = MOST_FOUND if most is None else most
    return f"select pg_catalog.string_agg(pg_catalog.to_jsonb(rows)::text, E'\\n') from (\n{query}\nlimit {limit}\n) as rows"


@cache
def shipped() -> tuple[Repair, ...]:
    """Every repair that chatops ships, in the order in which they are run. Raises UsageError for a file without a place in it."""
    return from_folder(sqlfiles.root() / "repairs", "sql/repairs/")


def chosen(codes: Sequence[str] = ()) -> tuple[Repair, ...]:
    """The repairs of these codes in their order; all of them without any. Raises UsageError for a code that has none."""
    found = shipped()
    if unknown := sorted(set(codes) - {repair.code for repair in found}):
        raise UsageError(f"there is no repair {', '.join(unknown)}", details=[f"there are: {', '.join(r.code for r in found)}"])
    return tuple(repair for repair in found if not codes or repair.code in codes)


def from_folder(folder: Path, shown: str) -> tuple[Repair, ...]:
    """The repairs of a folder, by their order. Raises UsageError with file and line for one that cannot be read as a repair."""
    found = [_read(path.stem, path.read_text(encoding="utf-8"), f"{shown}{path.name}") for path in sorted(folder.glob("*.sql"))]
    places: dict[int, Repair] = {}
    for repair in found:
        if (other := places.setdefault(repair.order, repair)) is not repair:
            path = folder / f"{repair.code}.sql"
            where = f"{shown}{path.name}:{_line(path.read_text(encoding='utf-8'), 'order')}"
            raise UsageError(f"{where}: {other.code} has the place {repair.order} already")
    return tuple(sorted(found, key=lambda repair: repair.order))


def _read(code: str, text: str, where: str) -> Repair:
    head = sqlfiles.header(text)
    order = head.get("order", "")
    if not order.isdecimal():
        told = "has no place in the order" if not order else f"the place {order!r} in the order is no number"
        raise UsageError(f"{where}:{_line(text, 'order')}: {told}; write -- order: N at its head")
    if head.get("from", "018") != "018":
        raise UsageError(f"{where}:{_line(text, 'from')}: -- from: takes 018, the migration of the queue's clocks")
    parts = text.rstrip().removesuffix(";").split(_SEPARATOR)
    if len(parts) != 2:
        line = text.rstrip().count("\n") + 1 if len(parts) < 2 else _SEPARATOR.join(parts[:2]).count("\n") + 2
        raise UsageError(f"{where}:{line}: a repair is two statements with a line between them that holds only a semicolon")
    find, mend = sqlfiles.with_shared(text.rstrip().removesuffix(";")).split(_SEPARATOR)
    return Repair(code, int(order), find.strip(), mend.strip(), "from" in head)


def _line(text: str, key: str) -> int:
    """Where a line of the head stands; 1 where there is none."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.startswith(f"-- {key}:")), 1)

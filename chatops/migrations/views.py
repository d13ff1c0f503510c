"""The files of sql/views: which have another text than the one that is installed, and in which order they go in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from chatops import formatting, sqlfiles
from chatops.migrations.ledger import Ledger
from chatops.migrations.plan import Entry, LedgerRow, MigrationPlan, State
from chatops.migrations.source import SHIPPED, MigrationFile, checksum, reading_of

if TYPE_CHECKING:
    from chatops.migrations.migration_text import MigrationText

FOLDER = "views"
READ_AS_CALLER = ("chat_queue", "stuck_chats", "operator_load")
"""Views of ours that read with the rights of who asks: to be allowed to read one shows nobody a row more."""
VARIANT = ".before_018"
QUEUE_CLOCKS = 21
"""The migration from which on the queue goes by chats.waiting_since, which 018 brings and 020 fills in; until then a file gives
way to its variant, where it has one."""


@dataclass(frozen=True)
class View:
    """One file of sql/views; `row` is what the ledger knows of the text that is installed."""

    name: str
    text: str
    row: LedgerRow | None

    @cached_property
    def reading(self) -> MigrationText:
        """What stands in it."""
        return reading_of(f"views/{self.name}.sql", self.text.encode())

    @property
    def ledger_name(self) -> str:
        """Its name in the ledger, which numbered files share."""
        return f"{FOLDER}/{self.name}"

    @property
    def entry(self) -> Entry:
        """It as a file of a plan: in as it is here, or pending."""
        data = self.text.encode()
        shown = f"{self.ledger_name}.sql"
        file = MigrationFile(SHIPPED, self.ledger_name, 0, sqlfiles.root() / shown, shown, checksum(data), (0, self.name), data)
        return Entry(self.ledger_name, 0, State.PENDING if self.changed else State.APPLIED, file, self.row)

    @property
    def changed(self) -> bool:
        """Whether another text is installed, or none."""
        return self.row is None or self.row.checksum != checksum(self.text.encode())


def counted(names: Iterable[str]) -> list[str]:
    """How many views and how many functions these files of sql/views make, in words.

    >>> counted(["chat_queue", "views/stuck_chats", "detect_stuck_chats"]), counted([])
    (['2 views', '1 function'], [])
    """
    names = [name.rpartition("/")[2] for name in names]
    known = sqlfiles.names(FOLDER)
    functions = sum(name in known and sqlfiles.is_function(name) for name in names)
    views_ = len(names) - functions
    told = [formatting.plural(views_, "view")] if views_ else []
    return [*told, *([formatting.plural(functions, "function")] if functions else [])]


def goes_by_clocks(ledger: Ledger, plan: MigrationPlan) -> bool:
    """Whether the queue goes by chats.waiting_since once the plan has been carried out."""
    applied = any(row.source == SHIPPED and row.is_in and (row.number or 0) >= QUEUE_CLOCKS for row in ledger.rows)
    return applied or ledger.facts.goes_by_clocks or any(entry.number >= QUEUE_CLOCKS for entry in plan.apply)


def views(ledger: Ledger, plan: MigrationPlan) -> list[View]:
    """Every file of sql/views in the text for this database, those that others need first; [] for a source of others."""
    if plan.source != SHIPPED:
        return []
    clocks = goes_by_clocks(ledger, plan)
    known = {row.name: row for row in ledger.rows if row.source == SHIPPED and row.kind == "repeatable"}
    found = {}
    for name in sqlfiles.names(FOLDER):
        if name.endswith(VARIANT):
            continue
        text = sqlfiles.view_text(name, before_018=not clocks)
        found[name] = View(name, text, known.get(f"{FOLDER}/{name}"))
    return in_order(found)


def in_order(found: Mapping[str, View]) -> list[View]:
    """By their `-- needs:` lines, else by name."""
    ordered: dict[str, View] = {}

    def add(name: str, asking: Sequence[str]) -> None:
        if name in asking:
            raise ValueError(f"sql/views need each other in a circle: {' → '.join([*asking, name])}")
        if name in ordered or name not in found:
            return
        needs = sqlfiles.header(found[name].text).get("needs", "")
        for other in filter(None, re.split(r"[,\s]+", needs)):
            add(other, [*asking, name])
        ordered[name] = found[name]

    for name in sorted(found):
        add(name, [])
    return list(ordered.values())

"""Statements of ours that each file of a run sends: a session parses and plans them once, for all files that go with others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from chatops import db
from chatops.db import Argument
from chatops.migrations import ledger, together
from chatops.migrations.ledger import Run
from chatops.migrations.source import MigrationFile
from chatops.migrations.transaction import alike_texts

_NUMBERS = itertools.count(1)


class SessionStatements:
    """What is prepared in which session: the ledger's row of a file, its end, and whatever is the same in every file.

    A file may take it all away again, and a lost session has it no more: then it is prepared anew, under other names.
    """

    def __init__(self, schema: str, source: str, run: Run, *, deadline_ms: int, statement_timeout: str | None) -> None:
        row = [Argument(at) for at in (1, 2, 3, 4)]
        self._begin = together.row_text(schema, source, run, *row, run_known=True)
        self._end = ledger.end_text(schema, source, Argument(1))
        alike = alike_texts(schema, source, run, deadline_ms=deadline_ms, statement_timeout=statement_timeout)
        self._texts = (self._begin, self._end, *alike)
        self._session: int | None = None
        self._names: dict[str, str] = {}

    def ready_in(self, session: int) -> bool:
        """Whether a session, by its process, has them."""
        return self._session == session

    def forget(self) -> None:
        """After whatever may have taken them away."""
        self._session = None

    def prepared(self, session: int) -> list[str]:
        """The statements that prepare what a session has not yet."""
        if self.ready_in(session):
            return []
        self._session, number = session, next(_NUMBERS)
        self._names = {text: f"chatops_{number}_{at}" for at, text in enumerate(self._texts, 1)}
        return [f"prepare {name} as {text.rstrip().removesuffix(';')}" for text, name in self._names.items()]

    def begun(self, file: MigrationFile) -> str:
        """Locks, expects and records a file, as `begun_text` does for one whose run is known."""
        return self._executed(self._begin, together.row_of(file))

    def ended(self, file: MigrationFile) -> str:
        """Records that a file is wholly in."""
        return self._executed(self._end, [file.name])

    def shortened(self, text: str) -> str:
        """The same statement, by its name where it is prepared."""
        return f"execute {self._names[text]}" if text in self._names else text

    def _executed(self, text: str, values: Sequence[object]) -> str:
        return f"execute {self._names[text]}({', '.join(map(db.literal, values))})"

"""What goes to the server for a file that is not one transaction, whoever sends it."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import __version__, db, sqlfiles
from chatops.frozen import frozen
from chatops.migrations import ledger
from chatops.migrations.bookkeeping import bookkeeping_texts
from chatops.migrations.ledger import Run
from chatops.migrations.plan import Entry
from chatops.migrations.scanner import Statement
from chatops.migrations.source import MigrationFile
from chatops.migrations.statements import is_setting
from chatops.migrations.transaction import CLEAN, Part, Transaction


@frozen
class StepTexts:
    """What goes to the server for a file that is not one transaction, whoever sends it."""

    entry: Entry
    schema: str
    run: Run
    statement_timeout: str | None = None

    @property
    def file(self) -> MigrationFile:
        """The file, which is there: it is pending."""
        assert self.entry.file is not None
        return self.entry.file

    @property
    def row(self) -> dict[str, object]:
        """What names the file's row of the ledger."""
        return {"target_schema": self.schema, "source": self.file.source, "name": self.file.name}

    def begin(self) -> str:
        """The ledger row of a file that begins, or that is taken over from the run that stopped."""
        file = self.file
        if self.entry.row is None:
            return ledger.begin_text(
                self.schema, file.source, file.name, file.number, file.checksum, self.run, state="running", digests=file.digests
            )
        values = {
            **self.row, "checksum": file.checksum, "chatops_version": __version__, "git_revision": self.run.revision,
            "statements": None if file.digests is None else db.json(file.digests),
        }  # fmt: skip
        return db.inlined(sqlfiles.read("queries/ledger_resume.sql"), values)

    def expected(self, done: int) -> str:
        """What the ledger must say while a run is at work that has finished so many statements."""
        return f"running {done} {self.file.checksum}"

    def step(self, done: int, rows: int = 0, state: str = "running") -> str:
        """How many statements are finished, and how many further rows they changed."""
        values = {**self.row, "steps_done": done, "rows": rows, "state": state}
        return db.inlined(sqlfiles.read("queries/ledger_step.sql"), values)

    def end(self) -> str:
        """The file is wholly in."""
        return ledger.end_text(self.schema, self.file.source, self.file.name)

    def before(self, statement: Statement, *, local: bool) -> list[str]:
        """What a statement must find set: the file's search_path, and what the file itself has set so far, as in one session."""
        path = ledger.file_path_texts(self.file.source, self.schema, local=local)
        so_far = (
            earlier.text for earlier in self.file.reading.statements if earlier.start < statement.start and is_setting(earlier)
        )
        return [*path, *so_far]

    def transaction(
        self, ours: Sequence[str], statement: Statement | None, after: Sequence[str], *, expected: str, lock_timeout_ms: int,
        more: Sequence[str] = (), bookkeeping: bool = False,
    ) -> Transaction:  # fmt: skip
        """Lock, expectation, then our statements, one of the file's, and ours again, in one transaction."""
        settings = ledger.settings_texts(
            self.schema, self.run, lock_timeout_ms=lock_timeout_ms, statement_timeout=self.statement_timeout
        )
        head = ["begin", *settings, *ledger.lock_text(self.schema, bookkeeping=bookkeeping, source=self.file.source)]
        if bookkeeping:
            head += bookkeeping_texts()
        head += [ledger.run_text(self.run), ledger.expect_text_of(self.schema, self.file.source, self.file.name, expected)]
        parts = [Part(text.rstrip().removesuffix(";")) for text in (*head, *more, *ours)]
        if statement is not None:
            reading = self.file.reading
            parts += [Part(text) for text in self.before(statement, local=True)]
            end = statement.end if statement.copy_data else statement.stop
            parts.append(Part(reading.sent[statement.leading : end], reading, statement))
            parts += [Part(text) for text in CLEAN]
        last = (Part(text.rstrip().removesuffix(";")) for text in (*after, "commit"))
        return Transaction((*parts, *last), apart=self.run.tenant)

"""A migration file as it was read: its text, its statements, how it has to be run, and what is wrong with it."""

from __future__ import annotations

from hashlib import sha256
from typing import Literal

from chatops.frozen import frozen
from chatops.migrations.scanner import Place, Statement, normalised

Mode = Literal["transaction", "statements", "batched", "repairs"]
# What `-- chatops:` can ask for at the head of a file, and what it means.
DIRECTIVES = {
    "no-transaction": "statement by statement, each on its own; a re-run goes on at the one that failed",
    "batched": "each statement in its own transaction, repeated until it reports 0 rows",
    "repairs": "the repairs that chatops ships, all or those whose codes follow, in batches; the file holds no SQL",
}


@frozen
class Problem:
    """Something wrong in a file. An `error` keeps every pending file from running, a `warning` is shown.

    `line` and `column` count from 1 and are None where the file as a whole is meant; `code` is a stable word for scripts.
    """

    file: str
    line: int | None
    column: int | None
    code: str
    message: str
    hint: str
    severity: Literal["error", "warning"] = "error"

    @property
    def where(self) -> str:
        """`file:line:column`, as editors take it."""
        return self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"


@frozen
class MigrationText:
    r"""A migration file, read.

    `text` is the file without byte order mark and with `\n` for `\r\n`, and `checksum` (sha256, hexadecimal) is of that.
    `sent` is what goes to the server: `text` with blanks for what must not (the `\restrict` lines of pg_dump, parts that undo, a
    BEGIN and COMMIT around the whole), so that offsets, lines and columns hold in both; `notes` say what was left out.
    `statements` are those to run, `hashes` one sha256 for each that ignores blanks and comments. `effect` is the `-- effect:`
    line for people, None without one. `mode` is how it has to be run, `mode_reason` why it is not one transaction. `problems`
    are in the order of the file.
    """

    name: str
    text: str
    checksum: str
    statements: tuple[Statement, ...] = ()
    hashes: tuple[str, ...] = ()
    effect: str | None = None
    directives: tuple[str, ...] = ()
    mode: Mode = "transaction"
    mode_reason: str | None = None
    problems: tuple[Problem, ...] = ()
    sent: str = ""
    notes: tuple[str, ...] = ()
    repairs: tuple[str, ...] | None = None
    """The codes of the repairs that it has run, () for all of them; None for a file of SQL."""

    @property
    def runnable(self) -> bool:
        """Whether no problem keeps it from running."""
        return all(problem.severity != "error" for problem in self.problems)

    @property
    def is_known(self) -> bool:
        """Whether its bytes could be read, and are text."""
        return not any(problem.code in ("unreadable", "not-utf-8") for problem in self.problems)


def normalised_text(text: str) -> str:
    r"""The text that a checksum stands for, and that is sent: no byte order mark, `\n` for `\r\n`.

    Sending the same text keeps a checkout made on Windows from putting other function bodies into the database.
    """
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def statement_hash(text: str, statement: Statement) -> str:
    """sha256 of a statement of `text`, the same for any blanks, line breaks and comments; COPY rows count as they stand."""
    digest = sha256(normalised(statement.text).encode())
    if statement.copy_data is not None:
        begin, end = statement.copy_data
        digest.update(b"\n" + text[begin:end].encode())
    return digest.hexdigest()


def problem_at(
    name: str,
    at: Statement | Place,
    code: str,
    message: str,
    hint: str,
    severity: Literal["error", "warning"] = "error",
) -> Problem:
    """A problem at a statement or a place of a file."""
    return Problem(name, at.line, at.column, code, message, hint, severity)

"""What can go wrong, in words: every failure names what happened, the exit code it ends in, and the next step.

    ChatopsError                     4 unless it says otherwise
    ├── UsageError                   2  the command line or the configuration
    │   └── NoDatabaseError          2  no database was named; what needs none can go on
    ├── UnreachableError             3  no connection
    │   └── ConnectionLostError      3  gone in the middle
    ├── RefusedError                 4  nothing was changed
    │   └── NotATerminalError        4  a question, and nobody to answer it
    ├── StoppedError               130  somebody said stop at a question
    ├── ConflictError                5  the same command may work in a moment
    └── DatabaseError                4  the server refused a statement, with its SQLSTATE
        ├── HiddenRowsError          4  row level security hides from this role what was asked
        ├── StatementTimeoutError    4  our own timeout
        └── LockTimeoutError         5  a lock was not had in time

Modules add kinds of their own below these. What is refused in the same words at several places is made by a function here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """How a run ended, for scripts."""

    OK = 0
    FOUND = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    CONFLICT = 5
    BUG = 70
    UNWRITTEN = 74
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One sentence, as the help and the README print it."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "all well",
    ExitCode.FOUND: "ran, and found something: a failed or unknown check, a finding, something pending",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.UNREACHABLE: "database unreachable",
    ExitCode.REFUSED: "refused, or failed and rolled back",
    ExitCode.CONFLICT: "conflict, safe to retry: another migrator holds the lock, the chat moved",
    ExitCode.BUG: "a bug in chatops; the traceback with --debug",
    ExitCode.UNWRITTEN: "the answer could not be written: no room, or an error of the disk",
    ExitCode.INTERRUPTED: "interrupted",
}


WORST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
    ExitCode.UNWRITTEN,
    ExitCode.REFUSED,
    ExitCode.UNREACHABLE,
    ExitCode.USAGE,
    ExitCode.CONFLICT,
    ExitCode.FOUND,
    ExitCode.OK,
)


def worst(codes: Iterable[int]) -> ExitCode:
    """The exit code that stands for several targets.

    >>> worst([0, 5, 1])
    <ExitCode.CONFLICT: 5>
    """
    seen = {ExitCode(code) for code in codes}
    return next((code for code in WORST_FIRST if code in seen), ExitCode.OK)


class ChatopsError(Exception):
    """A failure that chatops can explain.

    `message` is one sentence; `details` are lines of evidence; `next_steps` are (label, command) pairs, a command
    working as pasted. Text from a server or a user is printed escaped by whoever shows the error.
    """

    exit_code = ExitCode.REFUSED

    def __init__(self, message: str, *, details: Sequence[str] = (), next_steps: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        self.next_steps = tuple(next_steps)


class UsageError(ChatopsError):
    """The command line or the configuration does not say what to do."""

    exit_code = ExitCode.USAGE


class NoDatabaseError(UsageError):
    """No database is named anywhere; what needs none can go on."""


class UnreachableError(ChatopsError):
    """No connection could be made, or it was lost; `lasts` where waiting changes nothing, such as a rejected password."""

    exit_code = ExitCode.UNREACHABLE
    lasts = False


class RefusedError(ChatopsError):
    """chatops, or the database, would not do it; nothing was changed."""

    exit_code = ExitCode.REFUSED


def standby_refused(verb: str = "written") -> RefusedError:
    """What every command that writes says on a standby."""
    return RefusedError(
        f"this server is a standby: it can be read, not {verb}", next_steps=[("connect to the primary", "chatops config")]
    )


class ConflictError(ChatopsError):
    """Somebody else was there first; the same command may work in a moment."""

    exit_code = ExitCode.CONFLICT


class NotATerminalError(RefusedError):
    """A question had to be asked and nobody is there to answer it."""


class StoppedError(ChatopsError):
    """Somebody said stop before anything was changed."""

    exit_code = ExitCode.INTERRUPTED


class DatabaseError(ChatopsError):
    """The server refused a statement.

    `sqlstate` is its code (five characters, or None when the connection broke), `position` the 1-based character offset into the
    text that was sent, `server_detail` and `server_hint` the server's own further lines.
    """

    exit_code = ExitCode.REFUSED

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None = None,
        position: int | None = None,
        server_detail: str | None = None,
        server_hint: str | None = None,
        context: str | None = None,
        constraint: str | None = None,
        table: str | None = None,
        details: Sequence[str] = (),
        next_steps: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, details=details, next_steps=next_steps)
        self.sqlstate = sqlstate
        self.position = position
        self.server_detail = server_detail
        self.server_hint = server_hint
        self.context = context
        self.constraint = constraint
        self.table = table


class LockTimeoutError(DatabaseError):
    """A lock was not had in time (55P03); nothing was changed."""

    exit_code = ExitCode.CONFLICT


class HiddenRowsError(DatabaseError):
    """Row level security hides rows from this role: the server would answer, as if there were none."""

    exit_code = ExitCode.REFUSED


class StatementTimeoutError(DatabaseError):
    """Our own statement timeout ended the statement (57014)."""

    exit_code = ExitCode.REFUSED


class ConnectionLostError(UnreachableError):
    """The server went away in the middle of the work; `sqlstate` where it said why."""

    sqlstate: str | None = None

"""Questions to the person at the terminal, and which of them a flag answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from chatops.errors import NotATerminalError, StoppedError, UsageError, standby_refused
from chatops.flows.connection import Connection
from chatops.formatting import visible
from chatops.render.wrap import wrapped

if sys.platform != "win32":
    import termios


class Questions(Connection):
    """What a run asks before it changes anything."""

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str, flag: str) -> str:
        """One line from the person at the terminal. Raises NotATerminalError naming the flag that answers instead."""
        if not self.interactive:
            raise NotATerminalError(f"{self.command} needs {flag} where nobody can be asked; nothing was changed")
        _forget_what_was_typed_before()
        # The answer is typed behind the last line of a question that is broken at words.
        lines = wrapped(visible(question), self.medium(stream=sys.stderr).width - len(" n"))
        try:
            sys.stderr.write("\n".join(str(line) for line in lines) + " ")
            sys.stderr.flush()
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        if not line:
            sys.stderr.write("\n")
            raise StoppedError("Stopped. Nothing was changed.")
        return line.strip()

    def ask_unseen(self, question: str) -> str:
        """One line that does not appear on the screen; "" where nobody is there to type it."""
        if not self.interactive:
            return ""
        sys.stderr.flush()
        try:
            with _unseen():
                sys.stderr.write(f"{visible(question)} ")
                sys.stderr.flush()
                line = sys.stdin.readline()
        except KeyboardInterrupt:
            line = ""
        sys.stderr.write("\n")
        if not line:
            raise StoppedError("Stopped. Nothing was changed.")
        return line.rstrip("\r\n")

    def refuse_beforehand(self) -> str:
        """The database's name. Refuses what a yes could not bring about: on a server that is away, a standby, a database ahead.

        Raises UnreachableError and RefusedError.
        """
        with self.connect("read") as database:
            facts = database.glance()
            self.banner(database, ahead_told=True, refuse_ahead=True)
            if facts.standby:
                raise standby_refused()
            return facts.database

    def consent(self, question: str, *, yes: bool, always: bool = False, writes: bool = True) -> bool:
        """Asks before a change, default No; True at once with --yes.

        Off a terminal only a production database (or `always`) needs --yes. The question repeats environment, host and database;
        one about a change in the database (`writes`) is not asked where it would be refused.
        """
        if yes:
            return True
        if not self.target.production and not always and not self.interactive:
            return True
        self._refuse_unasked()
        if writes:
            self.refuse_beforehand()
        return self.ask(f"{question} on {self._place}? [y/N]", "--yes").lower() in ("y", "yes")

    def consent_by_name(self, question: str, *, yes: bool) -> bool:
        """Asks before what cannot be undone: only the database's name, typed whole, is a yes; True at once with --yes."""
        if yes:
            return True
        self._refuse_unasked()
        name = self.refuse_beforehand()
        typed = self.ask(f"{question} on {self._place}? It cannot be undone. Type the database's name, {name}:", "--yes")
        if typed != name and typed:
            self.note(f"That is not {visible(name)}.")
        return typed == name

    def _refuse_unasked(self) -> None:
        if not self.interactive:
            where = f"a production database ({self.target.where})" if self.target.production else f"this ({self.target.where})"
            raise NotATerminalError(f"{self.command} changes {where}: give --yes to go on; nothing was changed")

    @property
    def _place(self) -> str:
        """Environment, host and database; and that it counts as no production, where only the host says so."""
        target = self.target
        host, _, database = target.where.rpartition("/")
        if target.production or target.environment or target.embedded or not (host and database):
            return f"{target.name} ({target.where})"
        return f"{database} at {host} (counts as not production)"

    def reason(self, given: str | None) -> str | None:
        """The reason for moving chats: required on production, asked for at a terminal."""
        if given and given.strip():
            return self._kept(given.strip())
        if not self.target.production:
            return None
        return self.needed_reason(None, " on production")

    def needed_reason(self, given: str | None, where: str = "") -> str:
        """A reason for the log, asked for at a terminal. Raises UsageError where none is given."""
        found = (given or "").strip() or self.ask("Reason (kept in the log):", "--reason TEXT")
        if not found:
            raise UsageError(f"a reason is needed{where}; nothing was changed")
        return self._kept(found)

    def _kept(self, reason: str) -> str:
        """A reason that the database can hold. Raises UsageError for another."""
        if sign := self.lacks(reason):
            raise UsageError(
                f"the reason cannot be kept: the database's encoding has no “{sign}”; nothing was changed",
                details=["say it in letters that it has"],
            )
        return reason


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """The terminal shows nothing of what is typed, and forgets what was typed before."""
    import termios  # not on every system

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


def _forget_what_was_typed_before() -> None:
    """A y that was typed while something else was running answers no question."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError, ValueError, termios.error):  # no terminal to flush
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)

"""One run of the command line: what was asked, on which database, and how the answer is shown."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatops import signs
from chatops.errors import ChatopsError, ExitCode, NotATerminalError, UsageError
from chatops.flows.given import Given

if TYPE_CHECKING:
    from datetime import datetime

    from chatops.db import Database, Intent
    from chatops.model import Answer, Line
    from chatops.provenance import Provenance
    from chatops.render import Medium
    from chatops.settings import Target


class Invocation(Given):
    """One run of what was given; stdout is written by `show` alone."""

    def __init__(self, given: Given) -> None:
        super().__init__(**vars(given))
        self.environ = os.environ
        self._target: Target | None = None
        self._open: list[Database] = []
        self._banner_shown = False
        self.now: datetime | None = None
        """The database's clock when the snapshot was taken."""
        self.plugin_code: int | None = None
        """What the last answer comes to by the rules of Nagios plugins."""

    # -- the database ---------------------------------------------------------------------------------------------

    @property
    def target(self) -> Target:
        """The one database this run is about; the embedded server is started if it is the one."""
        if self._target is None:
            from chatops import settings

            target = settings.resolve(settings.Options(tuple(self.db), self.env, self.schema))
            for warning in target.warnings:
                self.warn(warning)
            self._target = started(target, self.note)
        return self._target

    def use(self, target: Target) -> None:
        """Works on another database from now on: one that this run has made."""
        self._target = target

    def connect(self, intent: Intent = "read", *, target: Target | None = None) -> Database:
        """A connection that is closed when the run ends."""
        from chatops import db

        database = db.connect(target or self.target, self.command, intent)
        database.show_names = self.medium(stream=sys.stderr).show_names
        self._open.append(database)
        return database

    @contextlib.contextmanager
    def reading(self, *, statement_timeout: str | None = None, ends: float | None = None) -> Iterator[Database]:
        """One read-only snapshot of the target, the banner shown; given up at `ends` of the monotonic clock, whatever hangs."""
        database = self.connect("read")
        bounded = contextlib.nullcontext() if ends is None else database.given_up_after(ends - time.monotonic())
        with bounded, database.reading(statement_timeout=statement_timeout):
            self.banner(database)
            yield database

    @contextlib.contextmanager
    def acting(self, *, rollback: bool = False) -> Iterator[Database]:
        """One writing transaction on the target, the banner shown."""
        database = self.connect("act")
        with database.acting(rollback=rollback):
            self.banner(database)
            yield database

    def banner(self, database: Database) -> None:
        """Says on stderr, once, where this run is: environment, host, database, role, version, server time."""
        facts = database.facts
        if facts is None:
            return
        self.now = facts.now
        if self._banner_shown:
            return
        self._banner_shown = True
        target = database.target
        place = target.shown().rpartition("/")[0]
        schema = "" if target.schema == "public" else f" · schema {target.schema}"
        standby = " · standby" if facts.standby else ""
        self.note(
            f"{target.name} · {place}/{facts.database} as {facts.role} · Postgres {facts.version.split()[0]}{standby}{schema}"
            f" · {utc(facts.now)}"
        )

    # -- output -----------------------------------------------------------------------------------------------------

    def medium(self, *, stream: Any = None) -> Medium:
        """What stdout (or another stream) can show."""
        from chatops.render import Medium

        stream = stream or sys.stdout
        terminal = bool(stream.isatty())
        colour = terminal and "NO_COLOR" not in self.environ and self.environ.get("TERM", "dumb") not in ("dumb", "")
        width = 0
        if terminal:
            import shutil

            width = shutil.get_terminal_size().columns
        return Medium(width=width, terminal=terminal, colour=colour, ascii=signs.is_ascii_only(getattr(stream, "encoding", None)),
                      show_names=self.show_names or terminal)  # fmt: skip

    def format(self) -> str:
        """The format of stdout: as asked, else table on a terminal and plain in a pipe. Raises UsageError."""
        chosen = self.output or ("table" if sys.stdout.isatty() else "plain")
        self._known(chosen)
        return chosen

    def _known(self, name: str) -> None:
        if name not in self.formats:
            raise UsageError(f"{self.command} knows no format {name!r}; it has: {', '.join(self.formats)}")

    def writes(self) -> list[tuple[str, Path]]:
        """The FORMAT=FILE pairs of --write. Raises UsageError."""
        pairs = []
        for text in self.write:
            name, equals, file = text.partition("=")
            if not equals or not file:
                raise UsageError("--write takes FORMAT=FILE, such as --write markdown=summary.md")
            self._known(name)
            pairs.append((name, Path(file)))
        return pairs

    def check_output(self) -> None:
        """Fails early, before any work, when a format is unknown."""
        self.format()
        self.writes()

    def envelope(self) -> dict[str, Any]:
        """What machine formats say about the run itself."""
        from chatops import __version__

        found: dict[str, Any] = {"chatops": __version__, "format": 1, "command": self.command}
        if self._target is not None:
            found |= {"environment": self._target.name, "database": self._target.shown()}
        return found

    def show(self, answer: Answer, emit: Callable[[str], object] | None = None) -> None:
        """Writes the answer to stdout, or hands its pieces to `emit`, and writes the files of --write."""
        from dataclasses import replace

        from chatops.model import Table
        from chatops.render import Medium, render

        pairs = self.writes()
        if pairs:  # rows are read once: keep them when more than one reader wants them
            kept = [replace(b, rows=list(b.rows)) if isinstance(b, Table) else b for b in answer.body]
            answer = replace(answer, body=kept)
        medium = self.medium()
        if self.format() == "nagios":
            from chatops.render import nagios

            self.plugin_code = nagios.state(answer)
        for piece in render(_pasteable_answer(answer), self.format(), medium, self.envelope()):
            emit(piece) if emit is not None else self.emit(piece, medium)
        for name, path in pairs:
            pieces = render(answer, name, Medium(show_names=self.show_names), self.envelope())
            write_file(path, "".join(pieces), append=str(path) == self.environ.get("GITHUB_STEP_SUMMARY"))

    def emit(self, piece: str, medium: Medium | None = None) -> None:
        """Writes a piece of the answer to stdout."""
        from chatops.render import encodable

        sys.stdout.write(encodable(piece, medium or self.medium()))

    def note(self, line: Line) -> None:
        """A line on stderr: banner, progress, warnings."""
        from chatops.render import encodable
        from chatops.render.plain import unstyled

        medium = self.medium(stream=sys.stderr)
        line = pasteable(line)
        if medium.colour and not isinstance(line, str):
            from chatops.render.table import styled

            text = styled(line, medium)
        else:
            text = unstyled(line) + "\n"
        with contextlib.suppress(BrokenPipeError):
            sys.stderr.write(encodable(text, medium))
            sys.stderr.flush()

    def warn(self, text: str) -> None:
        """A warning on stderr."""
        self.note(f"warning: {text}")

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str, flag: str) -> str:
        """One line from the person at the terminal. Raises NotATerminalError naming the flag that answers instead."""
        if not self.interactive:
            raise NotATerminalError(f"nobody is there to answer “{question.strip()}”: give {flag}; nothing was changed")
        sys.stderr.write(f"{question} ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise KeyboardInterrupt
        return line.strip()

    def consent(self, question: str, *, yes: bool, always: bool = False) -> bool:
        """Asks before a change, default No; True at once with --yes.

        Off a terminal only a production database (or `always`) needs --yes. The question repeats environment and host.
        """
        if yes:
            return True
        target = self.target
        if not target.production and not always and not self.interactive:
            return True
        if not self.interactive:
            where = "a production database" if target.production else "this"
            raise NotATerminalError(f"{self.command} changes {where}: give --yes to go on; nothing was changed")
        place = f"{target.name} ({target.host or 'this machine'})"
        return self.ask(f"{question} on {place}? [y/N]", "--yes").lower() in ("y", "yes")

    def reason(self, given: str | None) -> str | None:
        """The reason for moving chats: required on production, asked for at a terminal."""
        if given and given.strip():
            return given.strip()
        if not self.target.production:
            return None
        answer = self.ask("Reason (kept in the log):", "--reason")
        if not answer:
            raise UsageError("a reason is needed on production; nothing was changed")
        return answer

    @property
    def provenance(self) -> Provenance:
        """Who acts, from where and with which command, for the audit."""
        from chatops.provenance import provenance

        return provenance(self.argv, environment=self.target.name, schema=self.target.schema, environ=self.environ)

    def here(self, *words: str) -> str:
        """A chatops command line that works when pasted: this database named again."""
        flags = self.target.flags
        return " ".join(part for part in (program(), flags, *words) if part)

    # -- ends ---------------------------------------------------------------------------------------------------------

    def failed(self, error: ChatopsError, code: ExitCode) -> int:
        """Shows a failure: on stderr for people, on stdout as JSON where JSON was asked for."""
        if self.output in ("json", "jsonl"):
            import json

            body = {
                "message": error.message,
                "details": list(error.details),
                "next_steps": [{"label": label, "command": step} for label, step in error.next_steps],
                "exit_code": int(code),
                "sqlstate": getattr(error, "sqlstate", None),
                **{key: getattr(error, key) for key in ("file", "line", "column") if hasattr(error, key)},
            }
            with contextlib.suppress(BrokenPipeError):
                sys.stdout.write(json.dumps({**self.envelope(), "error": body}) + "\n")
                sys.stdout.flush()
        if self.is_plugin:
            from chatops.render import nagios

            with contextlib.suppress(BrokenPipeError):
                self.emit(nagios.line(3, error.message))
                sys.stdout.flush()
        if code is not ExitCode.USAGE:
            self._tell_watchers(error)
        from chatops.render.failure import failure

        for line in failure(error):
            self.note(line)
        return int(code)

    def _tell_watchers(self, error: ChatopsError) -> None:
        """What watches checks must not go on with an older file: the run as one outcome that is unknown."""
        from chatops.model import Answer, Figure, Outcome
        from chatops.render import Medium, render

        watching = ("junit", "prometheus", "github")
        outcome = Outcome(f"chatops {self.command}", "unknown", "critical", error.message, counts=True)
        findings = Figure(
            "findings", 1.0, "Findings by severity; unknown: checks that could not be made.", {"severity": "unknown"}
        )
        checks = Figure("checks_run", 0.0, "Checks that gave an answer.")
        answer = Answer(self.command, [], figures=[findings, checks], outcomes=[outcome])
        with contextlib.suppress(ChatopsError, OSError):
            if self.output in watching and self.output in self.formats:
                self.emit("".join(render(answer, self.output, self.medium(), self.envelope())))
            for name, path in self.writes():
                if name in watching:
                    write_file(path, "".join(render(answer, name, Medium(), self.envelope())))

    def misused(self, error: Exception) -> int:
        """Shows what is wrong with the command line."""
        message = getattr(error, "format_message", lambda: str(error))()
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "chatops"
        return self.failed(UsageError(message, next_steps=[("help", f"{path} --help")]), ExitCode.USAGE)

    def crashed(self, error: Exception) -> int:
        """Shows a bug as one sentence; the traceback with --debug."""
        from chatops.settings import redact

        if self.debug:
            import traceback

            self.note(redact("".join(traceback.format_exception(error)), self._secrets()))
        text = redact(f"{type(error).__name__}: {error}".splitlines()[0], self._secrets())
        again = "" if self.debug else "; the traceback with --debug"
        return self.failed(ChatopsError(f"a bug in chatops: {text}{again}"), ExitCode.BUG)

    def _secrets(self) -> list[str]:
        if self._target is None:
            return [text for text in self.argv if "://" in text]
        from chatops.db import secrets_of

        return secrets_of(self._target)

    def close(self) -> None:
        """Closes what is still open."""
        for database in self._open:
            database.close()
        self._open.clear()


def program() -> str:
    """What must be typed to run this chatops again from the current folder."""
    import shlex
    import shutil

    given = Path(sys.argv[0])
    if given.name != "chatops":
        return "chatops"
    # Not resolved: in a virtual environment python and chatops lie side by side, and links lead elsewhere.
    found = shutil.which("chatops")
    if found is not None and Path(found).exists() and given.exists() and Path(found).samefile(given):
        return "chatops"
    return shlex.quote(nearest(given))


def nearest(path: Path) -> str:
    """A path as one would type it here."""
    absolute = path.absolute()
    with contextlib.suppress(ValueError):
        relative = absolute.relative_to(Path.cwd())
        return str(relative) if relative.parent != Path() else f"./{relative}"
    return str(absolute)


def pasteable(line: Line) -> Line:
    """A line whose commands begin as they must be typed here."""
    if isinstance(line, str) or not any(span.style == "code" and span.text.startswith("chatops ") for span in line):
        return line
    from dataclasses import replace

    typed = program()
    return [
        replace(span, text=typed + span.text.removeprefix("chatops"))
        if span.style == "code" and span.text.startswith("chatops ")
        else span
        for span in line
    ]


def _pasteable_answer(answer: Answer) -> Answer:
    from dataclasses import replace

    from chatops.model import Text

    body = [
        replace(block, lines=[pasteable(line) for line in block.lines]) if isinstance(block, Text) else block
        for block in answer.body
    ]
    return replace(answer, body=body)


def started(target: Target, note: Callable[[str], None]) -> Target:
    """The target itself, or the embedded server's address once it runs."""
    if target.embedded is None:
        return target
    from dataclasses import replace

    from chatops import local, settings

    url = local.url(target.parameters["dbname"], say=note)
    parameters, _ = settings.parse(url, "embedded server")
    return replace(target, parameters=parameters)


def utc(moment: Any) -> str:
    """An instant to the minute, in UTC."""
    from datetime import UTC

    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def write_file(path: Path, text: str, *, append: bool = False) -> None:
    """Writes a whole file or nothing: by a rename, but for devices, pipes and summaries that are appended to.

    Raises UsageError when it cannot be written.
    """
    try:
        if append or (path.exists() and not path.is_file()):
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None

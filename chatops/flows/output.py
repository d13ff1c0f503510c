"""Where an answer goes: the format that was asked for, stdout and the files of --write; all other lines go to stderr."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TextIO

from chatops import __version__, formatting, signs
from chatops.errors import UsageError
from chatops.files import write_file
from chatops.flows.given import Given
from chatops.flows.paste import pasteable, pasteable_answer
from chatops.frozen import frozen
from chatops.model import Answer, Line, Table, Text, value_of
from chatops.render import FORMATS, Format, Medium, encodable, format_named, safe, safe_answer
from chatops.render.wrap import wrapped

EVERY_ROW = 1_000_000_000


@frozen
class Rows:
    """How many rows of a list are read, and how many of them people see."""

    read: int
    shown: int


class Output(Given):
    """What a run says. stdout is written by `show` and `emit` alone."""

    HEARTBEAT_S = 4.0

    def __init__(self, given: Given) -> None:
        super().__init__(**vars(given))
        self.environ = os.environ
        self.judged: int | None = None
        """What the last answer comes to by the rules of a plugin's format."""
        self.told_hidden = False
        """Whether it was said that names are hidden."""

    def medium(self, *, stream: TextIO | None = None) -> Medium:
        """What stdout (or another stream) can show."""
        stream = stream or sys.stdout
        terminal = bool(stream.isatty())
        able = terminal and self.environ.get("TERM", "dumb") not in ("dumb", "")
        colour = able and not self.environ.get("NO_COLOR")
        redraws = able and self.output != "plain"  # which is read aloud, and what is redrawn would be too
        width = shutil.get_terminal_size().columns if terminal else 0
        names = self.show_names or terminal or self._read_by_a_person(stream)
        return Medium(width=width, terminal=terminal, redraws=redraws, colour=colour,
                      ascii=signs.is_ascii_only(getattr(stream, "encoding", None)),
                      show_names=names, utc=self.utc, raw=self.raw)  # fmt: skip

    def _read_by_a_person(self, stream: TextIO) -> bool:
        """Whether lines for people go through a pipe, such as `| grep Ada`, of somebody who sits at a terminal; no CI does."""
        if self.environ.get("CI"):
            return False
        try:
            if not all(one is not None and one.isatty() for one in (sys.stdin, sys.stderr)):
                return False
            piped = stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
        except (OSError, ValueError):
            return False
        name = self.output or "plain"
        return piped and name in FORMATS and format_named(name).for_people

    @property
    def file_medium(self) -> Medium:
        """What the files of --write can show."""
        return Medium(show_names=self.show_names, utc=self.utc, raw=self.raw)

    # -- formats ----------------------------------------------------------------------------------------------------

    def format(self) -> str:
        """The format of stdout: as asked, else table on a terminal and plain in a pipe. Raises UsageError."""
        chosen = self.output or ("table" if sys.stdout.isatty() else "plain")
        self._known(chosen)
        return chosen

    def format_names(self) -> list[str]:
        """The formats that the command has."""
        return [*(name for name in FORMATS if self._has(name)), *(name for name in self.formats.also if name not in FORMATS)]

    def _has(self, name: str) -> bool:
        return name in self.formats.also or (name in FORMATS and format_named(name).needs <= self.formats.holds)

    def _known(self, name: str) -> None:
        if not self._has(name):
            known = self.format_names()
            raise UsageError(
                f"{self.command} knows no format {name!r}; it has: {', '.join(known)}{formatting.did_you_mean(name, known)}"
            )

    @property
    def streams(self) -> bool:
        """Whether rows are written as they come."""
        return (name := self.format()) in FORMATS and format_named(name).streams

    def rows_of_list(self, given: int | None, usual: int) -> Rows:
        """How many rows are wanted: as given, else a screenful for people, and all for programs, in a file of --write too."""
        if given is not None:
            return Rows(given, given)
        return Rows(usual if self.for_people_alone else EVERY_ROW, usual)

    @property
    def for_people_alone(self) -> bool:
        """Whether no program reads rows of this answer: neither stdout nor a file of --write."""
        names = [self.format(), *(name for name, _ in self.writes())]
        return not any(name in FORMATS and format_named(name).reads_rows for name in names)

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

    def wanted_format(self) -> Format | None:
        """The format that stdout's reader expects, whatever happened; None where it is none of ours."""
        name = self.wanted_output or ""
        return format_named(name) if name in FORMATS else None

    def exit_code(self, code: int) -> int:
        """The exit code that the reader of stdout understands: ours, or by the rules of plugins."""
        wanted = self.wanted_format()
        if wanted is None or wanted.exit_code is None:
            return code
        if code not in (0, 1):
            return 3  # whatever kept the answer from being given: unknown
        return self.judged if self.judged is not None else 0 if code == 0 else 3

    # -- the answer -------------------------------------------------------------------------------------------------

    def envelope(self) -> dict[str, object]:
        """What machine formats say about the run itself."""
        return {"chatops": __version__, "format": 1, "command": self.command}

    def show(self, answer: Answer, emit: Callable[[str], object] | None = None) -> None:
        """Writes the answer to stdout, or hands its pieces to `emit`, and writes the files of --write."""
        pairs = self.writes()
        if pairs:  # rows are read once: keep them when more than one reader wants them
            kept = [replace(b, rows=list(b.rows)) if isinstance(b, Table) else b for b in answer.body]
            answer = replace(answer, body=kept)
        medium, chosen = self.medium(), format_named(self.format())
        if chosen.exit_code is not None:
            self.judged = chosen.exit_code(answer)
        for piece in chosen.render(safe_answer(pasteable_answer(seen_by(chosen, answer))), medium, self.envelope()):
            emit(piece) if emit is not None else self.emit(piece, medium)
        if chosen.for_people and not (medium.show_names or self.told_hidden) and _has_people(answer):
            self.told_hidden = True
            self.note("names are hidden, for logs may be public; --show-names shows them")
        for name, path in pairs:
            wanted = format_named(name)
            self.write_to(path, wanted.render(safe_answer(seen_by(wanted, answer)), self.file_medium, self.envelope()))

    def tell(self, *lines: Line, **data: object) -> None:
        """What was done as the answer: lines for people, `data` for programs."""
        self.show(Answer(self.command, [Text(lines)], data))

    def write_to(self, path: Path, pieces: Iterator[str]) -> None:
        """Writes one of the files of --write; the summary of a GitHub job is appended to."""
        write_file(path, "".join(pieces), append=str(path) == self.environ.get("GITHUB_STEP_SUMMARY"))

    def emit(self, piece: str, medium: Medium | None = None) -> None:
        """Writes a piece of the answer to stdout."""
        sys.stdout.write(encodable(piece, medium or self.medium()))

    # -- beside the answer --------------------------------------------------------------------------------------------

    def note(self, line: Line) -> None:
        """A line on stderr: banner, progress, warnings."""
        medium = self.medium(stream=sys.stderr)
        text = "".join(self._told(part, medium) for part in wrapped(safe(pasteable(line)), medium.width))
        with contextlib.suppress(OSError):  # what was said before stands before it, where both go to one place
            sys.stdout.flush()
        with contextlib.suppress(OSError):  # nobody reads it, or there is no room: the answer comes all the same
            sys.stderr.write(encodable(text, medium))
            sys.stderr.flush()

    def _told(self, line: Line, medium: Medium) -> str:
        if isinstance(line, str):
            return line + "\n"
        if medium.colour:
            from chatops.render.table import styled  # a format's file, loaded where it is used

            return styled(line, medium)
        return formatting.disarmed("".join(span.text for span in line)) + "\n"  # spans may make one together

    @contextlib.contextmanager
    def under_way(self, what: str) -> Iterator[None]:
        """Says every few seconds that something long still runs, for whoever watches a terminal or reads a log."""
        over, began = threading.Event(), time.monotonic()

        def tell() -> None:
            while not over.wait(self.HEARTBEAT_S):
                self.note(f"  … {what}: {formatting.duration(time.monotonic() - began)}")

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()

    def warn(self, text: str) -> None:
        """A warning on stderr."""
        self.note(f"warning: {text}")


def seen_by(reader: Format, answer: Answer) -> Answer:
    """The answer with as many rows of each table as that format's readers want."""
    if not reader.for_people or all(table.most is None for table in answer.tables):
        return answer
    # Where none was wanted there is nothing to say of them.
    body = [block for block in answer.body if not isinstance(block, Table) or block.most != 0]
    return replace(answer, body=[_first(block) if isinstance(block, Table) else block for block in body])


def _first(table: Table) -> Table:
    return table if table.most is None else replace(table, rows=list(islice(table.rows, table.most)))


def _has_people(answer: Answer) -> bool:
    """Whether a table that people see names somebody."""
    for table in answer.body:
        if isinstance(table, Table) and table.audience != "machines" and isinstance(table.rows, Sequence):
            people = [one.name for one in table.columns if one.kind == "person" and one.audience != "machines"]
            if any(value_of(row, name) for row in table.rows[: table.most] for name in people):
                return True
    return False

"""What a format is, and what an answer is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from chatops.errors import ChatopsError
from chatops.frozen import frozen
from chatops.model import Answer

Envelope = Mapping[str, object]
"""What machine formats say about the run itself."""

Part = Literal["rows", "figures", "problems"]
"""What an answer may hold: a first table that stands for all, numbers to watch, things that were checked."""


@frozen
class Medium:
    """What the text is written to: `width` in columns (0: endless), colour, whether names may be shown."""

    width: int = 0
    terminal: bool = False
    redraws: bool = False
    """A terminal on which what was written may be written over: not TERM=dumb, not for a screen reader."""
    colour: bool = False
    ascii: bool = False
    show_names: bool = False
    utc: bool = False
    """People see instants instead of how long ago they were."""
    raw: bool = False
    """csv and tsv hold values as they are, even those that a spreadsheet takes for a formula."""


@frozen
class Failure:
    """A run that came to no answer."""

    command: str
    error: ChatopsError
    exit_code: int


@frozen
class Format:
    """One way to write an answer; each stands in the module that bears its name.

    `needs` are the parts that an answer must hold; `streams` says that rows are written as they come. `failure` tells its reader
    of a run without an answer, on stdout and in the files of --write. `exit_code` judges an answer by the rules of plugins.
    """

    name: str
    render: Callable[[Answer, Medium, Envelope], Iterator[str]]
    needs: frozenset[Part] = frozenset()
    for_people: bool = False
    streams: bool = False
    failure: Callable[[Failure, Medium, Envelope], str] | None = None
    exit_code: Callable[[Answer], int] | None = None

    @property
    def reads_rows(self) -> bool:
        """Whether programs read the rows of tables in it, and not figures or outcomes alone."""
        return not self.for_people and self.needs <= {"rows"}

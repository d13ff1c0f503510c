"""What the options shared by all commands say; light, so that help and completion load nothing of weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Formats:
    """What the answers of a command hold (`rows`, `figures`, `problems`), which says the formats that it has.

    `also` names formats that it has beside these: its own, or one that would need more than it always holds.
    """

    holds: frozenset[str] = frozenset()
    also: tuple[str, ...] = ()


DOCUMENT_FORMATS = Formats()
TABLE_FORMATS = Formats(frozenset({"rows"}))
WATCHED_FORMATS = Formats(frozenset({"rows", "figures"}))
LINTED_FORMATS = Formats(frozenset({"rows", "problems"}))
CHECK_FORMATS = Formats(frozenset({"rows", "figures", "problems"}))


@dataclass
class Given:
    """The command line as far as it was read; options given before and after the command arrive here."""

    argv: Sequence[str] = ()
    command: str = ""
    formats: Formats = TABLE_FORMATS
    db: Sequence[str] = ()
    env: str | None = None
    schema: str | None = None
    all_schemas: str | None = None
    jobs: int | None = None
    config: str | None = None
    output: str | None = None
    write: Sequence[str] = ()
    show_names: bool = False
    utc: bool = False
    raw: bool = False
    debug: bool = False

    @property
    def wanted_output(self) -> str | None:
        """The format that was asked for, even if the command line could not be read; None where none was.

        >>> Given(["queue", "--bogus", "-ojson"]).wanted_output
        'json'
        """
        if self.output is not None:
            return self.output
        for word, following in zip(self.argv, [*self.argv, ""][1:], strict=True):
            if word in ("-o", "--output"):
                return following
            for start in ("--output=", "-o"):
                if word.startswith(start) and not word.startswith("--o" if start == "-o" else " "):
                    return word.removeprefix(start)
        return None

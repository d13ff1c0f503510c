"""What the options shared by all commands say; light, so that help and completion load nothing of weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

TABLE_FORMATS = ("table", "plain", "json", "jsonl", "csv", "tsv", "markdown")
DOCUMENT_FORMATS = ("table", "plain", "json", "markdown")
WATCHED_FORMATS = (*TABLE_FORMATS, "nagios", "prometheus")
CHECK_FORMATS = (*DOCUMENT_FORMATS, "jsonl", "csv", "tsv", "github", "junit", "nagios", "prometheus")


@dataclass
class Given:
    """The command line as far as it was read; options given before and after the command arrive here."""

    argv: Sequence[str] = ()
    command: str = ""
    formats: Sequence[str] = field(default=TABLE_FORMATS)
    db: Sequence[str] = ()
    env: str | None = None
    schema: str | None = None
    output: str | None = None
    write: Sequence[str] = ()
    show_names: bool = False
    debug: bool = False

    @property
    def is_plugin(self) -> bool:
        """Whether this run answers to Nagios, even if its command line could not be read."""
        if self.output is not None:
            return self.output == "nagios"
        joined = "\0".join(self.argv)
        return any(text in joined for text in ("-o\0nagios", "-onagios", "--output\0nagios", "--output=nagios"))

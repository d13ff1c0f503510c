"""The heads of check files: every key with what it means, read line by line, and refused by file and line where it is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NoReturn

from chatops.errors import UsageError
from chatops.frozen import frozen


@frozen
class Key:
    """One key of a head: what it means, and an example. `words` are all the values there are; `many`: it may stand repeatedly."""

    name: str
    meaning: str
    example: str = ""
    required: bool = False
    words: tuple[str, ...] = ()
    many: bool = False


KEYS: tuple[Key, ...] = (
    Key("code", "its name for ever: capitals and three digits", "SHOP001", required=True),
    Key("invariant", "the number of the invariant that it watches, where it is one of the team's list", "I4"),
    Key("title", "what is found, with {count} and any column of the first row", "{count} orders have no chat", required=True),
    Key("title-one", "the same for one row", "1 order has no chat"),
    Key("brief", "the title in at most 50 characters, with {count} alone, for one and for many", "{count} without a chat"),
    Key("narrow", "the title without names, in at most 50 characters: many share a narrow screen", "{count} lack a chat"),
    Key("narrow-one", "the same for one row", "1 lacks a chat"),
    Key("severity", "critical, warning or advice", required=True, words=("critical", "warning", "advice")),
    Key("critical", "what makes it critical where severity says less; rows with `critical` true", "the orders stand still"),
    Key("advice", "what makes it advice where severity says more; the first row with `advice` true", "all are a year old"),
    Key("group", "schema gates a deploy, data reports, now is diagnose alone", required=True, words=("schema", "data", "now")),
    Key("about", "database: one answer for all its schemas; of many tenants it is asked once", words=("database",)),
    Key("kind", "state looks at everything, history at the time of --since, touched at what was written then (small tables: all)",
        words=("state", "history", "touched")),
    Key("expected", "what is so when nothing is found", "every order has its chat", required=True),
    Key("why", "how it comes about", "the shop writes the order first, and the chat when somebody asks"),
    Key("consequence", "what it does to people", "the customer waits and nobody is called"),
    Key("help", "what follows the word chatops, with {column} of each row", "repair SHOP001 --dry-run"),
    Key("help-sql", "the same as SQL", "alter table {relation} validate constraint {object};"),
    Key("help-text", "the same in words; `between backticks` follows the word chatops", "call the shop"),
    Key("users-wait", "yes: somebody waits for an answer because of it; it is told before what is only wrong", words=("yes",)),
    Key("meanwhile", "yes: what is left of a time without guards, triggers or functions: --only meanwhile asks these",
        words=("yes",)),
    Key("dated", "no: its rows are older than what is found, so nobody knows since when it is so", words=("no",)),
    Key("says", "what people say, parted by ; - chatops explain lists the phrases", "nobody answers; users wait too long"),
    Key("reads", "the tables that must be readable in full", "chats, messages"),
    Key("needs", "the files of sql/views that it reads, put in front of it", "chat_queue, operator_load"),
    Key("shares", "the files of sql/checks/shared that it reads; those with the same first one are asked together", "late_turns"),
    Key("avoids", "what the planner does without in this query: it errs about it, or weighs it in vain", "hashjoin",
        words=("hashjoin", "mergejoin", "nestloop")),
    Key("limits", "the limits that it is measured against, shown with it; each is a parameter, :'name'", "queue_sla_minutes"),
    Key("limit", "declares a limit: name = default unit, least to most: meaning",
        "orders_late_minutes = 15 min, 1 to 1440: an order without a chat is late", many=True),
    Key("needs-role", "the predefined role without which the server hides what it asks", "pg_read_all_stats"),
    Key("partly", "yes: asked without that role, too: what it finds is told, that it finds nothing is unknown", words=("yes",)),
    Key("needs-table", "a table that must be there, readable or not", "chats"),
    Key("if-absent", "without this table of ours there is nothing to find", "chatops.settings"),
    Key("if-extension", "without this extension there is nothing to find", "pg_stat_statements"),
    Key("only-if", "a file of sql/queries that tells, as one boolean, whether there may be anything to find; else the query"
        " is not asked", "safeguards_differ"),
    Key("on-error", "failed: an error of the query is the fault that it looks for", words=("failed",)),
    Key("leads", "yes: it stands before all others of its severity", words=("yes",)),
    Key("compares", "all: it sets a row against all others, and says nothing about some chats alone; operators: so it does"
        " about operators, not about a chat; totals: sums against sums, no row is about a chat; found: what is told of a row"
        " depends on what else is found", words=("all", "operators", "totals", "found")),
    Key("unplanted", "why sql/plants has no example of it", "it takes a standby"),
)  # fmt: skip
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}

PARAMETERS: Mapping[str, str] = {
    "since": "24 hours", "touched_since": "24 hours", "guarded_at": "-infinity", "applied": "{}", "shipped": "{}",
    "expected": "[]", "expected_by_name": "[]", "expected_labels": "",
    "known": "{}", "before_018": "false", "views_applied": "true",
    "other_texts": "{}", "about_chats": "{}",
}  # fmt: skip
"""What a query may ask for beside its limits, with the value that psql is given for it."""

_LINE = re.compile(r"^--\s?([a-z][a-z-]*):[ \t]*(.*)$")
_WORDS = re.compile(r"[,\s]+")


@frozen
class Entry:
    """One value of a head, and its line in the file, from 1."""

    line: int
    text: str


class Head:
    """The head of one file, each key known and each word possible. Raises UsageError with file and line."""

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self._entries: dict[str, list[Entry]] = {}
        last: str | None = None
        for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
            if not line.startswith("--"):
                if line.strip():
                    break
                continue
            if match := _LINE.match(line):
                last = self._take(match[1], Entry(number, match[2].strip()))
            elif last is not None and line.startswith("--   "):
                *rest, entry = self._entries[last]
                self._entries[last] = [*rest, Entry(entry.line, f"{entry.text} {line[2:].strip()}".strip())]
            else:
                last = None
        missing = [f"-- {key.name}:" for key in KEYS if key.required and not self.get(key.name)]
        if missing:
            raise UsageError(f"{where}: its head lacks {', '.join(missing)}")
        for key in KEYS:
            for entry in self._entries.get(key.name, []):
                if key.words and entry.text not in key.words:
                    self.refuse(key.name, f"{key.name} is {' or '.join(key.words)}, not {entry.text!r}")

    def _take(self, name: str, entry: Entry) -> str:
        if name not in BY_NAME:
            _unknown(f"{self.where}:{entry.line}", "head key", name, BY_NAME)
        if name in self._entries and not BY_NAME[name].many:
            raise UsageError(f"{self.where}:{entry.line}: -- {name}: stands twice")
        self._entries.setdefault(name, []).append(entry)
        return name

    def get(self, name: str, default: str = "") -> str:
        """The value of a key."""
        return self._entries[name][0].text if name in self._entries else default

    def all(self, name: str) -> Sequence[Entry]:
        """The values of a key that may stand repeatedly."""
        return self._entries.get(name, [])

    def names(self, name: str, known: Collection[str] | None = None, what: str = "") -> tuple[str, ...]:
        """A value that is a list of names; each one of those `known`, where that is given."""
        found = tuple(filter(None, _WORDS.split(self.get(name))))
        for one in found:
            if known is not None and one not in known:
                self.refuse(name, *_told(what, one, known))
        return found

    def refuse(self, name: str, message: str, *details: str) -> NoReturn:
        """Raises UsageError with the file, and the line of a key where it stands."""
        line = f":{self._entries[name][0].line}" if name in self._entries else ""
        raise UsageError(f"{self.where}{line}: {message}", details=details)


def placeholders(text: str) -> Iterator[tuple[int, str]]:
    """The parameters that a text asks for, each with its line, from 1; not those in comments."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in re.finditer(r":'([a-z_][a-z0-9_]*)'", line.partition("--")[0]):
            yield number, match[1]


def check_parameters(text: str, where: str, limits: Collection[str]) -> None:
    """Raises UsageError for a parameter that nobody fills."""
    known = [*PARAMETERS, *limits]
    for line, name in placeholders(text):
        if name not in known:
            _unknown(f"{where}:{line}", "parameter", name, known)


def _unknown(where: str, what: str, name: str, known: Collection[str]) -> NoReturn:
    message, *details = _told(what, name, known)
    raise UsageError(f"{where}: {message}", details=details)


def _told(what: str, name: str, known: Collection[str]) -> tuple[str, str]:
    near = get_close_matches(name, known, 2)
    guess = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"there is no {what} {name!r}{guess}", f"there are: {', '.join(known)}"

"""A shipped file as a tenant's schema of a Citus cluster takes it: some statements in other words, some replaced by several.

`sql/citus/NAME.sql` holds what differs from `sql/migrations/NAME.sql`. Its head may say `-- only-without: chats`: where that
table is there the whole file does nothing. A line `-- in FUNCTION: words => other words` changes one function, or all (`*`);
lines below `-- elsewhere, in FUNCTION ahead of: words`, up to an empty line, come in front of these, for nodes on which the chats
do not lie; below a line `-- instead of: how a statement begins` stands what takes that statement's place, nothing where it is
left out; after `-- one by one: do $name$` the statements of that block stand alone, without the question it begins with. A file
without one there differs by what holds for every function alone (EVERY_FUNCTION, STAYS). Nothing of this touches plain Postgres,
nor a file's checksum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from chatops import sqlfiles
from chatops.frozen import frozen
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.scanner import Statement, scan

FOLDER = "citus"
PINNED_PATH = "set search_path from current"
EVERY_FUNCTION = (
    # What a function sets for its transaction must be so on the workers too: the mark by which the guards know our writes.
    "set citus.propagate_set_commands to 'local'",
    # A function that a query calls on a shard's node reads the tenant's other shards, which lie there too.
    "set citus.allow_nested_distributed_execution to on",
)
# Citus lets a shard go to another node under those who have only read and locked its rows: what they write then, on what they
# read there, is written where others have been meanwhile. With this lock a move waits for them, as it does for those who write.
STAYS = (
    "  perform pg_catalog.lock_shard_metadata(5, array[s.shardid]) from pg_catalog.pg_dist_shard as s\n"
    "    where s.logicalrelid::oid = 'chats'::pg_catalog.regclass::oid;\n"
)
IF_ELSEWHERE = (
    "if exists (select from pg_catalog.pg_dist_shard as s join pg_catalog.pg_dist_placement as p on p.shardid = s.shardid\n"
    "              where s.logicalrelid::oid = 'chats'::pg_catalog.regclass::oid\n"
    "                and p.groupid <> (select l.groupid from pg_catalog.pg_dist_local_group as l)) then\n"
    # Of no row, but a write: with it the transaction reaches the other node. What is only a query there is no part of it.
    "    delete from operator_activity as v where v.chat_id = '00000000-0000-0000-0000-000000000000'::uuid;\n"
    "{}  end if;\n  {}"
)
_DECIDES = re.compile(r"\bfor (?:no key update|key share)\b")
"""A function that locks rows, and writes by what it read under the lock."""
_OF_A_SHARD = re.compile(r"\breturns trigger\b", re.IGNORECASE)
"""Who calls it has the lock already."""
_EDIT = re.compile(r"^-- in (\w+|\*): (.+?) => (.+)$", re.MULTILINE)
_ELSEWHERE = re.compile(r"^-- elsewhere, in (\w+) ahead of: (.+)\n((?:.+\n)+)", re.MULTILINE)
_INSTEAD = re.compile(r"^-- instead of: (.+)$", re.MULTILINE)
_ONE_BY_ONE = re.compile(r"^-- one by one: (.+)$", re.MULTILINE)
_FUNCTION = re.compile(r"create\s+(?:or\s+replace\s+)?function\s+(\w+)", re.IGNORECASE)


@frozen
class Form:
    """How a file differs on a Citus cluster."""

    only_without: str | None = None
    edits: tuple[tuple[str, str, str], ...] = ()
    instead: tuple[tuple[str, tuple[str, ...]], ...] = ()
    one_by_one: tuple[str, ...] = ()

    def texts(self, statement: str) -> list[str]:
        """What is sent for one statement of the file."""
        words = " ".join(statement.split())
        for begins, texts in self.instead:
            if words.startswith(begins) and not words[len(begins) : len(begins) + 1].isidentifier():
                return [_everywhere(text) for text in texts]
        if words.startswith(self.one_by_one):
            return [_everywhere(text) for text in _of_block(statement)]
        for name, before, after in self.edits:
            match = _FUNCTION.match(statement)
            if match is not None and name in (match[1], "*"):
                statement = statement.replace(before, after)
        return [_everywhere(statement)]


@cache
def form_of(name: str) -> Form:
    """How a shipped file differs, by its name without ending."""
    path = sqlfiles.root() / FOLDER / f"{name}.sql"
    if not path.exists():
        return Form()
    text = path.read_text(encoding="utf-8")
    places = list(_INSTEAD.finditer(text))
    instead = []
    for at, place in enumerate(places):
        end = places[at + 1].start() if at + 1 < len(places) else len(text)
        instead.append((place[1].strip(), tuple(one.text for one in scan(text[place.end() : end]))))
    edits = tuple((found[1], found[2], found[3]) for found in _EDIT.finditer(text))
    edits += tuple((found[1], found[2], IF_ELSEWHERE.format(found[3], found[2])) for found in _ELSEWHERE.finditer(text))
    one_by_one = tuple(found[1].strip() for found in _ONE_BY_ONE.finditer(text))
    return Form(sqlfiles.header(text).get("only-without"), edits, tuple(instead), one_by_one)


def texts_of(name: str, reading: MigrationText) -> Sequence[tuple[Statement, Sequence[str]]]:
    """Each statement of a shipped file with what is sent for it."""
    form = form_of(name)
    return [(statement, form.texts(statement.text)) for statement in reading.statements]


def _of_block(statement: str) -> list[str]:
    """The statements of a DO block after its first IF, which asks whether there is anything to do."""
    inner = statement.partition("end if;\n")[2].rpartition("\nend\n")[0]
    return [one.text for one in scan(inner)]


def _everywhere(text: str) -> str:
    if not _FUNCTION.search(text):
        return text
    if _DECIDES.search(text) and not _OF_A_SHARD.search(text):
        text = re.sub(r"^begin\n", lambda begin: begin[0] + STAYS, text, count=1, flags=re.MULTILINE)
    return text.replace(PINNED_PATH, "\n".join((PINNED_PATH, *EVERY_FUNCTION)))

"""What a file keeps others waiting for, and what it loses for good: told from its statements, before anything runs.

Pure. What a statement of a kind not known here may lock is not known, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from chatops.frozen import frozen
from chatops.migrations.lock_modes import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, WORTH_A_WORD, usual_locks
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.read_do import do_body, statements_within
from chatops.migrations.scanner import Token, keywords, scan, significant
from chatops.migrations.sql_walk import string_value

_NAME = r"((?:\S+ \. )?\S+)"
# By the first words; what they are about has its own functions below.
_HARMLESS = re.compile(
    r"(GRANT|REVOKE|COMMENT|SET|RESET|SHOW|EXPLAIN|ANALYZE|NOTIFY|LISTEN|UNLISTEN|CHECKPOINT|BEGIN|START|COMMIT|END|ROLLBACK"
    r"|SAVEPOINT|RELEASE|DISCARD|SECURITY LABEL|VALUES|TABLE|COPY|INSERT|TRUNCATE|LOCK|SELECT|WITH|UPDATE|DELETE|MERGE|CLUSTER"
    r"|REFRESH|REINDEX|VACUUM|PERFORM"
    r"|(CREATE|ALTER|DROP) (OR REPLACE )?(FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|SEQUENCE|SCHEMA|ROLE|USER|GROUP|TYPE|DOMAIN"
    r"|OPERATOR|COLLATION|CONVERSION|CAST|LANGUAGE|STATISTICS|PUBLICATION|SUBSCRIPTION|DATABASE|DEFAULT|EVENT TRIGGER|TEXT SEARCH"
    r"|TABLESPACE|SERVER|FOREIGN|TEMP|TEMPORARY|UNLOGGED|TABLE|VIEW|RECURSIVE VIEW|MATERIALIZED VIEW|TRIGGER|POLICY|RULE|INDEX"
    r"|UNIQUE INDEX|CONSTRAINT TRIGGER))\b"
)
_CASCADES = re.compile(
    r"DROP (FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|SEQUENCE|SCHEMA|TYPE|DOMAIN|OPERATOR|CAST|COLLATION|FOREIGN).* CASCADE$"
)
_LIGHT = re.compile(
    r"(DROP|RENAME|OWNER TO|SET SCHEMA|ENABLE|DISABLE|FORCE|NO FORCE|REPLICA IDENTITY|SET \(|RESET \(|CLUSTER ON|SET WITHOUT"
    r"|INHERIT|NO INHERIT|VALIDATE|ALTER CONSTRAINT|DETACH|OF|NOT OF|ALTER (COLUMN )?\S+ (SET DEFAULT|DROP|SET STATISTICS"
    r"|SET STORAGE|SET COMPRESSION|SET \(|RESET|SET GENERATED|ADD GENERATED|RESTART))(?!\w)"
)
_QUIET = re.compile(
    r"(CREATE (UNIQUE )?INDEX|DROP INDEX|REINDEX .*?(INDEX|TABLE|SCHEMA|DATABASE)) CONCURRENTLY|ALTER INDEX .* RENAME"
)
_REWRITES = re.compile(rf"(REINDEX)(?: \( .*? \))? (?:INDEX|TABLE) {_NAME}|(CLUSTER|VACUUM) (?:\( ?)?(?:FULL )?.*?(\S+)$")
_GOES = re.compile(r"(DROP TABLE|DROP SCHEMA|TRUNCATE(?: TABLE)?|DROP MATERIALIZED VIEW) (?:IF EXISTS )?(?:ONLY )?(.*)")
_CONSTRAINT = re.compile(r"ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY|UNIQUE|PRIMARY KEY|EXCLUDE|NOT NULL)\b")
_READS_COLUMN = re.compile(r" (UNIQUE|PRIMARY KEY|CHECK|GENERATED|SERIAL|SERIAL4|SERIAL8|BIGSERIAL|SMALLSERIAL)\b")
_COMPUTED = re.compile(r" DEFAULT .*?\b(?!NOW\b|TRANSACTION_TIMESTAMP\b)[A-Z_a-z]\w* \(")


@frozen
class FileLock:
    """A table, view or index that a file locks; `mode` is an index into STRENGTH.

    `works`: while it has the lock it reads or rewrites the whole of it; `goes`: it is dropped, and so are its foreign keys;
    `perhaps`: only where a condition of a block comes true.
    """

    relation: str
    mode: int
    works: bool = False
    goes: bool = False
    perhaps: bool = False


@frozen
class FileLocks:
    """What a file keeps others waiting for; names as the catalog has them, without their schema.

    `changes` are tables of which it changes many rows, which it keeps locked; `calls` functions that it runs; `unknown` what it
    may lock cannot be told from, in words; `lost` what is gone for good: the relation, "" for what is none, and in words.
    """

    locks: tuple[FileLock, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    lost: tuple[tuple[str, str], ...] = ()


def file_locks(file: MigrationText) -> FileLocks:
    """The same for a whole file, each relation with its strongest lock."""
    locks: dict[str, FileLock] = {}
    changes: list[str] = []
    calls: list[str] = []
    unknown: list[str] = []
    lost: list[tuple[str, str]] = []
    for statement in file.statements:
        if keywords(statement, 1) in (("INSERT",), ("COPY",)) and " select " not in f" {statement.text.lower()} ":
            continue  # a file may hold a million of them
        perhaps = _has_conditions(statement.text)
        for text in _texts(statement.text, statement.line, unknown):
            words = _words(list(significant(text)))
            for one in _locks(text, words):
                old = locks.get(one.relation, FileLock(one.relation, one.mode, one.works, one.goes, perhaps))
                locks[one.relation] = FileLock(
                    one.relation, max(one.mode, old.mode), one.works or old.works, one.goes or old.goes, old.perhaps and perhaps
                )
            changes += _changes(words)
            calls += re.findall(rf"^(?:SELECT|PERFORM) {_NAME} \(", words)
            lost += _lost(words)
            if not _HARMLESS.match(words) or _CASCADES.match(words):
                unknown.append(f"line {statement.line}: {' '.join(words.split()[:3]).lower()}")
    called = tuple(dict.fromkeys(name for name in calls if not name.startswith(("PG_CATALOG .", "COALESCE", "CASE"))))
    return FileLocks(
        tuple(locks.values()),
        _distinct(changes),
        tuple(plain(one) for one in called),
        _distinct(unknown),
        tuple(dict.fromkeys(lost)),
    )


def plain(name: str) -> str:
    """A name without its schema, as the catalog has it; `name` is written in tokens with blanks between.

    >>> plain("PUBLIC . CHATS"), plain('"Odd"')
    ('chats', 'Odd')
    """
    last = name.rpartition(" . ")[2].strip()
    return last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()


def _distinct(some: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(some))


def _words(tokens: Sequence[Token]) -> str:
    return " ".join(token.upper or token.text for token in tokens)


def _texts(text: str, line: int, unknown: list[str]) -> Iterator[str]:
    """A statement, or those of a block, whether its conditions come true or not."""
    tokens = list(significant(text))
    if not tokens or tokens[0].upper != "DO":
        yield text
        return
    found, hidden = statements_within(tokens)
    if hidden:
        unknown.append(f"line {line}: a block puts statements together as it runs")
    for one in found:
        yield from _texts(one, line, unknown)


def _has_conditions(text: str) -> bool:
    """Whether a block does what it does only where a condition of its own comes true."""
    tokens = list(significant(text))
    body = do_body(tokens) if tokens and tokens[0].upper == "DO" else None
    inner = [token.upper for token in significant(string_value(body))] if body is not None else []
    return any(one == "IF" and after not in ("EXISTS", "NOT") for one, after in pairwise(inner))


def _locks(text: str, words: str) -> Iterator[FileLock]:
    """The relations that one statement locks."""
    quiet = re.search(
        r"^(CREATE (UNIQUE )?INDEX|DROP INDEX|REINDEX .*?(INDEX|TABLE|SCHEMA|DATABASE)|ALTER INDEX .* RENAME)\b", words
    )
    if quiet and (" CONCURRENTLY " in f"{words} " or words.startswith("ALTER")):
        return
    if match := re.match(
        rf"(REINDEX)(?: \( .*? \))? (?:INDEX|TABLE) {_NAME}|(CLUSTER|VACUUM) (?:\( ?)?(?:FULL )?.*?(\S+)$", words
    ):
        full = match[3] != "VACUUM" or "FULL" in words
        if full:
            yield FileLock(plain(match[2] or match[4]), BLOCKS_READS, works=True)
        return
    if match := re.match(rf"REFRESH MATERIALIZED VIEW (CONCURRENTLY )?{_NAME}", words):
        yield FileLock(plain(match[2]), BLOCKS_WRITES if match[1] else BLOCKS_READS, works=True)
        return
    if match := re.match(rf"(?:CREATE|ALTER|DROP) (?:TEMP |TEMPORARY |UNLOGGED )?TABLE .*? PARTITION OF {_NAME}", words):
        yield FileLock(plain(match[1]), BLOCKS_READS)
    if words.startswith("CREATE") and " TABLE " in words[:30]:
        for name in re.findall(rf"REFERENCES {_NAME}", words):
            yield FileLock(plain(name), STRENGTH.index("SHARE ROW EXCLUSIVE"))
        return
    if match := re.match(rf"ALTER (MATERIALIZED VIEW|VIEW|INDEX) (IF EXISTS )?{_NAME}", words):
        yield FileLock(plain(match[3]), BLOCKS_READS)
        return
    if match := re.match(rf"ALTER SEQUENCE (IF EXISTS )?{_NAME}", words):
        yield FileLock(plain(match[2]), STRENGTH.index("SHARE ROW EXCLUSIVE"))
        return
    asked = re.match(r"LOCK .* IN (.*) MODE", words)
    for statement in scan(text):
        for name, mode in usual_locks(statement).items():
            works = _works(words) and mode >= WORTH_A_WORD
            strength = STRENGTH.index(asked[1]) if asked and asked[1] in STRENGTH else mode
            if strength >= BLOCKS_WRITES:
                yield FileLock(name, strength, works, goes=words.startswith("DROP TABLE"))


def _works(words: str) -> bool:
    """Whether a statement reads or rewrites the whole table; of what is not known it is assumed."""
    if re.match(r"CREATE (UNIQUE )?INDEX", words):
        return True
    if not words.startswith("ALTER TABLE"):
        return False
    actions = re.sub(rf"^ALTER TABLE (IF EXISTS )?(ONLY )?{_NAME}( \*)? ", "", words)
    return any(_action_works(action) for action in _split(actions))


def _action_works(action: str) -> bool:
    if _CONSTRAINT.match(action):
        return not re.search(r" NOT VALID\b| USING INDEX\b", action)
    if action.startswith("ADD "):
        return bool(_READS_COLUMN.search(action) or _COMPUTED.search(action))
    return not _LIGHT.match(action)


def _split(actions: str) -> list[str]:
    """The actions of one ALTER TABLE, at the commas outside parentheses.

    >>> _split("ADD A NUMERIC ( 3 , 2 ) , DROP B")
    ['ADD A NUMERIC ( 3 , 2 )', 'DROP B']
    """
    found, depth = [""], 0
    for word in actions.split(" "):
        depth += (word == "(") - (word == ")")
        if word == "," and depth == 0:
            found.append("")
        else:
            found[-1] = f"{found[-1]} {word}".strip()
    return found


def _changes(words: str) -> Iterator[str]:
    """Tables of which a statement changes rows that are there, or that it fills from others."""
    if words.startswith(("UPDATE ", "DELETE ", "MERGE ", "WITH ", "INSERT ")):
        for name in re.findall(rf"(?:^|\( |\) )(?:UPDATE (?:ONLY )?|DELETE FROM (?:ONLY )?|MERGE INTO ){_NAME}", words):
            yield plain(name)
        if match := re.search(rf"INSERT INTO {_NAME} .*\bSELECT\b", words):
            yield plain(match[1])


def _lost(words: str) -> Iterator[tuple[str, str]]:
    """What no command brings back once a statement is in: the relation, and in words."""
    if match := re.match(rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME}", words):
        table = plain(match[1])
        for action in _split(words[match.end() :].strip()):
            if column := re.match(r"DROP (?:COLUMN )?(?:IF EXISTS )?(?!CONSTRAINT|COLUMN)(\S+)", action):
                yield table, f"column {table}.{plain(column[1])}"
            elif column := re.match(r"ALTER (?:COLUMN )?(\S+) (?:SET DATA )?TYPE ", action):
                yield table, f"the former values of {table}.{plain(column[1])}"
    if match := _GOES.match(words):
        listed = re.sub(r" (CASCADE|RESTRICT|RESTART|CONTINUE)\b.*", "", match[2])
        what = "the rows of" if match[1].startswith("TRUNCATE") else match[1].removeprefix("DROP ").lower()
        for name in map(plain, listed.split(" , ")):
            yield "" if what == "schema" else name, f"{what} {name}"
    if match := re.match(rf"(DELETE FROM|UPDATE) (?:ONLY )?{_NAME}", words):
        table = plain(match[2])
        rows = "deleted rows of" if match[1] == "DELETE FROM" else "the former values of changed rows of"
        yield table, f"{rows} {table}"

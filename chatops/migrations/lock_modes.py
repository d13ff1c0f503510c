"""Lock modes by their strength, and which of them a statement is known to take where that cannot be seen."""

from __future__ import annotations

import re

from chatops.migrations.objects_made import claims_of_statement, table_of
from chatops.migrations.scanner import Statement, significant

STRENGTH = (
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)  # fmt: skip
WORTH_A_WORD = STRENGTH.index("SHARE UPDATE EXCLUSIVE")
# From here on a mode keeps somebody from reading or writing.
BLOCKS_WRITES = STRENGTH.index("SHARE")
BLOCKS_READS = STRENGTH.index("ACCESS EXCLUSIVE")

_MODES = {mode.title().replace(" ", "") + "Lock": mode for mode in STRENGTH}


def spelled(mode: str) -> str:
    """A lock mode as the manual spells it.

    >>> spelled("ShareUpdateExclusiveLock")
    'SHARE UPDATE EXCLUSIVE'
    """
    return _MODES[mode]


def in_words(mode: str) -> str:
    """A lock mode as the server names it, and what it bears beside it.

    >>> in_words("AccessExclusiveLock"), in_words("ShareLock"), in_words("SIReadLock")
    ('AccessExclusiveLock: no reads or writes beside it', 'ShareLock: no writes beside it', 'SIReadLock')
    """
    if mode not in _MODES:
        return mode
    place = STRENGTH.index(_MODES[mode])
    beside = "no reads or writes" if place >= BLOCKS_READS else "no writes" if place >= BLOCKS_WRITES else ""
    beside = beside or ("no maintenance" if place >= WORTH_A_WORD else "no change of the table itself")
    return f"{mode}: {beside} beside it"


_GENTLE = re.compile(
    r"(VALIDATE CONSTRAINT|(ALTER (COLUMN )?\S+ )?SET STATISTICS|SET \(|RESET \(|CLUSTER ON|SET WITHOUT CLUSTER|ATTACH PARTITION"
    r"|ALTER (COLUMN )?\S+ (SET|RESET) \()"
)
_TRIGGERS = re.compile(r"(ADD (CONSTRAINT \S+ )?FOREIGN KEY|(ENABLE|DISABLE) (ALWAYS |REPLICA )?TRIGGER)")


_DROP_OR_EMPTY = re.compile(
    r"(TRUNCATE (TABLE )?|LOCK (TABLE )?|DROP (TABLE|VIEW|MATERIALIZED VIEW|INDEX) )(IF EXISTS )?(ONLY )?"
)
_ALTERS = re.compile(r"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?:\w+\.)?(\w+)", re.IGNORECASE)
_ON_TABLE = re.compile(r"(CREATE|ALTER|DROP) (OR REPLACE )?(CONSTRAINT )?(TRIGGER|POLICY|RULE)\b")


def usual_locks(statement: Statement) -> dict[str, int]:
    """The tables and views that a statement of this kind is known to lock, by name, each with its mode as an index into STRENGTH.

    Only for what cannot be seen: locks that are held already, and statements that were cancelled.
    """
    tokens = list(significant(statement.text))
    words = " ".join(token.upper or token.text for token in tokens)
    exclusive, no_writes = BLOCKS_READS, STRENGTH.index("SHARE ROW EXCLUSIVE")
    if words.startswith("DO "):
        return {name.lower(): exclusive for name in _ALTERS.findall(statement.text)}
    if match := _DROP_OR_EMPTY.match(words):
        names = re.split(r" , ", re.sub(r" (CASCADE|RESTRICT|RESTART|CONTINUE|IN)\b.*", "", words[match.end() :]))
        return {name.rpartition(" . ")[2].strip().lower().strip('"'): exclusive for name in names}
    if match := re.match(r"COMMENT ON (TABLE|COLUMN) ", words):
        parts = words[match.end() :].partition(" IS ")[0].split(" . ")
        return {parts[-1 if match[1] == "TABLE" else -2 if len(parts) > 1 else 0].lower().strip('"'): WORTH_A_WORD}
    if re.match(r"CREATE (OR REPLACE )?(RECURSIVE )?VIEW", words):
        names = [claim.thing.name for claim in claims_of_statement(statement.text, ("",))]
        return dict.fromkeys(names, exclusive)
    table = table_of(statement.text, "")
    if table is None:
        return {}
    if words.startswith("ALTER TABLE"):
        action = re.sub(r"^ALTER TABLE (IF EXISTS )?(ONLY )?\S+( \. \S+)?( \*)? ", "", words)
        alone = " , " not in re.sub(r"\([^()]*\)", "", action)
        mode = exclusive
        if alone and _GENTLE.match(action):
            mode = STRENGTH.index("SHARE UPDATE EXCLUSIVE")
        elif alone and _TRIGGERS.match(action):
            mode = no_writes
        found = {table[1]: mode}
        for referenced in re.findall(r"REFERENCES (?:\S+ \. )?(\S+)", words):
            found.setdefault(referenced.lower().strip('"'), no_writes)
        return found
    if re.match(r"CREATE (UNIQUE )?INDEX", words):
        return {table[1]: BLOCKS_WRITES}
    if match := _ON_TABLE.match(words):
        return {table[1]: no_writes if match[4] == "TRIGGER" and match[1] == "CREATE" else exclusive}
    return {}

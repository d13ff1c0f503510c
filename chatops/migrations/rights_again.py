"""Who may use what is made again though it was missing: the statements of the files that are in which have said so.

`create or replace` keeps owner and rights of what is there. What was missing comes with those of any new object: a function is
open to everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from chatops import db
from chatops.frozen import frozen
from chatops.migrations.citus_form import form_of
from chatops.migrations.plan import Entry
from chatops.migrations.scanner import Statement, scan, significant
from chatops.migrations.source import SHIPPED
from chatops.migrations.statements import first_word, plain

_SETS_RIGHTS = re.compile(r"\b(?:grant|revoke|owner\s+to)\b", re.IGNORECASE)
_FIRST = ("GRANT", "REVOKE", "COMMENT", "ALTER")
_ALL = re.compile(r"\bon\s+all\s+(?:functions|procedures|routines|tables)\b", re.IGNORECASE)


@frozen
class Rights:
    """One statement that says who may use something; `file` is where it stands, `runs` whether it is run once more."""

    file: str
    text: str
    runs: bool


def rights_of(entries: Sequence[Entry], missing: frozenset[str], *, cluster: bool) -> tuple[Rights, ...]:
    """What the files that are in say of the names, in order, since they were last dropped.

    GRANT, REVOKE, COMMENT and ALTER … OWNER TO are run once more, and so are the blocks of shipped files, which can be run any
    number of times. A block of another file, and what is about ALL FUNCTIONS, is only named.
    """
    found: list[tuple[frozenset[str], Rights]] = []
    for entry in entries:
        for statement in _statements(entry, cluster):
            names = _names(statement) & missing
            word = first_word(statement)
            if word == "DROP" and names:
                found = [(left, one) for about, one in found if (left := about - names)]
            elif word == "DO" and names and _SETS_RIGHTS.search(statement.text):
                shipped = entry.file is not None and entry.file.source == SHIPPED
                found.append((names, Rights(entry.name, _if_all_are_there(statement.text) if shipped else "", shipped)))
            elif word in ("GRANT", "REVOKE") and _ALL.search(statement.text):
                found.append((missing, Rights(entry.name, "", False)))
            elif (
                word in _FIRST
                and names
                and _about(statement) & missing
                and (word != "ALTER" or _SETS_RIGHTS.search(statement.text))
            ):
                found.append((names, Rights(entry.name, statement.text, True)))
    return tuple(one for _, one in found)


def _statements(entry: Entry, cluster: bool) -> Iterator[Statement]:
    if entry.file is None or not entry.state.is_in or not entry.file.reading.runnable:
        return
    for statement in entry.file.reading.statements:
        if cluster and entry.file.source == SHIPPED:
            for text in form_of(entry.name).texts(statement.text):
                yield from scan(text)
        else:
            yield statement


def _names(statement: Statement) -> frozenset[str]:
    """Every word of a statement as the catalog would have it, those within its strings too."""
    if first_word(statement) == "DO":
        return frozenset(re.findall(r"\w+", statement.text))
    return frozenset(plain(token) for token in significant(statement.text))


def _about(statement: Statement) -> frozenset[str]:
    """The names of what a statement is about: what stands before TO, FROM, IS or OWNER."""
    before = takewhile(lambda token: token.upper not in ("TO", "FROM", "IS", "OWNER"), significant(statement.text))
    return frozenset(plain(token) for token in before)


def _if_all_are_there(text: str) -> str:
    """A block that lets go where a function of another file is missing too: making that one again runs it once more."""
    return (
        "do $again$\nbegin\n  execute " + db.literal(text) + ";\n"
        "exception when undefined_function or undefined_table then\n"
        "  raise warning '%: who may call the rest is settled when that is made again', sqlerrm;\n"
        "end\n$again$"
    )

"""One file of a rehearsal: its statements with a look at the clock and the locks around each, and what those looks mean."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chatops import sqlfiles
from chatops.db import Ran
from chatops.migrations.known_relations import SeenRelation, SeenRelations
from chatops.migrations.lock_modes import BLOCKS_READS, BLOCKS_WRITES, STRENGTH, WORTH_A_WORD, spelled, usual_locks
from chatops.migrations.objects_made import table_of
from chatops.migrations.rehearsal import Blocking, Piece, RehearsedStatement, TakenLock, TouchedRelation
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.transaction import Part
from chatops.model import Values

# In longer files only the statements that take strong locks are measured one by one.
MEASURED_ONE_BY_ONE = 200
MEASURED_TOGETHER = 50
_STRONG = frozenset(("ALTER", "CALL", "CLUSTER", "COMMENT", "CREATE", "DO", "DROP", "LOCK", "REFRESH", "REINDEX", "TRUNCATE"))
_BEFORE_THE_KIND = frozenset(("OR", "REPLACE", "GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "UNIQUE", "CONSTRAINT"))
_OF_NO_TABLE = frozenset(
    (
        "AGGREGATE",
        "CAST",
        "COLLATION",
        "DOMAIN",
        "FUNCTION",
        "OPERATOR",
        "PROCEDURE",
        "ROLE",
        "SCHEMA",
        "SEQUENCE",
        "TYPE",
        "USER",
    )
)
_LEANS_ON_OTHERS = frozenset(("REFERENCES", "INHERITS", "INHERIT", "LIKE", "OF", "ATTACH", "EXECUTE"))
OWN_TABLE = "chatops_rehearsal"
"""By which the worker of a tenant is asked; see `rehearse_shards`."""
CLOCK = "pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::text"


@dataclass
class OpenRehearsal:
    """A transaction in which files are rehearsed one after the other; `used` are the seconds that the finished ones took."""

    relations: SeenRelations
    before: dict[int, SeenRelation] = field(default_factory=dict, init=False)
    """As they were before the file that is measured: those alone that it touched, for there may be thousands of others."""
    deadline: float | None
    started: float = field(default_factory=time.monotonic)
    used: float = 0.0
    done: list[str] = field(default_factory=list)
    built: set[int] = field(default_factory=set)
    made: set[int] = field(default_factory=set)
    """What its files have made on nothing that was there before: nobody can wait for it, and no later look reads it."""


@dataclass
class MeasuredPlace:
    """Where a statement, or the first of `count` that are measured together, stands among the parts; `looked`: the transaction
    looks at itself after it. On a Citus cluster a statement may be several `parts`."""

    at: int
    statement: Statement
    looked: bool
    count: int = 0
    parts: int = 0


class MeasuredScript:
    """The statements of a piece with a look at the clock and at the transaction around each; `looks` are the latter's queries."""

    def __init__(
        self, piece: Piece, deadline: float | None, lock_timeout_ms: int, path: Sequence[str], looks: Sequence[str] = ()
    ) -> None:
        self.piece = piece
        looks = looks or (_state(),)
        self.looks = len(looks)
        self.parts = [Part("savepoint chatops_file"), *map(Part, path)]
        self.places: list[MeasuredPlace] = []
        statements = piece.statements
        many = len(statements) > MEASURED_ONE_BY_ONE
        together = 0
        new: set[tuple[str, str]] = set()
        for index, (reading, statement) in enumerate(statements):
            last = index == len(statements) - 1
            looked = not many or last or _may_be_waited_for(statement, new)
            # In a long file what takes no strong lock goes by in groups: a clock around each would cost more than it does.
            grouped = together and not looked and together < MEASURED_TOGETHER
            if not grouped:
                if together:
                    self.parts.append(Part(_stop()))
                self.parts.append(Part(_limits(deadline, lock_timeout_ms)))
                self.places.append(MeasuredPlace(len(self.parts), statement, looked))
                together = 0
            text = reading.sent[statement.leading : statement.end if statement.copy_data else statement.stop]
            words = piece.texts(reading, statement)
            texts = [text] if words is None else words
            self.parts += [Part(one, reading, statement, bool(piece.forms) and one != statement.text) for one in texts]
            self.places[-1].count += 1
            self.places[-1].parts += len(texts)
            together = 0 if looked else together + 1
            if looked:
                self.parts += [Part(_stop()), *map(Part, looks)]
        # What a commit would still have to do.
        self.parts.append(Part(_limits(deadline, lock_timeout_ms)))
        self.last = len(self.parts)
        self.parts.append(Part("set constraints all immediate"))
        self.parts.append(Part(_stop()))

    def at_the_end(self, ran: Ran) -> float:
        """Seconds for the constraints that are checked at commit."""
        before, after = ran.firsts[self.last - 1], ran.firsts[self.last + 1]
        return max(0.0, float(after or 0) - float(before or 0))

    def steps(self, ran: Ran, opened: OpenRehearsal, name: str) -> list[RehearsedStatement]:
        """Every statement that came to its end, measured."""
        found: list[RehearsedStatement] = []
        for place in self.places:
            statement, after = place.statement, place.at + place.parts
            if len(ran.firsts) <= after + place.looked * self.looks:
                break
            seconds = max(0.0, float(ran.firsts[after] or 0) - float(ran.firsts[place.at - 1] or 0))
            seen = ran.firsts[after + 1 : after + 1 + self.looks] if place.looked else []
            held = held_together([json.loads(one or "[]") for one in seen])
            locks, touched = measured(held, opened, statement, name, ran.tags[place.at])
            found.append(
                RehearsedStatement(
                    name,
                    statement.line,
                    statement.text,
                    seconds,
                    locks,
                    touched,
                    help=gentle_way(statement, touched),
                    count=place.count,
                )
            )
        return found

    def cut_locks(self, statement: Statement) -> tuple[TakenLock, ...]:
        """The locks of a statement that was cancelled: those that such a statement is known to take."""
        return tuple(TakenLock(name, STRENGTH[mode]) for name, mode in usual_locks(statement).items())


def held_together(looks: Sequence[Sequence[Values]]) -> list[Values]:
    """What a transaction holds here and on its worker, each table once: its shard, with the locks of both."""
    if len(looks) < 2:
        return [one for look in looks for one in look]
    here, there = ([one for one in look if one["name"] != OWN_TABLE] for look in looks)
    shards = {(one["schema"], one["shard"]) for one in there}
    mine = {(one["schema"], one["name"]): one for one in here if (one["schema"], one["name"]) not in shards}
    found = []
    for one in there:
        own = mine.pop((one["schema"], one["name"]), None)
        found.append({**one, "modes": [*one["modes"], *(own["modes"] if own else ())]})
    return [*mine.values(), *found]


def _may_be_waited_for(statement: Statement, new: set[tuple[str, str]]) -> bool:
    """Whether a statement takes a strong lock on anything that was there before; `new` are the tables that the piece has made.

    A look goes through all that the transaction holds: one after each of a thousand new tables would cost a million.
    """
    first = keywords(statement, 1)
    if _STRONG.isdisjoint(first):
        return False
    words = {token.upper for token in significant(statement.text)}
    if first == ("CREATE",):
        kind = next((word for word in keywords(statement, 6)[1:] if word not in _BEFORE_THE_KIND), "")
        if kind in _OF_NO_TABLE:
            return False
        if kind == "TABLE" and (made := table_of(statement.text, "")) is not None:
            new.add(made)
            return not words.isdisjoint(_LEANS_ON_OTHERS | {"AS"})
    elif first not in (("ALTER",), ("COMMENT",)):
        return True
    return table_of(statement.text, "") not in new or not words.isdisjoint(_LEANS_ON_OTHERS)


def _stop() -> str:
    """The clock, and no limit for what is ours."""
    return f"select {CLOCK}, pg_catalog.set_config('statement_timeout', '0', true)"


def _limits(deadline: float | None, lock_timeout_ms: int) -> str:
    """The clock, and what is left for the next statement; the clock is read last."""
    timeout = "'0'"
    if deadline is not None:
        left = f"1000::float8 * ({deadline:.3f}::float8 - pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()))"
        timeout = f"greatest(1, {left})::integer::text"
    return (
        f"with limits as materialized (select pg_catalog.set_config('lock_timeout', '{lock_timeout_ms}', true) as a, "
        f"pg_catalog.set_config('statement_timeout', {timeout}, true) as b) select {CLOCK} from limits"
    )


def _state() -> str:
    return sqlfiles.read("queries/rehearse_state.sql").rstrip().removesuffix(";")


def measured(
    held: Sequence[Values], opened: OpenRehearsal, statement: Statement, name: str, tag: str
) -> tuple[tuple[TakenLock, ...], tuple[TouchedRelation, ...]]:
    """What a statement took and did, by what the transaction holds after it; `opened` is brought up to date."""
    locks: list[TakenLock] = []
    touched: list[TouchedRelation] = []
    names = {relation["oid"]: relation["name"] for relation in held}
    reads = {one["oid"]: one["read"] - known.read for one in held if (known := opened.relations.get(one["oid"])) is not None}
    rebuilt: dict[int, list[int]] = {}
    for relation in held:
        known = opened.relations.get(relation["oid"])
        if known is not None and relation["index_of"] and known.relfilenode != relation["relfilenode"]:
            rebuilt.setdefault(relation["index_of"], []).append(int(relation["estimated_rows"]))
    for relation in held:
        oid, kind = relation["oid"], relation["kind"]
        known = opened.relations.get(oid)
        if known is None:
            owner = relation["index_of"]
            if kind == "i" and owner in opened.relations and oid not in opened.built:
                opened.built.add(oid)
                rows = max(int(relation["estimated_rows"]), reads.get(owner, 0))
                touched.append(TouchedRelation(names.get(owner, "?"), "builds", rows, relation["bytes"], relation["name"]))
            if owner not in opened.relations and oid > 0:
                opened.made.add(oid)
            continue
        opened.before.setdefault(oid, replace(known))
        strongest = max(STRENGTH.index(spelled(mode)) for mode in relation["modes"])
        if kind not in ("i", "I") or _index_alone(relation, held, strongest):
            locks += _lock(relation, known, strongest, statement, name)
        if strongest > known.mode:
            known.mode, known.since = strongest, name
        touched += _touched(relation, known, rebuilt.get(oid, []), tag, held)
        known.relfilenode, known.read, known.changed = relation["relfilenode"], relation["read"], relation["changed"]
    built = {one.relation for one in touched if one.what in ("builds", "rewrites", "empties")}
    return tuple(locks), tuple(one for one in touched if one.what != "scans" or one.relation not in built)


def _index_alone(relation: Values, held: Sequence[Values], strongest: int) -> bool:
    """Whether an index is locked against every reader while its table is not."""
    if strongest < BLOCKS_READS:
        return False
    table = next((one for one in held if one["oid"] == relation["index_of"]), None)
    return table is None or "AccessExclusiveLock" not in table["modes"]


def _lock(relation: Values, known: SeenRelation, strongest: int, statement: Statement, name: str) -> list[TakenLock]:
    """The lock that a statement took on a relation, if it is one worth a word and was not told before."""
    if known.file != name:
        known.file, known.told = name, -1
    if strongest > known.mode:
        mode, since = strongest, None
    else:
        # An earlier file holds as much already: only the statement tells what this one asks for.
        usual = usual_locks(statement).get(relation["name"]) if known.since != name else None
        if usual is None:
            return []
        mode, since = min(usual, known.mode), known.since
    if mode < WORTH_A_WORD or mode <= known.told:
        return []
    known.told = mode
    return [TakenLock(relation["name"], STRENGTH[mode], since)]


def _touched(
    relation: Values, known: SeenRelation, rebuilt: Sequence[int], tag: str, held: Sequence[Values]
) -> list[TouchedRelation]:
    """What a statement did to the rows of a relation that was there before."""
    name, kind = relation["name"], relation["kind"]
    read, changed = relation["read"] - known.read, relation["changed"] - known.changed
    anew = relation["relfilenode"] != known.relfilenode
    if kind in ("i", "I"):
        table = next((one for one in held if one["oid"] == relation["index_of"]), None)
        if not anew or table is None or tag.startswith(("ALTER TABLE", "TRUNCATE")):
            return []
        return [TouchedRelation(table["name"], "builds", max(0, int(relation["estimated_rows"])), relation["bytes"], name)]
    if kind not in ("r", "m", "p", "f"):
        return []
    found: list[TouchedRelation] = []
    if anew and tag.startswith("TRUNCATE"):
        found.append(TouchedRelation(name, "empties", 0))
    elif anew:
        # Building an index anew reads the rows once more, in part in other processes; it leaves their number in the index.
        found.append(TouchedRelation(name, "rewrites", max(read // (1 + len(rebuilt)), *rebuilt, 0), relation["bytes"]))
    elif read > 0:
        found.append(TouchedRelation(name, "scans", read))
    if changed > 0 and not anew:
        found.append(TouchedRelation(name, "changes", changed))
    return found


def blocking_of(steps: Sequence[RehearsedStatement], at_the_end: float) -> list[Blocking]:
    """Whom the statements of one file keep waiting, and for how long: to its end, for no lock is let go before."""
    more = any(step.over for step in steps)
    since: dict[tuple[str, int], int] = {}
    rows: dict[str, int] = {}
    for index, step in enumerate(steps):
        for lock in step.locks:
            strength = STRENGTH.index(lock.mode)
            for level in (BLOCKS_WRITES, BLOCKS_READS):
                if strength >= level:
                    since.setdefault((lock.relation, level), index)
        for touched in step.touched:
            if touched.what == "changes":
                rows.setdefault(touched.relation, index)

    def left(index: int) -> float:
        return sum(step.seconds for step in steps[index:]) + at_the_end

    found: list[Blocking] = []
    for (relation, level), index in since.items():
        if level == BLOCKS_READS:
            found.append(Blocking(relation, "every read and write", left(index), more))
        elif since.get((relation, BLOCKS_READS)) != index:
            found.append(Blocking(relation, "every write", left(index), more))
    for relation, index in rows.items():
        if since.get((relation, BLOCKS_WRITES), len(steps)) > index:
            found.append(Blocking(relation, "other writes of the changed rows", left(index), more))
    return sorted(found, key=lambda one: (one.relation, one.what != "every read and write"))


# Help is offered for tables that are worth it.
BIG_ROWS = 1000


def gentle_way(statement: Statement, touched: Sequence[TouchedRelation], *, over: bool = False) -> str | None:
    """The gentle way to the same end, for what is known to have one and took a table of some size, or was cancelled."""
    words = " ".join(token.upper or token.text for token in significant(statement.text))
    big = {one.what for one in touched if one.rows >= BIG_ROWS} if not over else {"rewrites", "scans", "builds"}
    if not words.startswith(("ALTER TABLE", "CREATE")) or not big & {"rewrites", "scans", "builds"}:
        return None
    if re.match(r"CREATE (UNIQUE )?INDEX", words):
        return "create index concurrently, in a file of its own, blocks nobody"
    if " SET NOT NULL" in words:
        return "add check (… is not null) not valid, validate it in a later file; set not null then scans nothing"
    if re.search(r" ADD (CONSTRAINT \S+ )?(UNIQUE|PRIMARY KEY)", words):
        return "create unique index concurrently in a file of its own, then add constraint … using index"
    if re.search(r" ADD (CONSTRAINT \S+ )?(CHECK|FOREIGN KEY)", words) and "NOT VALID" not in words:
        return "add it not valid, and validate it in a later file: that blocks nobody"
    if "rewrites" in big and " ADD " in words:
        return "add it without a default, fill it in batches (-- chatops: batched), set the default last"
    if "rewrites" in big and " TYPE " in words:
        return "add a column of the new type, fill it in batches (-- chatops: batched), and change over to it"
    return None

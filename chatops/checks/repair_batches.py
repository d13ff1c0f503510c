"""Runs the repair that lies beside a check: found once, then in batches, each its own transaction, each changed row logged."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from chatops import cluster_log, db, sqlfiles
from chatops.checks.thresholds import Threshold
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.model import Values
from chatops.repairs import texts
from chatops.repairs.rounds import Round

BATCH = 500
"""Most rows of one transaction: their locks are held well under 200 ms."""
PREVIEW = 20
"""Faults that a preview tries of each code, and changed rows of each that people are shown."""
TRIED_CHANGES = 1000
"""Changed rows of each code that a preview reads: a fault may change several."""
SCAN_TIMEOUT = "120s"
_AUDIT = "chatops.actions"
_NEWEST = "select pg_catalog.set_config('chatops.newest_action', coalesce(pg_catalog.max(id), 0)::text, true) from {log}"
_ELAPSED = "select 1000::float8 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.now())"


@frozen
class Change:
    """One changed row. `row_id` names it where it is not the chat itself; None for before: it was made, for after: removed."""

    id: int
    code: str
    chat_id: UUID | None
    operator_id: UUID | None
    row_id: str | None
    before: Values | None
    after: Values | None

    @property
    def what(self) -> str:
        """The difference in words, as `column: old → new`.

        >>> Change(1, "CHAT003", None, None, None, {"chat_state": None, "n": 1}, {"chat_state": "assigned", "n": 1}).what
        'chat_state: none → assigned'
        """
        row = f"{self.row_id.partition(' ')[0]}: " if self.row_id else ""
        if self.after is None:
            return f"{row}removed"
        if self.before is None:
            return f"{row}added"
        pairs = [_pair(key, self.before.get(key), value) for key, value in self.after.items() if self.before.get(key) != value]
        return row + (", ".join(pairs) or "nothing")


@frozen
class Mended:
    """What one repair did, or would do: offending rows mended, the first changes, and how many batches that took."""

    code: str
    mended: int
    changes: tuple[Change, ...]
    batches: int
    seconds: float
    busy: int = 0


@frozen
class Repair:
    """How to repair: on which chat (None: all), with or without the audit, and what the audit says of who and why."""

    chat_id: UUID | None
    audit: bool
    annotations: Mapping[str, str | None]
    thresholds: Mapping[str, Threshold]
    since: str = texts.EVER
    """How far back findings of history are looked for."""

    @property
    def limits(self) -> dict[str, str]:
        """What is measured against, where it is not left to the database."""
        return {name: threshold.text for name, threshold in self.thresholds.items()}


def shipped() -> tuple[str, ...]:
    """The codes that have a repair, in the order in which they are mended."""
    return tuple(repair.code for repair in texts.shipped())


def in_order(codes: Iterable[str]) -> list[str]:
    """The given codes in the order in which they are mended."""
    return sorted(codes, key=shipped().index)


def previews(database: Database, codes: Sequence[str], repair: Repair, *, rows: int = PREVIEW) -> list[Mended]:
    """One batch of each repair, one after the other in a transaction that is rolled back: what one mends is nothing to the next.

    What is wrong is read before, without a lock.
    """
    rounds = {code: find(database, code, repair, most=rows) for code in codes}
    taken = {code: round_.take() for code, round_ in rounds.items() if round_.found}
    done = dict(zip(taken, _tried(database, taken, repair, TRIED_CHANGES), strict=True)) if taken else {}
    outcomes = []
    for code, round_ in rounds.items():
        answer, changes, elapsed = done.get(code, ('{"mended": 0, "busy": []}', (), 0.0))
        round_.done(answer, elapsed)
        outcomes.append(Mended(code, round_.mended, tuple(changes), 1, elapsed / 1000, len(round_.busy)))
    return outcomes


def _tried(
    database: Database, taken: Mapping[str, Sequence[str]], repair: Repair, keep: int
) -> Iterator[tuple[str, Sequence[Change], float]]:
    """What each repair answers, what it changed, and after how many milliseconds."""
    # What no rollback takes back (a sequence) is left out of a trial.
    settings = {**_settings(repair), "chatops.trial": "on"}
    if database.facts is not None and database.facts.distributed:
        with _acting_in_cluster(database, repair, settings, rollback=True):
            for code, found in taken.items():
                yield _step_in_cluster(database, code, found, keep)
        return
    statements = _before(repair)
    for code, found in taken.items():
        # Each result ends where the next marker stands: a query without rows leaves no trace of its own.
        statements += [*_step(code, found, repair, keep), f"select '{code}'"]
    results = database.at_once(statements, settings, statement_timeout=SCAN_TIMEOUT, rollback=True)
    earlier = 0.0
    for code in taken:
        end = results.index([(code,)])
        _, mended, elapsed, *rows = results[:end]
        yield json.dumps(mended[0][0]), [Change(*row) for row in (rows[0] if rows else [])], float(elapsed[0][0]) - earlier
        earlier = float(elapsed[0][0])
        results = results[end + 1 :]


def left_out(database: Database, code: str, repair: Repair) -> list[UUID]:
    """The chats that this repair would end although their users wait, where no chat is named; inside a `reading` transaction."""
    if not _asks_a_person(code, repair):
        return []
    lines = database.value(
        texts.found_text(f"select * from (\n{_finding(database, code, repair)}\n) as kept where kept.user_waits")
    )
    return [UUID(json.loads(line)["chat_id"]) for line in lines.split("\n")] if lines else []


def _asks_a_person(code: str, repair: Repair) -> bool:
    return repair.chat_id is None and text_of(code).asks_a_person


def mend(
    database: Database, code: str, repair: Repair, *, keep: int = PREVIEW, progress: Callable[[str, int], None] | None = None
) -> Mended:
    """Finds what is wrong once and mends it, each batch its own transaction; what somebody else holds is asked for twice."""
    started = time.monotonic()
    kept: list[Change] = []
    mended = batches = 0
    while True:
        round_ = find(database, code, repair)
        found = len(round_.found)
        for _ in range(2):
            while round_.found:
                round_.size = min(round_.size, BATCH)
                kept += _batch(database, code, repair, round_, keep=keep - len(kept))
                if progress is not None:
                    progress(code, mended + round_.mended)
            if not round_.again():
                break
        mended, batches = mended + round_.mended, batches + round_.batches
        if found < texts.MOST_FOUND or not round_.mended:
            return Mended(code, mended, tuple(kept), batches, time.monotonic() - started)


def find(database: Database, code: str, repair: Repair, *, most: int | None = None, timeout: str = SCAN_TIMEOUT) -> Round:
    """What is wrong, read once in a transaction that only reads."""
    with database.reading(statement_timeout=timeout):
        database.script("; ".join(texts.FIND_SETTINGS))
        query = _finding(database, code, repair)
        if _asks_a_person(code, repair):
            query = f"select * from (\n{query}\n) as kept where not kept.user_waits"
        return Round.of(database.value(texts.found_text(query, most)))


def _finding(database: Database, code: str, repair: Repair) -> str:
    before_018 = not database.facts.has_queue_clocks if database.facts else False
    chat_id = str(repair.chat_id) if repair.chat_id else None
    return text_of(code).finding(repair.limits, since=repair.since, before_018=before_018, chat_id=chat_id)


def text_of(code: str) -> texts.Repair:
    """The repair of a code that has one."""
    return texts.chosen([code])[0]


def mending(code: str, found: Sequence[str], *, audit: bool) -> str:
    """The statement that mends these rows, with or without the audit."""
    text = text_of(code).mending(found)
    return text if audit else without_audit(text)


def without_audit(text: str) -> str:
    """The text of a repair, or of what reads its changes, with a temporary table in place of the audit."""
    if _AUDIT not in text:
        raise RefusedError("a repair that does not log its changes cannot run without the audit")
    return sqlfiles.without_log(text)


def _batch(database: Database, code: str, repair: Repair, round_: Round, *, keep: int) -> Sequence[Change]:
    """The next rows of a round, mended and committed in one request: no lock waits for this client. The first changes."""
    rows = round_.take()
    if database.facts is not None and database.facts.distributed:
        with _acting_in_cluster(database, repair, _settings(repair)):
            answer, changes, milliseconds = _step_in_cluster(database, code, rows, keep)
        round_.done(answer, milliseconds)
        return changes
    statements = [*_before(repair), *_step(code, rows, repair, keep)]
    _, mended, elapsed, *changed = database.at_once(statements, _settings(repair), statement_timeout=SCAN_TIMEOUT)
    round_.done(json.dumps(mended[0][0]), float(elapsed[0][0]))
    return [Change(*row) for row in changed[0]] if changed else []


def _settings(repair: Repair) -> dict[str, str | None]:
    """Guards tell a repair from a legacy write by the mark; without guards nobody reads it."""
    return {**repair.annotations, "chatops.write": "function"}


def _before(repair: Repair) -> list[str]:
    return [] if repair.audit else [sqlfiles.read("queries/repair_standin.sql")]


def _step(code: str, found: Sequence[str], repair: Repair, keep: int) -> list[str]:
    """The statements that mend these rows: what the log ends with, the mending, how long it took, the first changes."""
    log = _AUDIT if repair.audit else sqlfiles.without_log(_AUDIT)
    statements = [_NEWEST.format(log=log), mending(code, found, audit=repair.audit), _ELAPSED]
    if keep > 0:
        changes = sqlfiles.read("queries/repair_changes.sql")
        statements.append(db.inlined(changes if repair.audit else without_audit(changes), {"rows": keep}))
    return statements


@contextlib.contextmanager
def _acting_in_cluster(
    database: Database, repair: Repair, settings: Mapping[str, str | None], *, rollback: bool = False
) -> Iterator[None]:
    """The transaction of repairs on a tenant of a Citus cluster, where change and log are two statements."""
    if not repair.audit:
        raise RefusedError("nothing is repaired on a Citus cluster without the log")
    with database.acting(statement_timeout=SCAN_TIMEOUT, rollback=rollback):
        database.annotate(settings)
        yield


def mended_in_cluster(database: Database, code: str, found: Sequence[str]) -> int:
    """How many of these rows of a tenant of a Citus cluster are mended; inside the caller's transaction."""
    return int(json.loads(_step_in_cluster(database, code, found, 0)[0])["mended"])


def _step_in_cluster(database: Database, code: str, found: Sequence[str], keep: int) -> tuple[str, Sequence[Change], float]:
    started = time.monotonic()
    database.execute(_NEWEST.format(log=_AUDIT))
    answer = cluster_log.mend(database, code, text_of(code).mend, found)
    changed = database.tuples(sqlfiles.read("queries/repair_changes.sql"), {"rows": keep}) if keep > 0 else []
    return answer, [Change(*row) for row in changed], (time.monotonic() - started) * 1000


def _pair(key: str, old: object, new: object) -> str:
    if _short(old) == _short(new):
        return f"{key}: {json.dumps(old)} → {json.dumps(new)}"
    return f"{key}: {_short(old)} → {_short(new)}"


def _short(value: object) -> str:
    if value is None:
        return "none"
    text = str(value)
    # Ids and instants at a length that still tells them apart.
    return text[:8] if len(text) == 36 and text.count("-") == 4 else text[:19] if "T" in text[10:11] else text

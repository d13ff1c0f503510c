"""Completion of chat and operator ids: from a small cache, never longer than a moment, and silent about whatever goes wrong.

Importing this loads nothing of weight: it stands in the options of commands.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FRESH_SECONDS = 60
BUDGET_SECONDS = 0.3
FETCH_SECONDS = 5
"""How long a look at the database may go on for the next time, after this one was given up."""
MOST = 200

Offers = list[tuple[str, str]]


def chats(ctx: Any, incomplete: str) -> Offers:
    """Ids of chats that begin so, each with its state: who waits or is held first, then the newest."""
    return _offers(ctx, "chats", incomplete)


def operators(ctx: Any, incomplete: str) -> Offers:
    """Ids of operators that begin so, each with what they do now."""
    return _offers(ctx, "operators", incomplete)


def either(ctx: Any, incomplete: str) -> Offers:
    """Ids of what the word before says: `show chat …` or `show operator …`."""
    return _offers(ctx, "operators" if ctx.params.get("what") == "operator" else "chats", incomplete)


def _offers(ctx: Any, kind: str, incomplete: str) -> Offers:
    try:
        kept = _kept(_target(ctx), kind)
        return [(name, told) for name, told in kept if name.startswith(incomplete.lower())]
    except Exception:  # noqa: BLE001 - somebody is typing: no completion is better than a traceback
        return []


def _target(ctx: Any) -> Any:
    from chatops import settings

    given = ctx.obj.given
    return settings.resolve(settings.Options(tuple(given.db), given.env, given.schema, given.config))


def _kept(target: Any, kind: str) -> Sequence[tuple[str, str]]:
    """What the cache holds, asked for anew when it is old; what is old when the answer takes too long."""
    path = cache_file(target, kind)
    kept, age = _read(path)
    if age < FRESH_SECONDS:
        return kept
    started = time.monotonic()
    if not _look_aside(lambda: _write(path, _ask(target, kind))):
        return kept
    while time.monotonic() - started < BUDGET_SECONDS:
        found, age = _read(path)
        if age < FRESH_SECONDS:
            return found
        time.sleep(0.01)
    return kept


def cache_file(target: Any, kind: str) -> Path:
    """One file for each database, schema and user; its name tells nothing of them."""
    import hashlib

    from chatops import settings

    place = json.dumps([target.shown(), target.schema, target.parameters.get("user", ""), kind])
    return settings.cache_dir() / f"completion-{hashlib.sha256(place.encode()).hexdigest()[:20]}.json"


def _read(path: Path) -> tuple[list[tuple[str, str]], float]:
    """The offers of a file and their age in seconds; none, of endless age, where there is no good one."""
    try:
        found = [(str(name), str(told)) for name, told in json.loads(path.read_text(encoding="utf-8"))]
        age = time.time() - path.stat().st_mtime
    except (OSError, ValueError, TypeError):
        return [], float("inf")
    return found, age if age >= 0 else float("inf")


def _write(path: Path, offers: Offers) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(offers, file)
    part.replace(path)


def _look_aside(work: Callable[[], None]) -> bool:
    """Does it in a process of its own, so that a slow answer is there for the next time; False where that cannot be."""
    if not hasattr(os, "fork"):
        return False
    if os.fork():
        return True
    try:  # the child: out of the shell's sight, silent, and gone soon
        import signal

        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(FETCH_SECONDS)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        work()
    finally:
        os._exit(0)


def _ask(target: Any, kind: str) -> Offers:
    from chatops import db, formatting, sqlfiles

    if target.embedded is not None:
        target = _running(target)
    with db.connect(target, "completion", "read", connect_timeout=2) as database, database.reading(statement_timeout="2s"):
        before_018 = not (database.facts and database.facts.has_queue_clocks)
        query = sqlfiles.query(f"queries/complete_{kind}.sql", before_018=before_018)
        rows = database.tuples(query, {"most": MOST})
    # A name is kept as its initial: the file outlives the moment.
    return [
        (str(row[0]), f"{formatting.initial(row[2])} {row[1]}" if kind == "operators" else str(row[1] or "no state"))
        for row in rows
    ]


def _running(target: Any) -> Any:
    """The embedded server's address where it runs; completing starts no server."""
    from dataclasses import replace

    from chatops import local, settings

    if not local.status().running:
        raise LookupError("the embedded server does not run")
    parameters, _ = settings.parse(local.url(target.parameters["dbname"]), "embedded server")
    return replace(target, parameters=parameters)

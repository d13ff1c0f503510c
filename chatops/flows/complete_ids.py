"""Completion of chat and operator ids: from a small cache, never longer than a moment, and silent about whatever goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import select
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import formatting, settings
from chatops.flows.given import Given
from chatops.later import later
from chatops.settings import Target

if TYPE_CHECKING:  # the driver: in the process that asks; the one that answers has a third of a second
    from chatops.flows import ask_ids
else:
    ask_ids = later("chatops.flows.ask_ids")

FRESH_SECONDS = 60
BUDGET_SECONDS = 0.3
FETCH_SECONDS = 5
"""How long a look at the database may go on for the next time, after this one was given up."""
MOST = 200
MOST_NAMES = 5_000
MOST_OFFERED = 50
"""So many names are asked about: who types on gets the others."""
NAMES_SECONDS = 1.0
"""How long somebody who types a name waits."""

Offers = list[tuple[str, str]]


def offers(given: Given, kind: str, incomplete: str) -> Offers:
    """Ids of that kind that begin so, of the database that the command line names so far; none when anything goes wrong."""
    try:
        options = settings.Options(tuple(given.db), given.env, given.schema, given.config)
        kept = _kept(settings.resolve(options), kind)
        found = [(name, told) for name, told in kept if name.startswith(incomplete.lower())]
        return found or (_by_name(settings.resolve(options), incomplete) if kind == "operators" and incomplete else [])
    except Exception:  # noqa: BLE001 - somebody is typing: no completion is better than a traceback
        return []


def _kept(target: Target, kind: str) -> Sequence[tuple[str, str]]:
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


def _by_name(target: Target, typed: str) -> Offers:
    """What of operators' names begins so and means one of them alone. Asked live: names are kept in no file."""
    if not hasattr(os, "fork"):
        return []
    end, answer = os.pipe()

    def work() -> None:
        with os.fdopen(answer, "w", encoding="utf-8") as pipe:
            json.dump(_ask_names(target, typed), pipe)

    _look_aside(work, keep=answer)
    os.close(answer)
    told, until = b"", time.monotonic() + NAMES_SECONDS
    with os.fdopen(end, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], max(0, until - time.monotonic()))[0]:
            part = pipe.read(65_536)
            if not part:
                return [(str(word), str(load)) for word, load in json.loads(told)]
            told += part
    return []


def _ask_names(target: Target, typed: str) -> Offers:
    seen: dict[str, str] = {}
    for _, load, name in _rows(target, "operators", MOST_NAMES):
        # Behind a word that several are called by stands what tells them apart: the rest of the name.
        for word in (*str(name or "").split(), " ".join(str(name or "").split())):
            if word.lower().startswith(typed.lower()) and re.fullmatch(r"[\w.-]+( [\w.-]+)*", word):
                # In the case that was typed: shells offer only what goes on that.
                seen.setdefault(typed + word[len(typed) :], str(load))
    told = list(seen.items())[:MOST_OFFERED]
    meant = ask_ids.means_one(target, [word for word, _ in told])
    bash = os.environ.get("_CHATOPS_COMPLETE", "").endswith("_bash")  # which takes what is offered as it stands; others quote it
    return sorted(
        (word.replace(" ", "\\ ") if bash else word, load) for (word, load), one in zip(told, meant, strict=True) if one
    )


def cache_file(target: Target, kind: str) -> Path:
    """One file for each database, schema and user; its name tells nothing of them."""
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


def _look_aside(work: Callable[[], None], keep: int | None = None) -> bool:
    """Does it in a process of its own, so that a slow answer is there for the next time; False where that cannot be."""
    if not hasattr(os, "fork"):
        return False
    if os.fork():
        return True
    try:  # the child: out of the shell's sight, silent, and gone soon
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(FETCH_SECONDS)
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            if stream != keep:
                os.dup2(nowhere, stream)
        work()
    finally:
        os._exit(0)


def _rows(target: Target, kind: str, most: int) -> Sequence[Sequence[object]]:
    return ask_ids.rows(target, kind, most)


def _ask(target: Target, kind: str) -> Offers:
    # A name is kept as its initial: the file outlives the moment.
    return [
        (str(row[0]), f"{formatting.initial(str(row[2] or ''))} {row[1]}" if kind == "operators" else str(row[1] or "no state"))
        for row in _rows(target, kind, MOST)
    ]

"""A watch as a file: what it began with, then a line for each look; the next look reads the end of it and adds a line.

A line that does not end was being written when its run was killed: it counts as not written. A line leads to lines before it: to
the last that told or missed something, and the last that says what stands. So the next look reads the head, what is new, and what
was told, however many looks there were. A state of format 1, one document, is read as ever, and goes on as lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import IO, Any

from chatops import formatting
from chatops.deploys.monitor_state import Counts, Open, Tick, Transition, Watch, checked, parse_found
from chatops.errors import UsageError
from chatops.files import parse_json, read_json, write_file
from chatops.frozen import frozen
from chatops.model import Values
from chatops.shapes import built

FORMAT = 2
LARGEST = 64 << 20
BLOCK = 64 << 10
ENOUGH_REACHED = 40
"""Looks that a page draws (`screens/monitor.py`); the newest that measured is among those read, wherever it is."""
WHAT = "state of a monitor"


@frozen
class Standing:
    """What is so after a look, in place of what was so before it."""

    open: Mapping[str, Open] = field(default_factory=dict)
    untold: tuple[Transition, ...] = ()
    end_told: bool = False


@frozen
class _Head:
    place: str
    plan: str
    started: str
    baseline: Values
    standing: Standing
    earlier: Counts = Counts()
    environment: str = ""
    role: str = ""
    program: str = ""


@frozen
class _Line:
    look: Tick | None
    """None where a message was taken, between two looks."""
    so_far: Counts
    standing: Standing | int
    """Or where in the file the line is that says it."""
    missed: tuple[tuple[int, int], ...] = ()
    """The slots that were missed before this look, from and to."""
    told: tuple[Transition, ...] = ()
    eventful: int | None = None
    """Where the line before it is that missed or told something."""


@frozen
class Place:
    """Where the next line of a file belongs, and what it may lead to: what stands, and what was told or missed last."""

    end: int
    standing: int = 0
    eventful: int | None = None


@frozen
class Kept:
    """A watch as its file holds it; without a place the file is of format 1, and is written anew."""

    watch: Watch
    place: Place | None = None


def read(path: Path, *, whole: bool = True) -> Watch | None:
    """The watch that a file remembers, None when there is none; its newest looks only where not the `whole` is wanted.

    Raises UsageError when it is something else.
    """
    found = kept(path, whole=whole)
    return None if found is None else found.watch


def kept(path: Path, *, whole: bool = False) -> Kept | None:
    """As `read`, with where the next line belongs."""
    try:
        with path.open("rb") as file:
            head = file.readline(LARGEST + 1)
            if _is_lines(head):
                return _guarded(file, head, str(path), whole=whole)
        return Kept(parse_found(read_json(path, WHAT), str(path)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def kind_of_head(path: Path) -> object:
    """What a file of lines says that it is; None for one that is none. Raises FileNotFoundError, else UsageError."""
    try:
        with path.open("rb") as file:
            head = file.readline(LARGEST + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    return json.loads(head)["kind"] if _is_lines(head) else None


def text(watch: Watch) -> str:
    """The whole file of a watch."""
    head = {
        "format": FORMAT, "kind": "monitor", "place": watch.place, "plan": watch.plan, "started": watch.started,
        "environment": watch.environment, "role": watch.role, "program": watch.program, "baseline": watch.baseline,
        "earlier": asdict(watch.earlier), "standing": asdict(_standing(watch)),
    }  # fmt: skip
    made = _encoded(head)
    known = replace(watch, ticks=(), missed=(), transitions=())
    return (made + _added(known, Place(len(made)), watch)).decode()


def write(path: Path, before: Kept | None, watch: Watch) -> None:
    """Adds what is new in a watch to the file that it was read from, or writes it anew. Raises UsageError when that cannot be."""
    if before is not None and before.place is not None:
        try:
            with path.open("r+b") as file:
                file.seek(before.place.end)
                file.truncate()
                file.write(_added(before.watch, before.place, watch))
            return
        except FileNotFoundError:
            pass
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
    write_file(path, text(watch), private=True)


# ---- writing -----------------------------------------------------------------------------------------------------------


def _added(was: Watch, place: Place, watch: Watch) -> bytes:
    """The lines of what is new in a watch."""
    lines = bytearray()
    taken = watch.taken - was.taken
    ticks: tuple[Tick | None, ...] = watch.ticks[len(watch.ticks) - taken :] if taken > 0 else (None,)
    missed, told = [*watch.missed[len(was.missed) :]], [*watch.transitions[len(was.transitions) :]]
    so_far, eventful = was.counts, place.eventful
    for number, tick in enumerate(ticks, 1):
        is_last = number == len(ticks)
        passed = [slot for slot in missed if is_last or (tick is not None and slot < tick.slot)]
        said = [one for one in told if is_last or (tick is not None and one.slot <= tick.slot)]
        missed, told = missed[len(passed) :], told[len(said) :]
        so_far = so_far if tick is None else so_far.with_tick(tick)
        at = place.end + len(lines)
        stands: object = place.standing
        if is_last and _standing(watch) != _standing(was):
            stands = asdict(_standing(watch))
        lines += _encoded(
            {"look": None if tick is None else asdict(tick), "missed": _spans(passed), "told": [asdict(one) for one in said],
             "so_far": asdict(so_far), "eventful": eventful, "standing": stands}
        )  # fmt: skip
        eventful = at if passed or said else eventful
    return bytes(lines)


def _standing(watch: Watch) -> Standing:
    return Standing(watch.open, watch.untold, watch.end_told)


def _spans(slots: list[int]) -> list[list[int]]:
    """Numbers as those that follow one another, from and to.

    >>> _spans([3, 4, 5, 9])
    [[3, 5], [9, 9]]
    """
    made: list[list[int]] = []
    for slot in slots:
        if made and made[-1][1] == slot - 1:
            made[-1][1] = slot
        else:
            made.append([slot, slot])
    return made


def _encoded(found: Mapping[str, object]) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


# ---- reading -----------------------------------------------------------------------------------------------------------


def _is_lines(head: bytes) -> bool:
    if not head.endswith(b"\n"):
        return False
    try:
        found = json.loads(head)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("kind") == "monitor" and found.get("format") == FORMAT


def _guarded(file: IO[bytes], head: bytes, where: str, *, whole: bool) -> Kept:
    try:
        fields = parse_json(head, where, WHAT)
        assert isinstance(fields, dict)
        begun = built(_Head, {name: value for name, value in fields.items() if name not in ("format", "kind")})
        found = _whole(file, begun, len(head)) if whole else _newest(file, begun, len(head))
        checked(found.watch)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is a damaged state: {formatting.visible(str(error))}") from None
    except UsageError as error:
        raise UsageError(f"{where} is a damaged state: {error.message}") from None
    return found


def _whole(file: IO[bytes], head: _Head, start: int) -> Kept:
    """All looks."""
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MB")
    at, lines, eventful = start, [], None
    stands: dict[int, Standing] = {0: head.standing}
    last = 0
    for piece in data[: data.rfind(b"\n") + 1].splitlines(keepends=True) if data else ():
        line = _line(piece)
        lines.append(line)
        if isinstance(line.standing, Standing):
            stands[at], last = line.standing, at
        elif line.standing not in stands:
            raise ValueError("a line leads nowhere")
        else:
            last = line.standing
        eventful = at if line.missed or line.told else eventful
        at += len(piece)
    return Kept(_watch(head, lines, stands[last], head.earlier), Place(at, last, eventful))


def _newest(file: IO[bytes], head: _Head, start: int) -> Kept:
    """The newest looks, and all that was told or missed."""
    end = _end(file, start)
    lines: list[_Line] = []
    newest: tuple[int, _Line] | None = None
    reached, measured = 0, False
    for at, piece in _backwards(file, start, end):
        line = _line(piece)
        newest = newest or (at, line)
        so_far = newest[1].so_far
        if line.look is not None:
            lines.append(line)
            reached += line.look.reached
            measured = measured or (line.look.reached and line.look.unseen is None)
        if reached >= ENOUGH_REACHED and (measured or so_far.reached == so_far.blind):
            break
    if newest is None:
        return Kept(_watch(head, [], head.standing, head.earlier), Place(end))
    at, line = newest
    events = [*_events(file, at, line, start)]
    standing, stands_at = line.standing, at
    if isinstance(standing, int):
        stands_at = standing
        standing = head.standing if stands_at == 0 else _at(file, stands_at, at, start).standing
    if isinstance(standing, int):
        raise ValueError("a line leads nowhere")
    happened = _watch(head, [one for _, one in events], standing, head.earlier)
    watch = replace(happened, ticks=tuple(one.look for one in reversed(lines) if one.look is not None))
    place = Place(end, stands_at, events[-1][0] if events else None)
    return Kept(replace(watch, earlier=line.so_far.before(watch.ticks)), place)


def _watch(head: _Head, lines: list[_Line], standing: Standing, earlier: Counts) -> Watch:
    slots = len(Watch(head.place, head.plan, head.started, head.baseline).schedule.slots)
    spans = [one for line in lines for one in line.missed]
    if not all(0 <= first <= last < slots for first, last in spans):
        raise ValueError("a slot is none of the plan")
    return Watch(
        head.place, head.plan, head.started, head.baseline, tuple(line.look for line in lines if line.look is not None),
        tuple(slot for first, last in spans for slot in range(first, last + 1)), standing.open,
        tuple(one for line in lines for one in line.told), standing.untold, standing.end_told,
        head.environment, head.role, head.program, earlier,
    )  # fmt: skip


def _events(file: IO[bytes], at: int, line: _Line, start: int) -> list[tuple[int, _Line]]:
    """The lines that missed or told something, the oldest first."""
    found = [(at, line)] if line.missed or line.told else []
    while (place := line.eventful) is not None:
        line, at = _at(file, place, at, start), place
        found.append((at, line))
    return found[::-1]


def _at(file: IO[bytes], place: int, before: int, start: int) -> _Line:
    """The line that begins there. A line leads to lines before it: none leads round in a circle."""
    if not start <= place < before:
        raise ValueError("a line leads nowhere")
    file.seek(place)
    return _line(file.readline(LARGEST + 1))


def _end(file: IO[bytes], start: int) -> int:
    """Where the last whole line ends."""
    end = file.seek(0, 2)
    while end > start:
        begin = max(start, end - BLOCK)
        file.seek(begin)
        if (last := file.read(end - begin).rfind(b"\n")) >= 0:
            return begin + last + 1
        end = begin
    return start


def _backwards(file: IO[bytes], start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The lines between two places, the last one first, each with its place."""
    held, begin = b"", end
    while begin > start:
        size = min(BLOCK, begin - start)
        begin -= size
        file.seek(begin)
        held = file.read(size) + held
        # What stands in front of the first end of a line may have begun in the block before.
        first = 0 if begin == start else held.find(b"\n") + 1
        if first == 0 and begin > start:
            continue
        upto = len(held)
        while upto > first:
            since = max(held.rfind(b"\n", first, upto - 1) + 1, first)
            yield begin + since, held[since:upto]
            upto = since
        held = held[:first]


def _line(piece: bytes) -> _Line:
    found: Any = json.loads(piece)
    return built(_Line, found)

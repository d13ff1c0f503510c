"""What the desk knows and shows, without a terminal: the newest look, the cursor and marks by id, the order that stands still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chatops.chats.desk import Look, TenantsLook, Wait
from chatops.checks import compare_looks
from chatops.checks.results import Survey
from chatops.console import clock
from chatops.console.source import KINDS, Act, Source
from chatops.screens import console as rows
from chatops.screens import console_lines as lines
from chatops.screens import console_tenants
from chatops.screens.console import Findings, Key, Row, Section
from chatops.screens.console_head import BETWEEN, HOUR, Head

REST = 3.0
"""Seconds after the last key in which the order stands still."""
ARMED = 600.0
NOTHING = timedelta(seconds=1)
"""By so much two looks may seem to be the wrong way round: one may be through a pooler, from another server."""
TOGETHER = 4.0
"""Seconds in which looks count as one moment of the hour."""


@dataclass
class DeskState:
    """One database's desk. Times by `clock`, in seconds."""

    source: Source
    every: float
    clock: Callable[[], float] = clock.now
    look: Look | TenantsLook | None = None
    looked_at: float | None = None
    looks: int = 0
    """How many looks were had."""
    found: Findings | None = None
    checked_at: float | None = None
    trouble: str | None = None
    parts: Sequence[Section] = ()
    cursor: Key | None = None
    marked: dict[Key, None] = field(default_factory=dict)
    """In the order in which they were marked."""
    frozen: bool = False
    wanted: str = ""
    """The filter's text."""
    armed_until: float | None = None
    key_at: float | None = None
    waits: list[tuple[float, float]] = field(default_factory=list)
    """When, and the longest wait then."""
    clock_back: timedelta = timedelta(0)
    """By how much the database's clock went back, until it is where it was."""
    _furthest: tuple[datetime, float] | None = None
    """The latest that the database's clock said, and when."""
    _found_at: float = 0.0
    _first: compare_looks.Earlier | None = None

    # ---- what was seen -------------------------------------------------------------------------------------------------

    def take(self, look: Look | TenantsLook) -> None:
        """The newest look; the one before, where the source rests, is as old as it is."""
        at = self.clock()
        self.looks += 1
        self.trouble = None
        if look is self.look:
            return
        self.look, self.looked_at = look, at
        if isinstance(look, TenantsLook):
            return
        self._compare_clocks(look.now, at)
        if look.queue is None:
            return
        wait = (look.now - look.queue.oldest).total_seconds() if look.queue.oldest else 0.0
        if wait < -rows.CLOCKS_DIFFER:  # by a clock that is wrong nobody knows how long they wait
            return
        since, longest = self.waits[-1] if self.waits else (0.0, 0.0)
        if at - since < TOGETHER and since > 0:  # looks come as often as they like, and an hour of them is kept
            self.waits[-1] = (since, max(longest, wait))
        else:
            self._remember([(at, max(0.0, wait))])

    def _compare_clocks(self, now: datetime, at: float) -> None:
        """The database's clock against what it said before, and against our own, which only goes on."""
        if self._furthest is not None and now < self._furthest[0] - NOTHING:
            then, since = self._furthest
            self.clock_back = then - now + timedelta(seconds=at - since)
        else:
            self._furthest, self.clock_back = (now, at), timedelta(0)

    def take_waits(self, waits: Sequence[Wait]) -> None:
        """What the database knows of the hour before the first look."""
        if self.look is not None and self.looked_at is not None:
            now, at = self.look.now, self.looked_at
            self._remember([(at - (now - one.moment).total_seconds(), one.seconds) for one in waits])

    def _remember(self, waits: Sequence[tuple[float, float]]) -> None:
        since = self.clock() - HOUR - BETWEEN
        self.waits = sorted(one for one in (*self.waits, *waits) if one[0] > since)

    def take_survey(self, survey: Survey) -> None:
        """What the checks found, against the first time and the last."""
        changes = compare_looks.compare(survey, self._first) if self._first else None
        gone = dict(changes.resolved) if changes else {}
        if self.found is not None:
            gone |= compare_looks.compare(survey, compare_looks.earlier_of(self.found.survey, "the look before")).resolved
        self._first = self._first or compare_looks.earlier_of(survey, "the first look")
        self.found, self._found_at = Findings(survey, changes, gone), self.clock()

    def arrange(self, *, still: bool = False) -> None:
        """The newest rows in their order; or, `still` or while keys move, in that of the screen."""
        if self.look is None:
            return
        if isinstance(self.look, TenantsLook):
            now = console_tenants.sections(self.look)
        else:
            found = self.found
            if found is not None and self.clock_back:
                found = replace(found, age=self.clock() - self._found_at)
            now = rows.sections(self.look, found, show_names=self.source.show_names)
        moving = still or (self.key_at is not None and self.clock() - self.key_at < REST)
        self.parts = lines.kept_in_order(self.parts, now) if moving and self.parts else now
        there = {row.key for part in self.parts for row in part.rows}
        self.marked = {key: None for key in self.marked if key in there}

    # ---- what is shown -------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> list[Section]:
        """The sections with the rows that the filter leaves."""
        return lines.filtered(self.parts, self.wanted)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return lines.row_of(self.shown, self.cursor)

    @property
    def armed(self) -> bool:
        """Whether acting is allowed now."""
        return not self.source.production or (self.armed_until is not None and self.clock() < self.armed_until)

    def head(self) -> Head:
        """What the first lines tell beside the look."""
        now, source = self.clock(), self.source
        left = timedelta(seconds=round((self.armed_until or 0) - now)) if self.armed and source.production else None
        age = None if self.looked_at is None else now - self.looked_at
        waits = [(now - at, seconds) for at, seconds in self.waits]
        every = max(self.every, self.look.every) if isinstance(self.look, TenantsLook) else self.every
        return Head(
            source.name, source.where, source.production, left, age, every, self.frozen, self.trouble, waits, self.clock_back
        )  # fmt: skip

    @property
    def words(self) -> tuple[str, ...]:
        """The equivalent command: of what is marked, else of the row under the cursor."""
        marked = [key for key in self.marked if key[0] == "chat"]
        if marked:
            held = {row.key for part in self.parts if part.name == "held" for row in part.rows}
            ids = [key[1][:8] for key in marked]
            return ("release", *ids) if all(key in held for key in marked) else ("reassign", *ids, "--to", "auto")
        if self.marked:
            return ("drain", *(key[1][:8] for key in self.marked))
        return self.row.words if self.row is not None else ("summary",)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def move(self, by: int) -> None:
        """The cursor to another row."""
        keys = lines.keys_of(self.shown)
        if keys:
            at = keys.index(self.cursor) + by if self.cursor in keys else 0 if by > 0 else len(keys) - 1
            self.cursor = keys[max(0, min(len(keys) - 1, at))]

    def to_end(self, *, last: bool) -> None:
        """The cursor to the first or the last row."""
        if keys := lines.keys_of(self.shown):
            self.cursor = keys[-1 if last else 0]

    def jump(self, by: int) -> None:
        """The cursor to the first row of the next section, or of the one before; around."""
        keys, firsts = lines.keys_of(self.shown), lines.first_keys(self.shown)
        if firsts:
            here = keys.index(self.cursor) if self.cursor in keys else -1
            passed = [place for place, key in enumerate(firsts) if keys.index(key) <= here]
            at = (passed[-1] if passed else -1) + by
            self.cursor = firsts[at % len(firsts)] if here >= 0 or by > 0 else firsts[-1]

    def mark(self) -> bool:
        """Marks the row, or not any more; False where nothing can be done with several of its kind."""
        row = self.row
        if row is None or row.gone or row.key[0] not in ("chat", "operator"):
            return False
        if row.key in self.marked:
            del self.marked[row.key]
        else:
            self.marked = {key: None for key in self.marked if key[0] == row.key[0]} | {row.key: None}
        self.move(1)
        return True

    def subjects(self, act: Act) -> list[Key]:
        """What an act is about: the marked rows of its kind, else the row under the cursor, else its holder; [] when none is."""
        kind = KINDS[act]
        if marked := [key for key in self.marked if key[0] == kind]:
            return marked
        row = self.row
        if row is None or row.gone:
            return []
        if row.key[0] == kind:
            return [row.key]
        holds = any(part.name == "held" and row in part.rows for part in self.parts)
        return [("operator", str(row.operator))] if kind == "operator" and holds and row.operator is not None else []

    def arm(self) -> None:
        """Production may be changed for ten minutes, or not any more."""
        if self.source.production:
            self.armed_until = None if self.armed else self.clock() + ARMED

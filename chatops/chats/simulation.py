"""A hostile load: operators, users, the idle cron and an admin write at once, each in a session of its own, while another session
looks whether the invariants hold.

What a session wants to do next is decided from the seed alone, before anything is asked of the database (`intents`), so that a
seed repeats the schedule; what comes of it depends on who is first.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from chatops import db, sqlfiles
from chatops.chats import writers
from chatops.chats.writers import Result, Rows, Step, WritePath, Writer
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError, UnreachableError
from chatops.settings import Target

IDLE = timedelta(seconds=0.7)
"""How long an operator may be silent: short, so that many chats are lost to the cron while their operators still type."""
HISTORY_SECONDS = 120
"""How far the looks during a run look back; the last one looks at everything."""
EVER = "1000 years"
WRITER = "simulate"
REFUSED = "55000"
REFUSALS = {
    "no longer holds chat": "late reply",
    "is working on another chat": "operator busy",
    "is completed": "chat completed",
    "is answered": "chat answered",
}
"""What the application must expect of guards and functions (all 55000), by what their messages say."""
LOST = "connection"
"""Stands for the SQLSTATE of a failure that came with the loss of the connection."""

Role = Literal["operator", "user", "cron", "admin", "fault"]


@dataclass(frozen=True, slots=True)
class Load:
    """Who takes part. `tabs` are second sessions of the first operators, who so click twice; `admin` is what an admin orders,
    with its share; `faults` ends sessions of the others at random.
    """

    operators: int = 12
    users: int = 4
    chats: int = 40
    seed: int = 1
    crons: int = 2
    admin: tuple[tuple[str, float], ...] = (("reassign", 0.70), ("unassign", 0.25), ("close", 0.05))
    faults: bool = False

    @property
    def tabs(self) -> int:
        """How many operators work in two tabs: a third."""
        return (self.operators + 2) // 3

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Everybody who writes."""
        return (
            *(Session("operator", number, number) for number in range(self.operators)),
            *(Session("operator", self.operators + number, number) for number in range(self.tabs)),
            *(Session("user", number) for number in range(self.users)),
            *(Session("cron", number) for number in range(self.crons)),
            Session("admin", 0),
            *((Session("fault", 0),) if self.faults else ()),
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One client; `person` is the number of the operator who sits there."""

    role: Role
    number: int
    person: int = 0


# ---- what they want to do: from the seed alone -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """An operator asks for a chat and, if there is one, works on it.

    `clock_error` is by how many seconds the client's clock is wrong in the heartbeat (None: no heartbeat), `thinks` the seconds
    before the reply, `pauses` those after each of its statements; without `answers` the operator vanishes.
    """

    clock_error: float | None
    thinks: float
    answers: bool
    pauses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Burst:
    """A user writes some messages in a row into the chat of that number."""

    chat: int
    messages: int
    pause: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """The idle cron goes over the held chats."""

    pause: float


@dataclass(frozen=True, slots=True)
class Order:
    """An admin moves or closes a chat: `what` is reassign, unassign or close."""

    what: str
    chat: int
    operator: int
    pause: float


@dataclass(frozen=True, slots=True)
class Strike:
    """One session of the others is ended; `share` (0 to 1) says which."""

    share: float
    pause: float


Intent = Turn | Burst | Sweep | Order | Strike


def intents(load: Load, session: Session) -> Iterator[Intent]:
    """What a session wants to do, one after the other and for ever."""
    chance = random.Random(f"{load.seed} {session.role} {session.number}")
    while True:
        match session.role:
            case "operator":
                yield _turn(chance)
            case "user":
                yield Burst(chance.randrange(load.chats), chance.choice([1, 1, 2, 4]), chance.choice([0.0, 0.005]))
            case "cron":
                yield Sweep(0.05)
            case "admin":
                names, shares = zip(*load.admin, strict=True)
                what = chance.choices(names, shares)[0]
                yield Order(what, chance.randrange(load.chats), chance.randrange(load.operators), 0.02)
            case "fault":
                yield Strike(chance.random(), chance.uniform(0.1, 0.6))


def _turn(chance: random.Random) -> Turn:
    clock_error = chance.choice([0.0, 0.0, -3600.0, 3600.0]) if chance.random() < 0.5 else None
    silent = IDLE.total_seconds()
    manner = chance.random()
    if manner < 0.03:
        thinks = silent * 1.5  # and never answers
    elif manner < 0.10:
        thinks = silent * 1.5
    elif manner < 0.12:
        thinks = silent * 4
    else:
        thinks = chance.choice([0.0, 0.002, 0.02])
    pauses = [chance.choice([0.001, 0.01]) if chance.random() < 0.3 else 0.0 for _ in range(8)]
    if chance.random() < 0.02:
        pauses[0] = silent * 4  # the request stalls between its look at the chat and the reply
    return Turn(clock_error, thinks, manner >= 0.03, tuple(pauses))


def schedule(load: Load, length: int) -> dict[Session, tuple[Intent, ...]]:
    """The first intents of every session."""
    return {session: tuple(itertools.islice(intents(load, session), length)) for session in load.sessions}


def schedule_digest(load: Load) -> str:
    """Twelve characters that stand for the schedule: runs with the same ones wanted the same.

    >>> len({schedule_digest(Load(seed=1)), schedule_digest(Load(seed=1)), schedule_digest(Load(seed=2))})
    2
    """
    told = [[astuple(session), [astuple(one) for one in wanted]] for session, wanted in schedule(load, 100).items()]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


# ---- what came of it ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """What one session did: counted by itself, so that sessions do not wait for each other."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    assign_seconds: list[float] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Takes in what another session counted."""
        self.done += other.done
        self.refused += other.refused
        self.failed += other.failed
        self.examples = {**other.examples, **self.examples}
        self.assign_seconds += other.assign_seconds

    def failure(self, who: str, error: ChatopsError) -> None:
        """Counts a statement that did not go through."""
        lost = isinstance(error, UnreachableError)
        code = LOST if lost else (getattr(error, "sqlstate", None) or type(error).__name__)
        if code == REFUSED:
            self.refused[next((reason for words, reason in REFUSALS.items() if words in error.message), error.message)] += 1
        else:
            self.failed[code] += 1
            self.examples.setdefault(code, f"{who}: {error.message}")


@dataclass(slots=True)
class Breach:
    """How often an invariant was seen broken: in how many looks, the most rows at once, when first (seconds), the first rows."""

    looks: int = 0
    most: int = 0
    first_at: float = 0.0
    rows: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class Outcome:
    """All of a run: what was done in `seconds`, what was refused or failed, and what the looks saw.

    `unknown` is what could not be looked at, with the reason; a run of which too little was seen is no proof.
    """

    tally: Tally = field(default_factory=Tally)
    seconds: float = 0.0
    looks: int = 0
    longest_gap: float = 0.0
    breaches: dict[str, Breach] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    losses_expected: bool = False

    @property
    def unexpected(self) -> dict[str, str]:
        """Failures that are no documented refusal, by SQLSTATE, each with an example."""
        return {code: self.tally.examples[code] for code in self.tally.failed if not (code == LOST and self.losses_expected)}

    @property
    def verdict(self) -> Literal["held", "broken", "failed", "unknown"]:
        """broken: an invariant was; unknown: too little was seen; failed: statements failed that must not; else held."""
        if self.breaches:
            return "broken"
        if self.unknown:
            return "unknown"
        return "failed" if self.unexpected else "held"

    def assign_milliseconds(self, share: float) -> float | None:
        """How long an assign took at most in that share of all, as its client saw it."""
        taken = sorted(self.tally.assign_seconds)
        return round(taken[min(len(taken) - 1, int(share * len(taken)))] * 1000, 2) if taken else None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    elapsed: float
    assigned: int
    replied: int
    messages: int
    refused: int
    looks: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class People:
    """The ids behind the numbers of a schedule; a chat that an admin closes makes room for a new one."""

    operators: list[UUID]
    chats: list[UUID]


def open_session(target: Target, label: str = WRITER) -> Database:
    """A bare connection as the application has one, every statement a transaction of its own; what takes half a minute fails."""
    database = db.connect(target, label, "act")
    if target.schema != "public":
        database.script(f"set search_path = {db.identifier(target.schema)}, pg_temp")
    database.script("set statement_timeout = '30s'")
    return database


def settle(database: Database) -> None:
    """Sets the policy that a load needs: a short patience with silent operators, and no end of reassignments."""
    database.execute(sqlfiles.read("queries/simulation/policy.sql"), {"idle_seconds": IDLE.total_seconds()})


def populate(database: Database, load: Load) -> People:
    """Sets the policy, and makes operators and chats whose users have just written."""
    settle(database)
    rows = database.tuples(sqlfiles.read("queries/simulation/operators.sql"), {"count": load.operators})
    return People([row[0] for row in rows], [_new_chat(database, writers.APPLICATION) for _ in range(load.chats)])


def _new_chat(database: Database, path: WritePath) -> UUID:
    [pair] = database.mappings(sqlfiles.read("queries/simulation/newcomer.sql"))
    chat = _write(database, writers.create_chat(pair["real_user_id"], pair["fictional_user_id"]))
    _write(database, path.user_message(chat, "hello"))
    return chat


def _write(database: Database, writer: Writer[Result], after: Callable[[], None] | None = None) -> Result:
    def run(step: Step) -> Rows:
        rows = database.mappings(step.text, step.parameters)
        if after is not None:
            after()
        return rows

    return writers.drive(writer, run)


# ---- the run ------------------------------------------------------------------------------------------------------------------


class Simulation:
    """A load on one database, and one session that looks on.

    `checks` are queries by name that return the offending rows; they may ask for `:'since'` and `:'guarded_at'`.
    """

    def __init__(
        self, target: Target, people: People, load: Load, checks: Mapping[str, str], *, path: WritePath = writers.APPLICATION
    ) -> None:
        self.target, self.people, self.load, self.checks, self.path = target, people, load, checks, path
        self.outcome = Outcome(losses_expected=load.faults)
        self._stop = threading.Event()
        self._tallies: list[Tally] = []
        self._started = 0.0
        self._bugs: list[BaseException] = []

    def run(self, seconds: float, tell: Callable[[Progress], None] | None = None, *, every: float = 0.5) -> Outcome:
        """Lets everybody write for so long; `tell` hears where it is, every so many seconds."""
        with self.running():
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0 and not self._stop.wait(min(left, every)):
                if tell is not None:
                    tell(self.progress())
        return self.outcome

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Everybody writes inside the block. Afterwards all have ended, the last look was taken and `outcome` is whole.

        Raises RuntimeError when a session does not end. May be entered again: the same wishes once more, counted on.
        """
        self._stop.clear()
        self._tallies = [Tally() for _ in self.load.sessions]
        threads = [
            threading.Thread(target=self._guarded, args=(self._writing, session, tally), daemon=True)
            for session, tally in zip(self.load.sessions, self._tallies, strict=True)
        ]
        threads.append(threading.Thread(target=self._guarded, args=(self._looking,), daemon=True))
        self._started = time.monotonic()
        for thread in threads:
            thread.start()
        whole = False
        try:
            yield
            whole = True
        finally:
            self._stop.set()
            self.outcome.seconds += time.monotonic() - self._started
            for thread in threads:
                thread.join(timeout=60)
            for tally in self._tallies:
                self.outcome.tally.add(tally)
        if self._bugs:
            raise self._bugs[0]
        if any(thread.is_alive() for thread in threads):
            raise RuntimeError("a session of the simulation does not end")
        if whole:
            self._last_look()

    def progress(self) -> Progress:
        """What has been done so far in this run."""
        done = {what: sum(tally.done[what] for tally in self._tallies) for what in ("assigned", "replied", "user messages")}
        refused = sum(sum(list(tally.refused.values())) for tally in self._tallies)
        return Progress(
            time.monotonic() - self._started, done["assigned"], done["replied"], done["user messages"], refused,
            self.outcome.looks, tuple(sorted(self.outcome.breaches)),
        )  # fmt: skip

    def _guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as bug:  # noqa: BLE001 - raised again by whoever waits for the threads
            self._bugs.append(bug)
            self._stop.set()

    # -- writing --------------------------------------------------------------------------------------------------------------

    def _writing(self, session: Session, tally: Tally) -> None:
        wishes = intents(self.load, session)
        label = WRITER if session.role != "fault" else f"{WRITER} faults"
        database: Database | None = None
        while not self._stop.is_set():
            try:
                if database is None or database.closed:
                    database = open_session(self.target, label)
                self._act(database, session, next(wishes), tally)
            except ChatopsError as error:
                tally.failure(session.role, error)
                if isinstance(error, UnreachableError):
                    if database is not None:
                        database.close()
                    database = None
                    self._stop.wait(0.05)
        if database is not None:
            database.close()

    def _act(self, database: Database, session: Session, wish: Intent, tally: Tally) -> None:
        match wish:
            case Turn():
                self._turn(database, self.people.operators[session.person], wish, tally)
            case Burst():
                for _ in range(wish.messages):
                    _write(database, self.path.user_message(self.people.chats[wish.chat], "question"))
                    tally.done["user messages"] += 1
                self._stop.wait(wish.pause)
            case Sweep():
                tally.done["idle releases"] += _write(database, self.path.idle_cron(lambda: datetime.now(UTC), IDLE))
                self._stop.wait(wish.pause)
            case Order():
                self._order(database, wish)
                tally.done["admin moves"] += 1
                self._stop.wait(wish.pause)
            case Strike():
                text = sqlfiles.read("queries/simulation/end_backend.sql")
                ended = database.value(text, {"application_name": f"chatops {WRITER}", "share": wish.share})
                tally.done["sessions ended"] += bool(ended)
                self._stop.wait(wish.pause)

    def _turn(self, database: Database, operator: UUID, turn: Turn, tally: Tally) -> None:
        began = time.perf_counter()
        chat = _write(database, self.path.assign(operator))
        if chat is None:
            tally.done["found nothing"] += 1
            self._stop.wait(0.01)
            return
        tally.assign_seconds.append(time.perf_counter() - began)
        tally.done["assigned"] += 1
        if turn.clock_error is not None:
            _write(database, self.path.heartbeat(chat, operator, datetime.now(UTC) + timedelta(seconds=turn.clock_error)))
        self._stop.wait(turn.thinks)
        if not turn.answers:
            return
        pauses = iter(turn.pauses)
        replied = _write(database, self.path.reply(chat, operator, "answer"), lambda: self._pause(next(pauses, 0.0)))
        tally.done["replied"] += replied

    def _order(self, database: Database, order: Order) -> None:
        chat = self.people.chats[order.chat]
        match order.what:
            case "reassign":
                _write(database, self.path.reassign(chat, self.people.operators[order.operator], "busy day"))
            case "unassign":
                _write(database, self.path.unassign(chat))
            case "close":
                _write(database, self.path.close(chat))
                self.people.chats[order.chat] = _new_chat(database, self.path)

    def _pause(self, seconds: float) -> None:
        if seconds:
            self._stop.wait(seconds)

    # -- looking --------------------------------------------------------------------------------------------------------------

    def _looking(self) -> None:
        database: Database | None = None
        last = self._started
        try:
            while not self._stop.is_set():
                try:
                    if database is None or database.closed:
                        database = open_session(self.target, f"{WRITER} looks")
                    self._look(database, f"{HISTORY_SECONDS} seconds")
                except UnreachableError:
                    database = None
                else:
                    self.outcome.longest_gap = max(self.outcome.longest_gap, time.monotonic() - last)
                    last = time.monotonic()
                self._stop.wait(0.02)
        finally:
            if database is not None:
                database.close()
        now = time.monotonic()
        self.outcome.longest_gap = max(self.outcome.longest_gap, now - last)
        if self.outcome.longest_gap > max(5.0, (now - self._started) / 2):
            self.outcome.unknown["looks"] = f"nobody looked for {self.outcome.longest_gap:.0f} s"

    def _look(self, database: Database, since: str) -> None:
        """One snapshot, all checks. A check that cannot be asked is unknown from then on."""
        parameters = {"since": since, "guarded_at": "-infinity"}
        text = sqlfiles.body(sqlfiles.read("queries/simulation/offending.sql"))
        at = time.monotonic() - self._started
        name = ""
        try:
            with database.reading(statement_timeout="60s"):
                for name, query in self.checks.items():
                    if name in self.outcome.unknown:
                        continue
                    [answer] = database.mappings(f"with offending as (\n{query}\n)\n{text}", parameters)
                    if answer["found"]:
                        breach = self.outcome.breaches.setdefault(name, Breach(first_at=round(at, 1), rows=answer["rows"]))
                        breach.looks += 1
                        breach.most = max(breach.most, answer["found"])
        except DatabaseError as error:
            self.outcome.unknown[name or "looks"] = error.message
        else:
            self.outcome.looks += 1

    def _last_look(self) -> None:
        """Everybody is gone: whatever is broken now stays so. Looks as far back as there is anything."""
        try:
            with open_session(self.target, f"{WRITER} looks") as database:
                self._look(database, EVER)
        except UnreachableError as error:
            self.outcome.unknown["last look"] = error.message
        if self.outcome.looks < 2:
            self.outcome.unknown.setdefault("looks", "nobody looked while they wrote")


def room(database: Database) -> int:
    """How many more sessions the server takes."""
    return int(database.value(sqlfiles.read("queries/simulation/room.sql")))

"""A hostile load: operators, users, the idle cron and an admin write at once, each in a session of its own, while another session
looks whether the invariants hold.

What a session wants to do next is decided from the seed alone, before anything is asked of the database (`intents`), so that a
seed repeats the schedule; what comes of it depends on who is first.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import ParamSpec
from uuid import UUID

from chatops import db, sqlfiles
from chatops.chats import writers
from chatops.chats.hostile_wishes import IDLE, Burst, Intent, Load, Order, Session, Strike, Sweep, Turn, intents
from chatops.chats.load_outcome import Breach, LoadOutcome, Progress, Tally
from chatops.chats.writers import Result, Rows, Step, WritePath, Writer
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError, UnreachableError
from chatops.frozen import frozen
from chatops.settings import Target

HISTORY_SECONDS = 120
"""How far the looks during a run look back; the last one looks at everything."""
EVER = "1000 years"
WRITER = "simulate"


Arguments = ParamSpec("Arguments")


@frozen
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


class Simulation:
    """A load on one database, and one session that looks on.

    `checks` are queries by name that return the offending rows; they may ask for `:'since'` and `:'guarded_at'`.
    """

    def __init__(
        self, target: Target, people: People, load: Load, checks: Mapping[str, str], *,
        path: WritePath = writers.APPLICATION, in_cluster: bool = False,
    ) -> None:  # fmt: skip
        self.target, self.people, self.load, self.checks, self.path = target, people, load, checks, path
        self.outcome = LoadOutcome(losses_expected=load.faults)
        self.in_cluster = in_cluster
        """The target is a tenant of a Citus cluster: sessions end on its workers, too."""
        self._stop = threading.Event()
        self._tallies: list[Tally] = []
        self._started = 0.0
        self._bugs: list[BaseException] = []

    def run(self, seconds: float, tell: Callable[[Progress], None] | None = None, *, every: float = 0.5) -> LoadOutcome:
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

    def _guarded(self, work: Callable[Arguments, None], *arguments: Arguments.args, **named: Arguments.kwargs) -> None:
        try:
            work(*arguments, **named)
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
                if self.in_cluster:
                    of_worker = sqlfiles.read("queries/simulation/end_backend_of_worker.sql")
                    tally.done["sessions ended on workers"] += int(database.value(of_worker))
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
        parameters = {"since": since, "touched_since": since, "guarded_at": "-infinity"}
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

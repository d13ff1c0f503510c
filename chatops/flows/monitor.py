"""`chatops monitor`: the loop that takes looks by its plan; the last step of `deploy` is the same loop."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.deploys import monitor_state as watches
from chatops.deploys import notice, schedule
from chatops.deploys import receipt as receipts
from chatops.deploys.command_text import command_shown
from chatops.deploys.monitor_state import Look, Verdict, Watch, verdict
from chatops.errors import ExitCode, RefusedError, UnreachableError, UsageError
from chatops.flows import tenants
from chatops.flows.ahead import files_ahead
from chatops.flows.ahead import told as told_ahead
from chatops.flows.configured_commands import agree_to_commands, command_environment, configured_commands
from chatops.flows.live_line import page
from chatops.flows.monitor_commands import beside
from chatops.flows.monitor_look import look
from chatops.flows.monitor_state import InDatabase, InFile, Keeper
from chatops.flows.notify import is_url, notify, place
from chatops.flows.run import Invocation
from chatops.flows.state_files import default_path
from chatops.frozen import frozen
from chatops.model import Line, Span
from chatops.screens import monitor as screen
from chatops.screens.tenants_checks import MONITOR
from chatops.tables_there import require_chats, require_schema

if TYPE_CHECKING:
    from chatops.db import Database
    from chatops.render.terminal import Page


@frozen
class MonitorRequest:
    """What was asked for on the command line."""

    plan: str
    once: bool
    state: Path | None
    receipt: Path | None
    notify: str | None
    until_healthy: bool
    fail_fast: bool
    store: bool
    yes: bool
    anew: bool


def monitor(invocation: Invocation, request: MonitorRequest) -> ExitCode:
    """Takes the look that is due, or all looks of the plan; 1 when something new is open at the end."""
    if request.once and (request.until_healthy or request.fail_fast):
        raise UsageError("--once takes one look; --until-healthy and --fail-fast are for the loop")
    if request.store and request.state is not None:
        raise UsageError("--state is a file, --store the database: a watch is remembered in one place")
    if not request.once and invocation.format() == "nagios":
        raise UsageError("a plugin of Nagios answers once: -o nagios goes with --once")
    if invocation.has_tenants:
        return _all_tenants(invocation, request)
    agreed(invocation, request, consent=invocation.consent)
    watching = watching_of(invocation, request)
    return watching.once() if request.once else watching.loop()


def agreed(invocation: Invocation, request: MonitorRequest, *, consent: Callable[..., bool]) -> None:
    """Asks, once, for what a watch does beside reading. Raises RefusedError when the answer is no."""
    if request.store and not consent("Remember the watch in the database", yes=request.yes):
        raise RefusedError("nothing was changed")
    agree_to_commands(invocation, "monitor", configured_commands(invocation.configuration, "monitor"), yes=request.yes)
    if request.notify is not None and not is_url(to := place(request.notify)):
        invocation.note([Span("--notify runs: "), Span(command_shown(to))])
        if not consent("Run it when a finding appears or goes", yes=request.yes, writes=False):
            raise RefusedError("nothing was run")


def watching_of(invocation: Invocation, request: MonitorRequest) -> Watching:
    """The watch on one database, as it was asked for."""
    baseline = None if request.receipt is None else baseline_in(invocation, request.receipt)
    keeper = None
    if request.store:
        keeper = InDatabase(invocation)
        keeper.prepare()
    return Watching(
        invocation, plan=request.plan, path=request.state or default_path(invocation, "monitor"), baseline=baseline,
        notify=request.notify and place(request.notify), until_healthy=request.until_healthy,
        fail_fast=request.fail_fast, anew=request.anew,
        keeper=keeper, commands=configured_commands(invocation.configuration, "monitor"),
    )  # fmt: skip


def _all_tenants(invocation: Invocation, request: MonitorRequest) -> ExitCode:
    """A watch for each tenant, all by one plan; one page a look."""
    if request.receipt is not None:
        raise UsageError("--receipt is about one tenant: name one")
    agreed(invocation, request, consent=partial(tenants.consent, invocation))
    watches_of: dict[str, Watching] = {}
    asked: set[str] = set()

    def look(one: tenants.OneTenant) -> ExitCode:
        place = f"{one.target.shown()} {one.target.schema}"
        first = place not in watches_of
        own = request if request.state is None else replace(request, state=request.state / default_path(one, "monitor").name)
        asked.add(place)
        watching = watching_of(one, replace(own, anew=request.anew and first))
        code = watching.once(restart_finished=first and not request.once)
        watches_of[place] = watching  # one that could not be begun is begun by a later look
        return code

    while True:
        code = tenants.over_all(invocation, look, MONITOR)
        going = [one for one in watches_of.values() if not one.watch.finished]
        healthy = asked == watches_of.keys() and all(
            one.watch.ticks and not one.watch.ticks[-1].findings for one in watches_of.values()
        )
        over = request.once or not going or (request.until_healthy and healthy)
        if over or (request.fail_fast and any(one.watch.worse for one in watches_of.values())):
            return code
        time.sleep(min(one.until_next() for one in going))


def baseline_in(invocation: Invocation, path: Path) -> Mapping[str, object] | None:
    """The figures from before in a receipt of this database. Raises UsageError for the receipt of another one."""
    kept = receipts.read(path)
    target = invocation.target
    if (kept.database, kept.schema) != (target.shown(), target.schema):
        raise UsageError(f"{path} is the receipt of {kept.database}, schema {kept.schema}, not of this database")
    return kept.baseline or None


class Watching:
    """One watch on the run's database. Time is the server's, unless a test plays a day with its own `clock` and `sleep`."""

    def __init__(
        self, invocation: Invocation, *, plan: str, path: Path, baseline: Mapping[str, object] | None = None,
        notify: str | None = None, until_healthy: bool = False, fail_fast: bool = False, anew: bool = False,
        keeper: Keeper | None = None, commands: Sequence[str] = (), aside: bool = False,
        clock: Callable[[], datetime] | None = None, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip

        self.invocation, self.plan = invocation, plan
        self.keeper = keeper or InFile(path)
        self.commands, self.aside = tuple(commands), aside
        self.baseline, self.notifies = baseline, notify
        self.until_healthy, self.fail_fast, self.anew = until_healthy, fail_fast, anew
        self.ahead = timedelta(0)
        self.role = ""
        self.by_server = clock is None
        self.clock, self.sleep = clock or (lambda: datetime.now(UTC) + self.ahead), sleep
        self.live = False
        self.why_away = ""
        """What the server's absence was told as."""
        self._newer_told = False
        self._screen: Page | None = None
        self.watch: Watch

    @property
    def verdict(self) -> Verdict:
        """What is to be said of the watch so far."""

        return verdict(self.watch)

    # -- ways to run --------------------------------------------------------------------------------------------------

    def once(self, *, restart_finished: bool = False) -> ExitCode:
        """The look that is due, if one is; early and doubled ones do nothing. 1 while something new is open, or unknown."""
        self.ask_the_time()
        with self.keeper.alone():
            if self.open(restart_finished=restart_finished):
                self.standing()
                return ExitCode.FOUND if self.watch.unseen is not None or self.watch.counting else ExitCode.OK
            if self.watch.finished:
                self.standing()
                self.tell()
            else:
                self.tick()
        if self.watch.finished:
            self.invocation.note(self.verdict.sentence)
            return self.verdict.code
        return ExitCode.FOUND if self.watch.counting else ExitCode.OK

    def loop(self) -> ExitCode:
        """Looks until the plan is done, all is healthy (--until-healthy), or something new is found (--fail-fast)."""
        self.live = not self.aside
        self.ask_the_time()
        with self.keeper.alone():
            self.open(restart_finished=True)
        healthy = False
        while not self.watch.finished:
            self.ask_the_time()
            with self.keeper.alone():
                self.open(restart_finished=False)
                ticked = self.tick(quiet=True)
            if ticked and self.fail_fast and self.watch.worse:
                break
            healthy = ticked and self.watch.ticks[-1].reached and not self.watch.ticks[-1].findings
            if healthy and self.until_healthy:
                break
            if not self.watch.finished:
                self.sleep(self.until_next())
        if self.until_healthy and not healthy:
            self.invocation.note(
                f"{self.verdict.sentence}; not healthy at the end: the last look had findings, or reached nothing"
            )
            return ExitCode.FOUND
        self.invocation.note(self.verdict.sentence)
        return self.verdict.code

    def ask_the_time(self) -> None:
        """How far the server's clock is ahead of this machine's; as it was last seen while the server is away."""
        if self.by_server:
            with contextlib.suppress(UnreachableError), self.invocation.connected() as database:
                facts = database.glance()
                self.ahead, self.role = facts.now - datetime.now(UTC), facts.role
                if not self._newer_told and (newer := files_ahead(database)):
                    self._newer_told = True
                    self.invocation.warn(told_ahead(newer))

    def until_next(self) -> float:
        """Seconds to the next slot; a little at least, so that clocks that disagree do not spin."""
        start = datetime.fromisoformat(self.watch.started)
        return max(0.005, (start + self.watch.schedule.slots[self.watch.settled] - self.clock()).total_seconds())

    # -- one look -----------------------------------------------------------------------------------------------------

    def open(self, *, restart_finished: bool) -> bool:
        """Reads the state, or starts a watch with the figures of now as its baseline; whether it was started."""

        wanted = schedule.parse(self.plan)
        target = self.invocation.target
        place = f"{target.shown()} {target.schema}"
        kept = None if self.anew else self.keeper.read()
        if kept is not None and not (restart_finished and kept.finished):
            if kept.place != place:
                raise UsageError(f"{self.keeper.name} is the watch of {kept.place}, not of {place}")
            if kept.plan != wanted.text:
                raise UsageError(f"{self.keeper.name} is a watch by the plan {kept.plan}; --restart starts another")
            self.watch = kept
            return False
        self.anew = False
        baseline = self.baseline
        remedies: Mapping[str, str] = {}
        if baseline is None:
            found = self.look(require_chats)
            if not found.reached:
                raise UnreachableError(f"{self.why_away}: a watch needs to know how it was before")
            baseline, remedies = watches.baseline_of(found), found.remedies
        begun = watches.begin(place, wanted.text, self.clock(), baseline, after_deploy=self.baseline is not None)
        self.watch = replace(begun, environment=target.name, role=self.role, program=self.invocation.here())
        self.keeper.write(self.watch, anew=True)
        known = len(self.watch.baseline["findings"])
        for code, one in sorted(self.watch.unknown.items()):
            self.invocation.warn(f"{code} could not be checked at the start: {formatting.visible(one.title)}")
        for statement in dict.fromkeys(remedies.values()):
            self.invocation.note([Span("  what lets them run (SQL, by a superuser or the owner): "), Span(statement, "code")])
        if self.watch.unseen is not None:
            self.invocation.warn(f"how it is now cannot be seen: {self.watch.unseen}; later figures are compared with nothing")
        before = formatting.plural(known, "finding")
        self.invocation.note(f"watch started: {formatting.plural(len(wanted.slots), 'look')} in {watches.span(wanted.length)}, "
                             f"{before} from before; the first is due in {watches.span(wanted.slots[0])}")  # fmt: skip
        if self.watch.counting:
            self.invocation.note(
                f"until what could not be checked can be, each look ends in {int(ExitCode.FOUND)}: unknown is not OK"
            )
        return True

    def tick(self, *, quiet: bool = False) -> bool:
        """Takes the slot that is due; False when none is."""

        now = self.clock()
        due = self.watch.due(now)
        if due.slot is None:
            if not quiet:
                self.standing()
                when = "" if due.following is None else f"; the next is due at {screen.at(self.watch, due.following)}"
                self.invocation.note(f"no look is due: this slot was taken, or its time has not come{when}")
            return False
        found = self.look()
        before = self.watch
        self.watch, told = watches.advance(before, due.slot, due.missed, now, found)
        if self.notifies is not None:
            self.watch = replace(self.watch, untold=(*before.untold, *told))
        if not self.keeper.write(self.watch):
            self.watch = self.keeper.read() or self.watch
            return False
        for number in due.missed:
            self.invocation.note(
                [Span("missed", "warning"), Span(f"  look {number + 1}, due at {screen.at(self.watch, number)}")]
            )
        self.show(screen.tick_lines(self.watch, before, told, found.beside))
        self.tell()
        return True

    def tell(self) -> None:
        """Sends what --notify has still to tell, all in one message; remembered as told once it was taken."""
        if self.notifies is None or not notice.due(self.watch):
            return
        # A hook that never answers holds no look up: what it did not take is sent with that.
        within = None if self.watch.finished else self.until_next()
        if notify(self.invocation, self.notifies, self.watch, within):
            self.watch = self.keeper.told(self.watch) or self.watch

    def look(self, require: Callable[[Database], None] = require_schema) -> Look:
        """What there is to see now; a server that does not answer is part of that. Raises what `require` does."""

        try:
            with self.invocation.connected() as database:
                asks = self.invocation.asks
                found = look(database, self.invocation.here, lambda check: asks(of_database=check.of_database), require,
                             quick=self.invocation.is_one_of_many)  # fmt: skip
        except UnreachableError as error:
            self.why_away = error.message
            self.invocation.warn(error.message)
            return Look(reached=False)
        seen, said = beside(self.commands, command_environment(self.invocation, "monitor"), self.invocation.secrets)
        return replace(found, findings={**found.findings, **seen}, beside=said)

    # -- what is told -------------------------------------------------------------------------------------------------

    def standing(self) -> None:
        """How the watch stands, for those who must have an answer though no look was taken."""
        told = self.invocation.format() in ("nagios", "prometheus", "json", "junit")
        if told or self.invocation.write:
            self.invocation.show(screen.answer(self.watch, []), None if told else lambda piece: None)

    def show(self, lines: Sequence[str]) -> None:
        """A look: its lines or the page for people, an answer for machines and for the files of --write."""
        if self.aside:
            for line in lines:
                self.invocation.note(line)
            return
        shown: list[Line] = [*lines] if self.screen is None else screen.page(self.watch, lines, self.invocation.medium().width)
        answer = screen.answer(self.watch, shown)
        if self.screen is None:
            self.invocation.show(answer)
            return
        pieces: list[str] = []
        self.invocation.show(answer, pieces.append)
        following = self.watch.due(self.clock()).following
        self.screen.draw("".join(pieces), self.ended if following is None else
                         f"next look at {screen.at(self.watch, following)} · Ctrl-C ends, the watch is remembered")  # fmt: skip

    @property
    def ended(self) -> str:
        """How many looks of the plan were taken."""
        return f"finished: {self.watch.taken} of {formatting.plural(len(self.watch.schedule.slots), 'look')}"

    @property
    def screen(self) -> Page | None:
        """Where a live page can be drawn: a loop on a terminal."""
        if self._screen is None and self.live and self.invocation.format() == "table":
            self._screen = page(self.invocation)
        return self._screen

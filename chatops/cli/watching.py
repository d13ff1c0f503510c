"""What `monitor` and the last step of `deploy` share: one look, and the watch that takes looks by its plan."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatops.cli.invocation import Invocation, write_file
from chatops.errors import ExitCode, UnreachableError
from chatops.model import Span

if TYPE_CHECKING:
    from chatops.db import Database
    from chatops.deploys.watch import Look, Transition, Verdict, Watch

NOTIFY_SECONDS = 30
SPARKS = "▁▂▃▄▅▆▇█"
REMINDER_SECONDS = 3600


def look(database: Database, here: Callable[..., str]) -> Look:
    """Figures and findings of one snapshot; advice is left out."""
    from chatops import sqlfiles
    from chatops.chats import reports
    from chatops.checks import load, run
    from chatops.checks.findings import findings
    from chatops.deploys.watch import Look, Seen
    from chatops.errors import DatabaseError

    with database.reading():
        assert database.facts is not None
        figures: dict[str, Any] = {}
        if database.facts.has_chats:
            with contextlib.suppress(DatabaseError), database.savepoint("chatops_figures"):
                summary = reports.summary(database)
                queue = summary.queue
                figures |= {row.state: 0 for row in summary.states}
                for row in summary.states:
                    figures[row.state] += row.chats
                oldest = (database.facts.now - queue.oldest).total_seconds() if queue.oldest else 0.0
                figures |= {"waiting": queue.waiting, "oldest_seconds": round(oldest, 1), "free": queue.free,
                            "busy": queue.busy, "p95_seconds": queue.p95_seconds and round(queue.p95_seconds, 1)}  # fmt: skip
        figures |= database.mappings(sqlfiles.read("queries/monitor_counters.sql"))[0]
        survey = run.run(database, load.shipped())
        found = {one.code: Seen(one.word, one.title, one.result.count) for one in findings(survey, here) if one.word != "advice"}
    return Look(figures, found)


class Watching:
    """One watch on the run's database. `clock` and `sleep` are the machine's, unless a test plays a day."""

    def __init__(
        self, invocation: Invocation, *, plan: str, path: Path, baseline: Mapping[str, Any] | None = None,
        notify: str | None = None, until_healthy: bool = False, fail_fast: bool = False, anew: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.invocation, self.plan, self.path = invocation, plan, path
        self.baseline, self.notify = baseline, notify
        self.until_healthy, self.fail_fast, self.anew = until_healthy, fail_fast, anew
        self.clock, self.sleep = clock, sleep
        self.watch: Watch

    @property
    def verdict(self) -> Verdict:
        """What is to be said of the watch so far."""
        from chatops.deploys.watch import verdict

        return verdict(self.watch)

    # -- ways to run --------------------------------------------------------------------------------------------------

    def once(self) -> ExitCode:
        """The tick that is due, if one is; early and doubled ones do nothing. 1 while something new is open."""
        with self.alone():
            if self.open(restart_finished=False):
                return ExitCode.OK
            if not self.watch.finished:
                self.tick()
        if self.watch.finished:
            self.invocation.note(self.verdict.sentence)
            return self.verdict.code
        return ExitCode.FOUND if self.watch.worse else ExitCode.OK

    def loop(self) -> ExitCode:
        """Ticks until the plan is over, all is healthy (--until-healthy), or something new is found (--fail-fast)."""
        with self.alone():
            self.open(restart_finished=True)
        while not self.watch.finished:
            with self.alone():
                self.open(restart_finished=False)
                ticked = self.tick(quiet=True)
            if ticked and self.fail_fast and self.watch.worse:
                break
            if ticked and self.until_healthy and self.watch.ticks[-1].reached and not self.watch.ticks[-1].findings:
                break
            if not self.watch.finished:
                self.sleep(self.until_next())
        self.invocation.note(self.verdict.sentence)
        return self.verdict.code

    def until_next(self) -> float:
        """Seconds to the next slot; a little at least, so that clocks that disagree do not spin."""
        settled = max(self.watch.settled, default=-1)
        start = datetime.fromisoformat(self.watch.started)
        return max(0.005, (start + self.watch.schedule.slots[settled + 1] - self.clock()).total_seconds())

    # -- one tick -----------------------------------------------------------------------------------------------------

    def open(self, *, restart_finished: bool) -> bool:
        """Reads the state, or starts a watch with the figures of now as its baseline; whether it was started."""
        from chatops.deploys import schedule
        from chatops.deploys import watch as watches
        from chatops.errors import UsageError

        wanted = schedule.parse(self.plan)
        target = self.invocation.target
        place = f"{target.shown()} {target.schema}"
        kept = None if self.anew else watches.read(self.path)
        if kept is not None and not (restart_finished and kept.finished):
            if kept.place != place:
                raise UsageError(f"{self.path} is the watch of {kept.place}, not of {place}")
            if kept.plan != wanted.text:
                raise UsageError(f"{self.path} is a watch by the plan {kept.plan}; --anew starts another")
            self.watch = kept
            return False
        self.anew = False
        baseline = self.baseline
        if baseline is None:
            found = self.look()
            if not found.reached:
                raise UnreachableError("the database cannot be reached: a watch needs to know how it was before")
            baseline = {"figures": found.figures, "findings": sorted(found.findings)}
        self.watch = watches.begin(place, wanted.text, self.clock(), baseline)
        self.keep()
        known = len(self.watch.baseline["findings"])
        self.invocation.note(f"watch started: {len(wanted.slots)} ticks in {watches.span(wanted.length)}, "
                             f"{known} findings from before; the first is due in {watches.span(wanted.slots[0])}")  # fmt: skip
        return True

    def tick(self, *, quiet: bool = False) -> bool:
        """Takes the slot that is due; False when none is."""
        from chatops.deploys import watch as watches

        now = self.clock()
        due = self.watch.due(now)
        if due.slot is None:
            if not quiet:
                when = "" if due.following is None else f"; the next is due at {self.at(due.following)}"
                self.invocation.note(f"no tick is due: this slot was taken, or its time has not come{when}")
            return False
        found = self.look()
        before = self.watch
        self.watch, told = watches.advance(before, due.slot, due.missed, now, found)
        self.keep()
        for number in due.missed:
            self.invocation.note([Span("missed", "warning"), Span(f"  tick {number + 1}, due at {self.at(number)}")])
        self.invocation.emit("".join(line + "\n" for line in self.lines(before, told)))
        for transition in told:
            self.tell(transition)
        return True

    def look(self) -> Look:
        """What there is to see now; a server that does not answer is part of that."""
        from chatops.deploys.watch import Look

        try:
            with self.invocation.connect("read") as database:
                return look(database, self.invocation.here)
        except UnreachableError as error:
            self.invocation.warn(error.message)
            return Look(reached=False)

    def keep(self) -> None:
        """Writes the state by a rename: a killed run leaves the old one or the new one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self.path, self.watch.text)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One tick at a time on one state file; the second of two waits, and then finds its slot taken."""
        import fcntl

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(self.path.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def at(self, slot: int) -> str:
        """When a slot is due, to the minute."""
        moment = datetime.fromisoformat(self.watch.started) + self.watch.schedule.slots[slot]
        return f"{moment.astimezone(UTC):%H:%M} UTC"

    # -- what is told -------------------------------------------------------------------------------------------------

    def lines(self, before: Watch, told: tuple[Transition, ...]) -> list[str]:
        """The line of a tick, then a line for each finding that appeared, goes on, or went."""
        from chatops import words
        from chatops.deploys.watch import span

        watch, tick = self.watch, self.watch.ticks[-1]
        slot = f"{tick.slot + 1}/{len(watch.schedule.slots)}"
        if not tick.reached:
            text = f"{tick.at[11:16]}  {slot}  the database does not answer"
        else:
            figures, base = tick.figures, watch.baseline["figures"]
            change = figures.get("waiting", 0) - base.get("waiting", 0)
            waits = [one.figures.get("waiting", 0) for one in watch.ticks[-8:] if one.reached]
            text = (f"{tick.at[11:16]}  {slot}  {figures.get('waiting', 0)} wait ({change:+d}) {sparkline(waits)}, oldest "
                    f"{words.duration(figures.get('oldest_seconds'))} · {figures.get('assigned', 0)} held · "
                    f"{words.plural(len(tick.findings), 'finding')}")  # fmt: skip
            last = next((one.figures for one in reversed(before.ticks) if one.reached), base)
            for name in ("deadlocks", "rollbacks"):
                # A server that was restarted after a crash counts from zero again.
                more = figures[name] - last.get(name, figures[name])
                if more := more if more >= 0 else figures[name]:
                    text += f" · {more} {name}"
        lines = [text]
        fresh = {one.code for one in told}
        lines += [f"       {one.kind:<8} {one.severity:<8} {one.code}  {words.visible(one.title)}" for one in told]
        lines += [f"       ongoing  {one.severity:<8} {code}  since {one.since[11:16]}"
                  for code, one in sorted(watch.worse.items()) if code not in fresh]  # fmt: skip
        offset = watch.schedule.slots[tick.slot].total_seconds()
        if offset % REMINDER_SECONDS == 0:
            lines.append(f"       {span(watch.schedule.slots[tick.slot])} after deploy: ask the operators how it goes")
        return lines

    def tell(self, transition: Transition) -> None:
        """Runs --notify with the transition as JSON on stdin and in CHATOPS_* variables; its failure is a warning."""
        if self.notify is None:
            return
        import json
        import subprocess
        from dataclasses import asdict

        body = asdict(transition)
        more = {f"CHATOPS_EVENT_{key.upper()}": str(value) for key, value in body.items()}
        try:
            done = subprocess.run(self.notify, shell=True, input=json.dumps(body) + "\n", text=True, errors="backslashreplace",
                                  capture_output=True, timeout=NOTIFY_SECONDS, check=False,
                                  env={**self.invocation.environ, **more})  # fmt: skip
        except subprocess.TimeoutExpired:
            self.invocation.warn(f"--notify took longer than {NOTIFY_SECONDS} s for {transition.code}")
            return
        if done.returncode:
            self.invocation.warn(f"--notify ended with {done.returncode} for {transition.code}")


def sparkline(values: list[int]) -> str:
    """Numbers as a row of bars.

    >>> sparkline([0, 4, 8])
    '▁▄█'
    """
    top = max(values, default=0)
    return "".join(SPARKS[round(value / top * 7) if top else 0] for value in values)

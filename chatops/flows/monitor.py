"""What `monitor` and the last step of `deploy` share: one look, and the watch that takes looks by its plan."""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatops.errors import ExitCode, UnreachableError
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Figure, Line, Outcome, Span, Style, Table, Text

if TYPE_CHECKING:
    from chatops.db import Database
    from chatops.deploys.monitor_state import Look, Seen, Transition, Verdict, Watch
    from chatops.flows.monitor_state import Keeper
    from chatops.flows.watch_option import Screen

NOTIFY_SECONDS = 30
COMMAND_SECONDS = 30
COUNTERS = ("deadlocks", "rollbacks", "refusals")
STATES = {"waiting": "wait for an operator", "assigned": "with an operator",
          "waiting_real_user_reply": "wait for the user", "completed": "completed"}  # fmt: skip
PAGE_TICKS = 40
SPARKS = "▁▂▃▄▅▆▇█"
REMINDER_SECONDS = 3600


def look(database: Database, here: Callable[..., str]) -> Look:
    """Figures and findings of one snapshot; advice is left out."""
    from chatops import sqlfiles
    from chatops.chats import reports
    from chatops.checks import load, run
    from chatops.checks.findings import findings
    from chatops.deploys.monitor_state import Look, Seen
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
        keeper: Keeper | None = None, commands: Sequence[str] = (), aside: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC), sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        from chatops.flows.monitor_state import InFile

        self.invocation, self.plan = invocation, plan
        self.keeper = keeper or InFile(path)
        self.commands, self.aside = tuple(commands), aside
        self.baseline, self.notify = baseline, notify
        self.until_healthy, self.fail_fast, self.anew = until_healthy, fail_fast, anew
        self.clock, self.sleep = clock, sleep
        self.live = False
        self._screen: Screen | None = None
        self.watch: Watch

    @property
    def verdict(self) -> Verdict:
        """What is to be said of the watch so far."""
        from chatops.deploys.monitor_state import verdict

        return verdict(self.watch)

    # -- ways to run --------------------------------------------------------------------------------------------------

    def once(self) -> ExitCode:
        """The tick that is due, if one is; early and doubled ones do nothing. 1 while something new is open."""
        with self.keeper.alone():
            if self.open(restart_finished=False):
                self.standing()
                return ExitCode.OK
            if self.watch.finished:
                self.standing()
            else:
                self.tick()
        if self.watch.finished:
            self.invocation.note(self.verdict.sentence)
            return self.verdict.code
        return ExitCode.FOUND if self.watch.worse else ExitCode.OK

    def loop(self) -> ExitCode:
        """Ticks until the plan is over, all is healthy (--until-healthy), or something new is found (--fail-fast)."""
        self.live = not self.aside
        with self.keeper.alone():
            self.open(restart_finished=True)
        healthy = False
        while not self.watch.finished:
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
                f"{self.verdict.sentence}; not healthy at the end: the last tick had findings, or reached nothing"
            )
            return ExitCode.FOUND
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
        from chatops.deploys import monitor_state as watches
        from chatops.deploys import schedule
        from chatops.errors import UsageError

        wanted = schedule.parse(self.plan)
        target = self.invocation.target
        place = f"{target.shown()} {target.schema}"
        kept = None if self.anew else self.keeper.read()
        if kept is not None and not (restart_finished and kept.finished):
            if kept.place != place:
                raise UsageError(f"{self.keeper.name} is the watch of {kept.place}, not of {place}")
            if kept.plan != wanted.text:
                raise UsageError(f"{self.keeper.name} is a watch by the plan {kept.plan}; --anew starts another")
            self.watch = kept
            return False
        self.anew = False
        baseline = self.baseline
        if baseline is None:
            found = self.look()
            if not found.reached:
                raise UnreachableError("the database cannot be reached: a watch needs to know how it was before")
            baseline = watches.baseline_of(found)
        self.watch = watches.begin(place, wanted.text, self.clock(), baseline)
        self.keeper.write(self.watch, anew=True)
        known = len(self.watch.baseline["findings"])
        self.invocation.note(f"watch started: {len(wanted.slots)} ticks in {watches.span(wanted.length)}, "
                             f"{known} findings from before; the first is due in {watches.span(wanted.slots[0])}")  # fmt: skip
        return True

    def tick(self, *, quiet: bool = False) -> bool:
        """Takes the slot that is due; False when none is."""
        from chatops.deploys import monitor_state as watches

        now = self.clock()
        due = self.watch.due(now)
        if due.slot is None:
            if not quiet:
                self.standing()
                when = "" if due.following is None else f"; the next is due at {self.at(due.following)}"
                self.invocation.note(f"no tick is due: this slot was taken, or its time has not come{when}")
            return False
        found = self.look()
        before = self.watch
        self.watch, told = watches.advance(before, due.slot, due.missed, now, found)
        if not self.keeper.write(self.watch):
            self.watch = self.keeper.read() or self.watch
            return False
        for number in due.missed:
            self.invocation.note([Span("missed", "warning"), Span(f"  tick {number + 1}, due at {self.at(number)}")])
        self.show(self.lines(before, told, found.beside))
        for transition in told:
            self.tell(transition)
        return True

    def look(self) -> Look:
        """What there is to see now; a server that does not answer is part of that."""
        from chatops.deploys.monitor_state import Look

        try:
            with self.invocation.connect("read") as database:
                found = look(database, self.invocation.here)
        except UnreachableError as error:
            self.invocation.warn(error.message)
            return Look(reached=False)
        seen, beside = self.beside()
        return replace(found, findings={**found.findings, **seen}, beside=beside)

    def beside(self) -> tuple[dict[str, Seen], tuple[str, ...]]:
        """Runs the commands of `[monitor] commands`; one that fails or takes too long is a finding, COMMAND1 the first."""
        import subprocess

        from chatops import formatting
        from chatops.deploys.monitor_state import Seen

        failed: dict[str, Seen] = {}
        said: list[str] = []
        for number, line in enumerate(self.commands, 1):
            name = formatting.shortened(line, 40)
            # In a process group of its own: a shell that is killed must not leave its children behind.
            process = subprocess.Popen(line, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                       stderr=subprocess.STDOUT, errors="backslashreplace", start_new_session=True,
                                       env=self.invocation.environ)  # fmt: skip
            try:
                told, ended = process.communicate(timeout=COMMAND_SECONDS)[0], f"ended with {process.returncode}"
            except BaseException as stop:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                if not isinstance(stop, subprocess.TimeoutExpired):
                    raise
                told, ended = "", f"took longer than {COMMAND_SECONDS} s"
            last = formatting.shortened((told.strip().splitlines() or [""])[-1], 100)
            if process.returncode:
                failed[f"COMMAND{number}"] = Seen("warning", f"“{name}” {ended}" + (f": {last}" if last else ""))
            elif last:
                said.append(f"{name}: {last}")
        return failed, tuple(said)

    def at(self, slot: int) -> str:
        """When a slot is due, to the minute."""
        moment = datetime.fromisoformat(self.watch.started) + self.watch.schedule.slots[slot]
        return f"{moment.astimezone(UTC):%H:%M} UTC"

    # -- what is told -------------------------------------------------------------------------------------------------

    def lines(self, before: Watch, told: tuple[Transition, ...], beside: Sequence[str] = ()) -> list[str]:
        """The line of a tick, then a line for each finding that appeared, goes on, or went."""
        from chatops import formatting
        from chatops.deploys.monitor_state import span

        watch, tick = self.watch, self.watch.ticks[-1]
        slot = f"{tick.slot + 1}/{len(watch.schedule.slots)}"
        if not tick.reached:
            text = f"{tick.at[11:16]}  {slot}  the database does not answer"
        else:
            figures, base = tick.figures, watch.baseline["figures"]
            change = figures.get("waiting", 0) - base.get("waiting", 0)
            waits = [one.figures.get("waiting", 0) for one in watch.ticks[-8:] if one.reached]
            text = (f"{tick.at[11:16]}  {slot}  {figures.get('waiting', 0)} wait ({change:+d}) {sparkline(waits)}, oldest "
                    f"{formatting.duration(figures.get('oldest_seconds'))} · {figures.get('assigned', 0)} held · "
                    f"{formatting.plural(len(tick.findings), 'finding')}")  # fmt: skip
            last = next((one.figures for one in reversed(before.ticks) if one.reached), base)
            for name in COUNTERS:
                if more := increase(figures.get(name), last.get(name)):
                    text += f" · {formatting.plural(more, name.removesuffix('s'))}"
        lines = [text, *(f"       beside   {line}" for line in beside)]
        fresh = {one.code for one in told}
        lines += [f"       {one.kind:<8} {one.severity:<8} {one.code}  {formatting.visible(one.title)}" for one in told]
        lines += [f"       ongoing  {one.severity:<8} {code}  since {one.since[11:16]}"
                  for code, one in sorted(watch.worse.items()) if code not in fresh]  # fmt: skip
        offset = watch.schedule.slots[tick.slot].total_seconds()
        if offset % REMINDER_SECONDS == 0:
            lines.append(f"       {span(watch.schedule.slots[tick.slot])} after deploy: ask the operators how it goes")
        return lines

    def standing(self) -> None:
        """How the watch stands, for those who must have an answer though no tick was taken."""
        if self.invocation.format() in ("nagios", "prometheus", "json"):
            self.invocation.show(self.answer([]))

    def show(self, lines: Sequence[str]) -> None:
        """A tick: its lines or the page for people, an answer for machines and for the files of --write."""
        if self.aside:
            for line in lines:
                self.invocation.note(line)
            return
        answer = self.answer([*lines] if self.screen is None else self.page(lines))
        if self.screen is None:
            self.invocation.show(answer)
            return
        pieces: list[str] = []
        self.invocation.show(answer, pieces.append)
        following = self.watch.due(self.clock()).following
        self.screen.draw("".join(pieces), "the plan is over" if following is None else
                         f"next tick at {self.at(following)} · Ctrl-C ends, the watch is remembered")  # fmt: skip

    @property
    def screen(self) -> Screen | None:
        """Where a live page can be drawn: a loop on a terminal."""
        if self._screen is None and self.live and self.invocation.format() == "table" and self.invocation.medium().terminal \
                and self.invocation.environ.get("TERM", "dumb") != "dumb":  # fmt: skip
            from chatops.flows.watch_option import Screen

            self._screen = Screen(self.invocation)
        return self._screen

    def page(self, lines: Sequence[str]) -> list[Line]:
        """The live page: states and waits over the last ticks, findings open and gone, and what the tick told."""
        from chatops import formatting
        from chatops.deploys.monitor_state import span

        watch = self.watch
        tick = watch.ticks[-1]
        seen = [one for one in watch.ticks if one.reached][-min(PAGE_TICKS, max(4, self.invocation.medium().width - 36)) :]
        after = span(watch.schedule.slots[tick.slot])
        head = f"tick {tick.slot + 1} of {len(watch.schedule.slots)} · {after} after deploy · {tick.at[11:16]} UTC"
        page: list[Line] = [[Span(head, "strong")], [Span(self.verdict.sentence, "critical" if watch.worse else "ok")], ""]

        def row(label: str, name: str, text: Callable[[float], str]) -> None:
            values = [one.figures.get(name) or 0 for one in seen]
            if values:
                page.append(f"{label:<22} {text(values[-1]):>10}  {sparkline(values)}")

        for state, label in STATES.items():
            row(label, state, lambda value: formatting.count(int(value)))
        row("longest wait", "oldest_seconds", formatting.duration)
        page.append("")
        for code, one in sorted(watch.worse.items()):
            kind = "new" if one.since == tick.at else "ongoing"
            style: Style = "critical" if one.severity == "critical" else "warning"
            page.append([Span(f"{kind:<8} "), Span(f"{one.severity:<8} ", style),
                         Span(f"{code}  {formatting.visible(one.title)}")])  # fmt: skip
        page += [[Span("resolved ", "ok"), Span(f"{one.severity:<8} {one.code}  at {one.at[11:16]}")]
                 for one in watch.transitions if one.kind == "resolved"][-5:]  # fmt: skip
        if not watch.worse:
            page.append([Span("nothing new is open", "ok")])
        if known := sorted(code for code, one in watch.open.items() if one.before):
            width = max(20, self.invocation.medium().width or 80)
            folded = textwrap.wrap(f"before   {', '.join(known)}", width, subsequent_indent=" " * 9)
            page += [[Span(line, "dim")] for line in folded]
        shown = ("new ", "resolved", "ongoing")
        rest = [line for line in lines[1:] if not line.strip().startswith(shown)]
        return [*page, *([""] if rest else []), *(line.strip() for line in rest)]

    def answer(self, lines: Sequence[Line]) -> Answer:
        """The last tick as tables and numbers; what was there before the deploy is shown, and counts for nothing."""
        watch = self.watch
        figures: list[Figure] = []
        outcomes = [Outcome(code, "unknown" if one.severity == "unknown" else "failed",
                            "critical" if one.severity == "critical" else "warning", one.title, counts=not one.before)
                    for code, one in watch.open.items()]  # fmt: skip
        tick = watch.ticks[-1] if watch.ticks else None
        rows: list[dict[str, Any]] = []
        if tick is not None:
            rows = [{"slot": tick.slot, "at": tick.at, "reached": tick.reached, "figures": dict(tick.figures),
                     "findings": dict(tick.findings)}]  # fmt: skip
            figures = [Figure(f"monitor_{name}", float(value), f"{name.replace('_', ' ').capitalize()} at the last tick.")
                       for name, value in tick.figures.items() if isinstance(value, int | float)]  # fmt: skip
        figures += [Figure("monitor_ticks", len(watch.ticks), "Ticks that were taken."),
                    Figure("monitor_missed", len(watch.missed), "Ticks that were missed."),
                    Figure("monitor_worse", len(watch.worse), "Findings that were not there before the deploy.")]  # fmt: skip
        columns = [Column("slot", "slot", "number"), Column("at", "at"), Column("reached", "reached", "flag"),
                   Column("figures", "figures", "data"), Column("findings", "findings", "data")]  # fmt: skip
        standing = [{"code": code, "severity": one.severity, "title": one.title, "since": one.since, "before": one.before}
                    for code, one in sorted(watch.open.items())]  # fmt: skip
        open_columns = [Column(name, name) for name in ("code", "severity", "title", "since", "before")]
        now = datetime.fromisoformat(tick.at) if tick is not None else None
        return Answer("monitor", [Text(lines), Table("ticks", columns, rows, audience="machines"),
                                  Table("open", open_columns, standing, audience="machines")],
                      {"verdict": self.verdict.sentence, "missed": list(watch.missed)}, now, figures, outcomes)  # fmt: skip

    def tell(self, transition: Transition) -> None:
        """Runs --notify with the transition as JSON on stdin and in CHATOPS_* variables, or posts it to a URL; a failure is a
        warning."""
        if self.notify is None:
            return
        import json
        from dataclasses import asdict

        body = asdict(transition)
        if self.notify.startswith(("http://", "https://")):
            self.post(self.notify, {**body, "place": self.watch.place}, transition.code)
            return
        import subprocess

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

    def post(self, url: str, body: Mapping[str, Any], code: str) -> None:
        """One POST with JSON; the URL may hold a secret, so it is not repeated."""
        import json
        import urllib.error
        import urllib.request

        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=NOTIFY_SECONDS):
                pass
        except urllib.error.HTTPError as error:
            self.invocation.warn(f"--notify was answered with {error.code} for {code}")
        except (OSError, ValueError) as error:
            self.invocation.warn(f"--notify could not be sent for {code}: {type(error).__name__}")


def increase(now: int | None, before: int | None) -> int:
    """How much a counter went up; one that was set back (a server that crashed) counts from zero again.

    >>> increase(7, 5), increase(2, 5), increase(3, None), increase(None, 5)
    (2, 2, 0, 0)
    """
    if now is None or before is None:
        return 0
    return now - before if now >= before else now


def commands_of(configuration: Any) -> tuple[str, ...]:
    """`[monitor] commands` of chatops.toml. Raises UsageError when it is no list of texts."""
    from chatops.errors import UsageError

    table = configuration.data.get("monitor", {})
    found = table.get("commands", []) if isinstance(table, dict) else None
    if not isinstance(found, list) or not all(isinstance(line, str) and line.strip() for line in found):
        raise UsageError(f"{configuration.path}: [monitor] commands is a list of command lines, as texts")
    return tuple(found)


def sparkline(values: Sequence[float]) -> str:
    """Numbers as a row of bars.

    >>> sparkline([0, 4, 8])
    '▁▄█'
    """
    top = max(values, default=0)
    return "".join(SPARKS[round(value / top * 7) if top else 0] for value in values)

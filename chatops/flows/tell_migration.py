"""Says on stderr how a run of migrations goes: one line per file, and who is in the way while it waits."""

from __future__ import annotations

import shlex
import sys
import time

from chatops import formatting
from chatops.flows.run import Invocation
from chatops.migrations import locks, views
from chatops.migrations.events import Done, Event, Installed, Note, OtherAtWork, StepBegun, Waiting
from chatops.migrations.heard import Said
from chatops.model import Line, Span
from chatops.screens import migrate as screen


class Teller:
    """Says on stderr how a run goes: one line per file, and who is in the way while it waits."""

    REPEAT_S = 15.0

    def __init__(self, invocation: Invocation, label: str = "", *, quiet: bool = False) -> None:
        self.invocation = invocation
        self.quiet = quiet
        self.label = label
        self.last: tuple[str, tuple[int, ...], str | None, bool] | None = None
        self.at = 0.0
        self.holder = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Done):
            self.note(screen.done_line(event))
        elif isinstance(event, Installed):
            self.note([Span("  ✓ ", "ok"), Span(f"{'views':<28}  {self.fitting(event.names)}")])
        elif isinstance(event, OtherAtWork):
            if event.by.pid != self.holder:
                self.holder = event.by.pid
                self.note(f"  … another migrator is at work: {event.by}")
        elif isinstance(event, Waiting):
            self.waiting(event)
        elif isinstance(event, StepBegun):
            self.note(f"  … {event.name:<28}  {event.number} of {event.of}: {event.text}")
        elif isinstance(event, Said):
            if event.loud or not self.quiet:
                self.note(screen.said_line(event))
        elif isinstance(event, Note):
            self.note(f"       {event.text}")

    def note(self, line: Line) -> None:
        """One line, with the target's label where there are several."""
        if isinstance(line, str):
            line = formatting.visible(line)  # files and sessions have names that others gave them
        if self.label:
            line = [Span(self.label), *([Span(line)] if isinstance(line, str) else line)]
        self.invocation.note(line)

    def fitting(self, names: tuple[str, ...]) -> str:
        """Names on one line of the terminal, else how many there are."""
        told, width = ", ".join(names), self.invocation.medium(stream=sys.stderr).width
        return told if not width or len(told) + 34 <= width else " and ".join(views.counted(names))

    def waiting(self, event: Waiting) -> None:
        """A line when the picture changes, else now and then."""
        culprits = locks.culprits(event.blockers)
        pids = tuple(blocker.pid for blocker in culprits if not blocker.waiting)
        picture = (event.name, pids, event.unseen, event.kept_others)
        if picture == self.last and time.monotonic() - self.at < self.REPEAT_S:
            return
        self.last, self.at = picture, time.monotonic()
        what = event.blockers[0].waits_for if event.blockers else "a lock"
        doing = "kept others waiting" if event.kept_others else f"waits for {what}"
        self.note(f"  … {event.name:<28}  {doing}, attempt {event.attempt} of {event.deadline_ms / 1000:.1f} s")
        for blocker in culprits[:3]:
            self.note(f"       blocked by {blocker}")
        if len(culprits) > 3:
            self.note(f"       and by {len(culprits) - 3} more, {len(culprits)} in all")
        holding = [blocker for blocker in culprits if not blocker.waiting]
        if holding and not all(blocker.backend_type == "autovacuum worker" for blocker in holding):
            ends, it = ("that session ends", "it") if len(holding) == 1 else ("those sessions end", "them")
            calls = ", ".join(f"pg_terminate_backend({blocker.number or blocker.pid})" for blocker in holding)
            end = self.invocation.here("psql", "--write", "--", "-c", shlex.quote(f"select {calls};"))
            self.note([Span(f"       goes in by itself once {ends}; to end {it}: "), Span(end, "code")])
        if event.unseen:
            self.note(f"       who is in the way cannot be seen: {event.unseen}")

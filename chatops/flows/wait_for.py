"""`chatops wait --for`: looks again and again until findings and queue are as somebody wants them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from chatops import formatting
from chatops.chats import reports
from chatops.checks import load, run
from chatops.deploys import condition
from chatops.deploys.condition import Condition
from chatops.errors import ChatopsError, ExitCode, LockTimeoutError, StatementTimeoutError, UnreachableError
from chatops.flows.run import Invocation
from chatops.screens.wait import condition_answer

sleep = time.sleep
FIRST_PAUSE_S, LONGEST_PAUSE_S, RISE = 0.2, 5.0, 1.5


def wait_for(invocation: Invocation, texts: Sequence[str], timeout: str) -> ExitCode:
    """0 when every condition holds, 1 when the time is over before. Raises UsageError for a code or figure that there is not."""
    conditions = [condition.parse(text) for text in texts]
    codes = [one.name for one in conditions if one.name not in condition.FIGURES]
    checks = load.chosen(load.shipped(), codes, []) if codes else ()
    seconds = formatting.span(timeout, "--timeout").total_seconds()
    started, looks, said, pause = time.monotonic(), 0, "", FIRST_PAUSE_S
    while True:
        looks += 1
        seen: dict[str, tuple[float | None, str]] = {}
        failure: ChatopsError | None = None
        try:
            seen = _look(invocation, checks)
        except (UnreachableError, LockTimeoutError, StatementTimeoutError) as error:
            if isinstance(error, UnreachableError) and error.lasts:
                raise
            failure = error
        finally:
            invocation.close()
        open_ones = [one for one in conditions if not one.holds(seen.get(one.name, (None, ""))[0])]
        waited = time.monotonic() - started
        if failure is not None and waited >= seconds:
            raise failure
        if failure is None and (not open_ones or waited >= seconds):
            break
        now = failure.message if failure is not None else _standing(open_ones, seen)
        if now != said:
            said = now
            invocation.note(f"  … {formatting.visible(said)}")
        sleep(min(pause, max(seconds - waited, 0.0)))
        pause = min(LONGEST_PAUSE_S, pause * RISE)
    invocation.show(condition_answer(conditions, seen, waited, looks, seconds, invocation.here))
    return ExitCode.FOUND if open_ones else ExitCode.OK


def _look(invocation: Invocation, checks: Sequence[load.Check]) -> dict[str, tuple[float | None, str]]:
    """What each name comes to now, and its words; None where it is not known."""
    found: dict[str, tuple[float | None, str]] = {}
    with invocation.reading() as database:
        queue = reports.queue_figures(database)
        oldest = (invocation.now - queue.oldest).total_seconds() if invocation.now and queue.oldest else 0.0
        figures = {"waiting": queue.waiting, "free": queue.free, "busy": queue.busy}
        found |= {name: (value, f"{value}") for name, value in figures.items()}
        # Who waits since an instant to come waits for nobody knows how long.
        known = oldest >= 0
        found["oldest"] = (oldest, formatting.duration(oldest)) if known else (None, f"unknown: since {queue.oldest}")
        for result in run.run(database, checks).results if checks else ():
            unknown = result.status == "unknown"
            found[result.check.code] = (None if unknown else result.count,
                                        f"unknown: {result.reason}" if unknown else f"{result.count}")  # fmt: skip
    return found


def _standing(conditions: Sequence[Condition], seen: Mapping[str, tuple[float | None, str]]) -> str:
    return ", ".join(f"{one.name} is {seen[one.name][1]}" for one in conditions)

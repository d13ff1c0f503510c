"""`chatops repair`: looks, shows what would change, asks, mends in batches, and says what is left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from chatops import formatting, lock_holders
from chatops.checks import load, repair_plan
from chatops.checks.repair_batches import BATCH, PREVIEW, Mended
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError
from chatops.flows import acting
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.frozen import frozen
from chatops.model import Answer
from chatops.screens import repair as screen
from chatops.screens.repair_sentence import Names, act
from chatops.tables_there import require_text_state

A_MOMENT = timedelta(seconds=5)


@frozen
class RepairRequest:
    """What to mend: codes (none: all that have a repair), one chat or all, how far back, with or without a log."""

    codes: tuple[str, ...]
    chat: str | None
    since: str | None
    dry_run: bool
    yes: bool
    reason: str | None
    audit: bool
    columns: bool = False
    everything: bool = False
    """Of a preview, as much as one batch can try."""


def repair(invocation: Invocation, request: RepairRequest) -> ExitCode:
    """1 when rows are left."""
    invocation.check_output()
    here = invocation.here
    with invocation.reading() as database:
        require_text_state(database)
        plan = repair_plan.plan(
            database, load.codes_of(request.codes), request.chat, audit=request.audit, here=here, since=request.since
        )
    if not plan.codes:
        show_paged(invocation, screen.nothing_to_mend(plan, here))
        return plan.exit_code
    shown: Sequence[Mended] | None = None
    database = invocation.connect("act")
    annotations = invocation.provenance.annotations(reason=request.reason, plan_id=plan.id)
    if request.dry_run or (invocation.interactive and not request.yes):
        most = BATCH if request.everything else PREVIEW
        shown = previews = repair_plan.previews(database, plan, annotations, rows=most)
        further = [] if request.since is None else ["--since", request.since]
        again = ["repair", *plan.codes, *further, *(["--chat", str(plan.chat_id)] if plan.chat_id else []),
                 *([] if request.audit else ["--no-audit"])]  # fmt: skip
        says = None if request.columns else _sentences(invocation, repair_plan.called(database, previews))
        preview = screen.preview_answer(plan, previews, here, here(*again) if request.dry_run else None, says)
        busy = any(one.busy for one in previews)
        preview = _with_holders(preview, database, here) if busy else preview
        if request.dry_run:
            show_paged(invocation, preview)
            return ExitCode.OK
        invocation.show(preview)  # a question follows: a pager would swallow its answer
    if invocation.interactive and not request.yes:
        kept = " What was before is kept in the log." if request.audit else " Nothing keeps what was before."
        invocation.note(f"A repair cannot be undone: that would bring the fault back.{kept}")
    if not invocation.consent(f"Mend {plan.in_words}", yes=request.yes):
        raise RefusedError("nothing was changed")
    annotations = {**annotations, "chatops.reason": invocation.reason(request.reason)}
    mended: dict[str, int] = {}
    go_on = invocation.here("repair", *plan.codes, *([] if request.audit else ["--no-audit"]))
    with acting.told_when_stopped(invocation, lambda: formatting.plural(sum(mended.values()), "row"), [("Go on", go_on)]):
        with _progress(invocation, mended) as show:
            done = repair_plan.carry_out(database, plan, annotations, progress=show)
        with invocation.reading() as reading:
            left = repair_plan.left(reading, plan)
        told = None if request.columns else _sentences(invocation, repair_plan.called(database, done))
    seen = told is not None and shown is not None and _all_said(shown, told) == _all_said(done, told)
    answer = screen.answer(plan, done, left, here, told, seen=seen)
    show_paged(invocation, _with_holders(answer, database, here) if any(left.values()) else answer)
    return ExitCode.FOUND if any(left.values()) or plan.left_out else ExitCode.OK


def _with_holders(answer: Answer, database: Database, here: Callable[..., str]) -> Answer:
    """With who holds what was found busy, where somebody still does: not whoever writes at this very moment."""
    found = lock_holders.holders(database, lock_holders.KEEP_ROWS)
    stay = [one for one in found if one.state != "active" or (one.xact_start is not None and one.now - one.xact_start > A_MOMENT)]
    return screen.held(answer, stay, here)


def _sentences(invocation: Invocation, names: Names) -> screen.Says:
    show_names = invocation.medium().show_names
    return lambda changes: act(changes, names, show_names=show_names)


def _all_said(outcomes: Sequence[Mended], says: screen.Says) -> list[str]:
    return [says([change]) for outcome in outcomes for change in outcome.changes[:PREVIEW]]


@contextlib.contextmanager
def _progress(invocation: Invocation, mended: dict[str, int]) -> Iterator[Callable[[str, int], None]]:
    """How many rows are mended, redrawn in place on a terminal's stderr, a line every few seconds in a log."""
    redraws, seldom = invocation.medium(stream=sys.stderr).redraws, acting.Seldom()

    def draw(text: str) -> None:
        sys.stderr.write(f"\r{text}\x1b[K\r")
        sys.stderr.flush()

    def show(code: str, rows: int) -> None:
        mended[code] = rows
        if redraws:
            draw(f"  {code} {rows:,} mended")
        elif seldom.due():
            invocation.note(f"  {code} {rows:,} mended")

    try:
        yield show
    finally:
        if redraws and mended:
            draw("")

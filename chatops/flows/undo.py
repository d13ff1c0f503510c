"""What `undo` does: find, ask, take back, show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from chatops.chats import audit, plan_file, reassignment, rules, undo
from chatops.chats.carry_out import Conditions
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError, UsageError, worst
from chatops.flows import acting
from chatops.flows.pager import show_beside, show_paged
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.screens import undo as screen


def take_back(
    invocation: Invocation, what: str, force: Sequence[str], *, dry_run: bool, yes: bool, reason: str | None
) -> ExitCode:
    """`chatops undo`."""
    busy = rules.Rule.BUSY in rules.rules(force)
    if not what.strip():
        raise _which(invocation)
    wanted = _meant(what)
    acting.reason_and_yes(invocation, "undo", yes=yes, reason=reason, dry_run=dry_run, again=("undo", shlex.quote(what)))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with acting.refusals_logged(database, "undo", conditions):
        with acting.planning(invocation, database):
            actions = _found(invocation, database, wanted)
            operators = reassignment.operators(database)
            silent = silent_before(database)
            busy = busy and not reassignment.one_chat_each(database)
        if all(one.problem for one in actions):
            raise RefusedError(f"action {actions[0].action_id} cannot be undone: {actions[0].problem}; nothing was changed")
    asked = not dry_run and not yes and invocation.interactive
    if asked:
        whole = invocation.here("undo", shlex.quote(what), "--dry-run", "-o", "json")
        shown = screen.preview(actions, operators, show_names=True, now=invocation.now, silent_before=silent, whole=whole)
        show_beside(invocation, shown)
    if not dry_run and not invocation.consent("Undo it" if len(actions) == 1 else "Undo them", yes=yes):
        raise RefusedError("nothing was changed")
    conditions = acting.with_reason(invocation, conditions, reason, dry_run=dry_run)
    results: dict[int, undo.Undone] = {}
    again = invocation.here("undo", shlex.quote(what), *(["--force=busy"] if busy else []))
    stopped = acting.told_when_stopped(invocation, lambda: f"{len(results):,} of {len(actions):,}", [("Go on", again)])
    with stopped, acting.progress(invocation, "undo", len(actions)) as advance:
        for some in undo.carry_out(database, actions, conditions, busy=busy):
            results.update((one.undoes, one) for one in some)
            advance(len(results))
    show_paged(
        invocation,
        screen.outcome(actions, results, operators, rehearsal=dry_run, asked=asked, again=invocation.here("undo"),
                       show_names=invocation.medium().show_names, now=invocation.now,
                       do=again, silent_before=silent)
    )  # fmt: skip
    return worst(acting.end(one.outcome) for one in results.values())


def _found(invocation: Invocation, database: Database, wanted: str | UUID) -> list[undo.Action]:
    try:
        return undo.find(database, wanted)
    except UsageError as none:
        none.next_steps += (("the log lists actions and plans", invocation.here("log")),)
        raise


def _which(invocation: Invocation) -> UsageError:
    """That undo must be told what to undo, and which action was the last that it could."""
    with invocation.reading() as database:
        audit.require(database, invocation.here("adopt", "--ledger-only"))
        last = undo.last(database)
        shown = invocation.medium().show_names
        operators = reassignment.operators(database) if last else {}
    asks = "say which action: undo takes its number, or a plan's id"
    if last is None:
        return UsageError(f"{asks}; the log holds none that can be undone", next_steps=[("the log", invocation.here("log"))])
    steps = [("undo it", invocation.here("undo", str(last.action_id), "--dry-run"))]
    if last.of_plan > 1:
        steps.append((f"all {last.of_plan:,} of its plan", invocation.here("undo", str(last.plan_id), "--dry-run")))
    steps.append(("others", invocation.here("log")))
    return UsageError(asks, details=[screen.in_words(last, operators, invocation.now, show_names=shown)], next_steps=steps)


def _meant(what: str) -> str | UUID:
    what = what.strip().lstrip("#")
    try:
        return UUID(what)
    except ValueError:
        return plan_file.plan_id_of(Path(what)) if not what.isdigit() and Path(what).exists() else what

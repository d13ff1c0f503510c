"""What `undo` does: find, ask, take back, show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from chatops.chats import plan_file, reassignment, rules, undo
from chatops.chats.carry_out import Conditions
from chatops.errors import ExitCode, RefusedError, worst
from chatops.flows import acting
from chatops.flows.run import Invocation
from chatops.screens import undo as screen


def take_back(
    invocation: Invocation, what: str, force: Sequence[str], *, dry_run: bool, yes: bool, reason: str | None
) -> ExitCode:
    """`chatops undo`."""
    busy = rules.Rule.BUSY in rules.rules(force)
    wanted = _meant(what)
    acting.reason_and_yes(invocation, "undo", yes=yes, reason=reason, dry_run=dry_run, again=("undo", what))
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with acting.refusals_logged(database, "undo", conditions):
        with acting.planning(invocation, database):
            actions = undo.find(database, wanted)
            operators = reassignment.operators(database)
            busy = busy and not reassignment.one_chat_each(database)
        if all(one.problem for one in actions):
            raise RefusedError(f"action {actions[0].action_id} cannot be undone: {actions[0].problem}; nothing was changed")
    asked = not dry_run and not yes and invocation.interactive
    if asked:
        acting.show_on_stderr(invocation, screen.preview(actions, operators, show_names=True, now=invocation.now))
    if not dry_run and not invocation.consent("Undo it" if len(actions) == 1 else "Undo them", yes=yes):
        raise RefusedError("nothing was changed")
    conditions = acting.with_reason(invocation, conditions, reason, dry_run=dry_run)
    results: dict[int, undo.Undone] = {}
    again = invocation.here("undo", shlex.quote(what), *(["--force=busy"] if busy else []))
    stopped = acting.told_when_stopped(invocation, lambda: f"{len(results):,} of {len(actions):,}", [("Go on", again)])
    with stopped, acting.progress(invocation, "undo", len(actions)) as advance:
        for some in undo.carry_out(database, actions, conditions, busy=busy):
            results.update((one.action_id, one) for one in some)
            advance(len(results))
    invocation.show(
        screen.outcome(actions, results, operators, rehearsal=dry_run, asked=asked, again=invocation.here("undo"),
                       show_names=invocation.medium().show_names, now=invocation.now,
                       do=again)
    )  # fmt: skip
    return worst(acting.end(one.outcome) for one in results.values())


def _meant(what: str) -> str | UUID:
    try:
        return UUID(what)
    except ValueError:
        return plan_file.plan_id_of(Path(what)) if not what.isdigit() and Path(what).exists() else what

"""What `reassign` and `release` do: plan, ask, act, show."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from chatops import formatting
from chatops.chats import audit, batches
from chatops.chats.audit import Attempt
from chatops.chats.carry_out import Conditions, MoveResult, carry_out
from chatops.chats.reassignment import Details, MovePlan
from chatops.db import Database
from chatops.errors import ChatopsError, DatabaseError, ExitCode, RefusedError, UnreachableError, worst
from chatops.flows import acting
from chatops.flows.move_request import MoveRequest, per_second
from chatops.flows.pager import show_beside, show_paged
from chatops.flows.plan_moves import planned, refused_as_a_whole
from chatops.flows.run import Invocation
from chatops.later import later
from chatops.model import Answer, Span, Table, Text
from chatops.screens import moves

if TYPE_CHECKING:  # many chats
    from chatops.chats import plan_file
else:
    plan_file = later("chatops.chats.plan_file")


def move(invocation: Invocation, request: MoveRequest) -> ExitCode:
    """Plans, asks, acts and shows: the whole of `reassign` and `release`."""
    invocation.check_output()
    request.check()
    acting.reason_and_yes(invocation, request.command, yes=request.yes, reason=request.reason, dry_run=request.looks_only,
                          again=request.again())  # fmt: skip
    database = invocation.connect("act")
    conditions = Conditions(
        invocation.provenance, request.reason, logged=not request.no_audit, rehearsal=request.dry_run,
        per_second=per_second(request.rate), stop_after=request.stop_after,
    )  # fmt: skip
    with acting.refusals_logged(database, request.command, conditions):
        plan, details = planned(invocation, database, request)
        if not plan.moves:
            return _nothing_to_do(invocation, plan)
        if refused_as_a_whole(request, plan):
            _refuse(database, plan, conditions)
        if request.plan_out is not None:
            return _written(invocation, plan, request, request.plan_out, details)
    asked = _consented(invocation, plan, request, details)
    conditions = acting.with_reason(invocation, conditions, request.reason, dry_run=request.dry_run)
    kept = request.plan if request.logged else None
    if kept is None and len(plan.wanted) > conditions.batch and request.logged:
        kept = plan_file.kept_at(plan.plan_id)
        plan_file.write(kept, plan, invocation.target)
    results = _carried_out(invocation, database, plan, conditions, kept)
    if plan.refused and request.logged:
        _log_refused(database, plan, conditions)
    if kept is not None and kept != request.plan and all(one.outcome == "done" for one in results.values()):
        kept.unlink(missing_ok=True)  # the log holds all of it
        kept = None
    if kept is not None:
        plan_file.write(kept, plan, invocation.target, list(results.values()))
    words = (plan.command, "--plan", shlex.quote(str(kept))) if kept is not None else (*request.again(), "--dry-run")
    answer = moves.outcome(
        plan, results, rehearsal=request.dry_run, undo=invocation.here("undo"), again=invocation.here(*words), asked=asked,
        details=details, now=invocation.now, show_names=invocation.medium().show_names, most=request.shown,
        do=invocation.here(*request.doing()),
    )  # fmt: skip
    show_paged(invocation, answer)
    return _exit_code(plan, results)


def _written(
    invocation: Invocation, plan: MovePlan, request: MoveRequest, file: Path, details: Mapping[UUID, Details]
) -> ExitCode:
    plan_file.write(file, plan, invocation.target)
    names = invocation.medium().show_names
    body: list[Table | Text] = list(moves.preview(plan, details, invocation.now, show_names=names, most=request.shown))
    command = invocation.here(plan.command, "--plan", shlex.quote(str(file)))
    body.append(Text(["Nothing was changed. Apply it: ", [Span(command, "code")]]))
    body.append(Table("chats", moves.COLUMNS, moves.rows(plan, {}), audience="machines"))
    show_paged(invocation, Answer(plan.command, body, {"plan_id": plan.plan_id, "plan_file": str(file)}, invocation.now))
    return ExitCode.REFUSED if plan.refused else ExitCode.OK


def _nothing_to_do(invocation: Invocation, plan: MovePlan) -> ExitCode:
    nothing = Table("chats", moves.COLUMNS, [], audience="machines")
    body: list[Table | Text] = [Text(["No chat is like that: nothing to do."]), nothing]
    show_paged(invocation, Answer(plan.command, body, {"plan_id": plan.plan_id, "counts": {}}, invocation.now))
    return ExitCode.OK


def _refuse(database: Database, plan: MovePlan, conditions: Conditions) -> None:
    """Logs every refusal and raises one error that lists them."""
    refused, done = plan.refused, moves.DONE[plan.command]
    if conditions.logged and not conditions.rehearsal:
        with contextlib.suppress(DatabaseError):
            _log_refused(database, plan, conditions)
    if len(plan.moves) == 1:
        raise acting.LoggedError(f"{refused[0].chat.chat_id} is not {done}: {refused[0].problem}; nothing was changed")
    details = [f"{one.chat.chat_id}  {one.problem}" for one in refused[:20]]
    details += [f"{more}: --dry-run --all"] if (more := formatting.and_more(len(refused) - 20)) else []
    count = f"{len(refused):,} of {formatting.plural(len(plan.moves), 'chat')}"
    raise acting.LoggedError(f"{count} cannot be {done}; nothing was changed", details=details)


def _log_refused(database: Database, plan: MovePlan, conditions: Conditions) -> None:
    attempts: list[Attempt] = [(one.chat.chat_id, one.to, "refused", one.problem) for one in plan.refused]
    with audit.acting(database, conditions.provenance, reason=conditions.reason, plan_id=plan.plan_id):
        audit.record_failures(database, plan.command, attempts)


def _consented(invocation: Invocation, plan: MovePlan, request: MoveRequest, details: Mapping[UUID, Details]) -> bool:
    """Whether the preview was shown for a question that was answered with yes. Raises RefusedError after a no."""
    if request.dry_run or request.yes or not invocation.interactive or not plan.wanted:
        if not request.dry_run and plan.wanted:
            invocation.consent(moves.question(plan), yes=request.yes)
        return False
    show_beside(invocation, moves.preview(plan, details, invocation.now, show_names=True, most=request.shown))
    if request.no_audit:
        invocation.note("Without the log this cannot be undone.")
    if not invocation.consent(moves.question(plan), yes=False):
        raise RefusedError("nothing was changed")
    return True


def _carried_out(
    invocation: Invocation, database: Database, plan: MovePlan, conditions: Conditions, kept: Path | None
) -> dict[UUID, MoveResult]:
    results: dict[UUID, MoveResult] = {}
    wanted = len(plan.wanted)
    try:
        with acting.progress(invocation, plan.command, wanted) as advance:
            for some in carry_out(_crew(invocation, database, wanted), plan, conditions):
                results.update((one.chat_id, one) for one in some)
                advance(len(results))
    except (KeyboardInterrupt, ChatopsError):
        if conditions.logged and not conditions.rehearsal and wanted > 1:
            _tell_what_is_done(invocation, database, plan)
        if kept is not None:
            invocation.note(f"Go on: {invocation.here(plan.command, '--plan', shlex.quote(str(kept)))}")
        raise
    return results


def _crew(invocation: Invocation, database: Database, wanted: int) -> list[Database]:
    """The connections that share the work: a second one where there is enough to do."""
    crew = [database]
    if wanted > 2 * batches.SIZE:
        with contextlib.suppress(UnreachableError):
            crew.append(invocation.connect("act"))
    return crew


def _tell_what_is_done(invocation: Invocation, database: Database, plan: MovePlan) -> None:
    """Says after an interruption what the log holds: a batch that was just being committed counts where it was."""
    with contextlib.suppress(ChatopsError), database.reading():
        done = len(audit.done_before(database, plan.plan_id))
        undo = f" Undo these {done:,}: {invocation.here('undo', str(plan.plan_id))}" if done else ""
        invocation.note(f"Stopped after {done:,} of {len(plan.wanted):,}.{undo}")


def _exit_code(plan: MovePlan, results: dict[UUID, MoveResult]) -> ExitCode:
    found = [acting.end(one.outcome) for one in results.values()]
    found += [ExitCode.REFUSED] if plan.refused else []
    found += [ExitCode.CONFLICT] if len(results) < len(plan.wanted) else []
    return worst(found)

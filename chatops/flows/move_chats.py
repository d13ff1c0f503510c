"""What the commands that move chats have in common: which chats, the plan, the question, the work, the answer."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer.core

from chatops.errors import ChatopsError, ConflictError, DatabaseError, ExitCode, NotATerminalError, RefusedError, UsageError
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from uuid import UUID

    from chatops.chats.audit import Attempt
    from chatops.chats.carry_out import Conditions, Result
    from chatops.chats.chat_sets import Selection
    from chatops.chats.reassignment import Command, Operator, Plan, Standing
    from chatops.db import Database
    from chatops.model import Table, Text
    from chatops.screens.moves import Details

F = TypeVar("F", bound=Callable[..., Any])

RULES = ("inactive", "away", "busy", "last", "answered", "completed")
MOST = 50


class ForceCommand(typer.core.TyperCommand):
    """A command whose `--force` may stand alone, meaning every rule, or be followed by the rules that it means."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_rules(args))


def with_rules(args: Sequence[str]) -> list[str]:
    """The arguments with a `--force` that stands alone written out.

    >>> with_rules(["3f2b", "--force", "busy,away", "--yes"]), with_rules(["--force", "3f2b"])
    (['3f2b', '--force', 'busy,away', '--yes'], ['--force=all', '3f2b'])
    """
    found = list(args)
    for place, word in enumerate(found):
        if word == "--":
            break
        following = found[place + 1] if place + 1 < len(found) else ""
        if word == "--force" and not set(following.lower().split(",")) <= {*RULES, "all"}:
            found[place] = "--force=all"
    return found


def forcible(function: F) -> F:
    """Marks a command whose `--force` may stand alone."""
    function.command_class = ForceCommand  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line said about moving chats."""

    command: Command
    names: Sequence[str] = ()
    where: str | None = None
    stuck: str | None = None
    held_by: str | None = None
    idle: bool = False
    to: str | None = None
    force: Sequence[str] = ()
    most: int = MOST
    rate: str | None = None
    stop_after: int | None = None
    plan_out: Path | None = None
    plan: Path | None = None
    dry_run: bool = False
    yes: bool = False
    reason: str | None = None
    no_audit: bool = False


@dataclass(slots=True)
class _Facts:
    """What was read before anything is decided."""

    standings: Sequence[Standing]
    operators: dict[UUID, Operator]
    target: UUID | None = None
    reassignment_limit: int | None = None
    one_chat: bool = False
    details: Sequence[Details] = field(default_factory=list)


def move(invocation: Invocation, request: Request) -> ExitCode:
    """Plans, asks, acts and shows: the whole of `reassign` and `release`."""
    from chatops.chats import audit, plan_file
    from chatops.chats.carry_out import Conditions

    _check(invocation, request)
    database = invocation.connect("act")
    conditions = Conditions(
        invocation.provenance, request.reason, logged=not request.no_audit, rehearsal=request.dry_run,
        per_second=per_second(request.rate), stop_after=request.stop_after,
    )  # fmt: skip
    with refusals_logged(database, request.command, conditions):
        plan, details = _planned(invocation, database, request)
        if not plan.moves:
            return _nothing_to_do(invocation, plan)
        if plan.refused and (request.names or not plan.wanted):
            _refuse(invocation, database, plan, conditions)
        if request.plan_out is not None:
            return _written(invocation, plan, request, details)
    asked = _consented(invocation, plan, request, details)
    conditions = with_reason(invocation, conditions, request.reason, dry_run=request.dry_run)
    kept = None if request.dry_run or request.no_audit else request.plan
    if kept is None and len(plan.wanted) > conditions.batch and not request.dry_run and not request.no_audit:
        kept = plan_file.kept_at(plan.plan_id)
        plan_file.write(kept, plan, invocation.target)
    results = _carried_out(invocation, database, plan, conditions, kept)
    if plan.refused and conditions.logged and not conditions.rehearsal:
        with audit.acting(database, conditions.provenance, reason=conditions.reason, plan_id=plan.plan_id):
            audit.record_failures(database, plan.command, _attempts(plan))
    if kept is not None and kept != request.plan and all(one.outcome == "done" for one in results.values()):
        kept.unlink(missing_ok=True)  # the log holds all of it
        kept = None
    if kept is not None:
        plan_file.write(kept, plan, invocation.target, list(results.values()))
    _show(invocation, plan, results, request, details, asked=asked, kept=kept)
    return _exit_code(plan, results)


def per_second(rate: str | None) -> float | None:
    """A speed such as 10, 10/s or 300/m, in chats a second. Raises UsageError.

    >>> per_second("10/s"), per_second("300/m"), per_second(None)
    (10.0, 5.0, None)
    """
    if rate is None:
        return None
    import re

    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*([smh]))?\s*", rate)
    if match is None or float(match[1]) <= 0:
        raise UsageError("--rate takes chats a second, such as 10/s, or 300/m")
    return float(match[1]) / {"s": 1, "m": 60, "h": 3600}[match[2] or "s"]


def _check(invocation: Invocation, request: Request) -> None:
    """What can be refused before there is a connection."""
    from chatops.chats import reassignment

    invocation.check_output()
    reassignment.rules(request.force)
    per_second(request.rate)
    given = {
        "CHAT": bool(request.names), "--where": request.where is not None, "--stuck": request.stuck is not None,
        "--from": request.held_by is not None, "--idle": request.idle, "--plan": request.plan is not None,
    }  # fmt: skip
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} both say which chats; give one of them")
    if not chosen:
        raise UsageError(
            "say which chats: CHAT …, - for ids on stdin, --where CODE, --stuck TIME, --from OPERATOR"
            + (", --idle" if request.command == "release" else ""),
        )
    if request.plan is not None and (request.to is not None or request.force or request.plan_out is not None):
        raise UsageError("--plan brings its own targets and rules; --to, --force and --plan-out belong to its making")
    if request.no_audit and request.plan is not None:
        raise UsageError("--plan needs the log, to know what is done already")
    looks_only = request.dry_run or request.plan_out is not None
    reason_and_yes(invocation, request.command, yes=request.yes, reason=request.reason, dry_run=looks_only, again=_again(request))


def reason_and_yes(
    invocation: Invocation, what: str, *, yes: bool, reason: str | None, dry_run: bool, again: Sequence[str]
) -> None:
    """Refuses before anything is read what nobody is there to be asked for: consent and a reason, on production."""
    if reason is not None and "\0" in reason:
        raise UsageError("a reason cannot hold a NUL character")
    if dry_run or invocation.interactive or not invocation.target.production:
        return
    missing = [flag for flag, given in (("--yes", yes), ("--reason TEXT", (reason or "").strip())) if not given]
    if missing:
        raise NotATerminalError(
            f"{what} on a production database needs {' and '.join(missing)} where nobody can be asked; nothing was changed",
            next_steps=[("see what it would do", invocation.here(*again, "--dry-run"))],
        )


def with_reason(invocation: Invocation, conditions: Conditions, reason: str | None, *, dry_run: bool) -> Conditions:
    """The conditions with the reason that was given, or is asked for."""
    return replace(conditions, reason=reason if dry_run else invocation.reason(reason))


def _planned(invocation: Invocation, database: Database, request: Request) -> tuple[Plan, Sequence[Details]]:
    from chatops.chats import audit, plan_file, reassignment

    loaded = plan_file.read(request.plan, request.command, invocation.target) if request.plan is not None else None
    with database.reading(statement_timeout=reassignment.PLANNING_TIMEOUT):
        invocation.banner(database)
        writable(database)
        if not request.no_audit:
            audit.require(database, invocation.here("adopt", "--ledger-only"))
        if loaded is not None:
            done = audit.done_before(database, loaded.plan_id)
            left = [one for one in loaded.moves if one.chat.chat_id not in done]
            if done:
                invocation.note(f"{len(done)} of {len(loaded.moves)} chats of this plan are done already")
            loaded = replace(loaded, moves=left, operators={**loaded.operators, **reassignment.operators(database)})
            return loaded, _details(database, [one.chat.chat_id for one in left])
        facts = _facts(invocation, database, request)
    if request.command == "reassign" and request.to is None and facts.standings:
        facts.target = _asked_for_target(invocation, database, facts)
    forced = reassignment.rules(request.force)
    if request.command == "release":
        reason = reassignment.IDLE if request.idle else reassignment.RELEASED
        plan = reassignment.plan_release(
            facts.standings, facts.operators, forced=forced, release_reason=reason,
            reassignment_limit=facts.reassignment_limit, made_at=invocation.now,
        )  # fmt: skip
    else:
        plan = reassignment.plan_reassign(
            facts.standings, facts.operators, facts.target, forced=forced, one_chat=facts.one_chat, made_at=invocation.now
        )
    return plan, facts.details


def writable(database: Database) -> None:
    """Raises RefusedError on a standby, before anybody is asked anything."""
    if database.facts is not None and database.facts.standby:
        raise RefusedError(
            "this server is a standby: it can be read, not written", next_steps=[("connect to the primary", "chatops config")]
        )


def _facts(invocation: Invocation, database: Database, request: Request) -> _Facts:
    from chatops.chats import chat_sets, policy, reassignment
    from chatops.names import find_operator

    rules = policy.read(database) if request.idle else None
    chats = chat_sets.chats_of(database, _selection(database, request, rules.idle_timeout if rules else None))
    if len(chats) > request.most:
        raise RefusedError(
            f"these are {len(chats):,} chats, more than --max {request.most:,}; nothing was changed",
            next_steps=[("if all of them are meant", invocation.here(*_again(request), "--max", str(len(chats))))],
        )
    target = None
    if request.to is not None and request.to != "auto":
        target = find_operator(database, request.to).id
    standings = reassignment.standings(database, chats, count_releases=rules is not None)
    limit = rules.max_reassignments if rules else None
    one_chat = reassignment.one_chat_each(database)
    return _Facts(standings, reassignment.operators(database), target, limit, one_chat, _details(database, chats))


def _selection(database: Database, request: Request, idle_for: timedelta | None) -> Selection:
    from chatops import formatting
    from chatops.chats.chat_sets import Selection, read_names

    if request.names:
        names = list(request.names)
        if "-" in names:
            if len(names) > 1:
                raise UsageError("- takes the ids from stdin; name no chats beside it")
            names = read_names(sys.stdin)
        return Selection(names=names) if names else Selection(finding="-")
    if request.where is not None:
        code, rows = _offending(database, request.where)
        return Selection(finding=code, offending=rows)
    if request.stuck is not None:
        return Selection(stuck_for=formatting.span(request.stuck, "--stuck"))
    if request.held_by is not None:
        return Selection(held_by=request.held_by)
    return Selection(idle_for=idle_for)


def _offending(database: Database, where: str) -> tuple[str, Sequence[Any]]:
    """The rows that `diagnose` finds under a code, measured against the same thresholds."""
    from chatops.checks import load, run

    code = load.codes_of([where])
    if len(code) != 1:
        raise UsageError("--where takes one code, such as CHAT003")
    survey = run.run(database, load.chosen(load.shipped(), code, ()), rows=10_000_000, whole_seconds=60)
    result = survey.results[0]
    if result.status == "unknown":
        raise RefusedError(f"{code[0]} cannot be looked for here: {result.reason}; nothing was changed")
    return code[0], result.rows


def _details(database: Database, chats: Sequence[UUID]) -> Sequence[Details]:
    from chatops.chats import reports
    from chatops.screens import moves

    if len(chats) != 1:
        return []
    return database.rows(moves.Details, reports.query(database, "queries/move_details.sql"), {"chats": list(chats)})


def _asked_for_target(invocation: Invocation, database: Database, facts: _Facts) -> UUID | None:
    from chatops.names import find_operator
    from chatops.screens import moves

    before = {one for chat in facts.standings for one in (chat.operator_id, chat.last_operator_id)}
    many = len(facts.standings) > 1
    listed = [one for one in facts.operators.values() if one.load == "free" and (many or one.operator_id not in before)][:9]
    if not invocation.interactive:
        names = [f"{one.operator_id}  {moves.standing(one, invocation.now)}" for one in listed]
        raise NotATerminalError(
            "say who gets it: --to OPERATOR, or --to auto; nothing was changed",
            details=names or ["nobody who could take it is free"],
        )
    if not listed:
        raise RefusedError("nobody who could take it is free; nothing was changed",
                           next_steps=[("who works", invocation.here("operators"))])  # fmt: skip
    show_on_stderr(invocation, moves.candidates(len(facts.standings), listed, invocation.now))
    answer = invocation.ask("Who gets it? (number, name, id, auto)", "--to")
    if not answer:
        raise RefusedError("nobody was named; nothing was changed")
    if answer == "auto":
        return None
    if answer.isdigit() and 1 <= int(answer) <= len(listed):
        return listed[int(answer) - 1].operator_id
    with database.reading():
        return find_operator(database, answer).id


def _written(invocation: Invocation, plan: Plan, request: Request, details: Sequence[Details]) -> ExitCode:
    from chatops.chats import plan_file
    from chatops.model import Answer, Span, Table, Text
    from chatops.screens import moves

    assert request.plan_out is not None
    plan_file.write(request.plan_out, plan, invocation.target)
    names = invocation.medium().show_names
    body: list[Table | Text] = list(moves.preview(plan, details, invocation.now, show_names=names))
    command = invocation.here(plan.command, "--plan", str(request.plan_out))
    body.append(Text(["Nothing was changed. Apply it: ", [Span(command, "code")]]))
    body.append(Table("chats", moves.COLUMNS, moves.rows(plan, {}), audience="machines"))
    invocation.show(Answer(plan.command, body, {"plan_id": plan.plan_id, "plan_file": str(request.plan_out)}, invocation.now))
    return ExitCode.REFUSED if plan.refused else ExitCode.OK


def _nothing_to_do(invocation: Invocation, plan: Plan) -> ExitCode:
    from chatops.model import Answer, Table, Text
    from chatops.screens import moves

    nothing = Table("chats", moves.COLUMNS, [], audience="machines")
    body: list[Table | Text] = [Text(["No chat is like that: nothing to do."]), nothing]
    invocation.show(Answer(plan.command, body, {"plan_id": plan.plan_id, "counts": {}}, invocation.now))
    return ExitCode.OK


def _refuse(invocation: Invocation, database: Database, plan: Plan, conditions: Conditions) -> None:
    """Logs every refusal and raises one error that lists them."""
    from chatops.chats import audit

    refused = plan.refused
    if conditions.logged and not conditions.rehearsal:
        with contextlib.suppress(DatabaseError), audit.acting(database, conditions.provenance, reason=conditions.reason,
                                                              plan_id=plan.plan_id):  # fmt: skip
            audit.record_failures(database, plan.command, _attempts(plan))
    if len(plan.moves) == 1:
        raise _LoggedError(f"{refused[0].chat.chat_id} is not {_done(plan)}: {refused[0].problem}; nothing was changed")
    details = [f"{one.chat.chat_id}  {one.problem}" for one in refused[:20]]
    details += [f"and {len(refused) - 20:,} more"] if len(refused) > 20 else []
    count = f"{len(refused):,} of {len(plan.moves):,} chats"
    raise _LoggedError(f"{count} cannot be {_done(plan)}; nothing was changed", details=details)


def _attempts(plan: Plan) -> list[Attempt]:
    return [(one.chat.chat_id, one.to, "refused", one.problem) for one in plan.refused]


def _done(plan: Plan) -> str:
    from chatops.screens.moves import DONE

    return DONE[plan.command]


class _LoggedError(RefusedError):
    """A refusal that is in the log already."""


@contextlib.contextmanager
def refusals_logged(database: Database, action: str, conditions: Conditions) -> Iterator[None]:
    """Writes a refusal of what was asked into the log before it is told, where the database can be written."""
    from chatops.chats import audit

    try:
        yield
    except (UsageError, RefusedError, ConflictError) as error:
        facts = database.facts
        writable = conditions.logged and not conditions.rehearsal and facts is not None and facts.has_bookkeeping
        if isinstance(error, _LoggedError) or not writable:
            raise
        outcome = "moved" if isinstance(error, ConflictError) else "refused"
        with contextlib.suppress(ChatopsError), audit.acting(database, conditions.provenance, reason=conditions.reason):
            audit.record_failures(database, action, [(None, None, outcome, error.message)])
        raise


def _consented(invocation: Invocation, plan: Plan, request: Request, details: Sequence[Details]) -> bool:
    """Whether the preview was shown for a question that was answered with yes. Raises RefusedError after a no."""
    from chatops.screens import moves

    if request.dry_run or request.yes or not invocation.interactive or not plan.wanted:
        if not request.dry_run and plan.wanted:
            invocation.consent(moves.question(plan), yes=request.yes)
        return False
    show_on_stderr(invocation, moves.preview(plan, details, invocation.now, show_names=True))
    if not invocation.consent(moves.question(plan), yes=False):
        raise RefusedError("nothing was changed")
    return True


def show_on_stderr(invocation: Invocation, body: Sequence[Table | Text]) -> None:
    """Shows blocks of an answer beside the answer: what a question is about."""
    from chatops.model import Answer
    from chatops.render import encodable, render

    medium = invocation.medium(stream=sys.stderr)
    for piece in render(Answer("", body, now=invocation.now), "table", medium):
        sys.stderr.write(encodable(piece, medium))
    sys.stderr.flush()


def _carried_out(
    invocation: Invocation, database: Database, plan: Plan, conditions: Conditions, kept: Path | None
) -> dict[UUID, Result]:
    from chatops.chats.carry_out import carry_out

    results: dict[UUID, Result] = {}
    wanted = len(plan.wanted)
    try:
        with progress(invocation, plan.command, wanted) as advance:
            for some in carry_out(_crew(invocation, database, wanted), plan, conditions):
                results.update((one.chat_id, one) for one in some)
                advance(len(results))
    except (KeyboardInterrupt, ChatopsError):
        if conditions.logged and not conditions.rehearsal and wanted > 1:
            _tell_what_is_done(invocation, database, plan)
        if kept is not None:
            invocation.note(f"go on: {invocation.here(plan.command, '--plan', str(kept))}")
        raise
    return results


def _crew(invocation: Invocation, database: Database, wanted: int) -> list[Database]:
    """The connections that share the work: a second one where there is enough to do."""
    from chatops.chats.carry_out import BATCH
    from chatops.errors import UnreachableError

    crew = [database]
    if wanted > 2 * BATCH:
        with contextlib.suppress(UnreachableError):
            crew.append(invocation.connect("act"))
    return crew


def _tell_what_is_done(invocation: Invocation, database: Database, plan: Plan) -> None:
    """Says after an interruption what the log holds: a batch that was just being committed counts where it was."""
    from chatops.chats import audit

    with contextlib.suppress(ChatopsError), database.reading():
        done = len(audit.done_before(database, plan.plan_id))
        invocation.note(f"{done:,} of {len(plan.wanted):,} chats are {_done(plan)} and logged, plan {plan.plan_id}")


@contextlib.contextmanager
def progress(invocation: Invocation, what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, one line a tenth in a log; nothing for what is over in a moment."""
    if total <= 200:
        yield lambda done: None
        return
    if not invocation.medium(stream=sys.stderr).terminal:
        told = [0]

        def tell(done: int) -> None:
            if done * 10 // total > told[0]:
                told[0] = done * 10 // total
                invocation.note(f"{what}: {done:,} of {total:,}")

        yield tell
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, no_color=not invocation.medium(stream=sys.stderr).colour)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _show(
    invocation: Invocation, plan: Plan, results: dict[UUID, Result], request: Request, details: Sequence[Details], *,
    asked: bool, kept: Path | None,
) -> None:  # fmt: skip
    from chatops.screens import moves

    words = (plan.command, "--plan", str(kept)) if kept is not None else (*_again(request), "--dry-run")
    answer = moves.outcome(
        plan, results, rehearsal=request.dry_run, undo=invocation.here("undo"), again=invocation.here(*words), asked=asked,
        details=details, now=invocation.now, show_names=invocation.medium().show_names,
    )  # fmt: skip
    invocation.show(answer)


def _exit_code(plan: Plan, results: dict[UUID, Result]) -> ExitCode:
    from chatops.errors import worst

    codes = {"failed": ExitCode.REFUSED, "moved": ExitCode.CONFLICT}
    found = [codes.get(one.outcome, ExitCode.OK) for one in results.values()]
    found += [ExitCode.REFUSED] if plan.refused else []
    found += [ExitCode.CONFLICT] if len(results) < len(plan.wanted) else []
    return worst(found)


def _again(request: Request) -> list[str]:
    """The words that name the same chats again."""
    import shlex

    parts: list[str] = [request.command, *(shlex.quote(name) for name in request.names)]
    pairs = (("--where", request.where), ("--stuck", request.stuck), ("--from", request.held_by), ("--to", request.to))
    for flag, value in pairs:
        parts += [flag, shlex.quote(value)] if value is not None else []
    parts += ["--idle"] if request.idle else []
    parts += [f"--force={','.join(request.force)}"] if request.force else []
    return parts

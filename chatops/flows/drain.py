"""What `drain` and `undrain` do: plan, ask, act, show."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

from chatops.chats import chat_sets, drain, reassignment
from chatops.chats.carry_out import Conditions, carry_out
from chatops.chats.reassignment import MovePlan, Operator
from chatops.db import Database
from chatops.errors import ExitCode, RefusedError, UsageError, worst
from chatops.flows import acting, plan_moves
from chatops.flows.pager import show_beside, show_paged
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.names import find_operator
from chatops.screens import drain as screen
from chatops.screens import moved_chat, moves

# A chat that was on its way to the operator when they were drained arrives a moment later.
ROUNDS = 3
MOST_NAMED = 6
"""More operators are counted in the question."""
Plans = tuple[MovePlan, MovePlan]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainRequest:
    """Who is drained, and what becomes of the chats they hold: moved to `to`, released, or finished by themselves."""

    names: Sequence[str] = ()
    where: str | None = None
    to: str = "auto"
    release: bool = False
    finish: bool = False
    dry_run: bool = False
    yes: bool = False
    reason: str | None = None

    def words(self) -> list[str]:
        """The words that do what a dry run has shown."""
        how = ["--finish"] if self.finish else ["--release"] if self.release else []
        how += ["--to", shlex.quote(self.to)] if self.to != "auto" else []
        whom = ["--where", shlex.quote(self.where)] if self.where else [*map(shlex.quote, self.names)]
        return ["drain", *whom, *how]


def empty(invocation: Invocation, request: DrainRequest) -> ExitCode:
    """`chatops drain`."""
    if request.finish and (request.release or request.to != "auto"):
        raise UsageError("--finish leaves the chats where they are: not with --to or --release")
    if bool(request.names) == bool(request.where):
        raise UsageError("say who: OPERATOR …, or --where CODE for all of a finding, such as OPER003")
    acting.reason_and_yes(invocation, "drain", yes=request.yes, reason=request.reason, dry_run=request.dry_run,
                          again=request.words())  # fmt: skip
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, request.reason, rehearsal=request.dry_run)
    work = Draining(database, request, uuid4())
    with acting.refusals_logged(database, "drain", conditions):
        with acting.planning(invocation, database):
            if request.where:
                work.operators = _found_by(database, request.where)
            else:
                work.operators = list(dict.fromkeys(find_operator(database, name).id for name in request.names))
            work.target = None if request.to == "auto" else find_operator(database, request.to).id
        if work.target in work.operators:
            raise RefusedError("an operator's chats cannot be moved to themselves; nothing was changed")
        with invocation.seeing():
            planned = {one: work.plans(one) for one in work.operators}
    away = {one for one in work.operators if not work.everybody[one].is_available}
    names = invocation.medium().show_names
    asked = not request.dry_run and not request.yes and invocation.interactive
    if asked:
        for one in work.operators:
            show_beside(invocation, screen.preview(work.everybody[one], planned[one], invocation.now, finish=request.finish))
    if not asked and not request.finish:
        for line in (line for plans in planned.values() for line in screen.silent(plans, invocation.now, show_names=names)):
            invocation.note(line)
    labels = {one: moved_chat.person(work.everybody[one].name, one, show_names=asked or names) for one in work.operators}
    if not request.dry_run and not invocation.consent(f"Drain {_named(list(labels.values()))}", yes=request.yes):
        raise RefusedError("nothing was changed")
    conditions = acting.with_reason(invocation, conditions, request.reason, dry_run=request.dry_run)
    actions: dict[UUID, int | None] = {}
    drained: list[screen.Drained] = []
    codes: list[ExitCode] = []
    ways = [("Go on", invocation.here(*request.words()))]
    ways += [("Undo", invocation.here("undrain", str(one))) for one in work.operators]
    with acting.told_when_stopped(invocation, lambda: f"{len(drained)} of {len(work.operators)}", ways):
        for one in work.operators:
            actions[one] = drain.stop_new_chats(database, one, work.plan_id, conditions)
        for one in work.operators:
            rows, ended = ([], []) if request.finish else work.emptied(one, conditions, show_names=names)
            codes += ended
            held = work.everybody[one].held if request.finish else 0
            drained.append(
                screen.Drained(one, labels[one], work.plan_id, actions[one], rows, held if request.finish else None, one in away)
            )
        if not request.dry_run and not request.finish:
            with database.reading():
                left = {one: found.held for one, found in reassignment.operators(database, work.operators).items() if found.held}
            drained = [replace(one, left=left.get(one.operator_id, 0)) for one in drained]
            codes += [ExitCode.CONFLICT] if left else []
    show_paged(invocation, screen.answer(drained, invocation.now, invocation.here, rehearsal=request.dry_run, do=request.words()))
    return worst(codes)


def _named(labels: Sequence[str]) -> str:
    """Who is meant, in a question: by name, and as many as that where they were shown above it."""
    return ", ".join(labels) if len(labels) <= MOST_NAMED else f"these {len(labels)} operators"


@dataclass(slots=True)
class Draining:
    """The operators of one drain, and what is planned and done about their chats."""

    database: Database
    request: DrainRequest
    plan_id: UUID
    operators: list[UUID] = field(default_factory=list)
    target: UUID | None = None
    everybody: dict[UUID, Operator] = field(default_factory=dict)

    def plans(self, operator: UUID) -> Plans:
        """Where the chats of one operator go, as things stand now."""
        with self.database.reading():
            held = chat_sets.chats_of(self.database, chat_sets.Selection(held_by=str(operator)))
            standings = reassignment.standings(self.database, held)
            self.everybody = reassignment.operators(self.database)
        return drain.plan_drain(
            standings,
            self.everybody,
            self.operators,
            self.target,
            move=not self.request.release,
            plan_id=self.plan_id,
            silent_before=silent_before(self.database),
        )

    def emptied(
        self, operator: UUID, conditions: Conditions, *, show_names: bool
    ) -> tuple[list[moved_chat.MovedChat], list[ExitCode]]:
        """Moves and releases what an operator holds, and what arrives meanwhile."""
        rows: list[moved_chat.MovedChat] = []
        for _ in range(ROUNDS):
            plans = self.plans(operator)
            results = {
                one.chat_id: one for plan in plans for some in carry_out([self.database], plan, conditions) for one in some
            }
            rows = [row for plan in plans for row in moves.rows(plan, results, show_names=show_names)] + rows
            odd = any(one.outcome != "done" for one in results.values())
            if self.request.dry_run or odd or not any(plan.wanted for plan in plans):
                return rows, [acting.end(one.outcome) for one in results.values()]
        return rows, []


def _found_by(database: Database, where: str) -> list[UUID]:
    """The operators whom `diagnose` finds under a code. Raises UsageError where it names none, RefusedError where it cannot."""
    code, rows = plan_moves.offending(database, where)
    found = list(dict.fromkeys(one for row in rows if isinstance(one := row.get("operator_id"), UUID)))
    if not found:
        raise UsageError(f"{code} names no operator" if rows else f"{code} passed: there is nobody to drain")
    return found


def _activate(invocation: Invocation, operator: Operator) -> str:
    """The command that makes an operator active, and available, so that they are given chats."""
    statement = f"update operators set is_active = true, is_available = true where id = '{operator.operator_id}';"
    return invocation.here("psql", "--write", "--", "-c", f'"{statement}"')


def _never_drained(invocation: Invocation, operator: Operator) -> RefusedError:
    """That there is nothing to take back, and who can change how the operator stands."""
    if not operator.is_active:
        stands = "they are not active, and only whoever manages the operators makes them so again"
    elif not operator.is_available:
        stands = "they are away, and nothing here says who switched that; they come back in the application"
    else:
        stands = "they are available"
    return RefusedError(
        f"no drain of this operator is in the log, so there is none to take back: {stands}; nothing was changed",
        next_steps=[
            ("what is in the log", invocation.here("log", "--operator", str(operator.operator_id))),
            *(() if operator.is_active else (("if nobody can in the application", _activate(invocation, operator)),)),
        ],
    )


def give_back(invocation: Invocation, names: Sequence[str], *, dry_run: bool, yes: bool, reason: str | None) -> ExitCode:
    """`chatops undrain`."""
    again = ("undrain", *map(shlex.quote, names))
    acting.reason_and_yes(invocation, "undrain", yes=yes, reason=reason, dry_run=dry_run, again=again)
    database = invocation.connect("act")
    conditions = Conditions(invocation.provenance, reason, rehearsal=dry_run)
    with acting.refusals_logged(database, "undrain", conditions):
        with acting.planning(invocation, database):
            everybody = reassignment.operators(database)
            found = {one.id: everybody[one.id] for one in (find_operator(database, name) for name in names)}
            drains = {one: drain.last_drain(database, one) for one in found}
        shown = invocation.medium().show_names
        back: list[screen.GivenBack] = []
        for one, operator in found.items():
            before = drains[one]
            if before is None:
                raise _never_drained(invocation, operator)
            label = moved_chat.person(operator.name, one, show_names=shown)
            back.append(screen.GivenBack(one, label, before, is_active=operator.is_active))
        asks = " and ".join(
            f"{', '.join(one.label for one in back if one.was == was)} {was}" for was in dict.fromkeys(one.was for one in back)
        )
        if not dry_run and not invocation.consent(f"Make {asks} again, as before the drain", yes=yes):
            raise RefusedError("nothing was changed")
        conditions = acting.with_reason(invocation, conditions, reason, dry_run=dry_run)
        done: list[screen.GivenBack] = []
        ways = [("Go on", invocation.here(*again))]
        with acting.told_when_stopped(invocation, lambda: f"{len(done)} of {len(back)}", ways) if back[1:] else nullcontext():
            for given in back:
                action = drain.give_back(database, given.drained, conditions)
                done.append(replace(given, action=action))
    show_paged(invocation, screen.given_back(done, invocation.now, invocation.here, rehearsal=dry_run))
    return ExitCode.OK if dry_run or all(one.is_active for one in done) else ExitCode.FOUND

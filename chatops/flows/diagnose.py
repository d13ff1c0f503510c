"""`chatops diagnose`: the checks of one snapshot, compared with an earlier look, and shown; or one chat, or an archive."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatops import formatting, settings, sqlfiles
from chatops.chats import log, reports
from chatops.chats import served as users_served
from chatops.chats.reports import QueueFigures
from chatops.chats.served import Served
from chatops.checks import archive as archives
from chatops.checks import capture as captures
from chatops.checks import compare_looks, load, run, stored_snoozes, thresholds, window
from chatops.checks.archive import Archive
from chatops.checks.capture import Captured
from chatops.checks.compare_looks import Changes
from chatops.checks.load import Check
from chatops.checks.obstacles import is_hidden_everywhere
from chatops.checks.results import Survey, with_rows
from chatops.checks.try_repair import Rehearsed
from chatops.db import Database
from chatops.errors import ConnectionLostError, DatabaseError, ExitCode, RefusedError, UsageError
from chatops.flows import (
    about_chat,
    diagnose_rehearse,
    earlier_look,
    own_look,
    pager,
    replay_archive,
    run_checks,
    tenants,
    watch_option,
)
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.frozen import frozen
from chatops.model import Answer
from chatops.screens import diagnose as screen
from chatops.screens import diagnose_short as short
from chatops.screens import meanwhile as by_code
from chatops.screens import outcomes
from chatops.screens.diagnose import Health
from chatops.screens.finding import survey_data
from chatops.screens.served import told as told_served
from chatops.screens.tenants_checks import DIAGNOSE
from chatops.settings import Snooze

NEWS = timedelta(days=1)
"""What is gone since a look of the monitor that is older than that is no news any more."""


@frozen
class DiagnoseRequest:
    """What was asked: one chat or the whole, which checks, against which numbers, compared and rehearsed how."""

    chat: str
    fail_on: str
    only: tuple[str, ...]
    ignore: tuple[str, ...]
    since: str
    rows: int
    threshold: tuple[str, ...]
    checks_dir: Path | None
    timeout: float
    since_file: Path | None
    rehearse: bool
    yes: bool
    capture: Path | None
    replay: Path | None
    full: bool = False
    brief: bool = False
    watch: float | None = None


@frozen
class _Plan:
    """The request as it was understood."""

    checks: tuple[Check, ...]
    since: str
    given: Mapping[str, float]
    archive: Archive | None
    ignored: tuple[str, ...]
    asked: tuple[str, ...] = ()
    """The codes that were asked for by name: shown even where they are silent."""
    meanwhile: bool = False
    """Whether they were asked for as what is left of a time without guards: shown by code, those that passed, too."""


@dataclass(slots=True)
class _Seen:
    """What one snapshot of the whole system showed."""

    survey: Survey
    place: str
    ignored: tuple[str, ...] = ()
    queue: QueueFigures | None = None
    ended: int = 0
    by_hand: Sequence[log.ByHand] = ()
    health: Health | None = None
    stored: str | None = None
    served: Served | None = None
    """Whether users are served, where all that was asked for by name passed."""


def diagnose(invocation: Invocation, request: DiagnoseRequest) -> ExitCode:
    """1 when something counts as found, 4 when fixes could not be rehearsed because nothing may be written."""
    severity = run_checks.fail_on(request.fail_on)
    if request.chat and (code := load.code_or_set_typed(request.chat)) is not None and not request.only:
        request = replace(request, chat="", only=(code,))
    if invocation.has_tenants:
        return _all_tenants(invocation, request)
    plan = understood(invocation, request)
    if request.chat:
        answer, survey = _one_chat(invocation, request, plan)
        invocation.show(outcomes.with_outcomes(answer, survey, severity, invocation.here))
        return run_checks.exit_code(survey, severity)
    if request.watch is not None:
        return _watched(invocation, request, plan)
    if request.rehearse and not invocation.interactive:
        diagnose_rehearse.may_rehearse(invocation, yes=request.yes)
    seen, compared = _compared(invocation, request, plan)
    tried = diagnose_rehearse.rehearsed(invocation, seen.survey, yes=request.yes) if request.rehearse else None
    answer = _answer(invocation, request, plan, seen, compared, tried)
    # Of one finding somebody goes on to paste what it says: a pager would take the next line that is typed.
    screens = 2 if request.only else 1
    pager.show_paged(invocation, outcomes.with_outcomes(answer, seen.survey, severity, invocation.here), screens=screens)
    if any(one.refused for one in (tried or {}).values()):
        return ExitCode.REFUSED
    return run_checks.exit_code(seen.survey, severity)


def _all_tenants(invocation: Invocation, request: DiagnoseRequest) -> ExitCode:
    if request.chat or request.rehearse or request.since_file or request.capture or request.replay:
        raise UsageError("CHAT, --rehearse, --since-file, --capture and --replay are about one tenant: name one")
    severity, plan = run_checks.fail_on(request.fail_on), understood(invocation, request)
    tells_hidden = any(check.of_database and check.needs_role for check in plan.checks)

    def look(one: Invocation) -> ExitCode:
        with one.reading() as database:
            silent = {snooze.code for snooze in stored_snoozes.read(database) if snooze.code not in plan.asked}
            silent |= {snooze.code for snooze in snoozed(one, plan.asked)}
            asked = [check for check in plan.checks if one.asks(of_database=check.of_database)]
            checks = [check for check in asked if check.code not in silent]
            survey = run.run(database, checks, since=plan.since, given=plan.given, rows=1, whole_seconds=request.timeout,
                             quick=True)  # fmt: skip
        if tells_hidden and not one.asks(of_database=True):  # the look at the database tells it, once
            survey = replace(survey, results=tuple(each for each in survey.results if not is_hidden_everywhere(each)))
        answer = Answer("diagnose", data=survey_data(survey), now=survey.now)
        one.show(outcomes.with_outcomes(answer, survey, severity, one.here))
        return run_checks.exit_code(survey, severity)

    return tenants.over_all(invocation, look, DIAGNOSE, watch=request.watch)


def _watched(invocation: Invocation, request: DiagnoseRequest, plan: _Plan) -> ExitCode:
    """Looks again and again; a look that was not compared otherwise is compared with the first."""
    first: list[compare_looks.Earlier] = []

    def ask() -> Answer:
        seen, compared = _compared(invocation, request, plan)
        if compared is None and first:
            compared = compare_looks.compare(seen.survey, first[0])
        if not first:
            first.append(compare_looks.earlier_of(seen.survey, "the first look"))
        return _answer(invocation, request, plan, seen, compared, None)

    return watch_option.shown(invocation, ask, request.watch)


def _compared(invocation: Invocation, request: DiagnoseRequest, plan: _Plan) -> tuple[_Seen, Changes | None]:
    """One look, and what changed since an earlier one: of a file, else of the newest look of the monitor."""
    earlier = compare_looks.read(request.since_file, invocation.target.shown()) if request.since_file else None
    compares = plan.archive is None and earlier is None
    seen = _look(invocation, request, plan, stored=compares)
    if compares:
        earlier = earlier_look.last_tick(invocation, seen.stored)
    changes = compare_looks.compare(seen.survey, earlier) if earlier is not None else None
    if changes is not None and compares and seen.survey.now - changes.earlier.at > NEWS:
        changes = replace(changes, resolved={})
    return seen, changes


def _answer(
    invocation: Invocation, request: DiagnoseRequest, plan: _Plan, seen: _Seen, compared: Changes | None,
    tried: Mapping[str, Rehearsed] | None,
) -> Answer:  # fmt: skip
    """On one screen for a person at a terminal; whole where it was asked for, and where it is read later."""
    reader = run_checks.reader(invocation)
    production = plan.archive is None and invocation.target.production
    name = seen.place if plan.archive is not None else invocation.target.title
    own = _own_look(invocation, request, plan, seen.survey)
    came = compare_looks.bounds(seen.survey, compared, own) if plan.archive is None else {}
    desk = short.Desk(name, production, seen.queue, seen.ignored, seen.ended, seen.by_hand, came=came)
    if plan.meanwhile and not (request.brief or request.full):
        return by_code.what_came_of_it(seen.survey, desk, reader, compared)
    if request.brief:
        return short.in_one_line(seen.survey, desk, reader, compared)
    if _is_short(invocation, request):
        if request.ignore or request.threshold or request.checks_dir or request.since_file:
            own = None
        if own is not None and compared is not None:  # the newest look is the one that counts
            own, compared = (own, None) if own.earlier.at > compared.earlier.at else (None, compared)
        return short.on_one_screen(seen.survey, replace(desk, since=own), reader, compared)
    return screen.diagnosis(
        seen.survey,
        seen.place,
        reader,
        health=seen.health,
        ignored=seen.ignored,
        changes=compared,
        rehearsed=tried,
        asked=plan.asked,
        by_hand=seen.by_hand,
        came=came,
        served=None if seen.served is None else told_served(seen.served, seen.survey.now),
    )


def _own_look(invocation: Invocation, request: DiagnoseRequest, plan: _Plan, survey: Survey) -> Changes | None:
    """What is new since this command looked last, and keeps the look: each that a person was shown, with the usual limits.

    What a program reads, of a pipe or as JSON, leaves nothing on the machine.
    """
    if plan.archive is not None:
        return None
    if invocation.format() != "table" or request.threshold or request.checks_dir is not None:
        return own_look.before(invocation, survey)
    return own_look.since_then(invocation, survey, part=bool(request.only or request.ignore))


def _is_short(invocation: Invocation, request: DiagnoseRequest) -> bool:
    asked_whole = request.full or request.brief or request.only or request.rehearse or request.capture is not None
    return invocation.format() == "table" and not asked_whole


def understood(invocation: Invocation, request: DiagnoseRequest) -> _Plan:
    """Which checks, limits and window; an archive is made the run's database. Raises UsageError for what does not go together."""
    if request.full and request.brief:
        raise UsageError("--full and --brief: one of them")
    if request.watch is not None and (request.chat or request.rehearse or request.capture or request.replay):
        raise UsageError("--watch looks at the whole database again and again: not with CHAT, --rehearse, --capture or --replay")
    only, ignored = load.codes_or_sets(request.only), load.codes_or_sets(request.ignore)
    silent = snoozed(invocation, only) if not request.chat else []
    checks = run_checks.choose(invocation.configuration, request.checks_dir, only, [*ignored, *(one.code for one in silent)])
    ignored += [f"{one.code} (snoozed until {one.told})" for one in silent if one.code not in ignored]
    given: Mapping[str, float] = thresholds.parse(request.threshold)
    window.window(request.since)
    invocation.check_output()
    beside = request.rehearse or request.since_file or request.capture
    if request.chat and beside:
        raise UsageError("--rehearse, --since-file and --capture are about the whole database, not about one chat")
    if request.replay is None:
        return _Plan(checks, request.since, given, None, tuple(ignored), tuple(only), load.names_set(request.only))
    if beside:
        raise UsageError("--replay goes alone: an archive is neither rehearsed on, compared nor captured again")
    archive = replay_archive.replay(invocation, request.replay)
    return _Plan(checks, archive.head["since"], {**archives.given(archive), **given}, archive, tuple(ignored))


def _one_chat(invocation: Invocation, request: DiagnoseRequest, plan: _Plan) -> tuple[Answer, Survey]:
    found: tuple[Answer, Survey] | None = None
    ends = time.monotonic() + request.timeout
    try:
        with invocation.reading(ends=ends + run.GRACE_SECONDS) as database:
            found = about_chat.about_chat(
                invocation, database, request.chat, checks=plan.checks, since=plan.since, given=plan.given, rows=request.rows,
                timeout=ends - time.monotonic(),
            )  # fmt: skip
    except ConnectionLostError:
        if found is None:
            raise
    return found


def _look(invocation: Invocation, request: DiagnoseRequest, plan: _Plan, *, stored: bool) -> _Seen:
    """One snapshot; partial when the connection was lost on the way."""
    seen: _Seen | None = None
    kept = request.rows if request.capture is None else max(request.rows, captures.MOST_EVIDENCE)
    ends = time.monotonic() + request.timeout
    try:
        # An archive takes the time that it takes.
        with invocation.reading(ends=None if request.capture else ends + run.GRACE_SECONDS) as database:
            silent = [] if plan.archive else [one for one in stored_snoozes.read(database) if one.code not in plan.asked]
            codes = {one.code for one in silent}
            checks = tuple(check for check in plan.checks if check.code not in codes)
            survey = run.run(database, checks, since=plan.since, given=plan.given, rows=kept,
                             whole_seconds=ends - time.monotonic(), progress=run_checks.progress(invocation))  # fmt: skip
            seen = _Seen(survey, invocation.target.title)
            seen.ignored = (
                *plan.ignored,
                *(one.told for one in silent),
            )
            seen.health = health(database, survey)
            seen.stored = earlier_look.stored_watch(database) if stored else None
            seen.queue = queue_figures(database)
            tells_ended = plan.archive is None and (plan.meanwhile or _is_short(invocation, request))
            seen.ended = ended(database, survey) if tells_ended else 0
            if plan.asked and seen.queue is not None and all(one.status == "passed" for one in survey.results):
                seen.served = served(database, seen.queue)
            seen.by_hand = log.by_hand(database) if plan.archive is None else ()
            seen.place = place(database)
            if request.capture is not None:
                with invocation.under_way("writing the archive"):
                    made = captures.write(database, survey, request.capture)
                _tell_captured(invocation, made, request.capture)
                seen.survey = with_rows(survey, request.rows)
            if plan.archive is not None:
                seen.survey = archives.replayed(plan.archive, survey)
                seen.place = f"replay of {plan.archive.path.name}"
    except ConnectionLostError:
        if seen is None:
            raise
    return seen


def snoozed(invocation: Invocation, only: Sequence[str]) -> list[Snooze]:
    """The findings that are snoozed today. Those asked for by name are shown all the same; an ended snooze is reported."""
    known = {check.code for check in load.shipped()}
    now = datetime.now(UTC)
    silent = []
    for snooze in settings.snoozes(invocation.configuration):
        if snooze.code not in known:
            invocation.warn(f"chatops.toml snoozes {snooze.code}, which is no finding")
        elif not snooze.holds(now):
            invocation.note(
                f"the snooze of {snooze.code} ended on {snooze.told}; take it out: chatops snooze {snooze.code} --off"
            )
        elif snooze.code not in only and (not snooze.schemas or (not invocation.has_tenants and _is_about(invocation, snooze))):
            silent.append(snooze)
    return silent


def _is_about(invocation: Invocation, snooze: Snooze) -> bool:
    return snooze.is_about(invocation.target.schema)


def _tell_captured(invocation: Invocation, made: Captured, file: Path) -> None:
    """Says what is in an archive, and what is not."""
    rows = ", ".join(
        f"{formatting.count(number)} {table}" for table, number in made.rows.items() if table in ("messages", "chat_assignments")
    )
    invocation.note(f"captured {formatting.count(made.chats)} of {formatting.plural(made.of, 'chat')} ({rows}) in {file}")
    for line in made.left_out:
        invocation.note(f"  left out: {line}")
    invocation.note(f"  look again: chatops diagnose --replay {file}")


def health(database: Database, survey: Survey) -> Health | None:
    """The figures of a healthy system; None when something was found, or they could not be read in time."""
    if any(result.status != "passed" for result in survey.results):
        return None
    try:
        with database.savepoint("chatops_health"):
            query = sqlfiles.query("queries/check_health.sql", before_018=survey.inventory.before_018)
            return database.rows(Health, query)[0]
    except DatabaseError:
        return None


def queue_figures(database: Database) -> QueueFigures | None:
    """The queue in numbers; None where it cannot be read, or not in time."""
    try:
        with database.savepoint("chatops_queue"):
            return reports.queue_figures(database)
    except (DatabaseError, RefusedError):
        return None


def served(database: Database, queue: QueueFigures) -> Served | None:
    """Whether somebody can be given the chat that waits longest; None where that cannot be read, or not in time."""
    try:
        with database.savepoint("chatops_served"):
            return users_served.read(database, queue, silent_before(database))
    except (DatabaseError, RefusedError):
        return None


def ended(database: Database, survey: Survey) -> int:
    """Chats that are over although their user wrote in the last day and was not answered; 0 where that cannot be read."""
    try:
        with database.savepoint("chatops_ended"):
            return reports.ended_unanswered(database, survey.now - timedelta(days=1))
    except (DatabaseError, RefusedError):
        return 0


def place(database: Database) -> str:
    """Environment, host, database and role, as the first line names them."""
    facts = database.facts
    assert facts is not None
    target = database.target
    host = target.shown().rpartition("/")[0]
    schema = "" if target.schema == "public" else f" schema {target.schema}"
    return f"{target.title} · {host}/{facts.database}{schema} as {facts.role}"

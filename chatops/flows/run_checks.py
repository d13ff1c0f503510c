"""What `verify` and `diagnose` ask in the same way: which checks, on which snapshot, for whom, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chatops.errors import ConnectionLostError, ExitCode, UsageError
from chatops.flows.run import Invocation

if TYPE_CHECKING:
    from chatops.checks.capture import Captured
    from chatops.checks.compare_looks import Earlier
    from chatops.checks.findings import FailOn
    from chatops.checks.load import Check
    from chatops.checks.run import Survey
    from chatops.checks.try_repair import Rehearsed
    from chatops.db import Database
    from chatops.deploys.monitor_state import Watch
    from chatops.model import Answer
    from chatops.screens.diagnose import Health, Reader
    from chatops.settings import Snooze


def fail_on(text: str) -> FailOn:
    """From which severity on a run ends in 1. Raises UsageError."""
    if text not in ("critical", "warning", "advice", "never"):
        raise UsageError(f"--fail-on takes critical, warning, advice or never, not {text!r}")
    return text  # type: ignore[return-value]


def choose(
    folder: Path | None, only: Sequence[str], skip: Sequence[str], groups: Sequence[str] | None = None
) -> tuple[Check, ...]:
    """The shipped checks and those of a folder (the flag, else `[verify] checks_dir` or `checks_dir` of chatops.toml), by group
    and code. Raises UsageError."""
    from chatops import settings
    from chatops.checks import load

    checks = load.shipped()
    if folder is None:
        configuration = settings.load()
        table = configuration.data.get("verify")
        own = table.get("checks_dir") if isinstance(table, dict) else None
        configured = own if own is not None else configuration.data.get("checks_dir")
        if configured is not None and not isinstance(configured, str):
            raise UsageError(f"{configuration.path}: checks_dir is the name of a folder, as text")
        if configured is not None and configuration.path is not None:
            folder = configuration.path.parent / configured
    if folder is not None:
        checks += load.from_folder(folder)
    found = tuple(check for check in load.chosen(checks, only, skip) if groups is None or check.group in groups)
    if not found:
        among = "" if groups is None else f" among those of {' and '.join(groups)}"
        raise UsageError(f"no check is left{among}: nothing would be looked at", next_steps=[("all codes", "chatops explain")])
    return found


def survey(
    invocation: Invocation,
    checks: Sequence[Check],
    *,
    since: str | None,
    threshold: Sequence[str],
    timeout: float,
    rows: int = 3,
    about: str | None = None,
) -> Survey:
    """Runs the checks in one snapshot of the target; partial when the connection was lost on the way, or the time was over."""
    import time

    from chatops.checks import run, thresholds

    given = thresholds.parse(threshold)
    run.window(since)
    found: Survey | None = None
    ends = time.monotonic() + timeout
    try:
        with invocation.reading(ends=ends + run.GRACE_SECONDS) as database:
            found = run.run(
                database, checks, since=since, given=given, rows=rows, about=about, whole_seconds=ends - time.monotonic(),
                progress=progress(invocation),
            )  # fmt: skip
    except ConnectionLostError:
        if found is None:
            raise
    return found


def snoozed(invocation: Invocation, only: Sequence[str]) -> list[Snooze]:
    """The findings that are silent today; those asked for by name are shown all the same, and a snooze that has ended is told."""
    from datetime import UTC, datetime

    from chatops import settings
    from chatops.checks import load

    known = {check.code for check in load.shipped()}
    today = datetime.now(UTC).date()
    silent = []
    for snooze in settings.snoozes(settings.load()):
        if snooze.code not in known:
            invocation.warn(f"chatops.toml snoozes {snooze.code}, which is no finding")
        elif not snooze.holds(today):
            invocation.note(
                f"the snooze of {snooze.code} ended on {snooze.until}; take it out: chatops snooze {snooze.code} --off"
            )
        elif snooze.code not in only:
            silent.append(snooze)
    return silent


def stored_watch(database: Database) -> str | None:
    """What `monitor --store` keeps in this database, inside `reading`; None where it keeps nothing, or nothing can be read."""
    from chatops import sqlfiles
    from chatops.errors import DatabaseError

    if database.facts is None or not database.facts.has_bookkeeping:
        return None
    try:
        with database.savepoint("chatops_watch"):
            if not database.value(sqlfiles.read("queries/watch_readable.sql")):
                return None
            kept = database.value(sqlfiles.read("queries/watch_read.sql"), {"schema": database.target.schema})
    except DatabaseError:
        return None
    return None if kept is None else str(kept)


def last_tick(invocation: Invocation, stored: str | None) -> Earlier | None:
    """The newest tick of `monitor` that reached the database, by the state file of this machine or by what the database keeps."""
    from chatops.cli.deploy import default_path
    from chatops.deploys import monitor_state

    mine = f"{invocation.target.shown()} {invocation.target.schema}"
    sources: dict[str, Callable[[], Watch | None]] = {
        "chatops monitor": lambda: monitor_state.read(default_path(invocation, "monitor")),
        "chatops monitor --store": lambda: None if stored is None else monitor_state.parse_state(stored, "chatops.watches"),
    }
    looks = []
    for origin, read in sources.items():
        try:
            kept = read()
        except UsageError as error:
            invocation.warn(f"not compared with the last tick of monitor: {error.message}")
            continue
        # What lies in a database is about that one, by whatever name the other run had reached it.
        if kept is not None and (kept.place == mine or origin.endswith("--store")) and (look := _looked(kept, origin)):
            looks.append(look)
    return max(looks, key=lambda look: look.at, default=None)


def _looked(kept: Watch, origin: str) -> Earlier | None:
    from datetime import datetime

    from chatops.checks import compare_looks

    tick = next((tick for tick in reversed(kept.ticks) if tick.reached), None)
    if tick is None:
        return None
    found = {}
    for code, severity in tick.findings.items():
        opened = kept.open.get(code)
        found[code] = compare_looks.Was(severity, None, datetime.fromisoformat(opened.since) if opened else None)
    # A tick leaves advice out.
    return compare_looks.Earlier(datetime.fromisoformat(tick.at), origin, found, silent_on=frozenset({"advice"}))


def captured(invocation: Invocation, made: Captured, file: Path) -> None:
    """Says what is in an archive, and what is not."""
    from chatops import formatting

    rows = ", ".join(
        f"{formatting.count(number)} {table}" for table, number in made.rows.items() if table in ("messages", "chat_assignments")
    )
    invocation.note(f"captured {formatting.count(made.chats)} of {formatting.plural(made.of, 'chat')} ({rows}) in {file}")
    for line in made.left_out:
        invocation.note(f"  left out: {line}")
    invocation.note(f"  look again: chatops diagnose --replay {file}")


def may_rehearse(invocation: Invocation, *, yes: bool, fixes: int | None = None) -> bool:
    """Asks before fixes are tried; off a terminal production needs --yes. Raises NotATerminalError."""
    from chatops import formatting
    from chatops.checks.try_repair import HOLD_MS

    what = "the fixes" if fixes is None else formatting.plural(fixes, "fix", "fixes")
    question = f"Run {what} for real, each holding its locks for at most {HOLD_MS} ms, and roll them back,"
    return invocation.consent(question, yes=yes)


def rehearsed(invocation: Invocation, survey: Survey, *, yes: bool) -> dict[str, Rehearsed] | None:
    """Each fix tried and rolled back, by code; None when the person at the terminal said no."""
    from chatops.checks import try_repair

    codes = try_repair.mendable(survey)
    if not codes:
        return {}
    if not may_rehearse(invocation, yes=yes, fixes=len(codes)):
        invocation.note("nothing was rehearsed")
        return None
    found = try_repair.rehearse(invocation.connect("act"), survey, invocation.provenance.annotations())
    if refused := next((one for one in found.values() if one.refused), None):
        invocation.warn(f"nothing was rehearsed: {refused.reason}")
    return found


def about_chat(
    invocation: Invocation,
    database: Database,
    name: str,
    *,
    checks: Sequence[Check] | None = None,
    since: str | None = None,
    given: Mapping[str, float] | None = None,
    rows: int = 3,
    timeout: float = 14.0,
    show_text: bool = False,
    events: int = 20,
) -> tuple[Answer, Survey]:
    """One chat for `show chat` and `diagnose CHAT`: its state and why, why nobody gets it, its timeline, what is wrong."""
    from chatops import names
    from chatops.chats import one_chat, why_waiting
    from chatops.checks import load, run
    from chatops.screens import show_chat
    from chatops.screens import why_waiting as why_screen

    named = names.find_chat(database, name)
    wanted = [check for check in (load.shipped() if checks is None else checks) if check.group == "data" or not check.shipped]
    survey = run.run(database, wanted, since=since, given=given or {}, rows=rows, whole_seconds=timeout, about=str(named.id))
    shown_to = reader(invocation)
    further = why_screen.lines(why_waiting.read(database, named.id), show_names=shown_to.show_names)
    found = one_chat.read(database, named, events=events, show_text=show_text, actions=bool(survey.inventory.audit))
    return show_chat.about_chat(found, survey, shown_to, further), survey


def health(database: Database, survey: Survey) -> Health | None:
    """The figures of a healthy system; None when something was found, or they could not be read in time."""
    from chatops import sqlfiles
    from chatops.errors import DatabaseError
    from chatops.screens.diagnose import Health

    if any(result.status != "passed" for result in survey.results):
        return None
    try:
        with database.savepoint("chatops_health"):
            query = sqlfiles.query("queries/check_health.sql", before_018=survey.inventory.before_018)
            return database.rows(Health, query)[0]
    except DatabaseError:
        return None


def reader(invocation: Invocation) -> Reader:
    """How lines for people look on this run's stdout."""
    from chatops.screens.diagnose import Reader

    medium = invocation.medium()
    table = invocation.format() == "table"
    return Reader(medium.width if table else 0, short_ids=table, show_names=medium.show_names, here=invocation.here)


def exit_code(survey: Survey, severity: FailOn) -> ExitCode:
    """1 when something counts as found."""
    from chatops.checks.findings import counts_as_found

    return ExitCode.FOUND if any(counts_as_found(result, severity) for result in survey.results) else ExitCode.OK


def place(invocation: Invocation, database: Database) -> str:
    """Environment, host, database and role, as the first line names them."""
    facts = database.facts
    assert facts is not None
    target = database.target
    host = target.shown().rpartition("/")[0]
    schema = "" if target.schema == "public" else f" schema {target.schema}"
    return f"{target.name} · {host}/{facts.database}{schema} as {facts.role}"


def progress(invocation: Invocation) -> Callable[[Check, int, int], None] | None:
    """Which check is running, redrawn in place on a terminal's stderr; nothing elsewhere."""
    import sys

    if not sys.stderr.isatty() or invocation.medium(stream=sys.stderr).width < 40:
        return None

    def show(check: Check, position: int, of: int) -> None:
        text = f"  check {position + 1} of {of}: {check.code}" if position + 1 < of else ""
        sys.stderr.write(f"\r{text:<38}\r")
        sys.stderr.flush()

    return show

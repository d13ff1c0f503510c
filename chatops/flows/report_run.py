"""`chatops report --last`: the newest run in the ledger, what all checks say now, and how to go back."""

from __future__ import annotations

from collections.abc import Sequence

from chatops import formatting
from chatops.checks import before_files, run
from chatops.checks.began import simply
from chatops.checks.since_before import since_before
from chatops.checks.window import SINCE_MIGRATION
from chatops.db import Database
from chatops.errors import UsageError
from chatops.flows import run_checks
from chatops.flows.folder import FolderOptions
from chatops.flows.run import Invocation
from chatops.flows.verify import GROUPS, looked
from chatops.migrations.going_back import GoingBack, going_back, ours_alone
from chatops.migrations.last_run import Ran, earlier_runs, last_run
from chatops.migrations.run_roles import run_roles
from chatops.migrations.source import SHIPPED, Folder, chosen
from chatops.screens.lost_rights import rows_now
from chatops.screens.report_run import RunReport


def of_last_run(invocation: Invocation) -> RunReport:
    """Reads the ledger, runs the checks. Raises RefusedError where no run is in the ledger."""
    with invocation.reading() as database:
        ran = last_run(database)
        folder = _folder_of(invocation, ran)
        back, earlier = _back(database, ran, folder), earlier_runs(database, ran)
        roles, taken = run_roles(database)
        figures = before_files.figures(database, max(one.applied_at for one in ran))
    checks = run_checks.choose(invocation.configuration, None, (), (), GROUPS)
    survey, aged, before = looked(invocation, checks, SINCE_MIGRATION, (), run.WHOLE_BUDGET_SECONDS)
    target = invocation.target
    ran_on = ran[-1].environment
    called = target.title if ran_on in (None, "", target.name) else formatting.environment(ran_on)
    parts = (called, target.shown(), f"schema {target.schema}")
    place = " · ".join(part for part in parts if part)
    words = [] if all(one.source == SHIPPED for one in ran) else FolderOptions().words() if folder else ["--dir", "FOLDER"]
    way = invocation.here("migrate", *words, "--back")
    known = {one.name for one in ran} | {name for one in earlier for name in one.names}
    left = [file.name for file in folder.files if file.name not in known] if folder is not None else []
    compared = since_before(survey, before)
    told = rows_now(roles, taken, invocation.here("psql", "--write", "--", "-c"))
    reader = run_checks.reader(invocation)
    return RunReport(ran, survey, simply(aged), place, reader, compared, back, way, earlier, left, told, figures)


def _folder_of(invocation: Invocation, ran: Sequence[Ran]) -> Folder | None:
    """The folder that the files of a run lie in; None where nobody says which it is."""
    if all(one.source == SHIPPED for one in ran):
        return chosen(None, SHIPPED).folder
    try:
        folder = FolderOptions().folder(invocation.configuration)
    except UsageError:
        return None
    return folder if all(one.source == folder.source for one in ran) else None


def _back(database: Database, ran: Sequence[Ran], folder: Folder | None) -> dict[str, GoingBack | None]:
    """What takes back the files that go by themselves, the newest first; None where the file is not at hand."""
    files = {file.name: file for file in folder.files} if folder is not None else {}
    return {
        one.name: going_back(database, files[one.name].reading, one.source, one.name, is_in=True, inside=True)
        if one.name in files else None
        for one in reversed(ran)
        if one.kind == "versioned" and one.state == "applied" and not ours_alone(one.source, one.name)
    }  # fmt: skip

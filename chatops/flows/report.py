"""`chatops report`: one page about a deploy or a watch, from the file that it left; or about the watches of many tenants."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from chatops import schemas, settings
from chatops.deploys import receipt, watch_file
from chatops.deploys.monitor_state import Watch, verdict
from chatops.errors import ExitCode, UsageError
from chatops.files import read_json, write_file
from chatops.flows.paste import here
from chatops.flows.run import Invocation
from chatops.later import later
from chatops.model import Answer
from chatops.screens import monitor as monitor_screen
from chatops.screens import report_page, report_tables
from chatops.screens import tenants as tenants_screen
from chatops.screens.tenants import TenantRow
from chatops.screens.tenants_checks import MONITOR
from chatops.settings import Target

if TYPE_CHECKING:  # what connects, for --last alone
    from chatops.flows import report_run
    from chatops.screens import report_run as run_screen
else:
    report_run, run_screen = later("chatops.flows.report_run"), later("chatops.screens.report_run")


def report(invocation: Invocation, file: Path | None, to: Path | None, *, last: bool = False) -> ExitCode:
    """Writes the page beside the file, or to `to`; with a format that was asked for, the same as tables on stdout."""
    if last:
        if file is not None or invocation.has_tenants:
            raise UsageError("--last is about one database: leave out the file and --all-schemas")
        made = report_run.of_last_run(invocation)
        if invocation.output is None:
            invocation.note(made.head)
        return _written(invocation, run_screen.html(made), run_screen.answer(made), to, Path(made.file_name))
    if file is None and not invocation.has_tenants:
        raise UsageError(
            "say what about: a receipt of deploy, a state file of monitor, a folder of these, --last, or --all-schemas"
        )
    if file is None or file.is_dir():
        return _of_tenants(invocation, file, to)
    kind = kind_of(file)
    if kind == "deploy":
        deploy = receipt.read(file)
        text, answer = report_page.of_receipt(deploy), report_tables.answer_of_receipt(deploy)
    elif kind == "monitor":
        watch = watch_file.read(file)
        if watch is None:
            raise UsageError(f"{file} is gone")
        text, answer = report_page.of_watch(watch), report_tables.answer_of_watch(watch)
    else:
        raise UsageError(f"{file} is neither a receipt of deploy nor a state of monitor")
    return _written(invocation, text, answer, to, file.with_suffix(".html"))


def _written(invocation: Invocation, text: str, answer: Answer, to: Path | None, beside: Path) -> ExitCode:
    shown = invocation.output is not None
    target = to or (None if shown else beside)
    if target is not None:
        write_file(target, text, private=True)
    invocation.show(answer, None if shown else lambda piece: None)
    if not shown and target is not None:
        invocation.note(f"written: {target.absolute()}")
        invocation.emit(f"{target}\n")
    return ExitCode.OK


def _of_tenants(invocation: Invocation, folder: Path | None, to: Path | None) -> ExitCode:
    """One page of all watches in a folder, this machine's own by default, that are about the tenants that are meant."""
    meant = None
    if invocation.has_tenants:
        meant = settings.resolve_all(invocation.options, configuration=invocation.configuration)
    place = folder or settings.state_dir(invocation.environ)
    pattern = invocation.all_schemas
    watches = {watch.place: watch for watch in _watches(place) if meant is None or _is_meant(watch, meant, pattern)}
    if not watches:
        raise UsageError(f"{place} holds no state of a monitor of these tenants; chatops monitor makes one for each")
    rows = tenants_screen.worst_first(MONITOR, [_row(watch, meant or []) for watch in watches.values()])
    answer = replace(tenants_screen.answer(MONITOR, rows, None), command="report")
    return _written(invocation, report_page.of_watches(rows, watches), answer, to, Path("tenants.html"))


def _watches(folder: Path) -> Iterator[Watch]:
    for path in sorted(folder.glob("*.json")):
        if kind_of(path) == "monitor" and (watch := watch_file.read(path)) is not None:
            yield watch


def _is_meant(watch: Watch, targets: list[Target], pattern: str | None) -> bool:
    database, _, schema = watch.place.rpartition(" ")
    return any(
        target.shown() == database and (schemas.matches(schema, pattern) if pattern is not None else schema == target.schema)
        for target in targets
    )


def _row(watch: Watch, targets: list[Target]) -> TenantRow:
    database, _, schema = watch.place.rpartition(" ")
    found = next((target for target in targets if target.shown() == database), None)
    target = schemas.of_schema(found, schema) if found is not None else None
    command = here(target, *MONITOR.words) if target is not None else f"chatops --schema {schema} diagnose"
    told = MONITOR.tell(monitor_screen.answer(watch, []), verdict(watch).code)
    name = target.name if target is not None else ""
    return TenantRow(watch.place, schema, name, database, command, verdict(watch).code, told)


def kind_of(file: Path) -> object:
    """What a file says that it is; None when it is none of ours. Raises UsageError when it cannot be read."""
    try:
        if (kind := watch_file.kind_of_head(file)) is not None:
            return kind
        found = read_json(file, "receipt of deploy, nor a state of monitor")
    except FileNotFoundError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from None
    return found.get("kind") if isinstance(found, dict) else None

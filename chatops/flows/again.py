"""`chatops migrate --again FILE` and `--show FILE`: a file that is in, made again or shown."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from chatops import formatting, sqlfiles
from chatops.checks import load
from chatops.checks import run as checks
from chatops.db import Database
from chatops.errors import ExitCode, UsageError
from chatops.flows.ahead import refuse_ahead
from chatops.flows.folder import FolderOptions
from chatops.flows.pager import show_beside, show_paged
from chatops.flows.run import Invocation
from chatops.migrations import ledger
from chatops.migrations.again import Again, Judged, prepare_again
from chatops.migrations.again_run import apply_again, pasteable
from chatops.migrations.carry_over import carried_over, carry_over_texts
from chatops.migrations.fitness import refuse_unfit
from chatops.migrations.ledger import Run
from chatops.migrations.plan import Entry, plan
from chatops.migrations.source import SHIPPED, Folder, MigrationFile, revision_of
from chatops.migrations.views import VARIANT, View, views
from chatops.model import Text
from chatops.screens import again as screen
from chatops.tables_there import require_place

MOST_JUDGED = 1000
JUDGES = ("DB003", "DB018")
"""What tells which objects are missing, and which differ from what their files made."""


def objects_judged(database: Database) -> Judged:
    """What the checks say of the objects of the files that are in."""
    with database.reading():
        survey = checks.run(database, load.chosen(load.shipped(), JUDGES, ()), rows=MOST_JUDGED)
    return {(str(row["kind"]), str(row["object"])): row for result in survey.results for row in result.rows}


def show_file(invocation: Invocation, folder: Folder, name: str) -> ExitCode:
    """Writes a file's text as it is; connects to nothing."""
    file = named(folder, name)
    if invocation.format() in ("table", "plain", "sql"):
        text = file.path.read_text(encoding="utf-8", errors="replace")
        invocation.emit(text if text.endswith("\n") else f"{text}\n")
    else:
        show_paged(invocation, screen.shown(file))
    return ExitCode.OK


def named(folder: Folder, name: str) -> MigrationFile:
    """The one file of a number or name. Raises UsageError with those that could be meant."""
    plain = name.rpartition("/")[2].removesuffix(".sql")
    found = [file for file in folder.files if file.name == plain] or [
        file for file in folder.files if plain.isdigit() and file.number == int(plain)
    ]
    if len(found) != 1:
        files = ", ".join(file.name for file in found or folder.files)
        many = formatting.plural(len(found), "file") if found else "no file"
        raise UsageError(f"{name} means {many} of {folder.source}", details=[f"there are: {files}"])
    return found[0]


def again(invocation: Invocation, options: FolderOptions, name: str, *, dry_run: bool, yes: bool) -> ExitCode:
    """Shows what differs, asks, makes it again, says so."""
    folder = options.folder(invocation.configuration)
    database = invocation.connect("migrate")
    known = carried_over(ledger.read(database), folder)
    invocation.banner(database)
    require_place(database, known.ledger.facts)
    refuse_unfit(database, known.ledger.facts, folder)
    judged = objects_judged(database) if folder.source == SHIPPED else {}
    planned = plan(folder, known.ledger.rows)
    if (view := _view(views(known.ledger, planned), name)) is not None:
        planned = replace(planned, entries=(*planned.entries, view))
    file = named(folder, name).name if view is None else view.name
    found = prepare_again(database, planned, file, judged)
    tenant = known.ledger.facts.distributed
    run = Run("migrate --again", invocation.provenance.annotations(), revision_of(folder.path), tenant=tenant)
    command = invocation.here("migrate", "--again", shlex.quote(found.entry.name), *options.words())
    if invocation.format() == "sql":
        invocation.emit(pasteable(found, database.target.schema, run))
        return ExitCode.OK
    if found.nothing or dry_run:
        show_paged(invocation, screen.preview(found, command))
        return ExitCode.OK
    if yes:
        for line in screen.lines(found):
            invocation.note(line)
    else:
        show_beside(invocation, [Text(screen.lines(found, screen.BEFORE_A_QUESTION))])
    if not invocation.consent(screen.question(found), yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    refuse_ahead(database)
    ledger.write(database, carry_over_texts(database.target.schema, folder, known.sources), run)
    apply_again(database, found, run, command)
    show_paged(invocation, screen.done(found, [invocation.here("log", str(number)) for number in _logged(database, found)]))
    return ExitCode.OK


def _view(known: Sequence[View], name: str) -> Entry | None:
    """The file of sql/views of a name, with or without its folder."""
    plain = name.removesuffix(".sql").rpartition("/")[2].removesuffix(VARIANT)
    return next((view.entry for view in known if view.name == plain), None)


def _logged(database: Database, again: Again) -> list[int]:
    """The numbers of its entries in the log, in order: one for its indexes, one for the rest."""
    most = bool(again.built) + (again.accepts or len(again.built) < len(again.made))
    values = {"schema": database.target.schema, "file": again.file.name, "most": most}
    with database.reading():
        return sorted(number for (number,) in database.tuples(sqlfiles.read("queries/again_last.sql"), values))

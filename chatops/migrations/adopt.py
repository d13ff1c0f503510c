"""Takes over a database that got its files by other means: proves them from the catalog, and records those that are in."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatops import db, formatting, sqlfiles
from chatops.db import Database
from chatops.errors import RefusedError, UsageError
from chatops.migrations import ledger as ledgers
from chatops.migrations.adopt_verdicts import (
    OtherBody,
    Proof,
    Verdict,
    claims_of_folder,
    in_history,
    prove,
    rest_of,
    schemas_of,
    version_of,
)
from chatops.migrations.catalog import catalog
from chatops.migrations.ledger import Ledger, Run
from chatops.migrations.plan import destination
from chatops.migrations.source import Folder, MigrationFile
from chatops.model import Answer, Column, Line, Span, Table, Text


@dataclass(frozen=True, slots=True)
class History:
    """Supabase's own history of a database. `rows` hold version and name; `why_not` says why it could not be read or written,
    None when it can be."""

    there: bool
    rows: tuple[Mapping[str, str | None], ...] = ()
    why_not: str | None = None

    @property
    def versions(self) -> set[str]:
        """The numbers that it has."""
        return {row["version"] or "" for row in self.rows}


@dataclass(frozen=True, slots=True)
class Survey:
    """A folder held against a database: a proof per file."""

    folder: Folder
    ledger: Ledger
    proofs: tuple[Proof, ...]
    history: History

    def of(self, *verdicts: Verdict) -> list[Proof]:
        """The proofs with one of these verdicts."""
        return [proof for proof in self.proofs if proof.verdict in verdicts]


@dataclass(frozen=True, slots=True)
class Choice:
    """What would be written: `files` into the ledger, `history` into Supabase's history.

    `undecided` are the files for which somebody has to decide first; while there are any, nothing is written. `stated` are
    files that are recorded because somebody said so although the catalog speaks against it. `untold` are files that
    Supabase's history cannot take, because another one has their number.
    """

    files: tuple[MigrationFile, ...]
    history: tuple[MigrationFile, ...] = ()
    undecided: tuple[Proof, ...] = ()
    stated: tuple[Proof, ...] = ()
    untold: tuple[MigrationFile, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to write."""
        return not self.files and not self.history


def survey(database: Database, folder: Folder, ledger: Ledger) -> Survey:
    """Reads the catalog and Supabase's history, and proves each file; writes nothing."""
    schema = database.target.schema
    claims = claims_of_folder(folder, schema)
    recorded = {row.name for row in ledger.rows if row.source == folder.source and row.kind == "versioned"}
    with database.reading():
        live = catalog(database, schemas_of(claims, schema))
        history = _history(database)
    names = in_history(folder, history.rows)
    return Survey(folder, ledger, tuple(prove(folder, claims, live, recorded=recorded, history=names)), history)


def _history(database: Database) -> History:
    found = database.mappings(sqlfiles.read("queries/catalog_has_history.sql"))[0]
    if not found["there"]:
        return History(False)
    if not found["readable"]:
        return History(True, why_not="this role may not read supabase_migrations.schema_migrations")
    rows = tuple(database.mappings(sqlfiles.read("queries/catalog_history.sql")))
    if not found["writable"] or not found["named"]:
        return History(True, rows, "this role may not write supabase_migrations.schema_migrations" if found["named"] else
                       "supabase_migrations.schema_migrations has not the columns of today's Supabase CLI")  # fmt: skip
    return History(True, rows)


def choose(survey: Survey, *, through: str | None = None, accept: Sequence[str] = ()) -> Choice:
    """The files to record: those that are proven, or those up to `through`, which somebody states by hand.

    A file that the catalog cannot tell of counts as in when a later one is. `accept` names files whose state somebody has looked
    at and takes as it is. Raises UsageError when `through` or `accept` name no file.
    """
    accepted = {file.name for name in accept for file in _named(survey.folder, name)}
    if through is not None:
        last = destination(survey.folder, through)
        chosen = [proof for proof in survey.proofs if proof.file.key <= last and proof.verdict is not Verdict.RECORDED]
        stated = [proof for proof in chosen if proof.verdict in (Verdict.PENDING, Verdict.PARTIAL, Verdict.CONFLICT)]
        undecided: list[Proof] = []
    else:
        taken = [proof for proof in survey.proofs if proof.is_in or proof.file.name in accepted]
        last = max((proof.file.key for proof in taken), default=(-1, ""))
        chosen = [
            proof
            for proof in survey.proofs
            if proof.verdict is not Verdict.RECORDED
            and (proof in taken or (proof.verdict is Verdict.UNPROVABLE and proof.file.key < last))
        ]
        stated = [proof for proof in chosen if proof.file.name in accepted and not proof.is_in]
        undecided = [proof for proof in survey.of(Verdict.PARTIAL, Verdict.CONFLICT) if proof.file.name not in accepted]
    files = tuple(proof.file for proof in chosen)
    told, untold = _for_history(survey, files)
    return Choice(files, told, tuple(undecided), tuple(stated), untold)


def _named(folder: Folder, name: str) -> list[MigrationFile]:
    plain = name.removesuffix(".sql")
    found = [file for file in folder.files if file.name == plain or (plain.isdigit() and file.number == int(plain))]
    if not found:
        raise UsageError(f"--accept {name}: no file of {folder.source} bears that number or name")
    return found


def _for_history(survey: Survey, files: Sequence[MigrationFile]) -> tuple[tuple[MigrationFile, ...], tuple[MigrationFile, ...]]:
    """The files that Supabase's history is to be told of, and those that it cannot take: its key is the number alone."""
    if not is_supabase_folder(survey.folder.path) or not survey.history.there or survey.history.why_not:
        return (), ()
    wanted = {file.name for file in files} | {proof.file.name for proof in survey.of(Verdict.RECORDED)}
    known = {proof.file.name for proof in survey.proofs if proof.history}
    taken = set(survey.history.versions)
    told: list[MigrationFile] = []
    untold: list[MigrationFile] = []
    for file in survey.folder.files:
        if file.name in wanted and file.name not in known:
            (untold if version_of(file) in taken else told).append(file)
            taken.add(version_of(file))
    return tuple(told), tuple(untold)


def is_supabase_folder(path: Path) -> bool:
    """Whether a folder is where a Supabase project keeps its migrations.

    >>> is_supabase_folder(Path("/shop/supabase/migrations"))
    True
    """
    return path.resolve().parts[-2:] == ("supabase", "migrations")


def record(database: Database, survey: Survey, choice: Choice, run: Run) -> int:
    """Writes what was chosen, in one transaction; the number of files that the ledger did not have.

    Raises RefusedError on a standby and ConflictError while another migrator is at work.
    """
    if survey.ledger.facts.standby:
        raise RefusedError(
            "this server is a standby: it can be read, not written", next_steps=[("connect to the primary", "chatops config")]
        )
    also = []
    if choice.history:
        rows = [
            {"version": version_of(file), "name": rest_of(file), "statements": [one.text for one in file.reading.statements]}
            for file in choice.history
        ]
        also.append(db.inlined(sqlfiles.read("queries/catalog_record_history.sql"), {"files": db.json(rows)}))
    return ledgers.adopt(database, choice.files, run, also=also)


# -- for people and programs ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProofRow:
    """A file and what is known of it; `found` is the same in words."""

    name: str
    number: int
    state: str
    found: str
    there: Sequence[str]
    missing: Sequence[str]
    other_bodies: Sequence[str]
    in_supabase_history: bool
    recorded: bool


_COLUMNS = (
    Column("name", "file"),
    Column("number", "number", "number", "machines"),
    Column("state", "state"),
    Column("found", "what is there"),
    Column("there", "there", "data", "machines"),
    Column("missing", "missing", "data", "machines"),
    Column("other_bodies", "other bodies", "data", "machines"),
    Column("in_supabase_history", "in Supabase's history", "flag", "machines"),
    Column("recorded", "recorded by this run", "flag", "machines"),
)


def answer(survey: Survey, choice: Choice, *, written: bool, here: str, diff: bool = False, asked: bool = False) -> Answer:
    """What each file's state is, and what was or would be recorded.

    `here` is the command line of adopt on this database, `asked` whether a question follows.
    """
    recorded = {file.name for file in choice.files} if written else set()
    rows = [
        ProofRow(
            proof.file.name, proof.file.number, proof.verdict.value, in_words(proof), list(proof.there), list(proof.missing),
            [other.function for other in proof.others], proof.history, proof.file.name in recorded,
        )
        for proof in survey.proofs
    ]  # fmt: skip
    lines: list[Line] = [*_counts(survey, choice, written=written), *_untold(survey, choice, written=written)]
    body: list[Table | Text] = [Table("files", _COLUMNS, rows), Text(["", *lines])]
    if diff:
        body.append(Text(["", *differences(survey)]))
    if not written and not asked and not choice.undecided:
        body.append(Text(_next(choice, here)))
    data = {
        "source": survey.folder.source,
        "written": written,
        "to_record": [file.name for file in choice.files],
        "to_record_in_supabase_history": [file.name for file in choice.history],
        "undecided": [proof.file.name for proof in choice.undecided],
        "left_alone": list(survey.folder.left_alone),
    }
    return Answer("adopt", body, data, survey.ledger.facts.now)


def in_words(proof: Proof) -> str:
    """What was found of a file, in one sentence."""
    if proof.verdict is Verdict.RECORDED:
        return "the ledger has it"
    parts: list[str] = []
    if proof.verdict is Verdict.PENDING:
        parts.append("none of " + formatting.plural(len(proof.missing), "object is there", "objects is there"))
    elif proof.missing:
        parts.append("missing: " + ", ".join(condensed(proof.missing)))
        parts.append(formatting.plural(len(proof.there), "other object is there", "other objects are there"))
    elif proof.there:
        parts.append(formatting.plural(len(proof.there), "object is there", "objects are there"))
    if proof.others and proof.verdict is not Verdict.PENDING:
        parts.append("another body: " + _functions(proof))
    if proof.verdict is Verdict.UNPROVABLE:
        parts.append(_unprovable(proof))
    if proof.history:
        parts.append("Supabase's history has it")
    return "; ".join(parts)


def _functions(proof: Proof) -> str:
    return ", ".join(other.function.removeprefix("function ") for other in proof.others)


def _unprovable(proof: Proof) -> str:
    if proof.silent:
        return "makes only what other files make or drop too"
    if proof.unread:
        return "builds its statements when it runs, or changes what is not looked at"
    return "moves data or sets privileges only"


def condensed(missing: Sequence[str]) -> list[str]:
    """Missing objects without the columns and the like of tables that are missing themselves."""
    tables = [one.removeprefix("table ") for one in missing if one.startswith("table ")]
    return [
        one
        for one in missing
        if not any(one.startswith(f"column {table}.") or one.endswith((f" on {table}", f" of {table}")) for table in tables)
    ]


def _counts(survey: Survey, choice: Choice, *, written: bool) -> list[Line]:
    lines: list[Line] = []
    if written:
        lines.append(f"{formatting.plural(len(choice.files), 'file')} recorded as applied.")
        if choice.history:
            lines.append(f"{formatting.plural(len(choice.history), 'file')} added to Supabase's history too.")
    elif choice.undecided:
        lines.append(
            f"{formatting.plural(len(choice.undecided), 'file needs', 'files need')} a decision; nothing is recorded before that."
        )
    elif choice.files:
        lines.append(f"{formatting.plural(len(choice.files), 'file')} to record as applied: {_range(choice.files)}.")
    elif survey.of(Verdict.RECORDED):
        lines.append("Nothing to take over: the ledger has what is there.")
    else:
        lines.append(f"Nothing to take over: no file of {survey.folder.source} is in yet.")
    unproven = [proof for proof in survey.of(Verdict.UNPROVABLE) if proof.file in choice.files]
    if unproven and not choice.undecided:
        names = formatting.plural(len(unproven), "of them cannot be proven and counts", "of them cannot be proven and count")
        lines.append(f"{names} as in, because later files are.")
    if choice.history and not written:
        lines.append(
            f"{formatting.plural(len(choice.history), 'file')} to add to Supabase's history too, so that db push leaves them"
            " alone."
        )
    return lines


def _range(files: Sequence[MigrationFile]) -> str:
    return formatting.visible(files[0].name if len(files) == 1 else f"{files[0].name} to {files[-1].name}")


def _untold(survey: Survey, choice: Choice, *, written: bool) -> list[Line]:
    lines: list[Line] = []
    if choice.untold:
        names = formatting.visible(", ".join(file.name for file in choice.untold))
        lines.append(f"Supabase's history cannot take {names}: another file has the number, and the number is its key.")
        lines.append("`supabase db push` will stop there and apply nothing: apply this folder with chatops migrate.")
        if not written:
            free = ", ".join(next_numbers(survey.folder, choice.untold))
            lines.append(f"Or, before anything is recorded, name {'it' if len(choice.untold) == 1 else 'them'} {free}, "
                         "and push finds nothing to do.")  # fmt: skip
    if survey.history.why_not and is_supabase_folder(survey.folder.path):
        lines.append(f"Supabase's history is left as it is: {survey.history.why_not}.")
    if survey.folder.left_alone:
        lines.append(f"Without a number, and left alone: {formatting.visible(', '.join(survey.folder.left_alone))}.")
    return lines


def next_numbers(folder: Folder, files: Sequence[MigrationFile]) -> list[str]:
    """What the files would be called if they came after all others."""
    last = folder.latest
    assert last is not None  # discover refuses an empty folder
    width = len(version_of(last))
    return [f"{last.number + step:0{width}}_{formatting.visible(rest_of(file))}.sql" for step, file in enumerate(files, 1)]


def _next(choice: Choice, here: str) -> list[Line]:
    return [] if choice.nothing else [[Span("Nothing was changed. Record it: "), Span(f"{here} --yes", "code")]]


def undecided(survey: Survey, choice: Choice, here: str) -> RefusedError:
    """Why nothing was recorded, and the ways out."""
    conflicts = [proof for proof in choice.undecided if proof.verdict is Verdict.CONFLICT]
    partial = [proof for proof in choice.undecided if proof.verdict is Verdict.PARTIAL]
    details: list[str] = []
    steps: list[tuple[str, str]] = []
    if partial:
        details += [f"{proof.file.name}: missing: {', '.join(condensed(proof.missing))}" for proof in partial]
        details.append("partial: make what is missing by hand, or take it as it is")
    if conflicts:
        details += [f"{proof.file.name}: another body: {_functions(proof)}" for proof in conflicts] if partial else []
        details.append("conflict: another text of the same file, or an older function that it replaces")
        steps.append(("what differs", f"{here} --diff"))
    last = _last_in(survey)
    if last is not None:
        same = [file for file in survey.folder.files if file.number == last.number]
        number = shlex.quote(formatting.visible(last.name)) if len(same) > 1 else version_of(last)
        steps.append((f"keep all as it is through {number}", f"{here} --through {number}"))
    accepted = " ".join(f"--accept {shlex.quote(formatting.visible(proof.file.name))}" for proof in choice.undecided[:3])
    steps.append(("accept file by file", f"{here} {accepted}"))
    return RefusedError("nothing was recorded: the catalog does not settle what is in", details=details, next_steps=steps)


def _last_in(survey: Survey) -> MigrationFile | None:
    """The newest file of which everything is there, whatever the bodies say."""
    found = survey.of(Verdict.RECORDED, Verdict.APPLIED, Verdict.CONFLICT)
    return found[-1].file if found else None


def differences(survey: Survey) -> list[Line]:
    """Each function with another body, as a diff from the file to the database."""
    lines: list[Line] = []
    for proof in survey.of(Verdict.CONFLICT, Verdict.PARTIAL, Verdict.APPLIED):
        for other in proof.others:
            lines += _difference(proof.file, other)
    return lines or ["No function has another body than its file gives it."]


def _difference(file: MigrationFile, other: OtherBody) -> list[Line]:
    told = difflib.unified_diff(
        other.file_body.strip("\n").splitlines(), other.database_body.strip("\n").splitlines(),
        f"{file.name}: {other.function}", "the database", lineterm="",
    )  # fmt: skip
    return [*(formatting.visible(line) for line in told), ""]


def stated_warnings(choice: Choice) -> list[str]:
    """What is recorded against the catalog's word, one line a file."""
    said: dict[Verdict, str] = {
        Verdict.PENDING: "although nothing that it makes is there",
        Verdict.PARTIAL: "although something that it makes is missing",
        Verdict.CONFLICT: "with the body that the database has",
    }
    told = (f"{proof.file.name} is taken as applied {said[proof.verdict]}: {in_words(proof)}" for proof in choice.stated)
    return [formatting.visible(line) for line in told]


def adopted(survey: Survey) -> Mapping[str, Any]:
    """Verdicts by file, for programs and tests."""
    return {proof.file.name: proof.verdict.value for proof in survey.proofs}

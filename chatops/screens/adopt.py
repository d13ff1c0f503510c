"""What adopt found, laid out: a line a file, what would be recorded, what has to be decided, and what differs."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence

from chatops import formatting
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.migrations.adopt import ForHistory, Survey
from chatops.migrations.adopt_verdicts import Drift, Proof, Verdict
from chatops.migrations.histories import is_supabase_folder, version_of
from chatops.migrations.plan import destination, listed, told_apart
from chatops.migrations.proposal import Proposal, gaps, next_numbers
from chatops.migrations.source import MigrationFile
from chatops.model import Answer, Column, Line, Span, Table, Text, named
from chatops.screens.adopt_proof import condensed, in_words, left_as_it_was, not_compared
from chatops.screens.lines import DIFF, broken

BESIDE = 72
"""Columns from which on there is room for the proof beside the file and its state."""


@frozen
class ProofRow:
    """A file and what is known of it; `found` is the same in words."""

    name: str
    number: int
    state: str
    found: str
    there: Sequence[str]
    missing: Sequence[str]
    other_bodies: Sequence[str]
    drift: Sequence[dict[str, str]]
    in_supabase_history: bool
    in_history: bool | None
    recorded: bool


_COLUMNS = (
    Column("name", "file"),
    Column("number", "number", "number", "machines"),
    *named("state"),
    Column("found", "what is there"),
    *named("there", "missing", "other_bodies", kind="data", audience="machines"),
    Column("drift", "defined differently", "data", "machines"),
    Column("in_supabase_history", "in Supabase's history", "flag", "machines"),
    Column("in_history", "in a tool's history", "flag", "machines"),
    Column("recorded", "recorded by this run", "flag", "machines"),
)


@frozen
class AdoptLook:
    """What the screen is about: what was found, and what would be or was done. `here` is the command line of adopt on this
    database, `migrate` that of migrate; `asked`: a question follows."""

    survey: Survey
    proposal: Proposal
    told: ForHistory
    here: str
    migrate: str
    written: bool = False
    diff: bool = False
    asked: bool = False
    width: int = 0
    """Columns of the screen; 0: endless."""
    to: str | None = None
    """The last file that somebody wants to be in."""


def answer(look: AdoptLook) -> Answer:
    """What each file's state is, and what was or would be recorded."""
    survey, proposal = look.survey, look.proposal
    recorded = {file.name for file in proposal.files} if look.written else set()
    supabase = {name for tool in survey.tools if tool.tool == "Supabase" for name in tool.ran}
    rows = [
        ProofRow(
            proof.file.name, proof.file.number, proof.verdict.value, in_words(proof), list(proof.there), list(proof.missing),
            [other.what for other in proof.drifts if other.body],
            [{"what": one.what, "file": one.file_text, "database": one.database_text} for one in proof.drifts],
            proof.file.name in supabase, proof.history, proof.file.name in recorded,
        )
        for proof in survey.proofs
    ]  # fmt: skip
    cut = any(len(condensed(proof.missing)) > 1 for proof in survey.of(Verdict.PENDING) if _is_shown(proof, rows, look))
    after: list[Line] = [*_late_and_again(look), *_untold(look)]
    if cut and not look.written and not look.asked:
        after.append([Span("Everything that is not there, by name: "), Span(f"{look.here} --dry-run -o json", "code")])
    body: list[Table | Text] = [Text([*_counts(look), *_goal(look)]), *_files(rows, look)]
    body += [Text(["", *after])] if after else []
    if look.diff:
        body.append(Text(["", *differences(survey)]))
    if not look.written and not look.asked and not proposal.blocked:
        body += [Text(["", *_next(look)])] if _next(look) else []
    data = {
        "source": survey.folder.source,
        "written": look.written,
        "to_record": [] if proposal.blocked else [file.name for file in proposal.files],
        "to_record_in_supabase_history": [] if proposal.blocked else [file.name for file in look.told.told],
        "undecided": [proof.file.name for proof in proposal.undecided],
        "not_in": [file.name for file in not_in(look)],
        "late": [proof.file.name for proof in proposal.late],
        "unproven_after": [proof.file.name for proof in proposal.again],
        "obstacles": list(proposal.obstacles),
        "histories": [{"tool": tool.tool, "table": tool.table} for tool in survey.tools],
        "histories_elsewhere": [{"tool": tool.tool, "table": tool.table} for tool in survey.tools_elsewhere],
        "left_alone": list(survey.folder.left_alone),
    }
    return Answer("adopt", body, data, survey.ledger.facts.now)


def _is_shown(proof: Proof, rows: Sequence[ProofRow], look: AdoptLook) -> bool:
    return any(row.name == proof.file.name for row in _wanted(rows, look.to))


def _files(rows: Sequence[ProofRow], look: AdoptLook) -> list[Table | Text]:
    """A line a file, for people up to --to and whatever is in beyond; the proof below it where there is no room beside it."""
    width, shown = look.width, _wanted(rows, look.to)
    beyond: list[Line] = []
    if shown is not rows:
        of = formatting.plural(len(rows) - len(shown), "file")
        beyond = [f"Beyond --to {formatting.visible(look.to or '')} nothing is in that can be told from the catalog ({of})."]
    if not 0 < width < BESIDE:
        if not beyond:
            return [Table("files", _COLUMNS, rows)]
        return [
            Table("shown", _COLUMNS, shown, audience="people"),
            Text(["", *beyond]),
            Table("files", _COLUMNS, rows, audience="machines"),
        ]
    lines: list[Line] = []
    for row in shown:
        lines.append([Span(formatting.visible(row.name), "strong"), Span(f"  {row.state}")])
        lines += [f"    {piece}" for piece in broken(formatting.visible(row.found), width - 4, width - 4) if row.found]
    return [Text(["", *lines, *beyond]), Table("files", _COLUMNS, rows, audience="machines")]


def _wanted(rows: Sequence[ProofRow], to: str | None) -> Sequence[ProofRow]:
    """The rows up to a file, and of those beyond it what is in or has to be decided; all where no file is meant."""
    name = (to or "").rpartition("/")[2].removesuffix(".sql")
    last = next(
        (place for place, row in enumerate(rows) if row.name == name or (name.isdigit() and row.number == int(name))), None
    )
    if last is None:
        return rows
    idle = (Verdict.PENDING.value, Verdict.UNPROVABLE.value)
    kept = [row for place, row in enumerate(rows) if place <= last or row.state not in idle]
    return kept if len(kept) < len(rows) else rows


def _counts(look: AdoptLook) -> list[Line]:
    survey, proposal = look.survey, look.proposal
    lines: list[Line] = []
    if look.written:
        lines.append(f"{formatting.plural(len(proposal.files), 'file')} recorded as applied.")
        if look.told.told:
            lines.append(f"{formatting.plural(len(look.told.told), 'file')} added to Supabase's history too.")
    elif proposal.undecided:
        lines.append(
            f"{formatting.plural(len(proposal.undecided), 'file needs', 'files need')} a decision;"
            " nothing is recorded before that."
        )
    elif proposal.obstacles:
        lines.append("Nothing is proposed: what would be left to migrate cannot run on this database.")
        lines += [f"  {formatting.visible(one)}" for one in proposal.obstacles]
    elif proposal.files:
        lines.append(f"{formatting.plural(len(proposal.files), 'file')} to record as applied: {_range(proposal)}.")
        lines += gaps(survey.folder, proposal.files)
    elif survey.of(Verdict.RECORDED):
        lines.append("Nothing to take over: the ledger has every file that is in.")
    else:
        lines.append(f"Nothing to take over: no file of {survey.folder.source} is in yet.")
    if any(proof.there and proof.unlike and not proof.missing for proof in survey.judgement.proofs
           if proof.verdict is not Verdict.RECORDED):  # fmt: skip
        lines.append(not_compared(survey.judgement.proofs))
    if left := left_as_it_was(survey.of(Verdict.APPLIED)):
        lines.append(left if look.diff else [Span(f"{left} Both texts: "), Span(f"{look.here} --diff --dry-run", "code")])
    unproven = [proof for proof in survey.of(Verdict.UNPROVABLE) if proof.file in proposal.files]
    if unproven and not proposal.blocked:
        names = formatting.plural(len(unproven), "of them cannot be proven and counts", "of them cannot be proven and count")
        lines.append(f"{names} as in, because later files are.")
    if look.told.told and not look.written and not proposal.blocked:
        lines.append(
            f"{formatting.plural(len(look.told.told), 'file')} to add to Supabase's history too,"
            " so that db push leaves them alone."
        )
    return lines


def in_short(look: AdoptLook) -> str:
    """The last line before the question: what is recorded, what stays pending, that nothing runs, the way back."""
    count = len(look.proposal.files)
    taken = _taken(look)
    rest = sum(file.name not in taken for file in look.survey.folder.files)
    told = formatting.plural(count, "file is", "files are") + " recorded as in" + (f" ({_range(look.proposal)})" if count else "")
    pending = f"{formatting.plural(rest, 'stays', 'stay')} pending"
    return f"In short: {told}, {pending}; nothing is run, nobody waits, no row is touched. Way back: adopt --forget FILE."


def not_in(look: AdoptLook) -> list[MigrationFile]:
    """The files up to --to that are in neither the ledger nor what is recorded: those that migrate is to run."""
    if look.to is None:
        return []
    last, taken = destination(look.survey.folder, look.to), _taken(look)
    return [file for file in look.survey.folder.files if file.key <= last and file.name not in taken]


def files_beyond(look: AdoptLook) -> bool:
    """Whether files beyond --to are not in."""
    if look.to is None:
        return False
    last, taken = destination(look.survey.folder, look.to), _taken(look)
    return any(file.key > last and file.name not in taken for file in look.survey.folder.files)


def _taken(look: AdoptLook) -> set[str]:
    return {file.name for file in look.proposal.files} | {proof.file.name for proof in look.survey.of(Verdict.RECORDED)}


def _goal(look: AdoptLook) -> list[Line]:
    """How far --to is from what is in: what is still to be run, and what is in beyond it."""
    if look.to is None or look.proposal.blocked:
        return []
    told: list[Line] = []
    own = {proof.file.name for proof in (*look.proposal.late, *look.proposal.again)}
    if names := [file.name for file in not_in(look) if file.name not in own]:
        is_in = "is not in: migrate runs it" if len(names) == 1 else "are not in: migrate runs them"
        after = "" if look.written or not look.proposal.files else " after this"
        told.append([Span(f"{formatting.visible(_called(look, names))} {is_in}{after}: "), Span(look.migrate, "code")])
    last, taken = destination(look.survey.folder, look.to), _taken(look)
    if names := [file.name for file in look.survey.folder.files if file.key > last and file.name in taken]:
        too = "is in, too, and so counts as applied" if len(names) == 1 else "are in, too, and so count as applied"
        told.append(formatting.visible(f"Beyond --to {look.to}, {_called(look, names)} {too}."))
    return told


def _called(look: AdoptLook, names: Sequence[str]) -> str:
    return listed(names, told_apart(file.name for file in look.survey.folder.files))


def _range(proposal: Proposal) -> str:
    files = proposal.files
    told = files[0].name if len(files) == 1 else f"{files[0].name} to {files[-1].name}"
    late = [proof.file.name for proof in proposal.late if files[0].key < proof.file.key < files[-1].key]
    return formatting.visible(told + (f" without {', '.join(late)}" if late else ""))


def _late_and_again(look: AdoptLook) -> list[Line]:
    proposal = look.proposal
    if proposal.blocked:
        return []
    lines: list[Line] = []
    if proposal.late:
        names = formatting.visible(", ".join(proof.file.name for proof in proposal.late))
        verb = "is not in, although later files are" if len(proposal.late) == 1 else "are not in, although later files are"
        lines.append([Span(f"{names} {verb}. Run it: "), Span(f"{look.migrate} --allow-out-of-order", "code")])
    if proposal.again:
        names = formatting.visible(", ".join(proof.file.name for proof in proposal.again))
        last = proposal.again[-1].file
        lines.append(f"Not proven, and not recorded: {names}. migrate will run {'it' if len(proposal.again) == 1 else 'them'}.")
        lines.append(
            [
                Span("If they have run already, say so: "),
                Span(f"{look.here} --through {shlex.quote(formatting.visible(last.name))}", "code"),
            ]
        )
    return lines


def _untold(look: AdoptLook) -> list[Line]:
    survey, untold = look.survey, look.told.untold
    lines: list[Line] = []
    if untold:
        names = formatting.visible(", ".join(file.name for file in untold))
        lines.append(f"Supabase's history cannot take {names}: another file has the number, and the number is its key.")
        lines.append("`supabase db push` will stop there and apply nothing: apply this folder with chatops migrate.")
        if not look.written:
            free = formatting.visible(", ".join(next_numbers(survey.folder, untold)))
            lines.append(f"Or, before anything is recorded, name {'it' if len(untold) == 1 else 'them'} {free}, "
                         "and push finds nothing to do.")  # fmt: skip
    if survey.history.why_not and is_supabase_folder(survey.folder.path):
        lines.append(f"Supabase's history is left as it is: {survey.history.why_not}.")
    lines += [f"Evidence: {tool.table}, the history of {tool.tool}." for tool in survey.tools]
    place = formatting.visible(survey.place)
    lines += [
        f"{tool.table}, the history of {tool.tool}, is no evidence here: it does not speak of {place}."
        for tool in survey.tools_elsewhere
    ]
    if survey.folder.left_alone:
        lines.append(f"Ignored (no number): {formatting.visible(', '.join(survey.folder.left_alone))}.")
    return lines


def _next(look: AdoptLook) -> list[Line]:
    if not look.proposal.files and not look.told.told:
        return []
    return [[Span("Nothing was changed. Record it: "), Span(f"{look.here} --yes", "code")]]


def undecided(look: AdoptLook) -> RefusedError:
    """Why nothing was recorded, and the ways out."""
    proposal, here = look.proposal, look.here
    partial = [proof for proof in proposal.undecided if proof.verdict is Verdict.PARTIAL]
    conflicts = [proof for proof in proposal.undecided if proof.verdict is Verdict.CONFLICT]
    details: list[str] = list(proposal.obstacles)
    steps: list[tuple[str, str]] = []
    if partial:
        details += [f"{proof.file.name}: missing: {', '.join(condensed(proof.missing))}" for proof in partial]
        details.append("partial: make what is missing by hand, or take it as it is")
    if conflicts:
        details += [f"{proof.file.name}: {in_words(proof)}" for proof in conflicts] if partial else []
        details.append("conflict: another text of the same file, or something that was changed by hand since")
        steps.append(("what differs", f"{here} --diff"))
    last = _last_in(look.survey)
    if last is not None:
        same = [file for file in look.survey.folder.files if file.number == last.number]
        number = shlex.quote(formatting.visible(last.name)) if len(same) > 1 else version_of(last)
        steps.append((f"state that all files up to {number} are in", f"{here} --through {number}"))
    if proposal.undecided:
        accepted = " ".join(f"--accept {shlex.quote(formatting.visible(proof.file.name))}" for proof in proposal.undecided[:3])
        steps.append(("accept file by file", f"{here} {accepted}"))
    return RefusedError("nothing was recorded: the catalog does not settle what is in", details=details, next_steps=steps)


def _last_in(survey: Survey) -> MigrationFile | None:
    """The newest file whose objects all exist, whatever their definitions."""
    found = survey.of(Verdict.RECORDED, Verdict.APPLIED, Verdict.CONFLICT)
    return found[-1].file if found else None


def differences(survey: Survey) -> list[Line]:
    """Everything that is defined differently, as a diff from the file to the database; its head says which side is which."""
    lines: list[Line] = []
    for proof in survey.of(Verdict.CONFLICT, Verdict.PARTIAL, Verdict.APPLIED):
        for other in proof.drifts:
            lines += _difference(proof.file, other)
    if lines:
        return [f"Defined differently ({DIFF}):", "", *lines]
    which = (
        " that was compared"
        if any(proof.unlike for proof in survey.of(Verdict.CONFLICT, Verdict.PARTIAL, Verdict.APPLIED))
        else ""
    )
    return [f"Everything{which} is defined as the files define it."]


def _difference(file: MigrationFile, other: Drift) -> list[Line]:
    told = difflib.unified_diff(
        other.file_text.strip("\n").splitlines(), other.database_text.strip("\n").splitlines(),
        f"{file.name}: {other.what}", "the database", lineterm="",
    )  # fmt: skip
    return [*([Span(formatting.visible(line), "code")] for line in told), ""]


def stated_warnings(proposal: Proposal) -> list[str]:
    """What is recorded against the catalog's word, one line a file."""
    said: dict[Verdict, str] = {
        Verdict.PENDING: "although nothing that it makes is there",
        Verdict.PARTIAL: "although something that it makes is missing",
        Verdict.CONFLICT: "with what the database has",
    }
    told = (f"{proof.file.name} is counted as applied {said[proof.verdict]}: {in_words(proof)}" for proof in proposal.stated)
    return [formatting.visible(line) for line in told]

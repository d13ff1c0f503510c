"""What adopt proposes to record: the files up to the last one that is in, without those that are not; nothing that would make
a later file fail, or undo what is there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.migrations.adopt_verdicts import Judgement, Proof, Verdict
from chatops.migrations.claims import Definition, Thing
from chatops.migrations.histories import rest_of, version_of
from chatops.migrations.plan import destination
from chatops.migrations.replay import Replay
from chatops.migrations.source import SHIPPED, Folder, MigrationFile
from chatops.migrations.standing import Cell, Write


@frozen
class Proposal:
    """What would be recorded: `files`.

    `undecided` are the files for which somebody has to decide first, `obstacles` why what would be left to migrate could not
    run or would do harm: while there are any, nothing is recorded. `stated` are recorded because somebody said so although the
    catalog speaks against it. `late` are not in although later ones are; `again` cannot be proven and come right after
    the last that is in: migrate runs both.
    """

    files: tuple[MigrationFile, ...]
    undecided: tuple[Proof, ...] = ()
    stated: tuple[Proof, ...] = ()
    late: tuple[Proof, ...] = ()
    again: tuple[Proof, ...] = ()
    obstacles: tuple[str, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether somebody has to decide before anything is recorded."""
        return bool(self.undecided or self.obstacles)


def propose(folder: Folder, judgement: Judgement, *, through: str | None = None, accept: Sequence[str] = ()) -> Proposal:
    """The files that are proven and those before them that cannot be, or those up to `through`, which somebody states by hand.

    `accept` names files whose state somebody has looked at and takes as it is. Raises UsageError when `through` or `accept` name
    no file.
    """
    proofs = judgement.proofs
    accepted = {file.name for name in accept for file in _named(folder, name)}
    if through is not None:
        last = destination(folder, through)
        chosen = [proof for proof in proofs if proof.file.key <= last and proof.verdict is not Verdict.RECORDED]
        stated = [proof for proof in chosen if proof.verdict in (Verdict.PENDING, Verdict.PARTIAL, Verdict.CONFLICT)]
        return Proposal(tuple(proof.file for proof in chosen), stated=tuple(stated))
    taken = [index for index, proof in enumerate(proofs) if proof.is_in or proof.history or proof.file.name in accepted]
    end = max(taken, default=-1)
    out = [index for index, proof in enumerate(proofs[: end + 1]) if proof.verdict is Verdict.PENDING and index not in taken]
    chosen_ones = [
        proof for index, proof in enumerate(proofs[: end + 1]) if index not in out and proof.verdict is not Verdict.RECORDED
    ]
    undecided = [
        proof for proof in proofs if proof.verdict in (Verdict.PARTIAL, Verdict.CONFLICT) and proof.file.name not in accepted
    ]
    rest = [index for index in range(end + 1, len(proofs)) if proofs[index].verdict is not Verdict.RECORDED]
    return Proposal(
        tuple(proof.file for proof in chosen_ones),
        tuple(undecided),
        tuple(proof for proof in chosen_ones if proof.file.name in accepted and not proof.is_in),
        tuple(proofs[index] for index in out),
        tuple(itertools.takewhile(lambda proof: proof.verdict is Verdict.UNPROVABLE, (proofs[index] for index in rest))),
        () if undecided else (*_unread(chosen_ones), *_obstacles(judgement, [*out, *rest], late=set(out))),
    )


def _unread(chosen: Sequence[Proof]) -> list[str]:
    """Files that nobody knows what they hold."""
    return [
        f"{proof.file.name} cannot be read, so nobody knows what would be recorded"
        for proof in chosen
        if any(one.code == "unreadable" for one in proof.file.reading.problems)
    ]


def _named(folder: Folder, name: str) -> list[MigrationFile]:
    plain = name.removesuffix(".sql")
    found = [file for file in folder.files if file.name == plain or (plain.isdigit() and file.number == int(plain))]
    if not found:
        raise UsageError(f"--accept {name}: no file of {folder.source} bears that number or name")
    return found


def _obstacles(judgement: Judgement, runs: Sequence[int], late: set[int]) -> list[str]:
    """Why files cannot be run on the database as it is, one sentence each: played through on the expected catalog."""
    replay, live = judgement.replay, judgement.live
    names = [proof.file.name for proof in judgement.proofs]
    there: dict[Cell, bool] = {}
    holder: dict[Cell, Write] = {}
    by_file: dict[int, list[tuple[Cell, Write]]] = {}
    for cell, writes in replay.cells.items():
        for write in writes:
            by_file.setdefault(write.file, []).append((cell, write))
    found: list[str] = []
    for index in runs:
        for need in replay.needs:
            if need.file == index and replay.writes(need.cell) and there.get(need.cell, live.there(need.cell)) != need.there:
                why = "is not there" if need.there else "is there already"
                found.append(f"{names[index]} cannot run now: {need.cell} {why}")
        before = dict(there)
        for cell, write in sorted(by_file.get(index, []), key=lambda one: one[1].place):
            if write.doubles and there.get(cell, live.there(cell)):
                found.append(f"{names[index]} would make another {cell.thing.kind} beside {cell.thing.name}, if it ran already")
            if index in late and write.lenient and there.get(cell, live.there(cell)):
                found += _left_as_it_is(judgement, late, cell, index, by_file)
            if not cell.part:
                source = write.source
                there[cell] = (
                    before.get(source, live.there(source)) if source is not None else write.value is not None
                )  # fmt: skip
            if write.certain:
                holder[cell] = write
    found += _torn_away(judgement, late, by_file)
    if found:
        return sorted(dict.fromkeys(found))
    for cell, write in holder.items():
        final = next((one for one in reversed(replay.writes(cell)) if one.certain), write)
        if final.file != write.file and write.file in late and not _alike(write, final):
            found.append(f"{names[write.file]} would undo what {names[final.file]} did: {cell}")
    return sorted(dict.fromkeys(found))


def _left_as_it_is(
    judgement: Judgement, late: set[int], cell: Cell, index: int, by_file: Mapping[int, Sequence[tuple[Cell, Write]]]
) -> list[str]:
    """What a late file would make if it were not there yet, where a file that is in made it otherwise."""
    names = [proof.file.name for proof in judgement.proofs]
    replay, thing = judgement.replay, cell.thing
    own = _made_as(replay, thing, by_file[index])
    others = dict.fromkeys(one.file for one in replay.writes(cell) if one.file > index and one.value is not None)
    may_be_in = (one for one in others if one not in late and judgement.proofs[one].verdict is not Verdict.PENDING)
    return [
        f"{names[index]} would leave {thing} as {names[other]} made it"
        for other in may_be_in
        if _made_as(replay, thing, by_file[other]) != own
    ]


def _made_as(replay: Replay, thing: Thing, writes: Sequence[tuple[Cell, Write]]) -> frozenset[tuple[Cell, Definition | None]]:
    """What a file writes into a thing and into what stands on it."""
    return frozenset(
        (cell, write.value) for cell, write in writes if thing in (cell.thing, cell.thing.owner, replay.table_of(cell.thing))
    )


def _torn_away(judgement: Judgement, late: set[int], by_file: Mapping[int, Sequence[tuple[Cell, Write]]]) -> list[str]:
    """What late files would drop or rename although files that are in and come after them have put something on it."""
    replay = judgement.replay
    names = [proof.file.name for proof in judgement.proofs]
    found: list[str] = []
    for index in sorted(late):
        gone = {
            cell.thing for cell, write in by_file.get(index, ()) if write.value is None and not write.source and not cell.part
        }
        # The type of a column cannot be changed under a policy or a view.
        made = {cell.thing for cell, write in by_file.get(index, ()) if not cell.part and write.value is not None}
        retyped = {cell.thing for cell, _ in by_file.get(index, ()) if cell.part == "type"} - made
        for later in range(index + 1, len(names)):
            if later in late or judgement.proofs[later].verdict is Verdict.PENDING:
                continue
            if named := next((thing for thing in sorted(gone | retyped) if _names(replay.words[later], thing)), None):
                found.append(f"{names[index]} would take away or change what {names[later]} names: {named}")
            for cell, write in by_file.get(later, ()):
                if write.value is not None and {cell.thing, replay.table_of(cell.thing)} & gone:
                    found.append(f"{names[index]} would undo what {names[later]} did: {cell.thing}")
                elif write.value is None and not write.source and not cell.part and _names(replay.words[index], cell.thing):
                    found.append(f"{names[index]} names what {names[later]} took away or renamed: {cell.thing}")
    return found


def _names(words: frozenset[str], thing: Thing) -> bool:
    """Whether a file names a thing: a column together with its table."""
    return thing.name in words and (thing.owner is None or thing.parent in words)


def _alike(one: Write, other: Write) -> bool:
    return one.value == other.value and one.source == other.source


def gaps(folder: Folder, files: Sequence[MigrationFile]) -> list[str]:
    """That no file is missing where numbers of ours are, in a sentence for each gap between those that are taken over."""
    if folder.source != SHIPPED:
        return []
    return [
        f"There is no {one.number + 1:03} to {other.number - 1:03}: {one.number:03} makes what they made."
        for one, other in itertools.pairwise(folder.files)
        if other.number - one.number > 1 and one in files and other in files
    ]


def next_numbers(folder: Folder, files: Sequence[MigrationFile]) -> list[str]:
    """What the files would be called if they came after all others."""
    last = folder.latest
    assert last is not None  # discover refuses an empty folder
    width = len(version_of(last))
    return [f"{last.number + step:0{width}}_{rest_of(file)}.sql" for step, file in enumerate(files, 1)]

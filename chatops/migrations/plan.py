"""Decides, from the files and the ledger alone, what each file's state is and which are to be applied; needs no server."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum

from chatops import formatting
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.migrations.layout import VERSION, number_of, version_of
from chatops.migrations.source import DEPLOYED, SHIPPED, Folder, MigrationFile

LATEST = "latest"


class State(Enum):
    """What became of a file, by its name in `status`."""

    PENDING = "pending"
    APPLIED = "applied"
    ADOPTED = "adopted"
    EDITED = "edited"
    REFORMATTED = "reformatted"
    MISSING = "missing"
    LATE = "late"
    HALF_DONE = "half-done"

    @property
    def meaning(self) -> str:
        """One sentence, with the way out where there is one."""
        return _MEANINGS[self]

    @property
    def is_in(self) -> bool:
        """Whether the database has what the file makes."""
        return self in (State.APPLIED, State.ADOPTED, State.EDITED, State.REFORMATTED, State.MISSING)


_MEANINGS = {
    State.PENDING: "not applied yet",
    State.APPLIED: "in the database",
    State.ADOPTED: "was there when chatops took the database over",
    State.EDITED: "its text is another than the one that was applied: put the text back, and the change into a new file",
    State.REFORMATTED: "applied; since then only blanks or comments changed",
    State.MISSING: "applied, and gone from the folder: bring it back, or use the version of chatops that has it",
    State.LATE: "not applied, although later files are: give it a higher number, or --allow-out-of-order",
    State.HALF_DONE: "stopped in the middle: migrate goes on where it stopped",
}


@frozen
class LedgerRow:
    """One file as the ledger remembers it.

    `state` is applied, adopted, running (being applied, or stopped in the middle) or failed; `statements` the digests of
    its statements (JSON); `steps_done` how many of them are finished in a file that runs outside one transaction.
    """

    source: str
    name: str
    number: int | None
    kind: str
    state: str
    checksum: str
    statements: Sequence[str] | str | None
    steps_done: int
    started_at: datetime
    applied_at: datetime | None
    duration_ms: float | None
    applied_by: str
    chatops_version: str | None

    @property
    def is_in(self) -> bool:
        """Whether it is wholly in."""
        return self.state in ("applied", "adopted")


@frozen
class Entry:
    """A file and its state; `file` is None when it is missing, `row` when the ledger does not know it."""

    name: str
    number: int
    state: State
    file: MigrationFile | None
    row: LedgerRow | None

    @property
    def effect(self) -> str:
        """What the file changes, in words for people."""
        return self.file.effect if self.file else ""


@frozen
class MigrationPlan:
    """Every file of a source with its state, in order.

    `apply` are the entries to run now: pending ones up to the file asked for, a half-done one first, late ones only where
    that was allowed. `left` are the pending ones beyond it.
    """

    source: str
    entries: tuple[Entry, ...]
    apply: tuple[Entry, ...]
    left: tuple[Entry, ...]
    to: str | None = None
    """The last file as it was asked for."""
    past: tuple[Entry, ...] = ()
    """The files beyond the one asked for that are in already."""

    @property
    def not_taken_back(self) -> str | None:
        """That the files beyond the one asked for stay in, in one sentence; None where none is in.

        >>> MigrationPlan("files", (), (), (), "017").not_taken_back is None
        True
        """
        if not self.past:
            return None
        names = listed([entry.name for entry in self.past])
        told = "is in and stays" if len(self.past) == 1 else "are in and stay"
        ours = self.source == SHIPPED and all(short(entry.name) > DEPLOYED for entry in self.past)
        way = "remove takes them out, all together" if ours else "migrate --back FILE writes what takes one back"
        return f"--to {self.to} takes nothing back: {names} {told}; chatops {way}."

    @property
    def beyond(self) -> str | None:
        """What is not applied because it lies beyond the file asked for, in one sentence; None where nothing does.

        >>> MigrationPlan("files", (), (), (), "017").beyond is None
        True
        """
        return not_applied(self.to, [entry.name for entry in self.left]) if self.left else None

    @property
    def may_stay(self) -> bool:
        """Whether the deployed system is in, and what is pending is a decision of its own that nobody has asked for."""
        last = self.last_in
        return (
            self.source == SHIPPED and self.to is None and last is not None and short(last.name) == DEPLOYED
            and all(short(entry.name) > DEPLOYED for entry in self.apply)
        )  # fmt: skip

    def of(self, *states: State) -> list[Entry]:
        """The entries in one of these states."""
        return [entry for entry in self.entries if entry.state in states]

    @property
    def last_in(self) -> Entry | None:
        """The newest file that is in."""
        return next((entry for entry in reversed(self.entries) if entry.state.is_in), None)


def plan(folder: Folder, rows: Sequence[LedgerRow], to: str | None = None, *, allow_out_of_order: bool = False) -> MigrationPlan:
    """The state of each file, and those to apply to reach `to`: a number, a file's name, or latest (the default).

    `rows` may hold other sources and sql/views: they are passed over. Raises UsageError when `to` names no file.
    """
    known = {row.name: row for row in rows if row.source == folder.source and row.kind == "versioned"}
    last = destination(folder, to)
    newest_in = max((folder.key_of(row.name) for row in known.values() if row.is_in), default=(-1, ""))
    entries = [
        Entry(file.name, file.number, _state(file, known.get(file.name), newest_in), file, known.get(file.name))
        for file in folder.files
    ]
    # What undoes another file was run by earlier versions of chatops: it is not missed.
    here = {file.name for file in folder.files} | {one.name[: -len(".sql")] for one in folder.undoing}
    entries += [Entry(row.name, number_of(row.name), State.MISSING, None, row) for row in known.values() if row.name not in here]
    entries.sort(key=lambda entry: folder.key_of(entry.name))
    open_ones = [entry for entry in entries if entry.state in (State.PENDING, State.HALF_DONE)]
    if allow_out_of_order:
        open_ones = [entry for entry in entries if entry.state in (State.PENDING, State.HALF_DONE, State.LATE)]
    return MigrationPlan(
        folder.source,
        tuple(entries),
        tuple(entry for entry in open_ones if folder.key_of(entry.name) <= last),
        tuple(entry for entry in open_ones if folder.key_of(entry.name) > last),
        to,
        tuple(entry for entry in entries if entry.state.is_in and to is not None and folder.key_of(entry.name) > last),
    )


def destination(folder: Folder, to: str | None) -> tuple[int, str]:
    """The order key of the last file to apply. Raises UsageError when `to` names no file.

    A number takes every file that bears it; a name takes the files up to that one.
    """
    assert folder.latest is not None  # discover refuses an empty folder
    if to is None or to == LATEST:
        return folder.latest.key
    named = to.removesuffix(".sql")
    if named.isdigit():
        found = [file.key for file in folder.files if file.number == int(named)]
    elif VERSION.fullmatch(named):
        found = [file.key for file in folder.files if version_of(file.name) == version_of(named)]
    else:
        found = [file.key for file in folder.files if file.name == named]
    if not found:
        first, last = folder.files[0], folder.latest
        raise UsageError(
            f"no file of {folder.source} bears the number or name {to}",
            details=(f"it has {formatting.plural(len(folder.files), 'file')}, from {first.name} to {last.name}",),
        )
    return max(found)


def _state(file: MigrationFile, row: LedgerRow | None, newest_in: tuple[int, str]) -> State:
    if row is None:
        return State.LATE if file.key < newest_in else State.PENDING
    if not row.is_in:
        return State.HALF_DONE
    if row.checksum == file.checksum:
        return State.ADOPTED if row.state == "adopted" else State.APPLIED
    edits = file.edits(row.statements)
    return State.REFORMATTED if edits is not None and not edits else State.EDITED


def short(name: str) -> str:
    """A file's number as written, or the whole name of what has none.

    >>> short("016_chat_state_verification"), short("1.0.10##ddl"), short("views")
    ('016', '1.0.10', 'views')
    """
    digits = VERSION.match(name)
    return digits[0] if digits else name


def told_apart(names: Iterable[str]) -> Callable[[str], str]:
    """What files are called in a sentence: by their numbers, or by the whole of their names where two bear the same number.

    >>> told_apart(["001_a", "002_b"])("001_a"), told_apart(["001_a", "001_b"])("001_a")
    ('001', '001_a')
    """
    distinct = set(names)
    return short if len({short(name) for name in distinct}) == len(distinct) else str


def taking_over(adopt: str, source: str, to: str | None, stand: str = DEPLOYED) -> str:
    """The line that takes over a database whose files nobody wrote down; `adopt` is the command for these files.

    Of the shipped files up to where the database stands (`stand`, a number); at least up to the deployed system, where no last
    one is asked for: it names what is left to migrate up to there.

    >>> taking_over("chatops adopt", "chatops", None, "016"), taking_over("chatops adopt --to 020", "chatops", "020", "016")
    ('chatops adopt --to 017', 'chatops adopt --to 016')
    """
    if source != SHIPPED:
        return adopt
    if to is None:
        return f"{adopt} --to {max(stand, DEPLOYED)}"
    return f"{adopt.replace(f' --to {shlex.quote(to)}', '', 1)} --to {stand}"


def stands_at(to: str | None, stand: str) -> str:
    """How far the shipped files have come by what is found, and why `taking_over` names a later one.

    >>> stands_at(None, "017"), stands_at("016", "016")
    ('the newest object found is one that 017 makes', 'the newest object found is one that 016 makes')
    >>> stands_at(None, "016").partition("; ")[2]
    'adopt looks at each file up to 017, and leaves pending what is not in'
    """
    found = f"the newest object found is one that {stand} makes"
    if to is not None or stand >= DEPLOYED:
        return found
    return f"{found}; adopt looks at each file up to {DEPLOYED}, and leaves pending what is not in"


def not_applied(to: str | None, names: Sequence[str]) -> str:
    """One sentence about files beyond the one asked for.

    >>> not_applied("017", ["018_a", "019_b"])
    'Not applied, as --to 017 asks: 018 and 019.'
    """
    return f"Not applied, as --to {to} asks: {listed(names)}."


def listed(names: Sequence[str], called: Callable[[str], str] = short) -> str:
    """Names in a sentence, by their numbers unless they are `called` otherwise; a long list by its ends.

    >>> listed(["014_a", "015_b"]), listed(["001_a", "002_b", "003_c", "004_d", "005_e", "006_f"])
    ('014 and 015', '001 to 006 (6 files)')
    """
    shorts = [called(name) for name in names]
    if len(shorts) > 5:
        return f"{shorts[0]} to {shorts[-1]} ({len(shorts)} files)"
    return shorts[0] if len(shorts) == 1 else f"{', '.join(shorts[:-1])} and {shorts[-1]}"

"""What a plan says before anybody decides: who waits for which file and how long, what is mended, what can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, field
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.checks import load
from chatops.frozen import frozen
from chatops.migrations import from_then_on
from chatops.migrations.figures_after import Figures
from chatops.migrations.from_then_on import MET, NOTHING, VIEWS, of
from chatops.migrations.locks import FIRST_DEADLINE_MS, LONGEST_DEADLINE_MS
from chatops.migrations.plan import Entry, short, told_apart
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.model import Line, Span
from chatops.screens import figures_after, going_back, lost_rights
from chatops.screens.lines import described

if TYPE_CHECKING:  # what is only read about
    from chatops.migrations.lost_rights import RoleLoses
    from chatops.migrations.plan_locks import PlanLocks, Relation, Waits
    from chatops.migrations.prepare import Prepared
    from chatops.migrations.repair_counts import RepairCount

MOST_LOST = 6
MOST_APART = 8
NOT_AT_ONCE = ("statements", "batched", "repairs")
"""Modes of files that no transaction holds whole, and no rehearsal measures."""
CLOCKS = "QUEUE012"
"""The repair that fills in the queue's clocks: before they are there, nothing is wrong with them."""
NOBODY = "nobody"
IN_BATCHES = "nobody: in batches, each keeps its rows for 0.2 s at most"
MOMENT = ": for a moment"
"""How the sentence of a short lock ends."""


@frozen
class Ways:
    """Command lines on this database (`whole` is the plan with nothing left out, `psql` begins one that runs a statement), how
    many seconds a file waits for locks, and what was looked for beside: `met` how often what a file is about was so lately, by
    check, None where that is not known; `no_roles` which roles of the platform this server has not, `losses` which others can do
    less once the files are in, `figures` what the reading functions say before and after."""

    rehearse: str
    diagnose: str
    remove: str
    back: str
    log: str
    whole: str
    psql: str
    max_wait: float
    met: Mapping[str, int | None] = field(default_factory=dict)
    no_roles: Sequence[str] = ()
    losses: Sequence[RoleLoses] = ()
    figures: Figures = Figures()


def lines(prepared: Prepared, locks: PlanLocks, counts: Mapping[str, RepairCount], ways: Ways, width: int) -> list[Line]:
    """The whole of it; `width` in columns, 0 for endless."""
    entries = [entry for entry in prepared.plan.apply if entry.file is not None]
    if not entries:
        return []
    called = told_apart(entry.name for entry in entries)
    groups = waiting(prepared, locks)
    apart = [called(entry.name) for entry in entries if entry.file is not None and entry.file.reading.mode in NOT_AT_ONCE]
    save = f", all but {' '.join(apart)}" if apart and len(apart) <= MOST_APART else ""
    tries = f"{FIRST_DEADLINE_MS / 1000:g} s, later {LONGEST_DEADLINE_MS / 1000:g} s at most"
    gives_up = f"gives up after {formatting.duration(ways.max_wait)} (--max-wait)"
    measure: Line = [
        Span(f"A try waits {tries} for locks, lets go, and {gives_up}. Measure it{save}: "),
        Span(ways.rehearse, "code"),
    ]
    return [
        "",
        [Span("Who waits meanwhile, at most:", "strong")],
        *described([(" ".join(names), told) for told, names in groups.items()], width),
        *([measure] if set(groups) != {NOBODY} else []),
        *_noticed(prepared, entries, width, called, counts, ways),
        *(_mended(prepared, counts, ways, width, called) if counts else ()),
        *_back(prepared, entries, locks, counts, ways),
    ]


def waiting(prepared: Prepared, locks: PlanLocks) -> dict[str, list[str]]:
    """The files by who waits for them."""
    entries = [entry for entry in prepared.plan.apply if entry.file is not None]
    called = told_apart(entry.name for entry in entries)
    groups: dict[str, list[str]] = {}
    for entry in entries:
        mode = entry.file.reading.mode if entry.file is not None else ""
        groups.setdefault(sentence(mode, locks.files[entry.name], locks.relations), []).append(called(entry.name))
    if locks.views is not None:
        groups.setdefault(sentence("", locks.views, locks.relations), []).append(VIEWS)
    return groups


def sentence(mode: str, waits: Waits, relations: Mapping[str, Relation]) -> str:
    """Who waits for a file that goes in by that mode and for how long, in words."""
    if mode in ("batched", "repairs"):
        return IN_BATCHES
    who = [f"reads and writes of {_perhaps(waits.reads, waits)}"] if waits.reads else []
    who += [f"writes of {_perhaps(waits.writes, waits)}"] if waits.writes else []
    alone = mode == "statements"
    if waits.changes and not who:
        who = [f"writes of the rows of {_listed(waits.changes)} that it changes"]
        how_long = "while its statement runs" if alone else "until it is in"
    elif waits.works or (waits.changes and not alone):
        through = dict.fromkeys((*waits.works, *waits.changes))
        how_long = "while it goes through " + ", ".join(_sized(name, relations) for name in through)
    else:
        how_long = MOMENT.removeprefix(": ")
    told = f"{', '.join(who)}: {how_long}" if who else NOBODY
    if waits.unknown:
        first = formatting.visible(waits.unknown[0])
        rest = f", and {len(waits.unknown) - 1} such more (-o json)" if len(waits.unknown) > 1 else ""
        told = f"not known: {first}{rest}" if not who else f"{told}; not all is known: {first}{rest}"
    return told


def as_data(waits: Waits) -> dict[str, object]:
    """The same for programs, nothing left out."""
    return asdict(waits)


def _listed(names: Sequence[str]) -> str:
    return formatting.visible(", ".join(names))


def _perhaps(names: Sequence[str], waits: Waits) -> str:
    return _listed([f"{name} (if at all)" if name in waits.perhaps else name for name in names])


def _sized(name: str, relations: Mapping[str, Relation]) -> str:
    known = relations.get(name)
    shown = formatting.visible(name)
    if known is None or not known.rows:
        return shown
    return f"{shown} (about {formatting.plural(known.rows, 'row')}, {size(known.bytes or 0)})"


def size(number: int) -> str:
    """Bytes as people say them.

    >>> size(8192), size(5_300_000), size(1_400_000_000)
    ('8 kB', '5.1 MB', '1.3 GB')
    """
    value, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.0f} {units[0]}" if value >= 10 or value == int(value) else f"{value:.1f} {units[0]}"


def _mended(
    prepared: Prepared, counts: Mapping[str, RepairCount], ways: Ways, width: int, called: Callable[[str], str]
) -> list[Line]:
    """What the repairs of each file find, by its codes; what else is found is for people."""
    no_clocks = not prepared.ledger.facts.has_queue_clocks
    in_turn = any(len(count.found) > 1 and not count.alone for count in counts.values())
    told = []
    for name, count in counts.items():
        for place, code in enumerate(sorted(count.found)):
            number = count.found[code]
            says = f"{code}  {_in_words(code, number)}"
            if code == CLOCKS and no_clocks:
                says = f"waiting_since, a new column, is filled in {formatting.plural(number, 'chat')}"
            told.append(("" if place else called(name), formatting.visible(says)))
        if count.found and not (no_clocks and set(count.found) == {CLOCKS}):
            told.append(("", f"({count.in_words})"))
        if count.uncounted:
            told.append((called(name), f"not counted: {' '.join(count.uncounted)}"))
    once = " (what one code mends is not counted for the next)" if in_turn else ""
    heading = f"What is mended or filled in{once}:" if told else "The repairs find nothing to mend."
    rest: Line = [Span("What no file mends is for people: "), Span(ways.diagnose, "code")]
    return ["", [Span(heading, "strong")], *described(told, width), rest]


def _in_words(code: str, number: int) -> str:
    """What is mended, in the words of its check."""
    return next((check.counted(number) for check in load.shipped() if check.code == code), formatting.count(number))


def _noticed(
    prepared: Prepared, entries: Sequence[Entry], width: int, called: Callable[[str], str], counts: Mapping[str, RepairCount],
    ways: Ways,
) -> list[Line]:  # fmt: skip
    """What callers and operators notice of the shipped files once they are in, and how often it was so lately; files of which
    nothing is come last, together; then the order of files and code."""
    if prepared.folder.source != SHIPPED:
        return []
    notes = [(called(entry.name), _sentences(entry.name, counts, ways)) for entry in entries if of(entry.name) != (NOTHING,)]
    notes += [(VIEWS, list(of(VIEWS)))] if prepared.views else []
    told = [("" if place else name, f"· {one}") for name, sentences in notes for place, one in enumerate(sentences)]
    if silent := [called(entry.name) for entry in entries if of(entry.name) == (NOTHING,)]:
        told.append((" ".join(silent), f"· {NOTHING}"))
    return [
        "",
        [Span("What callers notice from then on:", "strong")],
        *described(told, width),
        *figures_after.lines(ways.figures, prepared.ledger.facts.now, width),
        *lost_rights.lines(ways.losses, ways.psql, width),
        *_order([entry.name for entry in entries], width, called, ways),
    ]


def _sentences(name: str, counts: Mapping[str, RepairCount], ways: Ways) -> list[str]:
    """What is noticed of a file, with how often that was so lately, where it was counted."""
    found = []
    for place, sentence_ in enumerate(of(name)):
        more = [_met(one, ways.met[one.code]) for one in MET.get(name, {}).get(place, ()) if one.code in ways.met]
        rows = counts[name].rows if name in counts else None
        if rows is not None and "(Realtime)" in sentence_:
            more.append(f"here {formatting.plural(rows, 'such event')} at most")
        found.append("; ".join([sentence_, *more]))
    absent = [role for role in ways.no_roles if any(role in one for one in found)]
    return [*found, *([f"this server has no role {', '.join(absent)}"] if absent else [])]


def _met(one: from_then_on.Met, number: int | None) -> str:
    if number is None:
        return f"not counted: {one.code}"
    history = next((check.kind for check in load.shipped() if check.code == one.code), "") == "history"
    when = "in the last 24 h" if history else "now"
    told = formatting.plural(number, one.one, one.many)
    return f"{when} it would have refused {told} ({one.code})" if one.refused else f"{when} {told} ({one.code})"


def _order(names: Sequence[str], width: int, called: Callable[[str], str], ways: Ways) -> list[Line]:
    """Files or code first, what the code of before has to expect, and where a run may well end."""
    means = from_then_on.MEANS
    refused = [
        f"{state} {means[state]} ({' '.join(map(called, files))})" for state, files in from_then_on.refusals(names).items()
    ]
    losing = [formatting.visible(one.role) for one in ways.losses if one.writes]
    without = f", but not as {' and '.join(losing)} without the grants above" if losing else ""
    expects = f"{', and' if losing else ', but'} has to expect {', '.join(refused)}" if refused else ""
    code = f"Apply these files first, then deploy code that counts on them. The code of before works on{without}{expects}."
    follows = from_then_on.KEPT_BY_CODE
    must = "".join(f" After {called(name)}: {follows[name]}." for name in names if name in follows)
    stops = [f"{called(name)} ({from_then_on.STOPS[name]})" for name in names[:-1] if name in from_then_on.STOPS]
    told = [("code", code + must)] + ([("stop", f"One may stop (--to) at {', '.join(stops)}.")] if stops else [])
    return ["", [Span("Files and code:", "strong")], *described(told, width)]


def _back(
    prepared: Prepared, entries: Sequence[Entry], locks: PlanLocks, counts: Mapping[str, RepairCount], ways: Ways
) -> list[Line]:
    """What is lost for good, and what takes back what."""
    called = told_apart(entry.name for entry in entries)
    lost = [f"{what} ({called(entry.name)})" for entry in entries for what in locks.files[entry.name].lost]
    found: list[Line] = [""]
    if lost:
        told = f"Lost for good: {formatting.visible(formatting.listed(lost, MOST_LOST))}"
        more = len(lost) > MOST_LOST
        found.append([Span(told + (": " if more else "."), "warning"), *([Span(ways.whole, "code")] if more else [])])
    ours = [entry.name for entry in entries if prepared.folder.source == SHIPPED and short(entry.name) > DEPLOYED]
    if ours:
        found.append(going_back.of_ours(ours, ways.remove))
    found += going_back.lines(locks.back, locks.others, ways.back)
    if counts:
        found.append([Span("What a repair changes stays; what was before: "), Span(ways.log, "code")])
    return found

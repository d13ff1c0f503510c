"""Going back from files, on the screen: one sentence everywhere, and where a file can be taken back the statements."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from chatops import formatting
from chatops.migrations.going_back import GoingBack
from chatops.migrations.plan import listed, told_apart
from chatops.migrations.source import DEPLOYED
from chatops.model import Line, Span

FEW = 2
"""So many statements are shown in a plan; more are written by a command."""


def of_ours(names: Sequence[str], remove: str) -> Line:
    """The files that go together."""
    return [Span(f"Going back from {listed(list(names))}: all of chatops together, {DEPLOYED} stays: "), Span(remove, "code")]


def lines(found: Mapping[str, GoingBack], names: Sequence[str], back: str) -> list[Line]:
    """Of files that are about to go in: what they leave behind if the code goes back, and what takes them out."""
    if names and not found:
        which = "this file" if len(names) == 1 else f"one of these {formatting.plural(len(names), 'file')}"
        every = f"Going back from {which}: deploy the old code; its SQL, once it is in: "
        return [[Span(every), Span(f"{back} FILE", "code")]]
    called = told_apart(found)
    told: list[Line] = []
    for name, one in found.items():
        told.append(f"Going back from {formatting.visible(called(name))}: deploy the old code; {of_file(one)}.")
        if one.statements or one.restored:
            told.append([Span("  its SQL, once it is in: "), Span(f"{back} {name.partition('_')[0]}", "code")])
    return told


def steps(found: Mapping[str, GoingBack | None], back: str) -> list[tuple[str, str]]:
    """Of files that are in, the newest first: the labelled commands that write what takes each back."""
    names = [name for name, one in found.items() if one is None or one.statements or one.restored]
    called = told_apart(found)
    after = "back, once the old code is deployed: its SQL"
    if len(names) > FEW:
        return [(f"take one of {listed(sorted(names))}, the newest first, {after}", f"{back} FILE")]
    return [(f"take {formatting.visible(called(name))} {after}", f"{back} {name.partition('_')[0]}") for name in names]


def stays(found: Mapping[str, GoingBack | None]) -> str:
    """Of files that are in: what nothing takes back but a person; "" where there is nothing of that."""
    names = [name for name, one in found.items() if one is not None and one.beyond]
    unread = [name for name, one in found.items() if one is None]
    told = [f"What {listed(sorted(some))} did to tables and rows{any_} nothing takes back but a person."
            for some, any_ in ((names, ""), (unread, ", if anything,")) if some]  # fmt: skip
    return " ".join(told)


def of_file(one: GoingBack) -> str:
    """What of a file stays, comes back or has to be thought about, in a sentence."""
    parts = []
    if one.dropped:
        parts.append(f"{formatting.visible(formatting.listed(one.dropped, FEW))}, new here, may stay")
    if one.restored:
        parts.append(f"{formatting.visible(', '.join(dict.fromkeys(one.restored)))} can be put back as it is here now")
    if one.beyond:
        lines_ = formatting.plural(len(one.beyond), "statement")
        parts.append(f"what {lines_} did to tables or rows (line {one.beyond[0]}) nothing takes back but a person")
    return ", ".join(parts) or "it leaves nothing"


def script(name: str, found: GoingBack, schema: str, again: str, forget: str, *, is_in: bool, adopted: bool = False) -> str:
    """The statements as a file for psql, with what has to be known before them.

    `forget` is the statement by which the ledger forgets the file, "" where it stays in; `again` the command that makes it again.
    """
    head = [
        f"-- Takes {name} back as it is here{'' if is_in else ', once it is in'}. First deploy the code that does without it."
    ]
    if found.beyond:
        where = ", ".join(str(line) for line in found.beyond[:8]) + (" …" if len(found.beyond) > 8 else "")
        head.append(f"-- Not taken back: what it does to tables and rows (lines {where} of the file).")
    if adopted:
        head.append("-- It was adopted: what stood here before it nobody kept, so what it makes is dropped.")
    if found.restored and not is_in:
        head.append(f"-- {', '.join(found.restored)}: what is here now is kept when the file goes in; ask again then.")
    if forget:
        tail = [f"-- The ledger forgets it, and the log says so: status calls it pending. To apply it once more: {again}"]
    elif is_in:
        tail = [f"-- The ledger still calls it applied, and verify what is gone missing. To make it once more: {again}"]
    else:
        tail = []
    own = [*found.statements, *([forget] if forget else [])]
    body = ["begin;", f"set local search_path = {schema}, pg_temp;", *own, "commit;"] if found.statements else []
    return "\n".join([*_comments(head), *body, *_comments(tail)]) + "\n"


def _comments(lines: Sequence[str]) -> list[str]:
    """Comments in lines that no terminal breaks: a piece without its dashes would be no comment. Commands stay whole."""
    told = []
    for line in lines:
        text, colon, command = line.removeprefix("-- ").partition(": chatops ") if ": chatops " in line else (line[3:], "", "")
        told += [f"-- {piece}" for piece in textwrap.wrap(f"{text}{colon[:1]}", COMMENT)]
        told += [f"--   chatops {command}"] if command else []
    return told


COMMENT = 76
"""Columns of a comment."""

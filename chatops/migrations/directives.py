"""What a file asks for at its head: `-- chatops:` lines, and the mode in which they have it run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from chatops.errors import UsageError
from chatops.migrations.migration_text import DIRECTIVES, Mode, Problem, problem_at
from chatops.migrations.scanner import Place, Script, Statement, Token, comments, place
from chatops.repairs import texts

_CODE = re.compile(r"[a-z]{2,8}[0-9]{3}")
_DIRECTIVE = re.compile(r"--[ \t]*chatops:[ \t]*(.*)", re.IGNORECASE)


def directives_in(found: Iterable[Token]) -> Iterator[tuple[Token, str]]:
    for comment in found:
        if match := _DIRECTIVE.fullmatch(comment.text.rstrip()):
            for word in re.split(r"[\s,]+", match[1].strip()):
                yield comment, word.lower()


def directive_problems(name: str, read: Script, head: Sequence[Token]) -> Iterator[Problem]:
    seen: set[str] = set()
    for comment, directive in directives_in(head):
        at = place(read.text, comment.start)
        if "repairs" in seen and _CODE.fullmatch(directive):
            yield from _repair_problems(name, at, [directive.upper()])
            continue
        if directive == "repairs":
            yield from _repair_problems(name, at, [])
            for statement in read.statements[:1]:
                yield problem_at(
                    name, statement, "repairs-and-sql", "a file of repairs holds no SQL of its own", "give it a file of its own"
                )
        if directive not in DIRECTIVES:
            known = " or ".join(f"-- chatops: {known}" for known in DIRECTIVES)
            yield problem_at(name, at, "unknown-directive", f"unknown directive {directive!r}", f"write {known}")
        seen.add(directive)
        if len(seen & DIRECTIVES.keys()) > 1:
            either = "a file is either no-transaction or batched or of repairs"
            yield problem_at(name, at, "conflicting-directives", either, "split it in two files")
            seen.clear()
    for comment in comments_between(read, _DIRECTIVE):
        if not head or comment.start > head[-1].start:
            yield problem_at(
                name,
                place(read.text, comment.start),
                "late-directive",
                "a directive counts only before the first statement",
                "move it to the head of the file",
            )


def comments_between(read: Script, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The comments that match and stand between statements; what looks like one inside a literal is none."""
    if not pattern.search(read.text):
        return
    done = 0
    for statement in [*read.statements, None]:
        end = len(read.text) if statement is None else statement.start
        if end > done and pattern.search(read.text, done, end):
            yield from (comment for comment in comments(read.text, done, end) if pattern.match(comment.text))
        if statement is not None:
            done = max(done, statement.end)
            if statement.copy_data is not None:
                done = max(done, statement.copy_data[1])


def _repair_problems(name: str, at: Place, codes: Sequence[str]) -> Iterator[Problem]:
    """A repair that is not there, or one of ours that cannot be read."""
    try:
        texts.chosen(codes)
    except UsageError as error:
        hint = "; ".join(error.details) or "mend that file"
        yield problem_at(name, at, "unknown-repair", error.message, hint)


def repairs_of(directives: Sequence[str]) -> tuple[str, ...] | None:
    """The codes of the repairs that a file has run, () for all; None where it asks for none."""
    if "repairs" not in directives:
        return None
    return tuple(word.upper() for word in directives if _CODE.fullmatch(word))


def mode_of(directives: Sequence[str], reasons: Sequence[tuple[Statement, str]], declared: str | None) -> tuple[Mode, str | None]:
    """How a file is run, and why it is not one transaction; `declared` is the other tool in whose words it says so."""
    if "repairs" in directives:
        return "repairs", "declared"
    if "batched" in directives:
        return "batched", "declared"
    if "no-transaction" in directives:
        return "statements", "declared"
    if declared:
        return "statements", f"declared, in the words of {declared}"
    if reasons:
        statement, reason = reasons[0]
        return "statements", f"{reason} at line {statement.line} cannot run in a transaction"
    return "transaction", None

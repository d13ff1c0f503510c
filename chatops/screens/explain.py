"""What codes mean, for the terminal and for docs/findings.md."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from chatops.checks import by_files, load, repair_batches
from chatops.checks.explain import by_problem, general, in_general, parts, queries
from chatops.checks.findings import PASTED
from chatops.checks.load import Check
from chatops.model import Answer, Column, Line, Span, Table, Text, named
from chatops.screens.lines import NARROW, broken, kept_whole, told

COMMANDS = ("fix", "each row", "query")
"""What is told as a command line or a statement."""


def listing(checks: Sequence[Check], width: int) -> Answer:
    """Every code by symptom."""
    lines: list[Line] = []
    for problem, found in by_problem(checks):
        lines += [*([""] if lines else []), [Span(f"“{problem}”", "strong")]]
        for check in found:
            prefix = f"  {check.code:<8} {check.severity.value:<8}  "
            if 0 < width < NARROW:
                lines.append([Span(f"  {check.code:<8} ", "code"), Span(check.severity.value)])
                lines += [f"    {piece}" for piece in broken(general(check), width - 4, width - 4)]
                continue
            pieces = textwrap.wrap(general(check), max(20, width - len(prefix))) if width else [general(check)]
            lines.append([Span(f"  {check.code:<8} ", "code"), Span(f"{check.severity.value:<8}  {pieces[0]}")])
            lines += [" " * len(prefix) + piece for piece in pieces[1:]]
    lines += ["", [Span("one code: "), Span(f"chatops explain {checks[0].code}", "code")]]
    columns = [
        *named("code", "severity", "invariant", "group", "title"),
        Column("says", "what people say", "data"),
        Column("repair", "has a repair", "flag"),
    ]
    mendable = set(repair_batches.shipped())
    rows = [
        {"code": check.code, "severity": check.severity.value, "invariant": check.invariant, "group": check.group,
         "title": general(check), "says": list(check.says), "repair": check.code in mendable}
        for check in checks
    ]  # fmt: skip
    return Answer("explain", [Text(lines), Table("codes", columns, rows, audience="machines")])


UNKNOWN = {
    "why": "a table that it reads is locked, this role may not read it, the time for all checks was over, the connection was"
    " lost, or the database lacks what it asks",
    "so": "it counts like what is wrong: the run ends in 1, since nobody knows",
}


def unknown(width: int, here: Callable[..., str] | None) -> Answer:
    """What it means that a check is unknown."""
    lines: list[Line] = [
        [Span("UNKNOWN", "code"), Span("  a check could not be asked: it neither passed nor failed", "strong")],
        "",
    ]
    for label, text in UNKNOWN.items():
        first, *more = broken(text, max(16, width - 14), max(16, width - 14)) if width else [text]
        lines += [[Span(f"  {label:<12}", "strong"), Span(first)], *(" " * 14 + piece for piece in more)]
    for place, words in enumerate((("diagnose", "--full"), ("doctor",))):
        command = here(*words) if here is not None else " ".join(("chatops", *words))
        lines.append([Span(f"  {'' if place else 'help':<12}", "strong"), Span(command, "code")])
    return Answer("explain", [Text(lines)], {"code": "UNKNOWN", **UNKNOWN})


def one(check: Check, width: int, here: Callable[..., str] | None = None) -> Answer:
    """Meaning, cause, consequences, limits and fix of one code; `here` makes a command line for the database that is meant."""
    lines: list[Line] = [[Span(check.code, "code"), Span(f"  {general(check)}", "strong")], ""]
    for label, text in parts(check):
        is_command = label in COMMANDS
        if label in ("fix", "each row") and here is not None and text.startswith("chatops "):
            text = here(*text.split(" ")[1:])
        narrow = 0 < width < NARROW
        head = f"{label}: " if narrow else f"  {label:<12}"
        hang = 2 if narrow else 14
        pasted = [text] if is_command else _pasted(text, check)
        if here is not None and not is_command:
            for place, command in enumerate(pasted):
                if command.startswith("chatops "):
                    pasted[place] = here(*command.split(" ")[1:])
                    text = text.replace(command, pasted[place])
        room = max(16, width - hang)
        first, *more = broken(kept_whole(text, pasted), max(16, width - len(head)), room) if width else [text]
        lines.append([Span(head, "dim"), *told(first, pasted)])
        lines += [[Span(" " * hang), *told(piece, pasted)] for piece in more]
    data = {"code": check.code, "severity": check.severity.value, "invariant": check.invariant, "title": general(check),
            "says": list(check.says), **dict(parts(check))}  # fmt: skip
    return Answer("explain", [Text(lines)], data=data)


def _pasted(text: str, check: Check) -> list[str]:
    """What of a sentence is a command line or a statement."""
    words = in_general(by_files.told(check.help_text or "", None))
    known = [f"chatops {part}" for part in words.split("`")[1::2]]
    known.append(f"chatops diagnose --only {check.code}")
    return [one for one in (*known, *PASTED.findall(words)) if one in text]


def query(check: Check) -> Answer:
    """The query of a code, ready for psql: its parameters are set to what holds where nobody says otherwise."""
    lines: list[Line] = [[Span(line, "code")] if line else "" for line in queries(check).splitlines()]
    return Answer("explain", [Text(lines)], data={"code": check.code, "sql": queries(check)})


def document() -> str:
    """The text of docs/findings.md."""
    checks = load.shipped()
    out = [
        "# Findings",
        "",
        "What `chatops diagnose` and `chatops verify` can find.",
        "Made from the heads of `sql/checks/*.sql` and `sql/repairs/*.sql`: edit those, then `make docs`.",
        "On the command line the same: `chatops explain`, `chatops explain CODE`, `chatops explain CODE --sql`.",
        "",
    ]
    for problem, under in by_problem(checks):
        links = ", ".join(f"[{check.code}](#{check.code.lower()})" for check in under)
        out.append(f"- “{problem}”: {links}")
    for check in checks:
        out += ["", f"## {check.code}", "", f"**{general(check)}**", ""]
        for label, text in parts(check):
            out.append(f"- {label}: " + (f"`{text}`" if label in COMMANDS else text))
    return "\n".join(out) + "\n"

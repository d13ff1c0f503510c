"""What a code means, offline: from the heads of the check files, for the terminal and for docs/findings.md."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from chatops import sqlfiles
from chatops.checks import load, repair_batches
from chatops.checks.load import Check
from chatops.checks.thresholds import BY_NAME
from chatops.model import Answer, Column, Line, Span, Style, Table, Text

PROBLEMS = (
    "operator loses the chat",
    "gets the same chat again",
    "stats seem wrong",
    "nobody answers",
    "a message was lost",
    "an answer came twice",
    "an answer was refused",
    "users wait too long",
    "everything is slow",
    "the deploy is not right",
    "somebody did what they may not",
)
"""What people say, in the order in which it is listed."""


def listing(checks: Sequence[Check], width: int) -> Answer:
    """Every code under what people say."""
    lines: list[Line] = []
    for problem, found in by_problem(checks):
        lines += [*([""] if lines else []), [Span(f"“{problem}”", "strong")]]
        for check in found:
            prefix = f"  {check.code:<8} {check.severity.value:<8}  "
            pieces = textwrap.wrap(general(check), max(20, width - len(prefix))) if width else [general(check)]
            lines.append([Span(f"  {check.code:<8} ", "code"), Span(f"{check.severity.value:<8}  {pieces[0]}")])
            lines += [" " * (len(prefix) if not 0 < width < 60 else 4) + piece for piece in pieces[1:]]
    lines += ["", [Span("one code: "), Span(f"chatops explain {checks[0].code}", "code")]]
    columns = [
        Column("code", "code"),
        Column("severity", "severity"),
        Column("invariant", "invariant"),
        Column("group", "group"),
        Column("title", "title"),
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


def one(check: Check, width: int) -> Answer:
    """Meaning, cause, consequences, limits and fix of one code."""
    lines: list[Line] = [[Span(check.code, "code"), Span(f"  {general(check)}", "strong")], ""]
    for label, text in parts(check):
        is_command = label in ("fix", "query")
        pieces = [text] if is_command or not width else textwrap.wrap(text, max(20, width - 14), break_on_hyphens=False)
        style: Style = "code" if is_command else "plain"
        narrow = 0 < width < 60
        head = f"{label}: " if narrow else f"  {label:<12}"
        lines.append([Span(head, "dim"), Span(pieces[0], style)])
        lines += [" " * (2 if narrow else 14) + piece for piece in pieces[1:]]
    data = {"code": check.code, "severity": check.severity.value, "invariant": check.invariant, "title": general(check),
            "says": list(check.says), **dict(parts(check))}  # fmt: skip
    return Answer("explain", [Text(lines)], data=data)


def query(check: Check) -> Answer:
    """The query of a code, ready for psql: its parameters are set to what holds where nobody says otherwise."""
    return Answer("explain", [Text(queries(check).splitlines())], data={"code": check.code, "sql": queries(check)})


def queries(check: Check) -> str:
    """Both texts of a query where old databases have one of their own, views inlined."""
    new, old = check.query(before_018=False), check.query(before_018=True)
    text = f"-- {check.code}: {check.question}\n{_parameters(new)}{new};\n"
    return text if old == new else f"{text}\n-- before migration 018:\n{_parameters(old)}{old};\n"


def _parameters(query: str) -> str:
    """A \\set of psql for each parameter of a query."""
    values = {"since": "24 hours", "guarded_at": "-infinity", "applied": "{}", "shipped": "{}", "bodies": "{}",
              "before_018": "false", "views_applied": "true",
              **{name: f"{limit.default:g}" for name, limit in BY_NAME.items()}}  # fmt: skip
    return "".join(f"\\set {name} '{values[name]}'\n" for name in dict.fromkeys(sqlfiles.PLACEHOLDER.findall(query)))


def parts(check: Check) -> list[tuple[str, str]]:
    """The labelled sentences about one code, in reading order."""
    found = [
        ("severity", _severity(check)),
        ("asks", check.question),
        ("expected", check.expected),
        ("why", check.why),
        ("so", check.consequence),
        ("people say", " · ".join(f"“{phrase}”" for phrase in check.says)),
        ("invariant", check.invariant or ""),
        ("limits", "; ".join(_limit(name) for name in check.limits)),
    ]
    if check.help_command:
        found.append(("fix", f"chatops {check.help_command}"))
    if check.help_sql:
        found.append(("fix", check.help_sql))
    if check.help_text:
        found.append(("helps", check.help_text))
    if check.code in repair_batches.shipped():
        found.append(("repair", repair_in_words(check.code)))
    found.append(("query", f"chatops explain {check.code} --sql"))
    return [(label, text) for label, text in found if text]


def repair_in_words(code: str) -> str:
    """What the repair of a code does to a row: the head of its file, up to the empty line."""
    lines: list[str] = []
    for line in sqlfiles.read(f"repairs/{code}.sql").splitlines():
        if not line.startswith("-- "):
            break
        lines.append(line.removeprefix("-- "))
    return " ".join(lines)


def by_problem(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    """Codes under what people say, worst first; a code may stand under several."""
    found = []
    for problem in PROBLEMS:
        under = [check for check in checks if problem in check.says]
        if under:
            found.append((problem, sorted(under, key=lambda check: (check.severity.rank, check.code))))
    return found


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
            out.append(f"- {label}: " + (f"`{text}`" if label in ("fix", "query") else text))
    return "\n".join(out) + "\n"


def general(check: Check) -> str:
    """The title without numbers."""
    from chatops.checks.findings import filled

    limits = {name: f"{limit.default:g}" for name, limit in BY_NAME.items()}
    return filled(check.title.replace("{count}", "N"), limits, None)


def _severity(check: Check) -> str:
    kind = "looks at all there is" if check.kind == "state" else "looks back over --since (24 hours)"
    group = {"schema": "gates a deploy (verify schema)", "data": "verify data", "now": "diagnose only"}[check.group]
    return f"{check.severity.value}; {group}; {kind}"


def _limit(name: str) -> str:
    limit = BY_NAME[name]
    where = "platform_config, chatops.toml or --threshold" if limit.in_platform_config else "chatops.toml or --threshold"
    return f"{name} ({limit.default:g} {limit.unit} unless {where} says otherwise)"

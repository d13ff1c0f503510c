"""What a code means, offline: from the heads of the check files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chatops import sqlfiles
from chatops.checks import by_files, repair_batches
from chatops.checks.findings import filled
from chatops.checks.heads import PARAMETERS, placeholders
from chatops.checks.load import MEANWHILE, Check
from chatops.checks.thresholds import known

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


def queries(check: Check) -> str:
    """Both texts of a query where old databases have one of their own, views inlined."""
    new, old = check.query(before_018=False), check.query(before_018=True)
    text = f"-- {check.code}: {check.question}\n{_parameters(new)}{new};\n"
    return text if old == new else f"{text}\n-- before migration 021:\n{_parameters(old)}{old};\n"


def _parameters(query: str) -> str:
    """A \\set of psql for each parameter of a query."""
    values = {**PARAMETERS, **{name: f"{limit.default:g}" for name, limit in known().items()}}
    return "".join(f"\\set {name} '{values[name]}'\n" for name in dict.fromkeys(name for _, name in placeholders(query)))


def parts(check: Check) -> list[tuple[str, str]]:
    """The labelled sentences about one code, in reading order."""
    found = [
        ("severity", _severity(check)),
        ("asks", check.question),
        ("expected", check.expected),
        ("why", by_files.told(check.why, None)),
        ("so", by_files.told(check.consequence, None)),
        ("people say", " · ".join(f"“{phrase}”" for phrase in check.says)),
        ("invariant", check.invariant or ""),
        ("limits", "; ".join(_limit(name) for name in check.limits)),
    ]
    # What is told row by row stands with the finding.
    told = [f"chatops {check.help_command}" if check.help_command else "", check.help_sql or ""]
    known = [text for text in told if text and not re.fullmatch(r"(?:chatops )?\{\w+\}", text)]
    found += [("fix", in_general(text)) for text in known]
    if known and check.helps_by_row:
        found.append(("each row", f"chatops diagnose --only {check.code}"))
    if any(told) and not known:
        found.append(("helps", f"a command or statement for each: chatops diagnose --only {check.code}"))
    if check.help_text and re.fullmatch(r"\{\w+\}", check.help_text):
        if not any(label == "helps" for label, _ in found):
            found.append(("helps", f"in words for each: chatops diagnose --only {check.code}"))
    elif check.help_text:
        found.append(("helps", re.sub(r"`([^`]+)`", r"chatops \1", in_general(by_files.told(check.help_text, None)))))
    if re.search(r"\bas setting\b", check.sql):
        found.append(("meant", _set_by_hand()))
    if check.code in repair_batches.shipped():
        found.append(("repair", repair_in_words(check.code)))
    found.append(("query", f"chatops explain {check.code} --sql"))
    return [(label, text) for label, text in found if text]


EACH = "(a statement for each)"
PLACES = {
    "chat_id": "CHAT",
    "operator_id": "OPERATOR",
    "limit_minutes": "60",
    "remedy": EACH,
    "forget": EACH,
    "statement": EACH,
    "aims": f"--only {MEANWHILE}",
    "look": "'\\d+ OBJECT'",
    "leaves": "; what is left behind of it stands with the finding",
}
"""What stands for a column of a row where there is no row."""


def in_general(text: str) -> str:
    """A command or statement without a row to fill it: limits by their defaults, the rest as a help writes what is given."""
    limits = {name: f"{limit.default:g}" for name, limit in known().items()}
    return re.sub(r"\{(\w+)\}", lambda place: limits.get(place[1]) or PLACES.get(place[1], place[1].upper()), text)


def _set_by_hand() -> str:
    """How one of the settings that the chat functions read becomes the number that was meant, and what each takes."""
    ranges = ", ".join(f"{name} {one.least:g} to {one.most:g}" for name, one in sorted(known().items()) if one.in_platform_config)
    return f"update platform_config set value = 'NUMBER' where key = 'SETTING'; they take: {ranges}"


def repair_in_words(code: str) -> str:
    """What the repair of a code does to a row: the head of its file, up to the empty line."""
    lines: list[str] = []
    for line in sqlfiles.read(f"repairs/{code}.sql").splitlines():
        if not line.startswith("-- "):
            break
        lines.append(line.removeprefix("-- "))
    return " ".join(lines)


def by_problem(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    """Codes by symptom, worst first; a code may stand under several."""
    found = []
    for problem in PROBLEMS:
        under = [check for check in checks if problem in check.says]
        if under:
            found.append((problem, sorted(under, key=lambda check: (check.severity.rank, check.code))))
    return found


def general(check: Check) -> str:
    """The title without numbers: of anything, not of so many."""
    limits = {name: f"{limit.default:g}" for name, limit in known().items()}
    title = re.sub(r" \(\{count\}\)|\{count\} (?!times (?!of)|ways)", "", check.title).replace("{count}", "several")
    return filled(title, limits, None)


def _severity(check: Check) -> str:
    kinds = {
        "state": "looks at all there is",
        "history": "looks back over --since (24 hours)",
        "touched": "looks at all there is, in large tables at what was written in --since (24 hours)",
    }
    kind = kinds[check.kind]
    group = {"schema": "gates a deploy (verify schema)", "data": "verify data", "now": "diagnose only"}[check.group]
    worse = f", critical where {check.critical}" if check.critical else ""
    less = f", advice where {check.advice}" if check.advice else ""
    return f"{check.severity.value}{worse}{less}; {group}; {kind}"


def _limit(name: str) -> str:
    limit = known()[name]
    where = "platform_config, chatops.toml or --threshold" if limit.in_platform_config else "chatops.toml or --threshold"
    return f"{name} ({limit.default:g} {limit.unit} unless {where} says otherwise)"

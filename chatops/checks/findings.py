"""From results to findings: worst first, their titles with numbers, and what a run amounts to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeGuard

from chatops import formatting
from chatops.checks import by_files
from chatops.checks.inventory import GUARDS
from chatops.checks.load import MEANWHILE
from chatops.checks.results import Result, Survey
from chatops.checks.thresholds import Threshold
from chatops.db import identifier
from chatops.frozen import frozen
from chatops.model import Severity, Values

FailOn = Literal["critical", "warning", "advice", "never"]
_KIND = re.compile(r"^the (?:foreign )?\{kind\} ")
DEFAULT_SCHEMA = "public"
_PLACE = re.compile(r"\{([a-z_]+)\}")
FEW_AIMS = 3
"""So many codes of what came of something are named; more are asked for as a set."""
STATEMENTS = ("remedy", "mend", "forget", "statement")
"""Columns of a row that hold a whole statement or command."""
NAMES_NO_COUNT = re.compile(r"(?:^|_)(?:pids?|number|port|oid)$")
"""Columns whose numbers name something: typed again as they stand, never with separators."""
WRITTEN = dict.fromkeys(("chat_state", "state", "release_reason", "closed_reason", "sender_type"), r"[a-z_]+")
"""Columns that hold what the application wrote, with what is plain of it: all else stands between quotes."""
OUR_SENTENCES = (*STATEMENTS, "told", "trouble", "definition", "value", "logged", "leaves")
"""Columns that a check words itself, and a setting's value, which is JSON."""
PASTED = re.compile(r"(?:select \w+\([^()]*\)|chatops \w+ \w+(?= says)|drop (?:index|function) [^;]+;)")
_UPDATE = re.compile(r"update \w+ set [^;]+;")
"""A statement that puts in what somebody means."""


@frozen
class Finding:
    """One thing that is wrong, or that could not be looked at.

    `more` is how many rows are not among `result.rows`; `commands` are the pasteable chatops commands that preview the fix, each
    once, `statements` the same as SQL, `advices` in words, of which `pasted` are commands and statements.
    """

    result: Result
    title: str
    limits: tuple[Threshold, ...]
    more: int
    commands: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    advices: tuple[str, ...] = ()
    pasted: tuple[str, ...] = ()
    narrow: str = ""
    """The title without names, in a few words; "" where the title has none."""
    named: tuple[str, ...] = ()
    """The titles of the first offending rows alone: one for each thing that does not work because of them."""
    why: str = ""
    consequences: tuple[str, ...] = ()
    """What it does to people: of each row what it says itself, where it does."""
    caused_by: str = ""
    """The code of the finding that it comes of: what mends that one mends it, and its own help would not."""

    @property
    def command(self) -> str | None:
        """The first of the commands."""
        return self.commands[0] if self.commands else None

    @property
    def sql(self) -> str | None:
        """The first of the statements."""
        return self.statements[0] if self.statements else None

    @property
    def advice(self) -> str | None:
        """The first help in words."""
        return self.advices[0] if self.advices else None

    @property
    def code(self) -> str:
        """The code, for ever the same."""
        return self.result.check.code

    @property
    def brief(self) -> str:
        """The title, or shorter words for it where there is little room; what is unknown says what could not be looked at.

        Of several objects that are critical the first are named.
        """
        check, rest = self.result.check, self.result.count - len(self.named)
        if check.group == "schema" and self.word == "critical" and self.named:
            return "; ".join(self.named) + (f"; and {check.others(rest)}" if rest > 0 else "")
        if self.result.status == "unknown" or not check.brief:
            return self.title
        return check.brief.replace("{count}", formatting.count(self.result.count))

    @property
    def forms(self) -> tuple[str, ...]:
        """What may stand for it, the fullest first: the last ones are without names, so that they always fit 50 columns."""
        check, result = self.result.check, self.result
        if check.narrow is None or result.status == "unknown":
            return (self.brief, self.title) if check.narrow is None else (self.brief,)
        stops = next((str(row["stops"]) for row in result.rows if row.get("stops")), "")
        return (self.brief, *([f"{stops}: {self.narrow}", stops] if stops else []), self.narrow)

    @property
    def word(self) -> str:
        """critical, warning, advice or unknown."""
        return "unknown" if self.result.status == "unknown" else self.result.severity.value


def findings(survey: Survey, here: Callable[..., str]) -> list[Finding]:
    """What is wrong, worst first; what is unknown comes last. `here` makes a pasteable command of words."""
    wrong = [_finding(result, survey, here) for result in survey.results if result.status != "passed"]
    wrong = [_pointing(one, wrong) for one in wrong]
    return sorted(wrong, key=lambda found: (found.word == "unknown", found.result.severity.rank, not found.result.check.leads))


READ_BY_READERS = ("chat_queue", "chat_state_summary")
"""Views by which the readers of the queue go, or that are such."""
BY_MESSAGES = ("QUEUE012", "QUEUE013", "DATA007")
"""What is told of a chat by the times of its messages."""


def _pointing(one: Finding, wrong: Sequence[Finding]) -> Finding:
    """A finding that another one causes, without the statement that would mend nothing; what repairs rows goes along with it."""
    cause = next((other for other in wrong if other.result.status == "failed" and _causes(other, one)), None)
    return (
        one
        if cause is None
        else replace(one, caused_by=cause.code, statements=(), commands=one.commands if one.code in BY_MESSAGES else ())
    )


def _causes(cause: Finding, one: Finding) -> bool:
    if (cause.code, one.code) == ("DB018", "QUEUE003"):
        return any(row.get("kind") == "view" and row.get("object") in READ_BY_READERS for row in cause.result.rows)
    if cause.code == "DATA002" and one.code in BY_MESSAGES and one.result.status == "failed":
        odd = {row["chat_id"] for row in cause.result.rows if row.get("clock") in ("message", "chat")}
        return bool(odd & {row.get("chat_id") for row in one.result.rows})
    return False


def feeding(found: Iterable[Finding]) -> Finding | None:
    """What keeps messages from the queue, or chats from operators: whatever rows say afterwards may come of it."""
    stopping = (one for one in found if one.result.check.group == "schema" and any(row.get("stops") for row in one.result.rows))
    return next((one for one in stopping if one.word == "critical"), None)


CANNOT_CALL, TAKEN_AWAY = "DB009", "DB030"
_FOR_TENANTS = (
    (re.compile(r"\btrigger\b", re.I), "set citus.enable_unsafe_triggers to on;"),
    (re.compile(r"\bset local\b", re.I), "set citus.propagate_set_commands to local;"),
)
"""What a Citus cluster wants set, by what a statement says: else it refuses a trigger, and the worker sees no setting."""
_MAY_NOT = re.compile(r"may not execute (.*) any more")


def told_by(found: Iterable[Finding]) -> dict[str, str]:
    """Findings that another one tells already, row by row: a right to call functions that went is missing, and is missed."""
    by_code = {one.code: one.result for one in found if one.result.status == "failed"}
    missing, missed = by_code.get(CANNOT_CALL), by_code.get(TAKEN_AWAY)
    if missing is None or missed is None or max(missing.count - len(missing.rows), missed.count - len(missed.rows)) > 0:
        return {}
    known = {
        (role, str(row.get("object")).partition("(")[0]) for row in missing.rows for role in str(row.get("role")).split(" and ")
    }
    wanted: set[tuple[str, str]] = set()
    for row in missed.rows:
        names = _MAY_NOT.fullmatch(str(row.get("trouble")))
        if names is None:
            return {}
        wanted |= {(str(row.get("object")), name) for name in names[1].split(", ")}
    if missed.severity.rank < missing.severity.rank:  # the worse one tells of both
        return {CANNOT_CALL: TAKEN_AWAY} if known <= wanted else {}
    return {TAKEN_AWAY: CANNOT_CALL} if wanted <= known else {}


def counts_as_found(result: Result, fail_on: FailOn) -> bool:
    """Whether a result makes the run end in 1. What is unknown counts like what is wrong."""
    if fail_on == "never" or result.status == "passed":
        return False
    return result.severity.rank <= Severity(fail_on).rank


def tally(survey: Survey) -> dict[str, int]:
    """How many findings there are of each word: critical, warning, advice, unknown."""
    found = dict.fromkeys(("critical", "warning", "advice", "unknown"), 0)
    for result in survey.results:
        if result.status == "unknown":
            found["unknown"] += 1
        elif result.status == "failed":
            found[result.severity.value] += 1
    return found


def _finding(result: Result, survey: Survey, here: Callable[..., str]) -> Finding:
    check = result.check
    limits: Values = {name: threshold.text for name, threshold in survey.thresholds.items()}
    values = {**limits, **(result.rows[0] if result.rows else {})}
    each = [{**limits, **row} for row in result.helped or result.rows] or [values]
    used = tuple(survey.thresholds[name] for name in check.limits if name in survey.thresholds)
    if result.status == "unknown":
        return Finding(result, f"whether {check.expected}", used, 0, statements=(result.remedy,) if result.remedy else (),
                       commands=(here(*result.command.split(" ")),) if result.command else ())  # fmt: skip
    title = filled(check.heading(result.count), values, survey.now)
    has = by_files.of(survey.inventory)
    over = check.kind == "history" and result.severity is Severity.ADVICE and check.severity is not Severity.ADVICE
    if over and has(GUARDS):
        title += f", before {GUARDS} ended that"
    elif check.kind == "history" and result.severity is Severity.CRITICAL:
        title += "; it is past"
    told = _aiming(each if check.helps_by_row else [values])
    advice = by_files.told(check.help_text or "", has)
    return Finding(
        result=result,
        title=title,
        limits=used,
        more=max(0, result.count - len(result.rows)),
        commands=_once(_command(_first(text, row, survey), row, here) for row in each if _says(text := check.help_command, row)),
        statements=_once(_in_schema(_filled_exactly(check.help_sql, row), survey) for row in each if _says(check.help_sql, row)),
        advices=_once(
            (
                *(line for row in each for line in _decides(row)),
                *(_advice(advice, row, survey, here) for row in told if _says(advice, row)),
            )
        ),
        pasted=_once(
            (
                *(str(row["statement"]) for row in each if row.get("decides") and row.get("statement")),
                *(found for row in each for line in _decides(row) for found in _UPDATE.findall(line)),
                *(text for row in told if _says(advice, row) for text in _pasted(advice, row, survey, here)),
            )
        ),
        narrow=filled(check.narrow_heading(result.count), values, survey.now),
        named=_named(check.title_one, each, survey.now),
        why="; ".join(_once(str(row["because"]) for row in result.rows if row.get("because"))) or by_files.told(check.why, has),
        consequences=_once(str(row["so"]) for row in result.rows if row.get("so")) or (by_files.told(check.consequence, has),),
    )


def _named(template: str, rows: Sequence[Values], now: datetime | None) -> tuple[str, ...]:
    """What one row would be called: of the first, and of those that stop something else; () for what names no object."""
    if not _PLACE.search(template):
        return ()
    template = _KIND.sub("", template)  # evidence has it
    first = {row.get("stops"): row for row in reversed(rows) if row.get("stops")}
    return _once(filled(template, row, now) for row in list(reversed(first.values())) or rows[:1])


def _aiming(rows: Sequence[Values]) -> list[Values]:
    """Rows whose `aims`, the codes of what came of them, are those of all as options of a command; None where there are none.

    Of many it is the set that they belong to.
    """
    codes = sorted({code for row in rows for code in str(row.get("aims") or "").split()})
    aims = f"--only {','.join(codes) if len(codes) <= FEW_AIMS else MEANWHILE}" if codes else None
    return [{**row, "aims": aims} if "aims" in row else row for row in rows]


def _decides(row: Values) -> list[str]:
    """What a person decides about a row, a line of help each."""
    return str(row.get("decides") or "").splitlines()


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _advice(template: str, values: Values, survey: Survey, here: Callable[..., str]) -> str:
    """A help in words, its {places} filled, and what stands between backticks a command line for this database."""
    return "".join(
        _command(part, values, here) if place % 2 else filled(part, values, survey.now)
        for place, part in enumerate(_parts(template))
    )


def _parts(template: str) -> list[str]:
    return template.split("`") if template.count("`") % 2 == 0 else [template]


MIGRATE, ADOPT = "migrate --dry-run", "adopt --dry-run"


def _first(template: str, values: Values, survey: Survey) -> str:
    """A command, or the one that has to come before it: where nobody has noted which files are in, migrate refuses."""
    return ADOPT if survey.inventory.by_hand and _filled_exactly(template, values) == MIGRATE else template


def _command(part: str, values: Values, here: Callable[..., str]) -> str:
    return here(*_filled_exactly(part, values).split(" "))


def _pasted(template: str, values: Values, survey: Survey, here: Callable[..., str]) -> tuple[str, ...]:
    """What of a help in words is to be pasted, and therefore never broken over lines: commands and statements."""
    parts = _parts(template)
    places = [place[0] for part in parts[::2] for place in _PLACE.finditer(part) if place[1] in STATEMENTS]
    return (
        *(_command(part, values, here) for part in parts[1::2]),
        *(filled(place, values, survey.now) for place in places if values.get(place[1:-1]) is not None),
        *(found for part in parts[::2] for found in PASTED.findall(filled(part, values, survey.now))),
    )


def _in_schema(sql: str, survey: Survey) -> str:
    """Statements with the path that they take for granted, where a session has another one."""
    schema = survey.inventory.schema
    if schema == DEFAULT_SCHEMA and "search_path from current" not in sql:
        return sql
    own: list[str] = []
    if survey.facts.distributed:
        if "reset chatops.write;" in sql:  # a worker sees only what is set for one transaction
            sql = sql.replace("set chatops.write", "begin; set local chatops.write", 1).replace("reset chatops.write;", "commit;")
        own = [text for word, text in _FOR_TENANTS if word.search(sql)]
    return " ".join((f"set search_path = {identifier(schema)}, pg_temp;", *own, sql))


def _says(template: str | None, values: Values) -> TypeGuard[str]:
    """Whether a help says something: one that is a value of the row and nothing else does not where there is none."""
    if not template:
        return False
    if any(f"{{{name}}}" in template and values.get(name) is None for name in ("aims", "left")):
        return False
    whole = _PLACE.fullmatch(template)
    return whole is None or values.get(whole[1]) is not None


def filled(template: str, values: Values, now: datetime | None) -> str:
    """A title with its {places} filled for people."""
    return _PLACE.sub(
        lambda place: formatting.visible(shown(values[place[1]], now, place[1])) if place[1] in values else "…", template
    )


def _filled_exactly(template: str, values: Values) -> str:
    """A command or SQL with its {places} filled with the exact value; what is no plain word is quoted as an SQL name."""

    def exact(place: re.Match[str]) -> str:
        text = str(values.get(place[1], f"<{place[1]}>"))
        if place[1] in ("remedy", "mend", "aims", "look"):  # whole statements, made and quoted by the check's own query
            return text
        plain = re.fullmatch(r"[\w.:-]+(\([\w ,.\[\]\"]*\))?", text)
        return text if plain else '"' + text.replace('"', '""') + '"'

    return _PLACE.sub(exact, template)


def shown(value: object, now: datetime | None, name: str = "") -> str:
    """A value of evidence in words: spans of time, numbers with separators where they count something, lists."""
    if value is None:
        return "none"
    if isinstance(value, timedelta):  # for how long something is so: as the age of the same instant elsewhere
        seconds = value.total_seconds()
        return formatting.duration(float(int(seconds)) if seconds >= 1 else seconds)
    if isinstance(value, datetime):
        if now is not None and value > now:
            return f"in {formatting.duration(value - now)}"
        return f"{formatting.age(value, now)} ago"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_minutes") and isinstance(value, int | float | Decimal):
        return formatting.duration(float(value) * 60)
    if isinstance(value, int | float):
        return str(value) if NAMES_NO_COUNT.search(name) else formatting.count(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(shown(item, now, name) for item in value)
    return formatting.told_apart(str(value), WRITTEN.get(name)) if name not in OUR_SENTENCES else str(value)

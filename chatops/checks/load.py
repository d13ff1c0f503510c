"""Reads check files: one query each that selects the offending rows, with what a person must know about it in its head."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from chatops import sqlfiles
from chatops.errors import UsageError
from chatops.model import Severity

Group = Literal["schema", "data", "now"]
Kind = Literal["state", "history"]

CODE = re.compile(r"^[A-Z]{2,8}[0-9]{3}$")
_REQUIRED = ("code", "title", "severity", "group", "expected")


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its query and its head.

    `group`: schema gates a deploy, data reports, now is what only `diagnose` asks. `kind`: history looks back over a window.
    `reads` are the tables that must be readable in full, `needs_role` the predefined role without which the server hides what it
    asks; `limits` are the thresholds it is measured against; `help_command` is what
    follows the word `chatops`, with {column} of the first row; `help_sql` the same as SQL; `help_text` says it in words.
    `fails_on_error`: an error of the query is the fault that it looks for. `shares` names what it has in common with other
    checks: those with the same first name are asked together; `needs_table` must be there, readable or not;
    `if_absent`: without this table of ours
    there is nothing to find. `leads`: it stands before all others of its severity.
    """

    code: str
    question: str
    title: str
    title_one: str
    severity: Severity
    group: Group
    kind: Kind
    expected: str
    sql: str
    invariant: str | None = None
    why: str = ""
    consequence: str = ""
    help_command: str | None = None
    help_sql: str | None = None
    help_text: str | None = None
    says: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    needs_role: str | None = None
    fails_on_error: bool = False
    shares: tuple[str, ...] = ()
    needs_table: str | None = None
    if_absent: str | None = None
    leads: bool = False
    shipped: bool = True
    sql_before_018: str | None = None
    broken: str | None = None
    """Why it cannot be asked."""

    def query(self, *, before_018: bool, alone: bool = True) -> str:
        """The query for a database with or without the queue's clocks, the views that it needs inlined.

        What it shares with other checks is a CTE of it, unless it does not stand `alone`; a check of somebody's own need not
        repeat that.
        """
        text = self.sql_before_018 if before_018 and self.sql_before_018 is not None else self.sql
        if not alone:
            text = sqlfiles.without_shared(text, self.shares)
        own = sqlfiles.body(sqlfiles.with_views(text, before_018=before_018))
        named = [name for name in self.shares if not self.shipped and alone and f"{name} as materialized" not in own]
        return sqlfiles.in_front(", ".join(map(sqlfiles.shared, named)), own) if named else own

    def heading(self, count: int) -> str:
        """The title with its number."""
        from chatops import formatting

        return self.title_one if count == 1 else self.title.replace("{count}", formatting.count(count))


@cache
def shipped() -> tuple[Check, ...]:
    """Every check that chatops ships, by code."""
    names = [name for name in sqlfiles.names("checks") if not name.endswith(".before_018")]
    found = []
    for name in names:
        variant = sqlfiles.root() / "checks" / f"{name}.before_018.sql"
        found.append(
            _check(
                sqlfiles.read(f"checks/{name}.sql"),
                f"sql/checks/{name}.sql",
                before_018=variant.read_text(encoding="utf-8") if variant.exists() else None,
            )
        )
    return tuple(found)


def from_folder(folder: Path) -> tuple[Check, ...]:
    """The checks of somebody's own folder; a file that is no check is one that cannot run, and says why.

    Raises UsageError when there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder} with checks")
    found: list[Check] = []
    known = {check.code for check in shipped()}
    for path in sorted(folder.glob("*.sql")):
        try:
            check = _check(path.read_text(encoding="utf-8"), str(path), shipped=False)
        except (UsageError, UnicodeDecodeError, OSError) as error:
            check = _broken(path, error.message if isinstance(error, UsageError) else f"{path}: {error}", known)
        if check.code in known:
            check = _broken(path, f"{path}: the code {check.code} is taken", known)
        known.add(check.code)
        found.append(check)
    return tuple(found)


def _broken(path: Path, reason: str, known: Collection[str]) -> Check:
    """A file that is no check, under the first code that can be made of its name."""
    stem = re.sub(r"[^A-Z0-9]+", "_", path.stem.upper())
    code = next(name for name in (stem, *(f"{stem}_{number}" for number in range(2, 1000))) if name not in known)
    return Check(
        code=code, question=path.name, title=reason, title_one=reason, severity=Severity.WARNING, group="data", kind="state",
        expected="the file is a check", sql="", shipped=False, broken=reason,
    )  # fmt: skip


def chosen(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> tuple[Check, ...]:
    """The checks that were asked for by code. Raises UsageError for codes that do not exist, with the nearest ones."""
    import difflib

    known = [check.code for check in checks]
    for code in (*only, *skip):
        if code not in known:
            near = difflib.get_close_matches(code, known, 3)
            raise UsageError(
                f"there is no check {code!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""),
                next_steps=[("all codes", "chatops explain")],
            )
    return tuple(check for check in checks if (not only or check.code in only) and check.code not in skip)


def codes_of(texts: Sequence[str]) -> list[str]:
    """Codes given as repeated options or separated by commas, in capitals.

    >>> codes_of(["chat001,CHAT003", "db001"])
    ['CHAT001', 'CHAT003', 'DB001']
    """
    return [code.strip().upper() for text in texts for code in text.split(",") if code.strip()]


def _check(text: str, where: str, *, shipped: bool = True, before_018: str | None = None) -> Check:
    head = sqlfiles.header(text)
    missing = [key for key in _REQUIRED if not head.get(key)]
    if missing:
        raise UsageError(f"{where}: its head lacks {', '.join(f'-- {key}:' for key in missing)}")
    if not CODE.match(head["code"]):
        raise UsageError(f"{where}: a code is capitals and three digits, such as SHOP001, not {head['code']!r}")
    severities = {severity.value: severity for severity in Severity}
    kind = head.get("kind", "state")
    if head["severity"] not in severities or head["group"] not in get_args(Group) or kind not in get_args(Kind):
        raise UsageError(
            f"{where}: severity is one of {', '.join(severities)}; group of {', '.join(get_args(Group))}; "
            f"kind of {', '.join(get_args(Kind))}"
        )
    if not sqlfiles.body(text):
        raise UsageError(f"{where}: it holds no query")
    first = text.lstrip("\ufeff").splitlines()[0]
    return Check(
        code=head["code"],
        question=first.removeprefix("--").strip(),
        title=head["title"],
        title_one=head.get("title-one", head["title"].replace("{count}", "1")),
        severity=severities[head["severity"]],
        group=head["group"],  # type: ignore[arg-type]
        kind=kind,  # type: ignore[arg-type]
        expected=head["expected"],
        sql=text,
        invariant=head.get("invariant"),
        why=head.get("why", ""),
        consequence=head.get("consequence", ""),
        help_command=head.get("help"),
        help_sql=head.get("help-sql"),
        help_text=head.get("help-text"),
        says=tuple(filter(None, (phrase.strip() for phrase in head.get("says", "").split("·")))),
        reads=tuple(filter(None, re.split(r"[,\s]+", head.get("reads", "")))),
        limits=tuple(filter(None, re.split(r"[,\s]+", head.get("limits", "")))),
        needs_role=head.get("needs-role"),
        fails_on_error=head.get("on-error") == "failed",
        shares=tuple(filter(None, re.split(r"[,\s]+", head.get("shares", "")))),
        needs_table=head.get("needs-table"),
        if_absent=head.get("if-absent"),
        leads=head.get("leads") == "yes",
        shipped=shipped,
        sql_before_018=before_018,
    )

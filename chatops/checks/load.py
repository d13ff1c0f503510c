"""Reads check files: one query each that selects the offending rows, with what a person must know about it in its head."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, cast

from chatops import formatting, sqlfiles
from chatops.checks import heads
from chatops.checks.heads import Head
from chatops.checks.limits import Limit, declared
from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.model import Severity

Group = Literal["schema", "data", "now"]
Kind = Literal["state", "history", "touched"]

_VARIANT = ".before_018"
CODE = re.compile(r"^[A-Z]{2,8}[0-9]{3}$")
_COUNTED = re.compile(r"\{count\} ((?:[a-z]+ )??[a-z]+s)\b")
"""What a title counts: `3 foreign objects` of `3 foreign objects change …`."""
_BY_ROW = re.compile(r"\{(?:remedy|mend|forget|statement)\}")
SEVERITIES: Mapping[str, Severity] = {severity.value: severity for severity in Severity}


@frozen
class Check:
    """One check: its query and its head.

    `group`: schema gates a deploy, data reports, now is what only `diagnose` asks. `kind`: history looks back over a window;
    touched looks at what is so now, at all of it where the tables are small, else at what was written in the window.
    `reads` are the tables that must be readable in full, `needs_role` the predefined role without which the server hides what it
    asks; `limits` are the thresholds it is measured against; `help_command` is what
    follows the word `chatops`, with {column} of each row; `help_sql` the same as SQL; `help_text` says it in words,
    with what follows the word `chatops` between backticks.
    `fails_on_error`: an error of the query is the fault that it looks for. `shares` names what it has in common with other
    checks: those with the same first name are asked together; `needs_table` must be there, readable or not;
    `if_absent`: without this table of ours there is nothing to find. `leads`: it stands before all others of its severity;
    `users_wait`: somebody waits because of it; `brief`: its title in a few words; `dated`: its rows
    tell since when it is so. `declares`: the limits that it brings with it.
    `compares`: what a row is set against, if it is not judged alone. `of_database`: one answer for all schemas of a database.
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
    critical: str = ""
    """What makes it critical, where its severity says less."""
    advice: str = ""
    """What makes it advice, where its severity says more."""
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
    partly: bool = False
    fails_on_error: bool = False
    shares: tuple[str, ...] = ()
    avoids: str | None = None
    """What the planner shall do without in its query."""
    needs_table: str | None = None
    if_absent: str | None = None
    if_extension: str | None = None
    """Without this extension there is nothing to find."""
    only_if: str | None = None
    """Where this query of sql/queries says no, there is nothing to find."""
    leads: bool = False
    brief: str | None = None
    narrow: tuple[str, str] | None = None
    """Its title without names, for many rows and for one: what fits where many findings share a narrow screen."""
    users_wait: bool = False
    meanwhile: bool = False
    """Whether its rows may be what is left of a time in which guards, triggers or functions were off."""
    dated: bool = True
    declares: tuple[Limit, ...] = ()
    compares: str = ""
    of_database: bool = False
    unplanted: str | None = None
    """Why there is no example of it."""
    shipped: bool = True
    sql_before_018: str | None = None
    broken: str | None = None
    """Why it cannot be asked."""

    def query(self, *, before_018: bool, alone: bool = True) -> str:
        """The query for a database with or without the queue's clocks, the views that it needs inlined.

        What it shares with other checks is a CTE of it, unless it does not stand `alone`; a check of somebody's own need not
        name that.
        """
        text = self.sql_before_018 if before_018 and self.sql_before_018 is not None else self.sql
        own = _completed(text if alone else sqlfiles.without_shared(text), before_018=before_018)
        named = [name for name in self.shares if not self.shipped and alone and f"{name} as materialized" not in own]
        return sqlfiles.in_front(", ".join(map(sqlfiles.shared, named)), own) if named else own

    @property
    def helps_by_row(self) -> bool:
        """Whether each row has a statement or command of its own that mends it."""
        return "{" in (self.help_sql or "") or any(_BY_ROW.search(text or "") for text in (self.help_command, self.help_text))

    @property
    def leaves_traces(self) -> bool:
        """Whether rows stay wrong when what it finds is mended: its help names what looks for them."""
        return "meanwhile: `diagnose " in (self.help_text or "")

    @property
    def compares_all(self) -> bool:
        """Whether it says nothing about some chats alone."""
        return self.compares in ("all", "operators", "totals")

    @property
    def names_chats(self) -> bool:
        """Whether a row of it may be about a chat."""
        return self.compares != "totals"

    @property
    def told_by_own_rows(self) -> bool:
        """Whether what it says of a chat is told by the rows of that chat, of its operator's and of the same two people's."""
        return self.shipped and self.group == "data" and "chat_id" in self.sql and self.compares in ("", "operators")

    def heading(self, count: int) -> str:
        """The title with its number."""
        return self.title_one if count == 1 else self.title.replace("{count}", formatting.count(count))

    def narrow_heading(self, count: int) -> str:
        """The title without names, with its number; "" where it has none."""
        many, one = self.narrow or ("", "")
        return (one if count == 1 else many).replace("{count}", formatting.count(count))

    def counted(self, count: int) -> str:
        """So many of what it finds, in words that need no row of them: of one as of many."""
        brief = (self.brief or "").replace("{count}", formatting.count(count))
        whole = (text for text in (brief, self.heading(count), self.narrow_heading(count)) if text and "{" not in text)
        return next(whole, f"{formatting.count(count)} not as expected: {self.expected}")

    def others(self, count: int) -> str:
        """So many more of what its title counts, as its title calls them: rows, where it does not say."""
        named = _COUNTED.search(self.title)
        many = named[1] if named else "rows"
        one = many.removesuffix("ies") + "y" if many.endswith("ies") else re.sub("(?<=x)es$|s$", "", many)
        return formatting.plural(count, f"more {one}", f"more {many}")


@lru_cache(maxsize=500)
def _completed(text: str, *, before_018: bool) -> str:
    """A check's text with what it shares and the views that it needs in their places."""
    return sqlfiles.body(sqlfiles.with_views(sqlfiles.with_shared(text, before_018=before_018), before_018=before_018))


@cache
def shipped() -> tuple[Check, ...]:
    """Every check that chatops ships, by code. Raises UsageError for a head that says what there is not."""
    texts = {name: sqlfiles.read(f"checks/{name}.sql") for name in sqlfiles.names("checks") if not name.endswith(_VARIANT)}
    read = {name: Head(text, f"sql/checks/{name}.sql") for name, text in texts.items()}
    known = _declared(read.values(), {})
    return tuple(_check(texts[name], head, known, name=name) for name, head in read.items())


@cache
def limits() -> Mapping[str, Limit]:
    """Every limit of the shipped checks, by name; those of platform_config first."""
    found = [limit for check in shipped() for limit in check.declares]
    return {limit.name: limit for limit in sorted(found, key=lambda limit: not limit.in_platform_config)}


def from_folder(folder: Path) -> tuple[Check, ...]:
    """The checks of somebody's own folder; a file that is no check is one that cannot run, and says why.

    Raises UsageError when there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder} with checks")
    found: list[Check] = []
    known = {check.code for check in shipped()}
    declared_by_others = dict(limits())
    for path in sorted(folder.glob("*.sql")):
        try:
            text = path.read_text(encoding="utf-8")
            head = Head(text, str(path))
            check = _check(text, head, _declared([head], declared_by_others))
        except (UsageError, UnicodeDecodeError, OSError) as error:
            why = "; ".join((error.message, *error.details)) if isinstance(error, UsageError) else f"{path}: {error}"
            check = _broken(path, why, known)
        if check.code in known:
            check = _broken(path, f"{path}: the code {check.code} is taken", known)
        known.add(check.code)
        declared_by_others |= {limit.name: limit for limit in check.declares}
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
    known = [check.code for check in checks]
    for code in (*only, *skip):
        if code not in known:
            raise no_check(code, checks)
    return tuple(check for check in checks if (not only or check.code in only) and check.code not in skip)


def no_check(typed: str, checks: Sequence[Check]) -> UsageError:
    """That there is no such check, with the codes that were perhaps meant: spelt alike, else those about the word."""
    near = _near(typed.upper(), [check.code for check in checks])
    if not near and len(word := typed.strip().lower()) > 2:
        near = [one.code for one in checks if re.search(rf"\b{re.escape(word)}", f"{one.question} {one.title}".lower())][:3]
    guess = f"; did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?" if near else ""
    return UsageError(f"there is no check {typed!r}{guess}", next_steps=[("all codes", "chatops explain")])


def code_typed(text: str) -> str | None:
    """The shipped code that a text is, in whatever letters; None for what is none.

    >>> code_typed("chat007"), code_typed(" CHAT007,"), code_typed("18cf01f4")
    ('CHAT007', 'CHAT007', None)
    """
    word = text.strip(" ,;:'\"`").upper()
    return word if any(check.code == word for check in shipped()) else None


def _near(code: str, known: Sequence[str]) -> list[str]:
    """The codes that were perhaps meant: that of the same letters and number first.

    >>> _near("CHAT3", ["CHAT001", "CHAT013", "CHAT003"])[0], _near("QUEUE 11", ["QUEUE001", "QUEUE011"])[0]
    ('CHAT003', 'QUEUE011')
    """
    same: list[str] = []
    if numbered := re.fullmatch(r"([A-Z]+)[\s_-]*(\d{1,4})", code):
        same = [one for one in known if one == f"{numbered[1]}{int(numbered[2]):03}"]
    return list(dict.fromkeys([*same, *difflib.get_close_matches(code, known, 3)]))[:3]


def code_or_set_typed(text: str) -> str | None:
    """Likewise, or the name of a set."""
    word = text.strip(" ,;:'\"`").lower()
    return word if word == MEANWHILE else code_typed(text)


def codes_of(texts: Sequence[str]) -> list[str]:
    """Codes given as repeated options or separated by commas, in capitals.

    >>> codes_of(["chat001,CHAT003", "db001"])
    ['CHAT001', 'CHAT003', 'DB001']
    """
    return [code.strip().upper() for text in texts for code in text.split(",") if code.strip()]


MEANWHILE = "meanwhile"
"""The name of all checks that look for what a time without guards, triggers or functions has left."""


def codes_or_sets(texts: Sequence[str]) -> list[str]:
    """Likewise, where the name of a set stands for its codes."""
    found = [
        [one.code for one in shipped() if one.meanwhile] if code == MEANWHILE.upper() else [code] for code in codes_of(texts)
    ]
    return list(dict.fromkeys(code for codes in found for code in codes))


def names_set(texts: Sequence[str]) -> bool:
    """Whether a set is among what was asked for."""
    return MEANWHILE.upper() in codes_of(texts)


def _declared(read: Collection[Head], before: Mapping[str, Limit]) -> dict[str, Limit]:
    """All limits that these heads declare, beside those from before. Raises UsageError for one that is declared twice."""
    known = dict(before)
    for head in read:
        for entry in head.all("limit"):
            try:
                limit = declared(entry.text)
            except ValueError as error:
                raise UsageError(f"{head.where}:{entry.line}: {error}") from None
            if limit.name in known:
                raise UsageError(f"{head.where}:{entry.line}: the limit {limit.name} is declared already")
            known[limit.name] = limit
    return known


def _check(text: str, head: Head, known: Mapping[str, Limit], *, name: str | None = None) -> Check:
    """The check of one file; a shipped one has a `name`, and what lies beside it in other folders. Raises UsageError."""
    code = head.get("code")
    if not CODE.match(code):
        head.refuse("code", f"a code is capitals and three digits, such as SHOP001, not {code!r}")
    if name is not None and code != name:
        head.refuse("code", f"the code is the name of the file, {name}, not {code!r}")
    if not sqlfiles.body(text):
        head.refuse("", "it holds no query")
    variant = sqlfiles.root() / "checks" / f"{name}{_VARIANT}.sql"
    before_018 = variant.read_text(encoding="utf-8") if name is not None and variant.exists() else None
    head.names("needs", [view for view in sqlfiles.names("views") if not view.endswith(_VARIANT)], "view")
    used = head.names("limits", known, "limit")
    heads.check_parameters(text, head.where, known)
    return Check(
        code=code,
        question=text.lstrip("\ufeff").splitlines()[0].removeprefix("--").strip(),
        title=head.get("title"),
        title_one=head.get("title-one", head.get("title").replace("{count}", "1")),
        severity=SEVERITIES[head.get("severity")],
        group=cast(Group, head.get("group")),
        kind=cast(Kind, head.get("kind", "state")),
        expected=head.get("expected"),
        sql=text,
        critical=head.get("critical"),
        advice=head.get("advice"),
        invariant=head.get("invariant") or None,
        why=head.get("why"),
        consequence=head.get("consequence"),
        help_command=head.get("help") or None,
        help_sql=head.get("help-sql") or None,
        help_text=head.get("help-text") or None,
        says=tuple(filter(None, (phrase.strip() for phrase in re.split("[;·]", head.get("says"))))),
        reads=head.names("reads"),
        limits=used,
        needs_role=head.get("needs-role") or None,
        partly=head.get("partly") == "yes",
        fails_on_error=head.get("on-error") == "failed",
        avoids=head.get("avoids") or None,
        shares=head.names("shares", sqlfiles.names("checks/shared"), "shared query"),
        needs_table=head.get("needs-table") or None,
        if_absent=head.get("if-absent") or None,
        if_extension=head.get("if-extension") or None,
        only_if=next(iter(head.names("only-if", sqlfiles.names("queries"), "query")), None),
        leads=head.get("leads") == "yes",
        brief=head.get("brief") or None,
        narrow=(narrow, head.get("narrow-one", narrow)) if (narrow := head.get("narrow")) else None,
        users_wait=head.get("users-wait") == "yes",
        meanwhile=head.get("meanwhile") == "yes",
        dated=head.get("dated") != "no",
        declares=tuple(declared(entry.text) for entry in head.all("limit")),
        compares=head.get("compares"),
        of_database=head.get("about") == "database",
        unplanted=head.get("unplanted") or None,
        shipped=name is not None,
        sql_before_018=before_018,
    )

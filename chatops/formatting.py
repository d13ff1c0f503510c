"""Numbers, ages and foreign text in words for people; the same everywhere."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chatops.errors import UsageError
from chatops.later import later
from chatops.widths import cut

if TYPE_CHECKING:
    import difflib
else:
    difflib = later("difflib")

_SETS_FIRST = re.compile(r"(set (\S+) [^';]+;) (.+)")
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def duration(seconds: float | timedelta | None) -> str:
    """A span of time in its two largest units, seconds; measured, and so rounded, as an age is not.

    >>> duration(8077), duration(40), duration(0.034), duration(18316800), duration(None), duration(math.nan)
    ('2 h 14 m', '40 s', '0.03 s', '212 d', '—', '—')
    """
    if seconds is None or seconds != seconds:
        return "—"
    if isinstance(seconds, timedelta):
        seconds = seconds.total_seconds()
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds == math.inf:
        return "infinity"
    if seconds < 10:
        return f"{seconds:.2f} s" if 0 < seconds < 1 else f"{seconds:.3g} s"
    whole = round(seconds)
    for index, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            first, rest = divmod(whole, size)
            if unit in ("s",) or (unit == "d" and first >= 10):
                return f"{first} {unit}"
            next_size, next_unit = _UNITS[index + 1]
            second = rest // next_size
            return f"{first} {unit} {second:02d} {next_unit}" if second else f"{first} {unit}"
    return "0 s"


def age(instant: datetime | None, now: datetime | None) -> str:
    """How long ago an instant was, by the given clock (the database's)."""
    if instant is None or now is None:
        return "—"
    if (beyond := getattr(instant, "text", None)) is not None:  # an instant beyond the calendar: what the database says
        return str(beyond)
    return duration(float(max(0, int((now - instant).total_seconds()))))


AHEAD_S = 60
"""Seconds by which an instant of a client may be ahead of the database's clock; one beyond that is not to be believed."""


def ahead(instant: datetime | None, now: datetime | None) -> str:
    """By how much an instant that must be past is ahead, "" where it is not."""
    if instant is None or now is None or getattr(instant, "text", None) is not None:
        return ""
    beyond = (instant - now).total_seconds()
    return duration(beyond) if beyond > AHEAD_S else ""


def ago(instant: datetime | None, now: datetime | None) -> str:
    """How long ago an instant was, or by how much its clock is ahead.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 11, 27, 12, tzinfo=UTC)
    >>> ago(noon, noon.replace(minute=5)), ago(noon.replace(hour=14), noon)
    ('5 m ago', 'by a clock that is 2 h ahead')
    """
    beyond = ahead(instant, now)
    return f"by a clock that is {beyond} ahead" if beyond else f"{age(instant, now)} ago"


def seen(instant: datetime | None, now: datetime | None) -> str:
    """When somebody was last heard of, behind "was" or "last": an age, or that their clock is not to be believed."""
    if instant is None:
        return "never seen"
    return f"seen {ago(instant, now)}"


def back(since: datetime, now: datetime | None) -> str:
    """How far something looks back; a day is told in hours, as of "the last 24 h"."""
    text = age(since, now)
    return "24 h" if text == "1 d" else text


_UNIT = r"ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?"
_SPAN = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![a-z])\s*")


def span(text: str, what: str) -> timedelta:
    """A span of time as people type it. Raises UsageError naming `what` was given.

    >>> span("1h30m", "--since"), span("2 days", "--since")
    (datetime.timedelta(seconds=5400), datetime.timedelta(days=2))
    """
    said = text.strip().lower()
    parts = _SPAN.findall(said)
    if not parts or _SPAN.sub("", said):
        raise UsageError(f"{what} takes a time such as 90s, 30m, 1h, 1h30m or 2d, not “{visible(text)}”")
    sizes = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
    seconds = sum(float(number) * sizes["ms" if unit == "ms" else unit[0]] for number, unit in parts)
    if seconds > 100 * 366 * 86400:
        raise UsageError(f"{what}: more than a hundred years")
    return timedelta(seconds=seconds)


def count(number: float | None) -> str:
    """A number with thousands separated.

    >>> count(1204881)
    '1,204,881'
    """
    if number is None:
        return "—"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "chat"), plural(31, "chat"), plural(2, "is stuck", "are stuck")
    ('1 chat', '31 chats', '2 are stuck')
    """
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def and_more(left: int, one: str = "", many: str | None = None) -> str:
    """How many are left out of a list, as its end or as a line below it; "" where none is.

    >>> and_more(3), and_more(1204, "chat"), and_more(1, "chat"), and_more(0)
    ('and 3 more', 'and 1,204 more chats', 'and 1 more chat', '')
    """
    if left <= 0:
        return ""
    return f"and {plural(left, f'more {one}', many and f'more {many}')}" if one else f"and {count(left)} more"


def listed(names: Iterable[str], most: int, between: str = ", ") -> str:
    """The first of some names, and how many more there are.

    >>> listed(["a", "b", "c"], 2), listed(["a", "b"], 2), listed(["CHAT001", "CHAT002", "DB003"], 2, " ")
    ('a, b and 1 more', 'a, b', 'CHAT001 CHAT002 and 1 more')
    """
    known = list(names)
    return " ".join(filter(None, (between.join(known[:most]), and_more(len(known) - most))))


def first_lines(lines: Sequence[str], most: int) -> list[str]:
    """The first of some lines, and one that says how many more there are.

    >>> first_lines(["a", "b", "c"], 1), first_lines(["a"], 1)
    (['a', 'and 2 more'], ['a'])
    """
    return [*lines[:most], *filter(None, [and_more(len(lines) - most)])]


def did_you_mean(word: str, known: Iterable[str], most: int = 2, likeness: float = 0.6) -> str:
    """The names that are nearest to a word that is none of them, as the end of a sentence; "" when none is near.

    >>> did_you_mean("summry", ["summary", "queue"]), did_you_mean("x", ["summary"])
    ('; did you mean summary?', '')
    """
    near = difflib.get_close_matches(word.lower(), list(known), most, likeness)
    return f"; did you mean {', '.join(near[:-1])}{' or ' if near[1:] else ''}{near[-1]}?" if near else ""


def instant(moment: datetime | None) -> str:
    """An instant as RFC 3339 text in UTC, "" for none."""
    if moment is None:
        return ""
    if moment.tzinfo is None or hasattr(moment, "text"):
        return moment.isoformat()
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Workflow commands of GitHub (a word that is no IPv6 address behind the colons) and of Azure and TeamCity (anywhere).
_OBEYED = re.compile(r"^(\s*)(::)(?=[A-Za-z]*[G-Zg-z-])|()(##)(?=\[|vso\[|teamcity\[)", re.MULTILINE)


def environment(name: str) -> str:
    """What people are told of a stored environment: where nobody had named one it is local, but a tunnel is no local database.

    >>> environment("local"), environment("staging"), environment("production")
    ('not production', 'staging', 'production')
    """
    return "not production" if name == "local" else name


def disarmed(text: str) -> str:
    """The text without lines that a CI system would obey."""
    return _OBEYED.sub(_disarmed, text) if "::" in text or "##" in text else text


def _disarmed(found: re.Match[str]) -> str:
    return f"{found[1] or ''}\\x3a:" if found[2] else "\\x23#"


def instant_to_the_second(moment: datetime) -> str:
    """An instant for people, in UTC.

    >>> instant_to_the_second(datetime.fromisoformat("2026-11-22T15:03:04.5+01:00"))
    '2026-11-22 14:03:04Z'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


_EMOJI = "\u2190-\u21ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_JOINED = "\u0600-\u06ff\u0750-\u077f\u0900-\u0dff"
_JOINERS = re.compile(f"(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])|(?<=[{_JOINED}])[\u200c\u200d](?=[{_JOINED}])")
"""Signs without a width where names have them by right: between emoji, and between Arabic, Persian and Indic letters."""


def visible(text: str, *, lines: bool = False) -> str:
    r"""Foreign text with control, escape and bidirectional characters made visible; line breaks too unless `lines`.

    Nor does it begin a line that a CI system would obey. What was made visible once stays as it is. What joins emoji, and letters
    of scripts that need it, is left out: the parts can be read, in the same columns on every terminal; elsewhere it is told.

    >>> visible("a\x1b[31mb\nc"), visible("::error::no"), visible("::1")
    ('a\\x1b[31mb\\nc', '\\x3a:error::no', '::1')
    """
    text = disarmed(text)
    if text.isprintable():
        return text
    if "\u200d" in text or "\u200c" in text:
        text = _JOINERS.sub("", text)
    out: list[str] = []
    for character in text:
        if character == "\n" and lines:
            out.append(character)
        elif character in "\n\t\r":
            out.append({"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character])
        elif unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
            code = ord(character)
            out.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
        else:
            out.append(character)
    return "".join(out)


_OUR_WORDS = ("none", "yes", "no", "nobody known")
"""What evidence says where there is no value, or a flag."""


def told_apart(text: str, plain: str | None = None) -> str:
    r"""A value of the database between quotes where it could be taken for words of ours, or its blanks be overlooked.

    `plain` is the pattern of what needs none. Not yet made visible.

    >>> told_apart("idle_timeout"), told_apart(""), told_apart("left "), told_apart("none"), told_apart("so late", r"[a-z_]+")
    ('idle_timeout', '""', '"left "', '"none"', '"so late"')
    """
    clear = text.isprintable() and text.strip() == text and "  " not in text and text.lower() not in ("", *_OUR_WORDS)
    return text if clear and (plain is None or re.fullmatch(plain, text)) else '"' + text.replace('"', '\\"') + '"'


def shortened(text: str, width: int) -> str:
    """Foreign text on one line of at most `width` columns, for people only."""
    return cut(visible(" ".join(text.split())), width)


def excerpt(text: str, width: int) -> str:
    """The beginning of a statement on one line of about `width` columns: no name in it is cut, the first word least of all.

    >>> excerpt("create index chats_one_per_operator on chats (id)", 30), excerpt("a_name_of_its_own b", 5)
    ('create index …', 'a_name_of_its_own …')
    """
    whole = visible(" ".join(text.split()))
    kept = cut(whole, width)
    if kept == whole:
        return whole
    end = len(kept) - 1
    if whole[end : end + 1] != " ":
        end = whole.rfind(" ", 0, end) if " " in whole[:end].strip() else (whole + " ").index(" ", end)
    return whole[:end].rstrip() + " …" if end < len(whole) else whole


def called(name: object, width: int = 36) -> str:
    """A person's name for people, "—" for one that cannot be read: as it is, it fits a line of 40 columns below an indent.

    >>> called("Ada Lovelace", 6), called("  "), called(None)
    ('Ada L…', '—', '—')
    """
    return shortened(str(name or ""), width) or "—"


def initial(name: str | None) -> str:
    """A person's name as its first letter, for logs that anybody can read.

    >>> initial("Ada Lovelace")
    'A.'
    """
    # The application may keep it as what is no text.
    letter = next((sign for sign in str(name or "") if sign.isalnum()), "")
    return f"{letter.upper()}." if letter else "—"


def requests(statements: Iterable[str]) -> list[str]:
    """What a shell hands on one by one, so that settings in front of a statement are requests of their own, told once.

    >>> requests(["set search_path = a; drop rule x on t;", "set search_path = a; analyze t;", "begin; commit;"])
    ['set search_path = a;', 'drop rule x on t;', 'analyze t;', 'begin; commit;']
    >>> requests(["set a to b; set x to on; analyze t;", "set a to c; analyze t;", "set a to b; analyze;"])
    ['set a to b;', 'set x to on;', 'analyze t;', 'set a to c;', 'analyze t;', 'set a to b;', 'analyze;']
    """
    told: list[str] = []
    set_now: dict[str, str] = {}
    for statement in statements:
        rest = statement
        while (own := _SETS_FIRST.fullmatch(rest)) is not None:
            if set_now.get(own[2]) != own[1]:
                told.append(own[1])
            set_now[own[2]], rest = own[1], own[3]
        told.append(rest)
    return told

"""Finds the chat or operator that a person means by an id, the beginning of one, or part of a name."""

from __future__ import annotations

import difflib
import re
import shlex
import string
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from chatops import formatting, sqlfiles, states
from chatops.db import Database
from chatops.errors import DatabaseError, RefusedError, UsageError
from chatops.frozen import frozen
from chatops.tables_there import require_rows

SHORTEST_PREFIX = 4
SHORTEST_WORD = 2
MOST_CANDIDATES = 10
MOST_NEAR = 3
EVERY = 1_000_000_000
SHORTEST_NEAR = 6
"""Of fewer characters every other name is near."""
LIKENESS = 0.8
HOW = f"Give a full id, its first {SHORTEST_PREFIX} or more characters, or part of a name."


@frozen
class ChatName:
    """A chat with what tells it from others."""

    id: UUID
    chat_state: str | None
    operator_id: UUID | None
    operator_name: str | None
    user_name: str | None
    profile_name: str | None
    last_message_at: datetime | None
    total: int = 1
    """So many chats are called so."""


@frozen
class OperatorName:
    """An operator with what tells them from others."""

    id: UUID
    name: str | None
    email: str | None
    is_active: bool
    is_available: bool
    last_activity: datetime | None
    total: int = 1
    """So many operators are called so."""

    @property
    def label(self) -> str:
        """The name as people say it, or the beginning of the id."""
        return formatting.visible(self.name or "") or str(self.id)[:8]


_UUID = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])")

_AROUND = " \t\r\n\u00a0'\"`´“”„‘’‚«»‹›()[]{}<>,;"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), None)

Named = TypeVar("Named", ChatName, OperatorName)


def as_meant(text: str) -> str:
    """A name without what copying it brings along: quotes, brackets and commas around it, dots where a screen cut it, dashes
    that are no hyphens, signs that nobody sees.

    >>> as_meant("“18cf01f4…”,"), as_meant("'Gerda Lang'"), as_meant("18cf01f4\u201190d4"), as_meant("O'Brien")
    ('18cf01f4', 'Gerda Lang', '18cf01f4-90d4', "O'Brien")
    """
    found = text.translate(_UNSEEN)
    if re.search(r"[0-9a-fA-F][\u2010-\u2015\u2212][0-9a-fA-F]", found):
        found = found.translate(_DASHES)
    while (less := re.sub(r"(?:…|\.{2,})$", "", found.strip(_AROUND))) != found:
        found = less
    return found or text.strip()


def near_ids(text: str) -> list[tuple[UUID, UUID]]:
    """The ranges of ids that a text misses by one character: another one, one too many or too few, two changed about.

    >>> near_ids("18cf0lf4")[0][0].hex[:8], len(near_ids("3f2b")), near_ids("nobody at all")
    ('18cf00f4', 0, [])
    """
    digits = text.replace("-", "").lower()
    odd = sum(one not in string.hexdigits for one in digits)
    if not SHORTEST_NEAR <= len(digits) <= 33 or odd > 1 or not digits.isascii() or not digits.isalnum():
        return []
    signs = "0123456789abcdef"
    places = range(len(digits))
    near = [digits[:at] + sign + digits[at + 1 :] for at in places for sign in signs]
    near += [digits[:at] + digits[at + 1 :] for at in places]
    near += [digits[:at] + digits[at : at + 2][::-1] + digits[at + 2 :] for at in places]
    near += [digits[:at] + sign + digits[at:] for at in (*places, len(digits)) for sign in signs]
    known = dict.fromkeys(one for one in near if one != digits and len(one) <= 32 and all(sign in signs for sign in one))
    return [(UUID(one.ljust(32, "0")), UUID(one.ljust(32, "f"))) for one in known]


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """The lowest and highest id that begin with a text, None when no id does.

    >>> [str(end) for end in id_range("3f2b8c1e-90")]
    ['3f2b8c1e-9000-0000-0000-000000000000', '3f2b8c1e-90ff-ffff-ffff-ffffffffffff']
    """
    text = text.strip().lower()
    digits = text.replace("-", "")
    if not re.fullmatch(r"[0-9a-f]+(-[0-9a-f]*)*", text) or not SHORTEST_PREFIX <= len(digits) <= 32:
        return None
    if str(UUID(digits.ljust(32, "0")))[: len(text)] != text and "-" in text:
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def ids_in(text: str) -> list[str]:
    """The whole ids in what was pasted: an address of a page, braces, quotes or a line of a table around them.

    >>> ids_in("https://admin.acme.example/chats/3F2B8C1E-90d4-4c1b-9a8e-51c0f7a2d111?tab=1")
    ['3f2b8c1e-90d4-4c1b-9a8e-51c0f7a2d111']
    """
    return list(dict.fromkeys(found.lower() for found in _UUID.findall(text)))


def find_chat(database: Database, text: str) -> ChatName:
    """The one chat that is meant; inside a transaction. Raises UsageError when none or several match, with the candidates."""
    found = chats_like(database, text)
    if len(found) == 1:
        return found[0]
    none = _not_one("chat", text, [told_chat(chat, database) for chat in found], _total(found), _lists(database, text, "chats"))
    if not found:
        operators = operators_like(database, text)
        none.details += tuple(f"an operator does: {told_operator(one, database)}" for one in operators[:MOST_CANDIDATES])
        none.details += () if operators else _guessed(database, text, _near_chats)
    raise none


def find_operator(database: Database, text: str) -> OperatorName:
    """The one operator who is meant; an exact name or e-mail wins over a part. Raises UsageError when none or several match."""
    found = operators_like(database, text)
    if len(found) == 1:
        return found[0]
    told = [told_operator(one, database) for one in found]
    none = _not_one("operator", text, told, _total(found), _lists(database, text, "operators"))
    if not found:
        none.details += _guessed(database, text, _near_operators) + _guessed(database, text, _chats_called)
    raise none


def find_either(database: Database, text: str) -> ChatName | OperatorName:
    """The one chat or operator that is meant. Raises UsageError when none or several match, with the candidates of both."""
    chats, operators = chats_like(database, text), operators_like(database, text)
    found: list[ChatName | OperatorName] = [*chats, *operators]
    if len(found) == 1:
        return found[0]
    lines = [f"chat      {told_chat(chat, database)}" for chat in chats]
    lines += [f"operator  {told_operator(one, database)}" for one in operators]
    kind = "chat or operator" if not found else "chat" if not operators else "operator" if not chats else "chats and operator"
    several = [name for name, some in (("chats", chats), ("operators", operators)) if some]
    none = _not_one(kind, text, lines, _total(chats) + _total(operators), _lists(database, text, *several))
    none.details += () if found else _guessed(database, text, _near_chats) + _guessed(database, text, _near_operators)
    raise none


def chats_like(database: Database, text: str) -> list[ChatName]:
    """The chats that a text may mean, a few of them: who waits or is held first, then the newest."""
    return _candidates(database, ChatName, "queries/find_chat.sql", text, "chat")


def operators_like(database: Database, text: str) -> list[OperatorName]:
    """The operators whom a text may mean, a few of them, who works first; one alone whose name or e-mail it is."""
    found = _candidates(database, OperatorName, "queries/find_operator.sql", text, "operator")
    wanted = as_meant(text).lower()
    exact = [one for one in found if wanted in ((one.name or "").lower(), (one.email or "").lower())]
    return exact if len(exact) == 1 else found


def every_operator_like(database: Database, text: str) -> set[UUID]:
    """The ids of all operators whom a text may mean; inside a transaction. Raises UsageError where it can mean nobody."""
    return {one.id for one in _candidates(database, OperatorName, "queries/find_operator.sql", text, "operator", EVERY)}


def as_range_and_word(text: str, kind: str) -> tuple[UUID | None, UUID | None, str | None]:
    """The range of ids that begin with a text, and the part of a name that it is. Raises UsageError where it is too short."""
    low, high = id_range(text) or (None, None)
    if len(text) < SHORTEST_WORD or "\0" in text:
        article = "an" if kind == "operator" else "a"
        raise UsageError(f"“{formatting.visible(text)}” is too short to name {article} {kind}", details=(HOW,))
    return low, high, None if low is not None and low == high else text


def told_chat(chat: ChatName, database: Database) -> str:
    """A chat with what tells it from others: who writes with whom, its state and holder, how old its last message is."""
    now = database.facts.now if database.facts else None
    pair = f"{_shown(chat.user_name, database)} → {_shown(chat.profile_name, database)}"
    last = f"last message {formatting.age(chat.last_message_at, now)} ago" if chat.last_message_at else "no message"
    return f"{chat.id}  {pair}, {states.brief(chat.chat_state)}, {_holder(chat, database)}, {last}"


def told_operator(one: OperatorName, database: Database) -> str:
    """An operator with what tells them from others."""
    now = database.facts.now if database.facts else None
    is_there = "inactive" if not one.is_active else "available" if one.is_available else "away"
    seen = f"seen {formatting.age(one.last_activity, now)} ago" if one.last_activity else "never seen"
    return f"{one.id}  {_shown(one.name, database)}, {is_there}, {seen}"


def _holder(chat: ChatName, database: Database) -> str:
    if chat.operator_id is None:
        return "nobody holds it"
    named = (chat.operator_name or "").strip()
    return f"held by {_shown(named, database) if named else chat.operator_id}"


def _shown(name: str | None, database: Database) -> str:
    return formatting.called(name, 30) if database.show_names else formatting.initial(name)


def _candidates(
    database: Database, row: type[Named], query: str, text: str, kind: str, most: int = MOST_CANDIDATES + 1
) -> list[Named]:
    asked = ids_in(text) or [as_meant(text)]
    found: dict[UUID, Named] = {}
    for one in asked[:MOST_CANDIDATES]:
        low, high, word = as_range_and_word(one, kind)
        parameters = {"low": low, "high": high, "word": word, "most": most}
        text_of_query = sqlfiles.read(query)
        require_rows(database, text_of_query)
        found |= {row.id: row for row in database.rows(row, text_of_query, parameters)}
    return list(found.values())


def _guessed(database: Database, text: str, near: Callable[[Database, str], tuple[str, ...]]) -> tuple[str, ...]:
    """Who was perhaps meant; nobody where that cannot be asked: a guess never takes the place of what went wrong."""
    try:
        with database.savepoint():
            return near(database, text)
    except (DatabaseError, RefusedError):
        return ()


def _chats_called(database: Database, text: str) -> tuple[str, ...]:
    """The chats that a text names where an operator was meant, in words."""
    return tuple(f"a chat does: {told_chat(one, database)}" for one in chats_like(database, text)[:MOST_NEAR])


def _near_chats(database: Database, text: str) -> tuple[str, ...]:
    """The chats whose id, or whose user's name, is one character from a text, in words."""
    meant = as_meant(text)
    ranges = near_ids(meant)
    parameters = {
        "lows": [low for low, _ in ranges], "highs": [high for _, high in ranges], "names": _near_names(meant), "most": MOST_NEAR,
    }  # fmt: skip
    query = sqlfiles.read("queries/find_near_chats.sql")
    require_rows(database, query)
    near = {found.id: found for (one,) in database.tuples(query, parameters) for found in chats_like(database, str(one))}
    return tuple(f"did you mean {told_chat(one, database)}?" for one in near.values())


def _near_names(text: str) -> list[str]:
    """The names that a text misses by one character, of letters, digits, blanks and hyphens."""
    if not SHORTEST_NEAR <= len(text) <= 40:
        return []
    signs = string.ascii_lowercase + string.digits + "-_ ."
    places = range(len(text))
    near = [text[:at] + sign + text[at + 1 :] for at in places for sign in signs]
    near += [text[:at] + text[at + 1 :] for at in places]
    near += [text[:at] + text[at : at + 2][::-1] + text[at + 2 :] for at in places]
    near += [text[:at] + sign + text[at:] for at in (*places, len(text)) for sign in signs]
    return list(dict.fromkeys(near))


def _near_operators(database: Database, text: str) -> tuple[str, ...]:
    """The operators whose id is one character from a text, or whose name or e-mail is like it, in words."""
    meant = as_meant(text).lower()
    query = sqlfiles.read("queries/find_near_operators.sql")
    require_rows(database, query)
    everybody = database.rows(OperatorName, query)
    ranges = near_ids(meant)
    near = [one for one in everybody if any(low <= one.id <= high for low, high in ranges)]
    called: dict[str, OperatorName] = {}
    for one in everybody:
        for name in (one.name or "", *(one.name or "").split(), one.email or ""):
            called.setdefault(name.lower(), one)
    alike = difflib.get_close_matches(meant, called, MOST_NEAR, LIKENESS)
    near += [one for one in map(called.__getitem__, alike) if one not in near]
    return tuple(f"did you mean {told_operator(one, database)}?" for one in near[:MOST_NEAR])


def _total(found: Sequence[ChatName] | Sequence[OperatorName]) -> int:
    """How many there are in all. Several pasted ids are asked one by one."""
    return max([len(found), *(one.total for one in found)])


def _lists(database: Database, text: str, *commands: str) -> list[tuple[str, str]]:
    """The commands that list everybody whom a text may mean."""
    word = shlex.quote((ids_in(text) or [as_meant(text)])[0])
    flags = database.target.flags
    return [(f"all {name}", " ".join(filter(None, ("chatops", flags, name, "--name", word)))) for name in commands]


def _not_one(kind: str, text: str, lines: list[str], total: int, lists: list[tuple[str, str]]) -> UsageError:
    shown = formatting.shortened(text, 60)
    if not lines:
        return UsageError(f"no {kind} matches “{shown}”", details=(HOW,))
    candidates = lines[:MOST_CANDIDATES]
    told = [*candidates, *filter(None, [formatting.and_more(total - len(candidates))])]
    return UsageError(f"“{shown}” matches {formatting.count(total)} {kind}s; use an id", details=told, next_steps=lists)

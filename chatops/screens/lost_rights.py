"""Which roles can do less once files are in, in sentences, and the grants that keep it: before a question, and after the run."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from chatops import formatting
from chatops.db import literal
from chatops.frozen import frozen
from chatops.model import Line, Span
from chatops.screens.lines import described

if TYPE_CHECKING:  # what is only read about
    from chatops.migrations.lost_rights import RoleLoses
    from chatops.migrations.run_roles import RoleNow, Taken

MOST_MEMBERS = 3
MOST_SHORT = 3
"""So many roles are named in short."""
MOST_TENANTS = 3
"""So many tenants are named of those where a role loses the same."""


@frozen
class TenantLoses:
    """What a role loses in one tenant: `place` is its database, `psql` how a command begins that runs a statement there."""

    label: str
    place: Hashable
    schema: str
    psql: str
    loses: RoleLoses


def lines(losses: Sequence[RoleLoses], psql: str, width: int) -> list[Line]:
    """Each role with what it loses, and the lines that keep it; `psql` is how these begin, `width` in columns, 0 for endless."""
    if not losses:
        return []
    found: list[Line] = ["", [Span("Roles that lose what they can do now, unless it is granted:", "strong")]]
    for one in losses:
        said = [who(one), *(f"· {sentence}" for sentence in sentences(one))]
        found += described([(one.role if not place else "", text) for place, text in enumerate(said)], width)
        found += [[Span(f"  {label}: "), Span(runs(psql, grant), "code")] for label, grant in grants(one)]
    return found


def runs(psql: str, grant: str) -> str:
    """The line that runs a grant, for a shell; `psql` is how the command begins.

    >>> runs("chatops psql --write -- -c", "grant select on chats to web;")
    "chatops psql --write -- -c 'grant select on chats to web;'"
    """
    return f"{psql} {shlex.quote(formatting.visible(grant))}"


def who(one: RoleLoses | RoleNow) -> str:
    """What kind of role it is.

    >>> from chatops.migrations.lost_rights import RoleLoses
    >>> who(RoleLoses("app", True, (), True, (), (), (), None, None))
    'logs in, writes the chats'
    >>> who(RoleLoses("web", False, ("a", "b", "c", "d"), False, (), (), (), None, None))
    'a group: a, b, c and 1 more log in; reads the chats'
    """
    members = f"{formatting.listed(map(formatting.visible, one.members), MOST_MEMBERS)} {_logs(one.members)}"
    kind = "logs in" if one.logs_in else f"a group: {members}" if one.members else "nobody logs in as it"
    return f"{kind}{'; ' if one.members and not one.logs_in else ', '}{'writes' if one.writes else 'reads'} the chats"


def _logs(members: Sequence[str]) -> str:
    return "logs in" if len(members) == 1 else "log in"


def sentences(one: RoleLoses) -> list[str]:
    """What it may not do any more.

    >>> from chatops.migrations.lost_rights import RoleLoses
    >>> sentences(RoleLoses("app", True, (), True, ("assign",), (), (), None, None))
    ['may not call assign() any more (42501): it may now because everybody may']
    """
    found = []
    if one.calls:
        found.append(f"may not call {_calls(one.calls)} any more (42501): it may now because everybody may")
    if one.reads:
        found.append(f"may not ask {_calls(one.reads)} any more (42501): they read columns of chats that it is not granted")
    if one.tables:
        tables = " and ".join(one.tables)
        found.append(f'may not "select *" from {tables} any more (42501): it was granted column by column, and there are more')
    return found


def grants(one: RoleLoses) -> list[tuple[str, str]]:
    """The statements, and when each is to be run: who only reads the chats may call by chance what everybody may."""
    first = "grant first" if one.writes else "if it must call them, first"
    return [(when, grant) for when, grant in ((first, one.first), ("grant after", one.afterwards)) if grant]


def in_short(losses: Sequence[RoleLoses], psql: str, where: str) -> list[Line]:
    """Who of those that write the chats loses what, and what to run, in a few lines; `where` the others are told."""
    named = [one for one in losses if one.writes][:MOST_SHORT]
    found: list[Line] = []
    for one in named:
        told = f"{formatting.visible(one.role)}, which writes the chats, loses {', '.join(_lost(one))}:"
        found.append([Span(told, "warning")])
        found += [[Span(f"  {label}: "), Span(runs(psql, grant), "code")] for label, grant in grants(one)]
    if more := len(losses) - len(named):
        single, several = ("other role loses", "other roles lose") if named else ("role loses", "roles lose")
        found.append(f"{formatting.plural(more, single, several)} something ({where}).")
    return found


def since_now(losses: Sequence[RoleLoses], psql: str) -> list[Line]:
    """Who can do less now that the files are in, and what gives it back."""
    found: list[Line] = []
    for one in losses:
        now = [f"{formatting.visible(one.role)} {sentence.partition(' (42501)')[0]}." for sentence in sentences(one)]
        found += [[Span(sentence, "warning")] for sentence in now]
        found += [[Span("  if it must: "), Span(runs(psql, grant), "code")] for grant in one.grants]
    return found


def rows_now(roles: Sequence[RoleNow], taken: Sequence[Taken], psql: str) -> list[dict[str, str]]:
    """After a run, a row a role: what it is, what of assigning and releasing it may call, what not any more, what gives it back.

    >>> from chatops.migrations.run_roles import RoleNow, Taken
    >>> app = RoleNow("app", True, (), True, ("assign",), True)
    >>> (row,) = rows_now([app], [Taken("app", "release", "grant x;")], "psql -c")
    >>> row["may"], row["back"]
    ('may call assign() (granted); not release() any more, which a file took from everybody', "psql -c 'grant x;'")
    """
    found = []
    for one in roles:
        lost = [each for each in taken if each.role == one.role]
        may = f"may call {_calls(one.calls)} ({'granted' if one.granted else 'as everybody may'})" if one.calls else ""
        if not one.calls and not lost:
            may = "may call neither assign_chat_to_operator() nor release_and_reassign_chat()"
        gone = f"not {_calls([each.name for each in lost])} any more, which a file took from everybody" if lost else ""
        back = runs(psql, " ".join(each.remedy for each in lost)) if lost else ""
        found.append({"role": one.role, "is": who(one), "may": "; ".join(filter(None, (may, gone))), "back": back})
    return found


def of_many(tenants: Sequence[TenantLoses], *, now: bool = False) -> list[Line]:
    """The same for many tenants: a role that loses the same in several is told once, those that write first.

    `now`: the files are in.
    """
    found: list[Line] = []
    for some in _alike(tenants):
        one, where = some[0].loses, _where([each.label for each in some])
        role = formatting.visible(one.role)
        if now:
            told = [f"{role} {sentence.partition(' (42501)')[0]} {where}." for sentence in sentences(one)]
        else:
            verb = "writes" if one.writes else "only reads"
            told = [f"{role}, which {verb} the chats, loses {', '.join(_lost(one))} {where}:"]
        found += [[Span(sentence, "warning")] for sentence in told]
        places: dict[Hashable, list[TenantLoses]] = {}
        for each in some:
            places.setdefault(each.place, []).append(each)
        for label, grant in [("if it must", grant) for grant in one.grants] if now else grants(one):
            for there in places.values():
                line = runs(there[0].psql, _in_each([each.schema for each in there], grant))
                found.append([Span(f"  {label}: "), Span(line, "code")])
    return found


def of_many_as_data(tenants: Sequence[TenantLoses]) -> list[dict[str, object]]:
    """The same for programs: a role with what it loses, and the tenants where it does."""
    return [{**asdict(some[0].loses), "tenants": [each.label for each in some]} for some in _alike(tenants)]


def _alike(tenants: Sequence[TenantLoses]) -> list[list[TenantLoses]]:
    """By role and by what is lost; roles that write the chats come first."""
    found: dict[object, list[TenantLoses]] = {}
    for each in tenants:
        found.setdefault(repr(each.loses), []).append(each)
    return sorted(found.values(), key=lambda some: (not some[0].loses.writes, some[0].loses.role, -len(some)))


def _where(labels: Sequence[str]) -> str:
    """In which tenants.

    >>> _where(["a"]), _where(["a", "b"]), _where(["a", "b", "c", "d", "e"])
    ('in a', 'in 2 tenants (a, b)', 'in 5 tenants (a, b, c and 2 more)')
    """
    if len(labels) == 1:
        return f"in {formatting.visible(labels[0])}"
    named = formatting.listed(map(formatting.visible, labels), MOST_TENANTS)
    return f"in {formatting.plural(len(labels), 'tenant')} ({named})"


def _in_each(schemas: Sequence[str], grant: str) -> str:
    """A grant that goes by the search_path, in each of these schemas of a database.

    >>> _in_each(["a"], "grant x;")
    'grant x;'
    >>> _in_each(["a", "b"], "grant x;").partition(" loop ")[0]
    "do $$ declare s text; begin foreach s in array array['a', 'b']"
    """
    if len(schemas) == 1:
        return grant
    named = ", ".join(literal(one) for one in schemas)
    return (
        f"do $$ declare s text; begin foreach s in array array[{named}] loop"
        f" perform set_config('search_path', quote_ident(s), true); {grant} end loop; end $$"
    )


def _lost(one: RoleLoses) -> list[str]:
    return [*(f"{name}()" for name in (*one.calls, *one.reads)), *(f"new columns of {table}" for table in one.tables)]


def as_data(losses: Sequence[RoleLoses]) -> list[dict[str, object]]:
    """The same for programs."""
    return [asdict(one) for one in losses]


def _calls(names: Sequence[str]) -> str:
    return " and ".join(f"{name}()" for name in names)

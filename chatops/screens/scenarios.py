"""The guide's tests on the screen: the verdict, each step with what was expected and seen, and what remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from chatops import formatting
from chatops.chats.scenario_stage import Played, Verdict
from chatops.chats.scenarios import Performance, ToTry
from chatops.model import Answer, Line, Outcome, Span, Style, Table, Text, named

SIGNS: dict[Verdict, tuple[str, Style]] = {
    "passed": ("✓", "ok"), "failed": ("✗", "critical"), "unknown": ("?", "warning"),
    "not tried": ("○", "warning"), "not promised": ("–", "dim"),
}  # fmt: skip

SEQUENCES = {
    "queue_returns": "how often chats came back into the queue",
    "refusals_late_reply": "late replies that were refused",
    "refusals_operator_busy": "moves to a busy operator that were refused",
}
"""What the numbers of our sequences are."""


def answer(played: Performance, where: str = "rolled back, no row remains") -> Answer:
    """`chatops verify --scenarios`: the verdict, then each step with what was expected and seen."""
    left = f"{played.remaining} made-up rows REMAIN" if played.remaining else where
    sequences = _sequences_told(played.moved or {})
    style: Style = "critical" if not played.passed else "warning" if played.untried else "ok"
    lines: list[Line] = [[Span(f"{summary(played)}; {left}", style)], ""]
    for step in played.steps:
        sign, style = SIGNS[step.result]
        lines.append([Span(sign, style), Span(f" {step.name}"), Span(f"  {_beside(step)}".rstrip(), "dim")])
        if step.result not in ("passed", "not tried"):
            seen = "seen" if step.result == "not promised" else step.result
            lines += [[Span(f"    expected  {step.expected}")], [Span(f"    {seen:<8}  {formatting.visible(step.seen)}")]]
    for names, grant, back, lends in _together(played.to_try):
        role, login = formatting.visible(", ".join(names)), formatting.visible(played.login)
        lines += ["", [Span(f"Nothing was tried as {role}, which {login} may not become. {who_lets(login, lends, played.major)}. "
                            "It holds for the whole server until it is taken back:", "warning")],
                  [Span("  "), Span(grant, "code")], [Span("  afterwards: "), Span(back, "code")]]  # fmt: skip
    if played.to_try:
        lines += [[Span("Or try the day by hand as the application's login: a script stands in Step 4 of "),
                   Span("chatops help guide", "code")]]  # fmt: skip
    if played.role:
        others = ", ".join(played.application_roles)
        told = (
            f"steps that name no role: as {played.role}"
            if others
            else f"as {played.role}; no role of the application is granted anything here"
        )
        lines += ["", [Span(told, "dim")]]
    if played.moved is not None:
        lines += ["", [Span(f"made-up rows left: {played.remaining}; {sequences}", "dim")]]
    if played.counted:
        refusals = formatting.plural(played.counted, "refusal")
        told = (
            f"{refusals} of this test stay{'s' if played.counted == 1 else ''} counted by guard: this role may not take that back"
        )
        lines += [[Span(told, "warning")]]
    if played.rows:
        lines += [[Span(_rows_told(played.rows), "dim")]]
    columns = named("name", "result", "expected", "seen", "since")
    counts = {str(verdict): sum(step.result == verdict for step in played.steps) for verdict in SIGNS}
    return Answer("verify", [Text(lines), Table("scenarios", columns, played.steps, audience="machines")],
                  {**counts, "remaining": played.remaining, "sequences_moved": played.moved, "refusals_counted": played.counted,
                   "rows": _rows_data(played.rows), "role": played.role, "application_roles": list(played.application_roles),
                   "to_try": [asdict(one) for one in played.to_try]},
                  outcomes=[_outcome(step) for step in played.steps])  # fmt: skip


def who_lets(login: str, lends: str, major: int) -> str:
    """Who may run the grant that lets a role be tried: this login, and by what, or who else on a server of this version.

    >>> who_lets("owner", "CREATEROLE", 15)
    'owner may lend it to itself (CREATEROLE, Postgres 15)'
    >>> who_lets("owner", "its admin option", 18)
    'owner may lend it to itself (its admin option, Postgres 18)'
    >>> who_lets("owner", "", 18)
    'owner may not lend it to itself: a superuser lets it, or whoever has its admin option'
    >>> who_lets("owner", "", 15)
    'owner may not lend it to itself: a superuser lets it, a role with CREATEROLE, or whoever has its admin option'
    """
    if lends:
        return f"{login} may lend it to itself ({lends}, Postgres {major})"
    makers = " a role with CREATEROLE," if major < 16 else ""
    return f"{login} may not lend it to itself: a superuser lets it,{makers} or whoever has its admin option"


def _together(untried: Sequence[ToTry]) -> list[tuple[list[str], str, str, str]]:
    """The roles that one grant lets be tried, that grant, what takes it back, and by what this login may run it.

    >>> _together([ToTry("a", "grant a to me;", "revoke a from me;"), ToTry("b", "grant b to me;", "revoke b from me;")])
    [(['a', 'b'], 'grant a, b to me;', 'revoke a, b from me;', '')]
    >>> lent = ToTry("b", "grant b to me;", "revoke b from me;", "CREATEROLE")
    >>> len(_together([ToTry("a", "grant a to me;", "revoke a from me;"), lent]))
    2
    >>> len(_together([ToTry("a", "grant a to me;", "revoke a from me;"), ToTry('"B"', 'grant "B" to I;', 'revoke "B" from I;')]))
    2
    """
    found: dict[tuple[str, str, str], list[ToTry]] = {}
    for one in untried:  # a name that is quoted goes alone
        grant, back = f"grant {one.role} to ", f"revoke {one.role} from "
        bare = one.grant.startswith(grant) and one.back.startswith(back)
        key = (one.grant.removeprefix(grant), one.back.removeprefix(back)) if bare else (one.grant, one.back)
        found.setdefault((*key, one.lends), []).append(one)
    told = []
    for (lets, takes, lends), some in found.items():
        names = [one.role for one in some]
        bare = lets != some[0].grant
        texts = (f"grant {', '.join(names)} to {lets}", f"revoke {', '.join(names)} from {takes}") if bare else (lets, takes)
        told.append((names, *texts, lends))
    return told


def summary(played: Performance) -> str:
    """How many steps passed, and which are not promised here yet.

    >>> summary(Performance((Played("a", "passed", "", ""), Played("b", "not promised", "", "", "022")), 0))
    '1 of 2 scenario steps passed, 1 is not promised before 022'
    >>> summary(Performance((Played("a", "passed", "", ""), Played("as app: b", "not tried", "", "")), 0))
    '1 of 2 scenario steps passed, 1 not tried'
    """
    passed = sum(step.result == "passed" for step in played.steps)
    text = f"{passed} of {len(played.steps)} scenario steps passed"
    if played.untried:
        text += f", {len(played.untried)} not tried"
    later = [step for step in played.steps if step.result == "not promised"]
    if later:
        numbers = sorted({step.since or "" for step in later})
        text += f", {len(later)} {'is' if len(later) == 1 else 'are'} not promised before {' or '.join(numbers)}"
    return text


def _beside(step: Played) -> str:
    """What stands beside a step: by which ways a role did it, what keeps it from being tried, or which file promises it."""
    if step.result == "not tried":
        return f"not tried; {formatting.visible(step.seen.partition('; not tried')[0])}"
    return formatting.visible(step.seen) if step.result == "passed" and step.by_role else promised(step)


def promised(step: Played) -> str:
    """Which file promises a step, for one that did not pass."""
    if step.result == "passed" or step.since is None:
        return ""
    return f"not promised before {step.since}" if step.result == "not promised" else f"promised by {step.since}"


def _sequences_told(moved: Mapping[str, int]) -> str:
    """What no rollback takes back.

    >>> _sequences_told({"chatops.queue_returns": 1, "public.ids": 2}).partition("nothing: ")[2]
    'chatops.queue_returns by 1 (how often chats came back into the queue), public.ids by 2'
    """
    told = []
    for name, steps in moved.items():
        what = SEQUENCES.get(name.rpartition(".")[2])
        told.append(f"{name} by {steps}" + (f" ({what})" if what else ""))
    return f"sequences went on, here or by others, whose gaps harm nothing: {', '.join(told)}" if told else "no sequence moved"


def _rows_told(rows: Mapping[str, tuple[int | None, int | None]]) -> str:
    counted = {name: pair for name, pair in rows.items() if None not in pair}
    changed = ", ".join(f"{name} {before:,} → {after:,}" for name, (before, after) in counted.items() if before != after)
    others = [name for name in rows if name not in counted]
    told = f"rows of {formatting.plural(len(counted), 'table')} counted before and after: "
    told += f"{changed} (others wrote meanwhile)" if changed else "all as before"
    return told + (f"; not counted: {', '.join(others)}" if others else "")


def _rows_data(rows: Mapping[str, tuple[int | None, int | None]] | None) -> dict[str, dict[str, int | None]] | None:
    return None if rows is None else {name: {"before": before, "after": after} for name, (before, after) in rows.items()}


def _outcome(step: Played) -> Outcome:
    if step.result == "not promised":
        return Outcome(step.name, "not judged", "critical", f"not promised before {step.since}; seen {step.seen}")
    if step.result == "not tried":
        return Outcome(step.name, "not tried", "critical", f"{step.expected}: {step.seen}")
    if step.result == "passed":
        return Outcome(step.name, "passed", "critical", f"{step.expected}, {step.seen}" if step.by_role else step.expected)
    return Outcome(step.name, step.result, "critical", f"expected {step.expected}; seen {step.seen}", counts=True)

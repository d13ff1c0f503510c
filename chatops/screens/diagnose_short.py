"""The diagnosis on one screen: the verdict, a line for whatever is critical or keeps users waiting, the rest where it fits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import partial

from chatops import formatting
from chatops.chats.log import ByHand
from chatops.chats.reports import QueueFigures
from chatops.checks.began import oldest
from chatops.checks.compare_looks import Bounds, Changes
from chatops.checks.findings import Finding, findings, told_by
from chatops.checks.load import MEANWHILE
from chatops.checks.results import Survey
from chatops.checks.window import is_ever
from chatops.frozen import frozen
from chatops.model import Answer, Line, Severity, Span, Style, Text
from chatops.render.wrap import STUCK
from chatops.screens import verdict, waits_beside
from chatops.screens.diagnose import clock_of, compared, may_have_made, news
from chatops.screens.diagnose_rest import CODE, NARROW, filling, folded
from chatops.screens.finding import finding_table, locked, survey_data
from chatops.screens.how_mended import NOBODY_TYPES, PAST, WAITS, how_mended
from chatops.screens.lines import SEVERITY_STYLES, Reader, broken, busy_in_words, free_in_words, kept_whole, looked_back, wrap

SLA = "queue_sla_minutes"
PAUSED = "CONF003"
FREE_FOR = "QUEUE004"
"""It counts chats that wait although somebody who may have them is free."""
SINCE, MEND = 7, 8
"""How wide the columns around a finding's title are."""
_WITHIN = re.compile(r" \(limit [^)]+\)")
WRITE_IN_VAIN = ("CHAT012", "CHAT018")
"""Findings of users who wrote into a chat that was over already."""
BLOCKS = "blocks"
"""The column of a check that says how many sessions wait for what it found: each may be a user's message."""
FELT = "felt"
"""The column of a check that says whether users and operators feel what it found."""
MOST_LINES = 15
"""With more findings by line than that, one that is only felt is told by its code."""
MOST_WHOLE = 10
"""With more findings by line than that each has one line: where its title is longer, the shorter words for it."""
NAMED_NEXT = 2
"""Of so many findings that a repair mends the next command names each."""
ROOMY = 21
"""With fewer lines than that there is room for what is only advice: who waits beside somebody who is free."""
SCREEN = 23
"""As many lines has a terminal of 24 above its prompt."""
MOST_CODES = 6
"""As many are named on one line."""


@frozen
class Desk:
    """What stands around the findings: environment, queue, snoozed codes; None for what was not asked."""

    place: str
    production: bool = False
    queue: QueueFigures | None = None
    silent: Sequence[str] = ()
    ended: int = 0
    """Chats that are over, in which a user wrote in the last day and was not answered."""
    by_hand: Sequence[ByHand] = ()
    """Who was in a psql that may write in the last day, the newest first."""
    came: Mapping[str, Bounds] = field(default_factory=dict)
    """Between which two looks a finding came, by its code, where two looks tell it."""
    since: Changes | None = None
    """What changed since this machine looked last, where no monitor looks."""


def on_one_screen(survey: Survey, desk: Desk, reader: Reader, changes: Changes | None = None) -> Answer:
    """Verdict and queue first, the next command last."""
    found = findings(survey, reader.here)
    told: list[Line] = [*_verdict(survey, desk, reader, changes), *locked(survey, reader)]
    top = len(told)
    waits = [one for one in found if _keeps_waiting(one)]
    critical = [one for one in found if one.word == "critical" and one not in waits]
    over = [one for one in found if one.word != "advice"]
    if is_over := bool(over) and all(one.word != "unknown" and how_mended(one) == PAST for one in over):
        critical, waits = [], []
    same = told_by(found)
    critical = [one for one in critical if one.code not in same]
    if len(critical) + len(waits) > MOST_LINES:  # on a full screen those for whom a check is about users who wait come first
        waits = [one for one in waits if one.result.check.users_wait or not any(row.get(FELT) for row in one.result.rows)]
    for title, some in (("CRITICAL", critical), ("USERS WAIT", waits)):
        whole = len(critical) + len(waits) <= MOST_WHOLE
        told += by_line(title, some, survey, reader, changes, own=desk.since, whole=whole, same=same) if some else []
    rest = [one for one in found if one not in waits and one not in critical and one.code not in same]
    before = len(told)
    told += [*ended(desk, found, reader), *_grown(changes, reader), *_gone(changes), *_silent(desk)]
    told += _news_since(desk, survey, reader)
    told += _left_behind(desk.since or changes, survey, reader)
    if is_over:
        until = "" if is_ever(survey.since) else f": what is past is told for {looked_back(survey.since)}"
        told += wrap(f"nothing is left to do{until}", reader, 0)
    told += next_step([one for one in found if one.word == "advice"] if is_over else found, survey, reader)
    lines_of = partial(by_line, survey=survey, reader=reader, changes=changes, own=desk.since, whole=False)
    codes = folded(rest, reader, lines_of)
    if len(told) + len(codes) < ROOMY and found:
        told[-1:-1] = _by_hand(desk, found, survey, reader)
    if len(told) + len(codes) < ROOMY:
        told[top:top] = (beside := _beside_free(found))
        before += len(beside)
    told[before:before] = filling(rest, SCREEN - len(told), codes, reader, lines_of)
    data = survey_data(survey) | compared(changes)
    return Answer("diagnose", [Text(told), finding_table(found, reader, changes)], data=data, now=survey.now)


def in_one_line(survey: Survey, desk: Desk, reader: Reader, changes: Changes | None = None) -> Answer:
    """`--brief`: what fits into a prompt or a chat."""
    found = findings(survey, reader.here)
    codes = [one.code for one in found if one.word != "advice"]
    rest = len(codes) - MOST_CODES
    told = " ".join(codes) if rest <= 1 else f"{formatting.listed(codes, MOST_CODES, ' ')} (diagnose)"
    parts = [f"{verdict.word_for(survey)} {desk.place}: {verdict.counts_of(survey) or 'healthy'}", told, _queue(survey, desk)[0]]
    data = survey_data(survey) | compared(changes)
    line = " · ".join(part for part in parts if part)
    return Answer("diagnose", [Text([line]), finding_table(found, reader, changes)], data=data, now=survey.now)


def _keeps_waiting(one: Finding) -> bool:
    waits = one.result.check.users_wait or any(
        row.get(WAITS) is not None or row.get(BLOCKS) or row.get(FELT) for row in one.result.rows
    )
    return waits and one.word in ("critical", "warning")


# ---- the verdict -------------------------------------------------------------------------------------------------------


def _verdict(survey: Survey, desk: Desk, reader: Reader, changes: Changes | None) -> list[Line]:
    word = verdict.word_for(survey)
    place = desk.place
    if desk.production:
        place = "PRODUCTION" if place.lower() == "production" else f"PRODUCTION {place}"
    first, *more = wrap(f"{word}  {verdict.on_one_line(survey, place, reader.width - len(word) - 2)}", reader, 0)
    second = [_paused(survey), *_queue(survey, desk), news(changes, survey)]
    queue = "   ".join(part for part in second if part)
    if NARROW <= reader.width < len(queue):  # the limit stands in the findings, too
        queue = _WITHIN.sub("", queue, count=1)
    under = wrap(queue, reader, 0)
    return [[Span(word, verdict.STYLES[word]), Span(first.removeprefix(word))], *(f"  {line}" for line in more), *under]


def _paused(survey: Survey) -> str:
    """That nobody gets a chat, and until when; "" where the queue is open."""
    until = next((row.get("until") for one in survey.results if one.check.code == PAUSED for row in one.rows), None)
    return f"PAUSED until {clock_of(until, survey)}" if isinstance(until, datetime) else ""


def _by_hand(desk: Desk, found: Sequence[Finding], survey: Survey, reader: Reader) -> list[Line]:
    """The newest psql session that was there when something that is found came: who, when, and where the log says more."""
    suspects = {one.action_id: one for finding in found for one in may_have_made(desk.by_hand, finding, desk.came)}
    if not suspects:
        return []
    one = suspects[max(suspects)]
    more = f", {len(suspects) - 1} more then" if suspects.keys() - {one.action_id} else ""
    badly = f", {one.badly}" if one.badly else ""
    told = f"psql by {formatting.visible(one.who)} {formatting.age(one.at, survey.now)} ago{badly}{more}: "
    room = CODE + 2
    pieces = wrap(told.strip(), reader, room)
    command = Span(reader.here("log", str(one.action_id)), "code")
    fits = not reader.width or (not pieces[1:] and len(told) + room + len(command.text) <= reader.width)
    head = Span(f"{'BY HAND':<{room}}", "strong")
    if fits:
        return [[head, Span(told), command]]
    return [[head, Span(pieces[0])], *(" " * room + piece for piece in pieces[1:]), [Span(" " * room), command]]


def _queue(survey: Survey, desk: Desk) -> list[str]:
    queue = desk.queue
    if queue is None:
        return ["the queue cannot be read"]
    limit = survey.thresholds.get(SLA)
    within = f" (limit {formatting.duration(limit.value * 60)})" if limit is not None else ""
    waits = f"{formatting.count(queue.waiting)} {'waits' if queue.waiting == 1 else 'wait'}"
    beside, their = waits_beside.of_survey(survey)
    oldest = min((at for at in (queue.oldest if queue.waiting else None, *their) if at is not None), default=None)
    told = waits if queue.waiting else "nobody waits in the queue" if beside else "nobody waits"
    told += waits_beside.locked_of_survey(survey, queue.waiting) + beside
    told += f", oldest {formatting.age(oldest, survey.now)}{within}" if oldest is not None else ""
    return [told, free_in_words(queue.free, queue.silent), busy_in_words(queue.busy, queue.leaving)]


def _beside_free(found: Sequence[Finding]) -> list[Line]:
    """How many wait although somebody who may have them is free, where the screen has room for it."""
    return [[Span(one.title), Span(f"   {one.code}", "strong")] for one in found if one.code == FREE_FOR]


# ---- by line -----------------------------------------------------------------------------------------------------------


def by_line(
    title: str, found: Sequence[Finding], survey: Survey, reader: Reader, changes: Changes | None, *, whole: bool,
    own: Changes | None = None, same: Mapping[str, str] | None = None,
) -> list[Line]:  # fmt: skip
    """Findings by line: what, since when, and what mends it; `same` are others that one of these tells already."""
    width = reader.width or 100
    mends = MEND + (len(" new") if changes is not None and changes.new else 0)
    room = max(16, width - CODE - SINCE - mends) if width >= NARROW else max(16, width - CODE)
    style: Style = SEVERITY_STYLES["critical"] if title == "CRITICAL" else SEVERITY_STYLES["warning"]
    if width >= NARROW:
        lines: list[Line] = [[Span(title, style), Span(f"{'since':>{CODE + room + 5 - len(title)}}  mend", "dim")]]
    else:
        lines = [[Span(title, style)]]
    for one in found:
        shorter = [text for text in one.forms if len(text) <= room] if not whole and width >= NARROW else []
        since = since_when(one, survey, changes, own)
        beside = room - 1 if since and width >= NARROW else room
        also = "".join(f"; {code}, too" for code, other in (same or {}).items() if other == one.code)
        told = _wrapped((shorter[0] if shorter else one.brief if whole or width < NARROW else one.forms[-1]) + also, beside)
        is_new = changes is not None and (change := changes.now.get(one.code)) is not None and change.kind == "new"
        mend = how_mended(one) + (" new" if is_new else "")
        head = Span(f"{one.code:<{CODE}}", "strong")
        if width >= NARROW:
            lines.append([head, Span(f"{told[0]:<{room}}{since:>5}{' ' if len(since) > 5 else '  '}"), Span(mend, "plain")])
            lines += [" " * CODE + more for more in told[1:]]
        else:
            lines.append([head, Span(told[0])])
            lines += [" " * CODE + more for more in told[1:]]
            lines.append(" " * CODE + "  ".join(part for part in (f"since {since}" if since else "", mend) if part))
    return lines


def _wrapped(text: str, room: int) -> list[str]:
    """A title in pieces of at most `room` characters, broken at words."""
    return broken(text, room, room)


def since_when(one: Finding, survey: Survey, changes: Changes | None, own: Changes | None = None) -> str:
    """Since when it is so: by the oldest instant of the evidence, else by an earlier look; the day when it was not today.

    With a > in front it began after that: a look of then, perhaps this machine's `own`, found it well.
    """
    change = changes.now.get(one.code) if changes is not None else None
    began = oldest(one.result.rows, survey.now) if one.result.check.dated else None
    if began is None and change is not None and change.was is not None:
        began = change.was.since
    sign = ""
    if began is None:
        began = max((at for one_of in (changes, own) if one_of is not None and (at := one_of.begins_after(one.code)) is not None),
                    default=None)  # fmt: skip
        sign = ">"
    if began is None:
        return ""
    then, now = began.astimezone(UTC), survey.now.astimezone(UTC)
    return sign + (f"{then:%H:%M}" if then.date() == now.date() else f"{then:%m-%d}")


# ---- what else there is to say ----------------------------------------------------------------------------------------


def _grown(changes: Changes | None, reader: Reader) -> list[Line]:
    """What was found at the earlier look, too, and has more rows now: how many then and now."""
    if changes is None or not changes.grown:
        return []
    grown = [(code, one.was.count or 0, one.count) for code, one in sorted(changes.grown.items()) if one.was is not None]
    told = [f"{code} {formatting.count(then)} → {formatting.count(now)}" for code, then, now in grown]
    head = f"GROWN {len(told)}"
    pieces = [
        piece.replace(STUCK, " ") for piece in _wrapped(kept_whole("  ".join(told), told), (reader.width or 1000) - CODE - 2)
    ]
    lines: list[Line] = [[Span(f"{head:<{CODE + 2}}", "warning"), Span(pieces[0])]]
    return [*lines, *(" " * (CODE + 2) + piece for piece in pieces[1:])]


def _gone(changes: Changes | None) -> list[Line]:
    if changes is None or not changes.resolved:
        return []
    head = f"GONE {len(changes.resolved)}"
    return [[Span(f"{head:<{CODE + 2}}", "ok"), Span(" ".join(sorted(changes.resolved)))]]


def ended(desk: Desk, found: Sequence[Finding], reader: Reader) -> list[Line]:
    """Chats that were ended while their user waited, more than findings tell of: they are in no count of those who wait."""
    told = sum(one.result.count for one in found if one.code in WRITE_IN_VAIN)
    if desk.ended <= told:
        return []
    head = f"ENDED {formatting.count(desk.ended)}"
    says = "unanswered in the last 24 h: "
    return [[Span(f"{head:<{CODE + 2}}", "warning"), Span(says), Span(reader.here("stuck", "--review"), "code")]]


def _news_since(desk: Desk, survey: Survey, reader: Reader) -> list[Line]:
    """What is new and what is gone since an earlier look of this machine: one line; nothing where all is as then."""
    if desk.since is None:
        return []
    advice = {one.check.code for one in survey.results if one.status != "unknown" and one.severity is Severity.ADVICE}
    new = [code for code in desk.since.new if code not in advice]
    gone = [code for code, was in sorted(desk.since.resolved.items()) if was.word != "advice"]
    parts = [f"new: {' '.join(new)}" if new else "", f"gone: {' '.join(gone)}" if gone else ""]
    if not any(parts):
        return []
    told = "   ".join(part for part in parts if part)
    kept = "DB029: open sessions keep a setting: restart the application's pool" if "DB029" in gone else ""
    lines = wrap(f"since the look of {clock_of(desk.since.earlier.at, survey)}  {told}", reader, 0)
    return [*lines, *(wrap(kept, reader, 0) if kept else [])]


def _left_behind(changes: Changes | None, survey: Survey, reader: Reader) -> list[Line]:
    """What looks for the rows that something has left which an earlier look found and which is mended now."""
    gone = changes.resolved if changes is not None else {}
    codes = [one.check.code for one in survey.results if one.check.code in gone and one.check.leaves_traces]
    if not codes:
        return []
    told = f"{formatting.listed(codes, 1)} left rows? "
    return [[Span(told), Span(reader.here("diagnose", "--only", MEANWHILE), "code")]]


def _silent(desk: Desk) -> list[Line]:
    if not desk.silent:
        return []
    head = f"LEFT OUT {len(desk.silent)}"
    return [[Span(f"{head:<{CODE + 2}}", "strong"), Span(", ".join(desk.silent))]]


def next_step(found: Sequence[Finding], survey: Survey, reader: Reader) -> list[Line]:
    """The command for the worst of what somebody can mend: `repair` where it mends some, else the finding. A lock first."""
    if survey.locked is not None and survey.locked.remedy:
        return [[Span("next: "), Span(reader.here("psql", "--write", "--", "-c", shlex.quote(survey.locked.remedy)), "code")]]
    urgent = [one for one in found if one.word != "advice"]
    if not urgent:
        return [[Span("next: "), Span(reader.here("diagnose", "--full"), "code")]] if found else []
    mendable = [one for one in urgent if one.word != "unknown" and how_mended(one) not in NOBODY_TYPES] or urgent
    worst = [one for one in mendable if one.word == mendable[0].word]
    if mendable[0].word != "critical":  # users who wait stand first on the screen
        worst = [one for one in mendable if _keeps_waiting(one)][:1] or worst
    if not any(how_mended(one) == "repair" for one in worst):
        return [[Span("next: "), Span(reader.here("diagnose", "--only", worst[0].code), "code")]]
    mended = [one for one in urgent if one.word != "unknown" and how_mended(one) == "repair"]
    others = [one.code for one in worst if how_mended(one) != "repair" and one.word == "critical"]
    without = f", not {formatting.listed(others, 1)}" if others else ""
    of_all = f"{len(found)}{without}" if without else formatting.plural(len(found), "finding")
    told = f"   ({len(mended)} of {of_all})"
    named = [one.code for one in mended] if len(mended) <= NAMED_NEXT else []
    told = "" if named and not without else told
    return [[Span("next: "), Span(reader.here("repair", *named, "--dry-run"), "code"), Span(told, "dim")]]

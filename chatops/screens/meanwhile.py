"""What a time without guards, triggers or functions has left, by code: how many, since when, what mends it; or none."""

from __future__ import annotations

from datetime import UTC

from chatops import formatting
from chatops.checks.compare_looks import Changes
from chatops.checks.findings import findings
from chatops.checks.results import Survey
from chatops.checks.window import is_ever
from chatops.model import Answer, Line, Span, Text
from chatops.screens import diagnose_short as short
from chatops.screens.diagnose import compared
from chatops.screens.diagnose_rest import CODE
from chatops.screens.diagnose_short import Desk
from chatops.screens.finding import finding_table, locked, survey_data
from chatops.screens.lines import Reader, looked_back, wrap


def what_came_of_it(survey: Survey, desk: Desk, reader: Reader, changes: Changes | None = None) -> Answer:
    """`diagnose --only meanwhile`."""
    found = findings(survey, reader.here)
    wrong, unknown = [one for one in found if one.word != "unknown"], [one for one in found if one.word == "unknown"]
    none = [one.check.code for one in survey.results if one.status == "passed"]
    back = "all of it" if is_ever(survey.since) else f"last {looked_back(survey.since)}"
    parts = [f"{len(wrong)} of {formatting.plural(len(survey.results), 'check')} found something", desk.place,
             f"history: {back}", f"{survey.now.astimezone(UTC):%H:%M} UTC"]  # fmt: skip
    first, *more = wrap("   ".join(parts), reader, 0)
    told: list[Line] = [[Span(first, "warning" if wrong else "ok")], *(f"  {line}" for line in more), *locked(survey, reader)]
    told += short.by_line("LEFT OVER", wrong, survey, reader, changes, whole=True) if wrong else []
    told += short.ended(desk, found, reader)
    for title, codes in (("UNKNOWN", [one.code for one in unknown]), ("NONE", none)):
        if codes:
            head, *rest = wrap(" ".join(codes), reader, CODE + 2)
            told.append([Span(f"{f'{title} {len(codes)}':<{CODE + 2}}", "strong"), Span(head)])
            told += [" " * (CODE + 2) + line for line in rest]
    told += wrap("What was refused meanwhile is no row here: the logs of application and server have it.", reader, 0)
    told += short.next_step(found, survey, reader) if found else []
    data = survey_data(survey) | compared(changes)
    return Answer("diagnose", [Text(told), finding_table(found, reader, changes)], data=data, now=survey.now)

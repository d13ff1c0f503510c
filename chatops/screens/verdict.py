"""The verdict of a diagnosis in words: BAD, WARN, UNKNOWN or OK, what was found, asked, where and when, on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC

from chatops import formatting
from chatops.checks.findings import tally
from chatops.checks.results import Survey
from chatops.model import Style

STYLES: Mapping[str, Style] = {"BAD": "critical", "WARN": "warning", "UNKNOWN": "warning", "OK": "ok"}
_ADVICE = re.compile(r", [\d,]+ advice(?=,|$)")


def word_for(survey: Survey) -> str:
    """How it stands, in a word."""
    counts = tally(survey)
    if survey.locked is not None and not counts["critical"]:
        # Whoever is known to keep readers out keeps the application out, too.
        return "BAD" if survey.locked.remedy else "UNKNOWN"
    return "BAD" if counts["critical"] else "WARN" if counts["warning"] else "UNKNOWN" if counts["unknown"] else "OK"


def counts_of(survey: Survey) -> str:
    """How many findings there are of each severity; "" where there are none."""
    counts = tally(survey)
    named = {"critical": "critical", "warning": "warning" if counts["warning"] == 1 else "warnings"}
    return ", ".join(f"{formatting.count(number)} {named.get(word, word)}" for word, number in counts.items() if number)


def on_one_line(survey: Survey, place: str, room: int) -> str:
    """What was found, asked, where and when: with narrower gaps, or in fewer words, where a line has no room for all of it."""
    counts, all_of_them = counts_of(survey), formatting.plural(len(survey.results), "check")
    ran = f"{survey.ran} of {all_of_them}"
    shorter = all_of_them if survey.ran == len(survey.results) else ran
    now = f"{survey.now.astimezone(UTC):%H:%M} UTC"
    forms = [
        gap.join(part for part in (found, asked, place, now) if part)
        for gap, found, asked in (
            ("   ", counts, ran),
            ("  ", counts, ran),
            ("  ", counts, shorter),
            ("  ", _ADVICE.sub("", counts), shorter),  # it stands at the end of what was found, too
        )
    ]
    return forms[0] if room <= 0 else next((form for form in forms if len(form) <= room), forms[1])

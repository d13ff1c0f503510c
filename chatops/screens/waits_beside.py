"""Who waits beside the queue, in words: in no queue, in chats ended by mistake, in chats that somebody keeps locked."""

from __future__ import annotations

from datetime import datetime

from chatops import formatting
from chatops.checks.results import Survey
from chatops.screens.lines import locked_in_words

FLAGGED = "CHAT011"
"""It counts users who wait in chats whose flag says that they are over."""


def of_survey(survey: Survey) -> tuple[str, list[datetime]]:
    """What the checks counted of them, to stand behind how many wait, and since when the longest wait; "" where nobody does."""
    beside = [(one.check.code == FLAGGED, row) for one in survey.results for row in one.rows[:1] if row.get("wait_beside")]
    told = ""
    for flagged, words in ((False, "in no queue"), (True, "in chats ended by mistake")):
        more = sum(int(str(row["wait_beside"])) for one, row in beside if one is flagged)
        told += f", +{formatting.count(more)} {words}" if more else ""
    return told, [at for _, row in beside if isinstance(at := row.get("wait_beside_since"), datetime)]


def locked_of_survey(survey: Survey, waiting: int) -> str:
    """How many of those who wait are locked, as DB010 counted them."""
    counted = [int(str(row["locked_waiting"])) for one in survey.results for row in one.rows if row.get("locked_waiting")]
    return f", {locked_in_words(max(counted), waiting)}" if counted and waiting else ""

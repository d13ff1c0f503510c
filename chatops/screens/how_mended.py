"""What mends a finding, in a word."""

from __future__ import annotations

import re

from chatops.checks.findings import Finding

LOOKS = ("queue", "stuck", "operators", "chats", "show", "summary")
"""Commands that show and mend nothing."""
PAST = "past"
NOBODY_TYPES = (PAST, "people")
"""What no command and no statement mends."""
WAITS = "user_waits_since"
"""The column of a check some of whose chats have users who wait, while the others are only wrong."""


def how_mended(one: Finding) -> str:
    """What mends it, in a word: the command, psql for a statement, people where only they do, past where over, else by hand."""
    check = one.result.check
    if one.result.rows and one.result.rows[0].get(WAITS) is not None:
        return "reopen"  # a repair leaves it out
    if check.help_command == "{mend}":
        words = [str(mend).split()[0] if (mend := row.get("mend")) else "psql" for row in one.result.helped or one.result.rows]
        # What stands in the way of a statement is mended first.
        acts = ["psql" if word in ("repair", "diagnose") else word for word in words if word not in LOOKS]
        # As the finding prints them: commands first, then statements.
        return next((word for word in acts if word != "psql"), "psql") if acts or not words else "people"
    word = (check.help_command or "").partition(" ")[0]
    if word in LOOKS:
        begins = re.match(r"`(\w+)", check.help_text or "")
        return begins[1] if begins else PAST if check.kind == "history" else "people"
    return word or ("psql" if check.help_sql else PAST if check.kind == "history" else "by hand")

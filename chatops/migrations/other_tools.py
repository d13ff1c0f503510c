"""What files bring along that were written for another migration tool."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chatops.migrations.directives import comments_between
from chatops.migrations.migration_text import Problem, problem_at
from chatops.migrations.scanner import Script, place

_DOWN = re.compile(r"--[ \t]*(?:migrate:down|\+goose[ \t]+down|@down|!downs)\b.*", re.IGNORECASE)


def down_sections(name: str, read: Script) -> Iterator[Problem]:
    for comment in comments_between(read, _DOWN):
        yield problem_at(
            name,
            place(read.text, comment.start),
            "down-section",
            "another tool's section for undoing begins here; it would run right after the rest",
            "remove the section: chatops only goes forward",
        )

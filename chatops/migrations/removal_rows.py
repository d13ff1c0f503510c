"""What `remove` reads of a database: objects, functions as they are now, and what the ledger kept of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from chatops.frozen import frozen
from chatops.model import Values


@frozen
class Structure:
    """A row of `sql/checks/shared/structure.sql`."""

    kind: str
    name: str
    of: str | None
    definition: Values


@frozen
class Routine:
    """A row of `removal_routines.sql`."""

    name: str
    signature: str
    object: str
    arguments: str
    owner: str
    definition: str
    comment: str | None
    grants: Sequence[Values] | None
    granted_to: Sequence[str]

    def differs(self, text: str, about: Values | None) -> tuple[str, ...]:
        """What of it is another than the ledger kept: its text, what it sets (alone), its owner, its rights, its comment."""
        found = []
        if (now := self.definition.strip()) != text.strip():
            found.append("settings" if _without_settings(now) == _without_settings(text.strip()) else "text")
        if about is not None:
            rights = [_grants(some) for some in (self.grants, about["grants"])]
            found += ["owner"] if self.owner != about["owner"] else []
            found += ["rights"] if rights[0] != rights[1] else []
            found += ["comment"] if (self.comment or None) != (about.get("comment") or None) else []
        return tuple(found)


@frozen
class Recorded:
    """A row of `removal_recorded.sql`: a definition, or under `about …` whose it was and who might use it."""

    object: str
    definition: Any
    replaced_by: str


def _without_settings(definition: str) -> str:
    """What a function is without the settings that it pins."""
    return re.sub(r"^ SET \S.*\n", "", definition, flags=re.MULTILINE)


def _grants(some: Sequence[Values] | None) -> set[tuple[str, str, bool]]:
    return {(str(one["to"] or ""), str(one["privilege"]), bool(one["grantable"])) for one in some or ()}

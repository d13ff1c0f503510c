"""What is promised about speed: each limit with what was measured, whether it is kept, and where it stands why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks import results
from benchmarks.results import figure, replaced, table

PAGE = results.RESULTS.parent / "README.md"
BEGIN, END = "<!-- promises:begin -->", "<!-- promises:end -->"
ELSE = "A limit that one run misses"
REASONS = (
    ("assign", r"procrastinate|commit limit", "Assign beside job queues", None),
    ("assign", r"message into a chat that waits", "A message into a chat that waits", 1.6),
    ("bulk", r"1,000 chats: at most 2 × the UPDATE", "A thousand chats", None),
    ("growth", r"from nothing", "Tenants from nothing", 1.3),
    ("growth", r", chats(?:, MB)?: ", "Ten million chats", None),
    ("growth", r"check:|rehearse:", "Rehearse and check of many files", None),
    ("migrate", r"files, local", "Local files", None),
    ("migrate", r"(no-op|status), ", "Nothing to do", 1.5),
    ("reads", r"99th percentile", "Assign beside diagnose", 3.5),
    ("takeover", r"diagnose", "Diagnose of ten million messages", None),
)  # fmt: skip
"""By kind and what the claim says: the heading in benchmarks/README.md under which stands why, and what is promised instead.

None: so much as was measured, a tenth more, for all that is known.
"""
SLACK = 1.1


def reason(kind: str, claim: str) -> tuple[str, float | None]:
    """The heading that tells why a limit of a kind is missed, and the figure that is promised instead."""
    found = ((heading, instead) for of, words, heading, instead in REASONS if of == kind and re.search(words, claim))
    return next(found, (ELSE, None))


def anchor(heading: str) -> str:
    """A heading as links name it.

    >>> anchor("A thousand chats")
    'a-thousand-chats'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def instead(kind: str, limit: Mapping[str, Any]) -> str:
    """What is promised in place of a limit that is missed: the claim with the figure that can be kept."""
    wanted, value = float(limit["limit"]), float(limit["value"])
    _, known = reason(kind, limit["claim"])
    holds = known is not None and (known <= value if limit["at_least"] else known >= value)
    can = known if holds and known is not None else value / SLACK if limit["at_least"] else value * SLACK
    told = re.escape(f"{wanted:g}")
    return re.sub(rf"(at (?:most|least)) {told}(?=[ )])", lambda match: f"{match[1]} {can:.2g}", str(limit["claim"]), count=1)


def promises(found: Sequence[Mapping[str, Any]]) -> str:
    """All limits of all kinds as one table."""
    rows = []
    for one in found:
        for limit in one["limits"]:
            heading, _ = reason(one["kind"], limit["claim"])
            kept = {
                True: "yes",
                False: f"**no**: [{heading}](#{anchor(heading)})",
                None: f"not measured: [{one['kind']}.md](results/{one['kind']}.md)",
            }[limit["met"]]
            value = "" if limit["value"] is None else figure(limit["value"])
            rows.append([f"[{one['kind']}](results/{one['kind']}.md)", limit["claim"], value, kept])
    missed = sum(1 for one in found for limit in one["limits"] if limit["met"] is False)
    head = f"{len(rows)} limits, {missed} of them missed. Each kind's page says when and how it was measured.\n\n"
    return head + "\n".join(table(["kind", "limit", "measured", "kept"], rows)) + "\n"


def write() -> None:
    """Puts the newest figures into both READMEs."""
    found = results.load()
    for path, put, new in (
        (results.README, results.readme_with, results.section(found, instead)), (PAGE, page_with, promises(found)),
    ):  # fmt: skip
        path.write_text(put(path.read_text(encoding="utf-8"), new), encoding="utf-8")


def page_with(text: str, new: str) -> str:
    """The page of the benchmarks with the table between its markers replaced. Raises ValueError without them."""
    return replaced(text, new, BEGIN, END)

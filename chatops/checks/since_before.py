"""What came and what went since the look that `migrate` took just before its files: pure, one answer for every screen."""

from __future__ import annotations

from collections.abc import Collection

from chatops import formatting
from chatops.checks.compare_looks import Earlier
from chatops.checks.results import Survey
from chatops.frozen import frozen
from chatops.model import Severity


@frozen
class SinceBefore:
    """Codes of what was found then and is found now, of what both looks judged; of each whether it is advice.

    `apart` are the codes found now that the look before had not judged, those of history among them.
    """

    was: dict[str, bool]
    now: dict[str, bool]
    apart: tuple[str, ...]

    @property
    def new(self) -> list[str]:
        """What is found now and was not then."""
        return sorted(self.now.keys() - self.was.keys())

    @property
    def gone(self) -> list[str]:
        """What was found then and no longer is."""
        return sorted(self.was.keys() - self.now.keys())

    @property
    def counted_then(self) -> str:
        """How many findings there were, advice apart."""
        return _counted(self.was.values())

    @property
    def in_words(self) -> str:
        """What there was and what there is, in a line.

        >>> SinceBefore({"CHAT007": False, "DATA001": True}, {"CHAT007": False, "DATA001": True}, ("CHAT009",)).in_words
        'just before the migration: 1 finding, 1 with advice; now: the same; not compared: CHAT009'
        >>> SinceBefore({}, {"CONF001": False}, ()).in_words
        'just before the migration: 0 findings; now: 1 finding; new: CONF001'
        """
        told = f"just before the migration: {self.counted_then}; now: "
        told += ("the same" if self.was else "none") if self.was.keys() == self.now.keys() else _counted(self.now.values())
        told += f"; new: {' '.join(self.new)}" if self.new else ""
        told += f"; gone: {' '.join(self.gone)}" if self.gone else ""
        return told + (f"; not compared: {' '.join(self.apart)}" if self.apart else "")


def _counted(advices: Collection[bool]) -> str:
    advice = sum(advices)
    told = formatting.plural(len(advices) - advice, "finding")
    return f"{told}, {formatting.count(advice)} with advice" if advice else told


def since_before(survey: Survey, before: Earlier | None) -> SinceBefore | None:
    """The comparison; None where nobody looked just before the last migration."""
    at = survey.inventory.migrated_at
    if before is None or at is None or before.at > at or not before.passed:
        return None
    judged = {*before.found, *before.passed}
    both = {one.check.code for one in survey.results if one.check.code in judged and one.check.kind != "history"}
    failed = {one.check.code: one.severity is Severity.ADVICE for one in survey.results if one.status == "failed"}
    return SinceBefore(
        was={code: was.word == "advice" for code, was in before.found.items() if code in both},
        now={code: advice for code, advice in failed.items() if code in both},
        apart=tuple(sorted(failed.keys() - both)),
    )

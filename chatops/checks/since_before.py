"""What came and what went since the look that `migrate` took just before its files: pure, one answer for every screen."""

from __future__ import annotations

from collections.abc import Mapping

from chatops import formatting
from chatops.checks.began import began
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
    overdue: tuple[str, ...] = ()
    """Of the new ones those that began before the migration by their own rows: they have passed a limit since."""

    @property
    def new(self) -> list[str]:
        """What is found now and was not then."""
        return sorted(self.now.keys() - self.was.keys())

    @property
    def gone(self) -> list[str]:
        """What was found then and no longer is."""
        return sorted(self.was.keys() - self.now.keys())

    @property
    def same(self) -> bool:
        """Whether the same was found then, and nothing else."""
        return self.was.keys() == self.now.keys()

    @property
    def in_words(self) -> str:
        """What came and what went, in a line.

        >>> SinceBefore({"CHAT007": False, "DATA001": True}, {"CHAT007": False, "DATA001": True}, ("CHAT009",)).in_words
        'as just before the migration: CHAT007, advice DATA001; not compared: CHAT009'
        >>> SinceBefore({"QUEUE003": True, "CHAT007": False}, {"CONF001": False, "CHAT007": False}, ()).in_words
        'new since just before the migration: CONF001; gone: advice QUEUE003; as then: CHAT007'
        >>> SinceBefore({"QUEUE003": True}, {}, ()).in_words, SinceBefore({}, {}, ()).in_words
        ('gone since just before the migration: advice QUEUE003', 'nothing was wrong before the migration either')
        >>> SinceBefore({}, {"OPER001": False}, (), ("OPER001",)).in_words
        'new since just before the migration: OPER001 (it began before, and has passed its limit since)'
        """
        if self.same and not self.was:
            told = "nothing was wrong before the migration either"
        elif self.same:
            told = f"as just before the migration: {_codes(self.was)}"
        else:
            told = "; ".join(
                f"{word}: {_codes(codes)}{self._overdue if word == 'new' else ''}"
                for word, codes in (
                    ("new", {code: self.now[code] for code in self.new}),
                    ("gone", {code: self.was[code] for code in self.gone}),
                    ("as then", {code: advice for code, advice in self.now.items() if code in self.was}),
                )
                if codes
            ).replace(": ", " since just before the migration: ", 1)
        return told + (f"; not compared: {' '.join(self.apart)}" if self.apart else "")

    @property
    def _overdue(self) -> str:
        if not self.overdue:
            return ""
        which = "it" if list(self.overdue) == self.new else " ".join(self.overdue)
        return f" ({which} began before, and {'has passed its' if len(self.overdue) == 1 else 'have passed their'} limit since)"


NAMED = 6
"""So many codes are named in a line."""


def _codes(codes: Mapping[str, bool]) -> str:
    """Codes in a line, advice apart.

    >>> _codes({"CHAT007": False, "QUEUE003": True, "CHAT001": False})
    'CHAT001 CHAT007, advice QUEUE003'
    """
    parts = []
    for word, some in (("", [code for code, advice in codes.items() if not advice]),
                       ("advice ", [code for code, advice in codes.items() if advice])):  # fmt: skip
        if some:
            parts.append(f"{word}{formatting.listed(sorted(some), NAMED, ' ')}")
    return ", ".join(parts)


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
        overdue=tuple(sorted(
            one.check.code for one in survey.results
            if one.status == "failed" and one.check.dated and one.check.code in both - before.found.keys()
            and len(one.rows) >= one.count
            and all((since := began(row, survey.now)) is not None and since < at for row in one.rows)
        )),
    )  # fmt: skip

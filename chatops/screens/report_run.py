"""The report of the last run of migrate, adopt or deploy: what went in, by whom, what was checked, how to go back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from chatops import formatting
from chatops.checks.began import Age, oldest
from chatops.checks.findings import counts_as_found, findings
from chatops.checks.results import Survey
from chatops.checks.since_before import SinceBefore
from chatops.frozen import frozen
from chatops.migrations import views
from chatops.migrations.from_then_on import FROM_THEN_ON, NOTHING, VIEWS
from chatops.migrations.going_back import GoingBack, ours_alone
from chatops.migrations.last_run import Earlier, Ran
from chatops.migrations.plan import listed, short
from chatops.migrations.source import DEPLOYED, SHIPPED
from chatops.model import Answer, Column, Line, Severity, Span, Table, Text, named
from chatops.screens import going_back
from chatops.screens.lines import Reader
from chatops.screens.report_page import next_steps, page, table

OVERDUE = "overdue"
"""The age of what began before the run, and has passed its limit since: right before it nothing was found."""


@frozen
class RunReport:
    """A run, a fresh look by all checks, and since when what they found is so. `place` is where, in one line."""

    ran: Sequence[Ran]
    survey: Survey
    ages: Mapping[str, Age]
    place: str
    reader: Reader
    compared: SinceBefore | None = None
    """What came and went since just before the run, where that was looked at."""
    goes_back: Mapping[str, GoingBack | None] = field(default_factory=dict)
    """Of the files that go by themselves, the newest first, what takes each back; None where the file is not at hand."""
    way_back: str = ""
    """The command that writes the SQL for one of them, without the file."""
    earlier: Sequence[Earlier] = ()
    """The runs before this one, the oldest first."""
    left: Sequence[str] = ()
    """The files of the same folder that are not in."""
    roles: Sequence[Mapping[str, str]] = ()
    """Each role that works on the chats: what it may call now, and what not any more."""
    figures: Sequence[tuple[str, str]] = ()
    """The reading functions whose figures changed with it, and how, as its plan said."""

    @property
    def files(self) -> list[Ran]:
        """The numbered files of the run."""
        return [one for one in self.ran if one.kind == "versioned"]

    @property
    def head(self) -> str:
        """What was done and what came of it, in one line."""
        files, made = self.files, [one for one in self.ran if one.kind != "versioned"]
        verb = "adopted" if self.adopts else "applied"
        parts = [listed([one.name for one in files])] if files else []
        parts += views.counted(one.name for one in made)
        return f"{', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]} {verb}; {self._after}"

    @property
    def file_name(self) -> str:
        """What its page is called, unless somebody says: by the files, and the time of the look; none takes another's place."""
        names = [short(one.name) for one in self.files] or ["views"]
        files = names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"
        plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", files)
        return f"chatops-run-{plain}-{self.survey.now.astimezone(UTC):%Y%m%dT%H%M%SZ}.html"

    @property
    def adopts(self) -> bool:
        """Whether the run took over what was there, and so brought nothing."""
        return all(one.state == "adopted" for one in self.ran)

    @property
    def _after(self) -> str:
        """What is newer than the run, and how that compares with just before it."""
        if self.adopts:
            codes = " ".join(one["code"] for one in self.found)
            return f"an adopt changes nothing; {f'now is wrong: {codes}' if codes else 'nothing is wrong in schema and data'}"
        newer = [one["code"] for one in self.found if one["age"] == "newer"]
        overdue = [f"{one['code']} (since {_at(one['since'])})" for one in self.found if one["age"] == OVERDUE]
        undated = [one["code"] for one in self.found if one["age"] not in ("newer", "older", OVERDUE)]
        limit = f"began before it and passed {'its' if len(overdue) == 1 else 'their'} limit since"
        told = [f"{formatting.count(len(codes))} {says}: {', '.join(codes) if codes is overdue else ' '.join(codes)}"
                for codes, says in ((newer, "newer"), (overdue, limit), (undated, "without a time")) if codes]  # fmt: skip
        if told:
            return "; ".join(told)
        advice = len(self.told) - len(self.found)
        well = f"nothing is wrong with the deploy{f', {formatting.count(advice)} with advice' if advice else ''}"
        if self.compared is None:
            return "nothing is newer" if self.found else well
        if not self.found and not self.compared.apart and (self.compared.same or not self.compared.new):
            return well
        return f"nothing is newer; {self.compared.in_words}"

    @property
    def good(self) -> bool:
        """Whether nothing that counts came with it."""
        return self.adopts or all(one["age"] == "older" for one in self.found)

    @property
    def found(self) -> list[dict[str, Any]]:
        """What the checks found above advice, the newer first."""
        return [one for one in self.told if one["severity"] != Severity.ADVICE.value]

    @property
    def told(self) -> list[dict[str, Any]]:
        """All that the checks found, since when as `diagnose` says it: the newer first, advice last."""
        overdue = self.compared.overdue if self.compared is not None else ()
        told = [{"age": OVERDUE if one.code in overdue else self.ages.get(one.code, "undated"),
                 "since": oldest(one.result.rows, self.survey.now) if one.result.check.dated else None,
                 "severity": one.word, "code": one.code, "title": one.title}
                for one in findings(self.survey, self.reader.here)]  # fmt: skip
        return sorted(told, key=lambda one: (one["severity"] == Severity.ADVICE.value, one["age"] == "older"))

    @property
    def beside(self) -> list[str]:
        """What went in before this run, and what is not in, in a sentence each."""
        lines = []
        for one in self.earlier:
            verb = "adopted: taken over as they were found" if one.state == "adopted" else "applied"
            lines.append(f"Before: {listed(list(one.names))} {verb}, {_at(one.at)}, by {one.who}.")
        if self.left:
            lines.append(f"Not in: {listed(list(self.left))}.")
        return lines

    @property
    def checked(self) -> str:
        """What was looked at, in numbers."""
        results = self.survey.results
        counted = sum(counts_as_found(one, "warning") for one in results)
        advice = sum(one.status == "failed" and not counts_as_found(one, "warning") for one in results)
        unjudged = sum(not self.survey.judged(one) for one in results)
        passed = len(results) - counted - advice - unjudged
        parts = [f"{formatting.count(passed)} passed"]
        others = ((advice, "with advice"), (counted, "failed or unknown"))
        parts += [f"{formatting.count(number)} {what}" for number, what in others if number]
        when = _at(self.survey.now)
        later = f"; {formatting.count(unjudged)} more of history have too little of it yet" if unjudged else ""
        return f"{formatting.plural(len(results) - unjudged, 'check')} at {when}: {', '.join(parts)}{later}"

    @property
    def noticed(self) -> list[dict[str, str]]:
        """What callers notice of the shipped files that were applied."""
        names = [one.name for one in self.files if one.source == SHIPPED and one.state == "applied"]
        names += [VIEWS] if any(one.kind != "versioned" and one.source == SHIPPED for one in self.ran) else []
        return [{"file": short(name), "told": told} for name in names for told in FROM_THEN_ON.get(name, ()) if told != NOTHING]

    @property
    def back(self) -> list[tuple[str, str]]:
        """How to go back, as labelled commands."""
        here = self.reader.here
        adopted = [one.name for one in self.files if one.state == "adopted"]
        steps = []
        if adopted:
            steps.append(("take the adopt back", here("adopt", *(part for name in adopted for part in ("--forget", name)))))
        if ours := [one.name for one in self.files if ours_alone(one.source, one.name)]:
            steps.append((f"take {listed(ours)} back: all of chatops together, {DEPLOYED} stays", here("remove", "--dry-run")))
        steps += going_back.steps(self.goes_back, self.way_back)
        if sum(one.rows for one in self.ran):
            steps.append(("what repairs changed, each row with its number", here("log", "--full")))
            steps.append(("one of these rows, before and after", here("log", "NUMBER")))
        steps.append(("how it is served right now: waits, load, locks", here("diagnose")))
        return [*steps, ("look again", here("verify")), ("let made-up people work in it", here("verify", "--scenarios"))]

    @property
    def stays(self) -> str:
        """What no command takes back; "" where there is nothing of that."""
        return going_back.stays(self.goes_back)

    @property
    def by_one(self) -> bool:
        """Whether all of it was done by one person, whom the head names."""
        return len({one.who for one in self.ran}) == 1

    @property
    def by(self) -> str:
        """By whom and when, how long, by which version."""
        first, last = self.ran[0], self.ran[-1]
        took = sum(one.duration_ms or 0 for one in self.ran) / 1000
        version = f", chatops {last.chatops_version}" if last.chatops_version else ""
        command = first.command or "migrate"
        return f"{command} by {first.who}, {_at(last.applied_at)}, {formatting.duration(took)} in the files{version}"


FIGURES = "Figures that changed with it, with nothing wrong (as the plan counted them)"
NONE = "no check of schema or data finds anything"
AGES = {OVERDUE: "began before it, passed its limit since"}


def _at(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _rows(report: RunReport) -> list[dict[str, object]]:
    return [{"file": one.name, "state": one.state, "at": one.applied_at, "seconds": (one.duration_ms or 0) / 1000,
             "waited": (one.waited_ms or 0) / 1000, "rows": one.rows, "by": one.who} for one in report.ran]  # fmt: skip


def answer(report: RunReport) -> Answer:
    """As tables, for a job summary or a ticket: what came of it before what went in."""
    lines: list[Line] = [[Span(report.head, "ok" if report.good else "critical")], report.place, report.by, *report.beside,
                         report.checked]  # fmt: skip
    files = [
        Column("file", "file"),
        Column("state", "state"),
        Column("at", "at", "instant"),
        Column("seconds", "took", "duration"),
        Column("waited", "waited for locks", "duration", rank=3),
        Column("rows", "rows", "number", rank=2),
        Column("by", "by", audience="machines" if report.by_one else "all", rank=2),
    ]
    roles = [Column("role", "role"), Column("is", "what it is"), Column("may", "assigning and releasing"),
             Column("back", "grant that gives it back", rank=2)]  # fmt: skip
    findings_ = [Column("age", "age"), Column("since", "began", "instant"), *named("severity", "code", "title")]
    back: list[Line] = ["", [Span("To go back:", "strong")]]
    back += [report.stays] if report.stays else []
    back += [[Span(f"{label}: "), Span(command, "code")] for label, command in report.back]
    return Answer("report", [
        Text([formatting.visible(line) if isinstance(line, str) else line for line in lines]),
        Table("findings", findings_, report.told, "Findings", empty=NONE),
        Table("roles", roles, report.roles, "Roles that work on the chats", audience="all" if report.roles else "machines"),
        Table("figures", [Column("reader", "function"), Column("told", "before → after")],
              [{"reader": reader, "told": told} for reader, told in report.figures], FIGURES,
              audience="all" if report.figures else "machines"),
        Table("noticed", [Column("file", "file"), Column("told", "from then on")], report.noticed, "What callers notice"),
        Table("files", files, _rows(report), "What went in"),
        Text(back),
    ], {"good": report.good}, report.survey.now)  # fmt: skip


def html(report: RunReport) -> str:
    """The same as one page that needs nothing else."""
    alone = report.by_one
    files = [[one.name, one.state, _at(one.applied_at), formatting.duration((one.duration_ms or 0) / 1000),
              formatting.duration((one.waited_ms or 0) / 1000), f"{one.rows:,}", *([] if alone else [one.who])]
             for one in report.ran]  # fmt: skip
    found = [[AGES.get(one["age"], one["age"]), "" if one["since"] is None else _at(one["since"]), one["severity"], one["code"],
              one["title"]] for one in report.told]  # fmt: skip
    noticed = [[one["file"], one["told"]] for one in report.noticed]
    roles = [[one["role"], one["is"], one["may"], one["back"]] for one in report.roles]
    body = [
        table("What was checked", ["in numbers"], [[report.checked]]),
        table("Findings: newer than this, or older", ["", "began", "severity", "code", "what"], found, none=NONE),
        table(
            "Roles that work on the chats", ["role", "what it is", "assigning and releasing", "grant that gives it back"], roles
        ),
        table(FIGURES, ["function", "before → after"], [list(one) for one in report.figures]),
        table("What callers notice from then on", ["file", "what"], noticed),
        table("What went in", ["file", "state", "at", "took", "waited for locks", "rows", *([] if alone else ["by"])], files),
        table("What is in besides", [""], [[line] for line in report.beside]),
        table("What stays", [""], [[report.stays]] if report.stays else []),
        next_steps(report.back),
    ]
    return page(report.head, report.good, f"{report.place} · {report.by}", body)

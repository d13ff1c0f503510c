"""For the test views of CI systems: a test case per check or file, failed where it has problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from xml.sax.saxutils import escape, quoteattr

from chatops import formatting
from chatops.model import Answer, Outcome, value_of
from chatops.render.failure import unknown
from chatops.render.format import Envelope, Failure, Format, Medium
from chatops.render.github import fields

PROPERTIES = ("environment", "database", "chatops")
"""What the envelope knows of the run, kept as properties of the suite."""
SKIPPED = ("not judged", "not tried")


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """One test suite. Its cases are the outcomes, a failure where one counts as found, an error where nobody could look,
    skipped where there was too little to look at, or where it was not tried; else
    the rows of the table `files` (column `file`), where each row of `problems` is a failure of its file's case, or a case of its
    own where it names no file. With neither there is one case, which passed."""
    if answer.outcomes is not None:
        yield from _suite(answer, envelope, [_outcome(answer, outcome) for outcome in answer.outcomes],
                          sum(one.status == "failed" and one.counts for one in answer.outcomes),
                          sum(one.status == "unknown" and one.counts for one in answer.outcomes))  # fmt: skip
        return
    cases: dict[str, list[dict[str, str]]] = {}
    for table in answer.tables:
        if table.name == "files":
            cases |= {formatting.visible(str(value_of(row, "file"))): [] for row in table.rows}
    for table in answer.tables:
        if table.name == "problems":
            for row in table.rows:
                found = fields(row, table)
                cases.setdefault(found.get("file") or found.get("code") or "problem", []).append(found)
    cases = cases or {answer.command: []}
    texts = [_case(answer, name, problems) for name, problems in cases.items()]
    yield from _suite(answer, envelope, texts, sum(bool(found) for found in cases.values()), 0)


def _suite(answer: Answer, envelope: Envelope, cases: Sequence[str], failures: int, errors: int) -> Iterator[str]:
    seconds = sum(one.seconds for one in answer.outcomes or ())
    suite = f'name={quoteattr(f"chatops {answer.command}")} tests="{len(cases)}" failures="{failures}" errors="{errors}"'
    skipped = sum(one.status in SKIPPED for one in answer.outcomes or ())
    suite += f' skipped="{skipped}"' if skipped else ""
    suite += f' time="{seconds:.3f}"' + (f' timestamp="{answer.now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"' if answer.now else "")
    yield f'<?xml version="1.0" encoding="utf-8"?>\n<testsuites>\n<testsuite {suite}>\n'
    known = {name: formatting.visible(str(envelope[name])) for name in PROPERTIES if envelope.get(name)}
    if known:
        rows = "".join(f"<property name={quoteattr(name)} value={quoteattr(value)}/>\n" for name, value in known.items())
        yield f"<properties>\n{rows}</properties>\n"
    yield from cases
    yield "</testsuite>\n</testsuites>\n"


def _head(answer: Answer, name: str, more: str = "") -> str:
    return f"<testcase classname={quoteattr(f'chatops.{answer.command}')} name={quoteattr(name)}{more}"


def _outcome(answer: Answer, outcome: Outcome) -> str:
    head = _head(answer, formatting.visible(outcome.name), f' time="{outcome.seconds:.3f}"')
    if outcome.status == "passed":
        return f"{head}/>\n"
    if outcome.status in SKIPPED:
        return f"{head}><skipped message={quoteattr(formatting.visible(outcome.message))}/></testcase>\n"
    text = "\n".join(formatting.visible(part, lines=True) for part in (outcome.message, outcome.evidence, outcome.help) if part)
    if not outcome.counts:
        return f"{head}><system-out>{escape(f'{outcome.severity}: {text}')}</system-out></testcase>\n"
    element = "error" if outcome.status == "unknown" else "failure"
    kind = quoteattr("unknown" if outcome.status == "unknown" else outcome.severity)
    message = quoteattr(formatting.visible(outcome.message))
    return f"{head}><{element} type={kind} message={message}>{escape(text)}</{element}></testcase>\n"


def _case(answer: Answer, name: str, problems: Sequence[dict[str, str]]) -> str:
    case = _head(answer, name)
    if not problems:
        return f"{case}/>\n"
    kinds = quoteattr(", ".join(dict.fromkeys(found.get("code", "problem") for found in problems)))
    text = "\n".join(_told(found) for found in problems)
    return f'{case}><failure type={kinds} message="{len(problems)} found">{escape(text)}</failure></testcase>\n'


def _told(found: dict[str, str]) -> str:
    where = ":".join(found[name] for name in ("file", "line", "column") if found.get(name))
    said = [found.get(name, "") for name in ("severity", "code", "message", "help")]
    return "  ".join(text for text in (where, *said) if text)


def failure(failed: Failure, medium: Medium, envelope: Envelope) -> str:
    """The run as one thing that could not be checked."""
    return "".join(render(unknown(failed), medium, envelope))


FORMAT = Format("junit", render, needs=frozenset({"problems"}), failure=failure)

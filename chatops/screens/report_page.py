"""One self-contained page about a deploy or a watch: timeline, plots, findings; for a phone, a dark room and paper."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from chatops import formatting
from chatops.deploys import notice
from chatops.deploys.monitor_state import Open, Watch, span, verdict
from chatops.deploys.receipt import Receipt, Step, standing
from chatops.screens.report_plots import bars, plot
from chatops.screens.tenants import MOST, TenantRow
from chatops.screens.tenants_checks import MONITOR

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--dim:#5b6572;--rule:#d5dae1;--good:#1a7f4b;--bad:#b3261e;--line:#2563b8}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--paper:#14171b;--dim:#9aa5b1;--rule:#333b45;--good:#5cc98d;--bad:#ff8a80;--line:#7db4ff}}
@media print{:root{--ink:#000;--paper:#fff;--dim:#444;--rule:#aaa;--good:#064;--bad:#900;--line:#036}
tr,p,li,svg{break-inside:avoid}h2{break-after:avoid}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.35rem;line-height:1.25;margin:.2rem 0 .6rem}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
p{margin:.3rem 0}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.at{white-space:nowrap}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--rule)}
td:last-child{overflow-wrap:anywhere}
@media screen and (max-width:34rem){thead{display:none}tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--rule)}
td{display:inline-block;border:0;padding:0 .8rem 0 0;max-width:100%}
td:empty{display:none}td:first-child{font-weight:600}td:last-child{display:block;padding:0}
td[data-head]::before{content:attr(data-head) " ";color:var(--dim)}}
th{font-weight:600;color:var(--dim)}td.n{white-space:nowrap;text-align:right}svg{display:block;width:100%;max-width:44rem;height:auto}

code span{display:inline-block;max-width:100%;overflow-wrap:anywhere}@media (min-width:34rem){td:first-child{white-space:nowrap}}
ul{margin:.3rem 0;padding-left:1.2rem}
svg text{fill:var(--dim);font-size:14px}@media screen and (max-width:34rem){svg text{font-size:22px}}
svg .plot{fill:none;stroke:var(--line);stroke-width:2}
svg .axis{stroke:var(--rule)}svg .dot{fill:var(--line)}
"""
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| UTC)?)?")
# Cells that mean nothing without their heading, which a phone does not show.
LABELLED = ("took", "waited for locks", "rows", "sha256")


def of_receipt(receipt: Receipt) -> str:
    """The page of a deploy."""
    failed = receipt.failed
    rows = [[step.name, step.result, formatting.duration(step.seconds), says_more(step)] for step in receipt.steps]
    files = [
        [file.name, formatting.duration(file.duration_ms / 1000), formatting.duration(file.waited_ms / 1000),
         f"{file.rows:,}", file.sha256[:12]]
        for file in receipt.files
    ]  # fmt: skip
    same = "the catalog is as it was" if receipt.before == receipt.after else "the catalog changed"
    known = [[str(value) for value in one.values()] for one in before_deploy(receipt)]
    body = [
        _stopped(receipt),
        next_steps(receipt.next_steps),
        table("Timeline", ["step", "result", "took", "says"], rows),
        bars("How long each step took", [(step.name, step.seconds) for step in receipt.steps if step.result != "skipped"]),
        table("Files", ["file", "took", "waited for locks", "rows", "sha256"], files),
        table("Findings before the deploy", ["code", "severity", "what"], known),
    ]
    if receipt.after:
        before, after = (receipt.before or "none")[:12], receipt.after[:12]
        body.append(f"<p class=dim>Fingerprint {escape(before)} → {escape(after)}: {same}.</p>")
    ran = [[one.step, one.shown, str(one.exit_code), formatting.duration(one.seconds)] for one in receipt.commands]
    body.append(table("Commands", ["step", "command", "ended with", "took"], ran))
    body.append(f"<p>{_words(receipt.signature)}</p>")
    return page(head_of(receipt), failed is None, place_of_receipt(receipt), body)


def of_watch(watch: Watch) -> str:
    """The page of a watch."""
    end = verdict(watch)
    start = datetime.fromisoformat(watch.started)
    seen = [tick for tick in watch.ticks if tick.reached]

    def points(name: str, scale: float = 1.0) -> list[tuple[float, float]]:
        return [((datetime.fromisoformat(tick.at) - start).total_seconds(), float(tick.figures[name]) / scale)
                for tick in seen if tick.figures.get(name) is not None]  # fmt: skip

    told = [[one.at[:16].replace("T", " "), one.kind, one.severity, one.code, one.title] for one in watch.transitions]
    standing = [[code, one.severity, "" if one.before else one.since[:16].replace("T", " "),
                 "from before" if one.before else "new", one.title] for code, one in open_now(watch)]  # fmt: skip
    missed = [[str(slot + 1), f"{span(watch.schedule.slots[slot])} after the start"] for slot in watch.missed]
    blind = [[str(tick.slot + 1), tick.at[:16].replace("T", " "), tick.unseen or "the database did not answer"]
             for tick in watch.ticks if not tick.reached or tick.unseen is not None]  # fmt: skip
    body = [
        next_steps(watch.next_steps),
        table("Open now", ["code", "severity", "since (UTC)", "", "what"], standing, none="nothing is open"),
        table("Findings that appeared and went", ["at (UTC)", "", "severity", "code", "what"], told, none="none did"),
        plot("Chats that wait", points("waiting")),
        plot("Longest wait, minutes", points("oldest_seconds", 60)),
        plot("Chats with an operator", points("assigned")),
        plot("Chats that wait for their user", points("waiting_real_user_reply")),
        table("Looks that could not measure", ["look", "at (UTC)", "why"], blind),
        table("Looks that were missed", ["look", "due"], missed),
    ]
    # The word is that of `diagnose --brief`: what is open is open, though nothing of it is new.
    return page(
        f"{notice.word(watch)} · {end.sentence}", end.code == 0 and notice.word(watch) == "OK", place_of_watch(watch), body
    )


def of_watches(rows: Sequence[TenantRow], watches: Mapping[str, Watch]) -> str:
    """The page of many tenants' watches, by tenant: the worst first, with what appeared and went there; the others counted."""
    told = [row for row in rows if not row.well]
    lines = [[row.tenant, str(row.told.values["state"]), str(row.told.values.get("worst") or ""),
              str(row.told.values["verdict"])] for row in told]  # fmt: skip
    body = [table("Tenants that are worse than before", ["tenant", "", "worst", "verdict"], lines)]
    if healthy := len(rows) - len(told):
        body.append(f"<p class=good>{formatting.plural(healthy, 'tenant')}: {escape(MONITOR.well)}.</p>")
    for row in told[:MOST]:
        happened = [[one.at[:16].replace("T", " "), one.kind, one.severity, one.code, one.title]
                    for one in watches[row.tenant].transitions]  # fmt: skip
        body.append(
            table(f"{row.tenant}: findings that appeared and went", ["at (UTC)", "", "severity", "code", "what"], happened)
        )
    started = min(watch.started for watch in watches.values())
    return page(
        MONITOR.headline(rows), not told, f"{formatting.plural(len(rows), 'watch', 'watches')}, the first from {started}", body
    )


def head_of(receipt: Receipt) -> str:
    """The first line of a deploy: that it went well, or which step stopped it and why."""
    failed = receipt.failed
    return f"The deploy stopped at {failed.name}: {failed.says}" if failed else "Deployed"


def place_of_receipt(receipt: Receipt) -> str:
    """Where a deploy went, as whom, when, with which version."""
    role = f" as {receipt.role}" if receipt.role else ""
    place = f"{formatting.environment(receipt.environment)} · {receipt.database}{role} · schema {receipt.schema}"
    return f"{place} · {_at(receipt.started)} · chatops {receipt.chatops}"


def place_of_watch(watch: Watch) -> str:
    """What is watched, as whom, by which plan."""
    named = " · ".join(part for part in (formatting.environment(watch.environment), watch.place) if part) + (
        f" as {watch.role}" if watch.role else ""
    )
    looks = formatting.plural(len(watch.schedule.slots), "look")
    return f"{named} · {len(watch.ticks)} of {looks} by {watch.plan}, from {_at(watch.started)}"


def _at(instant: str) -> str:
    """To the minute.

    >>> _at("2026-11-25T03:00:09.12Z")
    '2026-11-25 03:00 UTC'
    """
    return instant[:16].replace("T", " ") + " UTC"


def before_deploy(receipt: Receipt) -> list[dict[str, str]]:
    """The findings of before a deploy, the worst first: code, severity, title."""
    known = receipt.baseline.get("known", {})
    found = [{"code": str(code), "severity": str(known.get(code, {}).get("severity", "")),
              "title": str(known.get(code, {}).get("title", ""))} for code in receipt.baseline.get("findings", [])]  # fmt: skip
    return sorted(found, key=lambda one: (_badness(one["severity"]), one["code"]))


def open_now(watch: Watch) -> list[tuple[str, Open]]:
    """What is open, what is new before what was there, the worst first."""
    return sorted(watch.open.items(), key=lambda one: (one[1].before, _badness(one[1].severity), one[0]))


def _badness(severity: str) -> int:
    return notice.SEVERITIES.index(severity) if severity in notice.SEVERITIES else len(notice.SEVERITIES)


def says_more(step: Step) -> str:
    """What a step says beside its result."""
    return "" if step.says == step.result else step.says


def _stopped(receipt: Receipt) -> str:
    """Why a deploy stopped, line by line, and what is in place."""
    failed = receipt.failed
    if failed is None:
        return ""
    why = _list("Why it stopped", failed.details or [failed.says])
    return why + _list("In place", standing(receipt.steps, failed.name, [failed.name]))


def next_steps(steps: Sequence[tuple[str, str]]) -> str:
    if not steps:
        return ""
    # A browser breaks a line behind a hyphen: a command breaks between its words.
    lines = "".join(
        f"<p>{escape(formatting.visible(label))}:<br><code>"
        + " ".join(f"<span>{escape(word)}</span>" for word in formatting.visible(command).split(" "))
        + "</code></p>"
        for label, command in steps
    )
    return f"<section><h2>Next</h2>{lines}</section>"


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{_words(line)}</li>" for line in lines if line.strip())
    return f"<section><h2>{escape(title)}</h2><ul>{items}</ul></section>"


def page(head: str, good: bool, under: str, body: Sequence[str]) -> str:
    title = escape(formatting.visible(head))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
        f'initial-scale=1"><title>{title}</title><style>{STYLE}</style></head>\n<body><main>'
        f'<h1 class="{"good" if good else "bad"}">{_words(head)}</h1><p class=dim>{_words(under)}</p>\n'
        + "\n".join(part for part in body if part)
        + "\n</main></body></html>\n"
    )


def _words(text: str) -> str:
    """A text of the page; a date, and an instant, stays on one line: a browser breaks behind hyphens, too."""
    return _INSTANT.sub(r"<span class=at>\g<0></span>", escape(formatting.visible(text)))


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], none: str = "") -> str:
    """A table with its title; without rows the words that say so, or nothing."""
    if not rows:
        return f"<section><h2>{escape(title)}</h2><p class=dim>{escape(none)}</p></section>" if none else ""
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    labels = [f' data-head="{escape(head)}"' if head in LABELLED else "" for head in heads]
    lines = "".join(
        "<tr>" + "".join(f"<td{label}>{_words(cell)}</td>" for label, cell in zip(labels, row, strict=True)) + "</tr>\n"
        for row in rows
    )
    return f"<section><h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></section>"

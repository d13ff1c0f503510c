"""One self-contained page about a deploy or a watch: timeline, plots, findings; for a phone, a dark room and paper."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from chatops import formatting
from chatops.deploys.monitor_state import Watch, span, verdict
from chatops.deploys.receipt import Receipt
from chatops.model import Answer, Column, Span, Table, Text

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--paper:#fff;--dim:#5b6572;--rule:#d5dae1;--good:#1a7f4b;--bad:#b3261e;--line:#2563b8}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--paper:#14171b;--dim:#9aa5b1;--rule:#333b45;--good:#5cc98d;--bad:#ff8a80;--line:#7db4ff}}
@media print{:root{--ink:#000;--paper:#fff;--dim:#444;--rule:#aaa;--good:#064;--bad:#900;--line:#036}section{break-inside:avoid}}
*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.35rem;line-height:1.25;margin:.2rem 0 .6rem}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem}
p{margin:.3rem 0}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--rule)}
td:last-child{overflow-wrap:anywhere}
@media screen and (max-width:34rem){thead{display:none}tr{display:block;padding:.4rem 0;border-bottom:1px solid var(--rule)}
td{display:inline;border:0;padding:0 .8rem 0 0}td:first-child{font-weight:600}td:last-child{display:block;padding:0}
td[data-head]::before{content:attr(data-head) " ";color:var(--dim)}}
th{font-weight:600;color:var(--dim)}td.n{white-space:nowrap;text-align:right}svg{display:block;width:100%;height:auto}

svg text{fill:var(--dim);font-size:12px}svg .plot{fill:none;stroke:var(--line);stroke-width:2}
svg .axis{stroke:var(--rule)}svg .dot{fill:var(--line)}
"""
FIGURES = {"waiting": "chats that wait", "oldest_seconds": "longest wait, seconds", "assigned": "chats with an operator",
           "waiting_real_user_reply": "chats that wait for their user"}  # fmt: skip
# Cells that mean nothing without their heading, which a phone does not show.
LABELLED = ("took", "waited for locks", "rows", "sha256")
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 170, 72, 24


def of_receipt(receipt: Receipt) -> str:
    """The page of a deploy."""
    failed = receipt.failed
    head = f"The deploy stopped at {failed.name}" if failed else "Deployed"
    rows = [[step.name, step.result, formatting.duration(step.seconds), step.says] for step in receipt.steps]
    files = [
        [file.name, formatting.duration(file.duration_ms / 1000), formatting.duration(file.waited_ms / 1000),
         f"{file.rows:,}", file.sha256[:12]]
        for file in receipt.files
    ]  # fmt: skip
    same = "the catalog is as it was" if receipt.before == receipt.after else "the catalog changed"
    body = [
        _table("Timeline", ["step", "result", "took", "says"], rows),
        _bars("How long each step took, seconds", [(step.name, step.seconds) for step in receipt.steps]),
        _table("Files", ["file", "took", "waited for locks", "rows", "sha256"], files),
        _table("Findings before the deploy", ["code", "severity", "what"], [list(one.values()) for one in _before(receipt)]),
    ]
    if receipt.after:
        before, after = (receipt.before or "none")[:12], receipt.after[:12]
        body.append(f"<p class=dim>Fingerprint {escape(before)} → {escape(after)}: {same}.</p>")
    ran = [[one.step, one.shown, str(one.exit_code), formatting.duration(one.seconds)] for one in receipt.commands]
    body.append(_table("Commands", ["step", "command", "ended with", "took"], ran))
    body.append(f"<p>{escape(formatting.visible(receipt.signature))}</p>")
    place = f"{receipt.environment} · {receipt.database} · schema {receipt.schema}"
    return _page(head, not failed, f"{place} · {receipt.started} · chatops {receipt.chatops}", body)


def of_watch(watch: Watch) -> str:
    """The page of a watch."""
    end = verdict(watch)
    start = datetime.fromisoformat(watch.started)
    seen = [tick for tick in watch.ticks if tick.reached]

    def points(name: str, scale: float = 1.0) -> list[tuple[float, float]]:
        return [((datetime.fromisoformat(tick.at) - start).total_seconds() / 3600, float(tick.figures[name]) / scale)
                for tick in seen if tick.figures.get(name) is not None]  # fmt: skip

    told = [[one.at[:16].replace("T", " "), one.kind, one.severity, one.code, one.title] for one in watch.transitions]
    standing = [[code, one.severity, one.since[:16].replace("T", " "), "before the deploy" if one.before else "since", one.title]
                for code, one in sorted(watch.open.items())]  # fmt: skip
    missed = [[str(slot + 1), f"{span(watch.schedule.slots[slot])} after the start"] for slot in watch.missed]
    blind = [[str(tick.slot + 1), tick.at[:16].replace("T", " "), tick.unseen or "the database did not answer"]
             for tick in watch.ticks if not tick.reached or tick.unseen is not None]  # fmt: skip
    body = [
        _table("Findings that appeared and went", ["at (UTC)", "", "severity", "code", "what"], told),
        _table("Open now", ["code", "severity", "since (UTC)", "", "what"], standing),
        _plot("Chats that wait", points("waiting")),
        _plot("Longest wait, minutes", points("oldest_seconds", 60)),
        _plot("Chats with an operator", points("assigned")),
        _plot("Chats that wait for their user", points("waiting_real_user_reply")),
        _table("Ticks that could not measure", ["tick", "at (UTC)", "why"], blind),
        _table("Ticks that were missed", ["tick", "due"], missed),
    ]
    figures = f"{len(watch.ticks)} of {len(watch.schedule.slots)} ticks by {watch.plan}, from {watch.started}"
    return _page(end.sentence, end.code == 0, f"{watch.place} · {figures}", body)


def _before(receipt: Receipt) -> list[dict[str, str]]:
    known = receipt.baseline.get("known", {})
    return [{"code": str(code), "severity": str(known.get(code, {}).get("severity", "")),
             "title": str(known.get(code, {}).get("title", ""))} for code in receipt.baseline.get("findings", [])]  # fmt: skip


def _page(head: str, good: bool, under: str, body: Sequence[str]) -> str:
    title = escape(formatting.visible(head))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,'
        f'initial-scale=1"><title>{title}</title><style>{STYLE}</style></head>\n<body><main>'
        f'<h1 class="{"good" if good else "bad"}">{title}</h1><p class=dim>{escape(formatting.visible(under))}</p>\n'
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return f"<section><h2>{escape(title)}</h2><p class=dim>none</p></section>"
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    labels = [f' data-head="{escape(head)}"' if head in LABELLED else "" for head in heads]
    lines = "".join(
        "<tr>"
        + "".join(f"<td{label}>{escape(formatting.visible(cell))}</td>" for label, cell in zip(labels, row, strict=True))
        + "</tr>\n"
        for row in rows
    )
    return f"<section><h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></section>"


def _plot(title: str, points: Sequence[tuple[float, float]]) -> str:
    """A line over hours; a single point is a dot."""
    if not points:
        return f"<section><h2>{escape(title)}</h2><p class=dim>nothing was seen</p></section>"
    right, top = max(max(x for x, _ in points), 0.001), max(max(y for _, y in points), 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + x / right * (WIDTH - LEFT - 10), HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - 14)

    placed = [at(x, y) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in placed)
    floor = HEIGHT - BOTTOM
    return (
        f'<section><h2>{escape(title)}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH}" y2="{floor}"/>'
        f'<text x="{LEFT - 6}" y="18" text-anchor="end">{top:,.0f}</text>'
        f'<text x="{LEFT - 6}" y="{floor}" text-anchor="end">0</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 6}">start</text>'
        f'<text x="{WIDTH - 6}" y="{HEIGHT - 6}" text-anchor="end">{right:.3g} h</text>'
        f'<polyline class="plot" points="{line}"/>{dots}</svg></section>'
    )


def _bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    if not values:
        return ""
    top, row = max(max(value for _, value in values), 0.001), 26
    bars = "".join(
        f'<text x="0" y="{number * row + 17}">{escape(name)}</text>'
        f'<rect x="90" y="{number * row + 5}" width="{max(1.0, value / top * (WIDTH - 170)):.1f}" height="15" class="dot"/>'
        f'<text x="{96 + value / top * (WIDTH - 170):.1f}" y="{number * row + 17}">{value:.3g}</text>'
        for number, (name, value) in enumerate(values)
    )
    return (
        f'<section><h2>{escape(title)}</h2><svg viewBox="0 0 {WIDTH} {len(values) * row + 6}" role="img" '
        f'aria-label="{escape(title)}">{bars}</svg></section>'
    )


def answer_of_receipt(receipt: Receipt) -> Answer:
    """A deploy as tables, for a job summary or a ticket."""
    failed = receipt.failed
    head = f"The deploy stopped at {failed.name}" if failed else "Deployed"
    place = (
        f"{receipt.environment} · {receipt.database} · schema {receipt.schema} · {receipt.started} · chatops {receipt.chatops}"
    )
    steps = [Column("name", "step"), Column("result", "result"), Column("seconds", "took", "duration"), Column("says", "says")]
    files = [Column("name", "file"), Column("duration_ms", "ms", "number"), Column("waited_ms", "ms for locks", "number"),
             Column("rows", "rows", "number")]  # fmt: skip
    return Answer("report", [
        Text([[Span(head, "critical" if failed else "ok")], place]),
        Table("steps", steps, list(receipt.steps), "Timeline"),
        Table("files", files, list(receipt.files), "Files"),
        Table("findings", [Column(name, name) for name in ("code", "severity", "title")], _before(receipt),
              "Findings before the deploy"),
    ])  # fmt: skip


def answer_of_watch(watch: Watch) -> Answer:
    """A watch as tables; each figure of the plots as first, highest and last."""
    end = verdict(watch)
    seen = [tick for tick in watch.ticks if tick.reached]
    told = [Column("at", "at (UTC)"), Column("kind", "what"), Column("severity", "severity"), Column("code", "code"),
            Column("title", "title")]  # fmt: skip
    standing = [{"code": code, "severity": one.severity, "since": one.since, "title": one.title} for code, one in
                sorted(watch.open.items())]  # fmt: skip
    figures = []
    for name, label in FIGURES.items():
        values = [float(tick.figures[name]) for tick in seen if tick.figures.get(name) is not None]
        if values:
            shown = [int(value) if value.is_integer() else value for value in (values[0], max(values), values[-1])]
            figures.append({"figure": label, **dict(zip(("first", "highest", "last"), shown, strict=True))})
    numbers = [Column("figure", "figure"), *(Column(name, name, "number") for name in ("first", "highest", "last"))]
    missed = [{"tick": slot + 1, "due": f"{span(watch.schedule.slots[slot])} after the start"} for slot in watch.missed]
    taken = f"{len(watch.ticks)} of {len(watch.schedule.slots)} ticks by {watch.plan}, from {watch.started}"
    return Answer("report", [
        Text([[Span(end.sentence, "critical" if end.code else "ok")], f"{watch.place} · {taken}"]),
        Table("transitions", told, list(watch.transitions), "Findings that appeared and went"),
        Table("open", [Column(name, name) for name in ("code", "severity", "since", "title")], standing, "Open now"),
        Table("figures", numbers, figures, "Figures"),
        Table("missed", [Column("tick", "tick", "number"), Column("due", "due")], missed, "Ticks that were missed"),
    ])  # fmt: skip

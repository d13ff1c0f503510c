"""What a benchmark came to, for programs (JSON), for people (markdown, the README's section) and for the eye (SVG)."""

from __future__ import annotations

import json
import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.session import ROOT, Bench, machine

RESULTS = ROOT / "benchmarks" / "results"
README = ROOT / "README.md"
IN_README = ("migrate", "reads", "assign")
BEGIN, END = "<!-- performance:begin -->", "<!-- performance:end -->"
ASKED = (
    "ROUNDS",
    "SIZES",
    "FILES",
    "TENANTS",
    "CHATS",
    "FINDINGS",
    "ACTIONS",
    "LOOKS",
    "LATENCIES",
    "CELLS",
    "CLIENTS",
    "SECONDS",
    "LONG_SECONDS",
    "LONG_ROUNDS",
    "BUDGET",
    "SERVER",
)
ORDER = ("migrate", "reads", "assign", "bulk", "takeover", "growth", "start")


def write(bench: Bench) -> Path:
    """The JSON, the table and the plot of one benchmark; the path of the first."""
    asked = {name: os.environ[name] for name in ASKED if os.environ.get(name)}
    words = " ".join(f"{name}={value}" for name, value in asked.items())
    found: dict[str, Any] = {
        "kind": bench.kind,
        "command": f"make bench-{bench.kind}" + (f" {words}" if words else ""),
        "unit": bench.unit,
        "machine": machine(),
        "load": {"before": [round(one, 2) for one in bench.load], "after": [round(one, 2) for one in os.getloadavg()],
                 "busy_before": None if bench.busy is None else round(bench.busy, 3)},
        "took_s": round(time.monotonic() - bench.began),
        "settings": bench.settings,
        "versions": bench.versions,
        "missing": bench.missing,
        "failures": bench.failures,
        "notes": bench.notes,
        "rounds": bench.rounds,
        "growth": {name: round(value, 3) for name, value in bench.fitted.items()},
        "cases": {
            case: {
                name: {
                    "median": _rounded(statistics.median(values)),
                    "ratio": _ratio(contenders, name),
                    "rounds": [_rounded(value) for value in values],
                }
                for name, values in contenders.items()
            }
            for case, contenders in bench.samples.items()
        },
        "limits": [
            {"claim": one.claim, "limit": one.limit, "at_least": one.at_least,
             "value": None if one.value is None else _rounded(one.value), "met": one.met}
            for one in bench.limits
        ],
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{bench.kind}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(page(found), encoding="utf-8")
    path.with_suffix(".svg").write_text(plot(found), encoding="utf-8")
    return path


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _ratio(contenders: Mapping[str, Sequence[float]], name: str) -> float | None:
    """How a contender stands to chatops in the same case: above 1 takes more (or does more a second)."""
    if "chatops" not in contenders:
        return None
    return _rounded(statistics.median(contenders[name]) / statistics.median(contenders["chatops"]))


def load(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The newest result of each kind, in the order of the README."""
    return [
        json.loads((folder / f"{kind}.json").read_text(encoding="utf-8")) for kind in ORDER if (folder / f"{kind}.json").exists()
    ]


# -- markdown ---------------------------------------------------------------------------------------------------------------


def page(found: Mapping[str, Any]) -> str:
    """The whole result as markdown."""
    lines = [f"# {found['kind']}", "", *_setting(found), "", *limits(found), ""]
    names = list(dict.fromkeys(name for case in found["cases"].values() for name in case))
    lines += [f"Medians in {found['unit']}; in brackets the rounds, where they are not {found['rounds']}.", ""]
    lines += table(["case", *names], [
        [case, *(_cell(contenders.get(name), found["rounds"]) for name in names)] for case, contenders in found["cases"].items()
    ])  # fmt: skip
    if found["growth"]:
        lines += ["", "Growth with size, as the exponent of a fitted power (0 is flat, 1 is linear):", ""]
        lines += table(["what", "exponent"], [[name, f"{value:.2f}"] for name, value in found["growth"].items()])
    for title in ("missing", "failures"):
        if found[title]:
            lines += ["", f"{title.capitalize()}:", "", *(f"- {name}: {why}" for name, why in found[title].items())]
    if found["notes"]:
        lines += ["", *(f"- {note}" for note in found["notes"])]
    return "\n".join(lines) + "\n"


def _cell(contender: Mapping[str, Any] | None, rounds: int) -> str:
    if contender is None:
        return ""
    many = len(contender["rounds"])
    return figure(contender["median"]) + (f" ({many})" if many != rounds else "")


def figure(value: float) -> str:
    """A number with three digits that count.

    >>> figure(0.04567), figure(3.14159), figure(12345.6)
    ('0.0457', '3.14', '12,346')
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _setting(found: Mapping[str, Any]) -> list[str]:
    where, load = found["machine"], found["load"]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    settings = ", ".join(f"{name} {value}" for name, value in found["settings"].items())
    server = f" Server settings are the defaults ({settings})." if settings else ""
    others = load.get("busy_before")
    before = f"load {load['before'][0]}" if others is None else f"{others:.0%} of its time taken by others"
    head = (
        f"`{found['command']}`, {found['rounds']} alternating rounds, {where['measured_at']}: {where['cores']} cores of "
        f"{where['processor']}, {where['memory_gib']} GiB, {where['system']}, {before} before it.{server}"
    )
    return [head, "", f"{versions}."]


def limits(found: Mapping[str, Any]) -> list[str]:
    """What was promised, and whether it held."""
    rows = [
        [one["claim"], "not measured" if one["value"] is None else figure(one["value"]),
         {True: "yes", False: "**no**", None: "—"}[one["met"]]]
        for one in found["limits"]
    ]  # fmt: skip
    return table(["promised", "measured", "met"], rows) if rows else []


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table of markdown, line by line."""
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]


# -- the READMEs ---------------------------------------------------------------------------------------------------------------


def section(found: Sequence[Mapping[str, Any]], instead: Callable[[str, Mapping[str, Any]], str]) -> str:
    """The README's three lines about performance: of each kind a promise that is kept, and the first that is not.

    `instead` says what is promised in its place, by the kind and the limit.
    """
    lines = []
    for one in found:
        measured = [limit for limit in one["limits"] if limit["value"] is not None]
        if one["kind"] in IN_README and measured:
            kept, missed = ([limit for limit in measured if bool(limit["met"]) is met] for met in (True, False))
            told = [f"{limit['claim']}, measured {figure(limit['value'])}" for limit in kept[:1]]
            told += [
                f"{instead(one['kind'], limit)}, measured {figure(limit['value'])} ({limit['limit']:g} is wanted)"
                for limit in missed[:1]
            ]
            lines.append(f"- {one['kind']} ({len(kept)} of {len(measured)} limits kept): {'; '.join(told)}")
    if not lines:
        return "Nothing has been measured yet: `make bench`.\n"
    every = "[benchmarks/](benchmarks/README.md#every-limit)"
    return "\n".join([*lines, "", f"Every limit, how and where it was measured, and why some are missed: {every}.", ""])


def replaced(text: str, new: str, begin: str, end: str) -> str:
    """A text with what stands between two markers replaced. Raises ValueError without them."""
    if begin not in text or end not in text:
        raise ValueError(f"the page has no {begin} … {end}")
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{new}{end}", text, count=1, flags=re.DOTALL)


def readme_with(text: str, new: str) -> str:
    """The README with the section between the two markers replaced. Raises ValueError without them."""
    return replaced(text, new, BEGIN, END)


# -- plots --------------------------------------------------------------------------------------------------------------------

STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#5b6572}.head{font-weight:600;fill:#1b1f24}.ours{fill:#2563b8}.other{fill:#9aa5b1}"
    "@media(prefers-color-scheme:dark){text{fill:#9aa5b1}.head{fill:#e7eaee}.ours{fill:#7db4ff}.other{fill:#5b6572}}"
)
BAR, LEFT, WIDTH = 18, 150, 720


def plot(found: Mapping[str, Any]) -> str:
    """Bars of the medians, case by case; each case has its own scale."""
    parts: list[str] = []
    y = 10
    for case, contenders in found["cases"].items():
        y += 22
        parts.append(f'<text class="head" x="8" y="{y}">{escape(case)} ({escape(found["unit"])})</text>')
        y += 8
        most = max(one["median"] for one in contenders.values()) or 1.0
        for name, one in contenders.items():
            length = max(1.0, (WIDTH - LEFT - 70) * one["median"] / most)
            kind = "ours" if name.startswith("chatops") else "other"
            parts.append(
                f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
                f'<rect class="{kind}" x="{LEFT}" y="{y + 2}" width="{length:.1f}" height="{BAR - 4}"/>'
                f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}">{figure(one["median"])}</text>'
            )
            y += BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 12}" role="img" '
        f'aria-label="medians of {escape(found["kind"])}">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )

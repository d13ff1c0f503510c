"""`report`: one page that needs nothing else, of a deploy or of a day; foreign text in it is text."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chatops import formatting
from chatops.deploys import monitor_state, receipt
from chatops.deploys.monitor_state import Look, Seen
from tests.conftest import in_ci
from tests.servers import Database
from tests.shift import add_chats, add_operators, chat_id

START = datetime(2026, 1, 1, tzinfo=UTC)


class Page(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not {"src", "href"} & dict(attrs).keys(), "the page needs something else"

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_day_becomes_a_page_with_plots_and_findings(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    state = monitor_state.begin("db public", "1h*3", START, {})
    for slot in range(3):
        look = Look({"waiting": slot, "oldest_seconds": 60.0}, {"CHAT001": Seen("critical", "<script>alert(1)</script>\x1b")})
        state, _ = monitor_state.advance(state, slot, (), START + timedelta(hours=slot + 1), look)
    (tmp_path / "day.json").write_text(state.text)
    chatops_inprocess("report", "day.json", check=0)
    page = Page((tmp_path / "day.html").read_text())
    assert "script" not in page.tags
    assert page.tags.count("polyline") == 2
    assert page.tags.count("circle") == 6
    assert "3 h after the start: worse than before, CHAT001 is new" in page.words
    assert "<script>alert(1)</script>\\x1b" in page.words


def test_a_deploy_that_stopped_becomes_a_page_that_says_where(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    made = receipt.Receipt("0", "production", "db", "public", "2026-01-01T00:00:00Z").with_step(
        receipt.Step("code", "failed", "no", 1.5)
    )
    (tmp_path / "deploy.json").write_text(made.text)
    chatops_inprocess("report", "deploy.json", "--to", "page.html", check=0)
    assert "The deploy stopped at code" in Page((tmp_path / "page.html").read_text()).words


def test_a_deploy_that_stopped_says_why_what_is_in_place_and_what_to_do(
    chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    made = receipt.Receipt(
        "0", "production", "db", "public", "2026-01-01T00:00:00Z", role="ada", next_steps=(("look", "chatops verify"),)
    )
    made = made.with_step(receipt.Step("migrate", "done", "2 files applied", 61)).with_step(
        receipt.Step("verify", "failed", "2 checks failed", 1.5, ("DB003: <b>gone</b>", "DB018: other"))
    )
    (tmp_path / "deploy.json").write_text(made.text)
    assert receipt.read(tmp_path / "deploy.json") == made
    chatops_inprocess("report", "deploy.json", check=0)
    words = " ".join(Page((tmp_path / "deploy.html").read_text()).words.split())
    for told in ("DB003: <b>gone</b>", "migrate: the migration files are in and stay in", "chatops verify", "as ada", "1 m 01 s"):
        assert told in words
    assert "Commands" not in words  # none ran


@pytest.mark.parametrize(("plan", "mark"), [("10s*6", "60 s"), ("15m*4", "45 m"), ("1h*24", "24 h"), ("2d", "48 h")])
def test_axes_are_in_seconds_minutes_or_hours(
    plan: str, mark: str, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    state = monitor_state.begin("db public", plan, START, {})
    for slot, after in enumerate(state.schedule.slots):
        state, _ = monitor_state.advance(state, slot, (), START + after, Look({"waiting": slot}))
    (tmp_path / "day.json").write_text(state.text)
    chatops_inprocess("report", "day.json", check=0)
    assert mark in Page((tmp_path / "day.html").read_text()).words


def test_what_is_new_stands_before_what_was_there_and_the_worst_before_the_rest(
    chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    """In which order the codes are makes no difference, and of what was there at the first look nobody says since when."""
    known = {"CHAT001": Seen("warning", "a"), "DB019": Seen("critical", "b"), "DB001": Seen("unknown", "c")}
    state = monitor_state.begin("db public", "1h*2", START, monitor_state.baseline_of(Look({}, known)))
    found = {**known, "CHAT002": Seen("warning", "d"), "ZERO001": Seen("critical", "e")}
    state, _ = monitor_state.advance(state, 0, (), START + timedelta(hours=1), Look({"waiting": 1}, found))
    (tmp_path / "day.json").write_text(state.text)
    chatops_inprocess("report", "day.json", check=0)
    order = ["ZERO001", "CHAT002", "DB019", "CHAT001", "DB001"]
    open_now = Page((tmp_path / "day.html").read_text()).words.partition("Open now")[2].partition("appeared and went")[0]
    assert re.findall(r"[A-Z]+\d{3}", open_now) == order
    assert open_now.count("2026-01-01 01:00") == 2
    assert open_now.count("from before") == 3
    rows = json.loads(chatops_inprocess("report", "day.json", "-o", "json", check=0).stdout)["open"]
    assert [(row["code"], row["new"], row["since"] is None) for row in rows] == [
        (code, place < 2, place >= 2) for place, code in enumerate(order)
    ]
    made = receipt.Receipt("0", "production", "db", "public", "2026-01-01T00:00:00Z", baseline={
        "findings": sorted(known), "known": {code: {"severity": one.severity, "title": one.title} for code, one in known.items()},
    }).with_step(receipt.Step("code", "skipped", "skipped", 0.0))  # fmt: skip
    (tmp_path / "deploy.json").write_text(made.text)
    chatops_inprocess("report", "deploy.json", check=0)
    words = Page((tmp_path / "deploy.html").read_text()).words
    assert words.count("skipped") == 1
    assert re.findall(r"[A-Z]+\d{3}", words.partition("Findings before")[2]) == ["DB019", "CHAT001", "DB001"]


@pytest.mark.parametrize("chats", [0, 3, 9_999, 10_001, 719_604, 1_204_881, 3 * 10**9])
def test_an_axis_is_marked_in_figures_that_fit_and_a_row_keeps_its_instant_whole(
    chats: int, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    state = monitor_state.begin("db public", "1h", START, {})
    look = Look({"waiting_real_user_reply": chats}, {"CHAT001": Seen("critical", "two chats")})
    state, _ = monitor_state.advance(state, 0, (), START + timedelta(hours=1), look)
    (tmp_path / "day.json").write_text(state.text)
    chatops_inprocess("report", "day.json", check=0)
    text = (tmp_path / "day.html").read_text()
    marks = re.findall(r'text-anchor="end">([^<]+)<', text)
    assert marks
    assert all(re.fullmatch(r"[\d,.]{1,5}( [kMG])?|1 h|60 m", mark) for mark in marks), marks
    assert "<span class=at>2026-01-01 01:00</span>" in text


def a_day() -> monitor_state.Watch:
    """A day with foreign text, something that opened and closed, and a long word."""
    state = monitor_state.begin("production.example.org:5432/postgres public", "1h*6", START, {})
    for slot in range(6):
        found = {"CHAT001": Seen("critical", "<script>document.title = 'taken over'</script> | x")} if slot in (1, 2) else {}
        figures = {"waiting": 40 - slot, "oldest_seconds": 60.0 * slot, "assigned": 9, "waiting_real_user_reply": 1200}
        state, _ = monitor_state.advance(state, slot, (), START + timedelta(hours=slot + 1), Look(figures, found))
    return state


def test_the_same_as_markdown_for_a_job_summary(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "day.json").write_text(a_day().text)
    shown = chatops_inprocess("report", "day.json", "-o", "markdown", check=0).stdout
    assert not (tmp_path / "day.html").exists()
    assert "6 h after the start: no worse; 1 critical opened and closed" in shown
    assert "| chats that wait | 40 | 40 | 35 |" in shown
    assert "\\<script\\>" in shown
    chatops_inprocess("report", "day.json", "--write", "markdown=day.md", check=0)
    assert (tmp_path / "day.md").read_text() == shown
    assert (tmp_path / "day.html").exists()


# ---- in a real browser -----------------------------------------------------------------------------------------------

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MEASURE = """<script>addEventListener('load', () => {
  const style = getComputedStyle(document.body), plot = document.querySelector('svg .plot').getBoundingClientRect()
  document.documentElement.dataset.seen = JSON.stringify({title: document.title, wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth, paper: style.backgroundColor, ink: style.color, plot: plot.width,
    letters: Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height)),
    said: Math.min(...[...document.querySelectorAll('td:last-child')].map(e => e.getBoundingClientRect().width)),
    cut: [...document.querySelectorAll('td,th,p,h1,h2')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).length})
})</script>"""


def browser() -> str:
    """A browser on this machine; without one the test is skipped where CI does not insist on the whole matrix."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        assert not in_ci(), "CI must open the report in a browser (Debian: chromium)"
        pytest.skip("no browser is installed (Debian: chromium): the report was not opened in one")
    return found


@pytest.mark.parametrize("dark", [False, True])
def test_a_real_browser_shows_the_page_on_a_phone_in_the_dark_and_on_paper(
    dark: bool, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    program = browser()
    (tmp_path / "day.json").write_text(a_day().text)
    chatops_inprocess("report", "day.json", check=0)
    # A headless window is 500 wide at least; a frame is as wide as a phone.
    page = (tmp_path / "day.html").read_text().replace("</head>", MEASURE + "</head>")
    (tmp_path / "phone.html").write_text(page)
    (tmp_path / "frame.html").write_text(
        "<iframe id=f src=phone.html width=390 height=800></iframe><script>f.onload = () => setTimeout(() => "
        "document.title = f.contentDocument.documentElement.dataset.seen)</script>"
    )
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", f"--user-data-dir={tmp_path}/profile",
             "--virtual-time-budget=3000", *(["--blink-settings=preferredColorScheme=0"] if dark else
                                            ["--blink-settings=preferredColorScheme=1"])]  # fmt: skip
    done = subprocess.run([program, *flags, "--dump-dom", f"file://{tmp_path}/frame.html"], capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    found = re.search("<title>(.*?)</title>", done.stdout)
    assert found is not None, done.stdout + done.stderr
    seen = json.loads(unescape(found[1]))
    assert seen["title"] == "OK · 6 h after the start: no worse; 1 critical opened and closed"
    assert seen["wide"] <= seen["room"] <= 390
    assert seen["cut"] == 0
    assert seen["said"] > 300  # a row is stacked: its sentence has the width of the phone
    assert seen["plot"] > 200
    assert seen["letters"] > 10  # pixels
    assert (seen["paper"], seen["ink"]) == (
        ("rgb(20, 23, 27)", "rgb(231, 234, 238)") if dark else ("rgb(255, 255, 255)", "rgb(27, 31, 36)")
    )
    if not dark:
        subprocess.run([program, *flags, f"--print-to-pdf={tmp_path}/day.pdf", f"file://{tmp_path}/day.html"], capture_output=True,
                       timeout=120, check=True)  # fmt: skip
        assert (tmp_path / "day.pdf").read_bytes().startswith(b"%PDF")


def test_what_is_neither_is_refused(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    chatops_inprocess("report", "x.json", check=2)
    chatops_inprocess("report", "none.json", check=2)


def test_the_last_run_is_reported_with_a_fresh_look_and_the_way_back(
    core_database: Database, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    """After an adopt, after a plain migrate, and where there was none: in the page, as tables, for programs."""
    add_operators(core_database, 2)
    add_chats(core_database, 2, state="assigned", held_by=1)
    core_database.execute("drop schema chatops cascade")
    assert "no run" in chatops_inprocess("report", "--last", db=core_database, check=4).stderr
    chatops_inprocess("report", "x.json", "--last", db=core_database, check=2)
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    adopted = chatops_inprocess("report", "--last", "-o", "markdown", db=core_database, check=0).stdout
    assert "001, 014, 015, 016 and 017 adopted" in adopted
    assert "adopt --through 017 --yes by " in adopted
    assert "adopt --forget 001" in adopted
    assert "Not in: 018 to 028 (11 files)." in adopted
    assert "an adopt changes nothing" in adopted
    # Older than what comes: somebody who holds two chats. Newer: a trigger that is switched off.
    core_database.execute("update chats set is_active = null where id = %s", (chat_id(1),))
    chatops_inprocess("migrate", "--to", "019", "--yes", db=core_database, check=0)
    core_database.execute("alter table messages disable trigger chatops_apply_message")
    told = json.loads(chatops_inprocess("report", "--last", "-o", "json", db=core_database, check=0).stdout)
    assert [one["file"] for one in told["files"]] == ["018_queue_clocks", "019_queue_indexes"]
    assert all(one["state"] == "applied" and one["by"] for one in told["files"])
    assert told["good"] is False
    found = {one["code"]: one["age"] for one in told["findings"]}
    assert "CHAT011" in found
    assert any(code.startswith("DB") for code in found)
    assert {one["file"] for one in told["noticed"]} == {"018"}
    assert (
        chatops_inprocess("report", "--last", "--to", tmp_path / "run.html", db=core_database, check=0)
        .stdout.strip()
        .endswith(".html")
    )
    page = Page((tmp_path / "run.html").read_text())
    pages = [chatops_inprocess("report", "--last", db=core_database, check=0, cwd=tmp_path).stdout.strip() for _ in range(1)]
    assert all(re.fullmatch(r"chatops-run-018-019-\d{8}T\d{6}Z\.html", one) for one in pages)
    for words in (
        "018 and 019 applied",
        "Before: 001, 014, 015, 016 and 017 adopted",
        "Not in: 020 to 028 (9 files)",
        "a client's created_at no longer counts",
        "chatops remove --dry-run",
        "postgres",
    ):
        assert words in unescape(page.words), words
    assert "script" not in page.tags


def test_how_long_a_run_and_its_files_took_is_one_number_wherever_it_is_told(
    core_database: Database, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    """Files that go together, by themselves, statement by statement and in batches, and the views: the screen of the run, the
    ledger, `status` and the page."""
    database = core_database
    chatops_inprocess("adopt", "--to", "017", "--yes", db=database, check=0)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "001_a.sql").write_text("create table a (b integer);")
    (tmp_path / "own" / "002_b.sql").write_text("create index concurrently on a (b);")
    for where in ((), ("--dir", str(tmp_path / "own"), "--source", "own")):
        done = chatops_inprocess("migrate", *where, "--yes", "--write", f"json={tmp_path}/run.json", db=database, check=0)
        applied = json.loads((tmp_path / "run.json").read_text())["applied"]
        told = {one["name"]: (one["duration_ms"], one["waited_ms"]) for one in applied}
        kept = {
            name.removeprefix("views/"): (duration, waited)
            for name, duration, waited in database.value(
                "select json_agg(json_build_array(name, duration_ms, waited_ms)) from chatops.migrations where state = 'applied'"
            )
        }
        assert told == {name: kept[name] for name in told}
        within = formatting.duration(sum(duration for duration, _ in told.values()) / 1000)
        assert f", {within} of it in the files." in done.stdout or f" in {within}." in done.stdout
        assert (
            f", {within} in the files, " in chatops_inprocess("report", "--last", "-o", "plain", db=database, check=None).stdout
        )
        files = json.loads(chatops_inprocess("status", *where, "-o", "json", db=database, check=0).stdout)["files"]
        shown = {one["name"]: one["duration"] for one in files if one["name"] in told}
        assert shown == {name: duration / 1000 for name, (duration, _) in told.items() if name in shown}
        for name in shown:
            line = next(line for line in done.stderr.splitlines() if line.startswith("  ✓ ") and name in line)
            assert line.endswith(f" {formatting.duration(shown[name])}"), line

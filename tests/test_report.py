"""`report`: one page that needs nothing else, of a deploy or of a day; foreign text in it is text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from chatops.deploys import receipt, watch
from chatops.deploys.watch import Look, Seen

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
    state = watch.begin("db public", "1h*3", START, {})
    for slot in range(3):
        look = Look({"waiting": slot, "oldest_seconds": 60.0}, {"CHAT001": Seen("critical", "<script>alert(1)</script>\x1b")})
        state, _ = watch.advance(state, slot, (), START + timedelta(hours=slot + 1), look)
    (tmp_path / "day.json").write_text(state.text)
    chatops_inprocess("report", "day.json", check=0)
    page = Page((tmp_path / "day.html").read_text())
    assert "script" not in page.tags
    assert page.tags.count("polyline") == 2
    assert page.tags.count("circle") == 6
    assert "3 h after deploy: worse; CHAT001 is open" in page.words
    assert "<script>alert(1)</script>\\x1b" in page.words


def test_a_deploy_that_stopped_becomes_a_page_that_says_where(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    made = receipt.Receipt("0", "production", "db", "public", "2026-01-01T00:00:00Z").with_step(
        receipt.Step("code", "failed", "no", 1.5)
    )
    (tmp_path / "deploy.json").write_text(made.text)
    chatops_inprocess("report", "deploy.json", "--to", "page.html", check=0)
    assert "The deploy stopped at code" in Page((tmp_path / "page.html").read_text()).words


def test_what_is_neither_is_refused(chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    chatops_inprocess("report", "x.json", check=2)
    chatops_inprocess("report", "none.json", check=2)

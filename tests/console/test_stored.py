"""How `chatops console` looks: stored screens at three sizes, the same in light, dark and without colour."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from rich.style import Style
from textual.pilot import Pilot

from chatops.checks.results import Survey
from chatops.console.app import Console
from chatops.widths import cells
from tests.console.driving import Open, drive, picture, select, until
from tests.servers import Database

SCREENS = Path(__file__).resolve().parent / "screens"
SIZES = [(80, 24), (120, 40), (200, 60)]
VARYING = (
    (r"\d\d:\d\d:\d\dZ, \d+(\.\d+)? m?s ago", "HH:MM:SSZ, N s ago"), (r"\b\d\d:\d\d\b", "HH:MM"),
    (r"  \S+/chatops_test\S*( as \S+)?", "  SERVER/DATABASE as ROLE"), (r"\b\d+(\.\d+)? (s|m|h|d)( \d\d [mh])?(?= |$)", "AGE"),
    (r"--config \S+", "--config FILE"), (r" +$", ""),
)  # fmt: skip


def steady(text: str) -> str:
    """A screen without what another run writes differently; columns may move by that, words do not."""
    lines = []
    for line in text.splitlines():
        for pattern, word in VARYING:
            line = re.sub(pattern, word, line)
        lines.append(re.sub(r" {2,}", "  ", re.sub(r"─+$", "─", line)))
    return "\n".join(lines) + "\n"


def settled(survey: Survey) -> bool:
    """Whether every check came to its end."""
    return all(one.status != "unknown" for one in survey.results)


@pytest.fixture(params=["dark", "light", "no colour"])
def shade(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the terminal is."""
    if request.param == "no colour":
        monkeypatch.setenv("NO_COLOR", "1")
    return str(request.param)


def styles(app: Console) -> list[tuple[str, Style]]:
    """Each piece of the screen with its style."""
    strips = app.screen._compositor.render_strips()
    return [(piece.text, piece.style or Style()) for strip in strips for piece in strip if piece.text.strip()]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_screen_is_as_it_was_stored(shift: Database, desk: Open, size: tuple[int, int], shade: str) -> None:
    """CHATOPS_STORE_SCREENS=1 stores them anew."""
    app = desk(shift, production=True, checks=True, light=shade == "light")
    seen: list[str] = []

    async def script(pilot: Pilot[None]) -> None:
        await pilot.press("f")
        # On a busy machine a check may be cut off at first, and is run again.
        await until(pilot, lambda: app.desk.found is not None and not app.said and settled(app.desk.found.survey))
        await select(pilot, 12)
        await until(pilot, lambda: len(app.desk.waits) > 2)
        app.desk.source.where = "db.acme.example/chat as ada"
        at = app.desk.looked_at or 0.0
        app.desk.clock = lambda: at  # of this moment
        app._head()
        await pilot.pause()
        seen.append(picture(app))
        pieces = styles(app)
        for text, style in pieces:
            # What is coloured says so in words, too; nothing has a background of its own, but what is reversed.
            if style.color is not None and not style.color.is_default and shade != "no colour":
                assert re.search(r"[A-Z]{2}|\w{3}", text), text
            assert style.bgcolor is None or style.bgcolor.is_default or style.reverse or shade == "no colour", (text, style)
        if shade == "no colour":
            shades = {
                style.color.get_truecolor() for _, style in pieces if style.color is not None and not style.color.is_default
            }
            assert all(one.red == one.green == one.blue for one in shades)

    drive(app, script, size)
    text = steady(seen[0])
    assert all(cells(line) <= size[0] for line in seen[0].splitlines())
    file = SCREENS / f"{size[0]}x{size[1]}.txt"
    if os.environ.get("CHATOPS_STORE_SCREENS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")

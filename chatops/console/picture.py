"""One look as a picture, drawn as on a terminal of some size; needs no terminal."""

from __future__ import annotations

import asyncio
import io
import re
from pathlib import Path

from rich.console import Console as Paper
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME

from chatops.console.app import Console

STEP = 0.02
_FONT = re.compile(r"@font-face \{.*?\}\n?", re.DOTALL)


def screenshot(app: Console, file: Path, size: tuple[int, int], *, checks: bool, light: bool) -> str | None:
    """Writes one look as SVG, its first row chosen; what went wrong, None when nothing did."""

    async def take() -> str | None:
        async with app.run_test(size=size) as pilot:
            desk = app.desk
            while not desk.looks and desk.trouble is None:
                await pilot.pause(STEP)
            while checks and desk.trouble is None and (desk.found is None or app.said) and not app.said.startswith("not checked"):
                await pilot.pause(STEP)
            await pilot.press("down")
            if desk.trouble is None:
                file.write_text(_drawn(app, light=light), encoding="utf-8")
            return desk.trouble

    return asyncio.run(take())


def _drawn(app: Console, *, light: bool) -> str:
    """The screen as SVG. No font comes from elsewhere: a page that shows the picture asks nobody."""
    width, height = app.size
    paper = Paper(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True)
    paper.print(app.screen._compositor.render_update(full=True))
    return _FONT.sub("", paper.export_svg(title="chatops console", theme=DEFAULT_TERMINAL_THEME if light else SVG_EXPORT_THEME))

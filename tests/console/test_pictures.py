"""How `chatops console` looks in light and dark, and that it draws no more than it must."""

from __future__ import annotations

from rich.style import Style
from textual.pilot import Pilot

from chatops.console import drawing
from tests.console.driving import Open, drive
from tests.servers import Database


def test_no_style_is_a_colour_that_cannot_be_read_on_white_or_told_by_those_who_see_no_red() -> None:
    colours = [Style.parse(style) for style in drawing.STYLES.values() if style]
    names = {style.color.name for style in colours if style.color is not None}
    assert not names & {"yellow", "cyan", "white", "bright_yellow", "bright_cyan"}
    # Red and green are not told apart by colour: one is reversed.
    assert {style.color.name: bool(style.reverse) for style in colours if style.color is not None} == {
        "green": False, "magenta": False, "red": True,
    }  # fmt: skip


def test_what_has_not_changed_is_not_drawn_again(shift: Database, desk: Open) -> None:
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        body = app._base("#body")
        assert body is not None
        drawn: list[object] = []
        body.update = lambda *args, **options: drawn.append(args)  # type: ignore[method-assign]
        app.redraw()
        app.redraw()
        assert drawn == []
        await pilot.press("down")
        assert len(drawn) == 1

    drive(app, script)

"""`--watch`: a table again and again, in place on a terminal, one after another elsewhere; Ctrl-C leaves the last one."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.render.terminal import Page
from tests.conftest import Result, clean_environment
from tests.servers import Database


def interrupted_after(times: int, arguments: list[str], environment: dict[str, str], *, terminal: bool) -> tuple[int, str]:
    """Runs a command until its answer has been seen so often, then presses Ctrl-C; its exit code and stdout."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatops", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=writer,
        stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    os.close(writer)
    seen = b""
    sent = False
    while True:
        try:
            piece = os.read(reader, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if not sent and seen.count(b"nobody waits") >= times:
            process.send_signal(signal.SIGINT)
            sent = True
    os.close(reader)
    return process.wait(30), seen.decode()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_is_shown_again_until_ctrl_c_which_leaves_the_last_one(
    terminal: bool, core_database: Database, home: Path
) -> None:
    environment = clean_environment(home, {"CHATOPS_DATABASE_URL": core_database.url, "TERM": "xterm"})
    code, text = interrupted_after(3, ["queue", "--watch", "0.2"], environment, terminal=terminal)
    assert code == 0
    assert text.count("nobody waits") >= 3
    back = re.findall(r"\x1b\[(\d+)F\x1b\[J", text)
    if terminal:
        assert len(back) == text.count("nobody waits") - 1
        assert set(back) == {"2"}  # the answer and the line under it
    else:
        assert "\x1b" not in text
        assert "\n\n" in text


@pytest.mark.parametrize("name", ["summary", "queue", "stuck", "operators"])
def test_the_tables_that_can_be_watched_keep_their_files_fresh(
    name: str, core_database: Database, chatops_inprocess: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatops.flows import watch_option

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        (tmp_path / "out.json").unlink()
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(watch_option, "pause", sleep)
    shown = chatops_inprocess(name, "--watch", "7", "-o", "json", "--write", "json=out.json", db=core_database, check=0).stdout
    assert slept == [7, 7]
    assert shown.count(f'"command": "{name}"') == 2


def test_a_server_that_goes_away_is_told_under_the_last_answer_and_asked_again(
    own_server: Callable[..., Any], chatops_inprocess: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatops.flows import watch_option
    from tests.conftest import build_core

    server = own_server("18")
    database = server.create_database()
    build_core(database)
    database.close()
    steps = iter([lambda: server.stop("immediate"), server.start])

    def sleep(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(watch_option, "pause", sleep)
    shown = chatops_inprocess("queue", "--watch", "1", db=database, check=0).stdout
    assert re.search(r"nobody waits.*\n\n\d\d:\d\d:\d\d UTC  .*; asking again\n\n.*nobody waits", shown), shown
    server.stop("immediate")
    assert chatops_inprocess("queue", "--watch", "1", db=database).exit_code == 3


def test_what_is_too_tall_for_the_terminal_is_counted_and_wrapped_rows_are_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Written:
        text = ""

        def emit(self, piece: str) -> None:
            self.text += piece

    monkeypatch.setattr("shutil.get_terminal_size", lambda *_, **__: os.terminal_size((16, 6)))
    written = Written()
    screen = Page(written.emit)
    screen.draw("a\n\x1b[1m12345678901234567\x1b[0m\nc\nd\ne\n", "status")
    assert written.text == "a\n\x1b[1m12345678901234567\x1b[0m\n… 3 more lines\nstatus\n"
    screen.draw("b\n", "status")
    assert written.text.endswith("\x1b[5F\x1b[Jb\nstatus\n")


def test_a_plugin_is_not_watched(core_database: Database, chatops_inprocess: Callable[..., Result]) -> None:
    assert "answers once" in chatops_inprocess("queue", "--watch", "1", "-o", "nagios", db=core_database, check=3).stderr

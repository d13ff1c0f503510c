"""`chatops console` on a terminal of its own: the terminal is given back however it ends; colours and pictures; without Textual."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result
from tests.locks import wait_for
from tests.servers import Database
from tests.test_questions import Terminal

Run = Callable[..., Result]


def test_without_a_terminal_it_says_so_and_with_screenshot_it_draws(
    shift: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    assert "--screenshot" in chatops_inprocess("console", db=shift, check=4).stderr
    chatops_inprocess("console", "--screenshot", "desk.svg", "--checks-every", "0", db=shift, check=0)
    drawn = (tmp_path / "desk.svg").read_text()
    assert drawn.startswith("<svg")
    assert "WAITING" in drawn
    assert "user-11" not in drawn  # names of people in full only on a terminal


def test_without_textual_it_says_how_to_get_it_and_nothing_else_loads_it(shift: Database, chatops: Run, tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise ModuleNotFoundError('No module named textual', name='textual')\n")
    env = {"PYTHONPATH": str(tmp_path)}
    done = chatops("console", db=shift, env=env, check=2)
    assert "console needs Textual" in done.stderr
    assert "[console]" in done.stderr
    chatops("queue", db=shift, env=env, check=0)


def end_by(terminal: Terminal, end: signal.Signals | bytes) -> None:
    """Ends the desk by a signal or by keys, and sees that it gives the terminal back."""
    if isinstance(end, bytes):
        terminal.type(end)
    else:
        terminal.process.send_signal(end)
    terminal.until("\x1b[?1049l")
    assert terminal.end() == 0


@pytest.mark.sampled(2)
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, b"q", b"\x03"], ids=["SIGTERM", "SIGHUP", "q", "ctrl-c"])
def test_the_terminal_is_given_back(shift: Database, home: Path, end: signal.Signals | bytes) -> None:
    terminal = Terminal(home, "console", "--checks-every", "0", CHATOPS_DATABASE_URL=shift.url, NO_COLOR="1")
    terminal.until("WAITING")
    terminal.until("c4000011")
    assert "\x1b[?1049h" in terminal.seen
    end_by(terminal, end)
    # Without colour: bold, dim and reverse at most; the terminal's own background.
    assert not re.search(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|38|48)[;m]", terminal.seen)


def test_production_is_marked_by_words_and_by_colour_on_the_terminals_own_background(
    shift: Database, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{shift.url}"\nproduction = true\n')
    terminal = Terminal(home, "--env", "live", "--config", str(tmp_path / "chatops.toml"), "console", "--checks-every", "0")
    terminal.until("c4000011")
    terminal.type(b"q")
    terminal.until("\x1b[?1049l")
    assert terminal.end() == 0
    marked = re.search(r"\x1b\[([\d;]+)m PRODUCTION LIVE ", terminal.seen)
    assert marked is not None, terminal.seen
    codes = marked[1].split(";")
    assert {"1", "7"} <= set(codes)  # bold and reversed, which needs no colour
    assert codes[-1] != "40"
    assert not re.search(r"\x1b\[[\d;]*30;40m", terminal.seen)


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(shift: Database, home: Path) -> None:
    terminal = Terminal(home, "console", "--checks-every", "0", "--every", "1", CHATOPS_DATABASE_URL=shift.url)
    terminal.until("c4000011")
    terminal.type(b"\x1a")
    terminal.until("\x1b[?1049l")
    stopped = os.waitpid(terminal.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(stopped[1])
    # Nothing is open at the server while it sleeps.
    sessions = "select state, xact_start from pg_stat_activity where application_name = 'chatops console' and datname = current_database()"
    assert [tuple(row) for row in shift.execute(sessions)] == [("idle", None)]
    terminal.seen = ""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until("\x1b[?1049h")
    terminal.until("c4000011")
    terminal.type(b"q")
    terminal.until("\x1b[?1049l")
    assert terminal.end() == 0


def test_a_terminal_that_is_closed_ends_it(shift: Database, home: Path) -> None:
    terminal = Terminal(home, "console", "--checks-every", "0", CHATOPS_DATABASE_URL=shift.url)
    terminal.until("c4000011")
    os.close(terminal.master)
    assert terminal.process.wait(timeout=60) is not None
    wait_for(lambda: shift.value("select count(*) from pg_stat_activity where application_name = 'chatops console'"
                                 " and datname = current_database()") == 0, "its session is over", 30)  # fmt: skip


@pytest.mark.sampled(1)
@pytest.mark.parametrize("end", [signal.SIGTERM, b"\x03"], ids=["SIGTERM", "ctrl-c"])
def test_the_terminal_is_given_back_while_a_look_hangs(shift: Database, home: Path, end: signal.Signals | bytes) -> None:
    terminal = Terminal(home, "console", "--checks-every", "0", "--every", "1", CHATOPS_DATABASE_URL=shift.url)
    terminal.until("c4000011")
    with shift.connect() as blocker, blocker.transaction():
        blocker.execute("lock table chats in access exclusive mode")
        wait_for(lambda: shift.value("select count(*) from pg_stat_activity where application_name = 'chatops console'"
                                     " and datname = current_database() and wait_event_type = 'Lock'") > 0, "a look waits", 30)  # fmt: skip
        end_by(terminal, end)

"""Questions on a real terminal: what was typed before counts for nothing, and stop means that nothing was changed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import clean_environment
from tests.servers import Database


class Terminal:
    """chatops on a terminal of its own."""

    def __init__(self, home: Path, *words: str, typed: bytes = b"", cwd: Path | None = None, **env: str) -> None:
        self.master, slave = pty.openpty()
        os.write(self.master, typed)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chatops", *words], stdin=slave, stdout=slave, stderr=slave, cwd=cwd or home,
            env=clean_environment(home, {"TERM": "xterm", **env}), start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def until(self, words: str, seconds: float = 60) -> None:
        """Reads on until these words are on the screen."""
        deadline = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not self.read():
                break
        assert words in self.seen, self.seen

    def read(self) -> bool:
        if not select.select([self.master], [], [], 1)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def type(self, data: bytes) -> None:
        """Presses keys."""
        os.write(self.master, data)

    def end(self) -> int:
        """Its exit code, the rest of the screen read."""
        while self.read() and self.process.poll() is None:
            pass
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait()


def roles(database: Database) -> list[str]:
    return [row[0] for row in database.execute("select rolname from pg_roles where rolname like 'chatops\\_%'")]


def test_a_yes_that_was_typed_before_the_question_answers_nothing(latest_database: Database, home: Path) -> None:
    before = roles(latest_database)
    screen = Terminal(home, "doctor", "--create-roles", typed=b"y\ny\n", CHATOPS_DATABASE_URL=latest_database.url)
    screen.until("[y/N]")
    screen.type(b"n\n")
    screen.end()
    assert roles(latest_database) == before


def test_stop_at_a_question_changes_nothing_and_says_so(latest_database: Database, home: Path) -> None:
    for keys in (b"\x03", b"\x04"):
        screen = Terminal(home, "doctor", "--create-roles", CHATOPS_DATABASE_URL=latest_database.url)
        screen.until("[y/N]")
        screen.type(keys)
        assert screen.end() == 130
        assert "Stopped. Nothing was changed." in screen.seen
        assert "✗" in screen.seen or "x " in screen.seen


def test_commands_of_a_file_are_shown_and_run_only_when_somebody_says_so(
    latest_database: Database, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text('[monitor]\ncommands = ["env > ran.txt; echo postgres://u:hunter2@h/d"]\n')
    variables = {"CHATOPS_DATABASE_URL": latest_database.url, "PGPASSWORD": "geheim", "OTHER": "kept"}
    for answer, ran in ((b"n\n", False), (b"y\n", True)):
        screen = Terminal(
            home, "monitor", "--once", "--plan", "1m*2", "--state", str(tmp_path / "state.json"), cwd=tmp_path, **variables
        )
        screen.until("Run them? [y/N]")
        assert "env > ran.txt" in screen.seen
        assert "hunter2" not in screen.seen
        screen.type(answer)
        screen.end()
        assert (tmp_path / "ran.txt").exists() is ran, screen.seen
    told = (tmp_path / "ran.txt").read_text()
    assert "OTHER=kept" in told
    assert "geheim" not in told
    assert latest_database.url not in told

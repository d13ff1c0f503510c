"""A command that is forked off one that has loaded chatops shows what one shows that was started anew."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import forks
from tests.conftest import clean_environment
from tests.servers import Database

SOME = (
    (["summary", "-o", "json"], {}, None),
    (["queue", "--limt", "3"], {}, None),
    (["migrate", "--dry-run", "-"], {}, "select 1;\n"),
    (["summary"], {"TZ": "Asia/Tokyo", "COLUMNS": "40", "CHATOPS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}, None),
    (["explain", "CHAT001\udcff", "--write", "json=shown.json"], {}, None),
)
"""Words, variables and standard input: an answer, what typer reads, no server, what is no text."""
MORE = (
    (["status"], {}, None),
    (["migrate", "--help"], {}, None),
    ([], {}, None),
    (["release", "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a", "--reason", "a test", "--yes"], {}, None),
    (["diagnose"], {"FORCE_COLOR": "1"}, None),
    (["config"], {}, None),
    (["explain", "CHAT001", "--write", "json=shown.json"], {}, None),
)


@pytest.mark.parametrize("cases", [SOME, pytest.param(MORE, marks=pytest.mark.full)], ids=["some", "more"])
def test_a_forked_command_shows_what_one_shows_that_is_started_anew(
    cases: tuple[tuple[list[str], dict[str, str], str | None], ...], latest_database: Database, home: Path, tmp_path: Path
) -> None:
    for number, (words, more, typed) in enumerate(cases):
        environment = clean_environment(home, {"CHATOPS_DATABASE_URL": latest_database.url, **more})
        shown = []
        for way in (forks.anew, forks.forked):
            folder = tmp_path / "here"
            folder.mkdir()
            (folder / "chatops.toml").write_text('[env.near]\nurl = "postgresql://127.0.0.1/near"\n')
            done = way(words, environment, folder, typed, 60)
            files = {path.name: _still(path.read_text()) for path in sorted(folder.iterdir())}
            shown.append((done.returncode, _still(done.stdout), _still(done.stderr), files))
            folder.rename(tmp_path / f"{number}-{way.__name__}")
        assert shown[0] == shown[1], words


def _still(text: str) -> str:
    """A text without the instant at which it was said, and without how long that took."""
    return re.sub(r"\d\d:\d\d:\d\d(\.\d+)?|\d+(\.\d+)? m?s\b", "…", text)


def test_a_fork_is_a_process_of_its_own(home: Path, tmp_path: Path) -> None:
    environment = clean_environment(home, {"CHATOPS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"})
    with pytest.raises(subprocess.TimeoutExpired):
        forks.forked(["wait", "--timeout", "10m"], environment, tmp_path, None, 1.5)
    assert forks.forked(["--version"], environment, tmp_path, None, 60).returncode == 0


def test_what_steers_python_is_started_anew(home: Path, tmp_path: Path) -> None:
    plain = clean_environment(home)
    assert forks.can_be_forked(["summary"], plain, tmp_path)
    for name, value in (("PYTHONUTF8", "1"), ("PYTHONIOENCODING", "ascii"), ("LC_ALL", "C"), ("PSYCOPG_IMPL", "python")):
        assert not forks.can_be_forked(["summary"], {**plain, name: value}, tmp_path)
    assert not forks.can_be_forked(["summary"], plain, tmp_path / "nowhere")

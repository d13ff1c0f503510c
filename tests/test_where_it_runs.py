"""Where there is no home, no folder, no stream or no room left: the answer still comes, or a sentence and the right exit code."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Result, clean_environment
from tests.servers import Database

Run = Callable[..., Result]


def bash(line: str, home: Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash in which `chatops` is this one."""
    program = f'chatops() {{ {shlex.quote(sys.executable)} -m chatops "$@"; }}\n'
    environment = clean_environment(home, env)
    return subprocess.run(
        ["bash", "-c", program + line],
        env=environment,
        cwd=cwd,
        capture_output=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("chatops summary", 0, "waiting"),
        ("mkdir gone; cd gone; rmdir ../gone; chatops summary", 0, "waiting"),
        ("mkdir gone; cd gone; rmdir ../gone; chatops config", 0, "setting"),
        ("mkdir gone; cd gone; rmdir ../gone; chatops diagnose -o json", (0, 1), '"findings"'),
        ("chatops summary <&-", 0, "waiting"),
        ("chatops summary 2>&-", 0, "waiting"),
        ("chatops summary >&-", 0, ""),
        ("chatops summary <&- >&- 2>&-", 0, ""),
        ("chatops summary 2>/dev/full", 0, "waiting"),
        ("chatops summary >/dev/full", 1, ""),
        ("chatops summary >/dev/full 2>/dev/full", 1, ""),
        ("chatops --help >/dev/full", 1, ""),
        ("chatops --version >/dev/full", 1, ""),
        ("chatops explain | true; exit ${PIPESTATUS[0]}", 141, ""),
        ("chatops --help | true; exit ${PIPESTATUS[0]}", (0, 141), ""),
        ("chatops explain -o json | head -c 10; exit ${PIPESTATUS[0]}", (0, 141), ""),
        ("chatops show chat $'\\xff\\xfe'", 2, ""),
        ("chatops diagnose --only $'CHAT\\xff'", 2, ""),
        ("chatops $'\\xff'", 2, ""),
        ("env -i PATH=\"$PATH\" CHATOPS_DATABASE_URL=\"$CHATOPS_DATABASE_URL\" " + shlex.quote(sys.executable) + " -m chatops summary", 0, "waiting"),
        ("unset HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME; chatops summary", 0, "waiting"),
        ("export XDG_STATE_HOME=/dev/null/none XDG_CACHE_HOME=/dev/null/none; chatops diagnose", (0, 1), "check"),
        ("export XDG_STATE_HOME=/dev/null/none; chatops monitor --once", 2, ""),
        ("chatops summary --write json=/dev/full", 2, "waiting"),
        ("chatops summary --write json=/nowhere/x.json", 2, "waiting"),
        ("ulimit -f 0; chatops summary --write json=x.json", (1, 2), "waiting"),
    ],
)  # fmt: skip
def test_the_answer_comes_or_a_sentence(line: str, code: int | tuple[int, ...], told: str, latest_database: Database, home: Path,
                                        tmp_path: Path) -> None:  # fmt: skip
    done = bash(line, home, tmp_path, CHATOPS_DATABASE_URL=latest_database.url)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode in ((code,) if isinstance(code, int) else code), out + err
    assert told in out
    assert "Traceback" not in out + err
    assert "a bug in chatops" not in out + err
    if done.returncode in (1, 2) and "2>/dev/full" not in line and "monitor" not in line:
        assert "✗" in err or done.returncode == 1
    assert not (tmp_path / "x.json").exists()


def test_an_account_without_name_or_home_can_read(latest_database: Database, home: Path, tmp_path: Path) -> None:
    (tmp_path / "nobody.py").write_text(
        "import pwd, sys\n"
        "def nobody(number): raise KeyError(number)\n"
        "pwd.getpwuid = nobody\n"
        "sys.argv = ['chatops', *sys.argv[1:]]\n"
        "from chatops.__main__ import main\n"
        "sys.exit(main())\n"
    )
    bare = "unset HOME USER LOGNAME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME"
    for words, codes in (
        ("summary", (0,)),
        ("config", (0,)),
        ("diagnose", (0, 1)),
        ("status", (0,)),
        ("", (0,)),
        ("monitor --once", (2,)),
    ):
        line = f"{bare}; {shlex.quote(sys.executable)} nobody.py {words}"
        done = bash(line, home, tmp_path, CHATOPS_DATABASE_URL=latest_database.url)
        assert done.returncode in codes, (words, done)
        assert words != "monitor --once" or b"HOME" in done.stderr


def test_files_keep_their_mode_their_owner_and_their_link(
    latest_database: Database, tmp_path: Path, chatops_inprocess: Run
) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 12345, 12346)
    link.symlink_to(real)
    chatops_inprocess("summary", "--write", "json=link.json", db=latest_database, check=0)
    assert link.is_symlink()
    assert real.read_text().startswith("{")
    assert real.stat().st_mode & 0o777 == 0o640
    if os.geteuid() == 0:
        assert (real.stat().st_uid, real.stat().st_gid) == (12345, 12346)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "real.json"]

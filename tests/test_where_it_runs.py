"""Where there is no home, no folder, no stream or no room left: the answer still comes, or a sentence and the right exit code.

By default the commands take turns in such places; with CHATOPS_TEST_LONG=1 each is tried in all.
"""

from __future__ import annotations

import encodings.aliases
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatops import __main__ as entry
from chatops import cli
from chatops.cli import COMMANDS
from tests.conftest import LONG, Result, build_latest, clean_environment
from tests.servers import Database, Farm, Server

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


LINES = {
    (0, "waiting"): (
        "chatops summary",
        "mkdir gone; cd gone; rmdir ../gone; chatops summary",
        "chatops summary <&-",
        "chatops summary 2>&-",
        "chatops summary 2>/dev/full",
        "env -i PATH=\"$PATH\" CHATOPS_DATABASE_URL=\"$CHATOPS_DATABASE_URL\" " + shlex.quote(sys.executable) + " -m chatops summary",
        "unset HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_DATA_HOME; chatops summary",
    ),
    (0, "setting"): (
        "mkdir gone; cd gone; rmdir ../gone; chatops config",
    ),
    ((0, 1), '"findings"'): (
        "mkdir gone; cd gone; rmdir ../gone; chatops diagnose -o json",
    ),
    (0, ""): (
        "chatops summary >&-",
        "chatops summary <&- >&- 2>&-",
    ),
    (74, ""): (
        "chatops summary >/dev/full",
        "chatops summary >/dev/full 2>/dev/full",
        "chatops --help >/dev/full",
        "chatops --version >/dev/full",
        "chatops diagnose -o json >/dev/full",
    ),
    (0, "chat_id"): (
        "chatops queue -o csv 2>/dev/full",
    ),
    (141, ""): (
        "chatops explain | true; exit ${PIPESTATUS[0]}",
    ),
    ((0, 141), ""): (
        "chatops --help | true; exit ${PIPESTATUS[0]}",
        "chatops explain -o json | head -c 10; exit ${PIPESTATUS[0]}",
    ),
    (2, ""): (
        "chatops show chat $'\\xff\\xfe'",
        "chatops diagnose --only $'CHAT\\xff'",
        "chatops $'\\xff'",
        "export XDG_STATE_HOME=/dev/null/none; chatops monitor --once",
    ),
    ((0, 1), "check"): (
        "export XDG_STATE_HOME=/dev/null/none XDG_CACHE_HOME=/dev/null/none; chatops diagnose",
    ),
    (2, "waiting"): (
        "chatops summary --write json=/dev/full",
        "chatops summary --write json=/nowhere/x.json",
    ),
    ((1, 2), "waiting"): (
        "ulimit -f 0; chatops summary --write json=x.json",
    ),
}  # fmt: skip
"""Lines of bash, by the exit code they end with and by what stands in the answer."""
LIKE_ANOTHER = (
    "chatops summary >/dev/full 2>/dev/full", "chatops --version >/dev/full", "chatops explain -o json | head -c 10; exit ${PIPESTATUS[0]}",
    "chatops diagnose --only $'CHAT\\xff'", "chatops $'\\xff'", "chatops summary --write json=/nowhere/x.json",
)  # fmt: skip
"""Lines for the long form: the quick one has another of each kind, and each command beside closed and full streams."""


@pytest.fixture(scope="module")
def newest(farm: Farm, server: Server) -> Iterator[Database]:
    """What `migrate` makes, for all that only read."""
    made = server.create_database(farm.template(server, "latest", build_latest))
    yield made
    made.drop()


@pytest.mark.sampled(8)
@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        pytest.param(line, *expected, marks=[pytest.mark.full] if line in LIKE_ANOTHER else [])
        for expected, lines in LINES.items()
        for line in lines
    ],
)
def test_the_answer_comes_or_a_sentence(line: str, code: int | tuple[int, ...], told: str, newest: Database, home: Path,
                                        tmp_path: Path) -> None:  # fmt: skip
    done = bash(line, home, tmp_path, CHATOPS_DATABASE_URL=newest.url)
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


# How each command is asked for something that ends by itself and changes nothing; a usage error is an answer, too.
WORDS = {
    "migrate": "--dry-run", "adopt": "--dry-run", "deploy": "--dry-run", "repair": "--dry-run", "rehearse": "--to 1", "monitor": "--once",
    "show": "operator 0b0b", "release": "--idle --dry-run", "reassign": "c4c4 --to auto --dry-run", "undo": "1 --dry-run",
    "drain": "0b0b --dry-run", "undrain": "0b0b --dry-run", "close": "c4c4 --dry-run", "reopen": "c4c4 --dry-run", "report": "none.json",
    "wait": "--timeout 1s", "psql": "-- -c 'select 1'", "remove": "--dry-run", "demo": "--size 0", "simulate": "--seconds 0", "check": "--on nowhere",
    "guard": "", "pause": "", "new": "--bogus",
}  # fmt: skip
STREAMS = ("<&-", "2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full")
SOME = (STREAMS[:2], STREAMS[2:3], STREAMS[3:])
"""What a command is tried with in the quick form, by turns: without stderr it ends as it does with it."""


def asked(name: str) -> str:
    return f"{name} {WORDS.get(name, '')}".strip()


@pytest.mark.sampled(0)
@pytest.mark.long
def test_closed_and_full_streams_crash_no_command(latest_database: Database, home: Path, tmp_path: Path) -> None:
    """One process for all: each command is a child that forks from a chatops that is loaded already."""
    names = [name for _, name, _ in COMMANDS if name not in ("console", "psql")]
    (tmp_path / "each.py").write_text(EACH)
    asking = [
        [asked(name), streams] for at, name in enumerate(names)
        for streams in (STREAMS if LONG else SOME[at % len(SOME)])
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "each.py"], input=json.dumps(asking), text=True, cwd=tmp_path, capture_output=True, check=False, timeout=400,
        env=clean_environment(home, {"CHATOPS_DATABASE_URL": latest_database.url, "CHATOPS_TEST_NO_LOCAL": "1"}),
    )  # fmt: skip
    found = {tuple(one[:2]): one[2:] for one in json.loads(done.stdout)}
    assert len(found) == len(asking)
    for (words, streams), (code, out) in found.items():
        full = ">/dev/full 2>" in streams
        assert code in ((0, 1, 2, 3, 4, 5, 74) if full else (0, 1, 2, 3, 4, 5)), (words, streams, code, out)
        if streams in ("2>&-", "2>/dev/full") and words not in CHANGING:
            plain = found[words, "<&-"]
            assert code == plain[0], (words, streams, code, plain, out)


CHANGING = ("monitor --once", "doctor")
"""What answers differently the second time: a watch goes on, and a connection count moves."""

EACH = """
import contextlib, json, os, shlex, sys
from chatops.cli import app, COMMANDS
import chatops.flows, importlib, pkgutil
# What a command loads when it is asked for is loaded once, for all of them.
for one in pkgutil.walk_packages(chatops.__path__, "chatops."):
    if not one.name.startswith("chatops.console"): importlib.import_module(one.name)
answers = []
for words, streams in json.load(sys.stdin):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        os.dup2(write, 9)
        out = os.open("/dev/full" if ">/dev/full 2>" in streams else "out.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(out, 1)
        os.dup2(os.open("/dev/full", os.O_WRONLY) if "2>/dev/full" in streams else os.open("err.txt", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
        # The file of a stream that is let go closes its descriptor.
        if "<&-" in streams: sys.stdin = None
        if " >&-" in " " + streams: sys.stdout = None
        if "2>&-" in streams: sys.stderr = None
        try:
            code = app.main(shlex.split(words))
            with contextlib.suppress(OSError):
                if sys.stdout is not None: sys.stdout.flush()
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
        os.write(9, json.dumps(code).encode())
        os._exit(0)
    os.close(write)
    with open(read) as told: code = json.loads(told.read() or '"died"')
    os.waitpid(child, 0)
    seen = "".join(open(name).read() for name in ("out.txt", "err.txt") if os.path.exists(name))
    answers.append([words, streams, code, seen[-300:]])
json.dump(answers, sys.stdout)
"""


NO_TEXT = {
    "base64_codec",
    "bz2_codec",
    "hex_codec",
    "quopri_codec",
    "rot_13",
    "uu_codec",
    "zlib_codec",
    "mbcs",
    "oem",
    "idna",
    "punycode",
}


@pytest.mark.long
def test_help_and_answers_come_in_every_encoding_that_python_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    known = sorted(set(encodings.aliases.aliases.values()) - NO_TEXT)
    assert len(known) > 80
    asked_for = (["--help"], ["queue", "--bogus"], ["diagnose", "--help"], ["explain", "-o", "json"], ["explain", "CHAT003"])
    for turn, encoding in enumerate(known):
        # Two of them by turns: what the text is of, its encoding does not know.
        for words in asked_for if LONG else (asked_for[turn % 5], asked_for[(turn + 2) % 5]):
            out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stdout", out)
                patch.setattr(sys, "stderr", err)
                text = entry._known_beforehand(words)
                said = None if text is None else entry._said(text)
                code = said if said is not None else cli.main(words)
            told = out.buffer.getvalue().decode(encoding) + err.buffer.getvalue().decode(encoding)
            assert code == (2 if "--bogus" in words else 0), (encoding, words, told)
            assert "CHAT003" in told or "chatops" in told, (encoding, words)


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1", "nowhere.UTF-8", ""])
def test_an_answer_comes_in_every_locale(locale: str, latest_database: Database, home: Path, tmp_path: Path) -> None:
    env = {"CHATOPS_DATABASE_URL": latest_database.url, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    answers: list[tuple[str, tuple[int, ...]]] = [("--help", (0,)), ("diagnose", (0, 1))]
    for words, codes in answers if LONG or not locale else answers[len(locale) % 2 :][:1]:
        done = bash(f"chatops {words}", home, tmp_path, **env)
        assert done.returncode in codes, (words, done.stderr)


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts, and becomes somebody else")
def test_a_file_system_that_takes_nothing_is_enough_to_read(latest_database: Database, home: Path, tmp_path: Path) -> None:
    """Everything but /dev and /proc is read-only, home and the working directory among it."""
    remount = "mount --make-rprivate / && mount -o remount,ro,bind / && mount --bind -o ro {0} {0}; for each in /tmp /dev/shm /run /var; do mount -o remount,ro,bind $each 2>/dev/null || (mount --bind $each $each && mount -o remount,ro,bind $each); done"
    every: list[tuple[str, tuple[int, ...]]] = [
        ("summary", (0,)), ("diagnose", (0, 1)), ("verify", (0, 1)), ("status", (0,)), ("config", (0,)), ("doctor", (0, 1)), ("queue", (0,)),
        ("migrate --dry-run", (0,)), ("explain CHAT003", (0,)), ("", (0,)), ("--help", (0,)), ("release --idle --dry-run", (0,)),
        ("monitor --once", (2,)), ("diagnose --capture x.zip", (2,)), ("new x", (2, 4)), ("summary --write json=x.json", (2,)),
    ]  # fmt: skip
    for words, codes in every if LONG else every[1::3]:
        inner = f"{remount.format(shlex.quote(str(tmp_path)))}; touch x.txt 2>/dev/null && echo WRITABLE; {shlex.quote(sys.executable)} -m chatops {words}"
        done = bash(f"unshare -m bash -c {shlex.quote(inner)}", home, tmp_path, CHATOPS_DATABASE_URL=latest_database.url)
        if b"unshare failed" in done.stderr or b"Operation not permitted" in done.stderr:
            pytest.skip("this container may not mount")
        told = done.stdout.decode() + done.stderr.decode()
        assert "WRITABLE" not in told
        assert done.returncode in codes, (words, told)
        assert "Traceback" not in told
        assert "a bug in chatops:" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_somebody_without_a_right_to_any_folder_can_read(latest_database: Database, home: Path, tmp_path: Path) -> None:
    """As `sudo -u postgres` in /root: a working directory that may not be searched, a home that is not there."""
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    (shut / "chatops.toml").write_text("[env.x]\nurl = 'postgresql://nowhere'\n")
    source = (
        "import chatops, html.parser, importlib, os, pkgutil, sys\n"
        "for one in pkgutil.walk_packages(chatops.__path__, 'chatops.'): importlib.import_module(one.name)\n"
        f"os.chdir({str(shut)!r}); os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from chatops.__main__ import main\n"
        "for words in sys.argv[1:]:\n"
        "    if not (child := os.fork()):\n"
        "        sys.argv = ['chatops', *words.split()]\n"
        "        sys.exit(main())\n"
        "    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "    print('ended:', words, code, flush=True)\n"
    )
    without = "env -u XDG_STATE_HOME -u XDG_CONFIG_HOME -u XDG_CACHE_HOME -u XDG_DATA_HOME HOME=/nonexistent"
    asked_for = {"summary": (0,), "diagnose": (0, 1), "config": (0,), "monitor --once": (2,)}
    line = f"{without} {shlex.join([sys.executable, '-c', source, *asked_for])}"
    done = bash(line, home, tmp_path, CHATOPS_DATABASE_URL=latest_database.url)
    told = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, told
    codes = dict(re.findall(r"^ended: (.+) (-?\d+)$", told, re.MULTILINE))
    assert codes.keys() == asked_for.keys(), told
    for words, wanted in asked_for.items():
        assert int(codes[words]) in wanted, (words, told)
    assert "Traceback" not in told, told


def test_the_environment_of_cron_is_enough(latest_database: Database, home: Path, tmp_path: Path) -> None:
    cron = f'env -i SHELL=/bin/sh PATH=/usr/bin:/bin HOME={shlex.quote(str(home))} LOGNAME=root CHATOPS_DATABASE_URL="$CHATOPS_DATABASE_URL"'
    for words, codes in (
        ("summary", (0,)),
        ("monitor --once --plan 1h", (0,)),
        ("diagnose -o nagios", (0, 1, 2)),
        ("report x.json", (2,)),
    ):
        done = bash(
            f"{cron} {shlex.quote(sys.executable)} -m chatops {words} </dev/null",
            home,
            tmp_path,
            CHATOPS_DATABASE_URL=latest_database.url,
        )
        assert done.returncode in codes, (words, done)

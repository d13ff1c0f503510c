"""Files that chatops keeps or is given, as somebody else may have made them: a sentence, and a bounded memory."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.errors import ConflictError
from chatops.files import locked
from tests.conftest import Result, clean_environment
from tests.servers import Database

Run = Callable[..., Result]

TEXTS = {
    "nothing": b"",
    "no JSON": b"hello",
    "bytes": bytes(range(256)),
    "deep": b"[" * 200_000,
    "deep and right": b"[" * 100_000 + b"]" * 100_000,
    "a list": b"[1]",
    "a number": b"9" * 5000,
    "empty": b"{}",
    "no fields": b'{"kind": "deploy", "format": 1}',
    "no watch": b'{"kind": "monitor", "format": 1}',
    "wrong kinds": b'{"kind": "monitor", "format": 1, "ticks": 5, "transitions": {}}',
    "wrong receipt": b'{"kind": "deploy", "format": 1, "steps": {"a": 1}, "files": 7}',
    "plan": b'{"chatops_plan": 1, "items": 3}',
    "another plan": b'{"chatops_plan": 1, "command": "release", "items": [null], "plan_id": "x"}',
}
READERS = {
    "state": ["monitor", "--once", "--state", "it"],
    "receipt": ["verify", "--against", "it"],
    "report": ["report", "it"],
    "plan": ["release", "--plan", "it", "--dry-run"],
    "archive": ["diagnose", "--replay", "it"],
    "since": ["diagnose", "--since-file", "it"],
}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_of_another_shape_is_refused_in_a_sentence(
    reader: str, latest_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    for name, text in TEXTS.items():
        (tmp_path / "it").write_bytes(text)
        done = chatops_inprocess(*READERS[reader], **({} if reader == "archive" else {"db": latest_database}))
        assert done.exit_code in (2, 4), (name, done)
        assert "a bug in chatops" not in done.stderr, (name, done)
        assert len(done.stderr) < 5000, name
    (tmp_path / "it").unlink()
    (tmp_path / "it").mkdir()
    assert chatops_inprocess(*READERS[reader], **({} if reader == "archive" else {"db": latest_database})).exit_code == 2


def test_an_archive_that_lies_about_its_size_takes_no_memory(home: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("capture.json", "w", force_zip64=True) as member:
            for _ in range(300):
                member.write(b" " * (1 << 20))
        archive.writestr("results.json", "[]")
    assert (tmp_path / "bomb.zip").stat().st_size < 4 << 20
    done = subprocess.run(
        [sys.executable, "-m", "chatops", "diagnose", "--replay", "bomb.zip"], cwd=tmp_path, env=clean_environment(home),
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "larger than" in done.stderr


@pytest.mark.parametrize(
    "head", [[], {"kind": "chatops capture", "format": 1}, {"kind": "chatops capture", "format": 1, "at": 5}]
)
def test_an_archive_of_another_shape_is_refused(head: object, chatops_inprocess: Run, tmp_path: Path) -> None:
    from chatops.checks.archive import FORMAT

    if isinstance(head, dict):
        head = {**head, "format": FORMAT}
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive:
        archive.writestr("capture.json", json.dumps(head))
        archive.writestr("results.json", "[]")
    assert "archive" in chatops_inprocess("diagnose", "--replay", "it.zip", check=2).stderr


def test_what_chatops_keeps_is_for_its_owner(
    latest_database: Database, chatops_inprocess: Run, home: Path, tmp_path: Path
) -> None:
    os.umask(0o022)
    chatops_inprocess("diagnose", "--capture", "case.zip", db=latest_database)
    chatops_inprocess("monitor", "--once", "--state", "state.json", db=latest_database)
    for name in ("case.zip", "state.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600, name


def test_a_lock_that_is_not_had_is_named(tmp_path: Path) -> None:
    held, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(tmp_path / "x.lock"):
            held.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with pytest.raises(ConflictError, match=r"x\.lock"), locked(tmp_path / "x.lock", seconds=0.1):
            pass
    finally:
        leave.set()
        holder.join()
    with locked(tmp_path / "x.lock"):
        pass

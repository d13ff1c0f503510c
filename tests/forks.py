"""Runs `python -m chatops …` as a process of its own, forked off one that has loaded chatops already: a third of the time.

What a process shows stays: its exit code, its streams, signals, environment, folder and session; so does what it loads, for only
what most commands load is there before. A run that steers Python itself, and every run of the long form, is started anew.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STEERS_PYTHON = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "PSYCOPG_", "DYLD_")
"""How variables begin that are read when Python or a library starts."""
NOT_BEFORE = ("typer", "click", "rich", "textual", "sqlparse", "tomlkit")
"""What only some commands load; typer and rich look at the environment when they are loaded."""


# ---- the process that is forked ------------------------------------------------------------------------------------


def serve(asked: socket.socket) -> None:
    """Forks for everybody who asks, until nobody can any more; returns in the fork, with the command's words as its own."""
    _load()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks below
    while True:
        word, handles, _, _ = socket.recv_fds(asked, 1, 4)
        if not word:
            sys.exit()
        if os.fork() == 0:
            break
        for handle in handles:
            os.close(handle)
    asked.close()
    reply = socket.socket(fileno=handles[0])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with reply.makefile("rb") as stream:
        request = json.load(stream)
    child = os.fork()
    if child:
        for handle in (0, 1, 2, *handles[1:]):
            os.close(handle)
        with contextlib.suppress(OSError):
            reply.sendall(f"{child}\n".encode())
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with contextlib.suppress(OSError):
            reply.sendall(f"{status}\n".encode())
        os._exit(0)
    os.setsid()
    os.chdir(request["cwd"])
    for number, handle in enumerate(handles[1:]):
        os.dup2(handle, number)
    reply.close()
    for handle in handles[1:]:
        os.close(handle)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.path[0] = str(Path.cwd())
    sys.argv = ["-m", *request["words"]]
    for name, mode, number in (("stdin", "r", 0), ("stdout", "w", 1), ("stderr", "w", 2)):
        was = getattr(sys, f"__{name}__")
        fresh = open(number, mode, encoding=was.encoding, errors=was.errors, closefd=False)  # noqa: SIM115
        if name == "stderr":
            fresh.reconfigure(line_buffering=True)
        setattr(sys, name, fresh)
        setattr(sys, f"__{name}__", fresh)


def _load() -> None:
    """Loads every module of chatops that takes none of what only some commands load."""
    for name in NOT_BEFORE:
        sys.modules[name] = None  # type: ignore[assignment]
    import chatops  # where it lies; the program itself has nothing of it

    for found in pkgutil.walk_packages(chatops.__path__, "chatops.", onerror=lambda name: None):
        if not found.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                __import__(found.name)
    for name in NOT_BEFORE:
        del sys.modules[name]


# ---- whoever asks --------------------------------------------------------------------------------------------------

_lock = threading.Lock()
_asking: dict[int, socket.socket] = {}


def process(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path, typed: str | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m chatops` with these words in a session of its own, without a terminal; `typed` is its standard input."""
    if os.environ.get("CHATOPS_TEST_LONG") != "1" and can_be_forked(words, environment, cwd):
        return forked(words, environment, cwd, typed, timeout)
    return anew(words, environment, cwd, typed, timeout)


def anew(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path, typed: str | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """The same, by a Python of its own."""
    return subprocess.run(
        [sys.executable, "-m", "chatops", *words],
        env=environment,
        cwd=cwd,
        # A session of its own has no controlling terminal either.
        start_new_session=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=timeout,
        **({"stdin": subprocess.DEVNULL} if typed is None else {"input": typed}),  # type: ignore[arg-type]
    )


def can_be_forked(words: Sequence[str], environment: Mapping[str, str], cwd: Path) -> bool:
    """Whether a fork is like a process that was started anew."""
    steered = {name for name in environment if name.startswith(STEERS_PYTHON)} - {"LANG", "LC_ALL", "LD_LIBRARY_PATH"}
    plain = all("\0" not in text for text in (*words, *environment.values()))
    return sys.platform == "linux" and not steered and environment.get("LC_ALL") == "C.UTF-8" and plain and cwd.is_dir()


def _process(environment: Mapping[str, str]) -> socket.socket:
    """The connection to the process that is forked; this one's own, for a fork of this one has none yet."""
    with _lock:
        if os.getpid() not in _asking:
            ours, theirs = socket.socketpair()
            kept = {
                name: environment[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR") if name in environment
            }
            with theirs:
                subprocess.Popen(
                    [sys.executable, str(Path(__file__)), str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    env=kept,
                    stdin=subprocess.DEVNULL,
                    cwd="/",
                    start_new_session=True,
                )
            _asking[os.getpid()] = ours
        return _asking[os.getpid()]


def forked(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path, typed: str | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """The same, by a fork. Raises TimeoutExpired as subprocess does."""
    asking = _process(environment)
    reply, theirs = socket.socketpair()
    pipes = [os.pipe() for _ in range(2 if typed is None else 3)]
    given = [os.open(os.devnull, os.O_RDONLY) if typed is None else pipes[2][0], pipes[0][1], pipes[1][1]]
    got: list[bytes] = [b"", b""]

    def read(number: int) -> None:
        with open(pipes[number][0], "rb") as stream:  # noqa: PTH123 - a descriptor
            got[number] = stream.read()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), open(pipes[2][1], "wb") as stream:  # noqa: PTH123 - as above
            stream.write((typed or "").encode())

    with reply:
        with _lock:
            socket.send_fds(asking, [b"?"], [theirs.fileno(), *given])
        theirs.close()
        for handle in given:
            os.close(handle)
        reply.sendall(json.dumps({"words": list(words), "environment": dict(environment), "cwd": str(cwd)}).encode())
        reply.shutdown(socket.SHUT_WR)
        ends = time.monotonic() + timeout
        threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in (0, 1)]
        threads += [threading.Thread(target=write, daemon=True)] if typed is not None else []
        for thread in threads:
            thread.start()
        with reply.makefile("r") as said:
            child = int(said.readline())
            for thread in threads:
                thread.join(max(0.0, ends - time.monotonic()))
            late = any(thread.is_alive() for thread in threads)
            if not late:
                reply.settimeout(max(0.01, ends - time.monotonic()))
                try:
                    code = int(said.readline())
                except TimeoutError:
                    late = True
            if late:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["chatops", *words], timeout)
    out, err = (text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in got)
    return subprocess.CompletedProcess(["chatops", *words], code, out, err)


if __name__ == "__main__":
    del sys.path[0]
    sys.path.insert(0, "")
    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module("chatops", run_name="__main__", alter_sys=True)

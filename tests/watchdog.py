"""Ends what a test run started once the run itself has ended, in whatever way; run by tests/servers.py."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def watch(folder: Path) -> None:
    """Waits for the end of standard input, then stops every server that runs below the folder, and removes it."""
    sys.stdin.buffer.read()
    for _ in range(3000):
        running = list(process_ids(folder))
        for pid in running:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGQUIT)
        if not running:
            break
        time.sleep(0.01)
    shutil.rmtree(folder, ignore_errors=True)


def process_ids(folder: Path) -> list[int]:
    """The servers of that folder that still run."""
    found = []
    for name in ("postmaster.pid", "pgbouncer.pid"):
        for path in folder.rglob(name):
            with contextlib.suppress(OSError, ValueError, IndexError):
                pid = int(path.read_text().split()[0])
                os.kill(pid, 0)
                found.append(pid)
    return found


if __name__ == "__main__":
    watch(Path(sys.argv[1]))

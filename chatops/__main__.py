"""The entry point: answers `--version` before anything slow is imported, and leaves without taking the interpreter down."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Runs chatops on the process's arguments; the exit code, unless it has ended the process with it."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from chatops import __version__

        print(f"chatops {__version__}")  # noqa: T201 - the answer, before typer and rich are loaded
        return 0
    from chatops.cli import main as run

    code = run()
    _leave(code)
    return code


def _leave(code: int) -> None:
    # Freeing every object one by one at the end is a sixth of a short command's time. Connections are closed by now; whoever
    # still has a thread at work, or cannot be written to, ends the usual way.
    import threading

    if threading.active_count() > 1:
        return
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())

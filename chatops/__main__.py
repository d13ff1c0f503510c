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
    # still has a thread at work ends the usual way.
    import contextlib
    import threading

    if threading.active_count() > 1:
        return
    for stream in (sys.stdout, sys.stderr):
        # What cannot be written has been told, or is the telling itself; the interpreter would end with 120 instead.
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())

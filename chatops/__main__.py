"""The entry point: answers `--version` before anything slow is imported."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs chatops on the process's arguments; the exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from chatops import __version__

        print(f"chatops {__version__}")  # noqa: T201 - the answer, before typer and rich are loaded
        return 0
    from chatops.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())

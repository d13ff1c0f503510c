"""The entry point: answers `--version`, help and completion of names before anything slow is loaded, and leaves quickly."""

from __future__ import annotations

import gc
import os
import sys

from chatops import __version__, signs
from chatops.cli import main as run


def main() -> int:
    """Runs chatops on the process's arguments; the exit code, unless it has ended the process with it."""
    # What is loaded stays, and is thirty to fifty thousand objects: to look through it every 700 is a tenth of a short command's
    # time, and every 20,000 still a thirteenth. Whoever makes more than that is looked after, by some ten MB later.
    gc.set_threshold(100_000, 50, 100)
    for stream in (sys.stdout, sys.stderr):
        signs.fit_terminal(stream, os.environ)
    broken = os.environ.get("_CHATOPS_COMPLETE") == "complete_bash" and any(
        sign in os.environ.get("COMP_WORDS", "") for sign in "=:"
    )
    code = _completed_for_bash() if broken else _answered()
    _leave(code)
    return code


def _answered() -> int:
    text = _known_beforehand(sys.argv[1:])
    said = None if text is None else _said(text)
    return run() if said is None else said


def _completed_for_bash() -> int:
    from chatops.cli import complete_in_bash  # as below

    return complete_in_bash.completed(os.environ, _answered, _said)


def _known_beforehand(words: list[str]) -> str | None:
    """The answer to what needs no command, None for everything else."""
    # Each is loaded where it is asked for: together they take as long as the shortest answer.
    if "_CHATOPS_COMPLETE" in os.environ:
        from chatops.cli import complete_names  # as above

        found = complete_names.answer(os.environ)
        return None if found is None else found + "\n"
    if words in (["--version"], ["-V"]):
        return f"chatops {__version__}\n"
    if words and words[-1] in ("--help", "-h"):
        from chatops.cli import help_page  # as above

        text = help_page.answer(words)
        return "" if text is not None and help_page.paged(text) else text
    return None


def _said(text: str) -> int | None:
    """The exit code once it is written; None when it cannot be: the rest of chatops tries again, and tells why."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        return 141  # whoever read it has seen enough
    except (OSError, ValueError, AttributeError):
        return None
    return 0


def _leave(code: int) -> None:
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            # What cannot be written has been told, or is the telling itself; the interpreter would try again and end with 120.
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    # Freeing every object one by one at the end is a sixth of a short command's time. Connections are closed by now; whoever
    # still has a thread at work ends the usual way.
    threading = sys.modules.get("threading")
    if threading is None or threading.active_count() == 1:
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())

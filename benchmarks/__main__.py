"""`python -m benchmarks migrate|reads|assign|bulk|takeover|growth|start|readme`; sizes and rounds come from the environment."""

from __future__ import annotations

import importlib
import sys

from benchmarks import promises, results, session

KINDS = ("migrate", "reads", "assign", "bulk", "takeover", "growth", "start")


def main(arguments: list[str]) -> int:
    """Runs one benchmark and writes its result, or writes the figures of both READMEs anew."""
    if arguments == ["readme"]:
        promises.write()
        return 0
    if len(arguments) != 1 or arguments[0] not in KINDS:
        sys.stderr.write(f"one of: {' '.join(KINDS)} readme\n")
        return 2
    kind = arguments[0]
    with session.opened(kind) as bench:
        importlib.import_module(f"benchmarks.{kind}").run(bench)
        path = results.write(bench)
    session.say(f"{path.relative_to(session.ROOT)} and its table and plot are written; README: make bench-readme")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

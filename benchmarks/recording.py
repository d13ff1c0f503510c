"""What a command of chatops asks the server, as text for psql: `python -m benchmarks.recording FILE COMMAND …`.

The command itself runs, in this process; each statement is written down as it is sent, with its values in place.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psycopg


def main(path: Path, arguments: list[str]) -> int:
    """Runs a command and writes its statements into a file, connection by connection."""
    from chatops import cli

    asked: dict[int, list[str]] = {}
    kept: list[psycopg.Connection[Any]] = []

    def recorded(kind: type[Any]) -> None:
        original = kind.execute

        def execute(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
            if id(self.connection) not in asked:
                kept.append(self.connection)  # as long as it is kept, no other one gets its id
            text = psycopg.ClientCursor(self.connection).mogrify(query, params)
            asked.setdefault(id(self.connection), []).append(text.rstrip().removesuffix(";"))
            return original(self, query, params, **more)

        kind.execute = execute

    recorded(psycopg.Cursor)
    recorded(psycopg.ServerCursor)
    code = cli.main(arguments)
    path.write_text("".join(f"{text}\n;\n" for texts in asked.values() for text in texts), encoding="utf-8")
    return code


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))

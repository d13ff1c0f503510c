"""Pictures of commands on the demo, as a terminal shows them: `make screens` writes docs/*.svg."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH, HEIGHT = 80, 24
PICTURES = {"diagnose": ["diagnose"], "summary": ["summary"]}
"""A picture's name and the command that it shows."""
CONSOLES = {"console": ["--size", "100x34"]}
"""A picture's name and how the live desk is drawn."""


def main() -> None:
    """Makes the demo where it is not there, runs each command in a terminal of 80 columns, and draws its screen."""
    subprocess.run([sys.executable, "-m", "chatops", "demo"], check=True, stdout=subprocess.DEVNULL)
    for name, more in CONSOLES.items():
        file = DOCS / f"{name}.svg"
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        subprocess.run(["chatops", "--db", "demo", "console", "--screenshot", str(file), "--show-names", *more],
                       check=True, env=environment, stderr=subprocess.DEVNULL)  # fmt: skip
        sys.stdout.write(f"docs/{name}.svg\n")
    for name, words in PICTURES.items():
        (DOCS / f"{name}.svg").write_text(drawn(f"chatops {' '.join(words)}", run(words)), encoding="utf-8")
        sys.stdout.write(f"docs/{name}.svg\n")


def run(words: list[str]) -> str:
    """What the command writes to a terminal's stdout, colours and all."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "LINES": str(HEIGHT), "TERM": "xterm-256color", "PAGER": "cat"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "chatops", "--db", "demo", *words], stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(theirs)
    found = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        found += piece
    process.wait()
    os.close(ours)
    return found.decode().replace("\r\n", "\n")


def drawn(command: str, text: str) -> str:
    """The screen as SVG; the command that was typed stands above it, typed as one would, not as it lies on this machine."""
    here = re.escape(str(Path(sys.executable).parent))
    text = re.sub(rf"(?:{here}/|\.venv/bin/|\./)(?=chatops)", "", text)
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(text.rstrip("\n")))
    return re.sub(r"@font-face \{.*?\}\n?", "", console.export_svg(title=command), flags=re.DOTALL)  # no font from elsewhere


if __name__ == "__main__":
    main()

"""Signs in the characters that an encoding has; light, for help texts are written with it too."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which `--help` does not need
    from collections.abc import Mapping
    from typing import TextIO

_ASCII = str.maketrans(
    {
        "·": "-", "—": "-", "–": "-", "…": "...", "→": "->", "✓": "ok", "✗": "x", "○": "o", "“": '"', "”": '"', "’": "'",
        "×": "x",
        "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "#", "▍": ".", "▎": ".", "▏": ".", "│": "|", "─": "-", "━": "-",
        "╭": "+", "╮": "+", "╰": "+", "╯": "+", "≤": "<=", "≥": ">=", "⚠": "!",
        "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#",
    }
)  # fmt: skip


def in_ascii(text: str) -> str:
    """The text in ASCII: signs as look-alikes, the rest as escapes.

    >>> in_ascii("2 h · naïve")
    '2 h - na\\\\xefve'
    """
    return text if text.isascii() else text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def is_ascii_only(encoding: str | None) -> bool:
    """Whether an encoding may lack our signs: all but the Unicode ones."""
    return not (encoding or "ascii").lower().replace("-", "").startswith("utf")


def of_locale(encoding: str | None, environ: Mapping[str, str], *, coerced: bool, ctype_was: str | None = None) -> str | None:
    """The encoding of a terminal: what its locale says, where Python takes UTF-8 for a locale that has none.

    What PYTHONIOENCODING or PYTHONUTF8 says is meant. `coerced`: Python has put LC_CTYPE=C.UTF-8 in the place of `ctype_was`.

    >>> [of_locale("utf-8", {"LANG": name}, coerced=False) for name in ("C", "de_DE.UTF-8", "de_DE.ISO-8859-1", "C.utf8", "")]
    ['ascii', 'utf-8', 'ascii', 'utf-8', 'utf-8']
    >>> of_locale("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, coerced=True)
    'ascii'
    >>> of_locale("utf-8", {"LC_ALL": "C", "PYTHONUTF8": "1"}, coerced=False)
    'utf-8'
    """
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8") == "1" or is_ascii_only(encoding):
        return encoding
    ctype = ctype_was if coerced else environ.get("LC_CTYPE")
    name = environ.get("LC_ALL") or ctype or environ.get("LANG") or ""
    charset = name.partition(".")[2].partition("@")[0].lower().replace("-", "")
    # Of a name without one, such as de_DE, only the system knows it: Python has asked. Where nothing is set nobody has said C.
    lacks = name in ("C", "POSIX") or (charset and not charset.startswith("utf"))
    return "ascii" if lacks else encoding


def fit_terminal(stream: TextIO | None, environ: Mapping[str, str]) -> None:
    """Lets a terminal whose locale is no Unicode one be written in ASCII: boxes and dots would be rubbish there."""
    try:
        if stream is None or not stream.isatty():
            return
        coerced = bool(sys.flags.utf8_mode) and environ.get("LC_CTYPE") == "C.UTF-8"
        was = _ctype_given() if coerced and not environ.get("LC_ALL") else None
        if of_locale(stream.encoding, environ, coerced=coerced, ctype_was=was) != stream.encoding:
            stream.reconfigure(encoding="ascii", errors="backslashreplace")  # type: ignore[attr-defined]
    except (OSError, ValueError, AttributeError):
        return


def _ctype_given() -> str | None:
    """LC_CTYPE as the process was given it, where the system tells."""
    try:
        with open("/proc/self/environ", "rb") as file:  # noqa: PTH123 - pathlib takes a third of a short command's time
            given = file.read().split(b"\0")
    except OSError:
        return None
    return next((one.partition(b"=")[2].decode("ascii", "replace") for one in given if one.startswith(b"LC_CTYPE=")), None)

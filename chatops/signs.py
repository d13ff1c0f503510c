"""Signs in the characters that an encoding has; light, for help texts are written with it too."""

_ASCII = str.maketrans(
    {
        "·": "-", "—": "-", "–": "-", "…": "...", "→": "->", "✓": "ok", "✗": "x", "“": '"', "”": '"', "’": "'", "×": "x",
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

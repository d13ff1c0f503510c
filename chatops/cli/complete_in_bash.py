"""Completion in bash, which takes a word for several at some signs: put together before, and cut again behind the last."""

from __future__ import annotations

import contextlib
import io

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which completion does not need
    from collections.abc import Callable, Mapping, MutableMapping

BREAKS = "=:"
"""Signs at which bash takes a word for several, and then replaces what is behind the last of them alone."""


def completed(environ: MutableMapping[str, str], answer: Callable[[], int], say: Callable[[str], object]) -> int:
    """Lets `answer` tell what goes on the word as it was typed, and says of that what bash has not got yet; the exit code."""
    if (found := glued(environ)) is None:
        return answer()
    words, kept = found
    environ.update(words)
    with contextlib.redirect_stdout(io.StringIO()) as told:
        try:
            code = answer()
        except SystemExit as ended:  # click ends so when it has told what goes on
            code = int(ended.code or 0)
    say("".join(f"{line.removeprefix(kept)}\n" for line in told.getvalue().splitlines()))
    return code


def glued(environ: Mapping[str, str]) -> tuple[dict[str, str], str] | None:
    """What bash said of the line, its words as they were typed, and what of the word at hand it keeps; None where they are so.

    >>> glued({"_CHATOPS_COMPLETE": "complete_bash", "COMP_WORDS": "chatops\\nlog\\n--by\\n=\\na", "COMP_CWORD": "4"})
    ({'COMP_WORDS': 'chatops\\nlog\\n--by=a', 'COMP_CWORD': '2'}, '--by=')
    """
    words, place = environ.get("COMP_WORDS", "").split("\n"), environ.get("COMP_CWORD", "")
    if environ.get("_CHATOPS_COMPLETE") != "complete_bash" or not place.isdigit() or not any(map(_breaks, words)):
        return None
    found: list[str] = []
    at, kept = int(place), ""
    for number, word in enumerate([*words, ""][: at + 1]):
        own = _breaks(word) or (number > 0 and _breaks(words[number - 1]) and (number == at or not word.startswith("-")))
        kept = found[-1] if own and found else ""
        if own and found:
            found[-1] += word
        else:
            found.append(word)
    kept = found[-1] if _breaks(words[at] if at < len(words) else "") else kept
    return {"COMP_WORDS": "\n".join(found), "COMP_CWORD": str(len(found) - 1)}, kept


def _breaks(word: str) -> bool:
    return bool(word) and not word.strip(BREAKS)

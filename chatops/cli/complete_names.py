"""Completion of what never changes: names of commands and options, from `help.json`, without loading any of them."""

from __future__ import annotations

from chatops.cli import help_page

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which completion does not need
    from collections.abc import Mapping, Sequence

    from chatops.cli.help_page import Entry, Page

Offer = tuple[str, str]


def answer(environ: Mapping[str, str]) -> str | None:
    """What a shell is told, None where more must be known: values, ids, or a shell that asks in another way."""
    action, _, shell = environ.get("_CHATOPS_COMPLETE", "").partition("_")
    if action != "complete" or shell not in SHELLS:
        return None
    words = _words(environ, shell)
    if words is None:
        return None
    found = offers(help_page.pages(), *words)
    return None if found is None else SHELLS[shell](found)


def _words(environ: Mapping[str, str], shell: str) -> tuple[list[str], str] | None:
    """The words before the one that is being typed, and that one; None where quotes make them hard to tell."""
    bash = shell == "bash"
    text = environ.get("COMP_WORDS" if bash else "_TYPER_COMPLETE_ARGS", "")
    if any(sign in text for sign in "\"'\\#") or environ.get("_TYPER_COMPLETE_FISH_ACTION", "get-args") != "get-args":
        return None
    words = text.split()
    if not bash:
        typed = words[-1] if len(words) > 1 and not text.endswith((" ", "\n", "\t")) else ""
        return words[1:-1] if typed else words[1:], typed
    place = environ.get("COMP_CWORD", "")
    if not place.isdigit():
        return None
    at = int(place)
    return words[1:at], words[at] if at < len(words) else ""


def offers(pages: Mapping[str, Page], before: Sequence[str], typed: str) -> list[Offer] | None:
    """The names that go on what was typed, each with its help line; None where no name is wanted here."""
    command = ""
    used: set[str] = set()
    options = _options(pages[""])
    value_of: str | None = None
    for word in before:
        if value_of is not None:
            value_of = None
        elif word.startswith("-"):
            name, equals, _ = word.partition("=")
            if name not in options:
                return None
            used.update(_spellings(options[name]))
            value_of = name if options[name].get("value") and not equals else None
        elif not command and word in pages:
            command, used = word, set()
            options = _options(pages[command])
        elif not command:
            return None
    if value_of is not None or "=" in typed:
        return None
    if typed.startswith("-"):
        found = [(name, entry) for name, entry in options.items() if entry.get("multiple") or name not in used]
        return [(name, _line(entry)) for name, entry in found if name.startswith(typed)]
    if command:
        return None
    commands = [entry for panel in pages[""]["panels"] for entry in panel["entries"] if entry["names"][0] in pages]
    return [(entry["names"][0], _line(entry)) for entry in commands if entry["names"][0].startswith(typed)]


def _options(page: Page) -> dict[str, Entry]:
    rows = [entry for panel in page["panels"] for entry in panel["entries"]]
    return {name: entry for entry in rows for name in _spellings(entry) if name.startswith("-")}


def _spellings(entry: Entry) -> list[str]:
    return [*entry["names"], *entry.get("short", ())]


def _line(entry: Entry) -> str:
    return entry.get("help", "")


def _bash(found: Sequence[Offer]) -> str:
    return "\n".join(name for name, _ in found)


def _zsh(found: Sequence[Offer]) -> str:
    if not found:
        return "_files"
    signs = str.maketrans({'"': '""', "'": "''", "$": "\\$", "`": "\\`", ":": "\\\\:"})
    rows = [f'"{name.translate(signs)}"' + (f':"{told.translate(signs)}"' if told else "") for name, told in found]
    return "_arguments '*: :((" + "\n".join(rows) + "))'"


def _fish(found: Sequence[Offer]) -> str:
    return "\n".join(f"{name}\t{told}" if told else name for name, told in found)


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}

"""Command lines that are read without typer: what they say is what typer says, and whatever is odd is left to it."""

from __future__ import annotations

import functools
import inspect
import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from chatops.cli import COMMANDS, help_page, plain_line, typer_line
from chatops.cli.options import Call

NAMES = [name for _, name, _ in COMMANDS]
PAGES = help_page.pages()
VALUES = ["7", "0", "-1", "1.5", "1e3", "٣", "24h", "a,b", "x=1", "", "-", "--", "--yes", "-o", "json", "tests", "/no/such/file",
          "busy", "busy,away", "99999999999999999999", " 7", "3f2b8c1e", "summary"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def commands_that_tell_what_they_are_given() -> Iterator[None]:
    """Each command answers its arguments instead of doing anything."""
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            module = import_module(f"chatops.cli.{name}")
            patch.setattr(module, name, _telling(getattr(module, name)))
        typer_line._load.cache_clear()
        yield
    typer_line._load.cache_clear()


def _telling(function: Any) -> Any:
    @functools.wraps(function)
    def told(*positional: Any, **named: Any) -> dict[str, Any]:
        found = inspect.signature(function).bind(*positional, **named).arguments
        found.pop("ctx", None)
        return found

    return told


def by_typer(words: list[str]) -> tuple[Any, dict[str, Any]] | None:
    """What typer makes of a line: the command's values, and what the run is told; None where it refuses."""
    call = Call(words)
    try:
        answer = typer_line.run(list(words), call)
    except (typer_line.MISUSED, *typer_line.STOPPED):
        return None
    return (answer, vars(call.given)) if isinstance(answer, dict) else None


def plainly(words: list[str]) -> tuple[Any, dict[str, Any]] | None:
    """The same without typer; None where it is not plain."""
    call = Call(words)
    plain = plain_line.read(words)
    return None if plain is None else (plain.run(call), vars(call.given))


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """A command with options of its own and of others, their values, and words, in any order."""
    name = draw(st.sampled_from(NAMES))
    words: list[str] = []
    for page in ("", name):
        entries = [entry for panel in PAGES[page]["panels"] for entry in panel["entries"] if "help" in entry]
        spelt = [(spelling, "value" in one) for one in entries for spelling in (*one["names"], *one.get("short", ()))]
        spelt = [one for one in spelt if one[0].startswith("-") and one[0] not in ("--version", "-V", "--help", "-h")]
        for _ in range(draw(st.integers(0, 1 if page == "" else 5))):
            spelling, takes = draw(st.sampled_from(spelt))
            value = draw(st.sampled_from(VALUES))
            form = draw(st.sampled_from(["apart", "apart", "apart", "joined", "alone", "word", "other"]))
            if form == "word" and page:
                words.append(value)
            elif form == "other":
                words.append(draw(st.sampled_from(["--bogus", "--outpu", "-oy", "-yx", spelling + "=" + value])))
            elif takes and form != "alone":
                words += [f"{spelling}={value}"] if form == "joined" else [spelling, value]
            else:
                words.append(spelling)
        words += [name] if page == "" else []
    return words


@settings(suppress_health_check=[HealthCheck.too_slow])  # the first line loads every command
@given(words=lines())
def test_a_plain_line_says_what_typer_says(words: list[str]) -> None:
    plain = plainly(words)
    event("plain" if plain is not None else "typer's")
    assert plain is None or plain == by_typer(words), words


EXAMPLES = {
    name: [
        words
        for example in getattr(import_module(f"chatops.cli.{name}"), name).examples
        for words in [shlex.split(re.split(r" (?:\||>>?|&&) ", example)[0])]
        if words[0] == "chatops"
    ]
    for name in NAMES
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_of_the_help_is_read_alike(name: str) -> None:
    assert EXAMPLES[name]
    for words in EXAMPLES[name]:
        plain = plainly(words[1:])
        assert plain is None or plain == by_typer(words[1:]), words
        # An option that may be switched off, what goes behind --, and a value that is joined to its letter are typer's.
        assert plain is not None or name == "deploy" or "--" in words or words == ["chatops"], words

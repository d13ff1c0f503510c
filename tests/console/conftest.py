"""What the tests of the console stand on: a shift, and a console that is opened on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from chatops.checks import load
from chatops.console.app import Console
from chatops.flows.console_source import DeskSource
from chatops.flows.given import Given
from chatops.flows.run import Invocation
from tests.conftest import clean_environment
from tests.console.driving import CHECKS, Open
from tests.servers import Database
from tests.shift import furnish

_rules: dict[tuple[Any, ...], list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


@pytest.fixture(autouse=True, scope="session")
def styles_are_read_once() -> Iterator[None]:
    """The style sheets of the console and of its widgets: each console reads the same ones, for a tenth of what its test takes."""

    def read(sheet: Stylesheet, css: str, **how: Any) -> list[RuleSet]:
        key = (css, *sorted(how.items(), key=lambda item: item[0]), frozenset(sheet._variables.items()))
        if key not in _rules:
            _rules[key] = _parse_rules(sheet, css, **how)
        return _rules[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", read)
        yield


@pytest.fixture
def shift(latest_database: Database) -> Database:
    """op-1 and op-2 hold chats 1 and 2 since yesterday; op-3 to op-6 are free, op-7 away, op-8 inactive; 11, 12, 13 wait."""
    return furnish(latest_database, 6, held=2, waiting=3, away=True)


@pytest.fixture
def desk(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the console on a database; `production` through a chatops.toml that says so."""
    for name, value in clean_environment(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    opened: list[Invocation] = []

    def make(database: Database | str, *, production: bool = False, checks: bool = False, **options: Any) -> Console:
        url = database if isinstance(database, str) else database.url
        given = Given(["console"], command="console", db=(url,))
        if production:
            (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{url}"\nproduction = true\n')
            given = Given(["console"], command="console", env="live", config=str(tmp_path / "chatops.toml"))
        opened.append(Invocation(given))
        wanted = [check for check in load.shipped() if check.code in CHECKS] if checks else []
        source = DeskSource(opened[-1], wanted, show_names=True)
        # No look comes by itself in the time of a test: each is asked for.
        return Console(source, every=3600, checks_every=0, **options)

    yield make
    for one in opened:
        one.close()

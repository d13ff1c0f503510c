"""The manual: its pages are what the code says, its links lead somewhere, and its commands are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.cli import COMMANDS, reference_file
from chatops.errors import ExitCode
from chatops.flows import manual
from chatops.render import FORMATS
from chatops.screens.explain import document as findings
from tests.conftest import ROOT, Result
from tests.servers import Database

DOCS = ROOT / "docs"
PAGES = sorted(path.stem for path in DOCS.glob("*.md"))
ANSWERS = {0, 1}
"""How a documented command may end on a database with trouble in it."""


def lines_of(page: str) -> list[str]:
    """The commands of a page's console blocks, in order."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [
        line.removeprefix("$ ").split("  #")[0].strip()
        for block in blocks
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ("reference", "findings", "glossary", "safety")])
def test_every_command_of_the_manual_runs_as_printed(
    page: str, core_database: Database, chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    commands = lines_of(page)
    assert commands
    (tmp_path / "chatops.toml").write_text("")
    (tmp_path / "chatops.toml").chmod(0o600)
    if page == "migrations" or page == "guide":
        chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "chatops", line
        done = chatops_inprocess(*words, db=core_database)
        assert done.exit_code in ANSWERS, f"{line}\n{done.stdout}{done.stderr}"


def test_the_pages_that_are_made_from_the_code_are_the_newest() -> None:
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == reference_file.document(), "make docs"
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == findings(), "make docs"


def test_the_reference_names_every_command_format_exit_code_and_setting() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    missing = [name for _, name, _ in COMMANDS if f"\n### {name}\n" not in text]
    missing += [name for name in FORMATS if f"| `{name}` |" not in text]
    missing += [str(int(code)) for code in ExitCode if f"| {int(code)} | {code.meaning} |" not in text]
    missing += [key for key, _ in reference_file.settings() if f"| `{key}` |" not in text]
    assert missing == []


def test_every_link_of_readme_and_manual_leads_somewhere() -> None:
    broken = []
    for path in (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md")):
        targets = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#[^)\s]*)?\)", path.read_text(encoding="utf-8"))
        broken += [f"{path.name}: {target}" for target in targets if target and not (path.parent / target).exists()]
    assert broken == []


def test_the_readme_fits_its_frame() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "See, mend, migrate", "Try", "Install", "Your database", "3 am", "As you grow", "Safety", "Guide → chatops", "CI", "More",
    ]  # fmt: skip
    assert len(text.splitlines()) <= 200


def test_help_shows_the_manual_and_what_the_reference_says_of_a_command(chatops_inprocess: Callable[..., Result]) -> None:
    listed = chatops_inprocess("help", check=0).stdout
    assert all(topic in listed for topic in manual.TOPICS)
    for topic in manual.TOPICS:
        assert chatops_inprocess("help", topic, check=0).stdout.startswith("# ")
    for _, name, _ in COMMANDS:
        assert chatops_inprocess("help", name, check=0).stdout.startswith(f"# {name}")
    lost = chatops_inprocess("help", "on-cal", check=2)
    assert "on-call" in lost.stderr

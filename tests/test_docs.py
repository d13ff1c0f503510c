"""The manual: its pages are what the code says, its links lead somewhere, and its commands are run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer.core

from chatops.checks import load
from chatops.cli import COMMANDS, reference_file
from chatops.cli.options import Call
from chatops.cli.typer_line import group
from chatops.errors import ExitCode
from chatops.flows import manual
from chatops.flows.given import Given
from chatops.flows.output import Output
from chatops.render import FORMATS
from chatops.screens.explain import document as findings
from chatops.widths import cells
from tests.conftest import CORE, ROOT, Result
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


@pytest.mark.sampled(2)
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


def test_the_readme_takes_a_database_built_by_hand_to_017_and_proves_it(
    database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    """Line by line as printed, with --yes for the question that nobody is there to answer."""
    for name in CORE[:-1]:
        database.script(ROOT / "sql" / "migrations" / f"{name}.sql")
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Your database")[2]
    block = re.search(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = [line.split("  #")[0].strip() for line in re.findall(r"^\$ (chatops .*)$", block[1], re.MULTILINE)]
    assert len(lines) >= 4
    for command in (part.removeprefix("chatops ") for line in lines for part in line.split(" && ")):
        asks = command.split()[0] in ("adopt", "migrate") and "--dry-run" not in command
        chatops_inprocess(*shlex.split(command), *(["--yes"] if asks else []), db=database, check=0)
    names = database.execute("select name from chatops.migrations where name ~ '^[0-9]' order by name")
    assert [row[0] for row in names] == [*CORE]


@pytest.mark.parametrize("page", [page for page in PAGES if page != "findings"])
def test_every_command_in_a_sentence_of_the_manual_is_one(page: str) -> None:
    text = re.sub(r"^```\w*\n.*?^```", "", (DOCS / f"{page}.md").read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    wrong = []
    for told in re.findall(r"`chatops ([a-z][^`\n]*)`", text):
        line = re.split(r" (?:>>?|&&) ", told.replace("\\|", "|").replace("…", ""))[0]
        name, *words = shlex.split(line)
        command = group().get_command(None, name)  # type: ignore[arg-type]
        if "[" in told or "|" in told:  # how it is used, not a line to paste
            continue
        try:
            assert command is not None
            if not words:  # its name
                continue
            if len(words) == 1 and words[0] in {one for entry in options_of(name) for one in entry}:  # or that of an option
                continue
            command.make_context(name, list(words), obj=Call([name, *words]))
        except Exception as error:  # noqa: BLE001 - whatever the parser says
            wrong.append(f"{told}: {error!r}")
    assert not wrong, "\n".join(wrong)


def test_the_pages_that_are_made_from_the_code_are_the_newest() -> None:
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == reference_file.document(), "make docs"
    assert (DOCS / "findings.md").read_text(encoding="utf-8") == findings(), "make docs"


def test_the_reference_names_every_command_format_exit_code_and_setting() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    missing = [name for _, name, _ in COMMANDS if f"\n### {name}\n" not in text]
    missing += [name for name in FORMATS if f"| `{name}` |" not in text]
    missing += [str(int(code)) for code in ExitCode if f"| {int(code)} | {code.meaning} |" not in text]
    missing += [key for key, _ in reference_file.settings() if f"| `{key}` |" not in text]
    missing += [name for name in load.limits() if f"| `{name}`" not in text]
    missing += [name for name in variables_read() if not re.search(rf"^\| `(?:\w+, )*{name}(?:, \w+)*` \|", text, re.MULTILINE)]
    sections = dict(zip((parts := re.split(r"^### (.*)$", text, flags=re.MULTILINE))[1::2], parts[2::2], strict=True))
    for _, name, _ in COMMANDS:
        command = getattr(import_module(f"chatops.cli.{name}"), name)
        options = {one for entry in options_of(name) for one in entry}
        for option in options:
            missing += [f"{name} {option}"] if not re.search(rf"(?<![\w-]){option}(?![\w-])", sections[name]) else []
        formats = Output(Given(formats=command.formats)).format_names() if "--output" in options else []
        missing += [f"{name} -o {one}" for one in formats if one not in sections[name].partition("Formats: ")[2]]
        told = {table: set(re.findall(r"`([\w ]+)`", keys)) for table, keys in KEYS_TOLD.findall(sections[name])}
        missing += [
            f"{name} {table} {key}"
            for table, keys in json.loads((DOCS / "keys.json").read_text(encoding="utf-8")).get(name, {}).items()
            for key in keys
            if key not in told.get(table, ())
        ]
    assert missing == []


KEYS_TOLD = re.compile(r"^(?:Keys|Rows of `(\w+)`): (.*)\.$", re.MULTILINE)


def options_of(name: str) -> Iterator[list[str]]:
    """The spellings of each option of a command, as the parser knows them."""
    inner = group().get_command(None, name)  # type: ignore[arg-type]
    assert inner is not None
    return (
        [*one.opts, *one.secondary_opts] for one in inner.params if isinstance(one, typer.core.TyperOption) and not one.hidden
    )


FOREIGN = r"CI|CI_.*|CIRCLE_.*|GITHUB_(?!STEP).*|GITLAB_.*|HOME|PG.*|USER|USERNAME|_.*|COMP_.*"
"""Variables that others set and that tell where we run, not how; what libpq reads; of the shells' own completion."""


def variables_read() -> set[str]:
    """Every variable of the environment that the code names, read or given to a command."""
    found: set[str] = set()
    for path in (ROOT / "chatops").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"""environ(?:\.get\(|\[)"([A-Z_]+)\"""", text))
        found |= set(re.findall(r"""getenv\("([A-Z_]+)\"""", text))
        found |= set(re.findall(r'"((?:CHATOPS|XDG)_[A-Z_]+)"', text))
    return {name for name in found if not re.fullmatch(FOREIGN, name)}


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


def test_a_page_in_a_pipe_has_its_prose_broken_at_words_and_the_rest_whole(chatops_inprocess: Callable[..., Result]) -> None:
    for topic in manual.TOPICS:
        shown = chatops_inprocess("help", topic, check=0).stdout
        for line in shown.splitlines():
            of_a_table, code = bool(re.search(r"\S {2,}\S|-{9}", line)), line.startswith("  ")
            # What stands between backticks, and what sticks to it, is whole.
            assert cells(re.sub(r"\S*`[^`]*`\S*", "", line)) <= 80 or of_a_table or code, line
        source = manual.page(topic)
        for block in re.findall(r"^```\w*\n(.*?)^```", source, re.MULTILINE | re.DOTALL):
            for line in filter(None, block.splitlines()):
                assert f"  {line.removeprefix('$ ')}\n" in shown

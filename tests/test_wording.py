"""The words on screens, in helps and in the manual: what people stumbled over has not come back."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from chatops import formatting, sqlfiles
from chatops.checks import load
from tests.conftest import ROOT

STUMBLED_OVER = {
    r"\bticks?\b": "look",
    r"nothing that was not reported": "Stopped. Nothing was changed.",
    r"\bbeyond the goal\b": "Not applied, as --to asks",
    r"\bit was looked\b": "checked",
    r"\bfigures of before\b": "figures from before",
    r"\bpoints? looked at\b": "checks passed",
    r"\bof before are still\b": "older findings remain",
    r"\bthe plan is over\b": "finished",
    r"\bis not taken back\b": "cannot be undone",
    r"\bcould be \d+ (?:chats|operators)\b": "matches",
    r"\bpart of a name is understood\b": "Give a full id …",
    r"\bis in the log that\b": "No log entry matches.",
    r"\bnone is named\b": "name one with --db",
    r"\bwithout a number, and left alone\b": "Ignored (no number)",
    r"\btaken (?:as|for) applied although\b": "counted as applied although",
    r"\bas before 022\b": "as before migration 022",
    r"\bassigns for nobody else\b": "operators assign only to themselves",
    r"\busers go away\b": "users give up",
    r"\btwo hands in\b": "two operators in",
    r"\bis an old text\b": "is an outdated version",
    r"\breads go over the whole\b": "queries scan the whole table",
    r"\b(?:oldest|both) since\b": "open for, overlap began",
    r"\bgoes its own way\b": "is migrated independently",
    r"\bwho is in the way is named\b": "names the blocker",
    r"\blive through\b": "run",
    r"\btold by statement\b": "reports each statement's locks",
    r"\bdo no harm; missed\b": "are harmless; missed ones are reported",
    r"\bthen asked; each chat\b": "Shows before and after, then asks",
    r"\bmoved all or none\b": "Named chats: all or none",
    r"\brefuse more chats\b": "Stop if it would touch more chats",
    r"\bunder what people say\b": "by symptom",
    r"--anew\b": "--restart",
    r"\bsomebody else was at\b": "another … changed",
    r"\bthat one's\b": "name it",
    r"\binterrupted; nothing\b": "Stopped.",
    r"\botherwise than\b": "differs from",
    r"\b(?:made|defined) otherwise\b": "differs, defined differently",
    r"\bApply these (?!files\b)": "Apply 1 file",
    r"--force away\b": "without --force",
    r"\b1 (?:chats|operators|rows|files|policies|findings|checks)\b": "one of them is one",
}
"""What is not said, and what is said in its place."""
FORBIDDEN = re.compile("|".join(STUMBLED_OVER), re.IGNORECASE)
KEYS = {"ticks", "tick"}
"""Names of keys in files and machine formats, which stay as they are."""
_KEY = re.compile("|".join(f"`{key}`" for key in KEYS))


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The texts of a file of code, each with its line: what a program may say."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in KEYS:
            yield node.lineno, node.value


def told(where: str, text: str) -> list[str]:
    return [f"{where}: “{found[0]}”" for found in FORBIDDEN.finditer(text)]


def test_no_program_says_what_people_stumbled_over() -> None:
    found = [
        one
        for path in sorted((ROOT / "chatops").rglob("*.py"))
        for line, text in literals(path)
        if text not in KEYS and " " in text.strip()
        for one in told(f"{path.relative_to(ROOT)}:{line}", text)
    ]
    assert not found, "\n".join(found)


def test_no_help_page_or_check_says_it() -> None:
    pages = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
    pages |= {"README.md": (ROOT / "README.md").read_text(encoding="utf-8")}
    pages |= {"help.json": json.dumps(json.loads((ROOT / "chatops/cli/help.json").read_text(encoding="utf-8")))}
    for folder in ("checks", "migrations"):
        for name in sqlfiles.names(folder):
            heads = [line for line in sqlfiles.read(f"{folder}/{name}.sql").splitlines() if re.match(r"-- (?:[a-z-]+:|  )", line)]
            pages[f"{folder}/{name}.sql"] = "\n".join(heads)
    found = [one for name, text in pages.items() for one in told(name, _KEY.sub("", text))]
    assert not found, "\n".join(found)


COUNTED = re.compile(
    r" (?:(?:other|more|older|of|of these|of the) )?(chats|files|rows|operators|checks|findings|looks|lines|views|tenants|objects"
    r"|messages|tables|statements|sources|codes|transactions|actions|sessions|users|turns|replies|targets|attempts|policies)\b"
)
"""What is counted in a sentence: one of them is one, which `formatting.plural` knows."""
ALWAYS_SEVERAL = {
    "contention: len(self.operators)": "the numbers of a test are its own",
    "contention: MESSAGES": "likewise",
    "log: formatting.count(self.files)": "one file is told by its name",
    "log: len(self.codes)": "a few codes are named",
    "log: of_all": "more than were shown",
    "population: formatting.count(self.chats)": "a demo has at least 60",
    "population: formatting.count(self.messages)": "likewise",
    "population: formatting.count(LARGEST)": "the most that may be asked for",
    "population: formatting.count(size)": "at least 60",
    "demo_making: formatting.count(size)": "at least 60",
    "demo_making: formatting.count(made.size)": "at least 60",
    "review: self.operators": "told from 2 on",
    "scenario_stage: chats": "one is what is expected",
    "scenarios: seen.turns": "one is what is expected",
    "simulation: WRITER": "no number",
    "capture: there": "fewer than all of them are some of several",
    "schedule: formatting.count(MOST_SLOTS)": "the most that may be asked for",
    "console_acting: len(plan.moves)": "of one its problem is told",
    "drain: len(labels)": "a few are named",
    "drain: count": "one has a sentence of its own",
    "drain: chats": "one is told apart",
    "simulate: needed": "every writer takes one",
    "tenants: of_all": "told from 20 on",
    "again: len(found)": "not one, which would be it",
    "carry_over: len(holders)": "one would be it",
    "heard: rows.count": "one is told apart",
    "plan: len(shorts)": "told from 6 on",
    "problems: len(names)": "those that share a number",
    "status: len(names)": "those that share a number",
    "steps: self.done": "told from 2 on",
    "transaction_problems: len(others)": "one is told apart",
    "moves: formatting.count(len(wanted))": "told from 2 on",
    "why_waiting: free": "one is told apart",
}
"""Where a number is never one, file by file, and why."""


def test_no_sentence_counts_one_as_many() -> None:
    """Every number before a noun in the plural goes through `plural`, or cannot be one."""
    wrong, known = [], set(ALWAYS_SEVERAL)
    for path in sorted((ROOT / "chatops").rglob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(ast.parse("\n".join(lines))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for number, text in pairwise(node.values):
                if not (
                    isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant) and COUNTED.match(str(text.value))
                ):
                    continue
                place = f"{path.stem}: {ast.unparse(number.value)}"
                known.discard(place)
                if place not in ALWAYS_SEVERAL:
                    wrong.append(f"{place}: {path.relative_to(ROOT)}:{node.lineno}: {lines[node.lineno - 1].strip()}")
    assert not wrong, "\n".join(wrong)
    assert not known, "nothing is counted so any more"


def test_no_check_counts_one_as_many() -> None:
    """Of each text of a check that has a number in it: what it says of one, and how many more there are of its kind."""
    one_as_many = re.compile(
        r"(?<![\w,.])1 (?:(?:more|published|privileged|foreign|open|held|assigned|answered|times) )*(?!was\b|is\b|has\b|waits\b)[a-z]+s\b"
    )
    assert one_as_many.search("1 clocks cannot be right")
    assert not one_as_many.search("1 clock is; 11 chats")
    for check in load.shipped():
        brief = (check.brief or "").replace("{count}", "1")
        for text in (check.heading(1), check.narrow_heading(1), brief, check.counted(1), check.others(1)):
            assert not one_as_many.search(text), (check.code, text)
        assert "{" not in check.counted(1) + check.counted(1234), check.code
        assert "1,234" in check.counted(1234) or "{count}" not in check.title, check.code
        assert re.fullmatch(r"2 more (?:[a-z]+ )?[a-z]+s", check.others(2)), (check.code, check.others(2))
    by_code = {check.code: check for check in load.shipped()}
    assert by_code["DATA002"].counted(1) == "1 clock cannot be right"
    assert by_code["CHAT001"].counted(2) == "2 operators hold more than one chat"
    assert by_code["CONF001"].counted(1).startswith("1 not as expected: the settings ")
    assert [by_code[code].others(1) for code in ("DB002", "DB013")] == ["1 more policy", "1 more index"]
    assert [by_code["DB019"].others(n) for n in (1, 2)] == ["1 more foreign object", "2 more foreign objects"]


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 chats"), (1, "1 chat"), (2, "2 chats"), (1000, "1,000 chats"), (1_000_001, "1,000,001 chats")]
)
def test_a_number_agrees_with_its_noun(number: int, told: str) -> None:
    assert formatting.plural(number, "chat") == told
    one, many = formatting.plural(1, "entry", "entries"), formatting.plural(number, "entry", "entries")
    assert (many.split()[1] == "entry") == (number == 1)
    assert one == "1 entry"


@pytest.mark.parametrize("text", ["no tick is due", "1 chats", "THE PLAN IS OVER", "with --anew", "both since 3 m ago"])
def test_the_words_are_recognised(text: str) -> None:
    assert told("here", text)

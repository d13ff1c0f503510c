"""What every command shows of the demo, stored: at 40, 80 and 120 columns, in a pipe, in colour, in ASCII.

CHATOPS_STORE_SCREENS=1, or `make store-screens`, stores what is shown anew: read the difference as somebody tired would. By default
the screens of a command take turns in these forms, and what is not looked at counts as stored; with CHATOPS_TEST_LONG=1 each has all.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from chatops.checks import doctor, run
from chatops.cli import COMMANDS
from chatops.flows import acting, plan_looks
from chatops.flows.given import Given
from chatops.flows.output import Output
from chatops.migrations import rehearse
from chatops.model import Answer
from chatops.render.cells import columns_for, tables_for
from chatops.render.wrap import COMMANDS as COMMAND_NAMES
from chatops.widths import cells
from tests.conftest import LONG, ROOT, Result
from tests.servers import Database, Farm, Server
from tests.still import HELD, SYSTEMS

Run = Callable[..., Result]
KEYS = ROOT / "docs" / "keys.json"
STORED = Path(__file__).resolve().parent / "screens"

SCREENS: dict[str, list[str]] = {
    "migrate": ["migrate --dry-run", "migrate --to 019 --dry-run", "healed: migrate", "bare: migrate --to 017 --dry-run"],
    "status": ["status", "status --to 018 --exit-code", "healed: status", "bare: status"],
    "adopt": ["bare: adopt --through 016 --dry-run", "bare: adopt --through 016", "adopt --dry-run"],
    "new": ["new 'add a thing' --dry-run"],
    "check": ["check --dir nowhere"],
    "rehearse": ["rehearse --to 019 --yes"],
    "lint": ["lint"],
    "wait": ["wait", "wait --for CHAT003=0 --timeout 1ms", "wait --for 'oldest<1d' --timeout 1ms", "wait --for oldest"],
    "verify": ["verify", "verify schema", "verify --only CHAT003,DB001", "healed: verify"],
    "deploy": ["deploy --dry-run", "healed: deploy --dry-run"],
    "monitor": ["monitor --once --restart --plan 1h"],
    "report": ["report", "report nowhere.json"],
    "diagnose": [
        "diagnose", "diagnose --full", "diagnose --brief", "diagnose --only CHAT003", "diagnose WAITING", "healed: diagnose",
        "diagnose --only CHAT03",
    ],
    "summary": ["summary", "summary --since 8h", "healed: summary --since 8h"],
    "queue": ["queue", "queue --top 2"],
    "stuck": ["stuck", "stuck --review"],
    "chats": ["chats --limit 6", "chats --state assigned --oldest --limit 3", "chats --user nobody"],
    "operators": ["operators", "operators --free", "operators --figures", "operators --figures --since 1h"],
    "show": ["show WAITING", "show chat HELD", "show operator OPERATOR", "show chat rain", "show d", "show CHAT003", "show chat nobody", "healed: show WAITING"],
    "explain": ["explain", "explain CHAT003", "explain DB003", "explain CHAT03"],
    "repair": ["repair --dry-run", "repair CHAT003 --dry-run", "repair CHAT003 --dry-run --columns", "repair QUEUE010", "repair CHAT001"],
    "reassign": ["reassign HELD --to auto --dry-run", "reassign --where OPER001 --to auto --dry-run", "reassign --to x", "reassign HELD --to an --dry-run"],
    "release": ["release HELD --dry-run", "release --where OPER001 --dry-run", "release", "release HELD"],
    "close": ["close HELD --dry-run"],
    "reopen": ["reopen CLOSED --dry-run", "reopen HELD --dry-run"],
    "drain": ["drain OPERATOR --dry-run", "drain OPERATOR --finish --dry-run"],
    "undrain": ["undrain OPERATOR --dry-run", "healed: undrain Keiko --dry-run"],
    "undo": ["undo 1 --dry-run", "healed: undo LAST --dry-run", "undo 99", "healed: undo"],
    "log": ["log", "healed: log --limit 3", "healed: log --chat nobody"],
    "snooze": ["snooze", "snooze CHAT003 --until 2026-02-01"],
    "pause": ["pause", "healed: pause --for 10m"],
    "resume": ["resume", "healed: resume"],
    "guard": ["guard", "healed: guard", "healed: guard off --for 10m"],
    "doctor": ["doctor", "bare: doctor"],
    "config": ["config"],
    "remove": ["remove --dry-run", "healed: remove --dry-run"],
    "help": ["help", "help glossary", "help nothing"],
}  # fmt: skip
"""What is asked, by command; CAPITALS stand for one of the demo's chats or operators."""

ELSEWHERE = {
    "console": "tests/console stores its screens",
    "demo": "it shows what was made a moment ago, by a clock that goes: tests/test_demo.py reads it",
    "simulate": "its figures are those of a run",
    "psql": "what is shown is psql's",
}

PEOPLE = {
    "WAITING": "select id from chats where chat_state = 'waiting_assignment' and operator_replied_at is null"
    " and last_message_at is not null order by last_message_at limit 1",
    "HELD": HELD,
    "CLOSED": "select id from chats where chat_state = 'completed' order by last_message_at desc limit 1",
    "OPERATOR": HELD.replace("select chat_id", "select operator_id"),
    "LAST": "select max(id) from chatops.actions where action = 'release'",
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """How a command is looked at: columns and rows of the terminal, None for a pipe."""

    terminal: tuple[int, int] | None
    env: Mapping[str, str]
    encoding: str = "utf-8"


PRODUCTION = """
[env.production]
url_env = "STILL_URL"
production = true
"""
STILL = SimpleNamespace(monotonic=lambda: 0.0, perf_counter=lambda: 0.0, sleep=time.sleep)
"""How long it took is another time each run: what is measured on the way takes none."""
PLAIN = {"NO_COLOR": "1"}
FORMS = {
    "40 columns": Form((40, 24), PLAIN),
    "80 columns": Form((80, 24), PLAIN),
    "120 columns": Form((120, 40), PLAIN),
    "pipe": Form(None, {}),
}
TURNS = [
    {"40 columns", "pipe"}, {"80 columns", "colour"}, {"120 columns", "ASCII"},
]  # fmt: skip
"""In which forms the first two screens of a command are looked at; commands begin with these in turn."""
ALONE = [{"40 columns"}, {"colour"}, {"pipe"}, {"ASCII"}, {"80 columns"}, {"120 columns"}]
"""In which the others are."""
STORE = bool(os.environ.get("CHATOPS_STORE_SCREENS"))
WIDE = Form((400, 24), PLAIN)
ASCII = Form((80, 24), PLAIN, "ascii")
COLOUR = Form((80, 24), {"NO_COLOR": ""})
VARYING = (
    (r"\r[^\r\n]*\r", ""),  # which check runs: it is gone when the answer comes
    (r"127\.0\.0\.1:\d{5}", "127.0.0.1:54321"),
    (r"still_[0-9a-f]{6}", "still_a1b2c3"),
    (r"(port[ |]+)\d{5}", r"\g<1>54321"),
    (r"\bPostgres 18\.\d\b", "Postgres 18.0"),
    (r"chatops\.toml:\s+\S+/chatops\.toml", "chatops.toml: ~/chatops.toml"),
    (r"round\s+trip\s+takes\s+[\d.]+ ms", "round trip takes 0.5 ms"),
    (r"\d+ of \d+ in use", "3 of 100 in use"),
    (r"(clock\s+is\s+)\d+ d behind", r"\g<1>315 d behind"),
)
"""What another run writes differently, and what is stored in its place: of the same width, so that lines break alike."""


@pytest.fixture(scope="module")
def systems(farm: Farm, server: Server) -> Iterator[Mapping[str, Database]]:
    """The demo as it is deployed, and migrated to the newest, as their templates were made; nobody changes them."""
    made = {}
    for name, build in SYSTEMS.items():
        made[name] = server.create_database(farm.template(server, f"still-{name}", build), f"still_{os.urandom(3).hex()}")
    yield made
    for database in made.values():
        database.drop()


@pytest.fixture(scope="module")
def people(systems: Mapping[str, Database]) -> Mapping[str, str]:
    """Whom the words in capitals mean."""
    return {word: str(systems["healed" if word == "LAST" else "ill"].value(query)) for word, query in PEOPLE.items()}


def words_of(screen: str, people: Mapping[str, str]) -> tuple[str, list[str]]:
    """The system and the words of a screen."""
    system, _, words = screen.rpartition(": ")
    return system or "ill", [people.get(word, word) for word in shlex.split(words)]


def steady(text: str) -> str:
    """A text without what another run writes differently."""
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text


def looked_at(command: str, at: int) -> set[str]:
    """The forms in which the screen at this place of a command is looked at."""
    if LONG or STORE:
        return {*FORMS, "ASCII", "colour"}
    if at < 2:
        return TURNS[(at + list(SCREENS).index(command)) % 3]
    return ALONE[at % len(ALONE)]


def stored(command: str) -> dict[str, dict[str, str]]:
    """What is stored of each screen of a command, by form."""
    file = STORED / f"{command}.txt"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found: dict[str, dict[str, str]] = {screen: {} for screen in SCREENS[command]}
    heading = re.compile(rf"^#### ({'|'.join([*FORMS, 'ASCII'])})(?:: as at (.+))?\n", re.MULTILINE)
    for part in re.split(r"^\$ chatops ", text, flags=re.MULTILINE)[1:]:
        screen, _, forms = part.partition("\n")
        _, *pieces = heading.split(forms)
        for name, same, told in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
            found.setdefault(screen, {})[name] = found[screen][same] if same else told
    return found


@pytest.mark.sampled(19)
@pytest.mark.long
@pytest.mark.parametrize("command", SCREENS)
def test_what_a_command_shows_is_as_it_was_stored(
    command: str,
    systems: Mapping[str, Database],
    people: Mapping[str, str],
    chatops_inprocess: Run,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (run, rehearse, acting, doctor):
        monkeypatch.setattr(module, "time", STILL)
    monkeypatch.setattr(Output, "HEARTBEAT_S", 3600.0)  # nothing is long, however busy the machine is
    monkeypatch.setattr(plan_looks, "missing_roles", lambda *_: [])  # roles are the whole server's: other tests make some
    place = home / "config" / "chatops"
    place.mkdir(parents=True)
    (place / "chatops.toml").write_text(PRODUCTION)
    (place / "chatops.toml").chmod(0o600)
    told: list[str] = []
    wrong: list[object] = []
    keys = Keys(monkeypatch)
    before = stored(command)
    for at, screen in enumerate(SCREENS[command]):
        system, words = words_of(screen, people)
        looked = looked_at(command, at)

        def shown(form: Form, system: str = system, words: list[str] = words) -> str:
            env = {**form.env, "STILL_URL": systems[system].url}
            done = chatops_inprocess(*words, env=env, terminal=form.terminal, encoding=form.encoding)
            return steady(f"{done.stderr}--\n{done.stdout}-- {done.exit_code}\n")

        if (LONG or STORE) and "json" in keys.formats(command) and "-o" not in words:
            shown(FORMS["pipe"], words=[*words, "-o", "json"])
        seen = {name: shown(form) if name in looked else before[screen].get(name, "") for name, form in FORMS.items()}
        told.append(f"$ chatops {screen}\n")
        for name, text in seen.items():
            same = next(other for other in seen if seen[other] == text)
            told.append(f"#### {name}\n{text}" if same == name else f"#### {name}: as at {same}\n")
        if "ASCII" in looked:
            ascii_text = shown(ASCII)
            told += [f"#### ASCII\n{''.join(difference(seen['80 columns'], ascii_text))}"]
            if not ascii_text.isascii():
                wrong.append((screen, "not ASCII"))
        else:
            told += [f"#### ASCII\n{before[screen].get('ASCII', '')}"]
        if "colour" in looked:
            coloured = shown(COLOUR)
            if screen in ("diagnose", "verify") and "\x1b[" not in coloured:
                wrong.append((screen, "no colours"))
            if (coloured := without_colours(coloured)) != seen["80 columns"]:
                wrong.append((screen, "other words in colour", *difference(seen["80 columns"], coloured)))
        known = figures(seen["pipe"])
        if any(figures(seen[name]) - known for name in FORMS):
            known |= figures(shown(WIDE))
        for name in ("40 columns", "80 columns", "120 columns"):
            width = int(name.split()[0])
            counted = {str(width)} | set(re.findall(r"(\d+) more", seen[name]))
            if extra := figures(seen[name]) - known - counted:
                wrong.append((screen, name, "figures that neither the pipe nor a wide screen has", extra))
            for line in seen[name].splitlines():
                word = line.removesuffix(" \\").strip()  # or a literal, which is one
                unbroken = "chatops " in line or " " not in word or word[:1] == "'" or "://" in line or line.endswith(";")
                if cells(line) > width and not unbroken:
                    wrong.append((screen, name, "too wide", line))
    if STORE:
        keys.store(command)
    if missing := keys.seen - keys.stored(command):
        wrong.append(("keys that docs/keys.json, and so the reference, does not name", missing))
    text = "".join(told)
    file = STORED / f"{command}.txt"
    if STORE:
        file.write_text(text, encoding="utf-8", newline="\n")
    assert not wrong, "\n".join(map(str, wrong))
    assert text == file.read_text(encoding="utf-8"), "make store-screens, and read what has changed"


class Keys:
    """Which keys programs get: those of an answer itself under "", those of rows under the name of their table."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: set[tuple[str, str]] = set()
        show = Output.show

        def noted(output: Output, answer: Answer, emit: Callable[[str], object] | None = None) -> None:
            for table in tables_for(answer, "machines"):
                self.seen |= {(table.name, column.name) for column in columns_for(table, "machines")}
            self.seen |= {("", key) for key in answer.data}
            show(output, answer, emit)

        monkeypatch.setattr(Output, "show", noted)

    @staticmethod
    def formats(command: str) -> Sequence[str]:
        """The formats of a command."""
        return Output(Given(formats=getattr(import_module(f"chatops.cli.{command}"), command).formats)).format_names()

    @staticmethod
    def stored(command: str) -> set[tuple[str, str]]:
        """What docs/keys.json says of a command."""
        known = json.loads(KEYS.read_text(encoding="utf-8")).get(command, {})
        return {(table, key) for table, names in known.items() for key in names}

    def store(self, command: str) -> None:
        """Writes what was seen of a command."""
        known = json.loads(KEYS.read_text(encoding="utf-8")) if KEYS.exists() else {}
        known[command] = {
            table: sorted(key for name, key in self.seen if name == table) for table in sorted({table for table, _ in self.seen})
        }
        known = {name: tables for name, tables in known.items() if tables}
        KEYS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def difference(wide: str, ascii_text: str) -> list[str]:
    """The lines that ASCII writes otherwise."""
    lines = difflib.unified_diff(wide.splitlines(True), ascii_text.splitlines(True), n=0)
    return [line[1:] for line in lines if line.startswith("+") and not line.startswith("+++")]


def without_colours(text: str) -> str:
    return re.sub(r" +$", "", re.sub(r"\x1b\[[0-9;]*m", "", text), flags=re.MULTILINE)


def figures(text: str) -> set[str]:
    """Every number, and every beginning of an id that is one."""
    return set(re.findall(r"(?<![\w.])\d+(?:[.,:]\d+)*(?![\w])", " ".join(text.split())))


def test_every_command_has_stored_screens_or_a_place_that_stores_them() -> None:
    names = {name for _, name, _ in COMMANDS}
    assert names == {*SCREENS, *ELSEWHERE}
    assert names == {*COMMAND_NAMES}
    assert all(screen.rpartition(": ")[2].split()[0] == command for command, screens in SCREENS.items() for screen in screens)
    assert {file.stem for file in STORED.glob("*.txt")} == {*SCREENS}


def test_no_two_columns_of_a_table_are_called_the_same() -> None:
    """In a pipe every column is shown, under one heading and a line."""
    headed: list[tuple[str, list[str]]] = []
    for file in sorted(STORED.glob("*.txt")):
        lines = file.read_text(encoding="utf-8").splitlines()
        headed += [
            (file.stem, [above[slice(*rule.span())].strip() for rule in re.finditer("-+", below)])
            for above, below in pairwise(lines)
            if re.fullmatch(r"-{3,}(?:  -{3,})+", below)
        ]
    assert len(headed) > 20
    assert [(command, names) for command, names in headed if len(set(names)) < len(names)] == []
    assert ("log", ["ago", "what", "files", "by"]) in headed

"""What a finding prints for pasting: every command line can be read, and no screen breaks a command or a statement in two."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from chatops import sqlfiles
from chatops.checks import findings, load, results, run
from chatops.checks.began import oldest
from chatops.checks.explain import in_general
from chatops.checks.thresholds import known
from chatops.cli import COMMANDS
from chatops.cli.typer_line import MISUSED, group
from chatops.errors import UsageError
from chatops.flows import ends
from chatops.flows.move_request import MoveRequest
from chatops.model import Span
from chatops.screens import explain
from chatops.screens.finding import finding_lines
from chatops.screens.lines import Reader, free_in_words
from tests import ailing
from tests.conftest import ROOT, Result
from tests.servers import Database
from tests.test_plants import opened

Run = Callable[..., Result]
WORDS = "|".join(name for _, name, _ in COMMANDS)
FILLED = {
    "chat_id": str(UUID(int=7)),
    "operator_id": str(UUID(int=8)),
    "operator": "op-1",
    "name": "NAME",
    "code": "CHAT003",
    "aims": "CHAT006",
    "look": "'x'",
    "limit_minutes": "60",
}
PASTED = r"`|\{(remedy|forget|statement)\}"
"""What of a help in words is to be pasted."""
MOVES = ("reassign", "release", "close", "reopen")


def printed() -> Iterator[tuple[str, str]]:
    """Every command line that a head or the query of a check, or the head of a repair, may print: where, and what."""
    values = FILLED | {name: f"{limit.default:g}" for name, limit in known().items()}

    def filled(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda place: values[place[1]], text)

    for check in load.shipped():
        if check.help_command and not re.fullmatch(r"\{\w+\}", check.help_command):
            yield check.code, filled(check.help_command)
        for part in (check.help_text or "").split("`")[1::2]:
            yield check.code, filled(part)
        for found in re.findall(rf"\bchatops ((?:{WORDS})(?: (?:--?[\w-]+|[A-Z]+|\w+(?= says)))*)", check.help_text or ""):
            yield check.code, found
        for told in re.findall(rf"'((?:{WORDS}) [^']*)'", sqlfiles.read(f"checks/{check.code}.sql")):
            if re.match(r"(chats|operators|queue) [a-z]", told):  # a sentence
                continue
            yield check.code, told + ("014" if told.endswith(" ") else "")
    for name in sqlfiles.names("repairs"):
        for part in re.findall(rf"`((?:{WORDS}) [^`]+)`", sqlfiles.read(f"repairs/{name}.sql")):
            yield name, part


def read(line: str) -> None:
    """Reads a command line as the program does, without running it. Raises what the program says of a wrong one."""
    name, *words = shlex.split(line)
    commands = group()
    command: Any = commands.get_command(None, name)
    assert command is not None, name
    context = command.make_context(name, words)
    given = context.params
    if name in MOVES:
        wanted = {"command": name, "names": given.get("chats") or ()}
        fields = {one: given[one] for one in ("where", "stuck", "held_by", "idle", "to", "force", "plan") if one in given}
        MoveRequest(**wanted, **{key: value for key, value in fields.items() if value is not None}).check()  # type: ignore[arg-type]
    if name == "explain" or "--only" in words or "--where" in words:
        codes = [word for word in words if re.fullmatch(r"[A-Z]{2,8}\d{3}", word)]
        load.codes_of(codes)


def test_every_command_that_a_finding_prints_can_be_read() -> None:
    wrong, seen = [], 0
    for where, line in printed():
        seen += 1
        try:
            read(line)
        except (MISUSED, UsageError) as error:
            wrong.append(f"{where}: {line}: {getattr(error, 'message', error)}")
    assert wrong == []
    assert seen > 60


def test_a_wrong_line_is_noticed() -> None:
    for line in (
        "release --idle 5m --dry-run",
        "queue --tops 3",
        "migrate --dryrun",
        "explain CHAT999 --only CHAT999",
        "repair --yes=3",
    ):
        with pytest.raises((MISUSED, UsageError)):
            read(line)


def test_what_is_pasted_stands_on_one_line_however_narrow_the_screen(latest_database: Database, chatops_inprocess: Run) -> None:
    """Of every check: its explanation, its query, its finding."""
    for check in load.shipped():
        for width in (40, 80):
            lines = explain.one(check, width).body[0].lines  # type: ignore[union-attr]
            told = ["".join(span.text for span in line if isinstance(span, Span)) for line in lines if not isinstance(line, str)]
            for part in in_general(check.help_text or "").split("`")[1::2]:
                assert any(f"chatops {part}" in line for line in told), (check.code, width, part)
            assert not any(re.search(r"\{\w+\}", line) for line in told), check.code
    for code in ("DB012", "OPER001", "CHAT003"):
        whole = [line.rstrip() for line in chatops_inprocess("explain", code, "--sql", check=0).stdout.splitlines()]
        narrow = chatops_inprocess("explain", code, "--sql", terminal=(40, 24), check=0).stdout
        assert [line.rstrip() for line in narrow.splitlines()] == whole
        asked = latest_database.psql(narrow.partition("-- before migration 021:")[0])
        assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("width", [40, 80])
def test_a_findings_help_is_broken_around_what_is_pasted(core_database: Database, latest_database: Database, width: int) -> None:
    """On both sides of our migrations: a help that hangs on one is told on one side, every other on both."""
    reader = Reader(width, True, True, lambda *words: "chatops --env production " + " ".join(words))
    checks = [check for check in load.shipped() if re.search(PASTED, check.help_text or "")]
    row = {
        **FILLED,
        "remedy": "select 1 from a where b = 'c d'",
        "forget": "delete from a where b",
        "statement": "drop a b c",
        "left": 2,
    }
    for database, untold in ((core_database, "from"), (latest_database, "before")):
        with opened(database) as connection, connection.reading():
            survey = run.run(connection, checks)
        for check in checks:
            result = results.Result(check, "failed", check.severity, 1, (row,))
            told = findings.findings(results.only(survey, result), reader.here)[0]
            lines = finding_lines(told, survey, reader)
            code = [span.text for line in lines if not isinstance(line, str) for span in line if span.style == "code"]
            here = re.sub(rf"\[{untold} [^\]]*\]", "", check.help_text or "")
            assert bool(told.pasted) is bool(re.search(PASTED, here)), check.code
            for one in told.pasted:
                assert one in code, (check.code, one, code)


def test_since_when_a_user_writes_in_vain_is_since_their_first_message() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    row = {
        "closed_at": noon - timedelta(days=3),
        "messages_since": 2,
        "waiting_for": timedelta(minutes=14),
        "user_wrote_at": noon,
    }
    assert oldest([row], noon) == noon - timedelta(minutes=14)
    for code in ("CHAT012", "CHAT018"):
        assert "as waiting_for" in sqlfiles.read(f"checks/{code}.sql")


@pytest.mark.parametrize("words", [("drain", "Op 1"), ("undrain", "it's $HOME"), ("undo", "a b"), ("release", "chat; x")])
def test_what_was_given_comes_back_as_one_word_in_a_refusals_command(
    chatops_inprocess: Run, tmp_path: Path, words: tuple[str, str]
) -> None:
    (tmp_path / "chatops.toml").write_text('[env.live]\nurl = "postgresql://127.0.0.1:1/none"\nproduction = true\n')
    refused = chatops_inprocess("--env", "live", *words, check=4).stderr
    line = next(line for line in refused.splitlines() if "--dry-run" in line)
    assert shlex.split(line[line.index("--env") :]) == ["--env", "live", *words, "--dry-run"]


def test_which_setting_won_is_asked_of_the_environment_that_was_meant(chatops_inprocess: Run, tmp_path: Path) -> None:
    url = "postgresql://127.0.0.1:1/none"
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{url}"\n[env.other]\nurl = "{url}"\n')
    told = chatops_inprocess("--env", "live", "diagnose", check=3).stderr
    assert "chatops --env live config" in told
    chatops_inprocess("--env", "live", "config", check=0)
    assert "--env live" in chatops_inprocess("queue", check=2).stderr
    for line in chatops_inprocess("--env", "live", "explain", "CHAT013", check=0).stdout.splitlines():
        assert "chatops " not in line or "--env live" in line or "--sql" in line, line


def test_who_is_free_and_unheard_of_is_told_in_one_wording() -> None:
    assert [free_in_words(*pair) for pair in ((0, 0), (3, 0), (4, 2), (12, 12))] == [
        "0 free",
        "3 free",
        "4 free (2 silent)",
        "nobody is free but 12 silent ones",
    ]


def test_a_dropped_index_is_made_again_as_its_file_has_it(latest_database: Database) -> None:
    names = ("idx_messages_chat_created", "idx_chat_assignments_chat", "idx_chat_assignments_open")
    made = "select pg_get_indexdef(to_regclass(%s))"
    before = [latest_database.value(made, (name,)) for name in names[:2]]
    latest_database.execute("drop index if exists chat_assignments_one_open_per_chat")
    for name in names:
        latest_database.execute(f"drop index if exists {name}")
    found = ailing.result(ailing.look(latest_database, "DB013"), "DB013")
    assert found.count == 2
    for row in found.rows:
        latest_database.execute(row["remedy"])
    assert [latest_database.value(made, (name,)) for name in names[:2]] == before


def test_a_statement_of_a_refusal_stands_beside_the_line_that_runs_it() -> None:
    """Each label before SQL in the sources: either this role can run it, or the label says who else does."""
    labels = {
        node.value
        for path in (ROOT / "chatops").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z][^:]* \(SQL\)", node.value)
    }
    assert len(labels) > 8
    run = SimpleNamespace(known_target=True, here=lambda *words: " ".join(("chatops", *words)))
    for label in labels:
        shown = ends._to_paste(run, UsageError("x", next_steps=[(label, "alter schema a rename to b;")])).next_steps  # type: ignore[arg-type]
        assert shown[0] == (label, "alter schema a rename to b;")
        line = [("or", "chatops psql --write -- -c 'alter schema a rename to b;'")]
        assert list(shown[1:]) == (
            [] if label.startswith(("let ", "show ", "raise ", "give ", "lift ")) and "theirs" not in label else line
        )

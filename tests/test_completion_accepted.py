"""Whatever TAB offers is taken: by the parser, and by whoever resolves it, on the demo's system.

One offer is tried of every third option, of commands that answer quickly; with CHATOPS_TEST_LONG=1 all of all.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer._completion_shared import get_completion_script

from chatops.cli import COMMANDS, typer_line
from chatops.flows import complete_ids, complete_words
from chatops.flows.given import Given
from tests.conftest import LONG, Result, clean_environment
from tests.servers import Database
from tests.test_completion import complete
from tests.test_diagnose_short import demo

__all__ = ["demo"]

Run = Callable[..., Result]
AROUND: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "migrate": ((), ("--dry-run",)),
    "adopt": ((), ("--dry-run",)),
    "wait": ((), ("--timeout", "1ms")),
    "verify": ((), ("--list",)),
    "deploy": ((), ("--dry-run", "--skip-code")),
    "diagnose": ((), ("--brief",)),
    "diagnose --fail-on": (("--only", "CHAT003"), ()),
    "chats": ((), ("--limit", "1")),
    "repair": ((), ("--dry-run",)),
    "repair --chat": (("CHAT003",), ("--dry-run",)),
    "reassign": ((), ("--to", "auto", "--dry-run")),
    "reassign --to": (("HELD",), ("--dry-run",)),
    "release": ((), ("--dry-run",)),
    "close": ((), ("--dry-run",)),
    "reopen": ((), ("--dry-run",)),
    "drain": ((), ("--dry-run",)),
    "drain --to": (("OPERATOR",), ("--dry-run",)),
    "undrain": ((), ("--dry-run",)),
    "snooze": ((), ("--until", "2099-01-01", "--reason", "known")),
}
"""What stands before and behind the offer; CAPITALS stand for one of the demo's."""
NOT_RUN = {"rehearse --to": "it runs the files", "show name": "show what, with what stands before it"}
STATE = ("there is no receipt", "there is nobody to drain", "names no operator", "must lie between")
"""Usage errors that are about the moment, or the number behind the word, and not about the word."""


def options_that_complete() -> list[tuple[str, str, str]]:
    """Command, option ("" for an argument) and name of each that TAB has offers for; those of all commands once."""
    group: Any = typer_line.group()
    found: dict[tuple[str, str, str], None] = {}
    for _, command, _ in COMMANDS:
        for one in group.get_command(None, command).params:
            if one._custom_shell_complete is not None:
                shared = (one.name or "").startswith(typer_line.SHARED)
                option = one.opts[-1] if one.param_type_name == "option" else ""
                found[("summary" if shared else command, option, "" if shared else one.name or "")] = None
    return list(found)


def finished(offer: str) -> str:
    """An offer that ends in a sign goes on."""
    name = offer.partition("=")[0]
    after = {"state": "waiting", "name": "an", "user": "an", "profile": "an", "holder": "none", "last-holder": "none",
             "older-than": "1h", "sort": "wait", "oldest<": "1h"}  # fmt: skip
    return offer if offer[-1] not in "=<>" else offer + after.get(offer if offer[-1] != "=" else name, "1")


SLOW = () if LONG else ("migrate", "adopt", "status", "deploy", "diagnose", "repair")


@pytest.mark.long
def test_what_is_offered_is_accepted(
    demo: Database, chatops_inprocess: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complete_ids, "BUDGET_SECONDS", 60.0)
    monkeypatch.setattr(complete_ids, "NAMES_SECONDS", 60.0)
    held, operator = next(iter(demo.execute("select id, assigned_operator_id from chats where chat_state = 'assigned' and assigned_operator_id is not null limit 1")))  # fmt: skip
    people = {"HELD": str(held), "OPERATOR": str(operator)}
    (tmp_path / "chatops.toml").write_text(f'[env.demo]\nurl = "{demo.url}"\n[deploy]\nbefore = ["true"]\ncommands = ["true"]\n')
    refused: list[str] = []
    tried = 0
    for turn, (command, option, name) in enumerate(options_that_complete()):
        key = f"{command} {option or name}".strip()
        before, after = AROUND.get(key, AROUND.get(command, ((), ())))
        if (turn % 3 and not LONG) or key in NOT_RUN or command in SLOW or option in ("--db", "--env", "--write"):
            continue
        words = [command, *(people.get(word, word) for word in before), *([option] if option else [])]
        offers = [one for one in complete(chatops_inprocess, " ".join([*words, ""]), demo) if not one.startswith("--")]
        assert offers, key
        for offer in offers if LONG else offers[turn % len(offers) :][:1]:
            line = [*words, finished(offer), *after]
            if key == "show what" and offer in ("chat", "operator"):
                line.append(complete(chatops_inprocess, f"show {offer} ", demo)[0])
            done = chatops_inprocess(*line, db=demo)
            tried += 1
            if done.exit_code == 2 and not any(one in done.stderr for one in STATE):
                refused.append(f"{' '.join(line)}: {done.stderr.splitlines()[-1]}")
    assert not refused, "\n".join(refused)
    assert tried > 8


def test_the_codes_of_a_set_are_those_whose_rows_name_somebody(demo: Database, chatops_inprocess: Run) -> None:
    """What --where offers on this system finds chats, or operators; and every finding that does is offered."""
    found = json.loads(chatops_inprocess("diagnose", "--rows", "1", "-o", "json", db=demo).stdout)["findings"]
    columns = {one["code"]: set(one["rows"][0]) for one in found if one["rows"]}
    assert len(columns) > 40
    movable, drainable = (set(complete_words.CODES[kind]()) for kind in ("codes of chats", "codes of operators"))
    assert {code for code, names in columns.items() if names & {"chat_id", "operator_id"}} == movable & columns.keys()
    assert {code for code, names in columns.items() if "operator_id" in names} == drainable & columns.keys()


@pytest.mark.long
def test_every_word_of_a_name_that_is_offered_means_one_operator(
    demo: Database, chatops_inprocess: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First names, of which the demo's operators share some: only what tells them apart."""
    monkeypatch.setattr(complete_ids, "NAMES_SECONDS", 60.0)
    monkeypatch.setattr(complete_ids, "BUDGET_SECONDS", 60.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    names = [row[0] for row in demo.execute("select name from operators order by id")]
    same = names[0].split()[0]
    demo.execute("update operators set name = %s where name = %s", [f"{same} Zweig-Quist", names[1]])
    offered: set[str] = set()
    letters = "abcdefghijklmnoprstuvwz"
    for letter in letters if LONG else letters[::4]:
        offered |= {
            word for word, _ in complete_ids.offers(Given(db=(demo.url,)), "operators", letter * (letter not in "abcdef"))
        }
        offered |= {word for word, _ in complete_ids.offers(Given(db=(demo.url,)), "operators", f"{letter}o")}
        offered |= {word for word, _ in complete_ids.offers(Given(db=(demo.url,)), "operators", f"{letter}a")}
    words = sorted(word for word in offered if not re.fullmatch(r"[0-9a-f-]{36}", word))
    assert len(words) > 2
    for word in words if LONG else words[::11]:
        assert chatops_inprocess("show", "operator", word, db=demo).exit_code == 0, word
    typed = same[:3]
    apart = [word for word, _ in complete_ids.offers(Given(db=(demo.url,)), "operators", typed)]
    assert same not in apart
    assert f"{same} Zweig-Quist" in apart
    monkeypatch.setenv("_CHATOPS_COMPLETE", "complete_bash")
    assert f"{same}\\ Zweig-Quist" in [word for word, _ in complete_ids.offers(Given(db=(demo.url,)), "operators", typed)]


def test_files_are_those_that_the_command_would_run(chatops_inprocess: Run, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in ("001_base.sql", "002_more.sql", "verify.sql"):
        (folder / name).write_text("select 1")
    assert complete(chatops_inprocess, f"migrate --dir {folder} --to ", None) == ["latest", "001_base", "002_more"]
    assert "017_fix_concurrent_messages" in complete(chatops_inprocess, "migrate --to ", None)
    (tmp_path / "chatops.toml").write_text('[migrations]\ndir = "theirs"\n')
    assert complete(chatops_inprocess, "status --to ", None) == ["latest", "001_base", "002_more"]
    assert "017_fix_concurrent_messages" in complete(chatops_inprocess, "deploy --to ", None)


IN_BASH = [
    (["release", "--where", "state", "="], ["waiting", "assigned", "answered", "completed", "none"]),
    (["release", "--where", "state", "=", "as"], ["assigned"]),
    (["chats", "--state", "=", "as"], ["assigned"]),
    (["chats", "--state", "as"], ["assigned"]),
    (["chats", "--state", "assigned,w"], ["assigned,waiting"]),
    (["chats", "--state", "=", "assigned", "--so"], ["--sort"]),
    (["wait", "--for", "CHAT003", "=", ""], []),
]
"""A line as bash takes it apart at = and :, and what it is offered for the last piece."""


def test_bash_is_offered_what_goes_behind_its_own_signs(home: Path) -> None:
    """By bash itself, with the script that it is given."""
    script = get_completion_script(prog_name="chatops", complete_var="_CHATOPS_COMPLETE", shell="bash")
    for words, wanted in IN_BASH:
        pieces = " ".join(f"'{word}'" for word in ("chatops", *words))
        typed = f"COMP_WORDS=({pieces}); COMP_CWORD={len(words)}; _chatops_completion chatops"
        ask = f"{script}\n{typed}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        env = clean_environment(home, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
        done = subprocess.run(["bash", "--norc", "-c", ask], env=env, capture_output=True, text=True, check=True, cwd=home)
        assert sorted(done.stdout.split()) == sorted(wanted), (words, done.stdout, done.stderr)

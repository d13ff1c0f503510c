"""Questions on a real terminal: what was typed before counts for nothing, and stop means that nothing was changed."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatops.chats import undo
from chatops.checks import repair_plan
from chatops.errors import StoppedError
from chatops.flows import acting
from chatops.flows import drain as drain_flow
from chatops.flows.given import Given
from chatops.flows.questions import Questions
from chatops.flows.run import Invocation
from tests.ailing import mended, plant
from tests.conftest import Result, clean_environment
from tests.servers import Database, free_port

__all__ = ["mended"]


class Terminal:
    """chatops on a terminal of its own."""

    def __init__(self, home: Path, *words: str, typed: bytes = b"", cwd: Path | None = None, **env: str) -> None:
        self.master, slave = pty.openpty()
        os.write(self.master, typed)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chatops", *words], stdin=slave, stdout=slave, stderr=slave, cwd=cwd or home,
            env=clean_environment(home, {"TERM": "xterm", **env}), start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def until(self, words: str, seconds: float = 60) -> None:
        """Reads on until these words are on the screen."""
        deadline = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not self.read():
                break
        assert words in self.seen, self.seen

    def read(self) -> bool:
        if not select.select([self.master], [], [], 1)[0]:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def type(self, data: bytes) -> None:
        """Presses keys."""
        os.write(self.master, data)

    def end(self) -> int:
        """Its exit code, the rest of the screen read."""
        while self.read() and self.process.poll() is None:
            pass
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait()


def rights(database: Database) -> list[Any]:
    """What the roles of chatops may do in this database; whether there are such roles, others decide at the same moment."""
    return database.execute(
        "select relname::text, relacl::text from pg_class where relacl is not null"
        " union all select nspname::text, nspacl::text from pg_namespace where nspacl is not null order by 1, 2"
    )


def test_a_yes_that_was_typed_before_the_question_answers_nothing(latest_database: Database, home: Path) -> None:
    before = rights(latest_database)
    screen = Terminal(home, "doctor", "--create-roles", typed=b"y\ny\n", CHATOPS_DATABASE_URL=latest_database.url)
    screen.until("[y/N]")
    screen.type(b"n\n")
    screen.end()
    assert rights(latest_database) == before


def test_stop_at_a_question_changes_nothing_and_says_so(latest_database: Database, home: Path) -> None:
    for keys in (b"\x03", b"\x04"):
        screen = Terminal(home, "doctor", "--create-roles", CHATOPS_DATABASE_URL=latest_database.url)
        screen.until("[y/N]")
        screen.type(keys)
        assert screen.end() == 130
        assert "Stopped. Nothing was changed." in screen.seen
        assert "✗" in screen.seen or "x " in screen.seen


def test_commands_of_a_file_are_shown_and_run_only_when_somebody_says_so(
    latest_database: Database, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text('[monitor]\ncommands = ["env > ran.txt; echo postgres://u:hunter2@h/d"]\n')
    variables = {"CHATOPS_DATABASE_URL": latest_database.url, "PGPASSWORD": "geheim", "OTHER": "kept"}
    for answer, ran in ((b"n\n", False), (b"y\n", True)):
        screen = Terminal(
            home, "monitor", "--once", "--plan", "1m*2", "--state", str(tmp_path / "state.json"), cwd=tmp_path, **variables
        )
        screen.until("Run them? [y/N]")
        assert "env > ran.txt" in screen.seen
        assert "hunter2" not in screen.seen
        screen.type(answer)
        screen.end()
        assert (tmp_path / "ran.txt").exists() is ran, screen.seen
    told = (tmp_path / "ran.txt").read_text()
    assert "OTHER=kept" in told
    assert "geheim" not in told
    assert latest_database.url not in told


# ---- what would be refused anyway ---------------------------------------------------------------------------------------

ASKING = {
    "guard": ["guard", "off"], "pause": ["pause"], "roles": ["doctor", "--create-roles"], "snooze": ["snooze", "CHAT003", "--until", "2999-01-01",
    "--reason", "x", "--store"], "rehearse": ["rehearse"], "again": ["migrate", "--again", "17"], "release": ["release", "--idle"],
    "scenarios": ["verify", "--scenarios"], "races": ["verify", "--scenarios", "--concurrent"], "store": ["monitor", "--once", "--store"],
    "deploy": ["deploy", "--skip-code"], "diagnose": ["diagnose", "--rehearse"], "repair": ["repair", "CHAT003"], "psql": ["psql", "--write"],
    "close": ["close", "abcd1234"], "reopen": ["reopen", "abcd1234"], "reassign": ["reassign", "abcd1234", "--to", "auto"],
    "drain": ["drain", "Ann"], "undrain": ["undrain", "Ann"], "undo": ["undo", "7"], "remove": ["remove"], "migrate": ["migrate"],
    "adopt": ["adopt"], "forget": ["adopt", "--forget", "17"], "fleet": ["migrate", "--all-schemas", "public"],
    "many": ["monitor", "--once", "--store", "--env", "one,two"],
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions that somebody at a terminal is asked, who says no."""
    seen: list[str] = []

    def ask(self: Questions, question: str, flag: str) -> str:
        seen.append(question)
        return "n"

    monkeypatch.setattr(Questions, "interactive", property(lambda self: True))
    monkeypatch.setattr(Questions, "ask", ask)
    return seen


def test_nobody_is_asked_for_what_would_be_refused(
    core_database: Database, chatops_inprocess: Callable[..., Result], asked: list[str], tmp_path: Path
) -> None:
    def environments(url: str) -> None:
        (tmp_path / "chatops.toml").write_text("".join(f"[env.{one}]\nurl = '{url}'\n" for one in ("one", "two")))

    environments(core_database.url)
    chatops_inprocess("adopt", "--through", "17", "--yes", db=core_database)
    core_database.execute(
        "insert into chatops.migrations (target_schema, source, name, number, checksum, state, chatops_version, applied_at)"
        " values ('public', 'chatops', '999_later', 999, '', 'applied', '9.9', now())"
    )
    for name, words in ASKING.items():
        done = chatops_inprocess(*words, db=core_database)
        assert asked == [], name
        assert done.exit_code in (1, 4) or "othing to" in done.stdout, (name, done)
        assert "9.9" in done.stderr or "9.9" in done.stdout, name
    gone = f"postgresql://postgres@127.0.0.1:{free_port()}/x"
    environments(gone)
    for name, words in ASKING.items():
        assert chatops_inprocess(*words, db=gone, check=3).exit_code == 3
        assert asked == [], name


def test_ctrl_c_in_the_middle_tells_what_is_done_and_the_ways_on(
    mended: Database, chatops_inprocess: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(mended, "CHAT003")
    operator = str(mended.value("select assigned_operator_id from chats where chat_state = 'assigned' limit 1"))
    drained = ["drain", operator, "--reason", "x", "--yes"]
    mending = ["repair", "CHAT003", "--yes", "--reason", "x"]
    for module, name, words, told in (
        (drain_flow.drain, "stop_new_chats", drained, (f"Go on: chatops drain {operator}", f"Undo: chatops undrain {operator}")),
        (repair_plan, "carry_out", mending, ("Stopped after 0 rows. Go on: chatops repair CHAT003",)),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, stopped)
            done = chatops_inprocess(*words, db=mended, check=130)
        assert "Stopped after 0" in done.stderr, done.stderr
        assert all(one in done.stderr for one in told), done.stderr
    chats = [row[0] for row in mended.execute("select id::text from chats where chat_state = 'assigned' order by id limit 2")]
    done = chatops_inprocess("release", *chats, "--reason", "x", "--yes", "--force", "-o", "json", db=mended)
    plan = json.loads(done.stdout)["plan_id"]
    with monkeypatch.context() as patch:
        patch.setattr(undo, "carry_out", stopped)
        done = chatops_inprocess("undo", plan, "--reason", "x", "--yes", db=mended, check=130)
    assert "Stopped after 0 of 2. " in done.stderr
    assert f"Go on: chatops undo {plan}" in done.stderr


def stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_canary_question_that_is_stopped_says_what_is_in(
    new_database: Callable[..., Database],
    chatops_inprocess: Callable[..., Result],
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def ask(self: Questions, question: str, flag: str) -> str:
        asked.append(question)
        if "canary" in question:
            raise StoppedError("Stopped. Nothing was changed.")
        return "y"

    monkeypatch.setattr(Questions, "ask", ask)
    (tmp_path / "001_a.sql").write_text("create table a ()")
    targets = [new_database() for _ in range(3)]
    named = [part for one in targets for part in ("--db", one.url)]
    done = chatops_inprocess(*named, "migrate", "--dir", str(tmp_path), "--canary", "1")
    assert "Nothing was changed" not in done.stderr
    assert "stopped after the canaries" in done.stdout
    assert [one.value("select to_regclass('a')::text") for one in targets] == ["a", None, None]


def test_long_work_says_now_and_then_that_it_goes_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    twice = threading.Event()

    def note(self: Invocation, line: object) -> None:
        said.append(str(line))
        if len(said) > 1:
            twice.set()

    monkeypatch.setattr(Invocation, "note", note)
    monkeypatch.setattr(Invocation, "HEARTBEAT_S", 0.001)
    run = Invocation(Given(["check"], "check"))
    with run.under_way("checking the folder"):
        assert twice.wait(60)
    count = len(said)
    assert all("checking the folder" in line for line in said)
    assert threading.active_count() == 1 or count == len(said)


def test_work_at_a_rate_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(Invocation, "note", lambda self, line: said.append(str(line)))
    clock = iter(range(1000))
    monkeypatch.setattr(acting.time, "monotonic", lambda: next(clock))
    with acting.progress(Invocation(Given(["release"], "release")), "release", 20) as advance:
        for done in range(1, 21):
            advance(done)
    assert said[0] == "release: 3 of 20"
    assert len(said) >= 5


def test_what_cannot_be_undone_wants_the_databases_name(latest_database: Database, home: Path) -> None:
    there = "select count(*) from pg_namespace where nspname = 'chatops'"
    name = str(latest_database.value("select current_database()"))
    for keys, code, left in ((b"  y\n", 4, 1), (b"\n", 4, 1), (f"{name}x\n".encode(), 4, 1), (f" {name} \n".encode(), 0, 0)):
        screen = Terminal(home, "remove", typed=b"  y\ny\n" + name.encode() + b"\n", CHATOPS_DATABASE_URL=latest_database.url)
        screen.until(f"{name}: ")  # broken at words
        seen = " ".join(screen.seen.split())
        assert "log -o jsonl > chatops-log.jsonl" in seen
        assert f" on {name} at " in seen
        assert "(counts as not production)? It cannot be undone." in seen
        screen.type(keys)
        assert screen.end() == code, screen.seen
        assert latest_database.value(there) == left


def test_whoever_said_yes_to_files_is_told_by_verify_what_came_with_them(
    core_database: Database, home: Path, chatops_inprocess: Callable[..., Result]
) -> None:
    wrong = "insert into chat_assignments(chat_id, operator_id, assigned_at) values (gen_random_uuid(), gen_random_uuid(), {})"

    def told() -> str:
        return chatops_inprocess("verify", db=core_database).stdout

    chatops_inprocess("adopt", "--to", "017", "--yes", db=core_database, check=0)
    core_database.execute(f"set session_replication_role = replica; {wrong.format('now()')}")
    core_database.script(
        "insert into real_users (name) values ('a'), ('b'), ('c'); insert into fictional_users (name) values ('f'); "
        "insert into chats (real_user_id, fictional_user_id) select u.id, f.id from real_users as u, fictional_users as f; "
        "insert into messages (chat_id, sender_type, content) select id, 'real', 'hello' from chats limit 1; "
        "update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now() - interval '2 days', "
        "updated_at = now() - interval '2 days', last_message_at = now() - interval '2 days' "
        "where id = (select id from chats as c where not exists (select from messages as m where m.chat_id = c.id) limit 1)"
    )
    before = told()
    assert "just before the migration" not in before
    screen = Terminal(home, "migrate", CHATOPS_DATABASE_URL=core_database.url, LINES="24", COLUMNS="80")
    screen.until("[y/N]")
    seen = screen.seen
    # No pager took the screen, and on so few lines all of it in short still stands, with nothing between it and the question.
    assert seen.index("Who waits meanwhile") < seen.index("What callers notice") < seen.index("Going back from 018")
    last = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(seen.splitlines()[-12:])).split())
    place = f"{core_database.value('select current_database()')} at "
    assert re.search(r"In short: 11 files, 4 views and 3 functions, [^.]* to mend(?:, a new column to fill in 1)?; others wait for a moment \(018 022 025 028 views\)(?:; figures that change, [^.]*)?\. Way"
                     rf" back: \S*chatops remove --dry-run Apply 11 files, 4 views and 3 functions on {place}\S* \(counts as not"
                     r" production\)\? \[y/N\]$", last), last  # fmt: skip
    screen.type(b"y\n")
    assert screen.end() == 0, screen.seen
    after = told()
    same = re.search(
        r"^gone since just before the migration: advice QUEUE003; as then: ([A-Z0-9 ]+(?:, advice [A-Z0-9 ]+)?)$",
        after,
        re.MULTILINE,
    )
    assert same is not None, after
    told_last = json.loads(chatops_inprocess("report", "--last", "-o", "json", db=core_database, check=0).stdout)
    assert {one["age"] for one in told_last["findings"]} == {"older"}
    assert told_last["good"] is True
    page = chatops_inprocess("report", "--last", "-o", "markdown", db=core_database, check=0).stdout
    assert f"nothing is newer; {same[0]}" in page
    # Whoever watches a dashboard sees there first that its figures are others: the page says so as the plan did.
    figures = json.loads(chatops_inprocess("report", "--last", "-o", "json", db=core_database, check=0).stdout)["figures"]
    assert {one["reader"] for one in figures} == {"get_assignment_queue_status()", "detect_stuck_chats()"}
    planned = " ".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen).split())
    assert "total_waiting 2 → 1" in planned
    for one in figures:
        assert one["told"] in planned
        assert one["told"] in page.replace("\\", "")
    # The page calls the place what every screen calls it.
    banner = chatops_inprocess("status", db=core_database, check=None).stderr.partition(" · ")[0]
    assert banner == "not production"
    assert re.findall(rf"^\W*({banner}|local) · ", page, re.MULTILINE) == [banner, banner]
    assert re.search(r"^Before: 001, 014, 015, 016 and 017 adopted: taken over as they were found, .+\.", page, re.MULTILINE), (
        page
    )
    day = chatops_inprocess("verify", "--since", "24h", db=core_database).stdout
    assert same[0] in day
    core_database.execute("insert into platform_config(key, value) values ('max_reassignments', '\"many\"')"
                          " on conflict (key) do update set value = excluded.value")  # fmt: skip
    later = told()
    assert re.search(
        rf"^new since just before the migration: CONF001; gone: advice QUEUE003; as then: {same[1]}$", later, re.MULTILINE
    ), later
    assert re.search(r"1 newer \(CONF001\)", later), later


def test_all_of_it_in_short_stands_right_above_every_question_about_files(core_database: Database, home: Path) -> None:
    """Recording, migrating many, taking out: how much, what is lost, who waits, the way back, with nothing in between."""
    cases = [
        (
            ("adopt", "--to", "017"),
            "[y/N]",
            r"In short: \d+ files are recorded as in \(\S+ to 017\S+\), \d+ stay pending; nothing",
        ),
        (
            ("migrate", "--all-schemas", "publi*"),
            "[y/N]",
            r"In short: 1 target, 11 files, 7 views\. Rows to mend, .*--dry-run Migrate",
        ),
        (
            ("remove",),
            "Type",
            r"In short: \d+ objects? go(?:es)?(?:, \d+ comes? back as \w+ \w+)?; lost for good: .*; there is no way back\. Take",
        ),
    ]
    for words, asks, wanted in cases:
        screen = Terminal(home, *words, CHATOPS_DATABASE_URL=core_database.url, LINES="24", COLUMNS="100")
        screen.until(asks)
        last = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(screen.seen.splitlines()[-8:])).split())
        assert re.search(wanted, last), last
        screen.type(b"y\n" if asks == "[y/N]" and words[0] == "adopt" else b"n\n")
        screen.end()

"""`chatops demo`: one command to a working system with trouble in it, and three more from a finding to its fix."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from chatops.chats import planting
from tests.conftest import LONG, Result, clean_environment, inside, program
from tests.servers import Farm
from tests.test_questions import Terminal

SIZE = 500


@dataclass(frozen=True)
class Demo:
    """One home with an embedded server of its own."""

    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        return clean_environment(self.home, more)

    def start(self, *arguments: object, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "chatops", *map(str, arguments)], env=self.environment(**more), cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: object, check: int | None = 0, **more: str) -> Result:
        """The command, inside this process: what is done is done by the server's."""
        done = inside(self.environment(**more), self.home, arguments)
        assert check is None or done.exit_code == check, f"{arguments}: {done.exit_code}\n{done.stdout}\n{done.stderr}"
        return done

    def run_alone(self, *arguments: object, check: int | None = 0, **more: str) -> Result:
        """The command as a process of its own."""
        started = self.start(*arguments, **more)
        out, err = started.communicate(timeout=180)
        assert check is None or started.returncode == check, f"{arguments}: {started.returncode}\n{out}\n{err}"
        return Result(started.returncode, out, err)

    def shell(self, line: str) -> Result:
        """What a person pastes."""
        done = program("sh", "-c", line, env=self.environment(), cwd=self.home)
        return Result(done.returncode, done.stdout, done.stderr)

    @property
    def data(self) -> Path:
        return self.home / "data" / "chatops" / "postgres-18"

    def connect(self, database: str = "chatops_demo") -> psycopg.Connection[tuple[object, ...]]:
        lines = (self.data / "postmaster.pid").read_text().splitlines()
        return psycopg.connect(host=lines[4], port=lines[3], user="postgres", dbname=database, autocommit=True)

    def value(self, query: str, database: str = "chatops_demo") -> object:
        with self.connect(database) as connection:
            row = connection.execute(query.encode()).fetchone()
            return row[0] if row else None


def copied(farm: Farm) -> Demo:
    """A home with a stopped demo in it, as it was made once in this run."""
    with farm.locked("demo"):
        known = farm.folder / "demo.made"
        if not known.exists():
            first = Demo(farm.folder_for_servers("demo"))
            first.run("demo", "--size", SIZE)
            first.run("demo", "--stop")
            known.write_text(str(first.home))
    demo = Demo(farm.folder_for_servers("demo"))
    assert program("cp", "-a", f"{known.read_text()}/data", demo.home).returncode == 0
    return demo


@pytest.fixture(scope="module")
def place(farm: Farm) -> Iterator[Demo]:
    """A home whose server all tests of this file share, one after the other."""
    demo = copied(farm)
    yield demo
    demo.run("demo", "--stop", check=None)


@pytest.fixture
def demo(place: Demo) -> Demo:
    """A home in which the demo is there, as it was made."""
    place.run("demo", "--size", SIZE)
    return place


@pytest.fixture
def own_place(farm: Farm) -> Iterator[Demo]:
    """A home that this test alone uses, with nothing in it."""
    demo = Demo(farm.folder_for_servers("demo"))
    yield demo
    demo.run("demo", "--stop", check=None)


@pytest.fixture
def own_demo(farm: Farm) -> Iterator[Demo]:
    """A home that this test alone uses, with a demo in it."""
    demo = copied(farm)
    yield demo
    demo.run("demo", "--stop", check=None)


def commands(screen: str) -> list[str]:
    """The pasteable lines at the end of the screen."""
    return [line.partition("  #")[0].strip() for line in screen.splitlines() if "  # " in line]


# ---- the screen --------------------------------------------------------------------------------------------------------


def test_it_ends_on_one_screen_whose_commands_lead_from_a_finding_to_a_clean_system(place: Demo) -> None:
    shown = place.run_alone("demo", "--reset", "--size", SIZE, "-o", "table", COLUMNS="100").stdout
    lines = shown.splitlines()
    # One line of the thirty is the banner's.
    assert len(lines) < 30
    typed = [line.replace(f"{sys.executable} -m chatops", ".venv/bin/chatops") for line in lines]
    assert max(map(len, typed)) <= 100
    text = " ".join(lines)
    assert re.search(r"\b[56]\d\d chats", text)
    for expected in ("waiting for an operator", "with an operator", "waiting for the user", "completed", " wait · oldest "):
        assert expected in text
    assert len(re.findall(r"^CRITICAL  ", shown, re.MULTILINE)) == 3
    more = re.search(r"^and (\d+) more: (.+)$", shown, re.MULTILINE)
    assert more is not None
    assert int(more[1]) >= 15
    diagnosis = place.shell(more[2])
    assert diagnosis.exit_code == 1
    found = re.findall(r"^(?:CRITICAL|WARNING|ADVICE|UNKNOWN) +([A-Z]+[0-9]+) ", diagnosis.stdout, re.MULTILINE)
    assert len(found) in (int(more[1]) + 3, int(more[1]) + 4)  # a minute later chats wait although operators are free

    finding, fix, clean = commands(shown)
    assert finding == clean
    assert place.shell(finding).exit_code == 1
    assert place.shell(fix).exit_code == 0
    assert place.shell(clean).exit_code == 0
    assert place.value("select count(*) from chatops.actions where action = 'repair'") > 0  # type: ignore[operator]


def test_verify_and_diagnose_name_every_planted_trouble_and_repairs_leave_the_first_invariants_clean(place: Demo) -> None:
    place.run("demo", "--reset", "--size", SIZE)
    planted = {code for code in planting.codes() if not planting.kept_out(code)}
    diagnosis = json.loads(place.run("--db", "demo", "diagnose", "-o", "json", check=1).stdout)
    assert planted <= {finding["code"] for finding in diagnosis["findings"]}
    verification = json.loads(place.run("--db", "demo", "verify", "--since", "24h", "-o", "json", check=1).stdout)
    failed = {check["code"] for check in verification["checks"] if check["status"] == "failed"}
    asked = {check["code"] for check in verification["checks"]}
    assert planted & asked <= failed
    assert {"CHAT001", "CHAT011", "CONF001", "OPER001", "DB003"} <= failed

    codes = ["CHAT001", "CHAT002", "CHAT003", "CHAT004", "CHAT005", "CHAT006", "CHAT011", "CONF001"]
    place.run("--db", "demo", "repair", *codes, "--yes")
    place.run("--db", "demo", "diagnose", "--only", ",".join(codes))


def test_programs_get_the_same_as_data(demo: Demo) -> None:
    shown = json.loads(demo.run("demo", "-o", "json").stdout)
    assert shown["command"] == "demo"
    assert {row["state"] for row in shown["states"]} >= {"waiting_assignment", "assigned", "completed"}
    assert len(shown["queue"]) == 3
    assert len(shown["findings"]) >= 18
    assert len(shown["commands"]) == 3
    assert shown["size"] == SIZE


@pytest.mark.sampled(1)
@pytest.mark.parametrize("width", [40, 80])
def test_it_is_readable_on_narrow_and_plain_terminals(demo: Demo, width: int) -> None:
    shown = demo.run_alone("demo", "-o", "table", COLUMNS=str(width), PYTHONIOENCODING="ascii", NO_COLOR="1").stdout
    assert shown.isascii()
    assert len(commands(shown)) == 3


# ---- running it again --------------------------------------------------------------------------------------------------


def test_running_it_again_changes_nothing_of_what_was_done_meanwhile(demo: Demo) -> None:
    demo.run("--db", "demo", "repair", "CHAT002", "--yes")
    before = demo.value("select md5(string_agg(to_jsonb(c)::text, '' order by id)) from chats as c")
    again = demo.run("demo")
    assert "the demo is there" in again.stderr
    assert demo.value("select md5(string_agg(to_jsonb(c)::text, '' order by id)) from chats as c") == before
    demo.run("--db", "demo", "diagnose", "--only", "CHAT002")


def test_another_size_or_seed_is_only_made_when_asked_for(demo: Demo) -> None:
    again = demo.run("demo", "--size", 600, "--seed", 9)
    assert "--reset makes another" in again.stderr
    assert demo.value("select count(*) < 600 + 130 from chats") is True
    ids = demo.value("select md5(string_agg(id::text, '' order by id)) from operators")
    demo.run("demo", "--size", 600, "--seed", 9, "--reset")
    assert demo.value("select value ->> 'size' from chatops.settings where key = 'demo'") == "600"
    assert demo.value("select md5(string_agg(id::text, '' order by id)) from operators") != ids
    demo.run("demo", "--size", SIZE, "--reset")


def test_clocks_that_stood_still_overnight_go_right_again(demo: Demo) -> None:
    with demo.connect() as connection:
        for table, columns in (("messages", ("created_at", "delivered_at", "read_at")),
                               ("chat_assignments", ("assigned_at", "released_at", "created_at"))):  # fmt: skip
            changes = ", ".join(f"{column} = {column} - interval '14 hours'" for column in columns)
            connection.execute(
                f"begin; set local session_replication_role = replica; update {table} set {changes}; commit".encode()
            )
    again = demo.run("demo")
    assert re.search(r"its past was moved 1[34] h", again.stderr)
    assert demo.value("select now() - max(created_at) < interval '1 minute' from messages") is True


def test_a_demo_that_was_killed_in_the_middle_is_made_anew(demo: Demo) -> None:
    with demo.connect() as connection:
        connection.execute("delete from chatops.settings where key = 'demo'")
        connection.execute("delete from messages")
    again = demo.run("demo", "--size", SIZE)
    assert "not finished; making it anew" in again.stderr
    assert demo.value("select count(*) > 1000 from messages") is True


def test_two_at_the_same_moment_make_one_demo(own_place: Demo) -> None:
    both = [own_place.start("demo", "--size", SIZE) for _ in range(2)]
    ends = [one.communicate(timeout=180) for one in both]
    assert [one.returncode for one in both] == [0, 0], ends
    told = [err for _, err in ends]
    assert sum("planted" in err for err in told) == 1
    assert sum("the demo is there" in err for err in told) == 1


@pytest.mark.sampled(0)
@pytest.mark.long
def test_healed_goes_on_to_the_newest_migration_and_does_what_diagnose_prints_until_it_is_healthy(own_demo: Demo) -> None:
    own_demo.run("demo", "--size", SIZE)
    ill = json.loads(own_demo.run("--db", "demo", "diagnose", "-o", "json", check=1).stdout)
    with own_demo.connect() as connection:
        connection.execute("update chatops.migrations set name = '016_another' where name = '016_chat_state_verification'")
    refused = own_demo.run("demo", "--healed", check=4)
    assert "made by another version of chatops" in refused.stderr
    assert "chatops demo --reset --healed" in refused.stderr
    with own_demo.connect() as connection:
        connection.execute("update chatops.migrations set name = '016_chat_state_verification' where name = '016_another'")
    healed = own_demo.run("demo", "--healed", "-o", "json")
    assert json.loads(healed.stdout)["healed"] is True
    own_demo.run("--db", "demo", "status", "--exit-code")
    codes = {finding["code"] for finding in json.loads(own_demo.run("--db", "demo", "diagnose", "-o", "json").stdout)["findings"]}
    assert {f"CHAT{number:03}" for number in (*range(1, 9), 11, 12, 14)} & codes == set()
    assert {"CONF001", "OPER001", "DATA001"} & codes == set()
    assert len(codes) < len(ill["findings"]) / 1.5
    if LONG:  # healed from the start comes to the same
        own_demo.run("demo", "--size", SIZE, "--reset", "--healed")
    assert "a person decides" in own_demo.run("--db", "demo", "diagnose").stdout


# ---- the end -----------------------------------------------------------------------------------------------------------


def test_stop_keeps_the_data_and_the_next_command_starts_the_server_again(demo: Demo) -> None:
    chats = demo.value("select count(*) from chats")
    assert "is stopped" in demo.run("demo", "--stop").stderr
    assert not (demo.data / "postmaster.pid").exists()
    assert "does not run" in demo.run("demo", "--stop").stderr
    demo.run("--db", "demo", "summary")
    assert demo.value("select count(*) from chats") == chats


def test_remove_leaves_nothing_behind(own_place: Demo) -> None:
    own_place.run("--db", "demo", "status", check=None)
    own_place.run("demo", "--size", SIZE)
    assert "removed" in own_place.run("demo", "--remove").stderr
    assert [path.name for path in own_place.data.parent.iterdir() if path.suffix != ".lock"] == []
    assert "there is no demo" in own_place.run("demo", "--remove").stderr


def test_remove_spares_the_other_data_of_the_embedded_server(own_demo: Demo) -> None:
    own_demo.run("demo", "--size", SIZE)
    own_demo.run("--db", "local", "migrate", "--to", "017", "--yes")
    kept = own_demo.run("demo", "--remove").stderr
    assert "the demo is removed" in kept
    assert "chatops" in kept
    assert own_demo.value("select count(*) from pg_database where datname = 'chatops_demo'", "chatops") == 0
    assert own_demo.value("select count(*) from chats", "chatops") == 0


def test_a_schema_of_ones_own_holds_the_demo_too(own_place: Demo) -> None:
    for _ in range(2):
        own_place.run("demo", "--size", SIZE, CHATOPS_SCHEMA="tenant_a")
    assert own_place.value("select count(*) > 500 from tenant_a.chats") is True
    assert own_place.value("select to_regclass('public.chats') is null") is True
    own_place.run("--db", "demo", "repair", "CHAT001", "--yes", CHATOPS_SCHEMA="tenant_a")


def test_it_touches_no_other_database(demo: Demo, core_database: object) -> None:
    url = core_database.url  # type: ignore[attr-defined]
    demo.run("demo", CHATOPS_DATABASE_URL=url, DATABASE_URL=url)
    assert core_database.value("select count(*) from chats") == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("demo", "--stop", "--remove"), "give one of them"),
        (("demo", "--remove", "--size", "1000"), "take no other options"),
        (("demo", "--size", "3"), "--size must be between"),
        (("demo", "--seed", "-1"), "--seed must be between"),
        (("--db", "postgresql://somewhere/else", "demo"), "a database of its own"),
        (("demo", "-o", "nonsense"), "knows no format"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(
    chatops: Callable[..., Result], home: Path, arguments: tuple[str, ...], words: str
) -> None:
    refused = chatops(*arguments, check=2)
    assert words in refused.stderr
    assert not (home / "data").exists()


# ---- how it calls itself -----------------------------------------------------------------------------------------------


def test_the_commands_are_printed_as_they_must_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from chatops.flows.paste import _looked_up as looked_up
    from chatops.flows.paste import program_or_module as program

    script = tmp_path / "an environment" / "bin" / "chatops"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    assert shlex.split(program()) == ["an environment/bin/chatops"]
    monkeypatch.chdir(script.parent)
    assert program() == "./chatops"
    monkeypatch.chdir("/")
    assert shlex.split(program())[0].endswith("an environment/bin/chatops")
    assert Path(shlex.split(program())[0]).exists()
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}/usr/bin")
    looked_up.cache_clear()  # the PATH of a process stays as it is
    assert program() == "chatops"
    looked_up.cache_clear()
    monkeypatch.setattr(sys, "argv", ["/somewhere/chatops/__main__.py"])
    monkeypatch.chdir(tmp_path)
    assert shlex.split(program()) == [sys.executable, "-m", "chatops"]


def test_throwing_it_away_is_asked_where_somebody_sits_and_where_others_share_it(
    own_demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_demo.run("demo", "--size", SIZE)
    own_demo.value("update operators set name = 'mine' where id = (select min(id::text)::uuid from operators) returning 1")
    for word in ("--reset", "--remove"):
        asked = Terminal(own_demo.home, "demo", word)
        asked.until("[y/N]")
        asked.type(b"n\n")
        assert asked.end() == 4
        assert "nothing was changed" in asked.seen
    monkeypatch.setattr("chatops.flows.demo.of_the_machine", lambda: True)
    for word in ("--reset", "--remove"):
        refused = own_demo.run("demo", word, check=4).stderr
        assert "of this machine, which others may use" in refused
        assert "give --yes" in refused
    assert own_demo.value("select count(*) from operators where name = 'mine'") == 1
    own_demo.run("demo", "--reset", "--yes", "--size", SIZE)
    assert own_demo.value("select count(*) from operators where name = 'mine'") == 0
    monkeypatch.undo()
    own_demo.run("demo", "--reset", "--size", SIZE)  # a script's own

"""new: the next file in the folder's own style; wait: until the server answers and takes writes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatops.flows import wait_for
from chatops.migrations.layout import key_of, order_of
from chatops.migrations.next_file import next_name
from chatops.migrations.source import discover
from tests.conftest import ROOT, Result
from tests.servers import Database, Server, pause
from tests.test_folders import folder

Chatops = Callable[..., Result]
NOW = datetime(2026, 11, 26, 1, 2, 3, 456789, tzinfo=UTC)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "001_add_a_token"),
        (["001_a", "002_b"], "003_add_a_token"),
        (["1-a", "9-b"], "10-add-a-token"),
        (["0010_a", "0020_b"], "0030_add_a_token"),
        (["999_a"], "1000_add_a_token"),
        (["20240101000000_a"], "20261126010203_add_a_token"),
        (["20990101000000_a"], "20990101000001_add_a_token"),
        (["202401010000_a"], "202611260102_add_a_token"),
        (["20240101_a"], "20261126_add_a_token"),
        (["20261126_a"], "20261127_add_a_token"),
        (["1485643154-a"], "1795654923-add-a-token"),
        (["1700000000000_a"], "1795654923456_add_a_token"),
        (["20141203182115912052_a"], "20261126010203456789_add_a_token"),
        (["000001_a.up"], "000002_add_a_token.up"),
    ],
)
def test_the_next_name_is_in_the_folders_own_style(names: list[str], expected: str) -> None:
    assert next_name(names, "Add a token!", NOW) == expected


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=5, unique=True),
    st.sampled_from([3, 4, 8, 10, 12, 13, 14, 17, 20]),
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_next_file_comes_after_all_others(numbers: list[int], width: int, now: datetime) -> None:
    base = int("20240101000000000000"[:width]) if width >= 8 else 0
    stems = [f"{str(base + number).zfill(width)}_x" for number in numbers]
    order = order_of(f"{stem}.sql" for stem in stems)
    stems.sort(key=lambda stem: key_of(stem, order))
    name = next_name(stems, "next", now.replace(tzinfo=UTC))
    assert all(key_of(stem, order) < key_of(name, order) for stem in stems)


def test_the_file_is_written_once_and_migrates(database: Database, chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"007_a.sql": "create table a ()"})
    rehearsed = chatops_inprocess("new", "Keep drafts", "--dir", where, "--dry-run", check=0)
    assert "008_keep_drafts.sql" in rehearsed.stdout
    assert len(list(where.iterdir())) == 1
    made = json.loads(chatops_inprocess("new", "Keep drafts", "--dir", where, "-o", "json", check=0).stdout)
    path = Path(made["file"])
    assert path.read_text() == "-- Keep drafts.\n-- effect:\n\n"
    path.write_text(path.read_text().replace("-- effect:", "-- effect: drafts are kept") + "create table drafts ();\n")
    done = chatops_inprocess("migrate", "--dir", where, "--yes", db=database, check=0)
    assert "drafts are kept" in done.stderr
    assert chatops_inprocess("new", "Keep drafts", "--dir", where, check=0).stdout.startswith(f"{where}/009_keep_drafts.sql")
    for words in (("new", "!", "--dir", where), ("new", "slow down", "--dir", where), ("new", "x"),
                  ("new", "x", "--dir", ROOT / "sql" / "migrations")):  # fmt: skip
        chatops_inprocess(*words, check=2)


def test_a_file_for_a_folder_of_another_tool_bears_its_mark(chatops_inprocess: Chatops, tmp_path: Path) -> None:
    where = folder(tmp_path, {"20240101000000_a.sql": "-- migrate:up transaction:false\nselect 1;\n-- migrate:down\nselect 2;\n"})
    chatops_inprocess("new", "b", "--dir", where, check=0)
    newest = discover(where).files[-1]
    assert newest.path.read_text().startswith("-- migrate:up\n-- b.\n")
    assert (newest.reading.mode, newest.reading.problems) == ("transaction", ())


def test_the_folder_of_the_configuration_is_taken_and_may_be_empty(chatops: Chatops, tmp_path: Path) -> None:
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "chatops.toml").write_text('[migrations]\ndir = "supabase/migrations"\n')
    chatops("new", "first", check=0)
    (made,) = (tmp_path / "supabase" / "migrations").iterdir()
    assert made.name.endswith("_first.sql")
    assert len(made.name.partition("_")[0]) == 14


# -- wait ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", " ", "waiting", "=3", "waiting<5m", "waiting<nan", "waiting=inf", "waiting=-inf", "waiting<1e999", "oldest<soon", "oldest<-5m",
     "CHAT003<>0", "critical=0", "CHAT003=0,free>0", "CHAT003=0 and free>0", "CHAT003=0=0", "CHAT003 = none", "<=3"],
)  # fmt: skip
def test_what_is_no_condition_is_refused_before_anything_is_asked(text: str, chatops_inprocess: Chatops) -> None:
    assert "--for" in chatops_inprocess("wait", "--for", text, db="postgresql://u@127.0.0.1:1/d", check=2).stderr


def test_a_server_that_is_ready_is_not_waited_for(database_everywhere: Database, chatops_inprocess: Chatops) -> None:
    done = chatops_inprocess("wait", db=database_everywhere, check=0)
    assert done.stdout.startswith("Ready at once")


def test_a_server_that_starts_is_waited_for(own_server: Callable[..., Server], chatops: Chatops) -> None:
    server = own_server("18")
    database = server.create_database()
    database.close()
    server.stop()
    found: dict[str, Result] = {}
    waiting = threading.Thread(target=lambda: found.update(done=chatops("wait", "--timeout", "60s", "-o", "json", db=database)))
    waiting.start()
    pause(0.3)
    server.start()
    waiting.join()
    assert found["done"].exit_code == 0, found["done"].stderr
    assert json.loads(found["done"].stdout)["looks"] >= 1


@pytest.mark.own_sessions
def test_the_time_is_over(database: Database, chatops_inprocess: Chatops) -> None:
    assert "not ready within" in chatops_inprocess("wait", "--timeout", "0s", db="postgresql://127.0.0.1:1/x", check=3).stderr
    database.execute(f'alter database "{database.name}" set default_transaction_read_only = on')
    assert "takes no writes" in chatops_inprocess("wait", "--timeout", "0s", db=database, check=4).stderr
    chatops_inprocess("wait", "--timeout", "soon", db=database, check=2)


def test_a_standby_is_waited_for_until_it_is_promoted(own_server: Callable[..., Server], chatops: Chatops) -> None:
    server = own_server("18")
    database = server.create_database()
    database.close()
    server.stop()
    assert server.data is not None
    (server.data / "standby.signal").touch()
    shutil.chown(server.data / "standby.signal", server.data.owner())
    server.start()
    assert "standby" in chatops("wait", "--timeout", "0s", db=database, check=4).stderr
    found: dict[str, Result] = {}
    waiting = threading.Thread(target=lambda: found.update(done=chatops("wait", "--timeout", "60s", db=database)))
    waiting.start()
    database.execute("select pg_promote()")
    waiting.join()
    assert found["done"].exit_code == 0, found["done"].stderr


# ---- wait --for --------------------------------------------------------------------------------------------------------

WAITS = """with u as (insert into real_users (name) values ('u') returning id), f as (insert into fictional_users (name) values ('f') returning id),
                c as (insert into chats (real_user_id, fictional_user_id, chat_state) select u.id, f.id, 'waiting_assignment' from u, f
                      returning id)
           insert into messages (chat_id, sender_type, content, created_at) select id, 'real', 'hello', now() - interval '1 hour' from c"""
UNUSABLE = """insert into platform_config (key, value) values ('max_reassignments', '"3"')
              on conflict (key) do update set value = excluded.value"""


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (("CONF001=1", "QUEUE010>=1"), 0), (("conf001 = 0",), 1), (("waiting<2", "waiting>0"), 0), (("oldest<59m",), 1),
        (("oldest<=2h", "free=0", "busy=0"), 0), (("CHAT03=0",), 2), (("waiting",), 2), (("oldest<soon",), 2), (("free=few",), 2),
        (("idle=1",), 2),
    ],
)  # fmt: skip
def test_findings_and_figures_are_waited_for(
    words: tuple[str, ...], ends: int, core_database: Database, chatops_inprocess: Chatops
) -> None:
    core_database.execute(WAITS)
    core_database.execute(UNUSABLE)
    asked = [part for word in words for part in ("--for", word)]
    chatops_inprocess("wait", *asked, "--timeout", "0s", db=core_database, check=ends)


def test_what_is_not_so_names_the_next_command_and_a_check_that_cannot_look_holds_nothing(
    core_database: Database, chatops_inprocess: Chatops
) -> None:
    core_database.execute(UNUSABLE)
    told = chatops_inprocess("wait", "--for", "CONF001=0", "--timeout", "0s", db=core_database, check=1).stdout
    assert "CONF001 is 1" in told
    assert "diagnose --only CONF001" in told
    core_database.execute("drop table platform_config")
    told = chatops_inprocess("wait", "--for", "CONF001=0", "--timeout", "0s", db=core_database, check=1).stdout
    assert "CONF001 is unknown" in told


def test_the_wait_ends_when_somebody_mends_it(
    core_database: Database, chatops_inprocess: Chatops, monkeypatch: pytest.MonkeyPatch
) -> None:
    core_database.execute(UNUSABLE)
    pauses = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        core_database.execute("delete from platform_config where key = 'max_reassignments'")

    monkeypatch.setattr(wait_for, "sleep", wait)
    done = chatops_inprocess("wait", "--for", "CONF001=0", "--timeout", "60s", db=core_database, check=0)
    assert len(pauses) == 1
    assert "CONF001 is 1" in done.stderr
    assert "CONF001=0: so after" in done.stdout


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (("--db", "dmo", "status"), "did you mean demo?"),
        (("deploy", "--from", "verfy"), "did you mean verify?"),
        (("wait", "--for", "oldst<5"), "did you mean oldest?"),
        (("wait", "--for", "waitng=0"), "did you mean waiting?"),
        (("wait", "--for", "CHAT03=0"), "did you mean CHAT003"),
        (("help", "chat003"), "chatops explain CHAT003"),
    ],
)
def test_a_word_that_is_nearly_one_brings_the_one_that_is_meant(
    chatops_inprocess, core_database: Database, line: tuple[str, ...], meant: str
) -> None:
    db = None if "--db" in line else core_database
    told = chatops_inprocess(*line, db=db)
    assert told.exit_code == 2
    assert meant in " ".join(told.stderr.split())

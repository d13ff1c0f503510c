"""`chatops simulate`: a load on a database of its own, and the truth about what the invariants did meanwhile."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chatops.chats import hostile_wishes
from chatops.chats.hostile_wishes import Load, Session, Turn, schedule, schedule_digest
from tests.conftest import Result, clean_environment
from tests.load import hostile_load, summary
from tests.locks import wait_for
from tests.servers import Database, Server

Run = Callable[..., Result]
SMALL = ("--operators", 4, "--users", 2, "--chats", 12)


def its_database(result: Result) -> str:
    """The name of the database that a run made, from what it says."""
    found: str = re.findall(r"chatops_simulate_\w+", result.stderr)[0]
    return found


def is_there(server: Server, name: str) -> bool:
    """Whether the server has that database."""
    with server.connect("postgres") as connection:
        return connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is not None


# ---- the schedule: from the seed alone ---------------------------------------------------------------------------------


def test_the_same_seed_wants_the_same_and_another_seed_something_else() -> None:
    assert schedule(Load(seed=7), 200) == schedule(Load(seed=7), 200)
    assert schedule(Load(seed=7), 200) != schedule(Load(seed=8), 200)
    # Whoever else takes part changes nothing about what one session wants.
    operator = Session("operator", 0, 0)
    assert schedule(Load(seed=7, users=9, faults=True), 200)[operator] == schedule(Load(seed=7), 200)[operator]


def test_operators_click_twice_type_slowly_vanish_and_have_wrong_clocks() -> None:
    load = Load()
    people = [session.person for session in load.sessions if session.role == "operator"]
    assert {person for person in people if people.count(person) == 2} == set(range(load.tabs))
    wanted = list(itertools.islice(hostile_wishes.intents(load, Session("operator", 0)), 2000))
    turns = [turn for turn in wanted if isinstance(turn, Turn)]
    assert len(turns) == len(wanted)
    assert any(not turn.answers for turn in turns)
    assert any(turn.answers and turn.thinks > hostile_wishes.IDLE.total_seconds() for turn in turns)
    assert {turn.clock_error for turn in turns} >= {None, 0.0, -3600.0, 3600.0}
    assert any(0 < sum(turn.pauses) < hostile_wishes.IDLE.total_seconds() for turn in turns)
    assert any(turn.pauses[0] > hostile_wishes.IDLE.total_seconds() for turn in turns)


# ---- the command -------------------------------------------------------------------------------------------------------


def test_a_small_load_breaks_nothing_and_leaves_no_database(any_server: Server, chatops: Run) -> None:
    url = any_server.url_of("postgres")
    for seconds in (1, 4, 16, 32):  # on a busy machine the first seconds may be too few for everybody
        found = chatops("--db", url, "simulate", "--seconds", seconds, *SMALL, "--seed", 3, "-o", "json", check=0)
        answer = json.loads(found.stdout)
        assert (answer["verdict"], answer["violations"], answer["unknown"]) == ("held", [], {})
        assert (answer["seed"], answer["writers"], answer["system"]) == (3, "application", "latest")
        assert answer["schedule"] == schedule_digest(Load(operators=4, users=2, chats=12, seed=3))
        figures = {(row["kind"], row["name"]): row["count"] for row in answer["figures"]}
        if everybody := all(figures["done", what] > 0 for what in ("assigned", "replied", "user messages", "admin moves")):
            break
    assert everybody, figures
    assert not [kind for kind, _ in figures if kind == "failed"]
    [latency] = answer["latency"]
    assert 0 < latency["p50_ms"] <= latency["p95_ms"] <= latency["p99_ms"]
    assert answer["kept"] is None
    assert not is_there(any_server, its_database(found))


def test_the_deployed_system_breaks_and_the_codes_are_named(server: Server, chatops: Run) -> None:
    url = server.url_of("postgres")
    # Who is first decides; a few seconds of this load have never gone well, but nothing promises the first ones.
    for seed in range(1, 6):
        found = chatops("--db", url, "simulate", "--original", "--seconds", 2, "--seed", seed, "-o", "json")
        if found.exit_code:
            break
    assert not is_there(server, its_database(found))
    answer = json.loads(found.stdout)
    assert (found.exit_code, answer["verdict"], answer["system"]) == (1, "broken", "017")
    for row in answer["violations"]:
        assert re.fullmatch(r"CHAT0(0[1-9]|10)", row["code"])
        assert row["invariant"] == f"I{int(row['code'][4:])}"
        assert row["looks"] > 0
        assert row["most"] > 0
        assert row["rows"]
    assert answer["next"].endswith(f"simulate --seconds 2 --seed {seed}")


def test_for_a_person_the_verdict_comes_first_and_one_command_last(server: Server, chatops: Run, tmp_path: Path) -> None:
    words: tuple[object, ...] = ("--writers", "functions", "--faults", "--seed", 2)
    words += ("--write", f"junit={tmp_path / 'junit.xml'}")
    found = chatops("--db", server.url_of("postgres"), "simulate", "--seconds", 1, *SMALL, *words, check=0)
    lines = found.stdout.splitlines()
    assert lines[0].startswith("held: I1 to I10, in each of ")
    assert len(lines) < 30
    assert max(map(len, lines[:-1])) <= 80
    assert re.fullmatch(
        r"the same, written by the application: .*chatops --db \S+ simulate --seconds 1 --seed 2 .* --faults", lines[-1]
    )
    assert "sessions ended" in found.stdout
    suite = (tmp_path / "junit.xml").read_text()
    assert 'tests="11" failures="0" errors="0"' in suite
    assert '"CHAT010"' in suite
    assert "\x1b" not in found.stdout + found.stderr


def test_keep_keeps_the_database_and_names_it(server: Server, chatops: Run) -> None:
    found = chatops(
        "--db", server.url_of("postgres"), "--schema", "tenant", "simulate", "--seconds", 1, *SMALL, "--keep", check=0
    )
    [name] = re.findall(r"kept: the database (chatops_simulate_\w+)", found.stderr)
    try:
        kept = Database(server, name)
        assert kept.value("select count(*) from tenant.messages") >= 12  # each chat begins with one
        assert kept.value("select to_regclass('public.chats') is null")
        kept.close()
        words = found.stdout.splitlines()[-1].partition("chatops ")[2].replace("'", "").split()
        assert words[-1] == "diagnose"
        chatops(*words[:-1], "verify", "data", "--only", "CHAT001,CHAT003", check=0)
    finally:
        server.drop_database(name)


def test_production_is_refused_and_so_is_another_database_of_its_server(
    server: Server, chatops_inprocess: Run, tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.live]\nurl = "{server.url_of("live")}"\nproduction = true\n')
    for where in (("--env", "live"), ("--db", server.url_of("postgres")), ("--db", "postgresql://db.acme.example/app")):
        found = chatops_inprocess(*where, "simulate", "--seconds", 1, check=4)
        assert "counts as production" in found.stderr
        assert "chatops_simulate" not in found.stderr


def test_what_cannot_be_asked_for_is_refused_before_anything_is_made(server: Server, chatops_inprocess: Run) -> None:
    url = server.url_of("postgres")
    for words, says in (
        (("--original", "--writers", "functions"), "has no functions"),
        (("--writers", "pigeons"), "application or functions"),
        (("--seconds", "0"), "is not between 1 and 3600"),
        (("--seconds", "3601"), "is not between 1 and 3600"),
    ):
        said = chatops_inprocess("--db", url, "simulate", *words, check=2).stderr
        assert says in said
        assert "chatops_simulate" not in said


def test_ctrl_c_ends_it_and_leaves_no_database(server: Server, home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "chatops", "--db", server.url_of("postgres"), "simulate", "--seconds", "600", *map(str, SMALL)],
        env=clean_environment(home), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip

    assert process.stderr is not None
    said = ""
    while "sessions on 12 chats" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert out == ""
    assert not is_there(server, its_database(Result(130, "", said)))


def test_a_pooler_in_transaction_mode_is_refused(
    database: Database, through_pgbouncer: Callable[..., str], chatops_inprocess: Run
) -> None:
    found = chatops_inprocess("--db", through_pgbouncer(database), "simulate", "--seconds", 1, check=4)
    assert "sessions of their own" in found.stderr


# ---- a proof that proves nothing ---------------------------------------------------------------------------------------


def test_a_check_that_cannot_be_asked_is_unknown_and_unknown_is_not_held(latest_database: Database) -> None:
    load = hostile_load(latest_database, operators=2, users=1, chats=4)
    load.checks = {"sound": "select 1 from chats where false", "unsound": "select 1 from chats_of_nowhere"}
    with load.running():
        wait_for(lambda: load.outcome.unknown and load.outcome.looks, "somebody looks, and again")
    outcome = load.outcome
    assert list(outcome.unknown) == ["unsound"], summary(outcome)
    assert outcome.verdict == "unknown"


def test_statements_that_fail_are_no_proof_either(latest_database: Database) -> None:
    load = hostile_load(latest_database, operators=2, users=1, chats=4)
    load.checks = {"sound": "select 1 from chats where false"}
    latest_database.execute("alter table messages add constraint no_questions check (content <> 'question')")
    with load.running():
        wait_for(lambda: any(tally.failed for tally in load._tallies) and load.outcome.looks, "somebody asks")
    outcome = load.outcome
    assert set(outcome.unexpected) == {"23514"}
    assert outcome.verdict == "failed"


def test_a_session_that_cannot_go_on_ends_the_run_at_once_with_its_error(latest_database: Database) -> None:
    load = hostile_load(latest_database, operators=2, users=1, chats=4)

    def broken_writer(chat: Any, content: str) -> Any:
        raise ZeroDivisionError

    load.path = replace(load.path, user_message=broken_writer)
    with pytest.raises(ZeroDivisionError):
        load.run(60)

"""What cannot be seen is never a zero: on every command the exit code and the first line say so, with the reason and the way out.

By default the forms of a command take turns in the conditions; with CHATOPS_TEST_LONG=1 all are tried in each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chatops.checks import run
from chatops.db import database as timeouts
from chatops.deploys import monitor_state, watch_file
from chatops.deploys.monitor_state import Look, Seen
from chatops.errors import ExitCode
from chatops.flows import watch_option
from chatops.screens import monitor as screen
from chatops.screens import report_page
from tests.conftest import LONG, Result, url_as
from tests.desk import Desk
from tests.servers import Database
from tests.test_monitor import START

Run = Callable[..., Result]

TABLES = ("summary", "queue", "stuck", "operators")
MONITOR = ("monitor", "--once", "--state", "watch.json", "--restart")
COMMANDS: dict[str, tuple[str, ...]] = {
    **{f"{name} -o {how}": (name, "-o", how) for name in TABLES for how in ("plain", "json", "csv")},
    **{f"{name} -o prometheus": (name, "-o", "prometheus") for name in ("summary", "queue")},
    "stuck -o jsonl": ("stuck", "-o", "jsonl"),
    "chats -o tsv": ("chats", "-o", "tsv"),
    "summary --since": ("summary", "--since", "1h"),
    "wait": ("wait", "--for", "oldest<5m", "--timeout", "1s"),
    "show chat": ("show", "chat", "CHAT"),
    "show operator": ("show", "operator", "OPERATOR"),
    "diagnose": ("diagnose",),
    "diagnose CHAT": ("diagnose", "CHAT"),
    "diagnose -o nagios": ("diagnose", "-o", "nagios"),
    "verify -o json": ("verify", "-o", "json"),
    "verify --scenarios": ("verify", "--scenarios"),
    "doctor": ("doctor",),
    "status": ("status",),
    "log": ("log",),
    "monitor": MONITOR,
    "monitor -o nagios": (*MONITOR, "-o", "nagios"),
    "monitor -o prometheus": (*MONITOR, "-o", "prometheus"),
    "release": ("release", "CHAT", "--dry-run"),
    "reassign": ("reassign", "CHAT", "--to", "auto", "--force", "silent", "--dry-run"),
    "drain": ("drain", "OPERATOR", "--dry-run"),
}


ON_A_BUDGET = ("diagnose", "verify", "doctor", "monitor")
"""What gives each look a share of many seconds: test_half_sick.py has them on a slow table."""


def hidden(database: Database) -> Iterator[dict[str, Any]]:
    """Row level security shows this role nothing."""
    role = f"shown_nothing_{database.name}"
    database.script(
        f"create role {role} login; grant usage on schema public, chatops to {role}; "
        f"grant select on all tables in schema public, chatops to {role}"
    )
    for table in ("chats", "messages", "operators", "chat_assignments", "operator_activity", "real_users", "fictional_users"):
        database.execute(f"alter table {table} enable row level security")
    yield {"db": url_as(database, role)}
    database.script(f"drop owned by {role}; drop role {role}")


def locked(database: Database) -> Iterator[dict[str, Any]]:
    """Somebody holds the chats so that nobody may read them."""
    with database.connect() as other:
        other.execute("begin")
        other.execute("lock table chats in access exclusive mode")
        yield {}
        other.execute("rollback")


def slow(database: Database) -> Iterator[dict[str, Any]]:
    """Each look at a chat takes longer than a statement may."""
    database.script(
        "alter table chats rename to chats_itself; create view chats as select * from chats_itself where pg_sleep(1) is not null"
    )
    yield {}


def no_schema(database: Database) -> Iterator[dict[str, Any]]:
    """The schema that was named does not exist."""
    yield {"flags": ("--schema", "nosuch")}


def no_table(database: Database) -> Iterator[dict[str, Any]]:
    """The table of chats is gone."""
    database.execute("alter table chats rename to chats_of_old")
    yield {}


def no_column(database: Database) -> Iterator[dict[str, Any]]:
    """A column that all need is gone."""
    database.execute("alter table chats rename column assigned_operator_id to holder")
    yield {}


def beyond(database: Database) -> Iterator[dict[str, Any]]:
    """Every clock shows an instant that no calendar of Python's has."""
    database.script(
        "set session_replication_role = replica;"
        "update chats set waiting_since = 'infinity', last_message_at = '40000-01-01', created_at = '4000-01-01 BC', "
        "assignment_time = 'infinity', state_since = '-infinity', updated_at = '40000-01-01';"
        "update messages set created_at = 'infinity', read_at = '40000-01-01';"
        "update operators set last_activity = '0100-01-01 BC'; update chat_assignments set assigned_at = 'infinity'"
    )
    yield {}


SEEN = (0, r"")
"""The command answers as ever."""
RLS = (4, r"^✗ [a-z_, ]+ cannot be seen: row level security hides rows from")
LOCK = (5, r"^✗ chats cannot be seen now: it is locked by pid \d+ .*idle in transaction for .*lock table chats")
SLOW = (4, r"^✗ this cannot be seen: the database took longer than allowed")
SCHEMA = (2, r"^✗ there is no schema nosuch in database \S+$")
TABLE = (4, r"^✗ there is no table chats in schema public of database \S+$")
COLUMN = (4, r"^✗ this cannot be seen: column \S*assigned_operator_id does not exist")
UNKNOWN = (1, r"unknown|could not|cannot be seen|not right|wrong|failed")
NAGIOS = (3, r"^CHATOPS UNKNOWN - ")
NOT_MEASURED = (1, r"how it is now cannot be seen: ")

# What every command says, then those that say something else because they look at something else, or look on.
EXPECTED: dict[Callable[[Database], Iterator[dict[str, Any]]], tuple[tuple[int, str], dict[str, tuple[int, str]]]] = {
    hidden: (RLS, {"diagnose": UNKNOWN, "diagnose -o nagios": NAGIOS, "verify -o json": UNKNOWN, "verify --scenarios": UNKNOWN,
                   "doctor": UNKNOWN, "status": SEEN, "log": SEEN, "monitor": NOT_MEASURED, "monitor -o prometheus": NOT_MEASURED,
                   "monitor -o nagios": NAGIOS}),
    locked: (LOCK, {"diagnose": UNKNOWN, "diagnose -o nagios": NAGIOS, "verify -o json": UNKNOWN, "doctor": UNKNOWN,
                    "status": SEEN, "log": SEEN, "monitor": NOT_MEASURED, "monitor -o prometheus": NOT_MEASURED,
                    "monitor -o nagios": NAGIOS}),
    slow: (SLOW, {"status": SEEN, "log": SEEN, "release": (4, "statement timeout"), "reassign": (4, "statement timeout")}),
    no_schema: (SCHEMA, {"diagnose -o nagios": NAGIOS, "monitor -o nagios": NAGIOS}),
    no_table: (TABLE, {"diagnose -o nagios": NAGIOS, "doctor": UNKNOWN, "status": SEEN, "log": SEEN,
                       "monitor -o nagios": NAGIOS}),
    no_column: (COLUMN, {"diagnose": UNKNOWN, "diagnose -o nagios": (1, r"^CHATOPS WARNING - .*unknown"),
                         "verify -o json": UNKNOWN, "verify --scenarios": UNKNOWN, "doctor": UNKNOWN, "status": SEEN, "log": SEEN,
                         "monitor": NOT_MEASURED, "monitor -o prometheus": NOT_MEASURED, "monitor -o nagios": NAGIOS}),
    beyond: (SEEN, {"wait": (1, "oldest is unknown: since infinity"), "diagnose": (1, "warning"), "diagnose CHAT": (1, ""), "diagnose -o nagios": (1, "DATA002"),
                    "verify -o json": (1, "")}),
}  # fmt: skip


@pytest.fixture
def office(latest_database: Database) -> tuple[Database, str, str]:
    """A database with one chat that is held and one that waits."""
    desk = Desk(latest_database)
    operator = desk.operator("Ann")
    desk.operator("Bob")
    held = desk.held_chat(operator)
    desk.waiting_chat()
    return latest_database, str(held), str(operator)


def in_turn(turn: int) -> dict[str, tuple[str, ...]]:
    """Of each command every third form, at least one; in the long form all."""
    forms: dict[str, list[str]] = {}
    for name, command in COMMANDS.items():
        forms.setdefault(command[0], []).append(name)
    chosen = {name for names in forms.values() for at, name in enumerate(names) if (at + turn) % min(3, len(names)) == 0}
    return {name: command for name, command in COMMANDS.items() if LONG or name in chosen}


@pytest.mark.long
@pytest.mark.parametrize("condition", EXPECTED, ids=lambda condition: condition.__name__)
def test_what_cannot_be_seen_is_said(
    office: tuple[Database, str, str], chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch,
    condition: Callable[[Database], Iterator[dict[str, Any]]],
) -> None:  # fmt: skip
    database, chat, operator = office
    usual, others = EXPECTED[condition]
    names = {"CHAT": chat, "OPERATOR": operator}
    wrong = []
    with contextmanager(condition)(database) as how:
        for name, command in in_turn(list(EXPECTED).index(condition)).items():
            if condition is slow and command[0] in ON_A_BUDGET:
                continue
            # Short where it never comes, so that it is waited for a moment only.
            statement = "300ms" if condition is slow and others.get(name) is not SEEN else "15s"
            for intent in ("read", "act"):
                monkeypatch.setitem(timeouts.TIMEOUTS, intent, (statement, "100ms"))  # type: ignore[misc]
            words = (*how.get("flags", ()), *(names.get(word, word) for word in command))
            done = chatops_inprocess(*words, db=how.get("db", database))
            code, pattern = others.get(name, usual)
            lines = [line for line in done.stderr.splitlines() if not line.startswith("not production ·")]
            on_stdout = "nagios" in name or not lines
            told = done.stdout if on_stdout else "\n".join(lines)
            if done.exit_code != code or not re.search(pattern, told, re.MULTILINE) or "a bug in" in done.stderr:
                wrong.append(f"{name}: {done.exit_code}, expected {code} {pattern}\n  {done.stdout[:300]}\n  {done.stderr[:300]}")
            if (code, pattern) == usual and code and name.endswith("-o json"):
                assert json.loads(done.stdout)["error"]["exit_code"] == code, name
    assert wrong == [], "\n".join(wrong)


def test_no_answer_about_one_chat_or_person_leaves_out_what_row_level_security_hides(
    office: tuple[Database, str, str], chatops_inprocess: Run
) -> None:
    database, chat, operator = office
    role = f"shown_no_message_{database.name}"
    database.script(
        f"create role {role} login; grant usage on schema public, chatops to {role}; "
        f"grant select, insert, update on all tables in schema public, chatops to {role}; "
        "alter table messages enable row level security"
    )
    try:
        for words in (("show", "chat", chat), ("show", "operator", operator), ("diagnose", chat), ("release", chat, "--dry-run"),
                      ("reassign", chat, "--to", "auto", "--force", "silent", "--dry-run"), ("close", chat, "--dry-run")):  # fmt: skip
            done = chatops_inprocess(*words, db=url_as(database, role))
            assert done.exit_code == 4, words
            assert "✗ messages cannot be seen: row level security hides rows from" in done.stderr, words
            assert "show them to" in done.stderr, words
    finally:
        database.script(f"drop owned by {role}; drop role {role}")


def test_a_ledger_with_times_and_spans_beyond_any_clock_is_shown(latest_database: Database, chatops_inprocess: Run) -> None:
    latest_database.execute(
        "update chatops.migrations set applied_at = '-infinity', started_at = 'infinity', duration_ms = 'NaN', waited_ms = 'Infinity'"
    )
    for how in ("plain", "json", "csv"):
        done = chatops_inprocess("status", "-o", how, db=latest_database)
        assert done.exit_code == 0, done.stderr


# ---- monitor -----------------------------------------------------------------------------------------------------------


def test_a_tick_that_could_not_measure_says_so_in_line_store_page_and_verdict() -> None:
    calm = Look({"waiting": 3, "oldest_seconds": 9.0, "assigned": 1}, {"CHAT006": Seen("warning", "lost")})
    blind = Look({}, {"CHAT001": Seen("unknown", "locked"), "CHAT006": Seen("unknown", "locked")}, unseen="chats is locked")
    watch = monitor_state.begin("here", "1m*4", START, monitor_state.baseline_of(calm))
    for slot, look in enumerate((calm, blind, blind, calm)):
        before = watch
        watch, told = monitor_state.advance(watch, slot, (), START + timedelta(minutes=slot + 1), look)
        line = screen.tick_lines(watch, before, told)[0]
        assert ("3 wait" in line) == (look is calm), line
        assert ("cannot be seen: chats is locked" in line) == (look is blind), line
    assert [(one.code, one.kind) for one in watch.transitions] == [("UNSEEN", "new")]
    assert "CHAT006" in watch.open  # a check that could not look has not seen it go
    kept = monitor_state.parse_state(watch.text, "here")
    assert [tick.unseen for tick in kept.ticks] == [None, "chats is locked", "chats is locked", None]
    assert "2 of 4 looks could not measure" in monitor_state.verdict(kept).sentence
    assert "Looks that could not measure" in report_page.of_watch(kept)
    assert [figure.value for figure in screen.answer(kept, []).figures if figure.name == "monitor_unmeasured"] == [2]


def test_a_watch_that_never_measured_is_unknown_and_not_healthy() -> None:
    blind = Look({}, {}, unseen="row level security hides rows")
    watch = monitor_state.begin("here", "1m*2", START, monitor_state.baseline_of(blind))
    assert watch.unseen == "row level security hides rows"
    for slot in range(2):
        watch, _ = monitor_state.advance(watch, slot, (), START + timedelta(minutes=slot + 1), blind)
    verdict = monitor_state.verdict(watch)
    assert verdict.code is ExitCode.FOUND
    assert "no look could measure: row level security hides rows" in verdict.sentence


def test_a_state_of_before_is_read(tmp_path: Path) -> None:
    watch = monitor_state.begin("here", "1m", START, {"figures": {}, "findings": []})
    watch, _ = monitor_state.advance(watch, 0, (), START, Look({"waiting": 1}))
    old = json.loads(watch.text)
    del old["ticks"][0]["unseen"]
    del old["baseline"]["unseen"]
    (tmp_path / "old.json").write_text(json.dumps(old))
    kept = watch_file.read(tmp_path / "old.json")
    assert kept is not None
    assert kept.unseen is None


# ---- --watch -------------------------------------------------------------------------------------------------------------


def test_watch_lives_through_a_lock_and_names_who_has_it(
    office: tuple[Database, str, str], chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _, _ = office
    monkeypatch.setitem(timeouts.TIMEOUTS, "read", ("15s", "100ms"))  # type: ignore[misc]
    with database.connect() as other:
        rounds = iter(("begin; lock table chats in access exclusive mode", "rollback", None))

        def next_round(_seconds: float) -> None:
            text = next(rounds)
            if text is None:
                raise KeyboardInterrupt
            other.execute(text)

        monkeypatch.setattr(watch_option, "pause", next_round)
        shown = chatops_inprocess("queue", "--watch", "5", db=database, check=0).stdout
    assert shown.count("1 waits") == 2
    assert re.search(r"UTC  chats cannot be seen now: it is locked by pid \d+ .*; asking again", shown)


# ---- the wrong place -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tenants", "words"), [(1, "schema tenant_1 has one"), (5, "5 other schemas have one: name a schema")])
def test_chats_that_lie_elsewhere_are_pointed_at(database: Database, chatops_inprocess: Run, tenants: int, words: str) -> None:
    for number in range(1, tenants + 1):
        database.execute(f"create schema tenant_{number}")
        database.execute(f"create table tenant_{number}.chats (id uuid, chat_state text)")
    for command in (("summary",), ("diagnose",), ("verify",), ("release", "--stuck", "1h", "--dry-run")):
        refused = chatops_inprocess(*command, db=database, check=4).stderr
        assert words in refused
        assert "--schema tenant_1 summary" in refused
        assert refused.count("unknown") == 0


def test_a_read_makes_no_schema_for_what_is_not_there(database: Database, chatops_inprocess: Run) -> None:
    temporary = "select count(*) from pg_namespace where nspname like 'pg_temp%'"
    before = database.value(temporary)
    for command in ("summary", "verify", "diagnose", "doctor", "status", "log"):
        assert "there is no schema nosuch" in chatops_inprocess("--schema", "nosuch", command, db=database, check=2).stderr
    database.execute("create schema nosuchh")
    assert "did you mean nosuchh?" in chatops_inprocess("--schema", "nosuch", "summary", db=database, check=2).stderr
    assert database.value(temporary) == before


# ---- a newer chatops was here ----------------------------------------------------------------------------------------------


def test_a_database_that_is_ahead_is_led_with_read_and_not_written(
    office: tuple[Database, str, str], chatops_inprocess: Run
) -> None:
    database, chat, _ = office
    database.execute(
        "insert into chatops.migrations (target_schema, source, name, number, kind, checksum, state, chatops_version, applied_at) "
        "select target_schema, source, '099_of_tomorrow', '099', kind, 'x', state, '9.9', now() from chatops.migrations "
        "where source = 'chatops' and kind = 'versioned' order by name desc limit 1"
    )
    words = "this database is ahead of chatops 0.1.0: 099_of_tomorrow is in; install chatops 9.9 or newer"
    for command in (("summary",), ("diagnose",), ("status",), ("doctor",), ("show", "chat", chat)):
        done = chatops_inprocess(*command, db=database)
        assert words in done.stderr.splitlines()[1], command
        assert done.exit_code in (0, 1)
    for command in (("release", chat, "--reason", "x", "--yes"), ("drain", "Ann", "--yes"), ("deploy", "--skip-code", "--yes")):
        refused = chatops_inprocess(*command, db=database, check=4)
        assert words in refused.stderr
    database.execute("comment on view chat_state_summary is 'of tomorrow'")
    database.execute("update chatops.migrations set checksum = 'other' where kind = 'repeatable'")
    assert chatops_inprocess("migrate", "--yes", db=database).exit_code == 4


# ---- values of other types -------------------------------------------------------------------------------------------------


def test_a_state_that_is_an_enum_is_read_and_moving_is_refused_in_a_sentence(
    core_database: Database, chatops_inprocess: Run
) -> None:
    desk = Desk(core_database)
    chat = str(desk.held_chat(desk.operator("Ann")))
    core_database.script(
        """do $$ declare v record; v_again text[] := '{}'; v_text text; begin
             create type state as enum ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed');
             for v in select conname from pg_constraint where conrelid = 'chats'::regclass and contype = 'c' loop
               execute format('alter table chats drop constraint %I', v.conname); end loop;
             for v in select indexrelid::regclass as name, pg_get_indexdef(indexrelid) as text from pg_index
                       where indrelid = 'chats'::regclass and indpred is not null loop
               execute format('drop index %s', v.name); v_again := v_again || v.text; end loop;
             v_again := v_again || ('create view chat_state_summary as ' || pg_get_viewdef('chat_state_summary'::regclass));
             drop view chat_state_summary;
             alter table chats alter chat_state drop default, alter chat_state type state using chat_state::state,
               alter chat_state set default 'waiting_assignment';
             foreach v_text in array v_again loop execute replace(v_text, '::text', ''); end loop;
           end $$"""
    )
    for words in (("summary",), ("queue",), ("stuck",), ("chats",), ("operators",), ("show", "chat", chat), ("log",)):
        assert chatops_inprocess(*words, db=core_database).exit_code == 0, words
    unknown = json.loads(chatops_inprocess("diagnose", "-o", "json", db=core_database).stdout)["counts"]["unknown"]
    assert unknown == 0
    for words in (("release", chat), ("reassign", chat, "--to", "Ann"), ("close", chat), ("drain", "Ann"), ("repair",)):
        refused = chatops_inprocess(*words, "--yes", "--reason", "x", db=core_database, check=4)
        assert "chats.chat_state is of type state, not text" in refused.stderr, words


def forever(database: Database) -> None:
    """Each look at a chat takes for ever."""
    database.script(
        "alter table chats rename to chats_itself; create view chats as select * from chats_itself where pg_sleep(3600) is not null"
    )


@pytest.mark.parametrize("command", [("diagnose",), ("verify",), ("monitor", "--once", "--state", "w.json")])
def test_a_look_on_a_budget_at_a_table_that_is_slow_says_what_took_too_long(
    office: tuple[Database, str, str], chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    database, _, _ = office
    forever(database)  # and a run has little time
    monkeypatch.setitem(timeouts.TIMEOUTS, "read", ("100ms", "100ms"))  # type: ignore[misc]
    monkeypatch.setitem(run.run.__kwdefaults__, "whole_seconds", 2.0)
    budget = () if command[0] == "monitor" else ("--timeout", "2")
    done = chatops_inprocess(*command, *budget, db=database)
    assert done.exit_code == 1, done.stderr
    assert re.search(r"took longer than|could not be|cannot be seen|time for all checks", done.stdout + done.stderr)
    assert "0 wait" not in done.stdout


def test_what_can_be_done_from_here_is_no_question_about_a_single_chat(
    office: tuple[Database, str, str], chatops_inprocess: Run
) -> None:
    forever(office[0])
    assert "unknown" not in chatops_inprocess("doctor", db=office[0]).stdout

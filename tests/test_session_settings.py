"""The same answer in every session: settings of roles, databases and the environment, and encodings, change no value."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.ailing import plant, populated
from tests.conftest import LONG, Farm, Result, build_core, url_as
from tests.servers import Database, Server

Run = Callable[..., Result]

SETTINGS: dict[str, tuple[str, ...]] = {
    "DateStyle": ("SQL, DMY", "Postgres, MDY", "German, YMD"),
    "IntervalStyle": ("sql_standard", "iso_8601", "postgres_verbose"),
    "TimeZone": ("Asia/Kathmandu", "America/St_Johns", "<+0530>-5:30"),
    "client_encoding": ("SQL_ASCII", "LATIN1", "WIN1252", "EUC_JP"),
    "extra_float_digits": ("-15", "3", "0"),
    "bytea_output": ("escape",),
    "default_transaction_read_only": ("on",),
    "default_transaction_isolation": ("serializable", "read uncommitted"),
    "default_transaction_deferrable": ("on",),
    "row_security": ("off",),
    "search_path": ("pg_catalog", "''", "information_schema, public"),
    "quote_all_identifiers": ("on",),
    "transform_null_equals": ("on",),
    "array_nulls": ("off",),
    "standard_conforming_strings": ("off",),
    "escape_string_warning": ("off",),
    "backslash_quote": ("off",),
    "xmlbinary": ("hex",),
    "xmloption": ("document",),
    "lc_numeric": ("POSIX",),
    "lc_monetary": ("POSIX",),
    "lc_time": ("POSIX",),
    "client_min_messages": ("error", "debug5"),
    "statement_timeout": ("100ms",),
    "lock_timeout": ("1ms",),
    "idle_in_transaction_session_timeout": ("30s", "1ms"),
    "check_function_bodies": ("off",),
    "constraint_exclusion": ("on",),
    "enable_seqscan": ("off",),
    "enable_hashjoin": ("off",),
    "enable_indexscan": ("off",),
    "enable_sort": ("off",),
    "from_collapse_limit": ("1",),
    "join_collapse_limit": ("1",),
    "geqo_threshold": ("2",),
    "jit_above_cost": ("0",),
    "work_mem": ("64kB",),
    "temp_buffers": ("100",),
    "plan_cache_mode": ("force_generic_plan",),
    "default_text_search_config": ("pg_catalog.german",),
    "gin_fuzzy_search_limit": ("1",),
    "synchronize_seqscans": ("off",),
    "parallel_setup_cost": ("0",),
    "vacuum_cost_delay": ("1",),
    "enable_nestloop": ("off",),
    "enable_mergejoin": ("off",),
    "enable_hashagg": ("off",),
    "enable_bitmapscan": ("off",),
    "enable_indexonlyscan": ("off",),
    "enable_material": ("off",),
    "enable_memoize": ("off",),
    "max_parallel_workers_per_gather": ("8",),
    "parallel_tuple_cost": ("0",),
    "min_parallel_table_scan_size": ("0",),
    "seq_page_cost": ("0",),
    "cursor_tuple_fraction": ("0",),
    "log_statement": ("all",),
    "log_min_duration_statement": ("0",),
    "debug_print_plan": ("on",),
    "session_preload_libraries": ("auto_explain",),
    "track_counts": ("off",),
    "compute_query_id": ("on",),
    "default_toast_compression": ("pglz",),
    "hash_mem_multiplier": ("1",),
    "stats_fetch_consistency": ("snapshot", "none"),
    "synchronous_commit": ("off",),
    "temp_file_limit": ("10MB",),
    "application_name": ("''; drop table chats; --",),
}
APART = (
    "debug_print_plan", "log_statement", "log_min_duration_statement", "session_preload_libraries",
    *(name for name in SETTINGS if "parallel" in name),
)  # fmt: skip
"""What lets the server write down all that it does, or begin a process for each part of it: many times the work."""
BY_ENVIRONMENT = {
    "PGTZ": "Pacific/Chatham", "PGDATESTYLE": "SQL, DMY", "PGCLIENTENCODING": "SQL_ASCII", "PGGEQO": "off", "LC_ALL": "C",
    "PGOPTIONS": "-c DateStyle=German -c IntervalStyle=iso_8601 -c search_path=pg_catalog -c extra_float_digits=-10",
}  # fmt: skip
COMMANDS = {
    "status": [], "verify": [], "diagnose": [], "summary": [], "queue": [], "stuck": [], "operators": [], "log": [],
    "doctor": [], "chat": [], "operator": [], "migrate": ["--dry-run"], "adopt": ["--dry-run"], "repair": ["--dry-run"],
    "lint": ["--all"],
}  # fmt: skip


MIGRATING = ("migrate", "adopt", "doctor")
TOLD = (
    "default_transaction_read_only", "idle_in_transaction_session_timeout", "idle_session_timeout", "lock_timeout", "row_security",
    "local_preload_libraries", "search_path", "session_preload_libraries", "statement_timeout", "synchronous_commit",
)  # fmt: skip
"""What DB029 tells where it stops the application: these are set for whoever asks alone."""


@pytest.fixture
def ailing(new_database: Callable[..., Database], farm: Farm, any_server: Server) -> Iterator[Database]:
    """A system with a few troubles, on each server, so that there is something of every kind to tell, and somebody who asks."""
    database = populated(new_database, farm, any_server, "latest")
    for code in ("CHAT003", "CONF001"):
        plant(database, code)
    with database.role("asker", "login superuser"):
        yield database


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a document by its path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}")
    elif isinstance(value, list):
        yield f"{path}.length", len(value)
        for number, inner in enumerate(value):
            # A finding that appears, as time goes on, moves no other one.
            name = inner.get("code", number) if isinstance(inner, Mapping) else number
            yield from flat(inner, f"{path}[{name}]")
    else:
        yield path, value


def answers(run: Run, database: Database, names: list[str], env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What each command answers, by path; the exit code and what is said on stderr too."""
    chat, operator = database.execute(
        "select id, assigned_operator_id from chats where chat_state = 'assigned' order by id limit 1"
    )[0]
    found: dict[str, Any] = {}
    for name in names:
        words = {"chat": ["show", "chat", chat], "operator": ["show", "operator", operator]}.get(name, [name, *COMMANDS[name]])
        done = run(*words, "-o", "json", db=url_as(database, f"asker_{database.name}"), env=env)
        assert done.exit_code in (0, 1), (words, done.stderr)
        found |= {f"{name}{path}": value for path, value in flat(json.loads(done.stdout))}
        found[f"{name} exit code"] = done.exit_code
        found |= {f"{name} stderr {number}": line for number, line in enumerate(done.stderr.splitlines())}
    return found


MOVING = re.compile("clock|round trip|of 300 in use")
"""What moves by itself: doctor measures the line and counts other sessions. So does what a check took, in seconds."""


def same(plain: dict[str, Any], again: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Where `other` differs from the plain answers before and after it; what the clock has moved must have the same shape."""
    differing = {}
    for path in plain.keys() | again.keys() | other.keys():
        before, after, found = (one.get(path, "absent") for one in (plain, again, other))
        if before != after or MOVING.search(str(before)) or path.endswith(".seconds"):
            fits = found in (before, after) or shape(found) in (shape(before), shape(after))
        else:
            fits = found == before
        if not fits:
            differing[path] = (before, found)
    return differing


def shape(value: Any) -> Any:
    """A value without its figures, and without which of two clocks is ahead."""
    return (
        re.sub(r"\d+([.,]\d+)*( \d\d [a-z])?", "0", re.sub("ahead of|behind", "beside", value))
        if isinstance(value, str)
        else type(value).__name__
    )


def bundles() -> list[dict[str, str]]:
    """All settings in as few sessions as their values allow."""
    most = max(len(values) for values in SETTINGS.values())
    return [{name: values[number] for name, values in SETTINGS.items() if number < len(values)} for number in range(most)]


@pytest.mark.each_server
def test_settings_of_the_database_and_the_environment_change_no_answer(ailing: Database, chatops_inprocess: Run) -> None:
    """In the long form all commands in every session; else in the first, with one value of each setting, and two by turns in the others."""
    assert len(SETTINGS) >= 40
    # How an answer is written no version has changed: on 15 every fourth command tells it.
    names = list(COMMANDS) if LONG or ailing.server.version >= 18 else list(COMMANDS)[2::4]
    plain = answers(chatops_inprocess, ailing, names)
    together = bundles()
    every: list[tuple[dict[str, str], dict[str, str], list[str]]]
    every = [*((session, {}, names) for session in together), ({}, BY_ENVIRONMENT, names)]
    if not LONG:
        first = {name: value for name, value in together[0].items() if name not in APART}
        written, parallel = ({name: together[0][name] for name in APART if ("parallel" in name) is one} for one in (False, True))
        by_turns = [(session, env, names[at % 4 :: max(4, len(names) // 2)]) for at, (session, env, _) in enumerate(every)][1:]
        others = by_turns if ailing.server.version >= 18 else by_turns[-1:]
        every = [
            (first, {}, names),
            *others,
            (written, {}, ["operator"]),
            *([(written, {}, ["summary"]), (parallel, {}, ["diagnose"])] if ailing.server.version >= 18 else []),
        ]
    assert all(set(asked) <= set(names) for _, _, asked in every)
    told = [(session, env, asked, answers_under(chatops_inprocess, ailing, asked, session, env)) for session, env, asked in every]
    agree(chatops_inprocess, ailing, plain, [({**session, **env}, asked, found) for session, env, asked, found in told])


def agree(run: Run, database: Database, plain: dict[str, Any], told: list[tuple[object, list[str], dict[str, Any]]]) -> None:
    """Each was answered as at first; where an answer differs, it is asked again, for the clock may have moved it meanwhile."""

    def of(answer: dict[str, Any], names: list[str]) -> dict[str, Any]:
        return {path: value for path, value in answer.items() if re.split(r"[.\[ ]", path)[0] in names}

    moved = {re.split(r"[.\[ ]", path)[0] for _, asked, found in told for path in same(of(plain, asked), of(plain, asked), found)}
    again = of(plain, [name for name in COMMANDS if name not in moved]) | answers(run, database, sorted(moved))
    for how, asked, found in told:
        assert same(of(plain, asked), of(again, asked), found) == {}, how


def answers_under(run: Run, database: Database, names: list[str], session: dict[str, str], env: dict[str, str]) -> dict[str, Any]:
    if "default_transaction_read_only" not in session:
        return asked_under(run, database, names, session, env)
    # Files would run under it, so migrate names it before the first one; without it the answer is the same.
    without = {name: value for name, value in session.items() if name != "default_transaction_read_only"}
    others = [name for name in names if name not in MIGRATING]
    return asked_under(run, database, others, session, env) | asked_under(
        run, database, [name for name in names if name in MIGRATING], without, env
    )


def asked_under(run: Run, database: Database, names: list[str], session: dict[str, str], env: dict[str, str]) -> dict[str, Any]:
    for name, value in session.items():
        # A search path is a list of names, and not one text.
        shown = value if name == "search_path" else "'" + value.replace("'", "''") + "'"
        whom = f'role asker_{database.name} in database "{database.name}"' if name in TOLD else f'database "{database.name}"'
        database.execute(f"alter {whom} set {name} = {shown}")
    try:
        return answers(run, database, names, env)
    finally:
        database.execute(f'alter database "{database.name}" reset all')
        database.execute(f'alter role asker_{database.name} in database "{database.name}" reset all')


@pytest.mark.long
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_in_other_encodings_answer(encoding: str, server: Server, chatops_inprocess: Run) -> None:
    """The commands take turns in the two; in the long form each is asked in both."""
    template = f"encoded_{encoding.lower()}"
    with server.connect("postgres") as admin:
        admin.execute(f"create database {template} template template0 encoding '{encoding}' locale 'C' locale_provider libc")
    database = Database(server, template)
    try:
        build_core(database)
        database.execute("insert into operators (name, email) values ('Zo\u00eb', 'zoe@x')" if encoding == "LATIN1" else
                         "insert into operators (name, email) values (E'Zo\\xeb', 'zoe@x')")  # fmt: skip
        turns = {"LATIN1": ("status", "diagnose", "queue"), "SQL_ASCII": ("verify", "summary", "stuck", "doctor")}
        for name in ("operators", *(one for of, some in turns.items() for one in some if LONG or of == encoding)):
            done = chatops_inprocess(name, *COMMANDS[name], "-o", "json", "--show-names", db=database)
            assert done.exit_code in (0, 1), done.stderr
            if name == "operators":
                assert ("Zo\u00eb" if encoding == "LATIN1" else "Zo\\xeb") in {
                    row["name"] for row in json.loads(done.stdout)["operators"]
                }
    finally:
        with server.connect("postgres") as admin:
            admin.execute(f"drop database if exists {template} with (force)")


@pytest.mark.full
@pytest.mark.long
@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_alone_changes_no_answer(name: str, ailing: Database, chatops_inprocess: Run) -> None:
    """The quick form has all of them in a few sessions, above."""
    names = list(COMMANDS)
    plain = answers(chatops_inprocess, ailing, names)
    told = [(value, names, answers_under(chatops_inprocess, ailing, names, {name: value}, {})) for value in SETTINGS[name]]
    agree(chatops_inprocess, ailing, plain, told)


PATHS = [
    "''",
    "'$user'",
    '"a b", "c""d", "select"',
    "pg_temp",
    "nosuch, pg_temp",
    "pg_catalog, public",
    "'public, pg_catalog'",
    '"Public"',
]


def test_a_search_path_of_any_kind_changes_no_answer(ailing: Database, chatops_inprocess: Run) -> None:
    names = ["summary", "status"]
    plain = answers(chatops_inprocess, ailing, names)
    told: list[tuple[object, list[str], dict[str, Any]]] = []
    for path in PATHS:
        ailing.execute(f'alter database "{ailing.name}" set search_path = {path}')
        told.append((path, names, answers(chatops_inprocess, ailing, names)))
    ailing.execute(f'alter database "{ailing.name}" reset all')
    agree(chatops_inprocess, ailing, plain, told)


def test_a_role_that_is_somebody_else_gets_that_ones_answers_and_grants(
    latest_database: Database, chatops_inprocess: Run
) -> None:
    login, acting = f"login_{latest_database.name}", f"acting {latest_database.name}"
    latest_database.script(
        f'create role "{acting}"; create role "{login}" login in role "{acting}"; alter role "{login}" set role = \'{acting}\''
    )
    try:
        url = latest_database.url.replace("//postgres@", f"//{login}@")
        done = chatops_inprocess("summary", db=url, check=4)
        assert f'to "{acting}";' in done.stderr
        assert login not in done.stderr.split("grant", 1)[1].splitlines()[0]
        latest_database.script(
            f'grant usage on schema public, chatops to "{acting}"; grant select on all tables in schema public, chatops to "{acting}"'
        )
        done = chatops_inprocess("summary", db=url, check=0)
        assert f"as {acting}" in done.stderr
    finally:
        latest_database.script(f'drop owned by "{acting}"; drop role "{login}"; drop role "{acting}"')

"""Limits of sessions, set on the database, by PGOPTIONS or in the URL: every command answers all the same."""

from __future__ import annotations

from collections.abc import Callable

from chatops.db.failures import lifted
from chatops.db.session import too_short
from tests.conftest import Result, build_latest
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]

LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "idle_session_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
)
READING = ("summary", "status", "log", "doctor", "diagnose --brief", "chats", "migrate --dry-run")
ACTING = ("pause --reason x --yes", "resume --reason x", "snooze CHAT003 --until 2999-01-01 --reason x --store --yes")


def answered(done: Result) -> None:
    """It came to an answer; that a limit stands on the database may be among its findings."""
    assert done.exit_code in (0, 1), done
    assert "unknown" not in done.stdout.lower(), done


def limits_of(server: Server) -> tuple[str, ...]:
    return LIMITS if server.label != "15" else LIMITS[:-1]


def test_no_limit_of_a_session_keeps_a_command_from_its_answer(
    new_database: Callable[..., Database], farm: Farm, any_server: Server, chatops_inprocess: Run
) -> None:
    database = new_database(on=any_server, template=farm.template(any_server, "latest", build_latest))
    for limit in limits_of(any_server):
        database.execute(f"alter database \"{database.name}\" set {limit} = '1ms'")
    for words in (*READING, *ACTING):
        answered(chatops_inprocess(*words.split(), db=database))
    database.execute(f'alter database "{database.name}" reset all')
    for limit in limits_of(any_server):
        chatops_inprocess("summary", db=database, env={"PGOPTIONS": f"-c {limit}=1ms"}, check=0)
        chatops_inprocess(*ACTING[0].split(), db=f"{database.url}?options=-c%20{limit}%3D2ms", check=0)


def test_the_commands_that_change_much_work_under_limits_too(core_database: Database, chatops_inprocess: Run) -> None:
    for limit in ("statement_timeout", "idle_session_timeout", "transaction_timeout"):
        core_database.execute(f"alter database \"{core_database.name}\" set {limit} = '3ms'")
    for words in ("adopt --through 017 --yes", "rehearse", "migrate --yes", "verify --scenarios --yes", "remove --yes"):
        chatops_inprocess(*words.split(), db=core_database, check=0)


def test_a_short_limit_behind_a_pooler_is_lifted_in_the_transaction(
    latest_database: Database, through_pgbouncer: Callable[..., str], chatops_inprocess: Run
) -> None:
    latest_database.execute(f"alter database \"{latest_database.name}\" set statement_timeout = '1ms'")
    url = through_pgbouncer(latest_database)
    for words in ("summary", "diagnose --brief", *ACTING[:2]):
        answered(chatops_inprocess(*words.split(), db=url))


def test_which_limits_are_too_short_to_work_under_and_how_they_are_lifted() -> None:
    assert [too_short(limits) for limits in (["99ms", "0", "0"], ["0", "5ms", "0"], ["0", None, "900ms"])] == [True] * 3
    assert [too_short(limits) for limits in (["100ms", None, "1s"], ["2min", "1h", "1d"], ["0", "0", "0"])] == [False] * 3
    assert lifted("transaction_timeout", 'a"b', "d", "")[1] == 'alter role "a""b" in database "d" set transaction_timeout = 0;'
    assert "PGOPTIONS" in lifted("transaction_timeout", "a", "d", "-c transaction_timeout=1ms")[1]

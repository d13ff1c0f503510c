"""Every command that acts, on a database where there is something for it to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.ailing import plant, populated
from tests.conftest import Result, build_core
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]
WHY = ("--reason", "x")


@dataclass(frozen=True)
class Acting:
    """A command line, `{query}` in it asked of the database; what runs before it; whether a question is asked first."""

    words: Sequence[str]
    first: Sequence[Sequence[str]] = ()
    plants: str = ""
    text: str = ""
    template: str = "latest"
    asks: bool = True


ASSIGNED = "{select id from chats where chat_state = 'assigned' order by id limit 1}"
ANOTHER = "{select id from chats where chat_state = 'assigned' order by id offset 1 limit 1}"
OPERATOR = "{select assigned_operator_id from chats where chat_state = 'assigned' order by id limit 1}"
CLOSED = "{select id from chats where not is_active order by id limit 1}"
PLAN = "{select plan_id from chatops.actions where plan_id is not null order by id desc limit 1}"
DRAINED = "{select operator_id from chatops.actions where action = 'drain' and chat_id is null limit 1}"
ADOPTED = (("adopt", "--through", "017", "--yes"),)

ACTING = {
    "release": Acting(["release", ASSIGNED, ANOTHER, "--force", *WHY]),
    "reassign": Acting(["reassign", ASSIGNED, "--to", "auto", "--force", *WHY]),
    "close": Acting(["close", ASSIGNED, ANOTHER, *WHY]),
    "reopen": Acting(["reopen", CLOSED, *WHY]),
    "drain": Acting(["drain", OPERATOR, *WHY]),
    "undrain": Acting(["undrain", DRAINED, *WHY], [["drain", OPERATOR, "--finish", *WHY, "--yes"]]),
    "pause": Acting(["pause", *WHY]),
    "resume": Acting(["resume", *WHY], [["pause", *WHY, "--yes"]]),
    "undo": Acting(["undo", PLAN, *WHY], [["release", ASSIGNED, ANOTHER, "--force", *WHY, "--yes"]]),
    "repair": Acting(["repair", "CHAT003", *WHY], plants="CHAT003"),
    "guard off": Acting(["guard", "off", *WHY]),
    "guard on": Acting(["guard", "on", *WHY], [["guard", "off", *WHY, "--yes"]], asks=False),
    "snooze --store": Acting(["snooze", "CHAT003", "--until", "2999-01-01", *WHY, "--store"]),
    "snooze --off": Acting(
        ["snooze", "CHAT003", "--off", "--store"], [["snooze", "CHAT003", "--until", "2999-01-01", *WHY, "--store", "--yes"]]
    ),
    "doctor --create-roles": Acting(["doctor", "--create-roles"]),
    "remove": Acting(["remove"]),
    "migrate": Acting(["migrate"], ADOPTED, template="017"),
    "migrate --again": Acting(["migrate", "--again", "021"], text="create or replace function idle_timeout() returns interval"
                              " language sql as $$ select interval '1 h' $$"),
    "adopt": Acting(["adopt", "--through", "017"], template="017"),
    "adopt --forget": Acting(["adopt", "--forget", "017"], ADOPTED, template="017"),
    "adopt --ledger-only": Acting(["adopt", "--ledger-only"], text="drop schema chatops cascade", template="017"),
}  # fmt: skip
"""The steps of `deploy`, which has words of its own for where it stopped, are in its own tests."""


def ready(name: str, new_database: Callable[..., Database], farm: Farm, server: Server, run: Run) -> tuple[Database, list[str]]:
    """A database where that command has something to do, and its words."""
    one = ACTING[name]
    database = (
        populated(new_database, farm, server, one.template)
        if one.template == "latest"
        else new_database(on=server, template=farm.template(server, "core", build_core))
    )
    if one.plants:
        plant(database, one.plants)
    if one.text:
        database.script(one.text)
    for words in one.first:
        run(*_asked(database, words), db=database, check=0)
    return database, _asked(database, one.words)


def _asked(database: Database, words: Sequence[str]) -> list[str]:
    return [str(database.value(word[1:-1])) if word.startswith("{") else word for word in words]


EVERYTHING = """select md5(coalesce(string_agg(t, '|' order by t), '')) from (
    select c::text as t from chats as c union all select o::text from operators as o
    union all select a::text from chat_assignments as a
    union all select c.relname || c.relkind::text from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
               where n.nspname in ('public', 'chatops')
    union all select proname || md5(prosrc) from pg_proc where pronamespace = 'public'::regnamespace) as everything"""


def everything(database: Database) -> list[object]:
    """What the commands change: rows, objects, and what schema chatops remembers."""
    found: list[object] = [database.value(EVERYTHING)]
    for table in ("actions", "migrations", "runs", "settings", "watches"):
        if database.value("select to_regclass(%s)", (f"chatops.{table}",)):
            found += database.execute(
                f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from chatops.{table} as t"
            )
    return found

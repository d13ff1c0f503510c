"""What `psql` does: psql on the named database, read-only in place of this process; one that may write runs below it, logged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from chatops import formatting, sqlfiles
from chatops.db import identifier, pools_transactions
from chatops.errors import RefusedError, UsageError
from chatops.flows import psql_session
from chatops.flows.run import Invocation
from chatops.local import programs
from chatops.model import Span
from chatops.settings import Target, redact
from chatops.tables_there import TABLES

# libpq's connection parameters by the variable that says the same, so that nothing of them stands on a command line.
VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE", "service": "PGSERVICE", "options": "PGOPTIONS", "sslmode": "PGSSLMODE", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "sslrootcert": "PGSSLROOTCERT", "sslcrl": "PGSSLCRL", "sslnegotiation": "PGSSLNEGOTIATION",
    "channel_binding": "PGCHANNELBINDING", "gssencmode": "PGGSSENCMODE", "connect_timeout": "PGCONNECT_TIMEOUT",
    "target_session_attrs": "PGTARGETSESSIONATTRS", "load_balance_hosts": "PGLOADBALANCEHOSTS",
}  # fmt: skip
READ_ONLY = "-c default_transaction_read_only=on"
WRITES = "-c default_transaction_read_only=off"
"""What lets a session write where it is set for the database or the role that nothing is written."""
SEES_ALL = "pg_read_all_data"
"""From this role nothing but row level security hides rows: then it gets an error rather than fewer of them."""
TAKE_A_VALUE = "cdfFhLopPRTUv"
"""The letters of psql's options behind which a value stands."""
PROOF = "select pg_catalog.current_setting('transaction_read_only'), current_user"


def in_one_line(given: Sequence[str]) -> str:
    """What psql is given as a question names it: a statement behind the other.

    >>> in_one_line(["select 1;\\n  select 2;", "select 3"])
    'select 1; select 2; select 3'
    """
    return "; ".join(" ".join(one.split()).rstrip("; ") for one in given)


def open_psql(invocation: Invocation, arguments: Sequence[str], *, write: bool, yes: bool) -> None:
    """`chatops psql`; does not come back."""
    program = shutil.which("psql") or _of_the_embedded_server(invocation)
    database = invocation.connect("read")
    with database.reading():
        invocation.banner(database)
        asked = [] if write else database.tuples(sqlfiles.read("queries/psql_roles.sql"), {"tables": list(TABLES)})
        refuses = write and database.facts is not None and database.facts.read_only
    behind_a_pooler = pools_transactions(database)
    given = in_one_line(given_on(arguments))
    asks = (
        f"Run in psql, which may write: {formatting.visible(redact(given, invocation.secrets))}"
        if given
        else "Open psql that may write"
    )
    if write and not invocation.consent(asks, yes=yes):
        raise RefusedError("nothing was opened")
    if not write and behind_a_pooler:
        raise RefusedError("a pooler does not pass on that a session only reads: give --write, or connect to the server itself")
    environment = variables(invocation.target, os.environ, write=write, plain=behind_a_pooler, refuses=refuses)
    if refuses and behind_a_pooler:
        set_off = "set default_transaction_read_only = off;"
        invocation.note([Span("psql; the database is set to be read-only: begin with "), Span(set_off, "code")])
    elif refuses:
        invocation.note("psql, and it may write, though the database is set to be read-only")
    elif write:
        invocation.note("psql, and it may write")
    else:
        role, who, environment = _reading(program, invocation.target, [str(role) for (role,) in asked], environment)
        if role:
            invocation.note(f"psql, read-only, as {role}: it changes no row, locks no table and ends no session; --write lets it")
        else:
            standby = database.facts is not None and database.facts.standby
            invocation.note(_only_the_default(who, standby=standby))
            only = "Only a role keeps it from that, and none that sees every row and only reads is open to it: "
            grant = f', then "grant chatops_reader to {formatting.visible(identifier(who))};"' if who else ""
            invocation.note([Span(only), Span(invocation.here("doctor", "--create-roles"), "code"), Span(grant)])
    invocation.close()
    sys.stdout.flush()
    if write:
        raise SystemExit(psql_session.run_logged(invocation, [program, *arguments], environment, given_on(arguments)))
    os.execve(program, [program, *arguments], environment)


def given_on(arguments: Sequence[str]) -> list[str]:
    """The statements and files that psql is given on its command line, in every way that psql reads it.

    >>> given_on(["-X", "-c", "select 1", "-fone.sql", "--command=select 2"])
    ['select 1', 'the file one.sql', 'select 2']
    >>> given_on(["-XAtc", "select 1", "-v", "-c", "--fil", "two.sql", "-Atcselect 2"])
    ['select 1', 'the file two.sql', 'select 2']
    """
    found: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word.startswith("--"):
            name, sign, value = word.partition("=")
            letter = next((one for one, long, least in (("c", "--command", 4), ("f", "--file", 5))
                           if long.startswith(name) and len(name) >= least), "")  # fmt: skip
            value = value if sign or not letter else next(rest, "")
        elif word.startswith("-"):
            # Letters in one word: what is behind the first one that takes a value is the value, or else the next word.
            letter = next((one for one in word[1:] if one in TAKE_A_VALUE), "")
            value = word.partition(letter)[2] or next(rest, "") if letter else ""
        else:
            continue
        if letter in ("c", "f") and value:
            found.append(("the file " if letter == "f" else "") + value)
    return found


def _only_the_default(who: str, *, standby: bool) -> str:
    """What is so where no role only reads: a session that begins read-only can be told otherwise by whoever is in it."""
    may = f"all that {formatting.visible(who)} may" if who else "all that its role may"
    if standby:
        return f"psql on a standby: it changes no row here, but can do {may}, such as end sessions"
    return f'psql, read-only by default only: it can lock tables and end sessions, and after "begin read write" do {may}'


def _reading(program: str, target: Target, roles: Sequence[str], plain: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """The first of these roles as which psql comes in and only reads, who it then is, and its environment.

    The role is "" where it stays who it is. Raises RefusedError where what is on the way to the server does not pass on that the
    session only reads.
    """
    who = ""
    for role in (*roles, ""):
        environment = variables(target, os.environ, write=False, role=role) if role else plain
        asked = [program, "-XAtqw", "-c", PROOF]
        proof = subprocess.run(asked, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        read_only, _, who = proof.stdout.strip().partition("|")
        if proof.returncode == 0 and read_only == "off":
            raise RefusedError("what is on the way to the server does not pass on that a session only reads: give --write")
        if not role or (proof.returncode == 0 and who == role):
            return role, who, environment
    return "", who, plain


def _of_the_embedded_server(invocation: Invocation) -> str:
    found = programs.folder(invocation.note) / "psql"
    if not found.exists():
        raise UsageError("psql is not installed here (Debian: apt-get install postgresql-client)")
    return str(found)


def variables(
    target: Target, environ: Mapping[str, str], *, write: bool, plain: bool = False, role: str = "", refuses: bool = False
) -> dict[str, str]:
    """The environment in which psql finds the target; nothing of another one stays.

    `plain`: no options are passed on. `refuses`: by the server's settings a session is read-only, and one that may write says
    otherwise. `role` is who the session becomes, and becomes again on RESET ROLE.
    """
    made = {
        name: value for name, value in environ.items() if not name.startswith("PG") or name in ("PGPASSFILE", "PGSERVICEFILE")
    }
    made |= {VARIABLES[name]: value for name, value in target.parameters.items() if name in VARIABLES}
    options = [made.get("PGOPTIONS", ""), (WRITES if refuses else "") if write else READ_ONLY]
    if role:
        options.append(f"-c role={role}" + (" -c row_security=off" if role == SEES_ALL else ""))
    if target.schema != "public":
        path = '"' + target.schema.replace('"', '""') + '"'
        options.append("-c search_path=" + path.replace("\\", "\\\\").replace(" ", "\\ "))
    made["PGOPTIONS"] = " ".join(option for option in options if option)
    if plain or not made["PGOPTIONS"]:
        del made["PGOPTIONS"]
    made["PGAPPNAME"] = "chatops psql"
    return made

"""What `psql` does: psql on the named database, read-only in place of this process; one that may write runs below it, logged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence

from chatops import formatting, sqlfiles
from chatops.db import pools_transactions
from chatops.errors import RefusedError, UsageError
from chatops.flows import psql_session
from chatops.flows.run import Invocation
from chatops.local import programs
from chatops.model import Span
from chatops.settings import Target
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
    asks = f"Run in psql, which may write: {formatting.visible(given)}" if given else "Open psql that may write"
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
        role, environment = _reading(program, invocation.target, [str(role) for (role,) in asked], environment)
        if role:
            invocation.note(f"psql, read-only, as {role}: it changes no row, locks no table and ends no session; --write lets it")
        else:
            invocation.note("psql, read-only, but as no role that only reads; --write lets it write")
            if not given:  # whoever gives a statement knows what it does
                may = "It changes no row before begin read write; it can lock tables and end sessions as its role may. "
                role_made = Span(invocation.here("doctor", "--create-roles"), "code")
                invocation.note([Span(f"{may}A role that only reads cannot: "), role_made])
    invocation.close()
    sys.stdout.flush()
    if write:
        raise SystemExit(psql_session.run_logged(invocation, [program, *arguments], environment, given_on(arguments)))
    os.execve(program, [program, *arguments], environment)


def given_on(arguments: Sequence[str]) -> list[str]:
    """The statements and files that psql is given on its command line.

    >>> given_on(["-X", "-c", "select 1", "-fone.sql", "--command=select 2"])
    ['select 1', 'the file one.sql', 'select 2']
    """
    found: list[str] = []
    rest = iter(arguments)
    for word in rest:
        for short, long, says in (("-c", "--command", ""), ("-f", "--file", "the file ")):
            if word in (short, long):
                found += [says + one for one in [next(rest, "")] if one]
            elif word.startswith((f"{long}=", short)):
                found.append(says + word.removeprefix(f"{long}=" if word.startswith(long) else short))
    return found


def _reading(program: str, target: Target, roles: Sequence[str], plain: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The first of these roles as which psql comes in and only reads, with its environment; "" where it stays who it is.

    Raises RefusedError where what is on the way to the server does not pass on that the session only reads.
    """
    for role in (*roles, ""):
        environment = variables(target, os.environ, write=False, role=role) if role else plain
        asked = [program, "-XAtqw", "-c", PROOF]
        proof = subprocess.run(asked, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        read_only, _, who = proof.stdout.strip().partition("|")
        if proof.returncode == 0 and read_only == "off":
            raise RefusedError("what is on the way to the server does not pass on that a session only reads: give --write")
        if not role or (proof.returncode == 0 and who == role):
            return role, environment
    return "", plain


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

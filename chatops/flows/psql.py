"""What `psql` does: psql on the named database, in place of this process, read-only unless somebody wants to write."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from chatops.db import pools_transactions
from chatops.errors import RefusedError, UsageError
from chatops.flows.run import Invocation
from chatops.local import programs
from chatops.settings import Target

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


def open_psql(invocation: Invocation, arguments: Sequence[str], *, write: bool, yes: bool) -> None:
    """`chatops psql`; does not come back."""
    program = shutil.which("psql") or _of_the_embedded_server(invocation)
    database = invocation.connect("read")
    with database.reading():
        invocation.banner(database)
    behind_a_pooler = pools_transactions(database)
    if write and not invocation.consent("Open psql that may write", yes=yes):
        raise RefusedError("nothing was opened")
    if not write and behind_a_pooler:
        raise RefusedError("a pooler does not pass on that a session only reads: give --write, or connect to the server itself")
    environment = variables(invocation.target, os.environ, write=write, plain=behind_a_pooler)
    invocation.note("psql, " + ("and it may write" if write else "read-only; --write lets it write"))
    invocation.close()
    sys.stdout.flush()
    os.execve(program, [program, *arguments], environment)


def _of_the_embedded_server(invocation: Invocation) -> str:
    found = programs.folder(invocation.note) / "psql"
    if not found.exists():
        raise UsageError("psql is not installed here (Debian: apt-get install postgresql-client)")
    return str(found)


def variables(target: Target, environ: Mapping[str, str], *, write: bool, plain: bool = False) -> dict[str, str]:
    """The environment in which psql finds the target; nothing of another one stays. `plain`: no options are passed on."""
    made = {
        name: value for name, value in environ.items() if not name.startswith("PG") or name in ("PGPASSFILE", "PGSERVICEFILE")
    }
    made |= {VARIABLES[name]: value for name, value in target.parameters.items() if name in VARIABLES}
    options = [made.get("PGOPTIONS", ""), "" if write else READ_ONLY]
    if target.schema != "public":
        path = '"' + target.schema.replace('"', '""') + '"'
        options.append("-c search_path=" + path.replace("\\", "\\\\").replace(" ", "\\ "))
    made["PGOPTIONS"] = " ".join(option for option in options if option)
    if plain or not made["PGOPTIONS"]:
        del made["PGOPTIONS"]
    made["PGAPPNAME"] = "chatops psql"
    return made

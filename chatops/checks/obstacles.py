"""Why a check could not be asked: never taken for health, and with the SQL that lets it run next time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from chatops import formatting, lock_holders
from chatops.checks import by_files, catalog
from chatops.checks.inventory import Inventory
from chatops.checks.load import Check
from chatops.checks.results import Result
from chatops.db import Database, identifier
from chatops.errors import DatabaseError, LockTimeoutError, StatementTimeoutError
from chatops.lock_holders import Holder
from chatops.model import Values

# Checks that ask which of our files are in: without the ledger they would find nothing, and seem to pass.
_ASKS_LEDGER = re.compile(r":'(applied|expected)'")
_LACKS = ("42P01", "42703", "42883", "3F000", "42704")
_DENIED = "42501"
_CALLED = re.compile(r'function (?:\w+\.)?"?(\w+)"?(?=[(" ])')


HIDDEN = "the server hides other sessions from"


def is_hidden_everywhere(result: Result) -> bool:
    """Whether it is unknown for what the role may not see on the whole server: in every schema alike."""
    return result.status == "unknown" and bool(result.check.needs_role) and (result.reason or "").startswith(HIDDEN)


@dataclass(slots=True)
class Obstacles:
    """What stands between this role and the checks of one snapshot."""

    database: Database
    inventory: Inventory
    _roles: dict[str, bool] = field(default_factory=dict)
    _there: dict[str, bool] = field(default_factory=dict)
    _holders: list[Holder] = field(default_factory=list)
    """Who held a table when a check waited for it in vain."""

    def before(self, check: Check) -> Result | None:
        """The result of a check that need not be asked, or cannot be; None where it can."""
        inventory, database = self.inventory, self.database
        if check.if_absent and check.needs_table not in inventory.missing and not self._is_there(check.if_absent):
            return Result(check, "passed", check.severity)
        if check.if_extension and not self._has_extension(check.if_extension):
            return Result(check, "passed", check.severity)
        wanted = set(check.reads)
        schema, role = identifier(database.target.schema), identifier(database.facts.role if database.facts else "")
        if gone := sorted((wanted | {check.needs_table or ""}) & inventory.missing):
            names = ", ".join(gone)
            return unknown(check, f"{names} {'is' if len(gone) == 1 else 'are'} not there, or schema "
                                   f"{database.target.schema} may not be used", "")  # fmt: skip
        if closed := sorted(wanted & inventory.unreadable):
            return unknown(
                check,
                f"{role} may not read {', '.join(closed)}",
                f"grant usage on schema {schema} to {role}; grant select on {', '.join(closed)} to {role};",
            )
        if hidden := sorted(wanted & inventory.hidden):
            policies = [f"create policy chatops_reads on {schema}.{name} for select to {role} using (true);" for name in hidden]
            return unknown(check, f"row level security hides rows of {', '.join(hidden)} from {role}", " ".join(policies))
        if check.shipped and (ours := database.hidden_among(check.query(before_018=inventory.before_018))):
            refused = database.rows_hidden(ours)
            return unknown(check, f"row level security hides rows of {', '.join(ours)} from {role}", refused.next_steps[0][1])
        if inventory.ledger_unread and _ASKS_LEDGER.search(check.query(before_018=inventory.before_018)):
            return unknown(check, *inventory.ledger_unread)
        if inventory.ahead and ":'expected" in check.query(before_018=inventory.before_018):
            newest = inventory.ahead[-1]
            return unknown(check, f"the database is ahead of this chatops, which does not know {newest}: install a newer one")
        return None if check.partly else self.unseen(check)

    def unseen(self, check: Check) -> Result | None:
        """The result of a check that the server hides other sessions from; None where it sees them."""
        if not check.needs_role or self._has_role(check.needs_role):
            return None
        role = identifier(self.database.facts.role if self.database.facts else "")
        lets = f"{HIDDEN} {role}; a superuser, or a role with ADMIN OPTION on {check.needs_role}, lets it see them"
        return unknown(check, lets, f"grant {check.needs_role} to {role};")

    def after(self, check: Check, error: DatabaseError, *, seconds: float, allowed: float, waited_ms: int) -> Result:
        """The result of a check whose query failed after so many seconds of those allowed."""
        message = formatting.visible(error.message)
        role = identifier(self.database.facts.role if self.database.facts else "")
        if isinstance(error, LockTimeoutError):
            if not self._holders:
                self._holders = lock_holders.seen(self.database, lock_holders.KEEP_READERS)
            if self._holders:
                told = lock_holders.in_words(self._holders)
                return unknown(check, told, lock_holders.ended(self._holders), seconds=seconds, locked=True)
            reason = f"a table it reads was locked by somebody else, who has let go since (waited {waited_ms / 1000:g} s)"
            return unknown(check, reason, seconds=seconds, locked=True)
        if isinstance(error, StatementTimeoutError):
            slow = f"it took longer than {formatting.duration(allowed)}; give more with --timeout SECONDS"
            return unknown(check, slow, seconds=seconds)
        if error.sqlstate == _DENIED:
            what = message.removeprefix("permission denied for ")
            kind, _, name = what.partition(" ")
            if check.if_absent is not None and check.if_absent.endswith(f".{name}"):
                name = check.if_absent  # the server leaves out the schema
            remedies = {"table": f"grant select on {name} to {role};", "view": f"grant select on {name} to {role};",
                        "schema": f"grant usage on schema {name} to {role};",
                        "function": f"grant execute on function {name} to {role};"}  # fmt: skip
            return unknown(check, message, remedies.get(kind, "grant pg_monitor to " + role + ";"), seconds=seconds)
        if error.sqlstate in _LACKS:
            return self._lacking(check, message, seconds)
        if check.fails_on_error:
            row = {"error": message, "sqlstate": error.sqlstate, **self._mend(error)}
            return Result(check, "failed", check.severity, 1, (row,), seconds=seconds)
        where = "" if check.shipped else " (a check of your own)"
        return unknown(check, f"its query failed{where}: {message} ({error.sqlstate})", seconds=seconds)

    def _lacking(self, check: Check, message: str, seconds: float) -> Result:
        """The result of a check that asks for something which is not there: pending, where a file that is not in makes it."""
        for name in re.findall(r"\w+", message):
            made = ((kind, by_files.first_maker(f"{kind} {name}")) for kind in ("function", "view", "table"))
            kind, file = next((one for one in made if one[1] is not None), ("", None))
            if file is None or self.inventory.ledger_unread is not None:
                continue
            if by_files.of(self.inventory)(file):
                return unknown(check, f"this database lacks what it asks: {kind} {name}, which {file} makes", seconds=seconds)
            way = "adopt --dry-run" if self.inventory.by_hand else f"migrate --to {file[:3]} --dry-run"
            return unknown(check, f"{name} comes with {file}, which is pending", seconds=seconds, command=way)
        return unknown(check, f"this database lacks what it asks: {message}", seconds=seconds)

    def _mend(self, error: DatabaseError) -> Values:
        """The command that recreates the function in which the error occurred."""
        called = _CALLED.findall(f"{error.context or ''}\n{error.message}")
        major = self.database.facts.version_number // 10000 if self.database.facts else 0
        return catalog.mended(called[-1] if called else "", self.inventory.known, major)

    def _is_there(self, name: str) -> bool:
        if name not in self._there:
            schema, _, relation = name.partition(".")
            query = """select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                                       where n.nspname = :'schema' and c.relname = :'relation')"""
            self._there[name] = bool(self.database.value(query, {"schema": schema, "relation": relation}))
        return self._there[name]

    def _has_extension(self, name: str) -> bool:
        query = "select exists (select from pg_extension e where e.extname = :'name')"
        return bool(self.database.value(query, {"name": name}))

    def _has_role(self, name: str) -> bool:
        if name not in self._roles:
            self._roles[name] = bool(self.database.value("select pg_has_role(current_user, :'name', 'usage')", {"name": name}))
        return self._roles[name]


def unknown(
    check: Check,
    reason: str,
    remedy: str | None = None,
    *,
    seconds: float = 0.0,
    locked: bool = False,
    command: str | None = None,
) -> Result:
    """A check that gave no answer, and why."""
    return Result(check, "unknown", check.severity, reason=reason, remedy=remedy or None, command=command, seconds=seconds,
                  locked=locked)  # fmt: skip

"""The guards' emergency switch, and what they refused."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from chatops import cluster, sqlfiles
from chatops.chats import audit
from chatops.db import Database
from chatops.errors import RefusedError
from chatops.frozen import frozen
from chatops.provenance import Provenance

LONGEST = timedelta(hours=24)

REASONS = {
    "late_reply": "replied to a chat that somebody else has by now: reload, the chat went to a colleague",
    "operator_busy": "was to be given a chat while holding another: let them finish or release that one first",
}


@frozen
class Switch:
    """Who switched the guards off, why and until when; `in_force` false once that instant has passed."""

    value: str
    until: datetime | None
    reason: str | None
    set_by: str
    set_at: datetime
    in_force: bool


@frozen
class Refusal:
    """How often the guards refused for a reason, since they count."""

    reason: str
    refusals: int

    @property
    def meaning(self) -> str:
        """What can be read to the operator."""
        return REASONS.get(self.reason, self.reason)


@frozen
class Guards:
    """The state of the guards; `switch` is None while nobody touched it."""

    installed: bool
    switch: Switch | None
    refusals: list[Refusal]
    away: tuple[str, ...] = ()
    """Workers of a Citus cluster that could not be asked what they refused."""

    @property
    def off(self) -> bool:
        """Whether legacy writes are accepted as they come."""
        return self.switch is not None and self.switch.value == "off" and self.switch.in_force


@frozen
class _Installed:
    has_settings: bool
    installed: bool


@frozen
class Switched:
    """What a switch left in the log."""

    action_id: int
    until: datetime | None


def state(database: Database) -> Guards:
    """The switch, and the refusals; inside a transaction."""
    found = database.rows(_Installed, sqlfiles.read("queries/guard_state.sql"))[0]
    away: tuple[str, ...] = ()
    if database.facts is not None and database.facts.distributed:
        of_nodes = sqlfiles.read("queries/guard_refusals_of_nodes.sql")
        refusals = database.rows(Refusal, of_nodes, {"schema": database.target.schema})
        away = tuple(cluster.absent_workers(database))
    else:
        refusals = database.rows(Refusal, sqlfiles.query("queries/guard_refusals.sql"))
    # Guards without the table that they ask are no guards that are on.
    return Guards(found.installed, _switch(database) if found.has_settings or found.installed else None, refusals, away)


def _switch(database: Database) -> Switch | None:
    switches = database.rows(Switch, sqlfiles.read("queries/guard_switch.sql"))
    return switches[0] if switches else None


def switch_off(database: Database, provenance: Provenance, span: timedelta, reason: str) -> Switched:
    """Switches the guards off for a span of time, logged in the same transaction. Raises RefusedError when there are none."""
    with audit.acting(database, provenance, reason=reason):
        require(database)
        was = Guards(True, _switch(database), [])
        before = json.dumps({"guards": "off" if was.off else "on"})
        parameters = {"key": "guards", "value": '"off"', "span": span, "reason": reason, "before": before}
        return Switched(*audit.carry_out(database, "queries/guard_off.sql", parameters)[0])


def switch_on(database: Database, provenance: Provenance, reason: str | None) -> Switched | None:
    """Switches the guards on again, logged; None when they were on."""
    with audit.acting(database, provenance, reason=reason):
        require(database)
        done = audit.carry_out(database, "queries/guard_on.sql", {})
        return Switched(*done[0]) if done else None


def require(database: Database) -> None:
    """Raises RefusedError where there are no guards. Inside a transaction."""
    if not database.rows(_Installed, sqlfiles.read("queries/guard_state.sql"))[0].installed:
        raise RefusedError(
            "this database has no guards: migration 022 is not in; nothing was changed",
            next_steps=[
                ("see what it would bring", " ".join(filter(None, ("chatops", database.target.flags, "migrate --dry-run"))))
            ],
        )

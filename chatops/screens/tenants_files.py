"""The pages of many tenants that tell of migration files: `status`, `adopt`, `rehearse`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chatops import formatting
from chatops.errors import ExitCode
from chatops.migrations.fleet import Member
from chatops.model import Answer, Column, value_of
from chatops.screens.tenants import Page, TenantRow, Told, unknown

UP_TO_DATE = "up to date"


def _well(rows: Sequence[TenantRow], word: str) -> str:
    return f"{sum(row.well for row in rows)} of {formatting.plural(len(rows), 'tenant')} {word}"


STATUS = Page(
    "status", (Column("state", "state"), Column("pending", "pending", "number"), Column("last_in", "last one in")),
    lambda answer, code: Told((), {}), UP_TO_DATE, lambda rows: _well(rows, UP_TO_DATE), ("status",), judges=True,
)  # fmt: skip


def status_row(member: Member, command: str, *, counts: bool, seen: bool = True, newer: str | None = None) -> TenantRow:
    """One tenant's line of `status`; `counts`: whether what is pending makes the run end in 1; `seen`: the role may look.

    `newer`: what a newer chatops has left there.
    """
    target = member.target
    if member.error is not None or member.prepared is None:
        refused = member.error is not None and member.error.exit_code is ExitCode.REFUSED
        why = member.error.message if member.error is not None else "it was not looked at"
        code = ExitCode.FOUND if refused else member.code
        if not seen:
            return unknown(target, member.label, why, code, command)
        row = unknown(target, member.label, why, code if counts or not refused else ExitCode.OK, command)
        return row if not refused else _told(row, Told((2.0,), {"state": f"refused: {why}"}, f"refused: {why}"))
    plan = member.prepared.plan
    pending = len(plan.apply) + len(member.prepared.views)
    values = {"state": "pending" if pending else UP_TO_DATE, "pending": pending,
              "last_in": plan.last_in.name if plan.last_in else None}  # fmt: skip
    state = f"{formatting.plural(pending, 'file')} pending" if pending else UP_TO_DATE
    row = unknown(target, member.label, "", ExitCode.FOUND if (pending or newer) and counts else ExitCode.OK, command)
    if newer is not None:
        return _told(row, Told((1.5, float(pending)), {**values, "state": f"ahead: {newer}"}, newer))
    return _told(row, Told((float(pending > 0), float(pending)), values, state))


def _told(row: TenantRow, told: Told) -> TenantRow:
    return TenantRow(row.tenant, row.schema, row.environment, row.database, row.command, row.code, told)


def _adopted(answer: Answer, code: ExitCode) -> Told:
    data: dict[str, Any] = dict(answer.data)
    if "corrected" in data or "recorded" in data:
        said = int(data.get("corrected", data.get("recorded", 0)))
        return Told((0.0,), {"state": f"{said} corrected" if "corrected" in data else "the ledger is there"})
    undecided, to_record = data["undecided"], data["to_record"]
    obstacles = [str(one) for one in data["obstacles"]]
    if undecided or obstacles:
        state = (
            f"{formatting.plural(len(undecided), 'file')} to decide: {', '.join(undecided[:3])}" if undecided else obstacles[0]
        )
    elif to_record:
        state = f"{formatting.plural(len(to_record), 'file')} {'recorded' if data['written'] else 'to record'}"
    else:
        state = "nothing to record"
    values = {"state": state, "to_record": len(to_record), "undecided": len(undecided), "written": data["written"]}
    badness = (float(len(undecided) + len(obstacles)), float(0 if data["written"] else len(to_record)))
    return Told(badness, values, state)


ADOPT = Page(
    "adopt",
    (Column("state", "state"), Column("to_record", "to record", "number"), Column("undecided", "to decide", "number"),
     Column("written", "recorded", "flag", audience="machines")),
    _adopted, "nothing left to record", lambda rows: _well(rows, "with nothing left to record"), ("adopt",), judges=True,
    acts=True,
)  # fmt: skip


def _rehearsed(answer: Answer, code: ExitCode) -> Told:
    tables = {table.name: list(table.rows) for table in answer.tables}
    files = tables.get("files", [])
    if "max_hold" not in answer.data:  # nothing is pending
        return Told((0.0,), {"files": 0, "state": "nothing to rehearse", "longest": None}, "nothing to rehearse")
    longest = max((float(value_of(one, "seconds")) for one in tables.get("blocking", [])), default=0.0)
    wrong = [one for one in files if value_of(one, "status") in ("failed", "too long")]
    not_run = sum(value_of(one, "status") not in ("rehearsed", "failed", "too long") for one in files)
    state = f"{len(files) - not_run} of {formatting.plural(len(files), 'file')} rehearsed"
    if wrong:
        state = f"{value_of(wrong[0], 'file')}: {value_of(wrong[0], 'status')}"
    values = {"files": len(files), "state": state, "longest": longest}
    return Told((float(len(wrong)), longest, float(code != ExitCode.OK)), values, state, bool(wrong))


REHEARSE = Page(
    "rehearse",
    (Column("state", "state"), Column("files", "files", "number"), Column("longest", "blocks others for", "duration")),
    _rehearsed, "nobody would wait", lambda rows: _well(rows, "where nobody would wait"), ("rehearse",), judges=True, acts=True,
)  # fmt: skip

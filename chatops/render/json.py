"""For programs: one object, with a version, holding the tables by name."""

from __future__ import annotations

import json
from collections.abc import Iterator

from chatops.model import Answer
from chatops.render.cells import columns_for, machine, machine_row, tables_for
from chatops.render.format import Envelope, Failure, Format, Medium


def render(answer: Answer, medium: Medium, envelope: Envelope) -> Iterator[str]:
    """One JSON object: the envelope, then `data`, then each table as an array of objects."""
    whole = {**envelope, "at": machine(answer.now), **{key: machine(value) for key, value in answer.data.items()}}
    for table in tables_for(answer, "machines"):
        columns = columns_for(table, "machines")
        whole[table.name] = [machine_row(row, columns, medium) for row in table.rows]
    yield json.dumps(whole, ensure_ascii=medium.ascii, indent=2, default=str) + "\n"


def failure(failed: Failure, medium: Medium, envelope: Envelope) -> str:
    """The envelope with `error`: what happened, what helps, and where in a file it was."""
    error = failed.error
    body = {
        "message": error.message,
        "details": list(error.details),
        "next_steps": [{"label": label, "command": step} for label, step in error.next_steps],
        "exit_code": failed.exit_code,
        "sqlstate": getattr(error, "sqlstate", None),
        **{key: getattr(error, key) for key in ("file", "line", "column") if hasattr(error, key)},
    }
    return json.dumps({**envelope, "error": body}) + "\n"


FORMAT = Format("json", render, failure=failure)

"""For programs: one object, with a version, holding the tables by name."""

from __future__ import annotations

import json
import re
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
    yield escaped(json.dumps(whole, ensure_ascii=medium.ascii, indent=2, default=str)) + "\n"


_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\ue000-\uf8ff\U000e0000-\U000e0fff]"
)


def escaped(text: str) -> str:
    """JSON in which what a terminal obeys, and what other readers take for the end of a line, is escaped as well."""
    if "##" in text:  # some CI systems obey it wherever it stands
        text = text.replace("##", "\\u0023#")
    return _UNSEEN.sub(_escape, text) if not text.isascii() or "\x7f" in text else text


def _escape(sign: re.Match[str]) -> str:
    code = ord(sign[0])
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(sign[0])[1:-1]


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
    return escaped(json.dumps({**envelope, "error": body})) + "\n"


FORMAT = Format("json", render, failure=failure)

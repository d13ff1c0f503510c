"""Reads files for SQL that is unsafe on a busy table: squawk's findings and those of the migrator's own look at a file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from chatops import settings
from chatops.errors import ChatopsError, UsageError
from chatops.frozen import frozen
from chatops.migrations.migration_text import MigrationText
from chatops.migrations.objects_made import claims_of, table_of
from chatops.migrations.scanner import Statement, statement_at
from chatops.migrations.source import MigrationFile
from chatops.model import Values
from chatops.settings.extras import with_extra

OLDEST_SERVER = "15.0"
# The migrator gives every file its lock timeout, and a statement no limit but that of its locks.
OURS = ("require-lock-timeout", "require-statement-timeout")
# Rules about tables that are in use: a table made in the same pending set has neither rows nor readers.
OF_USED_TABLES = frozenset(
    ("adding-exclusion-constraint", "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-nullable-field",
     "adding-required-field", "adding-serial-primary-key-field", "ban-drop-column", "ban-drop-not-null", "ban-drop-table",
     "ban-truncate-cascade", "changing-column-type", "constraint-missing-not-valid", "disallowed-unique-constraint",
     "renaming-column", "renaming-table", "require-concurrent-index-creation", "require-concurrent-index-deletion",
     "require-table-schema")
)  # fmt: skip
CONFIGURATION = ".squawk.toml"


@frozen
class UnsafeStatement:
    """Something unsafe, where it stands: `line` and `column` count characters from 1; None where the whole file is meant."""

    file: str
    line: int | None
    column: int | None
    severity: str
    code: str
    message: str
    help: str | None
    statement: str | None = None


def lint(
    files: Sequence[MigrationFile], *, schema: str = "public", server: str | None = None, shown: Sequence[str] | None = None
) -> list[UnsafeStatement]:
    """The findings of some files that would run one after the other, in order.

    `schema` is where unqualified names are; `server` the version that they will run on (default: the oldest that is supported);
    `shown` what each file is called in the findings. Raises UsageError when squawk is not installed.
    """
    squawk = program()
    names = list(shown or [file.shown for file in files])
    with ThreadPoolExecutor(max_workers=4) as pool:
        told = list(pool.map(lambda file: _squawk(squawk, file, server), files))
    made: set[tuple[str, str]] = set()
    found: list[UnsafeStatement] = []
    for file, name, raw in zip(files, names, told, strict=True):
        own = [
            UnsafeStatement(name, one.line, one.column, one.severity, one.code, one.message, one.hint)
            for one in file.reading.problems
        ]
        # A file that is no valid SQL is reported once, by the parser that says why.
        findings = [] if any(one.severity == "error" for one in own) else [_placed(file.reading, name, one) for one in raw]
        kept = [one for one in findings if not _of_new_table(one, file.reading, made, schema)]
        found += sorted([*own, *kept], key=lambda one: (one.line or 0, one.column or 0, one.code))
        for claim in claims_of(file.reading, (schema,)).told:
            table = (claim.thing.schema, claim.thing.name)
            renamed = claim.was is not None and (claim.was.schema, claim.was.name) not in made
            if claim.there and claim.thing.kind == "table" and not renamed:
                made.add(table)
    return found


@cache
def program() -> Path:
    """Where squawk is: beside this Python, else on the PATH. Raises UsageError saying how to get it."""
    beside = Path(sys.executable).parent / ("squawk.exe" if sys.platform == "win32" else "squawk")
    if beside.exists():
        return beside
    elsewhere = shutil.which("squawk")
    if elsewhere:
        return Path(elsewhere)
    raise UsageError(
        "squawk is not installed: it comes with the extra `lint` of chat-assignment-ops",
        next_steps=[with_extra("lint"), ("or by itself", "pip install squawk-cli")],
    )


def _squawk(squawk: Path, file: MigrationFile, server: str | None) -> list[dict[str, Any]]:
    """What squawk says of one file, as it says it: lines and columns (in bytes) from 0."""
    configuration = _configuration(file.path.parent)
    excluded = [*OURS, *_excluded(configuration)]
    command = [
        str(squawk), "--reporter", "json", "--stdin-filepath", file.path.name, f"--exclude={','.join(excluded)}",
        "--assume-in-transaction" if file.reading.mode == "transaction" else "--no-assume-in-transaction",
        *(["--config", str(configuration)] if configuration else []),
        *([f"--pg-version={server or OLDEST_SERVER}"] if server or not configuration else []),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            input=_without_rows(file.reading).encode(),
            capture_output=True,
            check=False,
            timeout=60,
            cwd=Path(file.path).parent,
            env=settings.without_databases(os.environ),
        )
        told = json.loads(done.stdout or b"[]")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ChatopsError(f"squawk could not read {file.shown}: {error}") from None
    if done.returncode > 1 or (done.returncode and not told):
        raise ChatopsError(f"squawk could not read {file.shown}", details=done.stderr.decode(errors="replace").splitlines()[:3])
    return list(told)


def _configuration(folder: Path) -> Path | None:
    """The nearest .squawk.toml at or above a folder."""
    return next(
        (path for above in (folder.resolve(), *folder.resolve().parents) if (path := above / CONFIGURATION).is_file()), None
    )


def _excluded(configuration: Path | None) -> list[str]:
    """The rules that a configuration switches off; on the command line they would be forgotten."""
    if configuration is None:
        return []
    try:
        return [str(rule) for rule in tomllib.loads(configuration.read_text(encoding="utf-8")).get("excluded_rules", [])]
    except (OSError, ValueError) as error:
        raise UsageError(f"{configuration} cannot be read: {error}") from None


def _without_rows(reading: MigrationText) -> str:
    """The text with the rows of every COPY left out, lines kept: they are no SQL."""
    pieces: list[str] = []
    done = 0
    for statement in reading.statements:
        if statement.copy_data is not None:
            begin, end = statement.copy_data
            line_end = reading.sent.find("\n", end)
            stop = len(reading.sent) if line_end < 0 else line_end
            pieces += [reading.sent[done:begin], "\n" * reading.sent.count("\n", begin, stop)]
            done = stop
    return "".join([*pieces, reading.sent[done:]])


def _placed(reading: MigrationText, name: str, told: Values) -> UnsafeStatement:
    """A finding at its line and column as people count them."""
    lines = reading.sent.split("\n")
    row = int(told["line"])
    line = lines[row] if row < len(lines) else ""
    column = len(line.encode()[: int(told["column"])].decode(errors="ignore"))
    statement = _statement(reading, row + 1, column + 1)
    text = statement.text if statement else None
    severity = "error" if told["level"] == "Error" else "warning"
    return UnsafeStatement(name, row + 1, column + 1, severity, told["rule_name"], told["message"], told["help"], text)


def _statement(reading: MigrationText, line: int, column: int) -> Statement | None:
    before = 0
    for _ in range(line - 1):
        before = reading.sent.find("\n", before) + 1
    return statement_at(reading.statements, before + column - 1)


def _of_new_table(finding: UnsafeStatement, reading: MigrationText, made: set[tuple[str, str]], schema: str) -> bool:
    """Whether a finding is about a table in use, and the table is made by an earlier file of the same set."""
    if finding.code not in OF_USED_TABLES or finding.line is None or finding.column is None:
        return False
    statement = _statement(reading, finding.line, finding.column)
    return statement is not None and table_of(statement.text, schema) in made

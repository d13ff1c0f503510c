"""Reads one migration file and tells, before anything runs, everything that is wrong with it and how it has to be run.

Pure: a file's bytes go in, a `MigrationText` comes out, with all of its problems and not the first of them. Whether a file
is pending, late or edited is for the plan; what stands in it is for here.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from chatops import sqlfiles
from chatops.migrations.directives import directive_problems, directives_in, mode_of, repairs_of
from chatops.migrations.migration_text import MigrationText, Problem, normalised_text, statement_hash
from chatops.migrations.other_tools import declared_no_transaction, up_part
from chatops.migrations.scanner import Kind, comments, script
from chatops.migrations.statements import outside_transaction
from chatops.migrations.text_problems import (
    blanked,
    copies,
    decoded,
    invisible_characters,
    is_restrict,
    meta_commands,
    nul,
    unterminated,
)
from chatops.migrations.transaction_problems import (
    late_failures,
    mode_problems,
    odd_strings,
    other_encoding,
    own_transaction,
    transaction_control,
)


def load(path: Path, name: str | None = None) -> MigrationText:
    """Reads and examines a file; one that cannot be read is a problem, not an exception."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return unreadable(name or path.name, error)
    return examine(name or path.name, data)


def unreadable(name: str, error: OSError) -> MigrationText:
    """What is known of a file that could not be read."""
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    problem = Problem(
        name, None, None, "unreadable", f"cannot be read: {reason}", "check that the file exists and its permissions"
    )
    return MigrationText(name, "", sha256(b"").hexdigest(), problems=(problem,))


def examine(name: str, data: bytes) -> MigrationText:
    """Everything that can be said of a migration file by its bytes."""
    text = decoded(name, data)
    if isinstance(text, Problem):
        return MigrationText(name, "", sha256(data).hexdigest(), problems=(text,))
    text = normalised_text(text)
    part = up_part(name, text)
    read = script(part.text)
    statements = tuple(statement for statement in read.statements if not is_restrict(statement))
    runnable = tuple(statement for statement in statements if statement.kind is not Kind.META)
    head = comments(part.text, 0, statements[0].start if statements else None)
    directives = tuple(directive for _, directive in directives_in(head))
    declared = declared_no_transaction(read, head)
    reasons = [(statement, reason) for statement in runnable if (reason := outside_transaction(statement))]
    mode, mode_reason = mode_of(directives, reasons, declared)
    own = own_transaction(runnable) if mode == "transaction" else ()
    runnable = tuple(statement for statement in runnable if statement not in own)
    checks: tuple[Iterable[Problem], ...] = (
        nul(name, text),
        unterminated(name, read),
        directive_problems(name, read, head),
        meta_commands(name, statements),
        transaction_control(name, runnable, mode),
        copies(name, text, runnable, mode),
        mode_problems(name, runnable, reasons, mode, declared=bool(directives or declared)),
        late_failures(name, runnable, mode),
        odd_strings(name, part.text, runnable),
        other_encoding(name, part.text, runnable),
        part.problems,
        invisible_characters(name, text),
    )
    problems = sorted((problem for check in checks for problem in check), key=lambda p: (p.line or 0, p.column or 0))
    return MigrationText(
        name=name,
        text=text,
        checksum=sha256(text.encode()).hexdigest(),
        statements=runnable,
        hashes=tuple(statement_hash(text, statement) for statement in runnable),
        effect=sqlfiles.header("\n".join(c.text for c in head if c.text.startswith("--"))).get("effect") or None,
        directives=directives,
        mode=mode,
        mode_reason=mode_reason,
        problems=tuple(problems),
        sent=blanked(read, [*own, *(statement for statement in read.statements if is_restrict(statement))]),
        notes=(*part.left_out, *(["its BEGIN and COMMIT are left out: the whole file is one transaction"] if own else [])),
        repairs=repairs_of(directives),
    )

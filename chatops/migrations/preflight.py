r"""Reads one migration file and tells, before anything runs, everything that is wrong with it and how it has to be run.

Pure: a file's bytes go in, a `MigrationText` comes out, with all of its problems and not the first of them. Whether a file
is pending, late or edited is for the plan; what stands in it is for here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path
from typing import Literal

from chatops import sqlfiles
from chatops.migrations.scanner import (
    Kind,
    Place,
    Script,
    Statement,
    Token,
    comments,
    normalised,
    place,
    script,
    significant,
)

Mode = Literal["transaction", "statements", "batched"]

# What `-- chatops:` can ask for at the head of a file, and what it means.
DIRECTIVES = {
    "no-transaction": "statement by statement, each on its own; a re-run goes on at the one that failed",
    "batched": "each statement in its own transaction, repeated until it reports 0 rows",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file. An `error` keeps every pending file from running, a `warning` is shown.

    `line` and `column` count from 1 and are None where the file as a whole is meant; `code` is a stable word for scripts.
    """

    file: str
    line: int | None
    column: int | None
    code: str
    message: str
    hint: str
    severity: Literal["error", "warning"] = "error"

    @property
    def where(self) -> str:
        """`file:line:column`, as editors take it."""
        return self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a file that goes to the server in one go: SQL, or one COPY with its rows.

    `offset` is where `text` begins in `MigrationText.sent`: a position that the server reports plus `offset` is one in the
    file. `rows` is what a `COPY … FROM stdin` reads, with the line break of its last row, or None.
    """

    text: str
    offset: int
    rows: str | None = None


@dataclass(frozen=True, slots=True)
class MigrationText:
    r"""A migration file, read.

    `text` is the file without byte order mark and with `\n` for `\r\n`, and `checksum` (sha256, hexadecimal) is of that.
    `sent` is what goes to the server: `text` with the `\restrict` lines of pg_dump blanked, so that offsets, lines and columns
    hold in both. `statements` are those to run, `hashes` one sha256 for each that ignores blanks and comments. `effect`
    is the `-- effect:` line for people, None without one. `mode` is how it has to be run, `mode_reason` why it is not one
    transaction. `problems` are in the order of the file.
    """

    name: str
    text: str
    checksum: str
    statements: tuple[Statement, ...] = ()
    hashes: tuple[str, ...] = ()
    effect: str | None = None
    directives: tuple[str, ...] = ()
    mode: Mode = "transaction"
    mode_reason: str | None = None
    problems: tuple[Problem, ...] = ()
    sent: str = ""

    @property
    def runnable(self) -> bool:
        """Whether no problem keeps it from running."""
        return all(problem.severity != "error" for problem in self.problems)

    def segments(self) -> list[Segment]:
        """The file cut at each `COPY … FROM stdin`, for a run in one transaction; one segment where there is none."""
        found: list[Segment] = []
        done, waiting = 0, False  # what is not yet in a segment, and whether a statement is among it
        for statement in self.statements:
            if statement.copy_data is None:
                waiting = True
                continue
            if waiting:
                found.append(Segment(self.sent[done : statement.start], done))
            begin, end = statement.copy_data
            found.append(Segment(statement.text, statement.start, self.sent[begin:end]))
            line_end = self.sent.find("\n", end)
            done, waiting = len(self.sent) if line_end < 0 else line_end + 1, False
        if waiting:
            found.append(Segment(self.sent[done:], done))
        return found


@dataclass(frozen=True, slots=True)
class Edit:
    """A statement that is not what was applied. `index` counts from 0, in the new file or, if it was removed, in the old one;
    `line` is where it stands now, or where it stood no more."""

    what: Literal["changed", "added", "removed"]
    index: int
    line: int


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
    text = _decode(name, data)
    if isinstance(text, Problem):
        return MigrationText(name, "", sha256(data).hexdigest(), problems=(text,))
    text = normalised_text(text)
    read = script(text)
    statements = tuple(statement for statement in read.statements if not _is_restrict(statement))
    runnable = tuple(statement for statement in statements if statement.kind is not Kind.META)
    head = comments(text, 0, statements[0].start if statements else None)
    directives = tuple(directive for _, directive in _directives(head))
    reasons = [(statement, reason) for statement in runnable if (reason := outside_transaction(statement))]
    mode, mode_reason = _mode(directives, reasons)
    checks: tuple[Iterable[Problem], ...] = (
        _nul(name, text),
        _unterminated(name, read),
        _empty(name, read, runnable),
        _directive_problems(name, read, head),
        _meta_commands(name, statements),
        _transaction_control(name, runnable, mode),
        _copies(name, text, runnable, mode),
        _mode_problems(name, runnable, reasons, mode, directives),
        _late_failures(name, runnable, mode),
        _down_sections(name, read),
        _invisible_characters(name, text),
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
        sent=_without_restrict(read),
    )


def normalised_text(text: str) -> str:
    r"""The text that a checksum stands for, and that is sent: no byte order mark, `\n` for `\r\n`.

    Sending the same text keeps a checkout made on Windows from putting other function bodies into the database.
    """
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def statement_hash(text: str, statement: Statement) -> str:
    """sha256 of a statement of `text`, the same for any blanks, line breaks and comments; COPY rows count as they stand."""
    digest = sha256(normalised(statement.text).encode())
    if statement.copy_data is not None:
        begin, end = statement.copy_data
        digest.update(b"\n" + text[begin:end].encode())
    return digest.hexdigest()


def edited_statements(old_hashes: Sequence[str], new: MigrationText) -> tuple[Edit, ...]:
    """Which statements of an applied file are not those that were applied; none = only blanks and comments changed."""
    hashes = new.hashes
    # What stayed at both ends needs no comparing; a replaced middle of many statements is told one by one.
    first = 0
    while first < min(len(old_hashes), len(hashes)) and old_hashes[first] == hashes[first]:
        first += 1
    same_end = 0
    while same_end < min(len(old_hashes), len(hashes)) - first and old_hashes[-1 - same_end] == hashes[-1 - same_end]:
        same_end += 1
    old = old_hashes[first : len(old_hashes) - same_end]
    now = hashes[first : len(hashes) - same_end]
    found: list[Edit] = []
    if max(len(old), len(now)) > _MANY:
        blocks = [(0, len(old), 0, len(now))]
    else:
        compared = SequenceMatcher(None, old, now, autojunk=False).get_opcodes()
        blocks = [(a, b, c, d) for tag, a, b, c, d in compared if tag != "equal"]
    for old_from, old_to, new_from, new_to in blocks:
        both = min(old_to - old_from, new_to - new_from)
        line = _line_of(new, first + new_to)
        found += [
            Edit("changed" if step < both else "added", index, new.statements[index].line)
            for step, index in enumerate(range(first + new_from, first + new_to))
        ]
        found += [Edit("removed", index, line) for index in range(first + old_from + both, first + old_to)]
    return tuple(found)


def edited_finished(old_hashes: Sequence[str], finished: int, new: MigrationText) -> tuple[Edit, ...]:
    """Which of the first `finished` statements of a half-done file were edited since; only without any can it go on."""
    kept = edited_statements(old_hashes[:finished], _first(new, finished))
    return tuple(kept)


def outside_transaction(statement: Statement) -> str | None:
    """The words for a statement that the server refuses inside a transaction block (25001); None for all others.

    A `CALL` may commit and is not told from its text.
    """
    first = _FIRST_WORD.match(statement.text)
    word = first[0].upper() if first else ""
    if word not in _OUTSIDE_FIRST_WORDS or not _OUTSIDE_HINT.search(statement.text):
        return None
    shape = _shape(statement)
    for pattern, reason in _OUTSIDE:
        match = pattern.match(shape)
        if match:
            return reason(match) if callable(reason) else reason
    return None


def mentions_batch_size(statement: Statement) -> bool:
    """Whether the runner can make the batches of a statement smaller."""
    text = statement.text.lower()
    return _BATCH_SIZE in text and any(
        token.kind == "string" and _BATCH_SIZE in token.text.lower() for token in significant(text)
    )


_MANY = 2000
_BATCH_SIZE = "chatops.batch_size"
BOUND_HINT = "limit it: … where id in (select id from … limit current_setting('chatops.batch_size')::int)"
_FIRST_WORD = re.compile(r"[A-Za-z]+")
_FALSE = r"(?:FALSE|OFF|0|NO)\b"
_OUTSIDE_FIRST_WORDS = frozenset(("ALTER", "CLUSTER", "CREATE", "DISCARD", "DROP", "REINDEX", "VACUUM"))
# Without one of these in it, whether as a word or not, no statement needs a closer look.
_OUTSIDE_HINT = re.compile("vacuum|concurrently|reindex|system|database|tablespace|subscription|cluster|discard", re.IGNORECASE)
# By the shape of a statement, see `_shape`. From the calls of PreventInTransactionBlock in the server, 15 to 18.
_OUTSIDE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"VACUUM\b", "VACUUM"),
        (r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY\b", "CREATE INDEX CONCURRENTLY"),
        (r"DROP INDEX CONCURRENTLY\b", "DROP INDEX CONCURRENTLY"),
        (r"REINDEX (?:\( [^()]*\) )?(SCHEMA|DATABASE|SYSTEM)\b", lambda match: f"REINDEX {match[1]}"),
        (r"REINDEX (?:\( [^()]*\) )?(TABLE|INDEX) CONCURRENTLY\b", lambda match: f"REINDEX {match[1]} CONCURRENTLY"),
        (
            rf"REINDEX \( (?:[^()]*, )?CONCURRENTLY (?!{_FALSE})[^()]*\) (TABLE|INDEX)\b",
            lambda match: f"REINDEX {match[1]} CONCURRENTLY",
        ),
        (r"ALTER SYSTEM\b", "ALTER SYSTEM"),
        (r"(CREATE|DROP) (DATABASE|TABLESPACE)\b", lambda match: f"{match[1]} {match[2]}"),
        (r"ALTER DATABASE \S+ SET TABLESPACE\b", "ALTER DATABASE … SET TABLESPACE"),
        (
            r"ALTER TABLE (?:\S+ )*?DETACH PARTITION (?:\S+ \. )*\S+ CONCURRENTLY\b",
            "ALTER TABLE … DETACH PARTITION … CONCURRENTLY",
        ),
        (
            rf"CREATE SUBSCRIPTION (?!.* WITH \( (?:.* )?(?:CREATE_SLOT|CONNECT) = {_FALSE})",
            "CREATE SUBSCRIPTION with a replication slot",
        ),
        (r"DROP SUBSCRIPTION\b", "DROP SUBSCRIPTION with a replication slot"),
        (r"ALTER SUBSCRIPTION \S+ REFRESH\b", "ALTER SUBSCRIPTION … REFRESH PUBLICATION"),
        (
            rf"ALTER SUBSCRIPTION \S+ (?:SET|ADD|DROP) PUBLICATION\b(?!.* WITH \( (?:.* )?REFRESH = {_FALSE})",
            "ALTER SUBSCRIPTION … PUBLICATION with a refresh",
        ),
        (
            rf"ALTER SUBSCRIPTION \S+ SET \( (?:.* )?(?:FAILOVER\b|TWO_PHASE = {_FALSE})",
            "ALTER SUBSCRIPTION … SET (failover, two_phase)",
        ),
        (r"CLUSTER(?: VERBOSE| \( [^()]*\))? ?$", "CLUSTER of all tables"),
        (r"DISCARD ALL\b", "DISCARD ALL"),
    )
)


def _shape(statement: Statement | str) -> str:
    """A statement's tokens in upper case with one blank between them and behind the last; a quoted name is one `"`, other than
    plain words in a string one `'`. Patterns over it need no care for comments, blanks or text in literals."""
    text = statement if isinstance(statement, str) else statement.text
    return "".join(f"{_shaped(token)} " for token in significant(text))


def _shaped(token: Token) -> str:
    if token.kind == "identifier":
        return '"'
    if token.kind == "string":
        value = token.text[1:-1]
        return value.upper() if value.isascii() and value.isalnum() else "'"
    return token.upper if token.kind == "word" else token.text


def _decode(name: str, data: bytes) -> str | Problem:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line_start = data.rfind(b"\n", 0, error.start) + 1
        line = data.count(b"\n", 0, error.start) + 1
        before = data[line_start : error.start].removeprefix(b"\xef\xbb\xbf" if line == 1 else b"")
        column = len(before.decode("utf-8", "replace")) + 1
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            message, hint = "is UTF-16, not UTF-8", "save it as UTF-8"
        else:
            message = f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
            hint = "save it as UTF-8; if it is Latin-1: iconv -f latin1 -t utf-8"
        return Problem(name, line, column, "not-utf-8", message, hint)


def _problem(
    name: str,
    at: Statement | Place,
    code: str,
    message: str,
    hint: str,
    severity: Literal["error", "warning"] = "error",
) -> Problem:
    return Problem(name, at.line, at.column, code, message, hint, severity)


def _nul(name: str, text: str) -> Iterator[Problem]:
    offset = text.find("\0")
    if offset >= 0:
        yield _problem(
            name, place(text, offset), "nul", "holds a NUL character, which no text in PostgreSQL can hold", "remove it"
        )


def _unterminated(name: str, read: Script) -> Iterator[Problem]:
    opening = read.opening
    if opening is None:
        return
    hint = {
        "COPY data": r"the rows of a COPY … FROM stdin end with a line that holds only \.",
        "comment": "close it with */; comments nest, so that each /* needs its own",
        "dollar-quoted string": "close it with the tag that opens it",
        "BEGIN ATOMIC body": "each statement of the body needs its ;, and END follows the last one",
    }.get(opening.what, "close it; the file may also have been cut off")
    yield _problem(name, opening.place, "unterminated", f"{opening.what} is never closed", hint)


def _empty(name: str, read: Script, runnable: Sequence[Statement]) -> Iterator[Problem]:
    if not runnable and read.opening is None and not any(s.kind is Kind.META and not _is_restrict(s) for s in read.statements):
        what = "holds nothing but comments" if read.text.strip() else "is empty"
        yield Problem(
            name, None, None, "empty", what, "write the statements, or remove the file while it is not applied anywhere"
        )


_DIRECTIVE = re.compile(r"--[ \t]*chatops:[ \t]*(.*)", re.IGNORECASE)


def _directives(found: Iterable[Token]) -> Iterator[tuple[Token, str]]:
    for comment in found:
        if match := _DIRECTIVE.fullmatch(comment.text.rstrip()):
            for word in re.split(r"[\s,]+", match[1].strip()):
                yield comment, word.lower()


def _directive_problems(name: str, read: Script, head: Sequence[Token]) -> Iterator[Problem]:
    seen: set[str] = set()
    for comment, directive in _directives(head):
        at = place(read.text, comment.start)
        if directive not in DIRECTIVES:
            known = " or ".join(f"-- chatops: {known}" for known in DIRECTIVES)
            yield _problem(name, at, "unknown-directive", f"unknown directive {directive!r}", f"write {known}")
        seen.add(directive)
        if seen >= DIRECTIVES.keys():
            yield _problem(
                name, at, "conflicting-directives", "a file is either no-transaction or batched", "split it in two files"
            )
            seen.clear()
    for comment in _comments_between(read, _DIRECTIVE):
        if not head or comment.start > head[-1].start:
            yield _problem(
                name,
                place(read.text, comment.start),
                "late-directive",
                "a directive counts only before the first statement",
                "move it to the head of the file",
            )


def _comments_between(read: Script, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The comments that match and stand between statements; what looks like one inside a literal is none."""
    if not pattern.search(read.text):
        return
    done = 0
    for statement in [*read.statements, None]:
        end = len(read.text) if statement is None else statement.start
        if end > done and pattern.search(read.text, done, end):
            yield from (comment for comment in comments(read.text, done, end) if pattern.match(comment.text))
        if statement is not None:
            done = max(done, statement.end)
            if statement.copy_data is not None:
                done = max(done, statement.copy_data[1])


def _is_restrict(statement: Statement) -> bool:
    return statement.kind is Kind.META and re.match(r"\\(?:un)?restrict(?![A-Za-z_])", statement.text) is not None


def _without_restrict(read: Script) -> str:
    pieces: list[str] = []
    done = 0
    for statement in read.statements:
        # Inside another statement psql would take it too, the server would not: it stays, and is a problem.
        if _is_restrict(statement):
            pieces += [read.text[done : statement.start], " " * (statement.end - statement.start)]
            done = statement.end
    return "".join([*pieces, read.text[done:]]) if pieces else read.text


_META_HINTS = {
    r"\i": "give the included file a number of its own",
    r"\ir": "give the included file a number of its own",
    r"\include": "give the included file a number of its own",
    r"\include_relative": "give the included file a number of its own",
    r"\copy": r"write COPY … FROM stdin; and the rows behind it, down to a line \.",
    r"\gexec": "build and run the statements in a DO block with EXECUTE",
    r"\set": "write the value where it is used",
    r"\connect": "a file runs in the database that chatops is connected to",
    r"\c": "a file runs in the database that chatops is connected to",
    r"\.": "rows of a COPY end here, but no COPY … FROM stdin begins before it",
}


def _meta_commands(name: str, statements: Sequence[Statement]) -> Iterator[Problem]:
    for statement in statements:
        if statement.kind is Kind.META:
            command = re.match(r"\\(?:[A-Za-z_]+|.)?", statement.text)[0]  # type: ignore[index]
            hint = _META_HINTS.get(command, "remove it: only psql knows it")
            yield _problem(name, statement, "meta-command", f"{command} is a command of psql, not SQL", hint)


_TRANSACTION_FIRST_WORDS = frozenset(
    ("ABORT", "BEGIN", "COMMIT", "DISCARD", "END", "LOCK", "PREPARE", "RELEASE", "ROLLBACK", "SAVEPOINT", "SET", "START")
)
_CONTROL = re.compile(
    r"(?:(?P<two>(?:COMMIT|ROLLBACK) PREPARED|PREPARE TRANSACTION)\b|(?P<start>BEGIN|START TRANSACTION)\b"
    r"|(?P<commit>COMMIT|END)\b|(?P<rollback>ABORT|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b))\b"
    r"|(?P<savepoint>SAVEPOINT|RELEASE|ROLLBACK)\b|(?P<isolation>SET (?:LOCAL )?(?:TRANSACTION\b|TRANSACTION_ISOLATION\b))"
    r"|(?P<session>DISCARD ALL)\b|(?P<local>SET LOCAL|SET CONSTRAINTS|LOCK)\b)"
)


def _transaction_control(name: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    for statement in runnable:
        first = _FIRST_WORD.match(statement.text)
        if first is None or first[0].upper() not in _TRANSACTION_FIRST_WORDS:
            continue
        match = _CONTROL.match(_shape(statement))
        if match is None:
            continue
        kind, words = match.lastgroup, match[0].strip()
        if kind in ("start", "commit", "rollback"):
            does = {
                "start": "the file already runs in a transaction",
                "commit": "it would end the transaction of the run, and what follows could not be undone",
                "rollback": "it would undo the file and its entry in the ledger",
            }[kind]
            if mode != "transaction":
                does = "each statement runs on its own"
            yield _problem(
                name, statement, "transaction-control", f"{words} at top level: {does}", "remove it: chatops begins and commits"
            )
        elif kind == "two":
            yield _problem(
                name, statement, "transaction-control", f"{words} does not belong in a migration", "run it by hand, with psql"
            )
        elif kind == "isolation":
            late = "comes too late: the transaction has already begun"
            if mode != "transaction":
                late = "has no effect where each statement runs on its own"
            yield _problem(name, statement, "set-transaction", f"{words} {late}", "remove it")
        elif kind == "session":
            yield _problem(
                name, statement, "discards-session", f"{words} would drop the lock that the run holds", "write RESET ALL instead"
            )
        elif mode != "transaction" and kind == "savepoint":
            yield _problem(
                name, statement, "needs-a-transaction", f"{words} fails where each statement runs on its own", "remove it"
            )
        elif mode != "transaction" and kind == "local":
            yield _problem(
                name,
                statement,
                "needs-a-transaction",
                f"{words} has no effect where each statement runs on its own",
                "remove it, or write SET and RESET" if words == "SET LOCAL" else "remove it",
                "warning",
            )


def _copies(name: str, text: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    for statement in runnable:
        if statement.copy_data is not None:
            line_end = text.find("\n", statement.stop)
            rest = next(significant(text, statement.stop + 1, line_end if line_end >= 0 else len(text)), None)
            if rest is not None and rest.text != ";":
                yield _problem(
                    name,
                    place(text, rest.start),
                    "copy-line",
                    "stands on the line of a COPY … FROM stdin, before its rows",
                    "put it on a line of its own behind the rows",
                )
            if mode == "batched":
                yield _problem(
                    name,
                    statement,
                    "batched-copy",
                    "a COPY cannot be repeated until it reports 0 rows",
                    "give it a file of its own",
                )
        elif statement.text[:4].upper() == "COPY" and _copies_out(statement):
            yield _problem(name, statement, "copy-to-stdout", "nobody reads what COPY … TO stdout writes here", "remove it")


def _copies_out(statement: Statement) -> bool:
    depth, before = 0, ""
    for token in significant(statement.text):
        if token.kind == "operator":
            depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            if before == "TO":
                return token.upper in ("STDOUT", "STDIN")
            before = token.upper
    return False


def _mode(directives: Sequence[str], reasons: Sequence[tuple[Statement, str]]) -> tuple[Mode, str | None]:
    if "batched" in directives:
        return "batched", "declared"
    if "no-transaction" in directives:
        return "statements", "declared"
    if reasons:
        statement, reason = reasons[0]
        return "statements", f"{reason} at line {statement.line} cannot run in a transaction"
    return "transaction", None


_SETTING = frozenset(("SET", "RESET"))
_CHANGES_ROWS = re.compile(r"(?:^| )(?:UPDATE|DELETE|INSERT|MERGE) ")
_BOOKKEEPING = re.compile(r"(?:UPDATE|DELETE FROM|INSERT INTO|MERGE INTO) CHATOPS \. ")  # nobody waits for rows of ours


def _mode_problems(
    name: str, runnable: Sequence[Statement], reasons: Sequence[tuple[Statement, str]], mode: Mode, directives: Sequence[str]
) -> Iterator[Problem]:
    if mode == "batched":
        for statement, reason in reasons:
            yield _problem(
                name,
                statement,
                "batched-outside-transaction",
                f"{reason} cannot run in a transaction, and so not in a batch",
                "give it a file of its own with -- chatops: no-transaction",
            )
        for statement in runnable:
            first = _FIRST_WORD.match(statement.text)
            word = first[0].upper() if first else ""
            shape = _shape(statement)
            # A function may well return 0 when nothing is left to do.
            if word in ("VALUES", "SHOW", "EXPLAIN") or (word == "SELECT" and not re.search(r" FROM | \( ", shape)):
                yield _problem(
                    name,
                    statement,
                    "batched-query",
                    "a query that always returns a row never reports 0 rows, and is repeated for ever",
                    "write the UPDATE, DELETE or INSERT itself, limited to a batch",
                    "warning",
                )
            if _CHANGES_ROWS.search(shape) and not _BOOKKEEPING.match(shape) and not mentions_batch_size(statement):
                yield _problem(
                    name,
                    statement,
                    "batched-unsized",
                    "does not use chatops.batch_size: if a batch keeps its locks for longer than 200 ms it is rolled back, "
                    "and cannot be made smaller",
                    BOUND_HINT,
                    "warning",
                )
    elif mode == "statements" and not directives:
        alone = {statement.start for statement, _ in reasons}
        others = [s for s in runnable if s.start not in alone and s.text.split(None, 1)[0].upper() not in _SETTING]
        if others:
            statement, reason = reasons[0]
            count = "other statement is" if len(others) == 1 else f"{len(others)} other statements are"
            yield _problem(
                name,
                statement,
                "mixed-file",
                f"{reason} makes the file run statement by statement: its {count} not undone when a later one fails",
                "give it a file of its own, or say -- chatops: no-transaction",
                "warning",
            )


_VALUE_HINT = re.compile(r"\bvalue\b", re.IGNORECASE)
_ADD_VALUE = re.compile(r"ALTER TYPE (?:\S+ \. )*\S+ ADD VALUE (?:IF NOT EXISTS )?")


def _late_failures(name: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    """What the server refuses only once the file is half-way: a new enum value in use, a COMMIT in a DO block."""
    if mode != "transaction":
        return
    added: dict[str, Statement] = {}
    for statement in runnable:
        first = _FIRST_WORD.match(statement.text)
        word = first[0].upper() if first else ""
        if word == "ALTER" and _VALUE_HINT.search(statement.text) and _ADD_VALUE.match(_shape(statement)):
            literal = next((token.text for token in significant(statement.text) if token.kind == "string"), None)
            if literal is not None:
                added[literal] = statement
                continue
        if word == "DO":
            for commit in _commits(statement):
                yield _problem(
                    name,
                    statement,
                    "commit-in-do",
                    f"a DO block cannot {commit} inside the transaction of the file",
                    "say -- chatops: no-transaction, or use -- chatops: batched",
                )
        if added and word != "CREATE":
            used = {token.text for token in significant(statement.text) if token.kind == "string"}
            if word == "DO":
                used |= {literal for literal in added if any(literal in body for body in used)}
            for literal in sorted(used & added.keys()):
                yield _problem(
                    name,
                    statement,
                    "new-enum-value",
                    f"{literal} was added to its type at line {added[literal].line} and cannot be used before that is committed",
                    "use it in the next file",
                    "warning",
                )


def _commits(statement: Statement) -> Iterator[str]:
    """COMMIT or ROLLBACK, once each, where they are statements of the PL/pgSQL of a DO block."""
    body = next((token.text for token in significant(statement.text) if token.kind == "string"), "")
    body = body.replace("''", "'")[1:-1] if body.startswith("'") else body[body.find("$", 1) + 1 : body.rfind("$", 0, -1)]
    inside = [*significant(body)]
    found: set[str] = set()
    for before, token, after in zip([None, *inside], inside, [*inside[1:], None], strict=False):
        if (
            token.upper in ("COMMIT", "ROLLBACK")
            and token.upper not in found
            and (before is None or before.text == ";" or before.upper in ("BEGIN", "THEN", "ELSE", "LOOP"))
            and (after is None or after.text == ";" or after.upper == "AND")
        ):
            found.add(token.upper)
            yield token.upper


_DOWN = re.compile(r"--[ \t]*(?:migrate:down|\+goose[ \t]+down|@down|!downs)\b.*", re.IGNORECASE)


def _down_sections(name: str, read: Script) -> Iterator[Problem]:
    for comment in _comments_between(read, _DOWN):
        yield _problem(
            name,
            place(read.text, comment.start),
            "down-section",
            "another tool's section for undoing begins here; it would run right after the rest",
            "remove the section: chatops only goes forward",
        )


_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00a0]")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _invisible_characters(name: str, text: str) -> Iterator[Problem]:
    """Characters that make a text read as other than it is: bidirectional controls anywhere, invisible ones in names."""
    if not _INVISIBLE.search(text):
        return
    names = ""
    line, counted = 1, 0
    for match in _INVISIBLE.finditer(text):
        character, offset = match[0], match.start()
        if character in _BIDI:
            message = "turns the direction of text: what runs is not what one reads"
        else:
            names = names or _blanked_literals(text)
            if names[offset] != character:
                continue
            message = "looks like a blank or like nothing, and is part of a name to PostgreSQL"
        line, counted = line + text.count("\n", counted, offset), offset
        at = Place(offset, line, offset - text.rfind("\n", 0, offset))
        message = f"U+{ord(character):04X} {message}"
        yield _problem(name, at, "invisible-character", message, "remove it, or write it as an escape", "warning")


def _blanked_literals(text: str) -> str:
    """The text with everything but unquoted words and numbers made blank, offsets kept."""
    pieces: list[str] = []
    done = 0
    for token in significant(text):
        if token.kind in ("word", "number"):
            pieces += [" " * (token.start - done), token.text]
            done = token.start + len(token.text)
    return "".join([*pieces, " " * (len(text) - done)])


def _line_of(new: MigrationText, index: int) -> int:
    """The line of a statement, or the last line of the file behind the last one."""
    if index < len(new.statements):
        return new.statements[index].line
    return new.text.rstrip("\n").count("\n") + 1


def _first(new: MigrationText, count: int) -> MigrationText:
    return MigrationText(
        new.name, new.text, new.checksum, statements=new.statements[:count], hashes=new.hashes[:count], sent=new.sent
    )

"""What does not go with the way a file is run: BEGIN and COMMIT of its own, statements that refuse a transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chatops.migrations.migration_text import Mode, Problem, problem_at
from chatops.migrations.scanner import Statement, significant, tokens
from chatops.migrations.statements import BOUND_HINT, first_word, mentions_batch_size, shape

_TRANSACTION_FIRST_WORDS = frozenset(
    ("ABORT", "BEGIN", "COMMIT", "DISCARD", "END", "LOCK", "PREPARE", "RELEASE", "ROLLBACK", "SAVEPOINT", "SET", "START")
)
_CONTROL = re.compile(
    r"(?:(?P<two>(?:COMMIT|ROLLBACK) PREPARED|PREPARE TRANSACTION)\b|(?P<start>BEGIN|START TRANSACTION)\b"
    r"|(?P<commit>COMMIT|END)\b|(?P<rollback>ABORT|ROLLBACK(?! (?:(?:WORK|TRANSACTION) )?TO\b))\b"
    r"|(?P<savepoint>SAVEPOINT|RELEASE|ROLLBACK)\b|(?P<isolation>SET (?:LOCAL )?(?:TRANSACTION\b|TRANSACTION_ISOLATION\b))"
    r"|(?P<session>DISCARD ALL)\b|(?P<local>SET LOCAL|SET CONSTRAINTS|LOCK)\b)"
)


_OWN_BEGIN = re.compile(
    r"(?:BEGIN(?: WORK| TRANSACTION)?|START TRANSACTION)"
    r"(?: READ WRITE| ISOLATION LEVEL READ COMMITTED| NOT DEFERRABLE| ,)* "
)
_OF_ANOTHER_KIND = re.compile(r" (?:READ ONLY|SERIALIZABLE|REPEATABLE READ|(?<!NOT )DEFERRABLE)\b")
_OWN_COMMIT = re.compile(r"(?:COMMIT|END)(?: WORK| TRANSACTION)?(?: AND NO CHAIN)? ")


def own_transaction(runnable: Sequence[Statement]) -> tuple[Statement, ...]:
    """The BEGIN and COMMIT around a whole file, () without them: it then runs in the transaction of the run."""
    if len(runnable) < 2 or first_word(runnable[0]) not in ("BEGIN", "START"):
        return ()
    if not _OWN_BEGIN.fullmatch(shape(runnable[0])) or not _OWN_COMMIT.fullmatch(shape(runnable[-1])):
        return ()
    return runnable[0], runnable[-1]


_OFF = "(?:OFF?|F|FA|FAL|FALS|FALSE|N|NO|0)"
"""All words that the server takes for off."""
_ODD_STRINGS = re.compile(rf"SET (?:LOCAL |SESSION )?STANDARD_CONFORMING_STRINGS (?:TO|=) {_OFF} ")
_ODD_STRINGS_SET = re.compile(rf"\bset_config\s*\(\s*'standard_conforming_strings'\s*,\s*'{_OFF}'", re.IGNORECASE)


def has_plain_backslash(text: str) -> bool:
    r"""Whether a literal that is no E'…' has a backslash, which escapes where standard_conforming_strings is off.

    >>> has_plain_backslash(r"select E'a\b', $$c\d$$ -- \ "), has_plain_backslash(r"select 'a\b'")
    (False, True)
    """
    return "\\" in text and any(token.text.startswith("'") and "\\" in token.text for token in tokens(text))


def odd_strings(name: str, text: str, runnable: Sequence[Statement]) -> Iterator[Problem]:
    """A file that changes what a backslash means, and has one after that."""
    for statement in runnable:
        by_set = first_word(statement) == "SET" and _ODD_STRINGS.match(shape(statement))
        if (by_set or _ODD_STRINGS_SET.search(statement.text)) and has_plain_backslash(text[statement.stop :]):
            yield problem_at(
                name, statement, "odd-strings", "from here on a backslash in a literal means something else than chatops reads",
                "remove it, and write E'…' where a backslash is meant to escape",
            )  # fmt: skip


_OTHER_ENCODING = re.compile(
    r"SET\s+(?:(?:LOCAL|SESSION)\s+)?(?:CLIENT_ENCODING\s*(?:TO\b|=)|NAMES\b)(?!\s*(?:['\"]?UTF_?-?8|DEFAULT\b))", re.IGNORECASE
)


def other_encoding(name: str, text: str, runnable: Sequence[Statement]) -> Iterator[Problem]:
    """A file that says that what follows is no UTF-8, and has more than ASCII after that."""
    for statement in runnable:
        if first_word(statement) == "SET" and _OTHER_ENCODING.match(statement.text) and not text[statement.stop :].isascii():
            yield problem_at(
                name, statement, "other-encoding", "from here on psql would read the bytes of this file in that encoding",
                "remove it, and save the file as UTF-8",
            )  # fmt: skip


def transaction_control(name: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    for statement in runnable:
        if first_word(statement) not in _TRANSACTION_FIRST_WORDS:
            continue
        match = _CONTROL.match(shape(statement))
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
            elif statement is runnable[0] and _OF_ANOTHER_KIND.search(shape(statement)):
                does = "the file's transaction is the run's, which writes its entry too and sees what is committed meanwhile"
            yield problem_at(
                name, statement, "transaction-control", f"{words} at top level: {does}", "remove it: chatops begins and commits"
            )
        elif kind == "two":
            yield problem_at(
                name, statement, "transaction-control", f"{words} does not belong in a migration", "run it by hand, with psql"
            )
        elif kind == "isolation":
            late = "comes too late: the transaction has already begun"
            if mode != "transaction":
                late = "has no effect where each statement runs on its own"
            yield problem_at(name, statement, "set-transaction", f"{words} {late}", "remove it")
        elif kind == "session":
            yield problem_at(
                name, statement, "discards-session", f"{words} would drop the lock that the run holds", "write RESET ALL instead"
            )
        elif mode != "transaction" and kind == "savepoint":
            yield problem_at(
                name, statement, "needs-a-transaction", f"{words} fails where each statement runs on its own", "remove it"
            )
        elif mode != "transaction" and kind == "local":
            yield problem_at(
                name,
                statement,
                "needs-a-transaction",
                f"{words} has no effect where each statement runs on its own",
                "remove it, or write SET and RESET" if words == "SET LOCAL" else "remove it",
                "warning",
            )


_SETTING = frozenset(("SET", "RESET"))
_CHANGES_ROWS = re.compile(r"(?:^| )(?:UPDATE|DELETE|INSERT|MERGE) ")
_BOOKKEEPING = re.compile(r"(?:UPDATE|DELETE FROM|INSERT INTO|MERGE INTO) CHATOPS \. ")  # nobody waits for rows of ours


def mode_problems(
    name: str, runnable: Sequence[Statement], reasons: Sequence[tuple[Statement, str]], mode: Mode, *, declared: bool
) -> Iterator[Problem]:
    if mode == "batched":
        for statement, reason in reasons:
            yield problem_at(
                name,
                statement,
                "batched-outside-transaction",
                f"{reason} cannot run in a transaction, and so not in a batch",
                "give it a file of its own with -- chatops: no-transaction",
            )
        for statement in runnable:
            word = first_word(statement)
            tokens = shape(statement)
            # A function may well return 0 when nothing is left to do.
            if word in ("VALUES", "SHOW", "EXPLAIN") or (word == "SELECT" and not re.search(r" FROM | \( ", tokens)):
                yield problem_at(
                    name,
                    statement,
                    "batched-query",
                    "a query that always returns a row never reports 0 rows, and is repeated for ever",
                    "write the UPDATE, DELETE or INSERT itself, limited to a batch",
                    "warning",
                )
            if _CHANGES_ROWS.search(tokens) and not _BOOKKEEPING.match(tokens) and not mentions_batch_size(statement):
                yield problem_at(
                    name,
                    statement,
                    "batched-unsized",
                    "does not use chatops.batch_size: if a batch keeps its locks for longer than 200 ms it is rolled back, "
                    "and cannot be made smaller",
                    BOUND_HINT,
                    "warning",
                )
    elif mode == "statements" and not declared:
        alone = {statement.start for statement, _ in reasons}
        others = [s for s in runnable if s.start not in alone and first_word(s) not in _SETTING]
        if others:
            statement, reason = reasons[0]
            count = "other statement is" if len(others) == 1 else f"{len(others)} other statements are"
            yield problem_at(
                name,
                statement,
                "mixed-file",
                f"{reason} makes the file run statement by statement: its {count} not undone when a later one fails",
                "give it a file of its own, or say -- chatops: no-transaction",
                "warning",
            )


_VALUE_HINT = re.compile(r"\bvalue\b", re.IGNORECASE)
_ADD_VALUE = re.compile(r"ALTER TYPE (?:\S+ \. )*\S+ ADD VALUE (?:IF NOT EXISTS )?")


def late_failures(name: str, runnable: Sequence[Statement], mode: Mode) -> Iterator[Problem]:
    """What the server refuses only once the file is half-way: a new enum value in use, a COMMIT in a DO block."""
    if mode != "transaction":
        return
    added: dict[str, Statement] = {}
    for statement in runnable:
        word = first_word(statement)
        if word == "ALTER" and _VALUE_HINT.search(statement.text) and _ADD_VALUE.match(shape(statement)):
            literal = next((token.text for token in significant(statement.text) if token.kind == "string"), None)
            if literal is not None:
                added[literal] = statement
                continue
        if word == "DO":
            for commit in _commits(statement):
                yield problem_at(
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
                yield problem_at(
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

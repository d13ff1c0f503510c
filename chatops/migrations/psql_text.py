"""A run as one text for psql: what `migrate` would send, for whoever may not, or must not, let it."""

from __future__ import annotations

from collections.abc import Iterator

from chatops import db, formatting, sqlfiles
from chatops.migrations import ledger
from chatops.migrations.batches import BATCH_LOCK_TIMEOUT_MS
from chatops.migrations.carry_over import carry_over_texts
from chatops.migrations.ledger import Run
from chatops.migrations.locks import Budget
from chatops.migrations.prepare import MigrationRequest, Prepared
from chatops.migrations.scanner import Statement, keywords, significant
from chatops.migrations.source import SHIPPED, MigrationFile
from chatops.migrations.statements import Index, built_index, outside_transaction
from chatops.migrations.step_texts import StepTexts
from chatops.migrations.transaction import CLEAN, FRESH_SESSION, Transaction, for_file, for_ledger, for_views
from chatops.repairs import texts as repairs
from chatops.repairs.texts import Repair

ROWS_A_BATCH = 500
"""psql cannot watch a batch and make it smaller, as `migrate` does."""
_ONLY_MIGRATOR = """-- This needs a session of its own: the server's own port, or a pooler in session mode.
do $$ begin if not pg_catalog.pg_try_advisory_lock({keys}) then raise exception 'another migrator is at work'; end if; end $$"""
_CHANGES = frozenset(("INSERT", "UPDATE", "DELETE", "MERGE"))
_READS = frozenset(("SELECT", "VALUES", "TABLE"))


def exact_text(prepared: Prepared, request: MigrationRequest, run: Run, schema: str) -> str:
    """What would be sent, as a text that psql takes: every transaction of a run that never waits, and stops at an error.

    Files that are not one transaction come statement by statement, in batches as a loop of 500 rows a transaction.
    """
    pieces = ["\\set ON_ERROR_STOP on\n"]
    deadline_ms = Budget(request.max_wait).deadline_ms
    bookkeeping = not prepared.ledger.exists
    if prepared.carried:
        carried = carry_over_texts(schema, prepared.folder, prepared.carried)
        pieces.append(for_ledger(carried, schema, run, deadline_ms=deadline_ms, bookkeeping=False).pasteable + "\n")
    if prepared.by_history:
        texts = [ledger.adopt_text(schema, prepared.by_history, run)]
        pieces.append(for_ledger(texts, schema, run, deadline_ms=deadline_ms, bookkeeping=bookkeeping).pasteable + "\n")
        bookkeeping = False
    for number, entry in enumerate(prepared.plan.apply, 1):
        assert entry.file is not None
        mode = entry.file.reading.mode
        pieces.append(f"-- {formatting.visible(entry.name)} ({mode})\n")
        if mode == "transaction":
            pieces += _pasteable(
                for_file(
                    entry, schema, run, deadline_ms=deadline_ms, bookkeeping=bookkeeping,
                    statement_timeout=request.statement_timeout,
                    followed=_followed(prepared, number), also=_also(prepared, entry.file),
                )
            )  # fmt: skip
        else:
            steps = StepTexts(entry, schema, run, request.statement_timeout)
            pieces += _steps(steps, _also(prepared, entry.file), deadline_ms, bookkeeping=bookkeeping)
        bookkeeping = False
    if prepared.views:
        made = for_views(prepared.views, schema, run, source=SHIPPED, deadline_ms=deadline_ms)
        pieces += ["-- views\n", *_pasteable(made)]
    return "".join(pieces)


def _also(prepared: Prepared, file: MigrationFile) -> list[str]:
    """A file's row in Supabase's history, where that is kept in step."""
    return prepared.history.texts(file) if prepared.history is not None else []


def _followed(prepared: Prepared, number: int) -> bool:
    """Whether a transaction comes next, whose commit makes this one durable too."""
    if number == len(prepared.plan.apply):
        return bool(prepared.views)
    following = prepared.plan.apply[number].file
    return following is not None and following.reading.mode == "transaction"


def _pasteable(transaction: Transaction) -> Iterator[str]:
    yield transaction.pasteable + "\n"


def _steps(texts: StepTexts, also: list[str], deadline_ms: int, *, bookkeeping: bool) -> Iterator[str]:
    """A file that is not one transaction, under a lock of the session, from where it stopped."""
    keys = f"{ledger.LOCK_CLASS}, {ledger.lock_object(texts.schema)}"
    row = texts.entry.row
    done = row.steps_done if row else 0

    def noted(ours: list[str], after: int) -> Iterator[str]:
        expected = texts.expected(after)
        return _pasteable(texts.transaction(ours, None, [], expected=expected, lock_timeout_ms=deadline_ms))

    yield f"{FRESH_SESSION}\n;\n{_ONLY_MIGRATOR.format(keys=keys)}\n;\n"
    begin = texts.transaction(
        [texts.begin()], None, [], expected=ledger.expectation(row), lock_timeout_ms=deadline_ms, bookkeeping=bookkeeping
    )
    yield from _pasteable(begin)
    if texts.file.reading.repairs is not None:
        yield _session(texts, BATCH_LOCK_TIMEOUT_MS)
        yield from (_repair_loop(texts, repair) for repair in repairs.chosen(texts.file.reading.repairs))
    for statement in texts.file.reading.statements[done:]:
        if texts.file.reading.mode == "batched":
            yield _loop(texts, statement)
            yield from noted([texts.step(done + 1)], done)
        elif outside_transaction(statement) is None and keywords(statement, 1) not in (("CALL",), ("DO",)):
            yield from _pasteable(
                texts.transaction(
                    [], statement, [texts.step(done + 1)], expected=texts.expected(done), lock_timeout_ms=deadline_ms
                )
            )
        else:
            yield _session(texts, 0, statement)
            if (index := built_index(statement)) is not None and index.name:
                yield _leftover(index)
            yield f"{statement.text}\n;\n"
            yield "".join(f"{text}\n;\n" for text in CLEAN)
            yield from noted([texts.step(done + 1)], done)
        done += 1
    yield from noted([*also, texts.end()], done)
    yield "".join(f"{text}\n;\n" for text in (*CLEAN, f"select pg_catalog.pg_advisory_unlock({keys})")) + "\n"


def _session(texts: StepTexts, lock_timeout_ms: int, statement: Statement | None = None) -> str:
    settings = ledger.settings_texts(
        texts.schema, texts.run, lock_timeout_ms=lock_timeout_ms, statement_timeout=texts.statement_timeout or "0", local=False
    )
    return "".join(f"{text}\n;\n" for text in (*settings, *(texts.before(statement, local=False) if statement else ())))


def _leftover(index: Index) -> str:
    r"""Drops what a build that stopped has left under the index's name: `\gexec` sends what the query returns."""
    found = db.inlined(sqlfiles.read("queries/index_leftover.sql"), {"name": db.identifier(index.name)})
    return f"{found}\\gexec\n"


def _loop(texts: StepTexts, statement: Statement) -> str:
    """A batched statement as a block that commits each batch."""
    file = texts.file
    values = {
        "target_schema": texts.schema, "source": file.source, "name": file.name, "batch_size": str(ROWS_A_BATCH),
        "reports_in_first_column": _reports_in_first_column(statement), "statement": statement.text,
    }  # fmt: skip
    text, tag = sqlfiles.read("queries/ledger_batches.sql"), "chatops_batches"
    while tag in statement.text:
        text, tag = text.replace(tag, f"{tag}_"), f"{tag}_"
    return _session(texts, BATCH_LOCK_TIMEOUT_MS, statement) + db.inlined(text, values)


def _repair_loop(texts: StepTexts, repair: Repair) -> str:
    """A repair as a block that finds once and commits each batch."""
    placeholder = "'chatops_found'"
    limited = f"\n{repair.finding()}\nlimit {repairs.MOST_FOUND}\n"
    values = {
        "target_schema": texts.schema, "source": texts.file.source, "name": texts.file.name, "batch_size": ROWS_A_BATCH,
        "find": f"select pg_catalog.array_agg(pg_catalog.to_jsonb(rows)) from ({limited}) as rows",
        "most": repairs.MOST_FOUND,
        "mend": repair.mend.replace(":'found'", placeholder), "placeholder": placeholder,
    }  # fmt: skip
    return f"-- {repair.code}\n{db.inlined(sqlfiles.read('queries/repair_loop.sql'), values)}"


def _reports_in_first_column(statement: Statement) -> bool:
    """Whether a batch says in its first column how many rows it changed, because it is a query."""
    depth = 0
    for token in significant(statement.text):
        if token.kind == "operator":
            depth += (token.text == "(") - (token.text == ")")
        elif depth == 0 and token.upper in _CHANGES:
            return False
        elif depth == 0 and token.upper in _READS:
            return True
    return False

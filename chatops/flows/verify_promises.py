"""The two ways of `verify` that are no checks: the guide's tests, and the comparison with a deploy's receipt."""

from __future__ import annotations

from pathlib import Path

from chatops.errors import ExitCode, UsageError
from chatops.flows.run import Invocation
from chatops.model import Answer, Column, Line, Outcome, Span, Table, Text


def scenarios(invocation: Invocation, *, yes: bool) -> ExitCode:
    """Lives through the guide's tests; 1 when a step failed or could not be lived through."""
    from chatops.chats import scenarios as plays

    if not invocation.consent("Live through the guide's tests with made-up people (rolled back)", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    database = invocation.connect("act")
    database.glance()
    invocation.banner(database)
    played = plays.play(database)
    invocation.show(plays.answer(played))
    return ExitCode.OK if played.passed else ExitCode.FOUND


def concurrent(invocation: Invocation, *, yes: bool) -> ExitCode:
    """Lives through the races in a clone made for it on the same server, which is dropped afterwards; 1 when one failed."""
    from dataclasses import replace
    from uuid import uuid4

    from chatops import db
    from chatops.chats import contention
    from chatops.chats.scenarios import answer
    from chatops.errors import DatabaseError, RefusedError

    target = invocation.target
    if target.production:
        raise RefusedError("--concurrent copies the whole database and loads the server: not on a production one",
                           next_steps=[("without it, on any", invocation.here("verify", "--scenarios"))])  # fmt: skip
    if not invocation.consent("Copy this database, let made-up people race in the copy, and drop it", yes=yes):
        invocation.note("nothing was changed")
        return ExitCode.REFUSED
    with invocation.connect("act") as database:
        facts = database.glance()
        invocation.banner(database)
    clone = f"chatops_clone_{uuid4().hex[:12]}"
    beside = replace(target, parameters={**target.parameters, "dbname": "postgres"})
    with invocation.connect("act", target=beside) as server:
        try:
            server.execute(f"create database {db.identifier(clone)} template {db.identifier(facts.database)}")
        except DatabaseError as error:
            needs = "a copy takes the right to create databases, and nobody else connected meanwhile"
            raise RefusedError(f"no copy of {facts.database} could be made: {error.message}", details=(needs,)) from None
        copy = replace(target, parameters={**target.parameters, "dbname": clone})
        try:
            played = contention.play(lambda: invocation.connect("act", target=copy))
        finally:
            server.execute(f"drop database {db.identifier(clone)} with (force)")
    invocation.show(answer(played, "in a copy that is dropped again"))
    return ExitCode.OK if played.passed else ExitCode.FOUND


def against(invocation: Invocation, path: Path) -> ExitCode:
    """What differs from the catalog after a deploy; 1 when anything does."""
    from chatops import formatting
    from chatops.deploys import receipt as receipts
    from chatops.migrations.fingerprint import Fingerprint, fingerprint

    receipt = receipts.read(path)
    target = invocation.target
    if (receipt.database, receipt.schema) != (target.shown(), target.schema):
        invocation.warn(f"the receipt is of {receipt.database}, schema {receipt.schema}")
    if receipt.after is None:
        raise UsageError(f"{path} is the receipt of a deploy that stopped before its files were in: nothing to compare with")
    with invocation.reading() as database:
        live = fingerprint(database)
    drift = Fingerprint(receipt.schema, receipt.objects).differences(live)
    # The receipt's side is "here" for the comparison, and "then" for whoever reads it.
    told = [line.replace("only here", "gone since").replace("only there", "new since").replace(" here, ", " then, ")
            .replace(" there", " now") for line in drift]  # fmt: skip
    head = f"{formatting.plural(len(told), 'object')} changed since the deploy of {receipt.started}" if told else \
        f"no drift: the catalog is what the deploy of {receipt.started} left"  # fmt: skip
    lines: list[Line] = [[Span(head, "warning" if told else "ok")], *([Span(f"  {formatting.visible(line)}")] for line in told)]
    table = Table("drift", [Column("object", "object")], [{"object": line} for line in told], audience="machines")
    outcomes = [Outcome(line.partition(":")[0], "failed", "warning", line, counts=True) for line in told] or [
        Outcome("drift", "passed", "warning", head)
    ]
    invocation.show(Answer("verify", [Text(lines), table], {"then": receipt.after, "now": live.sha256}, invocation.now,
                           outcomes=outcomes))  # fmt: skip
    return ExitCode.FOUND if told else ExitCode.OK

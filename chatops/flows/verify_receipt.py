"""`verify --against RECEIPT`: what of the catalog has changed since a deploy."""

from __future__ import annotations

import shlex
from pathlib import Path

from chatops.deploys import receipt as receipts
from chatops.errors import ExitCode, UsageError
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.migrations.fingerprint import Fingerprint, changes, fingerprint
from chatops.screens import verify_receipt


def against(invocation: Invocation, path: Path, *, diff: bool) -> ExitCode:
    """1 when anything differs from the catalog that the deploy left."""
    receipt = receipts.read(path)
    target = invocation.target
    if (receipt.database, receipt.schema) != (target.shown(), target.schema):
        invocation.warn(f"the receipt is of {receipt.database}, schema {receipt.schema}")
    if receipt.after is None:
        raise UsageError(f"{path} is the receipt of a deploy that stopped before its files were in: nothing to compare with")
    with invocation.reading(chats=False) as database:
        live = fingerprint(database)
    drift = changes(Fingerprint(receipt.schema, receipt.objects), live)
    more = invocation.here("verify", "--against", shlex.quote(str(path)), "--diff")
    digests = (receipt.after, live.sha256)
    answer = verify_receipt.drift_answer(drift, receipt.started, digests, invocation.now, diff=diff, more=more)
    show_paged(invocation, answer)
    return ExitCode.FOUND if drift else ExitCode.OK

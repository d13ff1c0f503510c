"""`chatops explain`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import DOCUMENT_FORMATS, command, invocation_of


@command(takes=("output",), formats=DOCUMENT_FORMATS)
def explain(
    ctx: Context,
    code: list[str] = argument(
        None, metavar="[CODE]", autocompletion=completion.codes, help="A code of diagnose or verify; all of them when not given."
    ),
    sql: bool = option(False, "--sql", help="Print the query."),
) -> None:
    """Meaning, cause, consequences and fix of a finding; without a code all of them, by symptom.

    Connects to nothing. The same text is in docs/findings.md.

    Examples:
      chatops explain
      chatops explain CHAT003
      chatops explain CHAT003 --sql

    Exit codes: 0 shown · 2 no such code
    """
    from chatops.flows.explain import explain  # loads every check

    # A code that was typed in two words is one that is not there, with the one that was meant.
    explain(invocation_of(ctx), " ".join(code or ()), sql=sql)

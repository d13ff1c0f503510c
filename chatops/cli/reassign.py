"""`chatops reassign`."""

from __future__ import annotations

from chatops.cli import completion
from chatops.cli import shared_options as options
from chatops.cli.declared import option
from chatops.flows.move_request import RULES

reassign = options.forcible(options.moving(
    "reassign",
    """Gives chats to an operator. Shows before and after, then asks; a chat that changed meanwhile is skipped.

Named chats: all or none. A set (--where, --from, --stuck): whatever can move. The open assignment is closed and a new one
opened, in one transaction with a row of the log. Undo it with `chatops undo`.

Examples:
  chatops reassign 3f2b8c1e --to op-31 --dry-run
  chatops reassign --where OPER001 --to auto --reason 'op-12 is gone'
  chatops reassign --from op-12 --to auto --plan-out plan.json
  chatops reassign --plan plan.json --yes

Exit codes: 0 done · 2 unknown or ambiguous name · 4 a rule forbids it, or it failed · 5 a chat moved meanwhile
""",
    to=option(
        None, "--to", metavar="OPERATOR", autocompletion=completion.recipients, help="Who gets it; auto spreads over who is free."
    ),
    force=option([], "--force", metavar="[RULES]", help=f"Break {', '.join(RULES)} (commas); alone: all."),
    every_row=False,
))  # fmt: skip

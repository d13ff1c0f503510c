"""`chatops release`."""

from __future__ import annotations

from chatops.cli import shared_options as options
from chatops.cli.declared import option

release = options.forcible(options.moving(
    "release",
    """Takes chats from their operator and puts each into the state that its messages say.

The user spoke last: back in the queue. We spoke last: it waits for the user. Open assignments are closed, activity is
removed. `--idle` does what the application's cron does: a chat that was given back as often as max_reassignments allows,
with no reply since, is closed. Undo it with `chatops undo`.

Examples:
  chatops release 3f2b8c1e --dry-run
  chatops release --where OPER001 --reason 'op-12 is gone'
  chatops release --idle --max 500 --yes

Exit codes: 0 done · 2 unknown or ambiguous name · 4 a rule forbids it, or it failed · 5 a chat moved meanwhile
""",
    idle=option(False, "--idle", help="The chats whose operator is silent beyond the idle timeout, or gone."),
    force=option([], "--force", metavar="[RULES]", help="Break the rule completed; alone: all."),
    every_row=False,
))  # fmt: skip

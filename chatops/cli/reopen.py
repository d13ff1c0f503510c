"""`chatops reopen`."""

from __future__ import annotations

from chatops.cli import shared_options as options

reopen = options.moving(
    "reopen",
    """Opens ended chats again, whoever ended them: the reassignment limit, an admin, a block that was lifted.

The user spoke last: in the queue, waiting since the oldest message that nobody has answered. We spoke last: it waits for the
user. Undo it with `chatops undo`.

Examples:
  chatops reopen 3f2b8c1e --dry-run
  chatops reopen --where CHAT018 --reason 'unblocked'

Exit codes: 0 done · 2 unknown or ambiguous name · 4 refused, or it failed · 5 a chat moved meanwhile
""",
)

"""`chatops close`."""

from __future__ import annotations

from chatops.cli import shared_options as options

close = options.moving(
    "close",
    """Ends chats: completed, held by nobody, in no queue.

Whoever holds one loses it: the open assignment is closed, activity is removed. The user's messages go on to be stored, and
nobody is called for them; `chatops reopen` brings the chat back. Undo it with `chatops undo`.

Examples:
  chatops close 3f2b8c1e --dry-run
  chatops close 3f2b8c1e --reason 'the user asked for it'

Exit codes: 0 done · 2 unknown or ambiguous name · 4 refused, or it failed · 5 a chat moved meanwhile
""",
)

"""The command line. Here stands the table of commands, and nothing that takes time to load."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # without typing, which `--help` does not need
    from collections.abc import Sequence

# Panel, command, help line; in the order of the help. The module of a command bears its name.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("Deploy", "migrate", "Apply the pending migration files."),
    ("Deploy", "status", "Which files are in (for chats: summary)."),
    ("Deploy", "adopt", "Take over an existing database (baseline)."),
    ("Deploy", "new", "The next file of a folder."),
    ("Deploy", "check", "Apply a folder from nothing on a scratch server, for pull requests."),
    ("Deploy", "rehearse", "Measure the pending files in a rolled-back transaction."),
    ("Deploy", "lint", "Check the pending files for unsafe SQL."),
    ("Deploy", "wait", "Until the server answers and takes writes."),
    ("Deploy", "verify", "Is the deploy right? (what is wrong now: diagnose; can I work here: doctor)"),
    ("Deploy", "deploy", "The guide's five steps as one command."),
    ("Deploy", "monitor", "A deploy's first hour and first day."),
    ("Deploy", "report", "One page about a deploy or a day."),
    ("Look", "diagnose", "What is wrong now? (is the deploy right: verify; can I work here: doctor)"),
    ("Look", "console", "The live desk."),
    ("Look", "summary", "Chats by state."),
    ("Look", "queue", "Who waits, and for how long."),
    ("Look", "stuck", "What does not move."),
    ("Look", "chats", "Chats by state, user, profile, holder or age."),
    ("Look", "operators", "Who works, and on what."),
    ("Look", "show", "One chat or operator and its timeline."),
    ("Look", "explain", "What a code means, offline."),
    ("Act", "repair", "Mend what a finding names."),
    ("Act", "reassign", "Give a chat to an operator."),
    ("Act", "release", "Give a chat back to the queue."),
    ("Act", "close", "End a chat."),
    ("Act", "reopen", "Open a chat again, whoever ended it."),
    ("Act", "drain", "Empty an operator: no new chats, held ones moved."),
    ("Act", "undrain", "Let a drained operator work again."),
    ("Act", "undo", "Reverse an action."),
    ("Act", "log", "Who did what, when and why."),
    ("Act", "snooze", "Silence a finding until a date."),
    ("Act", "pause", "For a while nobody gets a chat."),
    ("Act", "resume", "End a pause."),
    ("Act", "guard", "The guards' emergency switch."),
    ("Set up", "demo", "A working system with trouble in it."),
    ("Set up", "simulate", "Hostile load on a database of its own: do the invariants hold?"),
    ("Set up", "doctor", "Can I work here? (is the deploy right: verify; what is wrong now: diagnose)"),
    ("Set up", "config", "Which setting won, and why."),
    ("Set up", "psql", "psql on that database, read-only unless --write."),
    ("Set up", "remove", "Take out what chatops made."),
    ("Set up", "help", "The manual, offline."),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; its exit code. `argv` is without the program's name; default: the process's own."""
    from chatops.cli import app  # whoever wants the table or a help page only does not pay for it

    return app.main(argv)

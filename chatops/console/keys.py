"""What the keys of the desk are, as its last line and its help say them."""

from __future__ import annotations

OPENERS = ("enter", "o", "r", "l", "y", "question_mark")
"""Keys that open something: none counts until that is drawn, or cannot be opened."""
KEYS = "up/down enter open  r reassign  l release  / filter  f check  z freeze  ? help"
HELP = """\
up, down         choose a row; the order stands still while you do, and what is gone is marked
enter            open the chat or operator with its timeline; a finding with its meaning
o                open the operator of the row
r                reassign the chat: opens the plan, changes nothing
l                release the chat: opens the plan, changes nothing
W                production starts read-only; W lets you act for ten minutes, W again ends that
f                run the checks now
/                show only rows that hold a text; esc shows all
y                the command line of the row, to copy
z                freeze the screen; z again goes on
?                this help
q                quit

WAITING          the queue, longest wait first, and why nobody has it
HELD             taken and unanswered for longer than the idle timeout; GONE: the operator is silent
FINDINGS         NEW, ongoing or gone since this console was opened
STALE            the figures are older than they should be; what is not seen is said so, never shown as none
"""

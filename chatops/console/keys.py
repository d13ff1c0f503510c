"""What the keys of the desk are, as its last line and its help say them."""

from __future__ import annotations

OPENERS = ("enter", "o", "r", "l", "d", "u", "y", "question_mark")
"""Keys that open something: none counts until that is drawn, or cannot be opened."""
KEYS = "enter open  space mark  r reassign  l release  d drain  u undo  z freeze ? help"
TENANTS = "up/down enter open  / filter  z freeze  ? help  q quit"
HELP = """\
up, down     choose a row; its order stands still while you do
tab          the first row of the next section; shift-tab: back
enter        open it: a chat or operator with its timeline, a finding
o            open the operator of the row

r            reassign   )  each opens a plan and changes nothing;
l            release    )  in the plan: type the reason, tab to the
d            drain      )  button that says the act, enter
u            undo       )  u without a row: what you did last
space        mark: r and l then mean all marked chats, d all operators
W            production is read-only; W lets you act for ten minutes

/            only rows that hold a text; operators not free, too
esc          all rows; no marks; back to the tenants
f            run the checks now
y            the command line of the row, to copy
z            freeze the screen; z again goes on
ctrl-z       suspend; fg comes back
q            quit

WAITING      the queue, longest wait first, and why nobody has it
HELD         unanswered beyond the idle timeout (stuck: beyond 1 h);
             GONE: its operator is silent
FREE         who could take a chat; SILENT: not heard of for long
FINDINGS     NEW, ongoing or gone since this console was opened;
             advice is counted apart; chatops diagnose lists it
wait, 1 h    the longest wait in the last hour; a dot: nobody looked
gone         the row went away; it leaves when the keys rest
STALE        the figures are older than they should be
CLOCK … BACK the database's clock went back: ages are too short
"""

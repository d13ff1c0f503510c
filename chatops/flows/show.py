"""What `show` does: find the one who is meant, read, show."""

from __future__ import annotations

from pathlib import Path

from chatops import formatting, names, sqlfiles
from chatops.chats import one_operator
from chatops.errors import ExitCode, UsageError
from chatops.flows import about_chat, paused, replay_archive, run_checks
from chatops.flows.explain import file_of
from chatops.flows.pager import show_paged
from chatops.flows.run import Invocation
from chatops.flows.silence import silent_before
from chatops.screens import show_operator

KINDS = ("chat", "operator")
ROWS = 50
NEWEST = 10
"""So many deeds of an operator people see where they have not said how many."""


def show(invocation: Invocation, what: str, name: str, *, show_text: bool, rows: int | None, replay: Path | None) -> ExitCode:
    """`chatops show`: a chat or an operator with a timeline of so many `rows`; without `name`, `what` is one and is guessed."""
    if replay is not None:
        replay_archive.replay(invocation, replay)
    if name and what not in KINDS:
        raise UsageError(f"show takes chat or operator and a name, not {what!r}{formatting.did_you_mean(what, KINDS)}")
    if not name and what in KINDS:
        raise UsageError(f"say which {what}: an id, its beginning, or part of a name")
    if not name and what.upper() in sqlfiles.names("checks"):
        raise UsageError(f"{what.upper()} is a finding, not a chat or an operator", next_steps=[
            ("what it means", f"chatops explain {what.upper()}"),
            ("where it is so", invocation.here("diagnose", "--only", what.upper())),
        ])  # fmt: skip
    if not name and (file := file_of(what)) is not None:
        raise UsageError(f"{file} is a migration, not a chat or an operator", next_steps=[
            ("what it changes", invocation.here("migrate", "--dry-run")),
            ("its text", invocation.here("migrate", "--show", file.partition("_")[0])),
        ])  # fmt: skip
    reader = run_checks.reader(invocation)
    with invocation.reading() as database:
        if not name:
            meant = names.find_either(database, what)
            what, name = "chat" if isinstance(meant, names.ChatName) else "operator", str(meant.id)
        if what == "chat":
            answer, _ = about_chat.about_chat(invocation, database, name, show_text=show_text, events=rows or ROWS)
        else:
            known = one_operator.read(database, names.find_operator(database, name), rows or ROWS)
            told = show_operator.about_operator(
                known, show_names=reader.show_names, short=reader.short_ids, silent_before=silent_before(database),
                most=NEWEST if rows is None else None,
                all_of_it=invocation.here("show", "operator", str(known.identity.operator_id), "--rows", str(ROWS)),
            )  # fmt: skip
            answer = paused.led(database, told)
        show_paged(invocation, answer)
    return ExitCode.OK

"""`chatops diagnose`."""

from __future__ import annotations

from pathlib import Path

from chatops.cli import completion
from chatops.cli.declared import Context, may_be_left_out, option
from chatops.cli.options import CHECK_FORMATS, command, invocation_of
from chatops.cli.shared_options import ChecksDir, ChecksTimeout, FailOn, Only, Replay, Threshold, Watch
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=CHECK_FORMATS)
def diagnose(
    ctx: Context,
    chat: str = may_be_left_out("[CHAT]", completion.chats, "One chat: its state, its history and what is wrong with it."),
    fail_on: FailOn = "warning",
    only: Only = None,
    ignore: list[str] = option([], "--ignore", metavar="CODE", autocompletion=completion.codes, help="All but these checks."),
    since: str = option("24h", "--since", metavar="TIME", help="How far checks of history look back, or all."),
    rows: int = option(3, "--rows", min=1, max=1000, help="How many rows of evidence to show for each finding."),
    threshold: Threshold = None,
    checks_dir: ChecksDir = None,
    timeout: ChecksTimeout = 14.0,
    since_file: Path | None = option(
        None, "--since-file", metavar="FILE", help="Say what is new and gone since this look (kept by --write json=FILE)."
    ),
    rehearse: bool = option(
        False, "--rehearse", help="Run each fix, look at what it does, roll it back: locks for 0.5 s at most."
    ),
    full: bool = option(False, "--full", help="Every finding with limits, evidence, cause and fix; read in a pager."),
    brief: bool = option(False, "--brief", help="One line, for prompts and chat."),
    watch: Watch = None,
    yes: bool = option(False, "--yes", "-y", help="With --rehearse: do not ask."),
    capture: Path | None = option(
        None, "--capture", metavar="FILE", help="Write an archive to look at again elsewhere, without names and message text."
    ),
    replay: Replay = None,
) -> ExitCode:
    """What is wrong, worst first. Reads only, in one snapshot, and stores nothing.

    On a terminal one screen: what is critical and what keeps users waiting by line, the rest by line as far as 24 lines hold
    it, then by code. --full, --only CODE, a pipe and a file show each finding whole, with the command that previews its fix.

    What is new, ongoing or gone is told against --since-file, else against the newest look: of chatops monitor, of this machine
    or kept in the database by --store, or the last of this command itself on a terminal of this machine. >05:52: it began after
    the look of then. "BY HAND" and "before" name who was in a psql that may write between the last look that found it well and
    the first that found it ill; without such looks nobody is named. Looks of this command count as a terminal shows them: short,
    whole, --brief, each of a --watch, and --only and --ignore for the codes they ask. None is kept in a pipe, in another format
    (-o json), with --threshold or --checks-dir. They are kept for a day, the newest 12 for longer; summary --since reads them.
    --only meanwhile asks what a time without guards, triggers or usable settings has left, and says it code by code.
    --rehearse writes, in transactions that are always rolled back.

    Is the deploy right: chatops verify. Can I work here: chatops doctor. What a code means: chatops explain CODE.

    Examples:
      chatops diagnose
      chatops diagnose --since 1h --fail-on critical
      chatops diagnose 3f2b8c1e
      chatops diagnose --only CHAT003 --rows 50 -o json
      chatops diagnose --only meanwhile
      chatops diagnose --rehearse --yes
      chatops diagnose --since-file before.json --write json=now.json

    Exit codes: 0 nothing from --fail-on up · 1 found something, or could not look · 4 --rehearse where nothing may be written
    """
    from chatops.flows.diagnose import DiagnoseRequest, diagnose  # loads the driver

    request = DiagnoseRequest(
        chat=chat, fail_on=fail_on, only=tuple(only or ()), ignore=tuple(ignore), since=since, rows=rows,
        threshold=tuple(threshold or ()), checks_dir=checks_dir, timeout=timeout,
        since_file=since_file, rehearse=rehearse, yes=yes, capture=capture, replay=replay,
        full=full, brief=brief, watch=watch,
    )  # fmt: skip
    return diagnose(invocation_of(ctx), request)

"""Options that several commands share, as types; and a `--force` that may stand alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, TypeVar, get_type_hints

from chatops.cli import completion
from chatops.cli.declared import Context, argument, option
from chatops.cli.options import command, invocation_of
from chatops.errors import ExitCode
from chatops.later import later

if TYPE_CHECKING:  # commands that move chats
    from chatops.flows import move_request
else:
    move_request = later("chatops.flows.move_request")

F = TypeVar("F", bound=Callable[..., Any])

Chats = Annotated[
    list[str] | None,
    argument(metavar="[CHAT]…", autocompletion=completion.chats, help="Ids, beginnings of ids, parts of names; - for stdin."),
]
Where = Annotated[
    str | None,
    option(
        "--where",
        metavar="CODE",
        autocompletion=completion.chosen,
        help="Those of a finding, OPER001, or a filter, state=assigned.",
    ),
]
Stuck = Annotated[str | None, option("--stuck", metavar="TIME", help="The chats stuck for longer: 30m, 2h.")]
HeldBy = Annotated[
    str | None,
    option("--from", metavar="OPERATOR", autocompletion=completion.operators, help="All chats that an operator holds."),
]


def last_file(text: str) -> Any:
    """`--to`: where a command stops among the files; `text` is its help."""
    return option("--to", metavar="N|latest", autocompletion=completion.last_file, help=text)


LastFile = Annotated[str | None, last_file("The last file to apply: number or name (default: the newest).")]
Folder = Annotated[Path | None, option("--dir", metavar="FOLDER", help="Numbered .sql files of your own.")]
Source = Annotated[str | None, option("--source", metavar="NAME", help="What the ledger calls --dir.")]
Replay = Annotated[
    Path | None,
    option(
        "--replay",
        metavar="FILE",
        help="Look at an archive of diagnose --capture: loaded into a scratch database of the embedded server, then dropped.",
    ),
]
Most = Annotated[int, option("--max", min=1, metavar="N", help="Stop if it would touch more chats than this.")]
Rate = Annotated[str | None, option("--rate", metavar="N/s", help="No faster than this.")]
StopAfter = Annotated[int | None, option("--stop-after", min=1, metavar="N", help="Stop when N chats moved or failed.")]
PlanOut = Annotated[Path | None, option("--plan-out", metavar="FILE", help="Write the plan and change nothing.")]
Plan = Annotated[Path | None, option("--plan", metavar="FILE", help="Apply, or go on with, such a plan.")]
DryRun = Annotated[bool, option("--dry-run", help="Do it and roll back.")]
Yes = Annotated[bool, option("--yes", "-y", help="Do not ask.")]
Reason = Annotated[str | None, option("--reason", metavar="TEXT", help="Kept in the log; needed on production.")]
EveryRow = Annotated[bool, option("--all", help="Show every chat of a plan, not the first 20.")]
NoAudit = Annotated[bool, option("--no-audit", help="Work without the log of schema chatops.")]
Limit = Annotated[
    int | None,
    option("--limit", min=0, max=1_000_000_000, metavar="N", help="How many to list (default 20; for programs all)."),
]
"""Of every list; a command whose people see another number by default says so in its own words."""
Watch = Annotated[
    float | None,
    option("--watch", metavar="SECONDS", min=0.2, max=86_400, help="Again and again, redrawn in place; Ctrl-C ends it."),
]
Operators = Annotated[
    list[str],
    argument(
        metavar="OPERATOR…", autocompletion=completion.operators, help="Ids, their beginnings, or parts of names or e-mails."
    ),
]
SomeOperators = Annotated[
    list[str] | None,
    argument(
        metavar="[OPERATOR]…", autocompletion=completion.operators, help="Ids, their beginnings, or parts of names or e-mails."
    ),
]
Only = Annotated[
    list[str] | None,
    option("--only", metavar="CODE", autocompletion=completion.codes, help="Only these checks (repeat, or commas)."),
]
FailOn = Annotated[
    str,
    option("--fail-on", metavar="SEVERITY", autocompletion=completion.severities, help="critical, warning, advice or never."),
]
Threshold = Annotated[
    list[str] | None,
    option("--threshold", metavar="NAME=NUMBER", autocompletion=completion.thresholds, help="Measure against another number."),
]
ChecksDir = Annotated[Path | None, option("--checks-dir", metavar="DIR", help="Checks of your own beside ours.")]
ChecksTimeout = Annotated[float, option("--timeout", min=1, max=3600, metavar="SECONDS", help="For all checks together.")]
OneOperator = Annotated[
    str,
    argument(metavar="OPERATOR", autocompletion=completion.operators, help="An id, its beginning, or part of a name or e-mail."),
]


class Moving(TypedDict, total=False):
    """What the commands that move chats take, in the order of their help; some take `to`, `idle`, `force` or `every_row`."""

    chats: Chats
    to: str | None
    idle: bool
    where: Where
    stuck: Stuck
    held_by: HeldBy
    force: list[str]
    most: Most
    rate: Rate
    stop_after: StopAfter
    plan_out: PlanOut
    plan: Plan
    dry_run: DryRun
    yes: Yes
    reason: Reason
    no_audit: NoAudit
    every_row: EveryRow


_OF_SOME = frozenset(("to", "idle", "force", "every_row"))


def moving(name: Literal["reassign", "release", "close", "reopen"], page: str, **own: object) -> Callable[..., ExitCode]:
    """A command that moves chats: takes what all of them take, and what stands in `own`; `page` is as a docstring of others."""

    def run(ctx: Context, chats: Sequence[str] | None = None, **given: object) -> ExitCode:
        from chatops.flows import move_chats  # help and completion load no flow

        return move_chats.move(invocation_of(ctx), move_request.MoveRequest(command=name, names=chats or (), **given))  # type: ignore[arg-type]  # as `Moving` says

    usual = {"chats": None} | {one.name: one.default for one in fields(move_request.MoveRequest)} | own
    taken = {one: kind for one, kind in get_type_hints(Moving, include_extras=True).items() if one not in _OF_SOME - own.keys()}
    place = inspect.Parameter.POSITIONAL_OR_KEYWORD
    run.__name__, run.__doc__ = name, page
    run.__signature__ = inspect.Signature([  # type: ignore[attr-defined]
        inspect.Parameter("ctx", place, annotation=Context),
        *(inspect.Parameter(one, place, annotation=kind, default=usual[one]) for one, kind in taken.items()),
    ])  # fmt: skip
    return command()(run)


def with_rules(args: Sequence[str]) -> list[str]:
    """The arguments with a `--force` that stands alone written out.

    >>> with_rules(["3f2b", "--force", "busy,away", "--yes"]), with_rules(["--force", "3f2b"])
    (['3f2b', '--force', 'busy,away', '--yes'], ['--force=all', '3f2b'])
    """
    found = list(args)
    for place, word in enumerate(found):
        if word == "--":
            break
        following = found[place + 1] if place + 1 < len(found) else ""
        if word == "--force" and not set(following.lower().split(",")) <= {*move_request.RULES, "all"}:
            found[place] = "--force=all"
    return found


def forcible(function: F) -> F:
    """Marks a command whose `--force` may stand alone."""
    function.rewritten = with_rules  # type: ignore[attr-defined]
    return function

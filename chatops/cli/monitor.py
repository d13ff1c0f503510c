"""`chatops monitor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from chatops.cli.declared import Context, option
from chatops.cli.options import Formats, command, invocation_of
from chatops.deploys.schedule import GUIDE
from chatops.errors import ExitCode


@command(takes=("connection", "tenants", "output"), formats=Formats(frozenset({"figures", "problems"}), also=("jsonl",)))
def monitor(
    ctx: Context,
    plan: Annotated[
        str, option("--plan", metavar="PLAN", rich_help_panel="Options", help="Steps and how often, such as 15m*4,1h*23.")
    ] = GUIDE,
    once: Annotated[bool, option("--once", help="Take the look that is due and end: for cron and CI.")] = False,
    state: Annotated[Path | None, option("--state", metavar="FILE", help="Where the watch is remembered.")] = None,
    receipt: Annotated[
        Path | None, option("--receipt", metavar="FILE", help="Compare with the figures in a deploy's receipt.")
    ] = None,
    notify: Annotated[
        str | None,
        option("--notify", metavar="COMMAND|URL", help="One message a look that changes something: JSON on stdin, or posted."),
    ] = None,
    until_healthy: Annotated[bool, option("--until-healthy", help="End at the first look without a finding.")] = False,
    fail_fast: Annotated[bool, option("--fail-fast", help="End at the first new finding.")] = False,
    store: Annotated[bool, option("--store", help="Remember the watch in the database: then this writes.")] = False,
    yes: Annotated[bool, option("--yes", "-y", help="Do not ask (--store writes).")] = False,
    anew: Annotated[bool, option("--restart", help="Forget the watch that is remembered.")] = False,
) -> ExitCode:
    """Looks by the guide's plan, tells what is new, ongoing and resolved, and ends with one verdict. Reads only, but for --store.

    `[monitor] commands` of chatops.toml run beside each look; one that fails is a finding.
    `--notify`: a webhook of Slack or Teams, PagerDuty with `?routing_key=KEY` behind its URL, or a command.
    A finding counts as gone after two looks without it. Late, early or repeated looks are harmless; missed ones
    are reported.

    Examples:
      chatops monitor
      chatops --env production monitor --once --state monitor.json --notify ./tell-the-team
      chatops monitor --plan '1m*15' --until-healthy
      chatops monitor --notify 'https://hooks.slack.com/services/T000/B000/XXXX'
      chatops monitor --notify 'https://events.pagerduty.com/v2/enqueue?routing_key=R0XXXX'

    Exit codes: 0 no worse than before · 1 something new is open, or no look reached the database
    """
    from chatops.flows import monitor as flow  # help and completion load no flow

    request = flow.MonitorRequest(
        plan=plan, once=once, state=state, receipt=receipt, notify=notify, until_healthy=until_healthy, fail_fast=fail_fast,
        store=store, yes=yes, anew=anew,
    )  # fmt: skip
    return flow.monitor(invocation_of(ctx), request)

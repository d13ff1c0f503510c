"""Who acts, from where and with which command, as the audit remembers it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from chatops import accounts
from chatops.formatting import visible
from chatops.frozen import frozen

# Options that say which database or how to show the answer: the audit has the environment in a column of its own, and a URL may
# hold a password.
_NOT_KEPT = frozenset({"--db", "--env", "--schema", "--reason", "-o", "--output", "--write"})
_LONGEST = 400


@frozen
class Provenance:
    """Where a change comes from; None where it is not known."""

    command: str
    environment: str | None
    target_schema: str
    os_user: str | None
    ci_run: str | None

    def fitting(self, fits: Callable[[str], str]) -> Provenance:
        """The same in signs that the database can hold."""
        return Provenance(fits(self.command), self.environment and fits(self.environment), self.target_schema,
                          self.os_user and fits(self.os_user), self.ci_run and fits(self.ci_run))  # fmt: skip

    def annotations(self, *, reason: str | None = None, plan_id: UUID | None = None) -> dict[str, str | None]:
        """The settings from which the columns of `chatops.actions` take their defaults, for `Database.annotate`."""
        return {
            "chatops.command": self.command,
            "chatops.environment": self.environment,
            "chatops.target_schema": self.target_schema,
            "chatops.os_user": self.os_user,
            "chatops.ci_run": self.ci_run,
            "chatops.reason": reason,
            "chatops.plan_id": str(plan_id) if plan_id else None,
        }


def provenance(argv: Sequence[str], *, environment: str, schema: str, environ: Mapping[str, str] = os.environ) -> Provenance:
    """What is known of this run; `argv` is the command line without the program's name."""
    return Provenance(command_line(argv), environment, schema, os_user(environ), ci_run(environ))


def command_line(argv: Sequence[str]) -> str:
    """The command line as the audit keeps it: without the options that name a database, which may hold a password.

    >>> command_line(["--db", "postgresql://u:secret@h/d", "release", "3f2b8c1e", "--reason=op-12 is off", "--yes"])
    'release 3f2b8c1e --yes'
    """
    kept: list[str] = []
    skip = False
    for word in argv:
        if skip:
            skip = False
        elif word in _NOT_KEPT:
            skip = True
        elif word.partition("=")[0] not in _NOT_KEPT and "://" not in word and "password=" not in word:
            kept.append(visible(word))
    text = " ".join(kept)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def os_user(environ: Mapping[str, str] = os.environ) -> str | None:
    """The account of this machine, as user@host, and who became it where that is another: root@jump (ada by sudo)."""
    # The account itself, not LOGNAME: whoever sets variables must not become somebody else in the log.
    user = accounts.own_name() or environ.get("USER") or environ.get("USERNAME")
    who = accounts.behind(environ)
    told = f" ({who[0]} by {who[1]})" if who is not None else ""
    return visible(f"{user}@{socket.gethostname()}{told}") if user else None


def ci_run(environ: Mapping[str, str] = os.environ) -> str | None:
    """The address of the pipeline's run, None outside one.

    >>> ci_run({"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "acme/chat", "GITHUB_ACTOR": "ada"})
    'https://github.com/acme/chat/actions/runs/7 by ada'
    """
    found = ""
    if run := environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        found = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}"
    for variable in ("CI_JOB_URL", "CI_PIPELINE_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL", "BUILD_URL"):
        found = found or environ.get(variable, "")
    if not found and environ.get("CI", "").lower() in ("1", "true", "yes"):
        found = "a run of unknown address"
    actor = environ.get("GITHUB_ACTOR") or environ.get("GITLAB_USER_LOGIN")
    return visible(f"{found} by {actor}" if actor else found) if found else None

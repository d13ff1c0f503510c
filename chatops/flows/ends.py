"""How a run ends that came to no answer: for people on stderr, and for what reads stdout and the files of --write."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatops import formatting, interrupts, settings
from chatops.errors import ChatopsError, DatabaseError, ExitCode, UsageError
from chatops.flows import other_words
from chatops.flows.run import Invocation
from chatops.later import later
from chatops.render import FORMATS, Failure, format_named
from chatops.render.failure import failure as lines_of

if TYPE_CHECKING:  # the driver: where a server has said something, not before
    from chatops.flows import server_errors
else:
    server_errors = later("chatops.flows.server_errors")


def failed(run: Invocation, error: ChatopsError, code: ExitCode) -> int:
    """Shows a failure; its exit code."""
    if isinstance(error, DatabaseError):
        error = in_words(run, error)
        code = error.exit_code
    error = _without_secrets(run, _to_paste(run, error))
    told = Failure(run.command, error, int(code))
    wanted = run.wanted_format()
    with contextlib.suppress(OSError):
        if wanted is not None and wanted.failure is not None:
            run.emit(wanted.failure(told, run.medium(), run.envelope()))
            sys.stdout.flush()
    if code is not ExitCode.USAGE:
        _write_files(run, told)
    for line in lines_of(error):
        run.note(line)
    return int(code)


_ENDS_SESSIONS = re.compile(r"select pg_terminate_backend\(\d+\)(, pg_terminate_backend\(\d+\))*;")


_SETS_FIRST = re.compile(r"(set [^;']+;) (.+)")
_SOMEBODY_ELSE = re.compile(r"(?:give (?!theirs)|grant|show|let|raise|lift)\b")
"""How the label of a statement begins that another role has to run: this one lacks the right, or cannot come in."""


def _to_paste(run: Invocation, error: ChatopsError) -> ChatopsError:
    """The same error; a statement that ends a session stands in the command that sends it, any other has that beside it."""
    if run.known_target is None:
        return error
    steps: list[tuple[str, str]] = []
    for label, step in error.next_steps:
        if _ENDS_SESSIONS.fullmatch(step):
            steps.append((label.removesuffix(" (SQL)"), _by_psql(run, step)))
            continue
        steps.append((label, step))
        if step.rstrip().endswith(";") and not step.startswith("chatops ") and not _SOMEBODY_ELSE.match(label):
            steps.append(("or", _by_psql(run, step)))
    error.next_steps = tuple(steps)
    return error


def _by_psql(run: Invocation, statement: str) -> str:
    # What one -c holds is one transaction, which a setting in front of it comes too late for.
    given = [word for one in formatting.requests([statement]) for word in ("-c", shlex.quote(one))]
    return run.here("psql", "--write", "--", *given)


def _write_files(run: Invocation, told: Failure) -> None:
    with contextlib.suppress(ChatopsError, OSError):
        for name, path in run.writes():
            known = format_named(name) if name in FORMATS else None
            if known is not None and known.failure is not None:
                run.write_to(path, iter([known.failure(told, run.file_medium, run.envelope())]))


def in_words(run: Invocation, error: DatabaseError) -> ChatopsError:
    """What the server said, in words that say what is wrong and what helps."""
    kept = "what was reported as done is kept" if _has_done(run) else "nothing was changed"
    return server_errors.in_words(run, error, kept)


MAKES_MORE = ("demo", "simulate", "new", "check", "monitor", "console", "psql")
"""Commands that make databases or files, or keep a watch: what stays of these is no change of the database in question."""


def stopped(run: Invocation) -> int:
    """Says what is so after Ctrl-C; its exit code."""
    told = "Stopped. Nothing was changed."
    if _has_done(run):
        told = "Stopped. What was reported as done is kept; nothing else was changed."
    return failed(run, ChatopsError(told), ExitCode.INTERRUPTED)


def _has_done(run: Invocation) -> bool:
    return interrupts.anything_committed() or run.command in MAKES_MORE


def misused(run: Invocation, error: Exception) -> int:
    """Shows what is wrong with the command line."""
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "chatops"
    found = _of_another_tool(run, message, context)
    if found is None:
        message = _as_typed(_in_words(_with_a_guess(message, context)), run.argv, run.secrets)
        found = UsageError(message, next_steps=[("help", f"{path} --help")])
    return failed(run, found, ExitCode.USAGE)


_QUOTED = re.compile(
    r"(?<=')[^']+(?=')|(?<=option: )[^\s;]+|(?<=argument \()[^)]+|(?<=arguments \()[^)]+|(?<=argument\(s\) \()[^)]+"
)


def _as_typed(message: str, argv: Sequence[str], secrets: Sequence[str]) -> str:
    """The parser's sentence; of what it quotes of the command line no secret is said.

    >>> _as_typed("Got unexpected extra argument (hunter2)", ["status", "hunter2"], ["hunter2", "extra"])
    'Got unexpected extra argument (********)'
    """
    options = {word.partition("=")[0] for word in argv if word.startswith("-")}
    return _QUOTED.sub(lambda found: found[0] if found[0] in options else settings.redact(found[0], secrets), message)


_UNKNOWN_WORD = re.compile(r"No such command '(.+)'\.|Got unexpected extra argument(?:\(s\)|s)? \((.+)\)")


def _of_another_tool(run: Invocation, message: str, context: object) -> UsageError | None:
    """What chatops has for a word of another tool, where one stands at the place of a command, or behind migrate."""
    unknown = _UNKNOWN_WORD.fullmatch(message)
    if unknown is None:
        return None
    command, behind = unknown[1], (unknown[2] or "").split(" ")
    if command:
        at = run.argv.index(command) + 1 if command in run.argv else len(run.argv)
        found, said = other_words.ours([command, *run.argv[at:]]), f"chatops has no command {command}"
    elif getattr(context, "info_name", "") == "migrate":
        above = getattr(context, "parent", None)
        listed = getattr(getattr(above, "command", None), "list_commands", None)
        names: list[str] = listed(above) if listed is not None else []
        found, said = other_words.behind_migrate(behind[0], names), f"migrate takes no {behind[0]}"
    else:
        return None
    if found is None:
        return None
    return UsageError(f"{said}: {found.says}", next_steps=[(label, f"chatops {step}") for label, step in found.steps])


def _in_words(message: str) -> str:
    """A range as people say it.

    >>> _in_words("Invalid value for '--limit': 0 is not in the range 1<=x<=100000.")
    "Invalid value for '--limit': 0 is not between 1 and 100000."
    >>> _in_words("Invalid value for '--max': 0 is not in the range x>=1.")
    "Invalid value for '--max': 0 is less than 1."
    >>> _in_words("Invalid value for '--top': 'many' is not a valid int range.")
    "Invalid value for '--top': 'many' is not a whole number."
    """
    message = re.sub(r"is not in the range ([\d.]+)<=x<=([\d.]*\d)", r"is not between \1 and \2", message)
    message = re.sub(r"is not in the range x>=([\d.]*\d)", r"is less than \1", message)
    message = re.sub(r"is not a valid int(?:eger)?(?: range)?\b", "is not a whole number", message)
    return re.sub(r"is not a valid float(?: range)?\b", "is not a number", message)


MEANT = {
    "--operator": ("--from", "--to"), "--holder": ("--from",), "--held-by": ("--from",), "--target": ("--to",),
    "--limit": ("--rows", "--max"), "--top": ("--limit", "--rows"), "--rows": ("--limit",),
    "-n": ("--limit", "--rows"),
    "--code": ("--only", "--where"), "--check": ("--only", "--where"), "--format": ("--output",), "--json": ("--output",),
    "--user": ("--by",), "--who": ("--by",), "--comment": ("--reason",), "--message": ("--reason",), "-m": ("--reason",),
    "--url": ("--db",), "--database": ("--db",), "--environment": ("--env",), "--preview": ("--dry-run",),
}  # fmt: skip
"""Options by other words, of other commands or other tools; the first that a command has is meant."""


def _with_a_guess(message: str, context: object) -> str:
    """The parser's sentence with the name that was meant, as far as it can be told."""
    if (unknown := re.match(r"No such option: (-[\w-]+)", message)) and unknown[1] in MEANT:
        has = {word for one in getattr(getattr(context, "command", None), "params", ()) for word in one.opts}
        meant = next((one for one in MEANT[unknown[1]] if one in has), None)
        if meant is not None:
            return f"{unknown[0]}; did you mean {meant}?"
    if found := re.fullmatch(r"Got unexpected extra argument(?:\(s\)|s)? \((\S+).*\)", message):
        has = {word for one in getattr(getattr(context, "command", None), "params", ()) for word in one.opts}
        if "--to" in has and re.match(r"v?\d", found[1]):
            return f"{message.removesuffix('.')}; did you mean --to {found[1]}?"
        if "--only" in has and re.fullmatch(r"[A-Za-z]{2,6}-?\d{1,3}", found[1]):
            return f"{message.removesuffix('.')}; did you mean --only {found[1].upper()}?"
        return message
    if found := re.fullmatch(r"No such command '(.+)'\.", message):
        listed = getattr(getattr(context, "command", None), "list_commands", None)
        known: list[str] = listed(context) if listed is not None else []
        return message.removesuffix(".") + formatting.did_you_mean(found[1], known)
    guess = re.search(r" \((?:Possible options: |Did you mean )(.+?)\??\)$", message)
    return message if guess is None else f"{message[: guess.start()]}; did you mean {guess[1].replace(', ', ' or ')}?"


def crashed(run: Invocation, error: BaseException) -> int:
    """Shows a bug as one sentence; the traceback with --debug."""
    if run.debug:
        run.note(settings.redact("".join(traceback.format_exception(error)), run.secrets))
    text = f"{type(error).__name__}: {settings.redact(str(error), run.secrets)}".splitlines()[0]
    again = "" if run.debug else "; the traceback with --debug"
    return failed(run, ChatopsError(f"a bug in chatops: {text}{again}"), ExitCode.BUG)


_OF_A_FILE = re.compile(r" *\d+ \| ")
"""How a detail begins that is a line of a file."""


def _without_secrets(run: Invocation, error: ChatopsError) -> ChatopsError:
    """The same error, and no secret in it.

    What others said was cleaned where it came in, and sentences of ours hold no secret, though a password may be one of their
    words: here a line of a file is foreign, and a net is spread for secrets that no sentence of ours holds by accident.
    """
    secrets = run.secrets
    target = run.known_target
    known = [] if target is None else [target.where, target.schema, settings.url_without_password(target.parameters)]
    strong = [one for one in secrets if settings.is_no_word(one, known)]

    typed = [*run.argv, *(word.partition("=")[2] for word in run.argv), *run.environ.values()]
    whole = {
        word: shown for word in typed if "@" in word and (shown := settings.redact(word, settings.secrets_in([word]))) != word
    }

    def clean(text: str) -> str:
        for word, shown in whole.items():  # what a sentence quotes of what was typed
            text = text.replace(word, shown).replace(repr(word)[1:-1], shown)
        for secret in secrets:
            text = text.replace(f":{secret}@", f":{settings.MASK}@")
        return settings.redact(text, secrets if _OF_A_FILE.match(text) else strong)

    error.message = clean(error.message)
    error.details = tuple(map(clean, error.details))
    error.next_steps = tuple((label, clean(step)) for label, step in error.next_steps)
    return error

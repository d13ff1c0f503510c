"""Completion of values, as options and arguments name it; loads nothing until somebody presses the key."""

from __future__ import annotations

from collections.abc import Callable

from chatops.cli import COMMANDS
from chatops.cli.declared import Context

Offers = list[tuple[str, str]]


def chats(ctx: Context, incomplete: str) -> Offers:
    """Ids of chats that begin so, each with its state: who waits or is held first, then the newest."""
    return _offers(ctx, "chats", incomplete)


def operators(ctx: Context, incomplete: str) -> Offers:
    """Ids of operators that begin so, or words of their names, each with what they do now."""
    return _offers(ctx, "operators", incomplete)


def either(ctx: Context, incomplete: str) -> Offers:
    """Ids of what the word before says: `show chat …` or `show operator …`."""
    return _offers(ctx, "operators" if ctx.params.get("what") == "operator" else "chats", incomplete)


def kinds_or_names(ctx: Context, incomplete: str) -> Offers:
    """`show …`: chat or operator, or at once whom is meant."""
    return [*words("chat", "operator")(ctx, incomplete), *chats_or_operators(ctx, incomplete)]


def chats_or_operators(ctx: Context, incomplete: str) -> Offers:
    """Ids of chats, or words of operators' names: `log …` and `show …` guess which is meant."""
    found = chats(ctx, incomplete)
    return found or (operators(ctx, incomplete) if incomplete else [])


def words(*known: str) -> Callable[[Context, str], Offers]:
    """Completion of an option that takes one of these words."""

    def offers(ctx: Context, incomplete: str) -> Offers:
        return [(word, "") for word in known if word.startswith(incomplete.lower())]

    return offers


severities = words("critical", "warning", "advice", "never")
outcomes = words("done", "refused", "moved", "failed")
databases = words("local", "demo")
orders = words("wait", "age", "last-message")
switches = words("on", "off")
subjects = words("schema", "data")
writers = words("application", "functions")
actions = words("reassign", "release", "close", "reopen", "drain", "undrain", "undo", "repair", "snooze", "guard", "pause",
                "resume", "again", "back", "psql")  # fmt: skip
topics = words("guide", "on-call", "migrations", "scale", "safety", "reference", "findings", "glossary",
               *(name for _, name, _ in COMMANDS))  # fmt: skip


def states(ctx: Context, incomplete: str) -> Offers:
    """The states of chats; behind a comma the next one."""
    before, comma, last = incomplete.rpartition(",")
    known = words("waiting", "assigned", "answered", "completed", "none")(ctx, last)
    return [(f"{before}{comma}{word}", told) for word, told in known]


FILTERS = ("state", "name", "user", "profile", "holder", "last-holder", "older-than", "sort")


def chosen(ctx: Context, incomplete: str) -> Offers:
    """What `--where` takes: a filter of `chats` by its name and by its value, or a code."""
    name, equals, value = incomplete.partition("=")
    if not equals:
        return [
            *((f"{one}=", "filter of chats") for one in FILTERS if one.startswith(incomplete.lower())),
            *_offers(ctx, "codes of chats", incomplete),
        ]
    if name not in FILTERS:
        return []
    values = {"state": states, "sort": orders, "holder": operators, "last-holder": operators}.get(name)
    return [(f"{name}={word}", told) for word, told in values(ctx, value)] if values is not None else []


def codes(ctx: Context, incomplete: str) -> Offers:
    """The codes of the checks, each with its question; behind a comma the next one."""
    return _offers(ctx, "codes", incomplete)


def operators_found(ctx: Context, incomplete: str) -> Offers:
    """The codes that find operators."""
    return _offers(ctx, "codes of operators", incomplete)


def mendable(ctx: Context, incomplete: str) -> Offers:
    """The codes that have a repair."""
    return _offers(ctx, "codes with a repair", incomplete)


def conditions(ctx: Context, incomplete: str) -> Offers:
    """What `wait --for` compares, figures of the queue and codes, with the sign that a number follows."""
    figures = words("waiting=", "oldest<", "free>", "busy<")(ctx, incomplete)
    return [*figures, *((f"{code}=", told) for code, told in codes(ctx, incomplete) if "," not in code)]


def thresholds(ctx: Context, incomplete: str) -> Offers:
    """The names of limits, with the sign that a number follows."""
    return _offers(ctx, "thresholds", incomplete)


def files(ctx: Context, incomplete: str) -> Offers:
    """The names of the migration files: of the folder that the line names so far, else of chatops.toml, else the shipped ones."""
    return _offers(ctx, "files", incomplete)


def last_file(ctx: Context, incomplete: str) -> Offers:
    """The same, and latest."""
    return [*words("latest")(ctx, incomplete), *files(ctx, incomplete)]


def recipients(ctx: Context, incomplete: str) -> Offers:
    """Who may get a chat: auto, or an operator."""
    return [*words("auto")(ctx, incomplete), *operators(ctx, incomplete)]


def written_formats(ctx: Context, incomplete: str) -> Offers:
    """FORMAT= of a file of --write."""
    return [(f"{name}=", told) for name, told in formats(ctx, incomplete)]


def formats(ctx: Context, incomplete: str) -> Offers:
    """The formats that the command has."""
    return _offers(ctx, "formats", incomplete)


def steps(ctx: Context, incomplete: str) -> Offers:
    """The steps of a deploy in order, those that there are."""
    return _offers(ctx, "steps", incomplete)


def environments(ctx: Context, incomplete: str) -> Offers:
    """The environments of chatops.toml."""
    return _offers(ctx, "environments", incomplete)


def _offers(ctx: Context, kind: str, incomplete: str) -> Offers:
    from chatops.flows import complete_words  # on the key, not when the option is declared

    callback = ctx.command.callback
    known = getattr(getattr(callback, "__wrapped__", callback), "formats", None)
    return complete_words.offers(kind, incomplete, ctx.obj.given, complete_words.Known(known, ctx.info_name or "", ctx.params))

"""The numbers that checks measure against, each with where it came from: default, platform_config, chatops.toml, flag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chatops.errors import UsageError


@dataclass(frozen=True, slots=True)
class Limit:
    """What a threshold means: its unit, the default, and the range in which a value is usable (both ends included)."""

    name: str
    default: float
    unit: str
    meaning: str
    least: float = 0
    most: float = 1_000_000
    in_platform_config: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """The value that won, and who said it."""

    name: str
    value: float
    unit: str
    origin: str

    @property
    def text(self) -> str:
        """The value as SQL takes it."""
        return f"{self.value:g}"


LIMITS = (
    Limit("idle_timeout_minutes", 5, "min", "an operator who is silent for so long loses the chat", 0.1, 1440, True),
    Limit("idle_grace_minutes", 2, "min", "what the idle cron may be late by", 0, 1440),
    Limit("max_reassignments", 3, "times", "a chat released so often is closed", 1, 1000, True),
    Limit("own_chat_after_seconds", 300, "s", "after such a wait the last operator may get the chat again", 0, 604800, True),
    Limit("queue_sla_minutes", 15, "min", "nobody should wait longer for an answer", 0.1, 10080, True),
    Limit("stuck_waiting_minutes", 1440, "min", "a wait this long is stuck", 1),
    Limit("stuck_assigned_minutes", 60, "min", "a chat held this long is stuck", 1),
    Limit("overtaken_by", 3, "times", "so many later chats were taken before a waiting one", 1),
    Limit("overtaken_seconds", 60, "s", "by so much earlier the waiting one had begun to wait", 0),
    Limit("releases_without_reply", 3, "times", "so many releases in the window without a reply between them", 2),
    Limit("silent_minutes", 30, "min", "an operator on shift who was not heard of for so long", 1),
    Limit("busiest_replies_per_hour", 120, "a h", "more replies in an hour than one person gives with care", 1),
    Limit("long_transaction_minutes", 5, "min", "a transaction open for so long keeps rows from being cleaned up", 0.1),
    Limit("dead_rows_percent", 20, "%", "so many rows of a table are dead", 1, 100),
    Limit("standby_lag_seconds", 60, "s", "a standby is this far behind", 1),
    Limit("connections_percent", 85, "%", "so many of the allowed connections are in use", 1, 100),
    Limit("wraparound_percent", 50, "%", "so much of the transaction ids is used up", 1, 100),
)
BY_NAME: Mapping[str, Limit] = {limit.name: limit for limit in LIMITS}
CONFIGURED = tuple(limit.name for limit in LIMITS if limit.in_platform_config)


def resolve(
    configured: Mapping[str, float | None],
    from_file: Mapping[str, float],
    given: Mapping[str, float],
    *,
    file_origin: str = "chatops.toml",
    unread: bool = False,
) -> dict[str, Threshold]:
    """Each threshold by name: default < platform_config < chatops.toml < flag.

    `configured` holds what platform_config says, None where the value is unusable; `unread`: it could not be read. Raises
    UsageError for names that do not exist and values out of range in the file or on the command line.

    >>> found = resolve({"idle_timeout_minutes": 10.0}, {"queue_sla_minutes": 20.0}, {})
    >>> found["idle_timeout_minutes"].origin, found["queue_sla_minutes"].text, found["idle_grace_minutes"].origin
    ('platform_config', '20', 'default')
    """
    for source, values in ((file_origin, from_file), ("--threshold", given)):
        for name, value in values.items():
            limit = BY_NAME.get(name)
            if limit is None:
                raise UsageError(f"{source}: there is no threshold {name!r}", details=[f"there are: {', '.join(BY_NAME)}"])
            if not limit.least <= value <= limit.most:
                span = f"between {limit.least:g} and {limit.most:g} {limit.unit}"
                raise UsageError(f"{source}: {name} must lie {span}, not {value:g}")
    found: dict[str, Threshold] = {}
    for limit in LIMITS:
        value, origin = limit.default, "default"
        if unread and limit.in_platform_config:
            origin = "default, because platform_config could not be read"
        if limit.name in configured:
            said = configured[limit.name]
            usable = said is not None and limit.least <= said <= limit.most
            value, origin = (float(said), "platform_config") if usable and said is not None else (
                value, "default, because platform_config holds no usable number")  # fmt: skip
        if limit.name in from_file:
            value, origin = from_file[limit.name], file_origin
        if limit.name in given:
            value, origin = given[limit.name], "--threshold"
        found[limit.name] = Threshold(limit.name, value, limit.unit, origin)
    return found


def parse(texts: Sequence[str]) -> dict[str, float]:
    """`NAME=VALUE` pairs of the command line. Raises UsageError.

    >>> parse(["queue_sla_minutes=20"])
    {'queue_sla_minutes': 20.0}
    """
    found: dict[str, float] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or found[name.strip()] != found[name.strip()]:
            raise UsageError(f"--threshold takes NAME=NUMBER, such as queue_sla_minutes=20, not {text!r}",
                             details=[f"there are: {', '.join(BY_NAME)}"])  # fmt: skip
    return found

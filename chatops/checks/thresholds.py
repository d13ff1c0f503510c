"""The numbers that checks measure against, each with where it came from: default, platform_config, chatops.toml, flag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chatops.checks import load
from chatops.checks.limits import Limit
from chatops.checks.load import Check
from chatops.errors import UsageError
from chatops.frozen import frozen


@frozen
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


def known(checks: Iterable[Check] = ()) -> Mapping[str, Limit]:
    """The limits of the shipped checks, and of these beside them, by name."""
    return {**load.limits(), **{limit.name: limit for check in checks for limit in check.declares}}


def configured_names(limits: Mapping[str, Limit]) -> list[str]:
    """The limits that platform_config may hold."""
    return [limit.name for limit in limits.values() if limit.in_platform_config]


def resolve(
    configured: Mapping[str, float | None],
    from_file: Mapping[str, float],
    given: Mapping[str, float],
    *,
    file_origin: str = "chatops.toml",
    unread: bool = False,
    limits: Mapping[str, Limit] | None = None,
) -> dict[str, Threshold]:
    """Each threshold by name: default < platform_config < chatops.toml < flag.

    `configured` holds what platform_config says, None where the value is unusable; `unread`: it could not be read. Raises
    UsageError for names that do not exist and values out of range in the file or on the command line.

    >>> found = resolve({"idle_timeout_minutes": 10.0}, {"queue_sla_minutes": 20.0}, {})
    >>> found["idle_timeout_minutes"].origin, found["queue_sla_minutes"].text, found["idle_grace_minutes"].origin
    ('platform_config', '20', 'default')
    """
    limits = known() if limits is None else limits
    for source, values in ((file_origin, from_file), ("--threshold", given)):
        for name, value in values.items():
            limit = limits.get(name)
            if limit is None:
                raise UsageError(f"{source}: there is no threshold {name!r}", details=[f"there are: {', '.join(limits)}"])
            if not limit.least <= value <= limit.most:
                span = f"between {limit.least:g} and {limit.most:g} {limit.unit}"
                raise UsageError(f"{source}: {name} must lie {span}, not {value:g}")
    found: dict[str, Threshold] = {}
    for limit in limits.values():
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
                             details=[f"there are: {', '.join(known())}"])  # fmt: skip
    return found

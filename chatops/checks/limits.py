"""A limit that checks measure against, as the head of one check declares it."""

from __future__ import annotations

import re

from chatops.frozen import frozen

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_DECLARED = re.compile(
    rf"(?P<name>[a-z][a-z0-9_]*) = (?P<default>{_NUMBER}) (?P<unit>[^,]+), (?P<least>{_NUMBER}) to (?P<most>{_NUMBER})"
    r"(?P<configured>, platform_config)?: (?P<meaning>.+)"
)
FORM = "name = default unit, least to most: meaning"


@frozen
class Limit:
    """What a threshold means: its unit, the default, and the range in which a value is usable (both ends included)."""

    name: str
    default: float
    unit: str
    meaning: str
    least: float
    most: float
    in_platform_config: bool = False


def declared(text: str) -> Limit:
    """The limit that a line of a head declares. Raises ValueError.

    >>> declared("queue_sla_minutes = 15 min, 0.1 to 10080, platform_config: nobody should wait longer")
    Limit(name='queue_sla_minutes', default=15.0, unit='min', meaning='nobody should wait longer', least=0.1, most=10080.0, \
in_platform_config=True)
    """
    match = _DECLARED.fullmatch(text)
    if match is None:
        raise ValueError(f"a limit is declared as {FORM}")
    default, least, most = (float(match[name]) for name in ("default", "least", "most"))
    if not least <= default <= most:
        raise ValueError(f"the default {default:g} does not lie between {least:g} and {most:g}")
    return Limit(match["name"], default, match["unit"].strip(), match["meaning"], least, most, match["configured"] is not None)

"""A command line as it may be shown and kept: without the secrets that stand in it."""

from __future__ import annotations

import hashlib
import re

from chatops import formatting, settings

MASK = "********"
_NAME = (
    r"[\w-]*(?:token|secret|passw(?:or)?d|passwd|pwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth)[\w-]*"
)
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|[^\s'\";|&]+)"
_ASSIGNED = re.compile(rf"(?i)(?<![\w-])(-{{0,2}}{_NAME}\s*=\s*){_VALUE}")
_OPTION = re.compile(rf"(?i)(?<![\w-])(--?{_NAME}\s+)(?!-){_VALUE}")
_HEADER = re.compile(r"(?i)\b((?:proxy-)?authorization\s*:\s*(?:basic|bearer|token)?\s*|x-[\w-]*(?:token|key)\s*:\s*)([^\s'\"]+)")
_BEARER = re.compile(r"(?i)\b(bearer\s+)([^\s'\"]+)")
_ACCOUNT = re.compile(r"((?<![\w-])(?:-u|--user)\s+['\"]?[^\s:'\"]+:)([^\s'\"]+)")


def command_shown(line: str) -> str:
    """The line without control characters, passwords of URLs, and values of what is named like a secret.

    >>> command_shown("VERCEL_TOKEN=abc vercel deploy --token 'x y' && curl -u ci:pw -H 'Authorization: Bearer t0p' https://a.example")
    "VERCEL_TOKEN=******** vercel deploy --token ******** && curl -u ci:******** -H 'Authorization: Bearer ********' https://a.example"
    """
    text = settings.without_passwords(line)
    for pattern in (_ASSIGNED, _OPTION):
        text = pattern.sub(rf"\1{MASK}", text)
    for pattern in (_HEADER, _BEARER, _ACCOUNT):
        text = pattern.sub(lambda found: found[0] if found[2] == MASK else found[1] + MASK, text)
    return formatting.visible(text)


def command_mark(line: str) -> str:
    """What tells whether a command is still the one that ran; of its secrets it says nothing."""
    return hashlib.sha256(command_shown(line).encode()).hexdigest()[:16]

"""A command line as it may be shown and kept: without the secrets that stand in it."""

from __future__ import annotations

import hashlib
import re

from chatops import formatting, settings

MASK = "********"
_NAME = (
    r"[\w-]*(?:token|secret|passw(?:or)?d|passwd|pwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|signing[-_]?key|"
    r"encryption[-_]?key|credential|auth|cookie|webhook)[\w-]*"
)
# Whatever the shell takes for one word: pieces in quotes and without, and what a backslash keeps.
_VALUE = r"(?:'[^']*'|\"(?:[^\"\\]|\\.)*\"|\\.|[^\s'\"\\;|&])+"
_ASSIGNED = re.compile(rf"(?is)(?<![\w-])(-{{0,2}}{_NAME}\s*=\s*){_VALUE}")
_OPTION = re.compile(rf"(?is)(?<![\w-])(--?{_NAME}\s+)(?!-){_VALUE}")
_PAIR = re.compile(rf"(?i)((?<![\w-])(?:\\?[\"'])?{_NAME}(?:\\?[\"'])?\s*:\s*)(\\?\"[^\"]*\"|'[^']*'|[^\s'\"}},;|&]+)")
"""As JSON, YAML and headers have it."""
_HEADER = re.compile(r"(?i)\b((?:proxy-)?(?:authorization|cookie)\s*:\s*|x-[\w-]*(?:token|key|auth)\s*:\s*)([^'\"]+)")
_BEARER = re.compile(r"(?i)\b((?:bearer|basic)\s+)([^\s'\"]{6,})")
_ACCOUNT = re.compile(r"((?<![\w-])(?:-u|--user|--userpwd|--proxy-user)[\s=]*['\"]?[^\s:'\"]+:)([^\s'\"]+)")
_IN_URL = re.compile(r"(\w://[^\s:/@'\"]*:)(?!\d+/)([^\s'\"]+)(?=@)")
_USER_IN_URL = re.compile(r"(\bhttps?://)([^\s:/@'\"]{16,})(?=@)")
_IN_QUERY = re.compile(r"(?i)([?&](?:key|sig|signature|code|hash|jwt)=)([^\s&'\"]+)")
_HOOK = re.compile(
    r"(?i)(https://(?:hooks\.|[\w.]*/(?:webhooks?|hooks?)/)[^\s/'\"]*/)([^\s'\"]+)|(https://[^\s'\"]*/webhooks?/)([^\s'\"]+)"
)
_OF_PROGRAM = re.compile(
    rf"(?i)(\bsshpass\s+-p\s*|\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^;|&]*?\s-p(?=\S)|"
    rf"\b(?:docker|podman|helm|az|oc|skopeo|buildah)\b[^;|&]*?\blogin\b[^;|&]*?\s-p\s*|\bredis-cli\b[^;|&]*?\s-a\s+|"
    rf"\bopenssl\b[^;|&]*?\bpass:|\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+){_VALUE}"
)
_SHAPES = re.compile(
    r"\b(?:gh[oprsu]_\w{8,}|github_pat_\w{8,}|glpat-[\w-]{8,}|sk-[\w-]{12,}|[rs]k_(?:live|test)_\w{8,}|xox[abeprs]-[\w-]{8,}|"
    r"AKIA[0-9A-Z]{12,}|AIza[\w-]{20,}|npm_\w{20,}|sbp_\w{20,}|dop_v1_\w{20,}|hvs\.[\w-]{12,}|eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)"
)
"""Tokens that are known by their look, wherever they stand."""


def command_shown(line: str) -> str:
    """The line without control characters, passwords of URLs, and values of what is named or looks like a secret.

    >>> command_shown("VERCEL_TOKEN=abc vercel deploy --token 'x y' && curl -u ci:pw -H 'Authorization: Bearer t0p' https://a.example")
    "VERCEL_TOKEN=******** vercel deploy --token ******** && curl -u ci:******** -H 'Authorization: ********' https://a.example"
    """
    text = _IN_URL.sub(rf"\1{MASK}", line)
    text = settings.without_passwords(text)
    for pattern in (_HEADER, _PAIR, _ASSIGNED, _OPTION, _OF_PROGRAM, _IN_QUERY, _USER_IN_URL):
        text = pattern.sub(rf"\1{MASK}", text)
    text = _HOOK.sub(lambda found: (found[1] or found[3]) + MASK, text)
    for pattern in (_BEARER, _ACCOUNT):
        text = pattern.sub(lambda found: found[0] if found[2] == MASK else found[1] + MASK, text)
    return formatting.visible(_SHAPES.sub(MASK, text))


def command_mark(line: str) -> str:
    """What tells whether a command is still the one that ran; of its secrets it says nothing."""
    return hashlib.sha256(command_shown(line).encode()).hexdigest()[:16]

"""What must never be shown, and how it is cut out of foreign texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, quote_plus, unquote

from chatops.settings.target import Target

SECRET_PARAMETERS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
"""The parameters of libpq, of any version, whose value lets somebody in."""
MASK = "********"
_IN_URL = re.compile(r"(\w://[^\s:/@]*:)[^\s/@]+(@)")
_DATABASE = re.compile(r"\s*['\"]?postgres(ql)?(\+\w+)?://|(?s:.*)\b(ssl)?password\s*=", re.IGNORECASE)
_IN_WORDS = re.compile(rf"\b({'|'.join(sorted(SECRET_PARAMETERS))})(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)", re.IGNORECASE)


def without_secrets(parameters: Mapping[str, str]) -> dict[str, str]:
    """The connection parameters that may be shown."""
    return {key: value for key, value in parameters.items() if key not in SECRET_PARAMETERS}


def has_secrets(parameters: Mapping[str, str]) -> bool:
    """Whether a secret is among the connection parameters."""
    return any(parameters.get(key) for key in SECRET_PARAMETERS)


def without_passwords(text: str) -> str:
    """The text with the passwords of the URLs and `key=value` pairs in it replaced.

    >>> without_passwords("psql postgres://u:hunter2@h/db?sslpassword=x && curl https://example.org:80/@x")
    'psql postgres://u:********@h/db?sslpassword=******** && curl https://example.org:80/@x'
    """
    return _IN_WORDS.sub(rf"\1\2{MASK}", _IN_URL.sub(rf"\1{MASK}\2", text))


def secrets_of(target: Target) -> list[str]:
    """Every spelling of the target's secrets, to be cut out of foreign messages; the longest first."""
    values = [target.parameters.get(key, "") for key in SECRET_PARAMETERS]
    found = {spelt for value in values if len(value) > 2 for spelt in
             (value, quote(value), quote(value, safe=""), quote_plus(value), value.replace("'", "\\'"))}  # fmt: skip
    return sorted(found, key=len, reverse=True)


def secrets_in(texts: Iterable[str]) -> list[str]:
    """What stands at the place of a password in connection texts, even in those that cannot be read.

    >>> secrets_in(["postgresql://u:a@b@h/d?sslpassword=c%20d", "summary"])
    ['c%20d', 'a@b', 'c d']
    """
    found = {match[3].strip("'") for text in texts for match in _IN_WORDS.finditer(text)}
    for text in texts:
        before, _, _ = text.rpartition("@")
        _, scheme, userinfo = before.partition("://")
        if not scheme and not re.search(r"[\s=]", before):  # a URL that was pasted without its scheme
            userinfo = before
        if ":" in userinfo:
            found.add(userinfo.partition(":")[2])
    return sorted({spelt for one in found if len(one) > 2 for spelt in (one, unquote(one))}, key=lambda one: (-len(one), one))


def without_databases(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that has no need of a database: without passwords and connection texts.

    >>> without_databases({"PGPASSWORD": "x", "A_URL": "postgresql://u:p@h/d", "DSN": "host=h password=p", "HOME": "/root"})
    {'HOME': '/root'}
    """
    return {name: value for name, value in environ.items() if name != "PGPASSWORD" and not _DATABASE.match(value)}


def redact(text: str, secrets: Sequence[str]) -> str:
    """The text with every known secret replaced, however it got there.

    >>> redact("password is hunter2", ["hunter2"])
    'password is ********'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text

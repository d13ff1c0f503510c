"""What must never be shown, and how it is cut out of foreign texts.

Foreign is what a server, the driver, another program or a file says: it goes through `redact` where it comes in. Our own
sentences hold no secret to begin with: a password that is a word of ours ("chat", "postgres") hides none of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:  # which asks what of a target may be shown
    from chatops.settings.target import Target

SECRET_PARAMETERS = frozenset({"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"})
"""The parameters of libpq, of any version, whose value lets somebody in."""
_LIKE_ONE = re.compile(r"passw|^(?:pass|pwd)$|secret|token|credential", re.IGNORECASE)
"""What people and other drivers call such a parameter: libpq knows none of these names, and has no use for the value."""
MASK = "********"
SHORT = 2
"""A secret of so few characters is cut out where it stands as a value; elsewhere it is part of any text."""
LONG = 12
"""One of so many letters is no word that a text holds by accident."""
_IN_URL = re.compile(r"(\w://[^\s:/@]*:)(?!PASSWORD@)[^\s/@]+(@)")
_DATABASE = re.compile(
    r"\A\s*['\"]?postgres(ql)?(\+\w+)?://|postgres(ql)?(\+\w+)?://[^\s/]*@|\b(ssl)?password\s*=|"
    r"\A[^\s:/@]+:(?!//)\S+@[^\s/@]+/\S*\Z",
    re.IGNORECASE,
)
"""A connection text, alone or inside a line, with its scheme or without."""
_NAMED_FOR_ONE = ("CHATOPS_DATABASE_URL", "DATABASE_URL")
_NAMES = "|".join(sorted(SECRET_PARAMETERS))
_IN_WORDS = re.compile(rf"\b({_NAMES})(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&'\"]+)", re.IGNORECASE)
_IN_STATEMENT = re.compile(
    r"\b(password\s+)((?:E|U&)?'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)|\$(\w*)\$.*?(?:\$\3\$|\Z))", re.IGNORECASE | re.DOTALL
)
"""To its end where the statement was cut off in the middle of it."""
_BETWEEN = r"(?<=[\"'“‘„«`]){0}(?=[\"'”’“»`])|(?<=\w:){0}(?=@)|(?<==){0}(?![^\s&;,'\"”)\]}}])|\A\s*{0}\s*\Z"
"""Where a value stands alone: between quotes, before the @ of a URL, behind =, or as all that is said."""
# Signs that end in a letter or a digit and belong to no word: %3A, \n, \x3a, :, and what sets a colour.
_WORD_BEGINS = r"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{2})|(?<=\\[abfnrtv])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u[0-9A-Fa-f]{4})|(?<=[\d\[;]m))"


def _is_secret(parameter: str) -> bool:
    return parameter in SECRET_PARAMETERS or _LIKE_ONE.search(parameter) is not None


def without_secrets(parameters: Mapping[str, str]) -> dict[str, str]:
    """The connection parameters that may be shown, as they may be shown.

    >>> without_secrets({"host": "h", "password": "x", "PWD": "y", "dbname": "postgresql://u:z@h/d"})
    {'host': 'h', 'dbname': 'postgresql://u:********@h/d'}
    """
    return {key: shown(value) for key, value in parameters.items() if not _is_secret(key)}


def shown(value: str) -> str:
    """A value as it may be shown: a whole connection text may have been put in its place.

    >>> shown("chat"), shown("u:hunter2@h/d"), shown("host=h password=x")
    ('chat', 'u:********@h/d', 'host=h password=********')
    """
    if "@" not in value and "=" not in value:
        return value
    return redact(value, secrets_in([value]))


def has_secrets(parameters: Mapping[str, str]) -> bool:
    """Whether a secret is among the connection parameters, or in one of them."""
    return any(value and (_is_secret(key) or shown(value) != value) for key, value in parameters.items())


def without_passwords(text: str) -> str:
    """The text with the passwords of the URLs, `key=value` pairs and statements in it replaced, whatever they are.

    >>> without_passwords("psql postgres://u:hunter2@h/db?sslpassword=x && curl https://example.org:80/@x")
    'psql postgres://u:********@h/db?sslpassword=******** && curl https://example.org:80/@x'
    >>> without_passwords("alter role ada password 'it''s' login; postgresql://USER:PASSWORD@HOST/DATABASE")
    'alter role ada password ******** login; postgresql://USER:PASSWORD@HOST/DATABASE'
    """
    text = _IN_WORDS.sub(rf"\1\2{MASK}", _IN_URL.sub(rf"\1{MASK}\2", text))
    return _IN_STATEMENT.sub(rf"\1{MASK}", text)


def secrets_of(target: Target, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The secrets that the target's parameters and the environment name; what libpq found elsewhere, a connection knows."""
    values = [value for key, value in target.parameters.items() if _is_secret(key)]
    values += secrets_in(value for key, value in target.parameters.items() if not _is_secret(key))
    return [value for value in (*values, environ.get("PGPASSWORD", "")) if value]


def secrets_in(texts: Iterable[str]) -> list[str]:
    """What stands at the place of a password in connection texts, even in those that cannot be read.

    >>> secrets_in(["postgresql://u:a@b@h/d?sslpassword=c%20d", "summary"])
    ['c%20d', 'a@b', 'c d']
    """
    texts = list(texts)
    found = {match[3].strip("'") for text in texts for match in _IN_WORDS.finditer(text)}
    for text in texts:
        before, _, _ = text.rpartition("@")
        _, scheme, userinfo = before.partition("://")
        if not scheme and not re.search(r"[\s=]", before):  # a URL that was pasted without its scheme
            userinfo = before
        if ":" in userinfo:
            found.add(userinfo.partition(":")[2])
    return sorted({spelt for one in found if one for spelt in (one, unquote(one))}, key=lambda one: (-len(one), one))


def without_databases(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a program that has no need of a database: without passwords and connection texts.

    >>> without_databases({"PGPASSWORD": "x", "A_URL": "postgresql://u:p@h/d", "DSN": "host=h password=p", "HOME": "/root"})
    {'HOME': '/root'}
    >>> without_databases({"A": "psql postgres://u:p@h", "B": "u:p@h/d", "C": "http://u:p@proxy:80/", "D": "u@h.example:/srv"})
    {'C': 'http://u:p@proxy:80/', 'D': 'u@h.example:/srv'}
    >>> without_databases({"PGPASSWORD": "demo", "DATABASE_URL": "u:p@h", "CHATOPS_DATABASE_URL": "demo"})
    {'CHATOPS_DATABASE_URL': 'demo'}
    """

    def leads_into_one(name: str, value: str) -> bool:
        named = name == "PGPASSWORD" or (name in _NAMED_FOR_ONE and value not in ("local", "demo"))
        return named or _DATABASE.search(value) is not None

    return {name: value for name, value in environ.items() if not leads_into_one(name, value)}


def redact(text: str, secrets: Sequence[str]) -> str:
    r"""A foreign text without the secrets that are known, however they are spelt, nor what stands at the place of any.

    A secret that is a word is cut out as a word: inside of a longer one nobody can tell it. One of one or two characters is cut
    out where it stands as a value, for it is in every text.

    >>> redact(r"no hunter2, chat%20t\x6F", ["hunter2", "chat to"]), redact("a chat of chats, not 'to' nor to", ["chat", "to"])
    ('no ********, ********', "a ******** of chats, not '********' nor to")
    """
    for pattern in _patterns(tuple(sorted({one for one in secrets if one}, key=lambda one: (-len(one), one)))):
        text = pattern.sub(MASK, text)
    return without_passwords(text)


@lru_cache(maxsize=64)
def _patterns(secrets: tuple[str, ...]) -> list[re.Pattern[str]]:
    return [_pattern(one) for secret in secrets for one in dict.fromkeys((secret, unquote(secret))) if one]


def _pattern(secret: str) -> re.Pattern[str]:
    spelt = "".join(map(_spelt, secret))
    if len(secret) <= SHORT:
        return re.compile(_BETWEEN.format(spelt))
    plain = secret.replace("_", "")
    if len(secret) < LONG and (plain.isalpha() or plain.isdigit()):
        return re.compile(rf"{_WORD_BEGINS}{spelt}(?!\w)")
    return re.compile(spelt)


def _spelt(sign: str) -> str:
    """Every way in which texts spell a sign: itself, percent-encoded, escaped as in SQL, JSON, Python and HTML."""
    in_bytes = sign.encode("utf-8", "surrogatepass")
    ways = {
        re.escape(sign): None,
        "(?i:" + "".join(f"%{byte:02x}" for byte in in_bytes) + ")": None,
        "(?i:" + "".join(rf"\\x{byte:02x}" for byte in in_bytes) + ")": None,
        "".join(rf"\\{byte:03o}" for byte in in_bytes): None,
    }
    escaped = sign.encode("utf-16-be", "surrogatepass").hex()
    ways["(?i:" + "".join(rf"\\u{escaped[at : at + 4]}" for at in range(0, len(escaped), 4)) + ")"] = None
    ways[rf"(?i:\\x{ord(sign):02x}|\\U{ord(sign):08x}|&\#x{ord(sign):x};)|&\#0*{ord(sign)};"] = None
    more = {" ": [r"\+"], "'": ["''", r"\\+'", "&apos;"], '"': [r'\\+"', '""', "&quot;"], "\\": [r"\\{2,4}"], "&": ["&amp;"],
            "<": ["&lt;"], ">": ["&gt;"], "\t": [r"\\t"], "\n": [r"\\n"], "\r": [r"\\r"]}  # fmt: skip
    # The longer spelling first: of two quotes one would stay.
    return "(?:" + "|".join(sorted([*ways, *more.get(sign, [])], key=lambda way: way == re.escape(sign))) + ")"


def is_no_word(secret: str, known: Iterable[str]) -> bool:
    """Whether a text of ours cannot hold a secret by accident: neither a word, nor a number, nor part of what is known of us.

    >>> [is_no_word(one, ["db.example/d"]) for one in ("hunter2", "kX9#mQ2p", "chat", "15432", "CHAT001", "db.example", "it's")]
    [True, True, False, False, False, False, False]
    """
    if len(secret) < 6 or any(secret in one for one in known) or re.fullmatch(r"[A-Z]{2,7}\d{3}|\d{3}_\w+", secret):
        return False
    return any(map(str.isalpha, secret)) and any(map(str.isdigit, secret))

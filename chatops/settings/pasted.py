"""What people paste for a connection URL: what is plainly one is taken out of its wrapping; of the rest it is said what it is."""

from __future__ import annotations

import re
import shlex

from chatops.errors import UsageError

PATTERN = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_DATABASE_URL = re.compile(r"postgres(?:ql)?(?:\+\w+)?://\S*", re.IGNORECASE)
_OTHER_NAME = re.compile(r"(postgis|pgsql|psql|pg)://", re.IGNORECASE)
_SHELL = re.compile(r"\s*(?:export\s+|set\s+|\$env:)?([A-Za-z_]\w*)\s*=\s*(.+?)\s*;?\s*", re.IGNORECASE | re.DOTALL)
_SUPABASE = re.compile(r"https?://(?:supabase\.com/dashboard/project/)?([a-z0-9]{4,})(?:\.supabase\.(?:co|com|in))?(?:/.*)?")
_WITHOUT_SCHEME = re.compile(
    r"(?:[^\s/@:=]+(?::[^\s/@]*)?@)?(?:\[[0-9A-Fa-f:]+\]|[A-Za-z0-9_][\w.-]*)(?::\d+)?(?:/[^\s/@?#]*(?:\?\S*)?)?"
)
_SHOWN = re.compile(r"[\w.,:\\-]+")
_PSQL_OPTIONS = {"-h": "host", "--host": "host", "-p": "port", "--port": "port", "-U": "user", "--username": "user",
                 "-d": "dbname", "--dbname": "dbname"}  # fmt: skip
_OF_DOTNET = {
    "host": "host", "server": "host", "data source": "host", "datasource": "host", "addr": "host", "address": "host",
    "port": "port", "database": "dbname", "initial catalog": "dbname", "db": "dbname",
    "user id": "user", "username": "user", "user name": "user", "user": "user", "uid": "user", "userid": "user",
}  # fmt: skip


def unwrapped(text: str, origin: str) -> tuple[str, str]:
    """The URL that a pasted text plainly holds, and what was cut from it ("" for a text that is taken as it is).

    Raises UsageError for what is something else, with what to write in its place; no message quotes a password.

    >>> unwrapped("psql 'postgresql://u@h/d'", "--db"), unwrapped("export X=postgresql://u@h/d", "--db")
    (('postgresql://u@h/d', 'psql'), ('postgresql://u@h/d', 'export X='))
    >>> unwrapped("jdbc:postgresql://h:5432/d", "--db"), unwrapped("h:5432/d", "--db"), unwrapped("host=h dbname=d", "--db")
    (('postgresql://h:5432/d', 'jdbc:'), ('postgresql://h:5432/d', ''), ('host=h dbname=d', ''))
    """
    if re.match(r"jdbc:postgres(ql)?://", text, re.IGNORECASE):
        return text[len("jdbc:") :], "jdbc:"
    if _DATABASE_URL.match(text) or text in ("local", "demo"):
        return text, ""
    if re.match(r"(\w+=\S*\s+)*(\S*/)?psql(\s|$)", text):
        return _of_psql(text, origin)
    if (assigned := _SHELL.fullmatch(text)) is not None:
        value = assigned[2]
        value = value[1:-1] if value[:1] in "'\"" and value[-1:] == value[:1] else value
        if _DATABASE_URL.fullmatch(value):
            return value, text[: assigned.start(2)].strip()
    if re.match(r"https?://", text, re.IGNORECASE):
        raise _of_the_web(text, origin)
    if ";" in text and (parts := _dotnet(text)):
        raise UsageError(
            f"{origin}: this is a connection string of .NET or ODBC; libpq reads a URL",
            details=(f"write it as {_url_like(parts)}",),
        )
    if (other := _OTHER_NAME.match(text)) is not None:
        raise UsageError(f"{origin}: libpq does not know {other[0]}; write postgresql:// in its place")
    if (other := re.match(r"(?:jdbc:)?([a-z][a-z0-9+.-]*)://", text, re.IGNORECASE)) is not None:
        raise UsageError(f"{origin}: {other[1]}:// leads to no Postgres; the URL must start with postgresql:// (or postgres://)")
    if re.search(r"[@:]", text.partition("/")[0]) and _WITHOUT_SCHEME.fullmatch(text):
        return f"postgresql://{text}", ""
    return text, ""


def _of_psql(text: str, origin: str) -> tuple[str, str]:
    """The URL in a command line of psql. Raises UsageError for one that names the database by options."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    urls = [word for word in words if _DATABASE_URL.fullmatch(word)]
    at = next(number for number, word in enumerate(words) if word.rpartition("/")[2] == "psql")
    own = [word for word in words[at + 1 :] if word not in urls]
    if at == 0 and len(urls) == 1 and not own:
        return urls[0], "psql"
    if at == 0 and not urls and len(own) == 1 and "=" in own[0] and not own[0].startswith("-"):
        return own[0], "psql"
    if len(urls) == 1:
        raise UsageError(f"{origin}: this is a command line of psql; take away all but the URL in it")
    parts: dict[str, str] = {}
    left = iter(own)
    for word in left:
        spelt, equals, value = word.partition("=")
        if word[:2] in _PSQL_OPTIONS and len(word) > 2 and not word.startswith("--"):
            parts[_PSQL_OPTIONS[word[:2]]] = word[2:]
        elif spelt in _PSQL_OPTIONS:
            parts[_PSQL_OPTIONS[spelt]] = value if equals else next(left, "")
        elif not word.startswith("-"):
            parts.setdefault("user" if "dbname" in parts else "dbname", word)
    if not all(map(_SHOWN.fullmatch, parts.values())):
        parts = {}
    written = " ".join(f"{key}={value}" for key, value in parts.items() if value) or PATTERN
    raise UsageError(
        f"{origin}: this is a command line of psql; give what it connects to",
        details=(f"here that is {written}", "the password goes into PGPASSWORD or ~/.pgpass"),
    )


def _of_the_web(text: str, origin: str) -> UsageError:
    found = _SUPABASE.fullmatch(text)
    if "supabase" not in text.lower():
        return UsageError(f"{origin}: this is an address of the web, not of a database", details=(f"expected {PATTERN}",))
    reference = found[1] if found is not None and found[1] not in ("supabase", "www", "app", "api") else "REF"
    return UsageError(
        f"{origin}: this is the address of a Supabase project, not of its database",
        details=(
            "Supabase shows the database's under Connect → Session pooler:",
            f"postgresql://postgres.{reference}:PASSWORD@REGION.pooler.supabase.com:5432/postgres",
        ),
    )


def _dotnet(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for item in text.split(";"):
        key, equals, value = item.partition("=")
        if equals and (name := _OF_DOTNET.get(key.strip().lower())) is not None:
            parts[name] = value.strip().strip("'\"")
    return parts if all(map(_SHOWN.fullmatch, parts.values())) else {}


def _url_like(parts: dict[str, str]) -> str:
    """A URL of what may be shown; capitals stand for what is missing or secret."""
    host = parts.get("host", "HOST").removeprefix("tcp:")
    host, _, port = host.partition(",")
    port = parts.get("port") or port or "5432"
    return f"postgresql://{parts.get('user', 'USER')}:PASSWORD@{host}:{port}/{parts.get('dbname', 'DATABASE')}"

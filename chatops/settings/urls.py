"""Connection URLs and libpq's `key=value` texts, read more strictly than libpq does: what could be read in two ways is refused.

libpq's own parser (psycopg.conninfo) takes six times as long to load as all of the settings, and `config` and the start screen
connect to nothing; a test holds that what is accepted here means the same there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from chatops import formatting
from chatops.errors import UsageError
from chatops.settings.pasted import unwrapped
from chatops.settings.secrets import without_secrets

SCHEMA = "schema"
"""The parameter under which a URL's schema is found, however it was spelt: it is none of libpq's."""
_SCHEMAS = ("schema", "search_path", "currentSchema", "currentschema", "searchpath", "search-path")
# What object-relational mappers, drivers and poolers append to a URL and libpq does not know; none says which rows are meant.
ORM_PARAMETERS = frozenset(
    word.lower() for word in (
        "pgbouncer", "connection_limit", "pool_timeout", "pool_size", "max_overflow", "pool_recycle", "pool_pre_ping", "pool",
        "statement_cache_size", "prepared_statement_cache_size", "prepared_statement_name_func", "prepared_statements",
        "statement_cache_capacity", "statement_cache_mode", "default_query_exec_mode", "description_cache_capacity", "prepare",
        "prepareThreshold", "preparedStatementCacheQueries", "preferQueryMode", "binaryTransfer", "reWriteBatchedInserts",
        "defaultRowFetchSize", "stringtype", "autosave", "loggerLevel", "ApplicationName", "assumeMinServerVersion",
        "socket_timeout", "socketTimeout", "connectTimeout", "loginTimeout", "cancelSignalTimeout", "command_timeout",
        "query_timeout", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "tcpKeepAlive", "keepAlive",
        "pool_max_conns", "pool_min_conns", "pool_max_conn_lifetime", "pool_max_conn_idle_time", "pool_health_check_period",
        "max", "min", "max_connections", "min_connections", "maximumPoolSize", "idleTimeoutMillis", "connectionTimeoutMillis",
        "idle_timeout", "max_lifetime", "uselibpqcompat", "sslaccept", "sslidentity", "sslfactory", "supa", "workaround",
        "adapter", "encoding", "reconnect", "checkout_timeout", "reaping_frequency", "variables", "x-migrations-table",
    )
)  # fmt: skip
_SCHEME = re.compile(r"^(postgres(?:ql)?)(\+[A-Za-z0-9_]+)?://", re.IGNORECASE)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def url_without_password(parameters: Mapping[str, str]) -> str:
    """The connection URL of libpq parameters without their secrets, to be shown and pasted; it leads to the same hosts.

    >>> url_without_password({"host": "a,b", "port": "1,2", "dbname": "d", "password": "x", "target_session_attrs": "read-write"})
    'postgresql://a:1,b:2/d?target_session_attrs=read-write'
    """
    shown = without_secrets(parameters)
    hosts, ports = shown.get("host", "").split(","), shown.get("port", "").split(",")
    known = {"user", "dbname"}
    authority = ""
    if any(shown.get(key) for key in ("host", "port")) and not any(host.startswith(("/", "@")) for host in hosts):
        # One port stands for all hosts in key=value form, and for one of them in a URL.
        each = ports if len(ports) == len(hosts) else ports * len(hosts)
        pairs = zip((f"[{host}]" if ":" in host else host for host in hosts), each, strict=False)
        authority = ",".join(f"{host}:{port}" if port else host for host, port in pairs)
        known |= {"host", "port"}
    user = quote(shown["user"], safe="") + "@" if shown.get("user") else ""
    query = "&".join(f"{key}={quote(value, safe='/,')}" for key, value in shown.items() if key not in known)
    return f"postgresql://{user}{authority}/{quote(shown.get('dbname', ''), safe='')}{'?' + query if query else ''}"


def parse(text: str, origin: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """A connection URL or libpq `key=value` string as libpq parameters, and warnings about what was cut from it.

    Stricter than libpq: a URL that could be read in two ways is refused. The messages never quote the text. A schema that it
    names is found as `SCHEMA`, for the caller to take out.

    >>> parse("postgresql+asyncpg://u:p%40ss@h:6543/d?pgbouncer=true", "--db")[0]
    {'host': 'h', 'port': '6543', 'dbname': 'd', 'user': 'u', 'password': 'p@ss'}
    """
    if not text.strip():
        raise UsageError(f"{origin} is empty")
    if text.strip() != text and text.strip("\r\n \t") and not text.strip().count("\n"):
        raise UsageError(f"{origin}: there is white space around the URL; remove it")
    text, cut = unwrapped(text, origin)
    warnings = [f"{origin}: took the URL out of “{cut} …”"] if cut else []
    if text[:1] in "'\"" or (text[-1:] in "'\"" and "://" in text):
        raise UsageError(f"{origin}: there are quotes around the URL; remove them")
    if "\n" in text or "\r" in text or "\0" in text:
        raise UsageError(f"{origin}: there is a line break inside the URL; remove it")
    if re.search(r"\[?YOUR[-_]PASSWORD\]?", text, re.IGNORECASE):
        raise UsageError(f"{origin}: the URL still holds the dashboard's placeholder; put the database's password there")
    scheme = _SCHEME.match(text)
    if scheme is None:
        if "=" in text:
            return _parse_keywords(text, origin, warnings), tuple(warnings)
        raise UsageError(
            f"{origin}: this is neither a URL nor local nor demo{formatting.did_you_mean(text, ('local', 'demo'))}",
            details=("expected postgresql://USER@HOST:PORT/DATABASE, or key=value pairs as libpq takes them",),
        )
    if scheme[2]:
        warnings.append(f"{origin}: cut “{scheme[2]}” from the URL's scheme; it names a driver of an ORM")
    return _parse_url(text[scheme.end() :], origin, warnings), tuple(warnings)


def _ambiguous(origin: str, what: str) -> UsageError:
    return UsageError(
        f"{origin}: the URL is ambiguous: {what}; nothing was connected to",
        details=("percent-encode these characters in a password: @ %40 · / %2F · ? %3F · # %23 · : %3A · % %25 · space %20",),
    )


def _parse_url(rest: str, origin: str, warnings: list[str]) -> dict[str, str]:
    if re.search(r"\s", rest):
        raise _ambiguous(origin, "it holds white space")
    if "#" in rest:
        raise _ambiguous(origin, "it holds a raw #")
    match = re.match(r"[^/?]*", rest)
    authority = match[0] if match else ""
    path_and_query = rest[len(authority) :]
    path, _, query = path_and_query.partition("?")
    if authority.count("@") > 1:
        raise _ambiguous(origin, "it holds more than one @ before the host")
    if "@" not in authority and ("@" in path or "@" in query.partition("&")[0].partition("=")[0]):
        raise _ambiguous(origin, "it holds a raw / or ? before the @")
    userinfo, _, hosts = authority.rpartition("@")
    if userinfo.count(":") > 1:
        raise _ambiguous(origin, "it holds more than one : before the @")
    if "@" in path or "/" in path[1:]:
        raise _ambiguous(origin, "it holds a raw @ or / after the host")
    if _BAD_PERCENT.search(rest):
        raise _ambiguous(origin, "a % is not followed by two hexadecimal digits")
    user, has_password, password = userinfo.partition(":")
    parameters: dict[str, str] = {}
    names, ports = _hosts(hosts, origin)
    given = {"host": names, "port": ports, "dbname": unquote(path[1:]), "user": unquote(user)}
    parameters |= {key: value for key, value in given.items() if value}
    if has_password and password:
        parameters["password"] = unquote(password)
    given_after: dict[str, str] = {}
    for item in filter(None, query.split("&")):
        key, equals, value = item.partition("=")
        if key.lower() not in ORM_PARAMETERS and (not equals or not re.fullmatch(r"[A-Za-z][\w.-]*", key)):
            raise UsageError(f"{origin}: the URL's parameters after ? must read key=value")
        given_after[key] = unquote(value)
    parameters |= _of_libpq(given_after, origin, warnings)
    if any("\0" in value for value in parameters.values()):
        raise UsageError(f"{origin}: the URL holds a NUL character")
    return parameters


def _of_libpq(given: Mapping[str, str], origin: str, warnings: list[str]) -> dict[str, str]:
    """What libpq is given of a text's parameters, and under `SCHEMA` the schema that they name; `warnings` gets what was dropped.

    Raises UsageError where they name several schemas, or where dropping one would leave the connection less safe.
    """
    found: dict[str, str] = {}
    dropped: list[str] = []
    schemas: dict[str, str] = {}
    for key, value in given.items():
        if key in _SCHEMAS:
            schemas[key] = value
        elif key == "ssl":
            if value.lower() not in ("true", "1", "require", "false", "0", ""):
                raise UsageError(f"{origin}: libpq does not know that ssl=…; say sslmode=require, or sslmode=verify-full")
            found.setdefault("sslmode", "prefer" if value.lower() in ("false", "0") else "require")
        elif key.lower() in ORM_PARAMETERS:
            dropped.append(key)
        else:
            found[key] = value
    if dropped:
        them = "it" if len(dropped) == 1 else "them"
        warnings.append(f"{origin}: dropped {', '.join(dropped)} from the URL; libpq does not know {them}")
    for key, value in schemas.items():
        names = [value] if key == "schema" else _names_in(value)
        if len(names) > 1 or (names and found.get(SCHEMA, names[0]) != names[0]):
            raise UsageError(f"{origin}: {key} of the URL names several schemas; take it out, and name one with --schema NAME")
        if names:
            found[SCHEMA] = names[0]
    return found


def schema_of_options(options: str) -> str | None:
    """The one schema that the search path of libpq's `options` leads to, None where it leads to none or to several.

    >>> schema_of_options("-csearch_path=tenant_a,public -c work_mem=8MB"), schema_of_options("-c search_path=a,b")
    ('tenant_a', None)
    """
    path = re.search(r"(?:-c\s*|--)search_path=((?:\\.|\S)+)", options)
    names = _names_in(re.sub(r"\\(.)", r"\1", path[1])) if path is not None else []
    return names[0] if len(names) == 1 else None


def _names_in(path: str) -> list[str]:
    """The schemas of a search path without those that every path may have; public where there is no other."""
    names = [name.strip().strip('"') for name in path.split(",")]
    names = [name for name in names if name and name not in ("$user", "pg_temp", "pg_catalog", "extensions")]
    return [name for name in names if name != "public"] or names[:1]


def _hosts(hosts: str, origin: str) -> tuple[str, str]:
    names: list[str] = []
    ports: list[str] = []
    for one in hosts.split(",") if hosts else []:
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::(.*))?", one)
        if match is None:
            raise _ambiguous(origin, "the host cannot be told from the port")
        port = match[2] or ""
        if port and not (port.isdigit() and 0 < int(port) < 65536):
            raise _ambiguous(origin, "the port is not a number from 1 to 65535")
        names.append(unquote(match[1].strip("[]")))
        ports.append(port)
    return ",".join(names), ",".join(ports) if any(ports) else ""


def _parse_keywords(text: str, origin: str, warnings: list[str]) -> dict[str, str]:
    pattern = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)")
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        match = pattern.match(text, at)
        if match is None:
            raise UsageError(f"{origin}: this is not a list of key=value pairs as libpq takes them")
        value = match[2] if match[2] is not None else match[3]
        parameters[match[1]] = re.sub(r"\\(.)", r"\1", value)
        at = match.end()
    return _of_libpq(parameters, origin, warnings)

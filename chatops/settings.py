"""Decides which database a command works on, and says where each setting came from. Never connects, never prints a password."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from chatops.errors import NoDatabaseError, UsageError

# What object-relational mappers append to a URL and libpq does not know.
ORM_PARAMETERS = frozenset(
    {"pgbouncer", "connection_limit", "pool_timeout", "schema", "pool_size", "max_overflow", "statement_cache_size",
     "socket_timeout", "supa", "workaround", "prepared_statements", "prepareThreshold"}
)  # fmt: skip
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", ""})
_ENVIRONMENT_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
_SCHEME = re.compile(r"^(postgres(?:ql)?)(\+[A-Za-z0-9_]+)?://", re.IGNORECASE)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")

WHERE_SUPABASE_SHOWS_IT = "Supabase shows it under Connect → Session pooler"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said; None where it said nothing."""

    db: tuple[str, ...] = ()
    env: str | None = None
    schema: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """One setting as `chatops config` shows it: its name, its value without secrets, where it came from."""

    setting: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Target:
    """One database to work on.

    `parameters` are libpq connection parameters (the password, if given, among them: never print this mapping, print
    `shown()`); `embedded` is `local` or `demo` for the embedded server, which is started on demand by whoever connects.
    """

    parameters: Mapping[str, str] = field(repr=False)
    origin: str
    environment: str | None = None
    production: bool = True
    schema: str = "public"
    embedded: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    colour: str | None = None
    warnings: tuple[str, ...] = ()
    origins: tuple[Origin, ...] = ()
    # What must be typed to name this target again in a printed command, such as "--env production".
    flags: str = ""

    @property
    def host(self) -> str:
        """Host (or socket folder) as given, "" for libpq's default."""
        return self.parameters.get("host") or self.parameters.get("hostaddr") or ""

    @property
    def name(self) -> str:
        """What people call this target: the environment's name, or local, demo, or "database"."""
        return self.environment or self.embedded or ("local" if not self.production else "production")

    def shown(self) -> str:
        """host:port/database without user or password."""
        if "service" in self.parameters and not self.host:
            return f"service {self.parameters['service']}"
        port = self.parameters.get("port", "")
        host = "socket" if self.host.startswith("/") else (self.host or "default host")
        return f"{host}{':' + port if port and port != '5432' else ''}/{self.parameters.get('dbname', '')}"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The text of `chatops.toml` as data, with the file it came from (None: there is no such file)."""

    data: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    @property
    def environments(self) -> Mapping[str, Mapping[str, Any]]:
        """The `[env.NAME]` tables."""
        found = self.data.get("env", {})
        return found if isinstance(found, Mapping) else {}


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what must last (the embedded server's data)."""
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "chatops"


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what it remembers between runs (last findings, monitor ticks)."""
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "chatops"


def config_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's folder for `chatops.toml`."""
    return Path(environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "chatops"


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where chatops keeps what may be lost (completion)."""
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatops"


def load(cwd: Path | None = None, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Reads the nearest `chatops.toml`: this folder, then its parents, then the user's config folder.

    Raises UsageError, naming file and line, when it is no valid TOML or an environment is malformed.
    """
    here = (cwd or Path.cwd()).resolve()
    candidates = [folder / "chatops.toml" for folder in (here, *here.parents)] + [config_dir(environ) / "chatops.toml"]
    for path in candidates:
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(f"cannot read {path}: {reason}") from None
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # tomllib names the line and never quotes it, so a password on that line stays unseen.
            raise UsageError(f"{path} is not valid TOML: {error}") from None
        configuration = Configuration(data, path)
        _check(configuration)
        return configuration
    return Configuration()


def _check(configuration: Configuration) -> None:
    raw = configuration.data.get("env", {})
    if not isinstance(raw, Mapping) or not all(isinstance(table, Mapping) for table in raw.values()):
        raise UsageError(f"{configuration.path}: environments are written as [env.NAME] tables")
    for name, table in raw.items():
        if not _ENVIRONMENT_NAME.match(name):
            raise UsageError(f"{configuration.path}: environment name {name!r} may hold letters, digits, . _ - only")
        if "production" in table and not isinstance(table["production"], bool):
            raise UsageError(f"{configuration.path}: [env.{name}] production is true or false")
        ways = [key for key in ("url", "url_env", "service") if key in table]
        if len(ways) > 1 or any(not isinstance(table[key], str) for key in ways):
            raise UsageError(f"{configuration.path}: [env.{name}] needs one of url, url_env, service, as text")


@dataclass(frozen=True, slots=True)
class Snooze:
    """A finding that is not to be shown until a day has come; `until` is the first day on which it is shown again."""

    code: str
    until: date
    reason: str

    def holds(self, today: date) -> bool:
        """Whether the finding is still silent."""
        return today < self.until


def snoozes(configuration: Configuration) -> list[Snooze]:
    """The `[snooze.CODE]` tables. Raises UsageError when one is malformed."""
    found = []
    for code, table in _mapping(configuration.data.get("snooze")).items():
        until = table.get("until") if isinstance(table, Mapping) else None
        if isinstance(until, datetime):
            until = until.date()
        if not isinstance(until, date):
            raise UsageError(f"{configuration.path}: [snooze.{code}] needs until = YYYY-MM-DD")
        found.append(Snooze(code, until, str(table.get("reason", ""))))
    return found


def with_snooze(text: str, code: str, snooze: Snooze | None) -> str:
    """The text of a `chatops.toml` with one finding's snooze written, replaced, or taken out (None); the rest as it was.

    >>> with_snooze('[env.x]\\nurl = "local"\\n', "CHAT003", None)
    '[env.x]\\nurl = "local"\\n'
    """
    block = re.compile(rf"^\[snooze\.{re.escape(code)}\]\n(?:(?!\[).*\n?)*", re.MULTILINE)
    rest = block.sub("", text)
    if snooze is None:
        return rest
    reason = snooze.reason.translate({ord("\\"): "\\\\", ord('"'): '\\"', **dict.fromkeys((*range(32), 127), " ")})
    head = rest.rstrip("\n")
    table = f'[snooze.{code}]\nuntil = {snooze.until.isoformat()}\nreason = "{reason}"\n'
    return f"{head}\n\n{table}" if head else table


def resolve(
    options: Options,
    *,
    environ: Mapping[str, str] = os.environ,
    configuration: Configuration | None = None,
    cwd: Path | None = None,
) -> Target:
    """The one database that a command works on.

    Flag, then environment, then `chatops.toml`, then libpq's own settings. Raises UsageError when none is named, when a URL is
    malformed or ambiguous, or when the environment is unknown.
    """
    targets = resolve_all(options, environ=environ, configuration=configuration, cwd=cwd)
    if len(targets) > 1:
        raise UsageError("this command works on one database; --db was given several times")
    return targets[0]


def resolve_all(
    options: Options,
    *,
    environ: Mapping[str, str] = os.environ,
    configuration: Configuration | None = None,
    cwd: Path | None = None,
) -> list[Target]:
    """Every database that a command was given, in order; see `resolve`."""
    configuration = configuration if configuration is not None else load(cwd, environ)
    schema, schema_origin = _schema(options, environ, configuration)
    if options.db:
        if options.env:
            raise UsageError("--db and --env both name a database; give one of them")
        return [_from_text(text, "--db", schema, schema_origin, configuration, typed=True) for text in options.db]
    environment = options.env or environ.get("CHATOPS_ENV")
    if environment:
        origin = "--env" if options.env else "CHATOPS_ENV"
        names = [name.strip() for name in environment.split(",") if name.strip()]
        return [_from_environment(name, origin, schema, schema_origin, environ, configuration) for name in names]
    for variable in ("CHATOPS_DATABASE_URL", "DATABASE_URL"):
        if text := environ.get(variable):
            return [_from_text(text, variable, schema, schema_origin, configuration)]
    if environments := configuration.environments:
        if len(environments) > 1:
            raise UsageError(
                f"{configuration.path} defines {len(environments)} environments; say which one",
                next_steps=[("name it", f"chatops --env {name} …") for name in environments],
            )
        return [_from_environment(next(iter(environments)), str(configuration.path), schema, schema_origin, environ,
                                  configuration)]  # fmt: skip
    named = [name for name in ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE") if environ.get(name)]
    if named:
        parameters = {
            key: environ[variable]
            for key, variable in (("service", "PGSERVICE"), ("host", "PGHOST"), ("hostaddr", "PGHOSTADDR"),
                                  ("port", "PGPORT"), ("dbname", "PGDATABASE"), ("user", "PGUSER"))
            if environ.get(variable)
        }  # fmt: skip
        return [_finish(parameters, ", ".join(named), schema, schema_origin, configuration, environment=None)]
    raise NoDatabaseError(
        "no database named",
        details=(WHERE_SUPABASE_SHOWS_IT + "; put it in CHATOPS_DATABASE_URL so that it stays out of `ps`",),
        next_steps=[
            ("a database of yours", "export CHATOPS_DATABASE_URL='postgresql://postgres.<ref>@<host>:5432/postgres'"),
            ("the embedded server", "chatops --db local status"),
            ("a system to play with", "chatops demo"),
        ],
    )


def _schema(options: Options, environ: Mapping[str, str], configuration: Configuration) -> tuple[str | None, str]:
    if options.schema:
        return options.schema, "--schema"
    if environ.get("CHATOPS_SCHEMA"):
        return environ["CHATOPS_SCHEMA"], "CHATOPS_SCHEMA"
    if isinstance(configuration.data.get("schema"), str):
        return configuration.data["schema"], str(configuration.path)
    return None, "default"


def _from_environment(
    name: str,
    origin: str,
    schema: str | None,
    schema_origin: str,
    environ: Mapping[str, str],
    configuration: Configuration,
) -> Target:
    table = configuration.environments.get(name)
    if table is None:
        known = ", ".join(configuration.environments) or "none"
        where = configuration.path or "chatops.toml (no such file here, above, or in the user's config folder)"
        raise UsageError(f"environment {name!r} is not defined; {where} has: {known}")
    where = f"{configuration.path} [env.{name}]"
    if "service" in table:
        parameters: dict[str, str] = {"service": str(table["service"])}
        warnings: tuple[str, ...] = ()
    else:
        if "url_env" in table:
            text = environ.get(str(table["url_env"]), "")
            if not text:
                raise UsageError(f"{where} takes its URL from the variable {table['url_env']}, which is not set")
        else:
            text = str(table.get("url", ""))
        if text in ("local", "demo"):
            return _embedded(text, where, schema, schema_origin, environment=name)
        if not text:
            raise UsageError(f"{where} names no database: give it url, url_env or service")
        parameters, warnings = parse(text, where)
    return _finish(
        parameters, f"{where} ({origin})" if origin.startswith(("--", "CHATOPS")) else where, schema, schema_origin,
        configuration, environment=name, warnings=warnings,
    )  # fmt: skip


def _from_text(
    text: str,
    origin: str,
    schema: str | None,
    schema_origin: str,
    configuration: Configuration,
    *,
    typed: bool = False,
) -> Target:
    if text in ("local", "demo"):
        return _embedded(text, origin, schema, schema_origin, environment=None)
    parameters, warnings = parse(text, origin)
    if typed and "password" in parameters:
        warnings = (
            *warnings,
            "--db holds a password, which shows in `ps` and shell history; CHATOPS_DATABASE_URL does not",
        )
    return _finish(parameters, origin, schema, schema_origin, configuration, environment=None, warnings=warnings,
                   typed=typed)  # fmt: skip


def _embedded(text: str, origin: str, schema: str | None, schema_origin: str, environment: str | None) -> Target:
    database = "chatops_demo" if text == "demo" else "chatops"
    return Target(
        parameters={"dbname": database},
        origin=origin,
        environment=environment,
        production=False,
        schema=schema or "public",
        embedded=text,
        origins=(
            Origin("database", f"{text} (embedded server, database {database})", origin),
            Origin("production", "no", "the embedded server is yours"),
            Origin("schema", schema or "public", schema_origin),
        ),
        flags=f"--env {environment}" if environment else f"--db {text}",
    )


def _finish(
    parameters: dict[str, str],
    origin: str,
    schema: str | None,
    schema_origin: str,
    configuration: Configuration,
    *,
    environment: str | None,
    warnings: tuple[str, ...] = (),
    typed: bool = False,
) -> Target:
    environments = configuration.environments
    same = None
    if environment is None:
        same = next((name for name in environments if _place(environments[name]) == _place_of(parameters)), None)
    table = environments.get(environment or same or "", {})
    host = parameters.get("host", parameters.get("hostaddr", ""))
    local = "service" not in parameters and (host in LOOPBACK or host.startswith(("/", "@")))
    if "production" in table:
        production, why = bool(table["production"]), f"{configuration.path} [env.{environment or same}]"
    elif local:
        production, why = False, "the host is this machine"
    else:
        production, why = True, "not local and not marked production = false"
    schema_text = schema or str(table.get("schema", "public"))
    thresholds = {
        str(key): float(value)
        for key, value in {
            **_mapping(configuration.data.get("thresholds")),
            **_mapping(table.get("thresholds")),
        }.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    name = environment or same
    shown = {key: value for key, value in parameters.items() if key != "password"}
    origins = [Origin(key, value, origin) for key, value in sorted(shown.items())]
    if "password" in parameters:
        origins.append(Origin("password", "(given, not shown)", origin))
    if name:
        origins.append(Origin("environment", name, origin if environment else f"same host, port, database as [env.{name}]"))
    origins += [Origin("production", "yes" if production else "no", why), Origin("schema", schema_text, schema_origin)]
    if environment:
        flags = f"--env {environment}"
    elif typed:
        flags = "" if "password" in parameters else f"--db '{url_without_password(parameters)}'"
    else:
        flags = ""
    return Target(
        parameters=parameters,
        origin=origin,
        environment=name,
        production=production,
        schema=schema_text,
        thresholds=thresholds,
        colour=table.get("colour") if isinstance(table.get("colour"), str) else None,
        warnings=warnings,
        origins=tuple(origins),
        flags=flags if schema_text == "public" else f"{flags} --schema {schema_text}".strip(),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _place(table: Mapping[str, Any]) -> tuple[str, str, str] | None:
    text = table.get("url")
    if not isinstance(text, str) or text in ("local", "demo"):
        return None
    try:
        return _place_of(parse(text, "chatops.toml")[0])
    except UsageError:
        return None


def _place_of(parameters: Mapping[str, str]) -> tuple[str, str, str]:
    host = parameters.get("host", parameters.get("hostaddr", "")).lower()
    return host, parameters.get("port") or "5432", parameters.get("dbname") or parameters.get("user", "")


def production_beside(
    target: Target, *, environ: Mapping[str, str] = os.environ, configuration: Configuration | None = None
) -> str | None:
    """The production environment that is on the same server as a target, in whatever database; None when there is none."""
    configuration = configuration if configuration is not None else load(environ=environ)
    for name in configuration.environments:
        try:
            other = resolve(Options(env=name), environ=environ, configuration=configuration)
        except UsageError:
            continue
        if other.production and _server_of(other.parameters) == _server_of(target.parameters):
            return name
    return None


def _server_of(parameters: Mapping[str, str]) -> tuple[str, str, str]:
    host, port, _ = _place_of(parameters)
    return "" if host in LOOPBACK else host, port, parameters.get("service", "")


def url_without_password(parameters: Mapping[str, str]) -> str:
    """The connection URL of libpq parameters, to be shown and pasted."""
    known = {"user", "host", "port", "dbname"}
    user = quote(parameters["user"], safe="") + "@" if parameters.get("user") else ""
    host = parameters.get("host", "")
    more = {key: value for key, value in parameters.items() if key not in known}
    if host.startswith("/") or "," in host:
        more, host = {"host": host, **more}, ""
    elif ":" in host:
        host = f"[{host}]"
    port = f":{parameters['port']}" if parameters.get("port") else ""
    query = "&".join(f"{key}={quote(value, safe='/')}" for key, value in more.items())
    return f"postgresql://{user}{host}{port}/{quote(parameters.get('dbname', ''), safe='')}{'?' + query if query else ''}"


def parse(text: str, origin: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """A connection URL or libpq `key=value` string as libpq parameters, and warnings about what was cut from it.

    Stricter than libpq: a URL that could be read in two ways is refused. The messages never quote the text.

    >>> parse("postgresql+asyncpg://u:p%40ss@h:6543/d?pgbouncer=true", "--db")[0]
    {'host': 'h', 'port': '6543', 'dbname': 'd', 'user': 'u', 'password': 'p@ss'}
    """
    if text.strip() != text and text.strip("\r\n \t") and not text.strip().count("\n"):
        raise UsageError(f"{origin}: there is white space around the URL; remove it")
    if text[:1] in "'\"" or (text[-1:] in "'\"" and "://" in text):
        raise UsageError(f"{origin}: there are quotes around the URL; remove them")
    if "\n" in text or "\r" in text or "\0" in text:
        raise UsageError(f"{origin}: there is a line break inside the URL; remove it")
    if re.search(r"\[?YOUR[-_]PASSWORD\]?", text, re.IGNORECASE):
        raise UsageError(f"{origin}: the URL still holds the placeholder [YOUR-PASSWORD]; put the database's password there")
    scheme = _SCHEME.match(text)
    if scheme is None:
        if "://" in text:
            raise UsageError(f"{origin}: the URL must start with postgresql:// (or postgres://)")
        if "=" in text:
            return _parse_keywords(text, origin), ()
        raise UsageError(
            f"{origin}: this is neither a URL nor local nor demo",
            details=("expected postgresql://USER@HOST:PORT/DATABASE, or key=value pairs as libpq takes them",),
        )
    warnings: list[str] = []
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
    dropped: list[str] = []
    for item in filter(None, query.split("&")):
        key, equals, value = item.partition("=")
        if key in ORM_PARAMETERS:
            dropped.append(key)
        elif not equals or not re.fullmatch(r"[a-z_]+", key):
            raise UsageError(f"{origin}: the URL's parameters after ? must read key=value")
        else:
            parameters[key] = unquote(value)
    if dropped:
        warnings.append(f"{origin}: dropped {', '.join(dropped)} from the URL; libpq does not know "
                        f"{'it' if len(dropped) == 1 else 'them'}")  # fmt: skip
    if any("\0" in value for value in parameters.values()):
        raise UsageError(f"{origin}: the URL holds a NUL character")
    return parameters


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


def _parse_keywords(text: str, origin: str) -> dict[str, str]:
    pattern = re.compile(r"\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)")
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text.rstrip()):
        match = pattern.match(text, at)
        if match is None:
            raise UsageError(f"{origin}: this is not a list of key=value pairs as libpq takes them")
        value = match[2] if match[2] is not None else match[3]
        parameters[match[1]] = re.sub(r"\\(.)", r"\1", value)
        at = match.end()
    return parameters


def without_passwords(text: str) -> str:
    """The text with the passwords of the URLs in it replaced.

    >>> without_passwords("psql postgres://u:hunter2@h/db && curl https://example.org:80/@x")
    'psql postgres://u:********@h/db && curl https://example.org:80/@x'
    """
    return re.sub(r"(\w://[^\s:/@]*:)[^\s/@]+(@)", r"\1********\2", text)


def secrets_of(target: Target) -> list[str]:
    """Every spelling of the target's password, to be cut out of foreign messages."""
    password = target.parameters.get("password", "")
    return [password, quote(password), quote(password, safe="")] if len(password) > 2 else []


def redact(text: str, secrets: Sequence[str]) -> str:
    """The text with every known secret replaced, however it got there.

    >>> redact("password is hunter2", ["hunter2"])
    'password is ********'
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "********")
    return text

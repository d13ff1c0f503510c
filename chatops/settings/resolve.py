"""Decides which database a command works on: flag, then environment, then `chatops.toml`, then libpq's own settings."""

from __future__ import annotations

import fnmatch
import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from chatops.errors import NoDatabaseError, UsageError
from chatops.formatting import did_you_mean
from chatops.frozen import frozen
from chatops.settings.configuration import Configuration, load, table_of
from chatops.settings.production import verdict, with_environment
from chatops.settings.secrets import has_secrets, shown, without_secrets
from chatops.settings.target import NOBODY, WHERE_SUPABASE_SHOWS_IT, Options, Origin, Target
from chatops.settings.urls import SCHEMA, parse, schema_of_options, url_without_password


def resolve(
    options: Options,
    *,
    environ: Mapping[str, str] = os.environ,
    configuration: Configuration | None = None,
    cwd: Path | None = None,
) -> Target:
    """The one database that a command works on.

    Raises UsageError when no database is named, when a URL is malformed or ambiguous, or when the environment is unknown.
    """
    targets = resolve_all(options, environ=environ, configuration=configuration, cwd=cwd)
    if len(targets) > 1:
        named = ", ".join(one.environment or one.shown() for one in targets)
        raise UsageError(f"this command works on one database at a time, and {len(targets)} are named: {named}")
    return targets[0]


def named_several(options: Options, *, environ: Mapping[str, str] = os.environ, configuration: Configuration) -> bool:
    """Whether the databases are named as several: --db more than once, or a list, a wildcard or a group of environments."""
    if options.db:
        return len(options.db) > 1
    named = options.env or environ.get("CHATOPS_ENV") or ""
    return any(letter in named for letter in ",*?") or named in configuration.groups


def resolve_all(
    options: Options,
    *,
    environ: Mapping[str, str] = os.environ,
    configuration: Configuration | None = None,
    cwd: Path | None = None,
) -> list[Target]:
    """Every database that a command was given, in order; see `resolve`."""
    if configuration is None:
        configuration = load(cwd, environ, named=options.config)
    asked = _Asked(options, environ, configuration)
    if options.db:
        if options.env:
            raise UsageError("--db and --env both name a database; give one of them")
        return [asked.text(text, "--db", typed=True) for text in options.db]
    environment = options.env or environ.get("CHATOPS_ENV")
    if environment:
        origin = "--env" if options.env else "CHATOPS_ENV"
        return [asked.environment(name, origin) for name in _environments(environment, configuration)]
    for variable in ("CHATOPS_DATABASE_URL", "DATABASE_URL"):
        if text := environ.get(variable):
            return [asked.text(text, variable)]
    if environments := configuration.environments:
        if len(environments) > 1:
            raise UsageError(
                f"{configuration.path} defines {len(environments)} environments; say which one",
                next_steps=[("name it", f"chatops --env {shlex.quote(name)} …") for name in environments],
            )
        return [asked.environment(next(iter(environments)), str(configuration.path))]
    named = [name for name in ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE") if environ.get(name)]
    if named:
        return [asked.parameters({}, ", ".join(named))]
    raise NoDatabaseError(
        "no database named",
        details=(WHERE_SUPABASE_SHOWS_IT + "; put it in CHATOPS_DATABASE_URL so that it stays out of `ps`",),
        next_steps=[
            ("a database of yours", "export CHATOPS_DATABASE_URL='postgresql://postgres.<ref>@<host>:5432/postgres'"),
            ("the embedded server", "chatops --db local status"),
            ("a system to play with", "chatops demo && chatops --db demo diagnose"),
        ],
    )


def _environments(text: str, configuration: Configuration) -> list[str]:
    """The environments that a list of names, patterns and groups means, each once. Raises UsageError for a pattern of none."""
    found: dict[str, None] = {}
    for name in filter(None, map(str.strip, text.split(","))):
        if name in configuration.environments or not (name in configuration.groups or any(letter in name for letter in "*?")):
            found[name] = None
            continue
        patterns = configuration.groups.get(name, [name])
        matching = [one for pattern in patterns for one in configuration.environments if fnmatch.fnmatchcase(one, pattern)]
        if not matching:
            known = ", ".join(configuration.environments) or "none"
            raise UsageError(f"no environment matches {', '.join(patterns)}; {configuration.path or 'chatops.toml'} has: {known}")
        found |= dict.fromkeys(matching)
    return list(found)


@frozen
class _Asked:
    """What decides about every target of one run."""

    options: Options
    environ: Mapping[str, str]
    configuration: Configuration

    def schema(self) -> tuple[str | None, str]:
        """The tenant's schema, None where nothing names one, and who named it."""
        if self.options.schema:
            return self.options.schema, "--schema"
        if found := self.environ.get("CHATOPS_SCHEMA"):
            return found, "CHATOPS_SCHEMA"
        if isinstance(in_file := self.configuration.data.get("schema"), str):
            return in_file, str(self.configuration.path)
        return None, NOBODY

    def environment(self, name: str, origin: str) -> Target:
        """The database of an `[env.NAME]`."""
        table = self.configuration.environments.get(name)
        if table is None:
            known = ", ".join(self.configuration.environments) or "none"
            where = self.configuration.path or "chatops.toml (no such file here, above, or in the user's config folder)"
            guess = did_you_mean(name, [*self.configuration.environments, *self.configuration.groups])
            raise UsageError(f"environment {name!r} is not defined; {where} has: {known}{guess}")
        where = f"{self.configuration.path} [env.{name}]"
        said = f"{where} ({origin})" if origin.startswith(("--", "CHATOPS")) else where
        if "service" in table:
            return self.parameters({"service": str(table["service"])}, said, environment=name)
        text = str(table.get("url", ""))
        if "url_env" in table:
            text = self.environ.get(str(table["url_env"]), "")
            if not text:
                raise UsageError(f"{where} takes its URL from the variable {table['url_env']}, which is not set")
        if text in ("local", "demo"):
            return self.embedded(text, where, environment=name)
        if not text:
            raise UsageError(f"{where} names no database: give it url, url_env or service")
        parameters, warnings = parse(text, where)
        if "url" in table and self._password_is_for_another(parameters):
            parameters["password"] = ""  # libpq takes none of the environment then; ~/.pgpass goes by the host
            warnings = (*warnings, f"PGPASSWORD is not sent to {parameters.get('host', 'this host')}: PGHOST names another one")
        return self.parameters(parameters, said, environment=name, warnings=warnings)

    def _password_is_for_another(self, parameters: Mapping[str, str]) -> bool:
        meant = self.environ.get("PGHOST") or self.environ.get("PGHOSTADDR")
        host = parameters.get("host") or parameters.get("hostaddr")
        return bool(self.environ.get("PGPASSWORD") and meant and host and host != meant and "password" not in parameters)

    def text(self, text: str, origin: str, *, typed: bool = False) -> Target:
        """The database of a URL, or local or demo."""
        if text in ("local", "demo"):
            return self.embedded(text, origin)
        parameters, warnings = parse(text, origin)
        if typed and has_secrets(parameters):
            told = "--db holds a password, which shows in `ps` and shell history; CHATOPS_DATABASE_URL does not"
            warnings = (*warnings, told)
        return self.parameters(parameters, origin, warnings=warnings, typed=typed)

    def embedded(self, text: str, origin: str, environment: str | None = None) -> Target:
        """The embedded server's database of that name."""
        database = "chatops_demo" if text == "demo" else "chatops"
        schema, schema_origin = self.schema()
        return Target(
            parameters={"dbname": database},
            origin=origin,
            environment=environment,
            named=environment,
            production=False,
            schema=schema or "public",
            embedded=text,
            configuration=self.configuration,
            origins=(
                Origin("database", f"{text} (embedded server, database {database})", origin),
                Origin("production", "no", "the embedded server is yours"),
                Origin("schema", schema or "public", schema_origin),
            ),
            flags=self._flags(f"--env {shlex.quote(environment)}" if environment else f"--db {shlex.quote(text)}", "public"),
        )

    def parameters(
        self, parameters: dict[str, str], origin: str, *, environment: str | None = None, warnings: tuple[str, ...] = (),
        typed: bool = False,
    ) -> Target:  # fmt: skip
        """The database of libpq parameters, and what libpq's environment adds to them."""
        in_url = parameters.get(SCHEMA)
        parameters = with_environment({key: value for key, value in parameters.items() if key != SCHEMA}, self.environ)
        found = verdict(self.configuration, environment, None, parameters, self.environ)
        table = self.configuration.environments.get(found.environment or "", {})
        schema, schema_origin = self.schema()
        if schema is None and "schema" in table:
            schema, schema_origin = str(table["schema"]), f"{self.configuration.path} [env.{found.environment}]"
        if in_url is not None and schema not in (None, in_url):
            raise UsageError(
                f"{origin} names schema {in_url} in its URL, and {schema_origin} names {schema}; nothing was connected to",
                details=("take the schema out of the URL, or name one and the same with --schema NAME",),
            )
        if schema is None and (in_url := in_url or schema_of_options(parameters.get("options", ""))) is not None:
            schema, schema_origin = in_url, f"{origin}, in its URL"
        schema_text = schema or "public"
        limits = {**table_of(self.configuration.data, "thresholds"), **table_of(table, "thresholds")}
        origins = [Origin(key, value, origin) for key, value in sorted(without_secrets(parameters).items())]
        if not parameters.get("dbname") and "service" not in parameters:
            taken = shown(parameters.get("user", "")) or "as this account is called"
            origins.append(Origin("dbname", taken, f"{origin} names none: libpq takes the user's name"))
        if has_secrets(parameters):
            origins.append(Origin("password", "(given, not shown)", origin))
        if found.environment:
            same = f"same host, port, database as [env.{found.environment}]"
            origins.append(Origin("environment", found.environment, origin if environment else same))
        origins += [Origin("production", "yes" if found.production else "no", found.why),
                    Origin("schema", shown(schema_text), schema_origin)]  # fmt: skip
        flags = f"--env {shlex.quote(environment)}" if environment else ""
        if typed and not environment and not has_secrets(parameters):
            flags = f"--db {shlex.quote(url_without_password(parameters))}"
        colour = table.get("colour")
        return Target(
            parameters=parameters,
            origin=origin,
            environment=found.environment,
            named=environment,
            production=found.production,
            schema=schema_text,
            thresholds={key: float(value) for key, value in limits.items() if isinstance(value, int | float)},
            colour=colour if isinstance(colour, str) else None,
            warnings=warnings,
            origins=tuple(origins),
            flags=self._flags(flags, schema_text),
            configuration=self.configuration,
        )

    def _flags(self, flags: str, schema: str) -> str:
        config = f"--config {shlex.quote(self.options.config)}" if self.options.config else ""
        named = schema != "public" or self.options.schema == "public"
        tenant = f"--schema {shlex.quote(schema)}" if named else ""
        return " ".join(part for part in (config, flags, tenant) if part)

"""One database to work on, with where each setting came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from chatops.frozen import frozen
from chatops.settings import secrets
from chatops.settings.configuration import Configuration

WHERE_SUPABASE_SHOWS_IT = "Supabase shows it under Connect → Session pooler"

NOBODY = "default"
"""The origin of what nobody has named."""


@frozen
class Options:
    """What the command line said; None where it said nothing. `config` is the `chatops.toml` to read, whosever it is."""

    db: tuple[str, ...] = ()
    env: str | None = None
    schema: str | None = None
    config: str | None = None


@frozen
class Origin:
    """One setting as `chatops config` shows it: its name, its value without secrets, where it came from."""

    setting: str
    value: str
    origin: str


@frozen
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
    # The environment that was asked for by its name; `environment` may also be one at the same place.
    named: str | None = None
    configuration: Configuration = field(default_factory=Configuration, repr=False)
    # host:port that answered, when one has: with several hosts, or a service, the name alone does not say it.
    answered: str = ""

    @property
    def host(self) -> str:
        """Host (or socket folder) as given, "" for libpq's default."""
        return self.parameters.get("host") or self.parameters.get("hostaddr") or ""

    @property
    def name(self) -> str:
        """What people call this target: the environment's name, or local, demo, or "database"."""
        return self.environment or self.embedded or ("local" if not self.production else "production")

    @property
    def title(self) -> str:
        """The same for people: where nobody has named it, whether it counts as production, for a tunnel is no local database."""
        return self.environment or self.embedded or ("production" if self.production else "not production")

    @property
    def schema_is_named(self) -> bool:
        """Whether somebody named the schema; else it is the default."""
        return any(one.setting == "schema" and one.origin != NOBODY for one in self.origins)

    @property
    def place(self) -> str:
        """Where it is: the host that answered, else the one that was named."""
        return self.answered or self.shown().rpartition("/")[0]

    @property
    def where(self) -> str:
        """Where it is, and which database there."""
        may = secrets.without_secrets(self.parameters)
        database = may.get("dbname") or may.get("user", "")
        return f"{self.place}/{database}" if self.place and database else self.place or self.shown()

    def shown(self) -> str:
        """host:port/database without user or password."""
        may = secrets.without_secrets(self.parameters)
        if "service" in may and not self.host:
            return f"service {may['service']}"
        port = may.get("port", "")
        host = may.get("host") or may.get("hostaddr") or "default host"
        return (
            f"{'socket' if host.startswith('/') else host}{':' + port if port and port != '5432' else ''}/{may.get('dbname', '')}"
        )

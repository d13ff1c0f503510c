"""Is it production? Judged by the names before a connection, and by the host and address that answered after it."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import replace

from chatops.errors import UsageError
from chatops.frozen import frozen
from chatops.settings.configuration import Configuration, load
from chatops.settings.target import Origin, Target
from chatops.settings.urls import parse

DEFAULT_PORT = "5432"
FROM_ENVIRONMENT = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER"}


THIS_MACHINE = "the host is this machine"
"""Why a database counts as no production although nobody has said so: a tunnel looks the same."""
_PRODUCTION = re.compile(r"(?:^|[^a-z])(?:prod|production|prd|live)(?:$|[^a-z])")
_NOT_PRODUCTION = re.compile(r"(?:^|[^a-z])(?:non|not|no|pre|test|tests|testing|dev|copy|staging|local|demo|scratch)(?:$|[^a-z])")


def says_production(name: str) -> bool:
    """Whether a database, or an environment, calls itself production: a word of its name does, and no other takes it back.

    >>> [says_production(name) for name in ("prod", "chat_prod", "prod2", "eu-production", "live", "PROD-eu", "chatProduction")]
    [True, True, True, True, True, True, True]
    >>> [says_production(name) for name in ("products", "prodc", "pre-prod", "prod_copy", "nonprod", "deliver", "postgres", "")]
    [False, False, False, False, False, False, False, False]
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return bool(_PRODUCTION.search(words)) and not _NOT_PRODUCTION.search(words)


@frozen
class Answered:
    """What a connection leads to, as libpq says: `host` as it was named, `address` the one that answered ("" for a socket)."""

    host: str
    address: str
    port: str
    database: str

    @property
    def on_this_machine(self) -> bool:
        """Whether it is a socket or a loopback address."""
        return is_local(self.address or self.host)


@frozen
class Verdict:
    """Whether a database is production, why, and the environment that it is."""

    production: bool
    why: str
    environment: str | None


def is_local(host: str) -> bool:
    """Whether a host or address is this machine: a socket, or loopback; "" is libpq's own default, a socket.

    >>> [is_local(host) for host in ("", "/tmp", "LOCALHOST.", "127.0.1.1", "::1", "127.0.0.1.example", "10.0.0.1")]
    [True, True, True, True, True, False, False]
    """
    name = host.lower().rstrip(".")
    if name in ("", "localhost") or name.startswith(("/", "@")):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


def verdict(
    configuration: Configuration, environment: str | None, answered: Answered | None, parameters: Mapping[str, str],
    environ: Mapping[str, str],
) -> Verdict:  # fmt: skip
    """What is said of the environment that was named, else of one at the same place, else by whether it is this machine."""
    places = [answered] if answered is not None else named_places(parameters)
    environments = configuration.environments
    same = environment
    if environment is None:
        at_the_same_place = [name for name, table in environments.items() if _is_at(table, places, environ)]
        # Of several names for one place the one that is production is the one to be careful about.
        same = next((name for name in at_the_same_place if environments[name].get("production") is not False), None)
        same = same or next(iter(at_the_same_place), None)
    table = environments.get(same or "", {})
    if "production" in table:
        return Verdict(bool(table["production"]), f"{configuration.path} [env.{same}]", same)
    if environment is not None:  # it does not say; another one that is at the same place may
        others = (
            name for name, other in environments.items() if other.get("production") is True and _is_at(other, places, environ)
        )
        if (live := next(others, None)) is not None:
            return Verdict(True, f"same host, port, database as {configuration.path} [env.{live}]", same)
    if answered is None and "service" in parameters:
        return Verdict(True, "where the service leads is not known yet", same)
    if all(place.on_this_machine for place in places):
        names = filter(None, (environment, same, *(place.database for place in places)))
        if (named := next(filter(says_production, names), None)) is not None:
            told = f"“{named}” names it so, though the host is this machine; production = false in chatops.toml says otherwise"
            return Verdict(True, told, same)
        return Verdict(False, THIS_MACHINE, same)
    return Verdict(True, "not local and not marked production = false", same)


def judged(target: Target, answered: Answered, environ: Mapping[str, str] = os.environ) -> Target:
    """The target as it turned out to be: production or not by where the connection really went, and the host that answered."""
    if target.embedded is not None:
        return target
    found = verdict(target.configuration, target.named, answered, target.parameters, environ)
    host = answered.host or answered.address
    shown = "socket" if host.startswith(("/", "@")) else host or "socket"
    if answered.address and answered.address != host and "hostaddr" in target.parameters:
        shown += f" ({answered.address})"
    port = "" if answered.port in ("", DEFAULT_PORT) else f":{answered.port}"
    origins = tuple(
        Origin("production", "yes" if found.production else "no", found.why) if one.setting == "production" else one
        for one in target.origins
    )
    table = target.configuration.environments.get(found.environment or "", {})
    colour = table.get("colour")
    return replace(target, production=found.production, environment=found.environment, origins=origins, answered=shown + port,
                   colour=colour if isinstance(colour, str) else None)  # fmt: skip


def with_environment(parameters: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The parameters with what libpq takes from the environment for those that are missing, said openly.

    Where a service is named its file goes before the environment, and only libpq reads it.
    """
    found = dict(parameters)
    if "service" not in found and environ.get("PGSERVICE"):
        found["service"] = environ["PGSERVICE"]
    if "service" not in found:
        for key, variable in FROM_ENVIRONMENT.items():
            if environ.get(variable):
                found.setdefault(key, environ[variable])
    return found


def named_places(parameters: Mapping[str, str]) -> list[Answered]:
    """Every place that connection parameters may lead to; several hosts are several places."""
    hosts, addresses = parameters.get("host", "").split(","), parameters.get("hostaddr", "").split(",")
    ports = parameters.get("port", "").split(",")
    database = parameters.get("dbname") or parameters.get("user", "")
    found = []
    for number in range(max(len(hosts), len(addresses))):
        port = (ports[number] if len(ports) > number else ports[0]) or DEFAULT_PORT
        host = hosts[number] if len(hosts) > number else ""
        address = addresses[number] if len(addresses) > number else ""
        found.append(Answered(host, address, port, database))
    return found


def _is_at(table: Mapping[str, object], places: list[Answered], environ: Mapping[str, str]) -> bool:
    return any(_same(one, other) for one in _places_of(table, environ) for other in places)


def _places_of(table: Mapping[str, object], environ: Mapping[str, str]) -> list[Answered]:
    text = environ.get(str(table.get("url_env")), "") if "url_env" in table else table.get("url", "")
    if not isinstance(text, str) or text in ("", "local", "demo"):
        return []
    try:
        parameters = parse(text, "chatops.toml")[0]
    except UsageError:
        return []
    # An address of the environment says where a name leads today, not what the name is.
    known = environ if not parameters.get("host") else {key: value for key, value in environ.items() if key != "PGHOSTADDR"}
    return named_places(with_environment(parameters, known))


def _same(one: Answered, other: Answered) -> bool:
    if one.port != other.port or (one.database and other.database and one.database != other.database):
        return False
    return bool(_names(one) & _names(other))


def _names(place: Answered) -> set[str]:
    names = {name.lower().rstrip(".") for name in (place.host, place.address) if name}
    if place.on_this_machine:
        names.add("localhost")
    return names


def production_beside(
    target: Target, *, environ: Mapping[str, str] = os.environ, configuration: Configuration | None = None
) -> str | None:
    """The production environment that is on the same server as a target, in whatever database; None when there is none."""
    configuration = configuration if configuration is not None else load(environ=environ)
    places = [replace(place, database="") for place in named_places(target.parameters)]
    for name, table in configuration.environments.items():
        service = table.get("service")
        same = _is_at(table, places, environ) or (service is not None and service == target.parameters.get("service"))
        if not same:
            continue
        if table.get("production", not all(place.on_this_machine for place in _places_of(table, environ)) or service is not None):
            return name
    return None

"""Which database a command works on, and that no password is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatops.errors import UsageError
from chatops.settings import Configuration, Options, Target, load, parse, resolve, resolve_all

SECRET = "s3cr3t-w0rd"

# Ten URLs with a password in them that are malformed or can be read in two ways.
BAD_URLS = [
    f"postgresql://u:{SECRET}@x@h/db",
    f"postgresql://u:{SECRET}/x@h:5432/db",
    f"postgresql://u:{SECRET}?x@h/db",
    f"postgresql://u:{SECRET}#x@h/db",
    f"postgresql://u:a:{SECRET}@h/db",
    f"postgresql://u:{SECRET} x@h/db",
    f"postgresql://u:{SECRET}%zz@h/db",
    f"postgresql://u:{SECRET}@h:port/db",
    f"postgresql://u:{SECRET}@h:99999/db",
    f"mysql://u:{SECRET}@h/db",
    f"'postgresql://u:{SECRET}@h/db'",
    f'"postgresql://u:{SECRET}@h/db"',
    f"postgresql://u:{SECRET}\n@h/db",
    f" postgresql://u:{SECRET}@h/db",
    f"postgresql://u:{SECRET}@h/db/more",
    f"postgresql://u:{SECRET}@h/db?sslmode",
    f"postgresql://u:{SECRET}@[::1/db",
    f"host=h password='{SECRET}",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_malformed_or_ambiguous_url_is_refused_without_showing_its_password(url: str, chatops_inprocess) -> None:
    for place in ("flag", "environment"):
        if place == "flag":
            result = chatops_inprocess("--db", url, "summary")
        else:
            result = chatops_inprocess("summary", env={"CHATOPS_DATABASE_URL": url})
        assert result.exit_code == 2, result
        assert SECRET not in result.stdout + result.stderr
        assert "✗" in result.stderr
    assert SECRET not in chatops_inprocess("--db", url, "summary", "-o", "json", "--debug").stdout


def test_the_placeholder_of_the_dashboard_is_named() -> None:
    with pytest.raises(UsageError, match="placeholder"):
        parse("postgresql://postgres.ref:[YOUR-PASSWORD]@h:5432/postgres", "--db")


def test_percent_encoded_characters_make_a_password_unambiguous() -> None:
    parameters, warnings = parse("postgresql://u:%40%2F%3F%23%3A%25%20@h:6543/d", "--db")
    assert parameters["password"] == "@/?#:% "
    assert warnings == ()


def test_what_mappers_append_is_dropped_with_one_line() -> None:
    parameters, warnings = parse("postgresql+asyncpg://u@h/d?pgbouncer=true&sslmode=require&connection_limit=1", "--db")
    assert parameters == {"host": "h", "dbname": "d", "user": "u", "sslmode": "require"}
    assert len(warnings) == 2


def test_hosts_in_brackets_lists_and_sockets_are_understood() -> None:
    assert parse("postgresql://u@[::1]:6000/d", "x")[0]["host"] == "::1"
    assert parse("postgresql://a:1,b:2/d", "x")[0] == {"host": "a,b", "port": "1,2", "dbname": "d"}
    assert parse("postgresql:///d?host=/tmp/x", "x")[0] == {"host": "/tmp/x", "dbname": "d"}
    assert parse(r"host=h dbname='my db' password='it\'s'", "x")[0] == {"host": "h", "dbname": "my db", "password": "it's"}


TOML = """
schema = "tenant_1"
[thresholds]
QUEUE010 = 900
[env.production]
url = "postgresql://postgres.ref:secret@db.acme.example:6543/postgres"
[env.staging]
url = "postgresql://u@staging.acme.example/postgres"
production = false
thresholds = { QUEUE010 = 60 }
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "chatops.toml").write_text(TOML)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    return load(below, {"XDG_CONFIG_HOME": str(tmp_path / "none")})


def one(configuration: Configuration, *db: str, env: str | None = None, environ: dict[str, str] | None = None) -> Target:
    return resolve(Options(db, env), environ=environ or {}, configuration=configuration)


def test_flag_wins_over_environment_wins_over_file_wins_over_libpq(configuration: Configuration) -> None:
    everything = {"CHATOPS_DATABASE_URL": "postgresql://h2/d", "DATABASE_URL": "postgresql://h3/d", "PGHOST": "h4"}
    assert one(configuration, "postgresql://h1/d", environ=everything).host == "h1"
    assert one(configuration, env="staging", environ=everything).host == "staging.acme.example"
    assert one(configuration, environ=everything).host == "h2"
    del everything["CHATOPS_DATABASE_URL"]
    assert one(configuration, environ=everything).host == "h3"
    assert one(Configuration(), environ={"PGHOST": "h4", "PGDATABASE": "d"}).host == "h4"


def test_several_environments_must_be_told_apart(configuration: Configuration) -> None:
    with pytest.raises(UsageError, match="2 environments"):
        one(configuration)
    with pytest.raises(UsageError, match="not defined"):
        one(configuration, env="nope")


def test_a_fleet_is_a_list_of_environments(configuration: Configuration) -> None:
    targets = resolve_all(Options(env="production,staging"), environ={}, configuration=configuration)
    assert [target.name for target in targets] == ["production", "staging"]


def test_what_is_neither_local_nor_marked_counts_as_production(configuration: Configuration) -> None:
    assert one(configuration, env="production").production
    assert not one(configuration, env="staging").production
    assert one(Configuration(), "postgresql://somewhere.example/d").production
    assert not one(Configuration(), "postgresql://localhost/d").production
    assert not one(Configuration(), "postgresql:///d?host=/tmp").production
    assert one(Configuration(), environ={"PGSERVICE": "prod"}).production


def test_a_url_that_is_a_production_environment_is_production_however_it_was_given(configuration: Configuration) -> None:
    target = one(configuration, "postgresql://other:x@DB.acme.example:6543/postgres?sslmode=require")
    assert target.environment == "production"
    assert target.production
    local = Configuration({"env": {"production": {"url": "postgresql://localhost:6000/d", "production": True}}})
    assert one(local, "postgresql://localhost:6000/d").production


def test_thresholds_of_an_environment_go_before_the_common_ones(configuration: Configuration) -> None:
    assert one(configuration, env="production").thresholds == {"QUEUE010": 900}
    assert one(configuration, env="staging").thresholds == {"QUEUE010": 60}
    assert one(configuration, env="staging").schema == "tenant_1"


def test_a_broken_file_is_named_with_its_line_and_never_quoted(tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text(f'[env.x]\nurl = "postgresql://u:{SECRET}@h/d\n')
    with pytest.raises(UsageError) as caught:
        load(tmp_path, {})
    assert "chatops.toml" in caught.value.message
    assert "line 2" in caught.value.message
    assert SECRET not in caught.value.message


def test_config_shows_where_each_setting_came_from_and_no_password(chatops_inprocess, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text(TOML.replace("secret", SECRET))
    for output in ("plain", "json", "markdown"):
        result = chatops_inprocess("config", "--env", "production", "-o", output, check=0)
        assert SECRET not in result.stdout + result.stderr
        assert "acme.example" in result.stdout.replace("\\", "")
    assert "--db holds a password" in chatops_inprocess("--db", f"postgresql://u:{SECRET}@h/d", "config").stderr


def test_no_database_named_says_how_to_name_one(chatops_inprocess) -> None:
    result = chatops_inprocess("summary", check=2)
    assert "no database named" in result.stderr
    assert "Session pooler" in result.stderr
    assert "--db local" in result.stderr

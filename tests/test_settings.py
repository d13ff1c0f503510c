"""Which database a command works on, and that no password is ever shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as some

from chatops.errors import UsageError
from chatops.settings import (
    Answered,
    Configuration,
    Options,
    Target,
    judged,
    load,
    parse,
    resolve,
    resolve_all,
    url_without_password,
)
from chatops.settings.secrets import SECRET_PARAMETERS, secrets_in
from tests.servers import Database

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
    with pytest.raises(UsageError, match="placeholder; put the"):
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


# ---- URLs as libpq reads them ----------------------------------------------------------------------------------------

NAMES = some.text(min_size=1, max_size=12).filter(lambda text: "\0" not in text and not text.isspace())
HOSTS = some.sampled_from(["h", "db.acme.example", "127.0.0.1", "::1", "/tmp/a b", "@abstract"])
PORTS = some.integers(1, 65535).map(str)


BUSY = effort(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@BUSY
@given(
    some.lists(some.tuples(HOSTS, PORTS | some.just("")), min_size=1, max_size=3),
    some.fixed_dictionaries({}, optional={"user": NAMES, "dbname": NAMES, "application_name": NAMES, "options": NAMES}),
)
def test_a_printed_url_leads_where_it_came_from(places: list[tuple[str, str]], more: dict[str, str]) -> None:
    ports = [port for _, port in places]
    parameters = {"host": ",".join(host for host, _ in places), **({"port": ",".join(ports)} if any(ports) else {}), **more}
    url = url_without_password({**parameters, **dict.fromkeys(SECRET_PARAMETERS, "hunter2")})
    assert "hunter2" not in url
    read = psycopg.conninfo.conninfo_to_dict(url)
    as_libpq_reads_it = {key: value for key, value in read.items() if key != "port" or str(value).strip(",")}
    assert as_libpq_reads_it == parameters
    ours, _ = parse(url, "--db")
    assert ours == parameters


@BUSY
@given(some.dictionaries(some.sampled_from(["host", "user", "dbname", "password", "sslmode"]), NAMES, min_size=1))
def test_keywords_mean_what_they_mean_to_libpq(parameters: dict[str, str]) -> None:
    text = psycopg.conninfo.make_conninfo(**parameters)  # type: ignore[arg-type]
    if text.strip() != text or any(sign in text for sign in "\r\n") or "://" in text:
        return  # refused: it may have been cut out of something else
    assert parse(text, "--db")[0] == psycopg.conninfo.conninfo_to_dict(text)


def test_one_port_for_several_hosts_is_printed_for_each() -> None:
    assert url_without_password({"host": "a,b", "port": "6000"}) == "postgresql://a:6000,b:6000/"


# ---- production ------------------------------------------------------------------------------------------------------


def test_what_libpq_takes_from_the_environment_counts(configuration: Configuration) -> None:
    production = {"PGHOST": "db.acme.example", "PGPORT": "6543"}
    assert one(configuration, "postgresql:///postgres", environ=production).environment == "production"
    assert one(configuration, "postgresql:///postgres", environ={"PGHOSTADDR": "10.0.0.1"}).production
    assert one(configuration, "postgresql:///postgres", environ={"PGSERVICE": "anything"}).production
    assert not one(configuration, "postgresql:///postgres").production
    assert one(configuration, "postgresql://localhost,db.acme.example:6543/postgres").production


def test_an_environment_is_known_by_its_place_however_both_are_written() -> None:
    by_variable = Configuration({"env": {"live": {"url_env": "LIVE", "production": True}}})
    environ = {"LIVE": "postgresql://u@127.0.0.1:6000/d"}
    for url in ("postgresql://localhost:6000/d", "postgresql://[::1]:6000/d", "host=LOCALHOST port=6000 dbname=d",
                "postgresql://x@127.0.0.2:6000/d"):  # fmt: skip
        target = one(by_variable, url, environ=environ)
        assert (target.environment, target.production) == ("live", True), url
    assert one(by_variable, "postgresql://localhost:6001/d", environ=environ).environment is None


def test_where_the_connection_went_decides(configuration: Configuration) -> None:
    unknown = one(Configuration(), environ={"PGSERVICE": "anything"})
    assert unknown.production
    assert not judged(unknown, Answered("localhost", "127.0.0.1", "5432", "d")).production
    local = one(Configuration(), "postgresql://localhost/d")
    assert not local.production
    assert judged(local, Answered("localhost", "10.1.2.3", "5432", "d")).production
    several = one(configuration, "postgresql://localhost:6543,db.acme.example:6543/postgres")
    assert judged(several, Answered("db.acme.example", "10.0.0.9", "6543", "postgres")).environment == "production"
    found = judged(several, Answered("localhost", "127.0.0.1", "6543", "postgres"))
    assert (found.production, found.place) == (False, "localhost:6543")


def test_a_password_of_the_environment_goes_to_no_other_host_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text('[env.x]\nurl = "postgresql://u@elsewhere.example/d"\n')
    found = load(tmp_path, {})
    for environ, kept in (
        ({"PGPASSWORD": SECRET, "PGHOST": "mine.example"}, False),
        ({"PGPASSWORD": SECRET, "PGHOST": "elsewhere.example"}, True),
        ({"PGPASSWORD": SECRET}, True),
    ):
        target = one(found, environ=environ)
        assert (target.parameters.get("password") is None) is kept
        assert SECRET not in "".join(target.warnings)
        assert bool(target.warnings) is not kept


# ---- whose configuration ---------------------------------------------------------------------------------------------

REFUSED = {
    '[threshold]\nqueue_sla_minutes = 1': "did you mean thresholds?",
    '[thresholds]\nqueue_sla_minutes = "600"': "queue_sla_minutes is a number, not a text",
    '[thresholds]\nqueue_sla_minutes = true': "is a number, not true or false",
    '[env.x]\nurl = "local"\nprodution = false': "did you mean production?",
    '[env.x]\nurl = "local"\nproduction = "no"': "[env.x] production is true or false, not a text",
    '[env.x]\nurl = 5': "[env.x] url is a text, not a number",
    'env = 5': "env is a table, written as [env.NAME]",
    '[env]\nx = "local"': "env.x is a table",
    '[env.x]\nurl = "a"\nservice = "b"': "needs one of url, url_env, service",
    '[env."a b"]\nurl = "local"': "may hold letters",
    '[env.x]\nurl = "local"\ncolour = "mauve"': "colour is one of red, yellow",
    '[snooze.CHAT001]\nreason = "x"': "needs until",
    '[snooze.CHAT001]\nuntil = "tomorrow"': "until is a day",
    '[deploy]\ncommands = "rm"': "commands is a list of texts",
    '[deploy]\ncommands = [""]': "commands is a list of texts",
    '[monitor]\npass_databse = true': "did you mean pass_database?",
    'schema = 7': "schema is a text, not a number",
    '[migrations]\nsources = "x"': "did you mean source?",
    "a = " + "[" * 100_000: "not valid TOML",
    "#" * 2_000_000: "larger than 1 MB",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_what_the_file_may_not_hold_is_refused_with_the_nearest_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(tmp_path, {})
    assert REFUSED[text] in caught.value.message
    assert str(tmp_path / "chatops.toml") in caught.value.message


def planted(folder: Path, *, mode: int = 0o644, folder_mode: int = 0o755, owner: int | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "chatops.toml"
    path.write_text('[env.x]\nurl = "postgresql://u@evil.invalid/d"\nproduction = false\n[deploy]\ncommands = ["touch ran"]\n')
    path.chmod(mode)
    folder.chmod(folder_mode)
    if owner is not None:
        os.chown(path, owner, -1)
    return path


@pytest.mark.parametrize(
    "how",
    [{"mode": 0o646}, {"folder_mode": 0o1777}, {"folder_mode": 0o757}, {"owner": 12345}],
    ids=["file", "tmp", "folder", "owner"],
)
def test_a_file_that_others_may_have_written_is_refused_by_name(
    how: dict[str, int], tmp_path: Path, chatops_inprocess: Callable[..., object]
) -> None:
    if "owner" in how and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = planted(tmp_path / "parent", **how)
    checkout = path.parent / "checkout"
    checkout.mkdir()
    for words in (["config"], ["deploy", "--yes", "--from", "code"], ["monitor", "--once"], ["summary"], []):
        result: Any = chatops_inprocess(*words, cwd=checkout)
        assert result.exit_code == (2 if words else 0)
        assert str(path) in result.stderr + result.stdout
        assert "evil.invalid" not in result.stderr + result.stdout
    assert not (checkout / "ran").exists()
    named: Any = chatops_inprocess("config", "--config", path, cwd=checkout, check=0)
    assert "evil.invalid" in named.stdout
    chosen: Any = chatops_inprocess("config", cwd=checkout, env={"CHATOPS_CONFIG": str(path)}, check=0)
    assert "evil.invalid" in chosen.stdout


def test_a_file_of_root_or_behind_a_link_is_read(tmp_path: Path) -> None:
    path = planted(tmp_path / "parent")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "chatops.toml").symlink_to(path)
    assert load(tmp_path / "here", {}).environments.keys() == {"x"}


# ---- what people paste ---------------------------------------------------------------------------------------------------

URL = f"postgresql://u:{SECRET}@h.example:6543/d"
WHOLE = {"host": "h.example", "port": "6543", "dbname": "d", "user": "u", "password": SECRET}


@pytest.mark.parametrize(
    "text",
    [
        URL, f"psql {URL}", f"psql '{URL}'", f'/usr/bin/psql "{URL}"', f"DATABASE_URL={URL}", f'DATABASE_URL="{URL}"',
        f"export X='{URL}'", f"export X='{URL}';", f"set X={URL}", f"$env:X='{URL}'", URL.replace("postgresql", "postgres+psycopg2"),
        f"jdbc:{URL}", f"jdbc:postgresql://h.example:6543/d?user=u&password={SECRET}", URL.removeprefix("postgresql://"),
        f"psql 'host=h.example port=6543 dbname=d user=u password={SECRET}'",
    ],
)  # fmt: skip
def test_what_plainly_holds_a_url_is_read_as_that_url(text: str) -> None:
    parameters, warnings = parse(text, "--db")
    assert parameters == WHOLE
    assert SECRET not in str(warnings)
    assert SECRET in secrets_in([text])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"PGPASSWORD={SECRET} psql -h db.x -p 6543 -Uada prod", "host=db.x port=6543 user=ada dbname=prod"),
        (f"psql {URL} -c 'select 1'", "take away all but the URL"),
        (f"PGPASSWORD={SECRET} psql postgresql://u@h/d", "take away all but the URL"),
        (f"psql -d 'host=h password={SECRET}' -p 5", "give what it connects to"),
        ("https://abcdefgh.supabase.co", "postgresql://postgres.abcdefgh:PASSWORD@"),
        ("https://supabase.com/dashboard/project/abcdefgh/settings", "postgresql://postgres.abcdefgh:PASSWORD@"),
        ("https://example.org/x", "an address of the web"),
        (f"Server=db.x;Port=6543;Database=prod;User Id=ada;Password={SECRET};", "postgresql://ada:PASSWORD@db.x:6543/prod"),
        (f"Data Source=tcp:db.x,6543;Initial Catalog=prod;Uid=ada;Pwd={SECRET}", "postgresql://ada:PASSWORD@db.x:6543/prod"),
        (f"mysql://u:{SECRET}@h/d", "must start with postgresql://"),
        (f"pgsql://u:{SECRET}@h/d", "write postgresql:// in its place"),
        (f"'{URL}'", "quotes around the URL"),
        (f"{URL}?ssl=/root.pem", "sslmode="),
        (f"{URL}?search_path=a,b", "--schema NAME"),
        ("h/d", "neither a URL"),
    ],
)  # fmt: skip
def test_what_is_something_else_is_told_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text, "--db")
    said = " ".join((refused.value.message, *refused.value.details))
    assert says in said
    assert SECRET not in said


def test_a_schema_in_the_url_is_the_schema_or_refused() -> None:
    def found(more: str, schema: str | None = None, configuration: Configuration = Configuration()) -> str:  # noqa: B008
        target = resolve(Options(db=(f"postgresql://u@h/d{more}",), schema=schema), environ={}, configuration=configuration)
        return target.schema

    for more in (
        "?schema=a",
        "?search_path=a,public",
        "?currentSchema=a",
        "?options=-csearch_path%3Da",
        "?pgbouncer=true&schema=a",
    ):
        assert found(more) == "a", more
    assert found("?schema=a", "a") == "a"
    assert found("?options=-csearch_path%3Da", "b") == "b"
    assert found("?sslaccept=strict&connection_limit=1") == "public"
    for named in ({"schema": "b"}, {"env": {"x": {"url": "postgresql://u@h/d", "schema": "b"}}}):
        with pytest.raises(UsageError, match=r"names schema a .* names b"):
            found("?schema=a", configuration=Configuration(named, Path("chatops.toml")))
    with pytest.raises(UsageError, match=r"names schema a .*--schema names b"):
        found("?schema=a", "b")


def test_a_database_of_this_machine_that_calls_itself_production_is_one() -> None:
    def found(name: str, **table: object) -> bool:
        configuration = Configuration({"env": {"x": {"url": f"postgresql://u@localhost/{name}", **table}}}, Path("chatops.toml"))
        return resolve(Options(env="x"), environ={}, configuration=configuration).production

    assert [name for name in ("prod", "chat_prod", "eu-production", "products", "prod_copy", "postgres") if found(name)] == [
        "prod", "chat_prod", "eu-production",
    ]  # fmt: skip
    assert not found("prod", production=False)
    assert found("postgres", production=True)


def test_a_url_without_a_database_says_what_libpq_took(database: Database, chatops_inprocess: Any) -> None:
    with database.role("nameless") as role:
        server = database.url.rpartition("/")[0].replace("://postgres@", f"://{role}@")
        assert "libpq takes the user's name" in chatops_inprocess("--db", server, "config", check=0).stdout
        for url in (server, f"{server}/"):
            told = chatops_inprocess("--db", url, "status", check=3).stderr
            assert f"--db names no database, and libpq took {role}:" in told
            assert f"name it behind the host: {server}/DATABASE" in told

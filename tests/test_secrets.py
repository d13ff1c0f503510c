"""No secret of a connection gets anywhere: not on a stream, into a file, a printed command or a traceback."""

from __future__ import annotations

import contextlib
import html
import json
import mmap
import os
import re
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from chatops.chats import reports
from chatops.cli import COMMANDS
from chatops.flows import psql as psql_flow
from chatops.flows.monitor_commands import beside
from chatops.lock_holders import Holder
from chatops.migrations.locks import Blocker
from chatops.screens.statement_text import in_one_line
from chatops.settings.secrets import MASK, redact
from tests.conftest import LONG, Result
from tests.servers import Database, free_port

Run = Callable[..., Result]
SECRET = "s3cr3t"

PLACES = [
    "postgresql://postgres:{0}@{1}/{2}",
    "postgres://postgres:{0}@{1}/{2}?sslmode=prefer",
    "postgresql+psycopg://postgres:{0}@{1}/{2}?pgbouncer=true",
    "postgresql://postgres@{1}/{2}?password={0}",
    "postgresql://postgres@{1}/{2}?sslpassword={0}",
    "postgresql://postgres:{0}x@{1}/{2}?sslpassword={0}y&application_name=z",
    "postgresql://postgres@{1}/{2}?oauth_client_secret={0}",
    "postgresql://postgres@{1}/{2}?scram_client_key={0}",
    "postgresql://postgres@{1}/{2}?scram_server_key={0}",
    "postgresql://postgres:{0}%40%2F%3A@{1}/{2}",
    "postgresql://postgres:{0}@@{1}/{2}",
    "postgresql://postgres:{0}/x@{1}/{2}",
    "postgresql://postgres:{0}#x@{1}/{2}",
    "postgresql://postgres:{0}:x@{1}/{2}",
    "postgresql://postgres:{0}%zz@{1}/{2}",
    "postgresql://postgres:{0}@{1}/{2}?nonsense=1",
    "postgresql://postgres:{0}@{1}/{2}?sslmode=nonsense",
    "postgresql://postgres:{0}@host.invalid/{2}",
    "mysql://postgres:{0}@{1}/{2}",
    "'postgresql://postgres:{0}@{1}/{2}'",
    "host=127.0.0.1 user=postgres password={0}",
    "host=127.0.0.1 user=postgres password='{0} x' sslpassword={0}",
]


def showing(done: Result, *folders: Path) -> list[str]:
    """Where the secret is, of all that a run said and left behind."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != "chatops.toml"]
    said = [text for text in (done.stdout, done.stderr) if SECRET in text]
    return said + [str(path) for path in files if SECRET in path.name or holds(path, SECRET.encode())]


def holds(path: Path, what: bytes) -> bool:
    """Whether it is in a file, which may be one of many large ones of a server."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return text.find(what) >= 0


def test_twenty_urls_show_no_secret(latest_database: Database, chatops_inprocess: Run, home: Path, tmp_path: Path) -> None:
    assert len(PLACES) >= 20
    where = f"127.0.0.1:{latest_database.server.port}"
    dead = f"127.0.0.1:{free_port()}"
    for place in PLACES:
        for at in (where, dead):
            url = place.format(SECRET, at, latest_database.name)
            for words in (["summary", "-o", "json"], ["config"], ["diagnose", "--only", "CONF001", "--debug"]):
                assert showing(chatops_inprocess(*words, db=url), tmp_path, home) == [], (url, words)
            assert showing(chatops_inprocess("--db", url, "summary", "--write", "json=x.json"), tmp_path, home) == [], url


@pytest.mark.sampled(13)
@pytest.mark.long
@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS if name not in ("demo", "simulate")])
def test_no_command_shows_a_secret(
    name: str, latest_database: Database, chatops: Run, chatops_inprocess: Run, home: Path, tmp_path: Path
) -> None:
    run = chatops if name == "psql" else chatops_inprocess  # psql takes the place of the process
    words = {
        "migrate": ["--dry-run"], "adopt": ["--dry-run"], "deploy": ["--dry-run"], "repair": ["--dry-run"], "monitor": ["--once"],
        "show": ["operator", "0b"], "release": ["--idle", "--dry-run"], "reassign": ["c4", "--to", "auto", "--dry-run"],
        "undo": ["1", "--dry-run"], "drain": ["0b", "--dry-run"], "undrain": ["0b", "--dry-run"], "report": ["x.html"],
        "diagnose": ["--capture", "case.zip"],
    }.get(name, [])  # fmt: skip
    where = f"127.0.0.1:{latest_database.server.port}"
    url = f"postgresql://postgres:{SECRET}@{where}/{latest_database.name}?sslpassword={SECRET}"
    (tmp_path / "chatops.toml").write_text(f'[env.x]\nurl = "{url}"\nproduction = false\n')
    ways = [{"db": url}, {"env": {"CHATOPS_ENV": "x", "PGPASSWORD": SECRET}}]
    # Named by its URL and by an environment in turns; in the long form by both.
    for how in ways if LONG else ways[[one for _, one, _ in COMMANDS].index(name) % 2 :][:1]:
        assert showing(run(name, *words, **how), tmp_path, home) == []


def test_a_traceback_shows_no_secret(latest_database: Database, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"boom postgresql://u:{SECRET}@h/d password='{SECRET}' {SECRET}")

    monkeypatch.setattr(reports, "summary", broken)
    url = f"postgresql://postgres:{SECRET}@127.0.0.1:{latest_database.server.port}/{latest_database.name}"
    for how in ({"db": url}, {"db": latest_database.url, "env": {"PGPASSWORD": SECRET}}):
        done = chatops_inprocess("summary", "--debug", "-o", "json", **how, check=70)
        assert "boom" in done.stderr
        assert SECRET not in done.stdout + done.stderr


SEEN: list[tuple[str, dict[str, str]]] | None = None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Every child that this process starts, with its words and its environment."""
    if SEEN is not None and event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
        words, given = (arguments[1], arguments[3]) if event == "subprocess.Popen" else (arguments[1], arguments[2])
        shown = words if isinstance(words, str) else " ".join(os.fsdecode(one) for one in words)
        SEEN.append((shown, {os.fsdecode(k): os.fsdecode(v) for k, v in dict(os.environ if given is None else given).items()}))


sys.addaudithook(watch)


def test_no_child_is_given_a_secret_that_it_has_no_need_of(
    latest_database: Database, chatops_inprocess: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psql alone needs the password, in its environment: ps shows nobody's words with a secret in them."""
    where = f"127.0.0.1:{latest_database.server.port}"
    url = f"postgresql://postgres:{SECRET}@{where}/{latest_database.name}?sslpassword={SECRET}"
    (tmp_path / "chatops.toml").write_text(
        f'[env.x]\nurl = "{url}"\nproduction = false\n[env.y]\nurl_env = "OTHER_URL"\n'
        '[deploy]\ncommands = ["true"]\nbefore = ["true"]\nafter = ["true"]\n[monitor]\ncommands = ["true"]\n'
    )
    (tmp_path / "001_a.sql").write_text("create table a (id int)")
    monkeypatch.setattr(psql_flow.os, "execve", lambda *given: watch("os.exec", given))
    monkeypatch.setattr(sys.modules[__name__], "SEEN", [])
    env = {
        "CHATOPS_ENV": "x",
        "PGPASSWORD": SECRET,
        "OTHER_URL": url,
        "DSN": f"host=h password={SECRET}",
        "KEPT": "kept",
        "DATABASE_URL": f"u:{SECRET}@h",
        "LINE": f"psql 'postgresql://u:{SECRET}@h'",
        "BARE": f"u:{SECRET}@h:5432/d",
    }
    for words in (
        ["psql"], ["psql", "--write", "--yes"], ["deploy", "--yes"], ["lint", "--dir", str(tmp_path)],
        ["monitor", "--once", "--yes", "--plan", "1h", "--notify", "true"], ["verify"], ["diagnose"], ["check", "--dir", str(tmp_path)],
    ):  # fmt: skip
        chatops_inprocess(*words, env=env)
    assert SEEN is not None
    programs = [words.split()[0].rpartition("/")[2] for words, _ in SEEN]
    assert {"psql", "sh", "squawk"} <= set(programs), programs
    for words, environment in SEEN:
        assert SECRET not in words
        if not words.split()[0].endswith("psql"):
            assert [name for name, value in environment.items() if SECRET in value] == [], words
    assert any(environment.get("KEPT") == "kept" for words, environment in SEEN if words.endswith("true"))
    chatops_inprocess("demo", "--stop")


OUR_WORDS = (
    "a", "no", "is", "u", "chat", "chats", "chatops", "postgres", "postgresql", "status", "password", "database", "host", "user",
    "server", "role", "connection", "refused", "nothing", "the", "option", "command", "config", "summary", "demo", "expected",
)  # fmt: skip
AWKWARD = (
    "'",
    '"',
    "\\",
    "it's",
    "p@ss",
    "a/b?c",
    "50%",
    "%41",
    "a b",
    ".*",
    "(x",
    "[a-z]+",
    "$1",
    "\\1",
    "{0}",
    "ü",
    "пароль",
    "x=y",
    "s3cr3t",
)
SECRETS = some.one_of(
    some.sampled_from((*OUR_WORDS, *AWKWARD)),
    some.text(some.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("C", "Z")), min_size=1, max_size=12),
)
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": lambda one: quote(one, safe=""),
    "in small letters": lambda one: re.sub("%..", lambda found: found[0].lower(), quote(one, safe="")),
    "in a query": quote_plus,
    "every sign": lambda one: "".join(f"%{byte:02x}" for byte in one.encode()),
    "in SQL": lambda one: one.replace("'", "''"),
    "for libpq": lambda one: one.replace("\\", "\\\\").replace("'", "\\'"),
    "in JSON": lambda one: json.dumps(one)[1:-1],
    "in Python": lambda one: ascii(one)[1:-1],
    "in HTML": html.escape,
}
AS_VALUES = ("{0}", "'{0}'", "«»“{0}”", "postgresql://u:{0}@h/d", "user=u password='{0}' host=h", "u:{0}@h", '"password": "{0}"')
ANYWHERE = ("not {0}, but", "({0})", "<{0}>", "one\\n{0}\\n", "u%3A{0}%40h", "\x1b[31m{0}\x1b[0m", "{0}", "password is {0}")


def holds_word(text: str, word: str) -> bool:
    """Whether a word stands in a text and is no part of a longer one."""
    return re.search(r"(?<!\w)" + re.escape(word) + r"(?!\w)", text) is not None


@given(SECRETS, some.sampled_from(sorted(SPELLINGS)), some.sampled_from((*AS_VALUES, *ANYWHERE)))
def test_no_password_is_left_in_a_foreign_text_however_it_is_spelt(secret: str, spelling: str, place: str) -> None:
    spelt = SPELLINGS[spelling](secret)
    left = redact(place.format(spelt), [secret])
    if len(secret) > 2 or place in AS_VALUES:
        assert MASK in left, left
        whole = place.replace("{0}", MASK)
        assert left == whole or redact(whole, [secret]) == left, (left, whole)


@pytest.mark.parametrize("secret", OUR_WORDS)
def test_a_password_that_is_part_of_other_words_leaves_those_whole(secret: str) -> None:
    for word in (f"{secret}xyz", f"xyz{secret}", f"xyz_{secret}_xyz"):
        assert redact(f"permission denied for {word}", [secret]).endswith(word)


@contextlib.contextmanager
def repeating_server() -> Iterator[int]:
    """A server that asks for a password and repeats it in its error, in several ways; its port."""

    def answer(one: socket.socket) -> None:
        with one, contextlib.suppress(OSError):
            while struct.unpack("!I", (head := one.recv(8))[4:])[0] in (80877103, 80877104):
                one.sendall(b"N")
            one.recv(struct.unpack("!I", head[:4])[0])
            one.sendall(b"R" + struct.pack("!II", 8, 3))
            given = one.recv(4096)[5:].rstrip(b"\0").decode()
            url = f"postgresql://u:{quote(given, safe='')}@h/d"
            said = f"could not use '{given}' of {url}, as in password='{given}'"
            fields = {"S": "FATAL", "V": "FATAL", "C": "XX000", "M": said, "D": f"“{given}”"}
            body = b"".join(key.encode() + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
            one.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def for_libpq(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def given_by(way: str, secret: str, port: int, user: str, name: str, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The words and the variables by which a command is told a database and its password."""
    bare = f"postgresql://{user}@127.0.0.1:{port}/{name}"
    url = bare.replace("@", f":{quote(secret, safe='')}@")
    file = folder / "of-libpq"
    if way == "a service":
        file.write_text(f"[x]\nhost=127.0.0.1\nport={port}\nuser={user}\ndbname={name}\npassword={secret}\n", encoding="utf-8")
        return [], {"PGSERVICE": "x", "PGSERVICEFILE": str(file)}
    if way == "a password file":
        escaped = re.sub(r"([\\:])", r"\\\1", secret)
        file.write_text(f"127.0.0.1:{port}:*:*:{escaped}\n", encoding="utf-8")
        file.chmod(0o600)
        return [], {"CHATOPS_DATABASE_URL": bare, "PGPASSFILE": str(file)}
    if way == "a configuration":
        configuration = folder / "x.toml"
        configuration.write_text(f"[env.x]\nurl = {json.dumps(url)}\nproduction = false\n")
        return ["--config", str(configuration), "--env", "x"], {}
    return {
        "a variable": ([], {"CHATOPS_DATABASE_URL": bare, "PGPASSWORD": secret}),
        "a URL": ([], {"CHATOPS_DATABASE_URL": url}),
        "--db": (["--db", url], {}),
        "pairs": (["--db", f"host=127.0.0.1 port={port} user={user} dbname={name} password={for_libpq(secret)}"], {}),
    }[way]


WAYS = ("a service", "a password file", "a configuration", "a variable", "a URL", "--db", "pairs")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, way=some.sampled_from(WAYS))
def test_no_password_is_repeated_after_a_server_whatever_gave_it(
    secret: str, way: str, chatops_inprocess: Run, tmp_path: Path
) -> None:
    with repeating_server() as port:
        words, env = given_by(way, secret, port, "ada", "things", tmp_path)
        for command in (["summary", "--debug"], ["doctor", "-o", "json", "--write", "json=x.json"]):
            done = chatops_inprocess(*words, *command, env=env, check=3)
            said = [done.stdout, done.stderr, (tmp_path / "x.json").read_text() if "doctor" in command else ""]
            for text in said:
                assert f"'{secret}'" not in text
                assert f"u:{quote(secret, safe='')}@" not in text
            assert f"'{MASK}' of " in done.stderr
            assert f"://u:{MASK}@h/d" in done.stderr
            assert f"127.0.0.1:{port}/things" in done.stderr or way == "a service"


@pytest.mark.sampled(6)
@pytest.mark.parametrize("secret", OUR_WORDS)
def test_a_password_that_is_a_word_of_ours_hides_none_of_our_own(
    secret: str, latest_database: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    """What chatops says by itself is the same whatever the password is."""
    live, dead = latest_database.server.port, free_port()
    where = [(live, "postgres", "chats"), (live, "chatops", latest_database.name), (dead, "postgres", "postgres")]
    commands = [
        (port, user, name, words) for port, user, name in where for words in (["status"], ["diagnose", "--only", "CONF001"])
    ]
    commands += [
        (live, "postgres", latest_database.name, words)
        for words in (
            ["config"],
            ["chatop"],
            ["show", "nobody"],
            ["queue", "--limt", "3"],
            ["--env", "chat", "status"],
            ["demo", "x"],
        )
    ]
    way = WAYS[OUR_WORDS.index(secret) % len(WAYS)]
    for port, user, name, words in commands:
        said = []
        for one in (secret, "zQ7=another"):
            given, env = given_by(way, one, port, user, name, tmp_path)
            done = chatops_inprocess(*given, *words, env=env)
            said.append((done.exit_code, done.stdout, re.sub(r"\d\d:\d\d:\d\d", "", done.stderr)))
        assert said[0] == said[1]


@pytest.mark.parametrize("secret", ["chats", "it's", "ab", "pass%word", "s3cr3t"])
def test_no_password_is_repeated_from_a_file_or_what_a_file_made_the_server_say(
    secret: str, database: Database, chatops_inprocess: Run, folder: Callable[..., Path], home: Path, tmp_path: Path
) -> None:
    literal = secret.replace("'", "''")
    said = f"no way to postgresql://u:{quote(secret)}@h with '{secret}'"
    files = folder(
        fails=f"do $$ begin raise exception using message = $m${said}$m$, detail = $m$password='{literal}'$m$; end $$;",
        also=f"alter role nobody password '{literal}' login;",
    )
    url = f"postgresql://postgres:{quote(secret, safe='')}@127.0.0.1:{database.server.port}/{database.name}"
    for only in ("101", "102"):
        done = chatops_inprocess("migrate", "--dir", str(files), "--yes", "--debug", db=url)
        assert done.exit_code not in (0, 70), done.stderr
        assert f"'{secret}'" not in done.stdout + done.stderr
        assert f"u:{quote(secret)}@" not in done.stdout + done.stderr
        next(files.glob(f"{only}_*")).unlink()


@pytest.mark.parametrize(
    ("typed", "helps"), [("summry", "did you mean summary?"), ("rollback", "chatops"), ("squeue", "did you mean queue?")]
)
def test_a_password_that_is_typed_as_a_word_is_hidden_and_the_word_helps_all_the_same(
    typed: str, helps: str, chatops_inprocess: Run
) -> None:
    done = chatops_inprocess(typed, env={"PGPASSWORD": typed}, check=2)
    plain = chatops_inprocess(typed, env={"PGPASSWORD": "another"}, check=2)
    assert helps in done.stderr
    assert done.stderr.replace(f"'{MASK}'", f"'{typed}'") == plain.stderr
    assert f"'{typed}'" not in done.stderr


def test_no_password_is_repeated_after_a_command_that_was_given_it() -> None:
    commands = ['echo "of $PGPASSWORD"', "true --token hunter2; false", 'echo "$PGPASSWORD"; false']
    told = str(beside(commands, {"PGPASSWORD": SECRET}, [SECRET]))
    assert f"of {MASK}" in told
    assert f"ended with 1: {MASK}" in told
    assert "hunter2" not in told
    assert SECRET not in told


ELSEWHERE = [
    (words, {name: text})
    for text in ("postgresql://u:s3cr3t@h/d", "u:s3cr3t@h/d", "host=h password=s3cr3t", "u:s3cr3t@h")
    for words, name in (
        ([], "PGDATABASE"), ([], "PGHOST"), ([], "PGUSER"), ([], "PGPORT"), ([], "PGSERVICE"), ([], "CHATOPS_ENV"), ([], "CHATOPS_SCHEMA"),
        (["--env", text], "A"), (["--schema", text], "A"), (["--schema", f"{text}x"], "CHATOPS_SCHEMA"), (["--config", text], "A"),
        (["--db", f"host=h dbname='{text}'"], "A"), (["--db", f"host='{text}'"], "A"), ([f"--bogus={text}"], "A"), ([text], "A"),
        (["--output", text], "A"), (["--write", text], "A"), (["--jobs", text], "A"),
    )
] + [(["--db", f"host=h {name}=s3cr3t"], {}) for name in ("PASSWORD", "passwd", "pwd", "pass", "user_secret", "token", "Password")]  # fmt: skip


@pytest.mark.parametrize("secret", ["letmein", "s3cr3t", "p%40ss", "post'gres"])
def test_no_password_is_shown_that_was_put_where_none_belongs(secret: str, chatops_inprocess: Run, home: Path) -> None:
    """A connection text at the place of a name, a host, a schema; a password under a name that libpq does not know."""
    for words, env in ELSEWHERE:
        given = [word.replace("s3cr3t", secret.replace("'", "\\'") if "'" in word else secret) for word in words]
        variables = {"PGHOST": "127.0.0.1", "PGPORT": "1", **{name: text.replace("s3cr3t", secret) for name, text in env.items()}}
        for command in (["config"], ["config", "-o", "json"], ["status"], ["summary", "--debug"]):
            done = chatops_inprocess(*given, *command, env=variables)
            assert done.exit_code != 70, done.stderr
            assert secret not in done.stdout + done.stderr, (given, variables, done)


@pytest.mark.parametrize("literal", ["'letmein'", "$$letmein$$", "E'let\\'mein'", "'''letmein'", "'letmein"])
def test_no_password_is_shown_of_statements_that_others_run_or_files_hold(
    literal: str, chatops_inprocess: Run, folder: Callable[..., Path], database: Database
) -> None:
    statement = f"alter role ada login password {literal}"
    now = datetime.now(UTC)
    seen = {"backend_type": "client backend", "state": "active", "xact_start": now, "query": statement, "now": now}
    fields = dict.fromkeys(Holder.__dataclass_fields__) | {**seen, "pid": 1, "role": "ada", "application_name": "psql"}
    of_locks = dict.fromkeys(Blocker.__dataclass_fields__) | {**seen, "pid": 1, "role": "ada", "application_name": "psql"}
    for told in (str(Holder(**fields)), str(Blocker(**of_locks)), in_one_line(statement, 200)):
        assert "password ********" in told
        assert "mein" not in told
    if literal.endswith(("'", "$$")) and literal[1:] != "letmein":
        files = folder(role=f"create table one (id bigint);\n{statement} nonsense;\n")
        for words in (["migrate", "--yes"], ["lint"], *([["check"]] if literal == "'letmein'" else [])):
            done = chatops_inprocess(*words, "--dir", str(files), db=database)
            assert "mein" not in done.stdout + done.stderr, done

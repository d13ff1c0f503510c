"""The command line as a whole: the table of commands, start-up, failures in words, hostile text, odd terminals."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import pty
import re
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from chatops import __version__, sqlfiles
from chatops.cli import COMMANDS, complete_names, help_page
from chatops.errors import WORST_FIRST, ExitCode, worst
from tests.conftest import LONG, ROOT, clean_environment
from tests.servers import Database

NAMES = [name for _, name, _ in COMMANDS]


def modules_loaded_by(*arguments: str, home: Path, **variables: str) -> set[str]:
    code = (
        "import sys; sys.argv = ['chatops', *sys.argv[1:]]\n"
        "import os\nfrom chatops.__main__ import main\n"
        "os._exit = sys.exit\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\nLOADED ' + ' '.join(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=clean_environment(home, variables),
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stderr.rpartition("LOADED ")[2].split())


def test_the_version_is_told_before_typer_is_imported(home: Path) -> None:
    loaded = modules_loaded_by("--version", home=home)
    assert "chatops" in loaded
    assert not loaded & {"typer", "rich", "psycopg", "sqlparse", "dataclasses"}


@pytest.mark.parametrize("words", [("--version", "--verbose"), ("-V", "--verbose"), ("--verbose", "--env", "x", "--version")])
def test_a_report_of_a_bug_has_versions_and_no_secret(chatops, words: tuple[str, ...]) -> None:
    told = chatops(*words, env={"CHATOPS_DATABASE_URL": "postgresql://u:geheim@h/d", "PGPASSWORD": "geheim", "NO_COLOR": "1"})
    assert told.exit_code == 0
    first, *facts = told.stdout.splitlines()
    assert first == f"chatops {__version__}"
    named = dict(line.split(None, 1) for line in facts)
    assert named["Python"].startswith(platform.python_version())
    assert named["psycopg"].startswith(importlib.metadata.version("psycopg"))
    assert sqlfiles.names("migrations")[-1] in named["migrations"]
    assert "NO_COLOR=1" in named["variables"]
    assert "geheim" not in told.stdout + told.stderr


HEAVY = {"typer", "click", "rich", "psycopg", "sqlparse", "dataclasses", "typing", "jinja2", "tomlkit"}


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--help"], {}),
        (["-h"], {}),
        (["migrate", "--help"], {}),
        ([], {"_CHATOPS_COMPLETE": "complete_bash", "COMP_WORDS": "chatops su", "COMP_CWORD": "1"}),
        ([], {"_CHATOPS_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "chatops --env x migrate --"}),
    ],
)
def test_help_and_completion_of_names_load_no_command(arguments: list[str], variables: dict[str, str], home: Path) -> None:
    loaded = modules_loaded_by(*arguments, home=home, **variables)
    assert "chatops.cli" in loaded
    assert not loaded & HEAVY
    assert {module for module in loaded if module.startswith("chatops")} <= {
        "chatops", "chatops.__main__", "chatops.signs", "chatops.cli", "chatops.cli.help_page", "chatops.cli.complete_names",
    }  # fmt: skip


def test_no_command_loads_what_its_flow_needs_before_it_runs(home: Path) -> None:
    code = "import sys, importlib\n" + "".join(f"importlib.import_module('chatops.cli.{name}')\n" for name in NAMES)
    done = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"],
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {module.partition(".")[0] for module in done.stdout.split()}
    assert not loaded & {"psycopg", "sqlparse", "rich", "jinja2", "tomlkit"}
    assert "chatops.flows.run" not in done.stdout.split()


@pytest.mark.parametrize("name", ["", *NAMES])
def test_a_help_page_is_the_same_with_and_without_its_command(name: str, chatops_inprocess) -> None:
    page = help_page.pages()[name]
    words = [*([name] if name else []), "--help"]
    assert help_page.answer(words) is not None
    for width in (80, 40):
        drawn = help_page.drawn(page, width)
        assert chatops_inprocess(*words, env={"COLUMNS": str(width)}, check=0).stdout == drawn
        examples = [line for line in drawn.splitlines() if line.startswith("   chatops ")]
        assert all(len(line) <= width or line in examples for line in drawn.splitlines())


def typed_lines() -> list[str]:
    """Beginnings of command lines at which a shell may ask for more."""
    lines = [
        "",
        "s",
        "su",
        "x",
        "-",
        "--",
        "--d",
        "--db",
        "--db x ",
        "--db x su",
        "--debug --d",
        "--debug mi",
        "--env=x m",
    ]
    for name in NAMES:
        lines += [
            f"{name} -",
            f"{name} --",
            f"{name} --d",
            f"{name} --debug --d",
            f"--schema a {name} --o",
            f"{name} --db x --db",
        ]
    return lines


def _names(text: str) -> list[str]:
    # typer offers them as they are declared, we as the help shows them; it breaks long lines in the middle.
    return sorted(re.findall(r"^(?:_arguments '\*: :\(\()?\"?(-?[-\w]+)(?=\"|\t|$)", text, re.MULTILINE))


@pytest.mark.long
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_are_offered_as_typer_offers_them(shell: str, chatops_inprocess) -> None:
    offered = 0
    # In the long form each shell is asked about each line.
    lines = typed_lines()
    for line in lines if LONG else lines[("bash", "zsh", "fish").index(shell) :: 3]:
        words = f"chatops {line}"
        if shell == "bash":
            variables = {"COMP_WORDS": words, "COMP_CWORD": str(len(line.split(" ")))}
        else:
            variables = {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        variables["_CHATOPS_COMPLETE"] = f"complete_{shell}"
        found = complete_names.answer(variables)
        if found is not None:
            offered += 1
            live = chatops_inprocess(env=variables, check=0).stdout
            assert _names(found) == _names(live), line
    assert offered > len(NAMES) * (5 if LONG else 1.5)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_help_is_written_in_every_encoding(encoding: str, home: Path) -> None:
    for words in (["--help"], ["migrate", "--help"], ["migrate", "--yes", "--help"]):
        environment = clean_environment(home, {"PYTHONIOENCODING": encoding})
        done = subprocess.run([sys.executable, "-m", "chatops", *words], env=environment, capture_output=True, check=True)
        assert "Usage: chatops" in done.stdout.decode(encoding)
        assert done.stderr == b""


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_help_with_two_examples_and_its_exit_codes(name: str, chatops_inprocess) -> None:
    text = chatops_inprocess(name, "--help", check=0).stdout
    assert len(re.findall(r"^\s*chatops ", text, re.MULTILINE)) >= 2, text
    assert "Exit codes:" in text
    assert text.isprintable() or "\n" in text


def test_the_table_of_commands_is_the_only_list(chatops_inprocess) -> None:
    folder = ROOT / "chatops" / "cli"
    marked = {
        path.stem
        for path in folder.glob("*.py")
        if hasattr(vars(import_module(f"chatops.cli.{path.stem}")).get(path.stem), "takes")
    }
    assert marked == set(NAMES)
    shown = chatops_inprocess("--help", check=0).stdout
    places = [shown.index(f"│ {name} ") for name in NAMES]
    assert places == sorted(places)


def test_chatops_alone_is_a_dozen_lines_with_three_starts_and_the_connection(chatops_inprocess) -> None:
    text = chatops_inprocess(check=0).stdout
    assert len(text.splitlines()) <= 12
    for word in ("chatops demo", "chatops migrate", "chatops diagnose", "Connection:"):
        assert word in text


def test_the_worst_exit_code_of_several_targets_is_found_in_the_documented_order() -> None:
    assert WORST_FIRST == (130, 70, 74, 4, 3, 2, 5, 1, 0)
    assert worst([0, 1, 5]) is ExitCode.CONFLICT
    assert worst([]) is ExitCode.OK
    assert {code.meaning for code in ExitCode}


# ---- failures to connect -------------------------------------------------------------------------------------------


def test_an_unknown_host_a_refused_port_and_a_missing_database_are_each_told_in_words(chatops, database) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "no host named" in chatops("summary", db="postgresql://u:geheim@host.invalid/d", check=3).stderr
    assert "connection refused" in chatops("summary", db=f"postgresql://u:geheim@127.0.0.1:{port}/d", check=3).stderr
    missing = re.sub(r"/[^/?]*(\?|$)", r"/no_such_database\1", database.url)
    assert "no database no_such_database" in chatops("summary", db=missing, check=3).stderr
    for result in (chatops("summary", db=f"postgresql://u:geheim@127.0.0.1:{port}/d", env={"X": "1"}),):
        assert "geheim" not in result.stdout + result.stderr


def test_a_wrong_password_is_told_and_not_shown(own_server, chatops) -> None:
    server = own_server("18")
    database = server.create_database()
    database.execute("create role someone login password 'right-one'")
    hba = Path(database.execute("show hba_file")[0][0])
    hba.write_text("host all someone all scram-sha-256\n" + hba.read_text())
    database.execute("select pg_reload_conf()")
    host, port = "127.0.0.1", database.execute("show port")[0][0]
    url = f"postgresql://someone:wrong-one@{host}:{port}/{database.name}"
    result = chatops("summary", db=url, check=3)
    assert "rejected the password" in result.stderr
    assert "wrong-one" not in result.stdout + result.stderr


def test_a_parameter_that_libpq_does_not_know_is_a_usage_error(chatops_inprocess) -> None:
    result = chatops_inprocess("summary", db="postgresql://u:geheim@127.0.0.1/d?nonsense=1", check=2)
    assert "nonsense" in result.stderr
    assert "geheim" not in result.stderr


def test_a_database_without_the_chat_tables_is_refused_with_the_next_step(chatops_inprocess, database) -> None:
    for name in ("summary", "queue", "stuck", "operators"):
        result = chatops_inprocess(name, db=database, check=4)
        assert "no table chats" in result.stderr
        assert "migrate" in result.stderr


def test_errors_are_json_where_json_was_asked_for(chatops_inprocess, database) -> None:
    import json

    result = chatops_inprocess("summary", "-o", "json", db=database, check=4)
    assert json.loads(result.stdout)["error"]["exit_code"] == 4


def test_an_unknown_command_format_and_option_are_usage_errors(chatops_inprocess, database) -> None:
    assert chatops_inprocess("nonsense").exit_code == 2
    assert chatops_inprocess("summary", "-o", "nonsense", db=database).exit_code == 2
    assert chatops_inprocess("summary", "--nonsense", db=database).exit_code == 2
    assert chatops_inprocess("summary", "--write", "nonsense", db=database).exit_code == 2


# ---- terminals, pipes, hostile text --------------------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07\x1b[31m[bold]red[/] | a\nb\r\u202etxt\u200b 12345e12"


@pytest.fixture
def hostile_database(core_database):
    core_database.execute("insert into operators (name, email, is_active, is_available) values (%s, 'e', true, true)", [HOSTILE])
    core_database.execute("insert into real_users (name) values (%s)", [HOSTILE])
    core_database.execute("insert into fictional_users (name) values (%s)", [HOSTILE])
    core_database.execute(
        "insert into chats (real_user_id, fictional_user_id, created_at) select r.id, f.id, now() - interval '3 h' "
        "from real_users r, fictional_users f"
    )
    core_database.execute(
        "insert into messages (chat_id, sender_type, content, created_at) "
        "select id, 'real', %s, now() - interval '2 h' from chats",
        [HOSTILE],
    )
    return core_database


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", ["queue", "stuck", "operators", "summary"])
@pytest.mark.parametrize("output", ["table", "plain", "markdown", "json", "jsonl", "csv", "tsv"])
def test_hostile_names_stay_text_in_every_format(name: str, output: str, chatops_inprocess, hostile_database) -> None:
    result = chatops_inprocess(name, "-o", output, "--show-names", db=hostile_database, check=0)
    text = result.stdout
    if output in ("json", "jsonl"):
        assert "\x1b" not in text
        return
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\u200b]", text.replace("\n", "")), text
    if output == "tsv" and name == "operators":
        assert len({line.count("\t") for line in text.splitlines()}) == 1
    if output == "markdown" and name == "operators":
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_off_a_terminal_people_are_initials_unless_asked_for(chatops_inprocess, hostile_database) -> None:
    hostile_database.execute("update operators set name = 'Ada Lovelace'")
    assert "Lovelace" not in chatops_inprocess("operators", db=hostile_database, check=0).stdout
    assert "Lovelace" in chatops_inprocess("operators", "--show-names", db=hostile_database, check=0).stdout


def run_in_terminal(arguments: list[str], environment: dict[str, str], columns: int) -> tuple[int, str]:
    """Runs the command on a pseudo terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "chatops", *arguments],
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    pieces = []
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(leader)
    return process.wait(30), b"".join(pieces).decode("utf-8", "replace")


def test_names_are_whole_in_a_pipe_of_somebody_at_a_terminal_and_initials_elsewhere(core_database: Database, home: Path) -> None:
    core_database.execute("insert into operators (name) values ('Ada Lovelace')")
    environment = clean_environment(home, {"CHATOPS_DATABASE_URL": core_database.url})

    def piped(*words: str, tty: int, **more: str) -> bool:
        run = subprocess.run(
            [sys.executable, "-m", "chatops", "operators", *words], env=environment | more, stdin=tty, stdout=subprocess.PIPE, stderr=tty,
            text=True, check=True,
        )  # fmt: skip
        assert "A." in run.stdout or "Ada" in run.stdout
        return "Ada Lovelace" in run.stdout

    leader, follower = pty.openpty()
    try:
        assert piped(tty=follower)
        assert not piped(tty=follower, CI="true")
        assert not piped("-o", "json", tty=follower)
        assert piped("-o", "json", "--show-names", tty=follower)
        assert not piped(tty=subprocess.DEVNULL)
    finally:
        os.close(leader)
        os.close(follower)


@pytest.mark.parametrize("columns", [40, 80])
def test_narrow_colourless_and_dumb_terminals_work(columns: int, hostile_database, home: Path) -> None:
    for more in ({"TERM": "xterm-256color"}, {"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        environment = clean_environment(home, {"CHATOPS_DATABASE_URL": hostile_database.url, **more})
        code, text = run_in_terminal(["operators"], environment, columns)
        assert code == 0, text
        assert "\x1b]0;owned" not in text
        if more.get("NO_COLOR") or more["TERM"] == "dumb":
            assert "\x1b[" not in text


def test_a_dumb_terminal_and_a_screen_readers_are_not_written_over(core_database, home: Path) -> None:
    core_database.execute("""update platform_config set value = '"3"' where key = 'max_reassignments'""")
    read_aloud = ["-o", "plain"]
    for term, words in (
        ("dumb", ["diagnose"]), ("dumb", ["repair", "CONF001", "--yes"]), ("dumb", ["verify", "schema"]),
        ("xterm", ["diagnose", *read_aloud]), ("xterm", ["repair", "--yes", *read_aloud]), ("xterm", ["verify", *read_aloud]),
    ):  # fmt: skip
        environment = clean_environment(home, {"CHATOPS_DATABASE_URL": core_database.url, "TERM": term, "NO_COLOR": "1"})
        _, text = run_in_terminal(words, environment, 80)
        assert "\r" not in text.replace("\r\n", "\n"), text
        assert "\x1b" not in text


def test_ascii_only_stdout_shows_signs_as_lookalikes(hostile_database, home: Path) -> None:
    environment = clean_environment(
        home, {"CHATOPS_DATABASE_URL": hostile_database.url, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    )
    for output in ("table", "plain", "markdown", "json", "csv"):
        done = subprocess.run(
            [sys.executable, "-m", "chatops", "summary", "-o", output], env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        done.stdout.decode("ascii")
        done.stderr.decode("ascii")


def test_stdout_closed_early_ends_in_silence(hostile_database, home: Path) -> None:
    environment = clean_environment(home, {"CHATOPS_DATABASE_URL": hostile_database.url})
    process = subprocess.Popen(
        [sys.executable, "-m", "chatops", "stuck", "-o", "jsonl"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 141
    assert b"Traceback" not in stderr
    assert b"Broken" not in stderr


def test_write_feeds_a_file_beside_the_screen(chatops_inprocess, hostile_database, tmp_path: Path) -> None:
    import json

    result = chatops_inprocess("summary", "--write", "json=out.json", "--write", "markdown=out.md", db=hostile_database, check=0)
    assert "waiting for an operator" in result.stdout
    assert json.loads((tmp_path / "out.json").read_text())["command"] == "summary"
    assert "| state |" in (tmp_path / "out.md").read_text()


def test_reading_commands_prove_that_they_wrote_nothing(chatops_inprocess, hostile_database) -> None:
    from chatops import db, settings

    for name in ("summary", "queue", "stuck", "operators"):
        chatops_inprocess(name, db=hostile_database, check=0)
    target = settings.resolve(settings.Options((hostile_database.url,)), environ={}, configuration=settings.Configuration())
    with db.connect(target, "test") as database, pytest.raises(RuntimeError, match="transaction id"), database.reading():
        database.value("select pg_current_xact_id()")


def test_the_package_has_its_folder_of_sql() -> None:
    assert (ROOT / "sql" / "bookkeeping.sql").exists()


def test_an_output_that_is_closed_or_full_is_no_bug_of_ours(latest_database: Database) -> None:
    program = [sys.executable, "-m", "chatops", "--db", latest_database.url, "summary"]
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *program], stderr=subprocess.PIPE, text=True, check=False)
    assert (closed.returncode, "bug" in closed.stderr) == (0, False)
    with Path("/dev/full").open("w") as full:
        written = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert written.returncode == 74
    assert "could not be written: No space left on device" in written.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("diagnos", "diagnose"),
        ("migrat --dry-run", "migrate"),
        ("diagnose --ful", "--full"),
        ("queue -o jsn", "json"),
        ("diagnose --fail-on critcal", "critical"),
        ("diagnose --only CHAT03", "CHAT003"),
        ("show chta x", "chat"),
        ("log --outcome refsed", "refused"),
        ("guard onn", "on"),
    ],
)
def test_a_name_that_is_not_there_brings_the_nearest(
    words: str, meant: str, chatops_inprocess, latest_database: Database
) -> None:
    failed = chatops_inprocess(*words.split(), db=latest_database, check=2)
    assert re.search(rf"did you mean [\w, -]*{meant}", failed.stderr), failed.stderr
    assert "did you mean" not in chatops_inprocess("zzzzzz", check=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("queue", "--top"), "requires an argument"), (("queue", "--top", "many"), "'many' is not a whole number"),
        (("diagnose", "--timeout", "soon"), "'soon' is not a number"), (("queue", "--top", "-1"), "-1 is not between 0 and"),
    ],
)  # fmt: skip
def test_a_value_that_is_missing_or_wrong_leads_to_the_commands_own_help(
    chatops_inprocess, words: tuple[str, ...], said: str
) -> None:
    told = chatops_inprocess(*words, check=2).stderr
    assert said in told
    assert f"chatops {words[0]} --help" in told


LOCALES: list[tuple[dict[str, str], bool]] = [
    ({"LANG": "C"}, True), ({"LC_ALL": "C"}, True), ({"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, True), ({"LC_CTYPE": "C", "LANG": "C.UTF-8"}, True),
    ({"LC_CTYPE": "C"}, True), ({"LC_ALL": "de_DE.ISO-8859-1"}, True), ({"LANG": "C", "PYTHONCOERCECLOCALE": "0"}, True),
    ({"LANG": "C.UTF-8", "PYTHONIOENCODING": "ascii"}, True),
    ({"LANG": "C.UTF-8"}, False), ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False), ({"LC_ALL": "C", "PYTHONUTF8": "1"}, False),
    ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, False), ({}, False),
]  # fmt: skip


@pytest.mark.long
def test_a_terminal_whose_locale_is_not_unicode_gets_ascii(core_database: Database, home: Path) -> None:
    """By whichever variable says so; and Unicode where it is Unicode, where somebody says so, and where nobody says anything."""
    plain = {
        "CHATOPS_DATABASE_URL": core_database.url,
        "TERM": "xterm",
        "NO_COLOR": "1",
        "NO_PAGER": "1",
        "LANG": "",
        "LC_ALL": "",
    }
    told: dict[str, str] = {}
    for locale, is_ascii in LOCALES if LONG else LOCALES[3:14:5]:
        for words in (["summary"], ["queue", "--help"], ["queue", "--bogus"]) if LONG else (["summary"],):
            _, text = run_in_terminal(words, clean_environment(home, {**plain, **locale}), 80)
            told[" ".join([*words, str(locale)])] = text
            assert text.isascii() is is_ascii or words[-1] == "--bogus", (locale, words, text)
    piped = subprocess.run([sys.executable, "-m", "chatops", "summary"], env=clean_environment(home, {**plain, "LC_ALL": "C"}), capture_output=True, check=True)  # fmt: skip
    assert "·" in piped.stdout.decode("utf-8")  # what reads it may be a program, and names are whole


def test_help_that_is_longer_than_the_screen_is_read_in_the_pager_unless_none_is_wanted(home: Path, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED; exec cat\n")
    pager.chmod(0o755)
    for words in (["migrate", "--help"], ["migrate", "--yes", "--help"], ["help", "safety"]):
        for wanted, more in (
            (True, {"PAGER": str(pager)}),
            (True, {"PAGER": "cat", "CHATOPS_PAGER": str(pager)}),
            (False, {"PAGER": str(pager), "NO_PAGER": "1"}),
            (False, {"PAGER": str(pager), "CHATOPS_PAGER": "cat"}),
            (False, {"PAGER": str(pager), "TERM": "dumb"}),
        ):
            code, text = run_in_terminal(words, clean_environment(home, {"TERM": "xterm", **more}), 80)
            assert (code, "PAGED" in text) == (0, wanted), (words, more, text)
            assert "Usage: chatops migrate" in text or "What is locked" in text
    code, text = run_in_terminal(["new", "--version"], clean_environment(home, {"TERM": "xterm", "PAGER": str(pager)}), 80)
    assert "PAGED" not in text

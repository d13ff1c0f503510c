"""Formats for machines that are not ours: read back by the real parsers of those who eat them."""

from __future__ import annotations

import ast
import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import junitparser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatops.checks import load
from chatops.cli import COMMANDS
from chatops.flows.given import Given
from chatops.flows.output import Output
from chatops.model import Answer, Figure, Outcome
from chatops.render import FORMATS, Medium, format_named, render
from tests.ailing import deployed, healthy_template, mended, plant
from tests.conftest import ROOT, Result
from tests.servers import Database, Farm, Server, free_port

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]
CHAT, OPERATOR = "a chat", "an operator"
HOSTILE = 'a|b\n"c\\d" \x1b]0;x\x07 ]]> <failure> %0A ::error::'
PLUGIN = re.compile(r"CHATOPS (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| ('[^'=|]+'=-?[0-9.]+s?( |$))+)?\n")


def samples(text: str) -> dict[tuple[str, frozenset[Any]], float]:
    """Every sample that a real parser reads."""
    return {
        (
            sample.name,
            frozenset((key, value) for key, value in sample.labels.items() if key not in ("command", "environment", "database")),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def text_of(answer: Answer, format_: str) -> str:
    return "".join(render(answer, format_, Medium(), {"environment": 'my "env"', "database": HOSTILE}))


# ---- prometheus ------------------------------------------------------------------------------------------------------


def test_the_textfile_is_what_a_real_parser_reads_and_is_never_seen_half_written(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(deployed, "CHAT003")
    renamed: list[tuple[str, str]] = []
    whole = Path.replace

    def replace(self: Path, target: Any) -> Path:
        renamed.append((self.name, self.read_text()))
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    chatops_inprocess("verify", "--write", "prometheus=chatops.prom", db=deployed, check=1)
    text = (tmp_path / "chatops.prom").read_text()
    assert [(name.endswith(".prom"), written) for name, written in renamed] == [(False, text)]
    found = samples(text)
    critical = {("code", "CHAT003"), ("severity", "critical")}
    assert found["chatops_check_failed", frozenset(critical)] == 1
    assert found["chatops_check_failed", frozenset({("code", "CHAT001"), ("severity", "critical")})] == 0
    assert found["chatops_findings", frozenset({("severity", "critical")})] == 1
    assert found["chatops_checks", frozenset()] == sum(check.group != "now" for check in load.shipped())
    assert found["chatops_verify_timestamp_seconds", frozenset()] > 1.7e9


def test_chats_and_queue_are_numbers_for_prometheus_and_nagios(deployed: Database, chatops_inprocess: Run) -> None:
    found = samples(chatops_inprocess("summary", "-o", "prometheus", db=deployed, check=0).stdout)
    assert found["chatops_queue_waiting", frozenset()] > 0
    chats = {dict(labels)["state"]: value for (name, labels), value in found.items() if name == "chatops_chats"}
    assert sum(chats.values()) == deployed.value("select count(*) from chats")
    line = chatops_inprocess("queue", "-o", "nagios", db=deployed, check=0).stdout
    assert PLUGIN.fullmatch(line), line
    assert "'queue_waiting'=" in line


def test_hostile_text_cannot_leave_its_label_its_line_or_its_element() -> None:
    answer = Answer("verify", figures=[Figure("chats", 3, HOSTILE, {"state": HOSTILE})],
                    outcomes=[Outcome(HOSTILE, "failed", "critical", HOSTILE, HOSTILE, counts=True)])  # fmt: skip
    assert {name for name, _ in samples(text_of(answer, "prometheus"))} == {
        "chatops_chats", "chatops_check_failed", "chatops_check_unknown"}  # fmt: skip
    assert PLUGIN.fullmatch(text_of(answer, "nagios"))
    assert len(text_of(answer, "github").splitlines()) == 1
    (case,) = next(iter(junitparser.JUnitXml.fromstring(text_of(answer, "junit").encode())))
    assert [type(one).__name__ for one in case.result] == ["Failure"]


# ---- nagios ----------------------------------------------------------------------------------------------------------


def test_a_plugin_ends_by_the_plugin_rules(deployed: Database, database: Database, chatops_inprocess: Run) -> None:
    def plugin(*arguments: str, check: int, db: Any = deployed) -> str:
        done = chatops_inprocess(*arguments, "-o", "nagios", db=db, check=check)
        assert PLUGIN.fullmatch(done.stdout), done.stdout
        return done.stdout

    assert plugin("verify", check=0).startswith("CHATOPS OK - verify: ")
    plant(deployed, "CHAT014")
    assert plugin("diagnose", check=1).startswith("CHATOPS WARNING - diagnose: ")
    assert plugin("verify", "--fail-on", "critical", check=0).startswith("CHATOPS OK")
    plant(deployed, "CHAT003")
    assert "CHAT003 in 1 chat state and operator contradict each other" in plugin("verify", check=2)
    assert "'findings_critical'=1" in plugin("diagnose", check=2)
    assert plugin("verify", "--only", "CHAT001", check=3, db=database).startswith("CHATOPS UNKNOWN")


@pytest.mark.parametrize(
    "arguments", [["verify", "--nonsense"], ["verify", "everything"], ["nonsense"], ["verify", "--only", "X"]]
)
def test_what_stops_a_plugin_is_unknown(arguments: list[str], database: Database, chatops_inprocess: Run) -> None:
    done = chatops_inprocess(*arguments, "-o", "nagios", db=database, check=3)
    assert PLUGIN.fullmatch(done.stdout), done.stdout
    assert done.stdout.startswith("CHATOPS UNKNOWN - ")


def test_an_unreachable_server_is_unknown_to_a_plugin(chatops_inprocess: Run) -> None:
    done = chatops_inprocess("diagnose", "-o", "nagios", db="postgresql://u@127.0.0.1:1/d", check=3)
    assert PLUGIN.fullmatch(done.stdout)
    assert "connection refused" in done.stdout


# ---- junit, github ---------------------------------------------------------------------------------------------------


def test_junit_is_read_by_a_consumer_of_junit(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(deployed, "CHAT003")
    deployed.execute("drop function get_assignment_queue_status()")
    chatops_inprocess("verify", "--write", "junit=verify.xml", db=deployed, check=1)
    (suite,) = junitparser.JUnitXml.fromfile(str(tmp_path / "verify.xml"))
    cases = {case.name: case for case in suite}
    assert set(cases) == {check.code for check in load.shipped() if check.group != "now"}
    assert suite.tests == len(cases)
    failed = {name for name, case in cases.items() if any(isinstance(one, junitparser.Failure) for one in case.result)}
    unknown = {name for name, case in cases.items() if any(isinstance(one, junitparser.Error) for one in case.result)}
    assert failed == {"CHAT003", "DB003"}
    assert unknown == {"QUEUE003", "DB007"}
    assert (suite.failures, suite.errors) == (len(failed), len(unknown))
    assert "contradict each other" in cases["CHAT003"].result[0].message


# The schema of the Jenkins plugin, by element: attributes that it needs, attributes that it may have, children in order.
SCHEMA: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "disabled", "errors"}, ["testsuite"]),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id", "package"},
        ["properties", "testcase", "system-out", "system-err"],
    ),
    "properties": (set(), set(), ["property"]),
    "property": ({"name", "value"}, set(), []),
    "testcase": (
        {"name", "classname"},
        {"assertions", "time", "status"},
        ["skipped", "error", "failure", "system-out", "system-err"],
    ),
    "failure": (set(), {"type", "message"}, []),
    "error": (set(), {"type", "message"}, []),
    "system-out": (set(), set(), []),
}


def held_by_the_schema(element: ElementTree.Element) -> None:
    needs, may, children = SCHEMA[element.tag]
    assert needs <= set(element.attrib) <= needs | may, (element.tag, element.attrib)
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places), [child.tag for child in element]
    for name in {"tests", "failures", "errors"} & set(element.attrib):
        assert element.attrib[name].isdecimal()
    if "time" in element.attrib:
        float(element.attrib["time"])
    if "timestamp" in element.attrib:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"])
    if element.tag == "testsuite":
        cases = element.findall("testcase")
        assert int(element.attrib["tests"]) == len(cases)
        for plural, one in (("failures", "failure"), ("errors", "error")):
            assert int(element.attrib[plural]) == sum(case.find(one) is not None for case in cases)
    for child in element:
        held_by_the_schema(child)


def test_junit_is_held_by_its_schema_whatever_the_run_found(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "001_a.sql").write_text("create table a (id int)")
    plant(deployed, "CHAT003")
    plant(deployed, "CHAT014")
    deployed.execute("drop function get_assignment_queue_status()")
    unreachable = "postgresql://u@127.0.0.1:1/d"
    for arguments, db in (
        (("verify",), deployed), (("diagnose",), deployed), (("diagnose", "--only", "CHAT001"), deployed),
        (("lint", "--dir", str(tmp_path)), deployed), (("verify",), unreachable),
    ):  # fmt: skip
        text = chatops_inprocess(*arguments, "-o", "junit", db=db).stdout
        held_by_the_schema(ElementTree.fromstring(text))
        assert sum(1 for suite in junitparser.JUnitXml.fromstring(text.encode()) for _ in suite) >= 1
    hostile = Answer("verify", now=datetime(2026, 1, 1, tzinfo=UTC), outcomes=[
        Outcome(HOSTILE, status, "critical", HOSTILE, HOSTILE, counts=counts)
        for status in ("failed", "unknown", "passed") for counts in (True, False)
    ])  # fmt: skip
    held_by_the_schema(ElementTree.fromstring(text_of(hostile, "junit")))


def test_textfiles_of_different_commands_are_valid_in_one_folder(
    deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    """As node_exporter reads a folder: HELP of a name is the same in all files, and no series is there twice."""
    plant(deployed, "CHAT003")
    for command in ("verify", "diagnose", "summary", "queue", "monitor --once --plan 1h"):
        chatops_inprocess(*command.split(), "--write", f"prometheus={command.split()[0]}.prom", db=deployed)
    files = sorted(tmp_path.glob("*.prom"))
    assert len(files) == 5
    said: dict[str, tuple[str, str]] = {}
    series: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for file in files:
        for family in text_string_to_metric_families(file.read_text()):
            assert said.setdefault(family.name, (family.documentation, family.type)) == (family.documentation, family.type)
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in series, key
                series.add(key)
    assert {dict(labels)["command"] for _, labels in series} == {file.stem for file in files}


def test_github_gets_an_annotation_for_each_finding_and_none_when_all_is_well(deployed: Database, chatops_inprocess: Run) -> None:
    assert chatops_inprocess("verify", "schema", "-o", "github", db=deployed, check=0).stdout == ""
    plant(deployed, "CHAT003")
    lines = chatops_inprocess("verify", "--skip", "QUEUE003", "-o", "github", db=deployed, check=1).stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("::error title=CHAT003::in 1 chat state and operator contradict each other%0A")


# ---- every command, every format --------------------------------------------------------------------------------------

WORDS: dict[str, list[str]] = {
    "migrate": ["--dry-run"], "status": [], "adopt": ["--dry-run"], "rehearse": [], "lint": ["--all"], "verify": [],
    "deploy": ["--dry-run"], "diagnose": [], "summary": [], "queue": [], "stuck": [],
    "operators": [], "chats": [], "show": ["operator", OPERATOR], "explain": [], "repair": ["--dry-run"], "doctor": [], "config": [],
    "release": [CHAT, "--dry-run"], "reassign": [CHAT, "--to", "auto", "--dry-run"], "drain": [OPERATOR, "--dry-run"],
    "log": [], "close": [CHAT, "--dry-run"], "snooze": [], "guard": [],
}  # fmt: skip
"""How a command is asked for an answer, without a change."""
"""A command that is not here needs an action, a folder, a receipt or time: it is asked only for the formats that it has not."""


def read_back(format_: str, text: str) -> None:
    """Reads a text as the readers of its format do."""
    if format_ == "json":
        assert json.loads(text)["format"] == 1
    elif format_ == "jsonl":
        assert all(isinstance(json.loads(line), dict) for line in text.splitlines())
    elif format_ in ("csv", "tsv"):
        rows = list(csv.reader(io.StringIO(text), delimiter="," if format_ == "csv" else "\t"))
        assert {len(row) for row in rows} == {len(rows[0])}
    elif format_ == "junit":
        assert junitparser.JUnitXml.fromstring(text.encode()).tests >= 1
    elif format_ == "nagios":
        assert PLUGIN.fullmatch(text), text
    elif format_ == "prometheus":
        assert samples(text)
    elif format_ == "github":
        assert all(re.match(r"::(error|warning|notice)( [^:]*)?::", line) for line in text.splitlines())
    else:
        assert text.strip()
        assert format_named(format_).for_people, "say here how it is read back"


@pytest.fixture(scope="module")
def looked_at(farm: Farm, server: Server) -> Iterator[Database]:
    """A healthy system after all migrations, for all that change nothing."""
    made = server.create_database(healthy_template(farm, server, "latest"))
    yield made
    made.drop()


@pytest.mark.sampled(14)
@pytest.mark.parametrize("name", [name for _, name, _ in COMMANDS])
def test_every_command_is_asked_for_every_format(name: str, looked_at: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    if "output" not in getattr(import_module(f"chatops.cli.{name}"), name).takes:
        return  # another program writes the answer
    formats = getattr(import_module(f"chatops.cli.{name}"), name).formats
    offered = [one for one in Output(Given(formats=formats)).format_names() if one in FORMATS]
    chat, operator = looked_at.execute("select id, assigned_operator_id from chats where chat_state = 'assigned' limit 1")[0]
    words = [{CHAT: str(chat), OPERATOR: str(operator)}.get(word, word) for word in WORDS.get(name, [])]
    for format_ in sorted({*FORMATS} - {*offered}):
        done = chatops_inprocess(name, *words, "-o", format_, db=looked_at)
        assert done.exit_code in (2, 3), (format_, done)
        assert "knows no format" in done.stderr or name not in WORDS
    if name not in WORDS:
        return
    writes = [part for format_ in offered for part in ("--write", f"{format_}={format_}.out")]
    done = chatops_inprocess(name, *words, *writes, db=looked_at)
    assert done.exit_code in (0, 1), (name, done.stderr)
    for format_ in offered:
        read_back(format_, (tmp_path / f"{format_}.out").read_text())


def test_what_was_done_is_told_to_programs_too(latest_database: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text("")
    (tmp_path / "chatops.toml").chmod(0o600)
    acts = ("--yes", "--reason", "x")
    person = f"test_{latest_database.name}"
    done: dict[str, dict[str, Any]] = {}
    for words in (
        ("pause", "--for", "1m", *acts), ("resume",), ("resume",), ("guard", "off", "--for", "1m", *acts), ("guard", "on"), ("guard", "on"),
        ("snooze", "CHAT003", "--until", "2099-01-01", "--reason", "x"), ("snooze", "CHAT003", "--off"), ("snooze", "CHAT003", "--off"),
        ("snooze", "CHAT003", "--store", "--until", "2099-01-01", *acts), ("snooze", "CHAT003", "--store", "--off", "--yes"),
        ("doctor", person, "--create-roles", "--yes"),
    ):  # fmt: skip
        shown = chatops_inprocess(*words, "-o", "json", db=latest_database, check=0)
        done[" ".join(words[:2])] = json.loads(shown.stdout)
        assert done[" ".join(words[:2])]["command"] == words[0]
    latest_database.execute(f'drop role "{person}"')
    assert (done["pause --for"]["paused"], done["guard off"]["off"], done["guard on"]["off"]) == (True, True, False)
    assert done["doctor " + person]["roles"] == ["chatops_reader", "chatops_operator", person]


# ---- all of them at once ---------------------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["verify", "diagnose", "summary", "queue", "stuck", "operators"])
def test_every_format_of_a_command_can_be_written_beside_the_screen(
    name: str, deployed: Database, chatops_inprocess: Run, tmp_path: Path
) -> None:
    formats = Output(Given(formats=getattr(import_module(f"chatops.cli.{name}"), name).formats)).format_names()
    writes = [part for format_ in formats for part in ("--write", f"{format_}={format_}.out")]
    chatops_inprocess(name, *writes, db=deployed)
    written = {format_: (tmp_path / f"{format_}.out").read_text() for format_ in formats}
    assert {format_ for format_, text in written.items() if not text} <= {"github", "jsonl"}
    whole = json.loads(written["json"])
    names = [key for key in whole if key not in ("passed", "not_judged")]
    table = next(whole[key] for key in names if isinstance(whole[key], list) and all(isinstance(row, dict) for row in whole[key]))
    assert len([json.loads(line) for line in written["jsonl"].splitlines()]) == len(table)


# ---- ages -------------------------------------------------------------------------------------------------------------

AGES = {"waits", "oldest", "since", "ago", "held", "last seen", "last message", "first reply", "last reply", "applied", "made"}
INSTANTS = re.compile(r"(^|_)(at|since)$|_(activity|reply|seen)$|^last_in$")


def columns_in(module: ast.Module) -> Iterator[tuple[str, str, str, str]]:
    """Name, heading, kind and audience of each column that a module lays out."""
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Column":
            given = [one.value for one in call.args if isinstance(one, ast.Constant)]
            more = {one.arg: one.value.value for one in call.keywords if isinstance(one.value, ast.Constant)}
            if len(given) > 1:
                kind = str(given[2]) if len(given) > 2 else str(more.get("kind", "text"))
                yield str(given[0]), str(given[1]), kind, str(more.get("audience", "all"))


def test_columns_of_ages_hold_instants_that_are_named_so() -> None:
    files = [*(ROOT / "chatops" / "screens").glob("*.py"), *(ROOT / "chatops" / "flows").glob("*.py")]
    found = [(file.stem, *column) for file in files for column in columns_in(ast.parse(file.read_text()))]
    assert len(found) > 100
    machines = {(file, name) for file, name, _, kind, audience in found if kind == "instant"}
    for file, name, heading, kind, audience in found:
        if kind == "age":
            assert INSTANTS.search(name), (file, name)
        if heading in AGES and audience != "machines":
            assert kind in ("age", "duration") or (file, name) == ("finding", "since"), (file, name, kind)
    assert machines


def tables_of(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Headings and rows of each table of plain text."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if at and re.fullmatch(r"-+(  -+)+", line):
            spans = [match.span() for match in re.finditer("-+", line)]
            cells = [[one[start : end if end < len(line) else None].strip() for start, end in spans]
                     for one in itertools.takewhile(lambda one: one.strip() and not re.match(r"and \d+ more", one), lines[at + 1 :])]  # fmt: skip
            yield [lines[at - 1][start : end if end < len(line) else None].strip() for start, end in spans], cells


def test_a_pipe_shows_how_long_ago_and_utc_the_instants(mended: Database, chatops_inprocess: Run) -> None:
    plant(mended, "CHAT003")
    chatops_inprocess("pause", "--for", "1m", "--yes", "--reason", "x", db=mended, check=0)
    seen: set[str] = set()
    for words in (["summary"], ["queue"], ["stuck"], ["operators"], ["chats"], ["log"], ["status"], ["operators", "--figures"]):
        for more, fits in (
            ([], r"(-?\d[\d.]* \w+)( \d\d \w)?|"),
            (["--utc"], r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( UTC|Z)?|\d{4}.*Z|"),
        ):
            told = list(tables_of(chatops_inprocess(*words, *more, db=mended, check=0).stdout))
            for headings, rows in told:
                for at, heading in enumerate(headings):
                    if heading in AGES:
                        seen.add(heading)
                        assert all(re.fullmatch(fits, row[at]) for row in rows), (words, more, heading, rows[0])
    assert len(seen) >= 7, seen
    for words, name in ((["summary"], "oldest_since"), (["queue"], "waiting_since"), (["stuck"], "since"), (["log"], "at")):
        rows = list(csv.DictReader(io.StringIO(chatops_inprocess(*words, "-o", "csv", db=mended, check=0).stdout)))
        assert rows or words == ["stuck"]
        assert all(datetime.fromisoformat(row[name]).tzinfo is not None for row in rows if row[name])


# ---- when there is little to say -----------------------------------------------------------------------------------------

OFFLINE = ("explain", "config", "lint", "snooze")


@pytest.mark.parametrize("name", [name for name in WORDS if name not in OFFLINE])
def test_every_format_tells_of_a_database_that_is_not_reached(name: str, chatops_inprocess: Run, tmp_path: Path) -> None:
    dead = f"postgresql://u@127.0.0.1:{free_port()}/d"
    formats = getattr(import_module(f"chatops.cli.{name}"), name).formats
    telling = [one for one in Output(Given(formats=formats)).format_names() if one in FORMATS and tells_of_failures(one)]
    words = [{CHAT: "c4c4", OPERATOR: "0b0b"}.get(word, word) for word in WORDS[name]]
    if name == "deploy":
        words = [*words, "--skip-code"]
    done = chatops_inprocess(
        name, *words, *(part for one in telling for part in ("--write", f"{one}={one}.out")), db=dead, check=3
    )
    assert "connection refused" in done.stderr
    for one in telling:
        text = (tmp_path / f"{one}.out").read_text()
        read_back(one, text)
        assert "connection refused" in text or one == "prometheus", (one, text)


def tells_of_failures(name: str) -> bool:
    """Whether a format has words for a run that failed."""
    return format_named(name).failure is not None


def test_a_look_that_is_not_due_is_a_document_all_the_same(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    plant(deployed, "CHAT003")
    chatops_inprocess("monitor", "--once", "--plan", "1h*2", "--state", "state.json", db=deployed)
    formats = Output(Given(formats=import_module("chatops.cli.monitor").monitor.formats)).format_names()
    for one in formats:
        done = chatops_inprocess("monitor", "--once", "--plan", "1h*2", "--state", "state.json", "-o", one, db=deployed)
        if one in FORMATS and (
            done.stdout or (not format_named(one).for_people and one not in ("jsonl", "csv", "tsv", "github"))
        ):
            read_back(one, done.stdout)


def test_a_plugin_never_finds_nothing_beside_findings(deployed: Database, chatops_inprocess: Run) -> None:
    for code in ("CHAT014", "CHAT003"):
        plant(deployed, code)
        for words in (
            ["diagnose"],
            ["verify"],
            ["monitor", "--once", "--plan", "1h"],
            ["diagnose", "--fail-on", "critical"],
            ["diagnose", "--only", code],
        ):
            text = chatops_inprocess(*words, "-o", "nagios", db=deployed).stdout
            assert PLUGIN.fullmatch(text), text
            if "'findings_" in text and re.search(r"'findings_\w+'=[1-9]", text):
                assert "nothing found" not in text, (words, text)


def test_annotations_keep_to_githubs_rules(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    """One line each; of a value , and : are written as %2C and %3A, and every line end as %0A; a path is one of the checkout."""
    (tmp_path / "odd, name: 1.sql").write_text("x")
    (tmp_path / "001_odd, name: 1.sql").write_text("create index i on chats (id);\ndrop table chats;")
    plant(deployed, "CHAT003")
    text = chatops_inprocess("lint", "--dir", str(tmp_path), "-o", "github", db=deployed).stdout
    text += chatops_inprocess("diagnose", "-o", "github", db=deployed).stdout
    assert text
    for line in text.splitlines():
        found = re.fullmatch(r"::(error|warning|notice)(?: ([a-zA-Z]+=[^,:\r\n]*(?:,[a-zA-Z]+=[^,:\r\n]*)*))?::(.+)", line)
        assert found, line
        for pair in (found[2] or "").split(","):
            key, _, value = pair.partition("=")
            assert key in ("file", "line", "endLine", "col", "endColumn", "title", ""), line
            assert not re.search(r"%(?!0A|0D|25|2C|3A)", value), line


def test_reports_keep_to_gitlabs_rules(deployed: Database, chatops_inprocess: Run) -> None:
    """A test is known by its class and name together; a failure shows its text; a time is seconds."""
    plant(deployed, "CHAT003")
    root = ElementTree.fromstring(chatops_inprocess("verify", "-o", "junit", db=deployed).stdout)
    cases = list(root.iter("testcase"))
    names = [(case.attrib["classname"], case.attrib["name"]) for case in cases]
    assert len(names) == len(set(names)) > 20
    assert all(float(case.attrib["time"]) >= 0 for case in cases)
    failures = [one for case in cases for one in case if one.tag in ("failure", "error")]
    assert failures
    assert all((one.text or "").strip() for one in failures)

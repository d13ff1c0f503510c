"""What a page of many tenants says to type next, pasted into a shell literally, is about the tenant that it names."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import LONG, Result
from tests.servers import Database
from tests.test_tenants import EVERY, somebody_waits

NAMES = (
    ("Tenant One", "a.b", "select", 'it\'s $HOME `x`; \\ "q"') if LONG else ("Tenant.One", "select", 'it\'s $HOME `x`; \\ "q"')
)
_COMMAND = re.compile(r"chatops (?:--db|--env|--schema) .*")
_STAND_IN = r"""chatops() { printf '%s\0' "$@"; }"""


def words_of(line: str) -> list[str]:
    """The arguments that a shell gives the command of a line."""
    ran = subprocess.run(["sh", "-c", f"{_STAND_IN}\n{line}"], capture_output=True, text=True, check=True)
    assert ran.stderr == "", line
    return ran.stdout.split("\0")[:-1]


@pytest.mark.sampled(0)
@pytest.mark.long
def test_each_printed_command_is_about_the_tenant_that_it_names(
    new_database: Callable[..., Database], chatops_inprocess: Callable[..., Result], tmp_path: Path
) -> None:
    database = new_database()
    quoted = ['"' + name.replace('"', '""') + '"' for name in NAMES]
    database.execute("; ".join(f"create schema {name}" for name in quoted))
    chatops_inprocess("migrate", "--all-schemas", "*", "--yes", db=database, check=0)
    for at, name in enumerate(quoted, 1):
        for hours in range(2, 2 + at):
            somebody_waits(database, name[1:-1], f"{hours} hours")
        database.execute(f"alter table {name}.chats disable trigger user")
    database.execute("delete from chatops.migrations where name like '027%'")
    pasted: dict[tuple[str, ...], str] = {}
    for at, (command, more) in enumerate(EVERY.items()):
        file = tmp_path / f"{command}.json"
        page = chatops_inprocess(command, *more, "--all-schemas", "*", "--write", f"json={file}", db=database)
        rows = json.loads(file.read_text())["tenants"]
        assert sorted(row["schema"] for row in rows if row["schema"]) == sorted(NAMES), command
        named = {row["schema"]: tuple(words_of(row["command"])) for row in rows}
        assert all(words[words.index("--schema") + 1] == schema for schema, words in named.items() if schema)
        pasted[named[NAMES[at % len(NAMES)]]] = NAMES[at % len(NAMES)]
        if command == "summary":
            pasted |= {words: schema for schema, words in named.items()}
        for words in map(words_of, _COMMAND.findall(f"{page.stdout}\n{page.stderr}")):
            if "--schema" in words:
                assert tuple(words) in named.values() or words[words.index("--schema") + 1] in NAMES, words
    for typed, schema in pasted.items():
        told = chatops_inprocess(*typed, "-o", "json", db=database)
        assert told.exit_code in (0, 1), (typed, told.stderr)
        assert f"schema {schema}" in told.stderr, (typed, told.stderr)
        if typed[-1] == "summary":
            assert json.loads(told.stdout)["waiting"] == NAMES.index(schema) + 1

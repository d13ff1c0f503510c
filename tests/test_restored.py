"""What a restore leaves out is said: `pg_dump -n public` brings the guards and functions back, and not what they write into."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import Result
from tests.servers import Database, run

Run = Callable[..., Result]


def test_a_restore_without_schema_chatops_fails_every_assign_and_verify_says_so(
    latest_database_everywhere: Database, new_database: Callable[..., Database], chatops_inprocess: Run
) -> None:
    source = latest_database_everywhere
    source.execute("insert into operators (name, is_active, is_available) values ('Ann', true, true)")
    dump = run([source.server.bin / "pg_dump", "--schema=public", "--clean", "--if-exists", source.url], timeout=60)
    assert dump.returncode == 0, dump.stderr
    text = "\n".join(line for line in dump.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
    restored = new_database(on=source.server)
    restored.psql(text, stop_on_error=False)
    assert restored.value("select count(*) from operators") == 1
    with pytest.raises(psycopg.Error):
        restored.execute("select assign_chat_to_operator(id) from operators")
    found = chatops_inprocess("verify", "schema", "-o", "plain", db=restored, check=1).stdout
    assert "DB003" in found
    assert "chatops" in found
    report = json.loads(
        chatops_inprocess("diagnose", "--only", "DB003", "--rows", "50", "-o", "json", db=restored, check=1).stdout
    )
    finding = next(one for one in report["findings"] if one["code"] == "DB003")
    assert ("file", "bookkeeping") in {(row["kind"], row["object"]) for row in finding["rows"]}
    for _ in range(6):
        report = json.loads(chatops_inprocess("diagnose", "--only", "DB003", "-o", "json", db=restored).stdout)
        if not report["findings"]:
            break
        finding = report["findings"][0]
        if finding["help_command"]:
            chatops_inprocess(*shlex.split(finding["help_command"])[1:], "--yes", db=restored, check=0)
        else:
            restored.execute(finding["help_sql"])
    assert report["findings"] == [], "what the helps say, to the letter, ends clean"
    restored.execute("select assign_chat_to_operator(id) from operators")

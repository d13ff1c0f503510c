"""Databases in other encodings: what is sent is ASCII, or made fit; what the database cannot hold is refused by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops import sqlfiles
from tests.conftest import CORE, ROOT, Farm, Result
from tests.desk import Desk
from tests.servers import Database
from tests.wire import proxy

Run = Callable[..., Result]
THAI = "ส่งต่อให้เพื่อน"


def test_every_statement_of_ours_is_ascii() -> None:
    odd = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted(sqlfiles.root().rglob("*"))
        if path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if not line.isascii()
    ]
    assert odd == []


@pytest.mark.sampled(1)
@pytest.mark.parametrize("encoding", [pytest.param("LATIN1", marks=pytest.mark.full), "EUC_JP", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_taken_over_migrated_looked_at_and_acted_on(
    farm: Farm, chatops_inprocess: Run, tmp_path: Path, encoding: str
) -> None:
    server = farm.server("15")
    name = f"test_{encoding.lower()}_{tmp_path.name}_{id(tmp_path)}".replace("-", "_")
    with server.connect("postgres") as admin:
        admin.execute(f"create database \"{name}\" template template0 encoding '{encoding}' locale 'C'")
    database = Database(server, name)

    def read(query: str) -> str:
        found = database.value(query)
        return found.decode() if isinstance(found, bytes) else str(found)

    try:
        for file in CORE:
            database.script(ROOT / "sql" / "migrations" / f"{file}.sql")
        desk = Desk(database)
        operator = desk.operator("Ann")
        desk.operator("Bob")
        held = desk.held_chat(operator)
        desk.waiting_chat()
        with proxy(database) as wire:
            for words in (("adopt", "--through", "017", "--yes"), ("migrate", "--to", "latest", "--yes"), ("status",),
                          ("verify", "schema"), ("queue",), ("operators",), ("show", "chat", held), ("log",)):  # fmt: skip
                done = chatops_inprocess(*words, db=wire.url)
                assert done.exit_code == 0, [
                    words,
                    done.stderr,
                    *[line for line in done.stdout.splitlines() if not line.startswith("✓ passed")],
                ]
            assert chatops_inprocess("diagnose", db=wire.url).exit_code in (0, 1)
            release = ("release", held, "--force", "--yes")
            refused = chatops_inprocess(*release, "--reason", THAI, db=wire.url)
            if encoding == "SQL_ASCII":
                assert refused.exit_code == 0, refused.stderr
                assert read("select reason from chatops.actions order by id desc limit 1") == THAI
            else:
                assert refused.exit_code == 2
                assert "the reason cannot be kept: the database's encoding has no “ส”; nothing was changed" in refused.stderr
                assert database.value("select count(*) from chatops.actions where action = 'release' and outcome = 'done'") == 0
                chatops_inprocess(*release, "--reason", "off for today", db=wire.url, check=0)
            # What nobody chose for the database is kept so that it can be read.
            chatops_inprocess("undo", database.value("select max(id) from chatops.actions where outcome = 'done'"), "--reason", "back",
                              "--yes", db=wire.url, env={"GITHUB_ACTOR": THAI, "GITHUB_RUN_ID": "7"}, check=0)  # fmt: skip
            kept = read("select ci_run from chatops.actions order by id desc limit 1")
            assert kept.endswith(f"by {THAI}") if encoding == "SQL_ASCII" else kept.endswith(r"\u0e2d\u0e19")
            assert chatops_inprocess("show", "chat", THAI, db=wire.url).exit_code == 2  # nobody has that name
            assert chatops_inprocess("repair", "--dry-run", db=wire.url).exit_code in (0, 1)
            sent = [text for text in wire.statements if not text.isascii() and THAI not in text]
        assert [re.sub(r"\s+", " ", text)[:200] for text in sent if encoding != "SQL_ASCII"] == []
    finally:
        database.drop()

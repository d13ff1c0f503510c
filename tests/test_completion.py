"""Completion of ids: from a cache of a minute, private, without names; silent when the database is slow or gone."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.flows import complete_ids
from chatops.flows.given import Given
from tests.ailing import deployed
from tests.conftest import Result
from tests.locks import wait_for
from tests.servers import Database

__all__ = ["deployed"]

Run = Callable[..., Result]


def complete(run: Run, words: str, db: Database | str | None) -> list[str]:
    """What bash is offered at the end of these words."""
    variables = {"_CHATOPS_COMPLETE": "complete_bash", "COMP_WORDS": f"chatops {words}", "COMP_CWORD": str(len(words.split(" ")))}
    answer = run(db=db, env=variables)
    assert answer.stderr == ""
    return answer.stdout.split()


def cached(home: Path) -> list[Path]:
    return sorted((home / "cache" / "chatops").glob("completion-*.json"))


def test_ids_are_offered_from_a_private_cache_that_names_nobody(deployed: Database, chatops: Run, home: Path) -> None:
    deployed.execute("update operators set name = 'Unmistakable ' || id, email = 'unmistakable@' || id")
    chats = {str(row[0]) for row in deployed.execute("select id from chats")}
    # The first look may take longer than anybody waits for; it fills the cache all the same.
    complete(chatops, "show chat ", deployed)
    wait_for(lambda: len(cached(home)) == 1, "the cache is filled")
    offered = complete(chatops, "show chat ", deployed)
    assert len(offered) == 200
    assert set(offered) <= chats
    assert complete(chatops, f"reassign {offered[7][:9]}", deployed) == [one for one in offered if one.startswith(offered[7][:9])]
    complete(chatops, "drain ", deployed)
    wait_for(lambda: len(cached(home)) == 2, "the cache of operators is filled")
    operators = {str(row[0]) for row in deployed.execute("select id from operators")}
    assert set(complete(chatops, "show operator ", deployed)) == operators
    for path in cached(home):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.name + path.read_text()
        assert "nmistakable" not in text
        assert not any(word in text for word in (deployed.name, deployed.url, "postgres"))


def test_what_is_older_than_a_minute_is_asked_anew(deployed: Database, chatops: Run, home: Path) -> None:
    complete(chatops, "diagnose ", deployed)
    wait_for(lambda: len(cached(home)) == 1, "the cache is filled")
    kept = cached(home)[0]
    before = complete(chatops, "diagnose ", deployed)
    deployed.execute("update chats set last_message_at = now() where id = (select id from chats where not is_active limit 1)")
    assert complete(chatops, "diagnose ", deployed) == before
    os.utime(kept, (time.time() - 61,) * 2)
    complete(chatops, "diagnose ", deployed)
    wait_for(lambda: time.time() - kept.stat().st_mtime < 50, "the cache is filled anew")
    assert complete(chatops, "diagnose ", deployed) != before


def test_a_database_that_is_slow_or_gone_or_unnamed_is_met_with_silence(deployed: Database, chatops: Run, home: Path) -> None:
    holder = deployed.connect()
    holder.execute("begin; lock table chats in access exclusive mode")
    assert complete(chatops, "show chat ", deployed) == []
    holder.execute("rollback")
    assert complete(chatops, "show chat ", "postgresql://nobody@127.0.0.1:1/none") == []
    assert complete(chatops, "show chat ", "not a url") == []
    assert complete(chatops, "--db demo show chat ", deployed) == []
    assert not (home / "data").exists()


def test_values_are_offered_where_they_are_known(chatops: Run, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "chatops.toml").write_text('[env.production]\nurl = "postgresql://a@b.example/c"\n[env.staging]\nurl = "demo"\n')

    def offered(words: str) -> list[str]:
        return complete(chatops_inprocess, words, None)

    assert complete(chatops, "explain ", None) == offered("explain ")
    assert {"CHAT001", "QUEUE010"} <= set(offered("explain "))
    assert offered("diagnose --only CHAT001,CHAT00") == [f"CHAT001,CHAT00{number}" for number in range(1, 10)]
    for command in ("repair ", "snooze ", "release --where ", "verify --skip ", "diagnose --ignore "):
        assert "CHAT003" in offered(command), command
    assert "DB001" not in offered("release --where ") + offered("drain --where ") + offered("repair ")
    assert offered("wait --for ol") == ["oldest<"]
    assert offered("diagnose --fail-on ") == ["critical", "warning", "advice", "never"]
    assert offered("log --outcome mo") == ["moved"]
    assert offered("deploy --from ") == ["preflight", "baseline", "migrate", "verify"]
    assert offered("deploy --skip-code --monitor 1h --from ") == ["preflight", "baseline", "migrate", "code", "verify", "monitor"]
    assert offered("deploy --from ve") == ["verify"]
    assert offered("--db ") == ["local", "demo"]
    assert offered("--env st") == ["staging"]
    assert offered("queue --env ") == ["production", "staging"]
    assert set(offered("queue -o ")) > {"table", "nagios", "csv"}
    assert "csv" not in offered("show -o ")
    assert offered("show op") == ["operator"]
    assert offered("release --where sta") == ["state="]
    assert offered("chats --state waiting,as") == ["waiting,assigned"]
    assert offered("chats --sort w") == ["wait"]


def test_operators_are_offered_by_a_word_of_their_name_which_stays_out_of_every_file(
    deployed: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three, four = (str(row[0]) for row in deployed.execute("select id from operators order by id limit 4"))
    for who, name in ((one, "Zoë-Marie Quill"), (two, "Ada Quillon"), (three, "Zed Quill"), (four, "x'); drop Zap$(reboot)")):
        deployed.execute("update operators set name = %s where id = %s", [name, who])
    monkeypatch.setattr(complete_ids, "NAMES_SECONDS", 60.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    given = Given(db=(deployed.url,))

    def offered(typed: str) -> list[str]:
        return [word for word, _ in complete_ids.offers(given, "operators", typed)]

    assert offered("zo") == ["zoë-Marie", "zoë-Marie Quill"]
    # Quill is part of three names: what it is offered for must mean one.
    assert offered("QUILL") == ["QUILLon"]
    assert offered("za") == []
    assert offered("nobody-is-called-so") == []
    wait_for(lambda: len(cached(home)) == 1, "the cache of operators is filled")
    assert "uill" not in cached(home)[0].read_text()
    assert one in offered(one[:6])

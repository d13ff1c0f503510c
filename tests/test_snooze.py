"""snooze: a finding is silent until a day, says so, and comes back by itself."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from chatops.settings import Snooze
from chatops.settings.snooze_file import change_snooze
from tests.conftest import Result
from tests.servers import Database


def test_a_snoozed_finding_is_not_shown_and_not_counted_and_that_is_said(
    core_database: Database, chatops_inprocess, tmp_path: Path
) -> None:
    core_database.execute("update platform_config set value = '\"3\"' where key = 'max_reassignments'")
    (tmp_path / "chatops.toml").write_text('schema = "public"\n\n[env.x]\nurl = "local"\n')
    assert "CONF001" in chatops_inprocess("diagnose", db=core_database, check=1).stdout
    chatops_inprocess("snooze", "conf001", "--until", "2999-01-01", "--reason", 'say "why" \\ \n[env.y]', check=0)
    data = tomllib.loads((tmp_path / "chatops.toml").read_text())
    assert data["env"] == {"x": {"url": "local"}}
    assert data["snooze"]["CONF001"]["reason"].startswith('say "why" \\')
    silent = chatops_inprocess("diagnose", db=core_database, check=0).stdout
    assert "CONF001 (snoozed until 2999-01-01)" in silent.replace("\n", " ")
    assert "max_reassignments" not in silent
    assert "CONF001" in chatops_inprocess("diagnose", "--only", "CONF001", db=core_database, check=1).stdout
    chatops_inprocess("verify", "--only", "CONF001", db=core_database, check=1)
    assert "2999-01-01" in chatops_inprocess("snooze", check=0).stdout
    chatops_inprocess("snooze", "CONF001", "--off", check=0)
    assert "snooze" not in tomllib.loads((tmp_path / "chatops.toml").read_text())
    chatops_inprocess("diagnose", db=core_database, check=1)


def test_a_snooze_ends_by_itself_and_is_told(core_database: Database, chatops_inprocess, tmp_path: Path) -> None:
    core_database.execute("update platform_config set value = '\"3\"' where key = 'max_reassignments'")
    (tmp_path / "chatops.toml").write_text(
        '[snooze.CONF001]\nuntil = 2020-01-01\nreason = "x"\n[snooze.NOPE1]\nuntil = 2999-01-01\n'
    )
    result = chatops_inprocess("diagnose", db=core_database, check=1)
    assert "ended on 2020-01-01" in result.stderr
    assert "NOPE1" in result.stderr


def test_no_such_code_no_date_a_past_day_and_no_reason_write_nothing(chatops_inprocess, tmp_path: Path) -> None:
    for arguments in (
        ["NOPE", "--until", "2999-01-01", "--reason", "x"],
        ["CHAT001", "--reason", "x"],
        ["CHAT001", "--until", "2020-01-01", "--reason", "x"],
        ["CHAT001", "--until", "soon", "--reason", "x"],
        ["CHAT001", "--until", "2999-01-01"],
        ["CHAT001,OPER003", "--until", "2999-01-01", "--reason", "x"],
        ["CHAT001, OPER003", "--store", "--until", "2999-01-01", "--reason", "x"],
    ):
        chatops_inprocess("snooze", *arguments, check=2)
    assert not (tmp_path / "chatops.toml").exists()


def test_comments_and_layout_stay_and_nothing_to_change_is_said(chatops_inprocess, tmp_path: Path) -> None:
    path = tmp_path / "chatops.toml"
    text = '# ours\nschema = "public"   # the tenant\n\n[env.x] # dev\nurl = "local"\n\n[snooze.CHAT001]\n# why\nuntil = 2999-01-01\n'
    path.write_text(text)
    path.chmod(0o640)
    day = ("--until", "2999-01-01", "--reason", "x")
    chatops_inprocess("snooze", "CHAT002", *day, check=0)
    assert path.read_text().startswith(text)
    assert path.stat().st_mode & 0o777 == 0o640
    assert "nothing was changed" in chatops_inprocess("snooze", "CHAT002", *day, check=0).stdout
    chatops_inprocess("snooze", "CHAT002", "--off", check=0)
    assert path.read_text().strip() == text.strip()
    assert "was not snoozed" in chatops_inprocess("snooze", "CHAT002", "--off", check=0).stdout
    path.write_text(text + "[nonsense]\n")
    assert "does not know [nonsense]" in chatops_inprocess("snooze", "CHAT002", *day, check=2).stderr
    assert path.read_text() == text + "[nonsense]\n"


def test_snoozes_of_one_moment_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "chatops.toml"
    codes = [f"CHAT{number:03}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda code: change_snooze(path, code, Snooze(code, date(2999, 1, 1), "x")), codes))
    assert sorted(tomllib.loads(path.read_text())["snooze"]) == codes
    assert [other.name for other in tmp_path.iterdir()] == ["chatops.toml"]


def test_a_stored_snooze_is_seen_by_everybody_and_logged(
    latest_database: Database, core_database: Database, chatops_inprocess: Callable[..., Result]
) -> None:
    database = latest_database
    database.execute(
        """insert into platform_config (key, value) values ('max_reassignments', '"3"')
           on conflict (key) do update set value = excluded.value"""
    )
    words = ("snooze", "conf001", "--store", "--until", "2099-01-15", "--reason", "known")
    core_database.execute("drop schema if exists chatops cascade")
    assert "no schema chatops" in chatops_inprocess(*words, db=core_database, check=4).stderr
    assert "CONF001" in chatops_inprocess("diagnose", db=database).stdout
    done = chatops_inprocess(*words, db=database, check=0).stdout
    assert "CONF001 is silent until 2099-01-15 for everybody, action 1. Undo: chatops" in done
    for terminal in (None, (80, 24)):
        shown = " ".join(chatops_inprocess("diagnose", db=database, terminal=terminal).stdout.split())
        assert "CONF001 (snoozed until 2099-01-15 by " in shown
        assert "max_reassignments" not in shown
    assert "max_reassignments" in chatops_inprocess("diagnose", "--only", "CONF001", db=database).stdout
    assert "known" in chatops_inprocess("snooze", "--store", db=database, check=0).stdout
    chatops_inprocess(*done.split("Undo: chatops ")[1].split(), db=database, check=0)
    assert "max_reassignments" in chatops_inprocess("diagnose", db=database).stdout
    assert database.execute("select action, code, reason from chatops.actions order by id") == [
        ("snooze", "CONF001", "known"), ("snooze off", "CONF001", None)
    ]  # fmt: skip
    assert "was not snoozed" in chatops_inprocess("snooze", "CONF001", "--store", "--off", db=database, check=0).stdout
    database.execute(
        """insert into chatops.settings (target_schema, key, value, until, reason, set_by)
           values ('public', 'snooze CONF001', '"silent"', now() - interval '1 s', 'over', 'ada')"""
    )
    assert "max_reassignments" in chatops_inprocess("diagnose", db=database).stdout

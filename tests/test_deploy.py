"""`deploy`: the guide's steps as one command; broken at each step it says what is in place, and --from finishes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from chatops import sqlfiles
from chatops.deploys.command_text import command_mark, command_shown
from chatops.deploys.receipt import Receipt, Step


def receipt(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "deploy.json").read_text())
    return found


def results(folder: Path) -> dict[str, str]:
    return {step["name"]: step["result"] for step in receipt(folder)["steps"]}


def configure(folder: Path, *commands: str) -> None:
    (folder / "chatops.toml").write_text(f"[deploy]\ncommands = {json.dumps(commands)}\n")


DEPLOY = ("deploy", "--to", "latest", "--receipt", "deploy.json", "--yes")


def test_an_empty_database_is_deployed_end_to_end(database: Any, chatops: Callable[..., Any], tmp_path: Path) -> None:
    configure(tmp_path, "echo the code goes out; touch deployed")
    done = chatops(*DEPLOY, db=database, check=0)
    assert results(tmp_path) == dict.fromkeys(("preflight", "baseline", "migrate", "code", "verify"), "done")
    found = receipt(tmp_path)
    assert [file["name"] for file in found["files"]][-1] == sqlfiles.names("migrations")[-1]
    assert all(len(file["sha256"]) == 64 for file in found["files"])
    assert found["before"] != found["after"]
    assert "the code goes out" in done.stderr
    assert "the code goes out" not in done.stdout
    assert (tmp_path / "deployed").exists()
    assert "chatops monitor --plan '15m*4,1h*23'" in done.stdout

    again = chatops("verify", "--against", "deploy.json", db=database, check=0)
    assert "no drift" in again.stdout
    database.execute("drop index idx_chats_last_operator")
    drift = chatops("verify", "--against", "deploy.json", db=database, check=1)
    assert (
        "index chats.idx_chats_last_operator: gone since" in drift.stdout or "idx_chats_last_operator: gone since" in drift.stdout
    )


def test_a_dry_run_shows_the_steps_and_changes_nothing(
    database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    shown = chatops_inprocess("deploy", "--to", "latest", "--dry-run", "-o", "json", db=database, check=0)
    assert [row["step"] for row in json.loads(shown.stdout)["steps"]] == ["preflight", "baseline", "migrate", "code", "verify"]
    assert database.value("select to_regclass('chats')") is None
    assert not (tmp_path / "deploy.json").exists()


def test_a_deploy_to_a_number_says_in_one_line_what_lies_beyond(database: Any, chatops_inprocess: Callable[..., Any]) -> None:
    shown = chatops_inprocess("deploy", "--to", "017", "--skip-code", "--dry-run", db=database, check=0).stdout
    assert re.search(r"^Not applied, as --to 017 asks: 018 to \d+ \(\d+ files\)\.$", shown, re.MULTILINE)
    done = chatops_inprocess("deploy", "--to", "017", "--skip-code", "--yes", db=database, check=0)
    assert done.stderr.count("Not applied, as --to 017 asks:") == 1


def test_without_a_code_step_it_says_how_to_name_one(database: Any, chatops_inprocess: Callable[..., Any]) -> None:
    refused = chatops_inprocess(*DEPLOY, db=database, check=2)
    assert "--skip-code" in refused.stderr
    assert database.value("select to_regclass('chats')") is None


def test_a_preflight_that_fails_changes_nothing(
    core_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    with core_database.role("elsewhere_reader") as role:
        core_database.script(f"grant usage on schema public, chatops to {role};")
        url = core_database.url.replace("//postgres", f"//{role}", 1)
        stopped = chatops_inprocess(*DEPLOY, "--skip-code", db=url)
        assert stopped.exit_code in (2, 4), stopped.stderr
        assert core_database.value("select count(*) from chatops.migrations") == 0


def test_a_code_step_that_fails_leaves_the_files_in_and_from_finishes_it(
    database: Any, chatops: Callable[..., Any], tmp_path: Path
) -> None:
    configure(tmp_path, "test -e ready", "touch second")
    stopped = chatops(*DEPLOY, db=database, check=4)
    assert "the deploy stopped at code" in stopped.stderr
    assert "the migration files are in and stay in" in stopped.stderr
    assert "not reached: verify\n" in stopped.stderr
    assert "--from code" in stopped.stderr
    assert not (tmp_path / "second").exists()
    assert results(tmp_path)["code"] == "failed"
    (tmp_path / "ready").touch()
    chatops(*DEPLOY, "--from", "code", db=database, check=0)
    assert set(results(tmp_path).values()) == {"done"}
    assert len(receipt(tmp_path)["files"]) == len(sqlfiles.names("migrations"))


def test_a_migration_that_fails_is_rolled_back_and_from_finishes_it(
    database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "001_good.sql").write_text("create table good (id int);\n")
    (tmp_path / "own" / "002_bad.sql").write_text("create table bad (id integr);\n")
    flags = ("deploy", "--dir", "own", "--to", "latest", "--receipt", "deploy.json", "--skip-code", "--yes")
    stopped = chatops_inprocess(*flags, db=database, check=4)
    assert "the deploy stopped at migrate" in stopped.stderr
    assert "--from migrate" in stopped.stderr
    assert results(tmp_path) == {"preflight": "done", "baseline": "done", "migrate": "failed"}
    assert [file["name"] for file in receipt(tmp_path)["files"]] == ["001_good"]


def test_a_verify_that_finds_something_ends_in_1_and_from_finishes_it(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    definition = latest_database.value("select pg_get_indexdef('idx_chats_last_operator'::regclass)")
    latest_database.execute("drop index idx_chats_last_operator")
    stopped = chatops_inprocess(*DEPLOY, "--skip-code", db=latest_database, check=1)
    assert "the deploy stopped at verify" in stopped.stderr
    assert "--from verify" in stopped.stderr
    latest_database.execute(definition)
    chatops_inprocess(*DEPLOY, "--skip-code", "--from", "verify", db=latest_database, check=0)
    assert results(tmp_path)["verify"] == "done"


def test_what_verify_found_is_told_with_its_numbers(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    latest_database.execute("drop index idx_chats_last_operator")
    stopped = chatops_inprocess(*DEPLOY, "--skip-code", db=latest_database, check=1)
    assert "DB003: index idx_chats_last_operator" in stopped.stderr
    assert "{" not in stopped.stderr


def test_going_on_behind_migrate_wants_its_files_in_and_its_receipt(
    core_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    flags = ("deploy", "--skip-code", "--no-scenarios", "--yes")
    refused = chatops_inprocess(*flags, "--from", "code", db=core_database, check=4)
    pending = [name for name in sqlfiles.names("migrations") if name > "018"]
    assert f"{len(pending)} files are pending, and --from code is behind migrate" in refused.stderr
    assert "--from migrate" in refused.stderr
    gone = chatops_inprocess(*flags, "--to", "017", "--from", "verify", "--receipt", "gone.json", db=core_database, check=2)
    assert "there is no receipt gone.json" in gone.stderr
    told = chatops_inprocess(*flags, "--to", "017", "--from", "verify", db=core_database, check=0)
    assert "how it was before is not known" in told.stderr
    assert "add --monitor PLAN" in chatops_inprocess(*flags, "--from", "monitor", db=core_database, check=2).stderr


def test_passwords_in_commands_of_the_code_step_are_neither_shown_nor_kept(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    configure(tmp_path, "true postgres://u:hunter2@db/x; exit 7")
    plan = chatops_inprocess("deploy", "--dry-run", db=latest_database, check=0)
    stopped = chatops_inprocess(*DEPLOY, db=latest_database, check=4)
    assert "postgres://u:********@db/x" in stopped.stderr
    assert "hunter2" not in plan.stdout + stopped.stderr + (tmp_path / "deploy.json").read_text()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1, "kind": "monitor"}', '{"format": 1, "kind": "deploy"}'])
def test_what_is_no_receipt_is_refused(database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path, text: str) -> None:
    (tmp_path / "deploy.json").write_text(text)
    assert "receipt" in chatops_inprocess("verify", "--against", "deploy.json", db=database, check=2).stderr


def test_the_watch_is_a_step_where_a_plan_is_given(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    chatops_inprocess(*DEPLOY, "--skip-code", "--no-scenarios", "--monitor", "5ms*2", db=latest_database, check=0)
    assert results(tmp_path)["monitor"] == "done"


# ---- broken at every step in turn ------------------------------------------------------------------------------------
# The code step and verify have tests of their own above.


def stopped_and_finished(
    run: Callable[..., Any], step: str, code: int, mend: Callable[[], object], flags: tuple[str, ...], tmp_path: Path, **more: Any
) -> None:
    """The deploy stops at a step, says what is in place, and --from finishes it once the trouble is gone."""
    stopped = run(*flags, **more)
    assert f"the deploy stopped at {step}" in stopped.stderr, stopped.stderr
    assert stopped.exit_code == code, stopped.stderr
    assert f"--from {step}" in stopped.stderr
    assert "in place:" in stopped.stderr
    assert results(tmp_path)[step] == "failed"
    before = [name for name, result in results(tmp_path).items() if result == "done"]
    mend()
    run(*flags, "--from", step, check=0, **more)
    assert set(results(tmp_path).values()) <= {"done", "skipped"}
    assert set(before) < set(results(tmp_path))


def test_broken_at_preflight(core_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    chatops_inprocess("adopt", "--through", "017", "--yes", db=core_database, check=0)
    role = f"deployer_{core_database.name}"
    core_database.script(
        f"create role {role} login; grant usage on schema public, chatops to {role}; "
        f"grant select on all tables in schema public, chatops to {role}"
    )
    try:
        url = core_database.url.replace("//postgres", f"//{role}", 1)
        mend = lambda: core_database.execute(f"alter role {role} superuser")  # noqa: E731
        stopped_and_finished(chatops_inprocess, "preflight", 4, mend, (*DEPLOY, "--skip-code"), tmp_path, db=url)
    finally:
        core_database.execute(f"reassign owned by {role} to postgres")
        core_database.execute(f"drop owned by {role}")
        core_database.execute(f"drop role {role}")


@pytest.mark.own_sessions
def test_broken_at_baseline(
    latest_database: Any, new_database: Callable[..., Any], chatops_inprocess: Callable[..., Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from chatops.flows.deploy import Deploy

    elsewhere = new_database()
    whole = Deploy.preflight

    def closed_afterwards(self: Deploy) -> str:
        told = whole(self)
        elsewhere.execute(f"alter database {latest_database.name} allow_connections false")
        return told

    def mend() -> None:
        elsewhere.execute(f"alter database {latest_database.name} allow_connections true")

    monkeypatch.setattr(Deploy, "preflight", closed_afterwards)
    stopped_and_finished(chatops_inprocess, "baseline", 3, mend, (*DEPLOY, "--skip-code"), tmp_path, db=latest_database)


def test_broken_at_migrate(database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path) -> None:
    database.execute("create function idle_timeout() returns text language sql as 'select null::text'")
    mend = lambda: database.execute("drop function idle_timeout()")  # noqa: E731
    stopped_and_finished(chatops_inprocess, "migrate", 4, mend, (*DEPLOY, "--skip-code"), tmp_path, db=database)
    assert [file["name"] for file in receipt(tmp_path)["files"]][-1] == sqlfiles.names("migrations")[-1]


def test_broken_at_monitor(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatops.flows.monitor import Watching

    def interrupt(self: Watching) -> float:
        raise KeyboardInterrupt

    flags = (*DEPLOY, "--skip-code", "--no-scenarios", "--monitor")
    with monkeypatch.context() as patch:
        patch.setattr(Watching, "until_next", interrupt)
        stopped = chatops_inprocess(*flags, "1h*2", db=latest_database, check=130)
    assert "the deploy stopped at monitor: interrupted" in stopped.stderr
    assert "the database was checked" in stopped.stderr
    chatops_inprocess(*flags, "20ms*2", "--from", "monitor", db=latest_database, check=0)
    assert results(tmp_path)["monitor"] == "done"


# ---- the code step, hooks, the receipt ---------------------------------------------------------------------------------


def test_the_text_of_a_receipt_is_that_of_all_its_fields_whatever_they_say() -> None:
    odd = '\n "objects": {}'
    catalog: dict[str, dict[str, Any]] = {odd: {"objects": {}, "is": [odd, None, ()]}, "empty": {}}
    for objects in ({}, catalog, {**catalog}, {"another": {}}, catalog):
        made = Receipt("1", odd, "d", "s", "t", steps=(Step(odd, "done", odd),), baseline={"objects": {}}, objects=objects)
        assert made.text == json.dumps({"format": 1, "kind": "deploy", **asdict(made)}, indent=1, ensure_ascii=False) + "\n"


def test_the_code_step_goes_on_at_the_command_that_failed(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    configure(tmp_path, "echo 1 >> ran", "echo 2 >> ran; test -e mended", "echo 3 >> ran")
    flags = (*DEPLOY, "--no-scenarios")
    stopped = chatops_inprocess(*flags, db=latest_database, check=4)
    assert "ended with 1" in stopped.stderr
    assert "deployed" not in stopped.stdout
    assert [(one["shown"], one["exit_code"]) for one in receipt(tmp_path)["commands"]] == [
        ("echo 1 >> ran", 0),
        ("echo 2 >> ran; test -e mended", 1),
    ]
    (tmp_path / "mended").touch()
    done = chatops_inprocess(*flags, "--from", "code", db=latest_database, check=0)
    assert "ran already: echo 1 >> ran" in done.stderr
    assert (tmp_path / "ran").read_text().split() == ["1", "2", "2", "3"]
    assert [one["exit_code"] for one in receipt(tmp_path)["commands"]] == [0, 0, 0]
    # A deploy from its beginning runs all of them.
    chatops_inprocess(*flags, db=latest_database, check=0)
    assert (tmp_path / "ran").read_text().split() == ["1", "2", "2", "3", "1", "2", "3"]


def test_a_code_step_that_failed_and_was_stepped_over_is_no_deploy(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    configure(tmp_path, "exit 3")
    flags = (*DEPLOY, "--no-scenarios")
    chatops_inprocess(*flags, db=latest_database, check=4)
    over = chatops_inprocess(*flags, "--from", "verify", db=latest_database, check=1)
    assert "not deployed: code failed" in over.stdout
    assert "--from code" in over.stdout
    assert receipt(tmp_path)["signed"] == {}


def test_hooks_run_before_the_migration_and_after_the_deploy(
    database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "chatops.toml").write_text(
        "[deploy]\nbefore = ['echo back-up > backup; test ! -e refused']\ncommands = ['test -e backup && echo code > code']\n"
        "after = ['test -e code && echo told > told']\n"
    )
    plan = json.loads(chatops_inprocess("deploy", "--dry-run", "-o", "json", db=database, check=0).stdout)
    assert [row["step"] for row in plan["steps"]] == ["preflight", "baseline", "before", "migrate", "code", "verify", "after"]
    (tmp_path / "refused").touch()
    stopped = chatops_inprocess(*DEPLOY, "--no-scenarios", db=database, check=4)
    assert "the deploy stopped at before" in stopped.stderr
    assert database.value("select to_regclass('chats')") is None
    (tmp_path / "refused").unlink()
    chatops_inprocess(*DEPLOY, "--no-scenarios", "--from", "before", db=database, check=0)
    assert (tmp_path / "told").exists()
    assert set(results(tmp_path).values()) == {"done"}


def test_the_receipt_is_signed_and_lies_outside_the_work_tree(
    latest_database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path, home: Path
) -> None:
    done = chatops_inprocess("deploy", "--skip-code", "--no-scenarios", "--yes", db=latest_database, check=0)
    assert "deployed by " in done.stdout
    kept = list((home / "state").rglob("deploy-*.json"))
    assert len(kept) == 1
    assert "role postgres" in json.loads(kept[0].read_text())["signed"]["by"]
    assert list(tmp_path.glob("*.json")) == []


SECRETS = (
    "VERCEL_TOKEN=s3cret true", "true --token s3cret", "true --api-key='s3cret'", "true -H 'Authorization: Bearer s3cret'",
    "true -u ci:s3cret https://a.example", "export DB_PASSWORD=s3cret; true", "true postgresql://u:s3cret@h/d",
    'true --secret="s3cret"', "GITHUB_AUTH_TOKEN='s3cret' true", "true -H 'X-Api-Key: s3cret'",
    "API_TOKEN='a'\"s3cret\" true", "API_TOKEN=a\\ s3cret true", "true --password=\"a \\\" s3cret\"", "true https://u:a@b/s3cret@h/d",
    "true -d '{\"password\": \"s3cret\", \"n\": 1}'", "true -d '{\"api_key\":\"s3cret\"}'", 'true -d "{\\"token\\":\\"s3cret\\"}"',
    "true 'https://a.example/d?token=s3cret&x=1'", "true 'https://a.example/d?x=1&key=s3cret'", "true -H 'Cookie: a=1; session=s3cret'",
    "true -H \"Authorization: token s3cret\"", "true -H 'X-Auth-Token: a s3cret'", "true https://hooks.slack.com/services/T1/B1/s3cret",
    "true https://discord.com/api/webhooks/123/s3cret", "sshpass -p s3cret true", "mysqldump -u root -ps3cret true",
    "docker login -u ci -p s3cret true", "redis-cli -h h -a s3cret true", "openssl true -passin pass:s3cret", "true ghp_s3cretS3cret",
    "true eyJhbGciOiJIUzI1NiJ9.s3cret.x", "true sk_live_s3crets3cret", "true https://0123456789abcdef_s3cret@sentry.example/1",
    "true --userpwd ci:s3cret", "SIGNING_KEY=s3cret true", "true --cookie s3cret", "true --set auth.password=s3cret",
)  # fmt: skip


@pytest.mark.parametrize("line", SECRETS)
def test_secrets_in_commands_are_neither_shown_nor_kept(line: str) -> None:
    shown = command_shown(line)
    assert "s3cret" not in shown
    assert "true" in shown
    assert command_mark(line) == command_mark(line.replace("s3cret", "another"))


@pytest.mark.parametrize(
    "line",
    [
        "git push origin main",
        "vercel deploy --prod",
        "make author=ada",
        "npm run build -- --keep 3",
        "curl https://a.example:8080/@scope/x",
        "mysql -u root -p < dump.sql",
        "docker build -p 80 .",
        "echo basic test",
        "git commit -m 'fix: key order'",
        "psql -f a.sql && echo done",
    ],
)
def test_commands_without_secrets_are_shown_as_they_are(line: str) -> None:
    assert command_shown(line) in (line, line.replace("author=ada", "author=********"))


def test_a_deploy_to_017_ends_well_and_goes_on_later(
    database: Any, chatops_inprocess: Callable[..., Any], tmp_path: Path
) -> None:
    flags = ("deploy", "--to", "017", "--skip-code", "--receipt", "deploy.json", "--yes")
    done = chatops_inprocess(*flags, db=database, check=0)
    assert "9 of 13 scenario steps passed, 4 are not promised before 022" in done.stdout + done.stderr


def test_drift_is_a_line_for_each_object_and_texts_are_shown_on_demand(
    latest_database: Any, chatops_inprocess: Callable[..., Any]
) -> None:
    chatops_inprocess(*DEPLOY, "--skip-code", "--no-scenarios", db=latest_database, check=0)
    latest_database.script(
        "alter table chats disable trigger chatops_guard_chat; create index extra on chats (created_at); "
        "create or replace function idle_timeout() returns interval language sql stable as $$ select interval '9 minutes' $$"
    )
    brief = chatops_inprocess("verify", "--against", "deploy.json", db=latest_database, check=1).stdout
    assert brief.startswith("3 objects changed since the deploy of ")
    assert max(map(len, brief.splitlines())) < 160
    assert "9 minutes" not in brief
    whole = chatops_inprocess("verify", "--against", "deploy.json", "--diff", db=latest_database, check=1).stdout
    assert "+ select interval '9 minutes'" in whole.replace("+select", "+ select")
    assert "give both" in chatops_inprocess("verify", "--diff", db=latest_database, check=2).stderr

"""A captured system: what a diagnosis found is found again in the archive, and nobody's words or names are in it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chatops.checks import archive as archives
from chatops.checks import capture, load
from tests.ailing import deployed, look, mended, opened, plant
from tests.conftest import Result
from tests.servers import Database

__all__ = ["deployed", "mended"]

Run = Callable[..., Result]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PLANTED = ("CHAT001", "CHAT003", "CHAT006", "CHAT010", "CHAT012", "CONF001", "DATA003", "OPER001", "QUEUE001", "DB003")


@pytest.fixture
def run(chatops_inprocess: Run, embedded: None) -> Run:
    """The command, which replays on an embedded server that is there."""
    return chatops_inprocess


def found(answer: Result) -> dict[str, tuple[object, ...]]:
    return {row["code"]: (row["status"], row["severity"], row["count"]) for row in json.loads(answer.stdout)["findings"]}


def test_what_is_found_live_is_found_in_the_archive_and_the_scratch_database_goes(
    deployed: Database, run: Run, tmp_path: Path
) -> None:
    for code in PLANTED:
        plant(deployed, code)
    live = run("diagnose", "--capture", "sick.zip", "-o", "json", db=deployed, check=1)
    assert "look again: chatops diagnose --replay sick.zip" in live.stderr
    assert "left out: names, e-mails, message text and the ids of rows" in live.stderr
    again = run("diagnose", "--replay", "sick.zip", "-o", "json", check=1)
    assert found(again) == found(live)
    assert set(PLANTED) <= found(again).keys()
    # Most of it is found anew in the rows, not only remembered.
    archive = archives.read(tmp_path / "sick.zip")
    anew = {check.code for check in load.shipped() if archives.told_by_rows(check, archive)}
    assert {"CHAT001", "CHAT003", "CHAT010", "CHAT012", "CONF001", "DATA003", "OPER001", "QUEUE001"} <= anew
    # Whether more goes past the triggers of messages stands in no row: CHAT006 is told as it was then.
    assert "CHAT006" not in anew
    then, now = ([row["because"] for one in json.loads(answer.stdout)["findings"] if one["code"] == "CHAT006" for row in one["rows"]]
                 for answer in (live, again))  # fmt: skip
    assert then
    assert now == then
    # One chat and what is stuck can be looked at, too.
    ailing = next(row for row in json.loads(again.stdout)["findings"] if row["code"] == "CHAT003")["rows"][0]["chat_id"]
    shown = run("show", "chat", ailing, "--replay", "sick.zip", check=0).stdout
    assert shown.startswith(ailing)
    assert "CHAT003" in shown
    assert shown.count("user wrote") >= 1
    stuck = [json.loads(run("stuck", "--longer-than", "5m", "-o", "json", **where, check=0).stdout)["stuck"]
             for where in ({"db": deployed},)]  # fmt: skip
    replayed = json.loads(run("stuck", "--longer-than", "5m", "--replay", "sick.zip", "-o", "json", check=0).stdout)["stuck"]
    told = [{name: row[name] for name in row if name in ("stuck_as", "state")} for row in stuck[0]]
    assert [{name: row[name] for name in row if name in ("stuck_as", "state")} for row in replayed] == told
    left = run("diagnose", "--only", "DB010", db="local", check=None)
    assert "replay_" not in left.stdout


def test_why_it_is_so_is_told_of_an_archive_in_the_words_of_then(mended: Database, run: Run) -> None:
    mended.script("""alter table messages disable trigger user;
        insert into messages (chat_id, sender_type, content)
        select id, 'real', 'past' from chats where chat_state = 'waiting_real_user_reply' and is_active order by id limit 1;
        alter table messages enable trigger user""")
    live = run("diagnose", "--only", "CHAT006", "-o", "json", db=mended, check=1)
    assert "they are on now" in live.stdout
    run("diagnose", "--capture", "past.zip", db=mended, check=1)
    again = json.loads(run("diagnose", "--replay", "past.zip", "-o", "json", check=1).stdout)
    (row,) = next(one["rows"] for one in again["findings"] if one["code"] == "CHAT006")
    assert row["because"].endswith("they are on now")
    # Of one chat the rows are asked anew: what stands in none is left open.
    shown = " ".join(run("show", "chat", row["chat_id"], "--replay", "past.zip", check=0).stdout.split())
    assert "CHAT006" in shown
    assert "went past the triggers of messages" in shown
    assert "an archive does not hold whether they are on" in shown
    assert "they are missing" not in shown


def test_what_was_done_by_hand_is_in_the_archive_without_the_words_of_whoever_did_it(
    mended: Database, run: Run, tmp_path: Path
) -> None:
    chat = mended.value("select id::text from chats where chat_state = 'assigned' order by id limit 1")
    run("release", chat, "--reason", "Zoltan is ill", "--yes", "--force", db=mended, check=None)
    done = mended.execute("select id, outcome from chatops.actions where chat_id = %s", (chat,))
    assert done
    live = run("show", "chat", chat, db=mended, check=0).stdout
    assert "Zoltan is ill" in live
    told = run("diagnose", "--capture", "now.zip", db=mended, check=None).stderr
    assert "log of actions" not in told
    assert f"action {done[0][0]}" in live
    with zipfile.ZipFile(tmp_path / "now.zip") as archive:
        head = json.loads(archive.read("capture.json"))
        kept = [json.loads(line) for line in archive.read("rows/actions.jsonl").splitlines()]
        (released,) = [row for row in kept if row["action"] == "release" and row["outcome"] == done[0][1]]
        assert "Zoltan" not in archive.read("rows/actions.jsonl").decode()
    again = run("show", "chat", released["chat_id"], "--replay", "now.zip", check=0).stdout
    assert "Zoltan" not in again
    assert f"action {released['id']}" in again
    assert head["extensions"]["plpgsql"]
    assert head["settings"]["max_connections"] == mended.value("show max_connections")


def test_no_original_text_is_in_an_archive(deployed: Database, run: Run, tmp_path: Path) -> None:
    for code in PLANTED:
        plant(deployed, code)
    deployed.execute("update messages set content = 'Meet me at 5, ' || id where random() < 0.5")
    deployed.execute(
        "update chat_assignments set release_reason = 'manual_reassignment_by_admin: Zoltan was ill' where random() < 0.1"
    )
    run("diagnose", "--capture", "sick.zip", db=deployed, check=1)
    with zipfile.ZipFile(tmp_path / "sick.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    inside = "\n".join(texts.values())
    originals = [row[0] for row in deployed.execute(
        """select distinct content from messages union select name from operators union select email from operators
           union select name from real_users union select name from fictional_users union select 'Zoltan was ill'"""
    ) if row[0]]  # fmt: skip
    assert len(originals) > 500
    assert [text for text in originals if text in inside] == []
    assert texts["rows/messages.jsonl"].count("\n") == deployed.value("select count(*) from messages")
    # No id of a row either: neither in rows, nor in what the checks said.
    ids = {row[0] for table in ("chats", "messages", "operators", "real_users", "fictional_users", "chat_assignments")
           for row in deployed.execute(f"select id::text from {table}")}  # fmt: skip
    assert len(ids) > 500
    assert ids & set(UUID.findall(inside)) == set()
    chats = {json.loads(line)["id"] for line in texts["rows/chats.jsonl"].splitlines()}
    assert {json.loads(line)["chat_id"] for line in texts["rows/messages.jsonl"].splitlines()} <= chats
    assert len(chats) == deployed.value("select count(*) from chats")
    evidence = {row["chat_id"] for one in json.loads(texts["results.json"]) for row in one["rows"] if row.get("chat_id")}
    assert evidence
    assert evidence <= chats
    # Equal texts stay equal, and another archive has other marks.
    same = "select count(distinct content) from messages"
    marks = {json.loads(line)["content"] for line in texts["rows/messages.jsonl"].splitlines()}
    assert len(marks) == deployed.value(same)
    run("diagnose", "--capture", "again.zip", db=deployed, check=1)
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert not chats & {json.loads(line)["id"] for line in archive.read("rows/chats.jsonl").decode().splitlines()}
        others = {json.loads(line)["content"] for line in archive.read("rows/messages.jsonl").decode().splitlines()}
    assert not marks & others


def test_a_large_system_is_captured_in_part_and_that_is_told(deployed: Database, run: Run, tmp_path: Path) -> None:
    plant(deployed, "CHAT003")
    survey = look(deployed)
    with opened(deployed) as database, database.reading():
        made = capture.write(database, survey, tmp_path / "part.zip", most_chats=100)
    assert (made.chats, made.of) == (100, deployed.value("select count(*) from chats"))
    assert made.left_out[0].startswith(f"{made.of - 100} of {made.of} chats")
    again = run("diagnose", "--replay", "part.zip", "-o", "json", check=1)
    assert "findings are told as they were found then" in again.stderr
    status = {code: count for code, (_, _, count) in found(again).items()}
    assert status == {result.check.code: result.count for result in survey.results if result.status != "passed"}


def test_what_is_no_archive_is_refused(deployed: Database, chatops_inprocess: Run, tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("capture.json", "{}")
    for name in ("text.zip", "other.zip"):
        assert "is no archive of chatops" in chatops_inprocess("diagnose", "--replay", name, check=2).stderr
    assert "cannot read gone.zip" in chatops_inprocess("diagnose", "--replay", "gone.zip", check=2).stderr
    assert (
        "leave --db and --env out" in chatops_inprocess("--db", "local", "show", "chat", "abcd", "--replay", "x", check=2).stderr
    )
    assert "goes alone" in chatops_inprocess("diagnose", "--replay", "x", "--rehearse", check=2).stderr

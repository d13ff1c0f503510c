"""Functions of adopted files: what was so when they were taken over is advice, what was replaced since is a fault."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.conftest import APPLICATION_OWNER, Result, url_as
from tests.servers import Database

Run = Callable[..., Result]

STUBS = {
    "assign_chat_to_operator": "create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid language sql "
    "as 'select null::uuid'",
    "release_and_reassign_chat": "create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default "
    "'manual_release') returns boolean language plpgsql as 'begin return true; end'",
    "detect_stuck_chats": "create or replace function detect_stuck_chats(p_hours integer default 24) returns table (chat_id uuid, "
    "chat_state text, assigned_operator_id uuid, last_operator_id uuid, hours_in_state numeric, last_message_at timestamptz) "
    "language sql as 'select null::uuid, null, null::uuid, null::uuid, null::numeric, null::timestamptz where false'",
    "update_chat_stats": "create or replace function update_chat_stats() returns trigger language plpgsql as "
    "'begin return new; end'",
}


def findings(run: Run, url: object) -> list[dict[str, object]]:
    """What DB034 says, advice too."""
    shown = run("diagnose", "--only", "DB034", "--rows", "9", "-o", "json", db=url, check=None).stdout
    return [row for finding in json.loads(shown)["findings"] for row in finding["rows"]]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", STUBS)
def test_a_function_that_was_replaced_after_its_file_was_adopted_fails_verify_until_it_is_made_again_or_forgotten(
    application_database_everywhere: Database, chatops_inprocess: Run, name: str
) -> None:
    database = application_database_everywhere
    chatops_inprocess("adopt", "--to", "017", "--yes", db=database, check=0)
    assert findings(chatops_inprocess, database) == []
    database.execute(STUBS[name])
    assert "DB034" in chatops_inprocess("verify", "schema", db=database, check=1).stdout
    shown = chatops_inprocess("diagnose", "--only", "DB034", "-o", "json", db=database, check=1).stdout
    (finding,) = json.loads(shown)["findings"]
    (row,) = finding["rows"]
    assert row["object"] == name
    assert row["trouble"] in ("it was replaced after the file was taken over", "it does nothing any more")
    chatops_inprocess("migrate", "--to", "017", "--yes", db=database)  # a deliberate act takes nothing for good
    assert [one["object"] for one in findings(chatops_inprocess, database)] == [name]
    help_text = finding["help_text"]
    if row["mend"] and "--again" in row["mend"]:
        chatops_inprocess("migrate", "--again", str(row["migration"]), "--yes", db=database, check=0)
        chatops_inprocess("verify", "--only", "DB034", db=database, check=0)
        assert findings(chatops_inprocess, database) == []
        database.execute(STUBS[name])
    database.execute(help_text.partition(": ")[2])
    chatops_inprocess("verify", "--only", "DB034", db=database, check=0)


def test_a_function_that_was_taken_over_as_it_stood_is_advice(
    application_database_everywhere: Database, chatops_inprocess: Run
) -> None:
    database = application_database_everywhere
    database.execute(STUBS["assign_chat_to_operator"])
    database.execute(f'grant create on database "{database.name}" to {APPLICATION_OWNER}')
    asked = chatops_inprocess("adopt", "--through", "017", "--yes", db=url_as(database, APPLICATION_OWNER), check=0)
    assert "--diff" in asked.stderr, "what differs is named, and where it is shown"
    chatops_inprocess("verify", "schema", db=database, check=0)
    for url in (database.url, url_as(database, APPLICATION_OWNER)):
        (row,) = findings(chatops_inprocess, url)
        assert (row["object"], row["trouble"]) == ("assign_chat_to_operator", "it was so when the file was taken over")

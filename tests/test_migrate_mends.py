"""What `migrate` does to a damaged deployed system: each trouble of its rows is found before, and none that it can mend is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chatops.chats import planting
from chatops.checks import load
from tests.ailing import above_advice, look, plant, populated, result, wrong
from tests.conftest import Result
from tests.servers import Database, Farm, Server

Run = Callable[..., Result]

A_PERSON_ACTS = {"CHAT013", "CHAT017", "CHAT018", "CHAT019", "CHAT020", "CONF004", "DATA004", "DATA006", "QUEUE010", "DB003"}
"""An operator who is there sits on a chat, a state was made up by hand (its constraint had to go for that, and stays gone), a hold
has no time, a pair has two chats, a setting is odd but legal, rows have lost their chat,
users wait longer than promised: no rule mends that."""
HISTORY = {"CHAT009", "CHAT010", "CHAT015", "CHAT016", "DATA003"}
"""What was sent and who had a chat when stays as it happened; from before the guards it is advice."""


def mentioned(row: Any) -> set[str]:
    """The ids of the chats that a row of evidence is about, else those of its operators."""
    chats = {str(value) for name, value in row.items() if name == "chat_id" and value}
    chats |= {str(value) for name, values in row.items() if name == "chat_ids" for value in values}
    return chats or {str(value) for name, value in row.items() if name == "operator_id" and value}


def test_every_trouble_of_the_rows_is_found_before_and_mended_or_advice_after(
    new_database: Callable[..., Database], farm: Farm, any_server: Server, chatops: Run
) -> None:
    database = populated(new_database, farm, any_server, "017")
    chatops("adopt", "--through", "017", "--yes", db=database, check=0)
    # A setting that stands twice stops every function that asks for it.
    rows = [code for code in planting.codes() if not code.startswith("DB") and code != "DATA008"]
    for code in rows:
        plant(database, code)
    before = look(database, rows=50)
    assert set(rows) <= set(wrong(before))
    assert {check.code for check in load.shipped() if check.invariant and check.group == "data"} <= set(rows)

    chatops("migrate", "--yes", db=database, check=0)

    after = look(database, rows=50)
    assert above_advice(after) <= A_PERSON_ACTS, {code: result(after, code).rows for code in above_advice(after) - A_PERSON_ACTS}
    for code in HISTORY:
        assert {str(row) for row in result(after, code).rows} <= {
            str(row) for row in result(before, code).rows
        } or code == "CHAT015"
    logged = database.execute(
        "select chat_id::text, operator_id::text, before, after from chatops.actions where action = 'repair' and outcome = 'done'"
    )
    assert all(was != became for _, _, was, became in logged)
    named = {name for chat, operator, _, _ in logged for name in (chat, operator) if name}
    of_rows = {*rows} - HISTORY - {"QUEUE002", "QUEUE003", "CONF001", "DATA005"}
    for code in (set(above_advice(before)) - set(above_advice(after))) & of_rows:
        for row in result(before, code).rows:
            assert mentioned(row) & named, (code, row)

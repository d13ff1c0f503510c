"""`chatops console` says what the other commands say: as many who wait, who are held and who work; whoever is silent as a target."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.conftest import Result
from tests.console.driving import Open, drive, picture, plan_for, planned
from tests.servers import Database
from tests.shift import operator_id

Run = Callable[..., Result]


def test_the_desk_counts_as_the_other_commands_count(shift: Database, desk: Open, chatops_inprocess: Run) -> None:
    with shift.connect() as past:
        past.execute("set session_replication_role = replica")
        past.execute("update chats set assignment_time = now() - interval '3 hours' where chat_state = 'assigned'")
        past.execute("update operators set last_activity = now() - interval '2 hours' where name in ('op-1', 'op-3', 'op-4')")
        past.execute(
            "update operator_activity set last_activity = now() - interval '2 hours' where operator_id = %s", (operator_id(1),)
        )

    def told(*words: str) -> Any:
        return json.loads(chatops_inprocess(*words, "-o", "json", db=shift, check=0).stdout)

    summary, operators = told("summary"), told("operators")
    stuck = told("stuck", "--longer-than", "5m")
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        text = picture(app)
        sections = {part.name: part for part in app.desk.parts}
        waits = int((re.search(r"(\d+) wait, oldest 1 d", text) or [0, -1])[1])
        assert waits > 0, text
        assert waits == summary["waiting"] == sections["waiting"].total == 3
        held = [row for row in stuck["stuck"] if row["reason"] != "waiting"]
        assert len(held) == sections["held"].total == 2
        found = re.search(r"(\d+) free \(2 silent\)  (\d+) busy \(1 gone\)  (\d+) away  (\d+) off", text)
        assert found is not None, text
        kinds = ("free", "busy", "away", "inactive")
        assert [int(one) for one in found.groups()] == [summary[f"operators_{kind}"] for kind in kinds]
        assert [int(one) for one in found.groups()] == [
            sum(row["load"] == kind for row in operators["operators"]) for kind in kinds
        ]
        assert sections["free"].total == summary["operators_free"]

    drive(app, script, (120, 40))


@pytest.mark.parametrize("seen", ["now() - interval '3 hours'", "null"])
def test_a_silent_operator_who_is_named_is_told_with_when_they_were_seen(shift: Database, desk: Open, seen: str) -> None:
    shift.execute(f"update operators set last_activity = {seen} where name = 'op-4'")
    app = desk(shift)

    async def script(pilot: Pilot[None]) -> None:
        plan = await planned(pilot, 11)
        assert "op-4" not in picture(app)  # auto means those who are there
        await plan_for(pilot, plan, "op-4")
        text = " ".join(picture(app).split())
        assert f"op-4 {'was never seen' if seen == 'null' else 'was last seen 3 h ago'}" in text
        assert "Perhaps nobody answers" in text
        await pilot.press("escape")

    drive(app, script)

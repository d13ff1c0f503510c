"""What a plan says its repairs will mend is what they then mend, code by code, whatever is wrong at the same time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from chatops.chats import planting
from chatops.migrations import repairs_ahead
from chatops.repairs import texts
from tests.ailing import plant, populated
from tests.conftest import LONG
from tests.servers import Database, Farm, Server

Run = Callable[..., Any]

MESS = """
select setseed({seed});
create temp table odd as select c.id, row_number() over (order by random()) as n from chats c;
-- Answered chats in the queue, chats without a state, held ones that wait, ended ones that are active, ones that nobody has begun.
update chats c set chat_state = 'waiting_assignment' from odd where odd.id = c.id and n % 9 = 1 and c.chat_state = 'waiting_real_user_reply';
update chats c set chat_state = null from odd where odd.id = c.id and n % 31 = 2;
update chats c set is_active = null from odd where odd.id = c.id and n % 43 = 3;
update chats c set is_active = not is_active from odd where odd.id = c.id and n % 37 = 4 and c.chat_state <> 'assigned';
update chats c set assigned_operator_id = (select o.id from operators o order by md5(o.id::text || n) limit 1)
  from odd where odd.id = c.id and n % 29 = 5 and c.chat_state in ('waiting_assignment', 'waiting_real_user_reply');
update chats c set chat_state = 'assigned', assigned_operator_id = (select o.id from operators o order by md5(o.id::text || n) limit 1),
       assignment_time = now() - n * interval '1 min'
  from odd where odd.id = c.id and n % 23 = 6;
update chats c set chat_state = 'waiting_real_user_reply', operator_replied_at = coalesce(operator_replied_at, now()), assigned_operator_id = null
  from odd where odd.id = c.id and n % 41 = 7;
update chats c set last_operator_id = null from odd where odd.id = c.id and n % 19 = 8;
update chats c set last_message_at = null from odd where odd.id = c.id and n % 47 = 9;
update chats c set message_count = message_count + 1 from odd where odd.id = c.id and n % 17 = 10;
insert into chat_assignments (chat_id, operator_id, assigned_at)
select odd.id, (select o.id from operators o order by md5(o.id::text || n) limit 1), now() - n * interval '1 min' from odd where n % 13 = 11;
insert into operator_activity (chat_id, operator_id, last_activity)
select odd.id, (select o.id from operators o order by md5(o.id::text || n) limit 1), now() - n * interval '1 min' from odd where n % 13 = 12
on conflict do nothing;
delete from chat_assignments a using odd where odd.id = a.chat_id and n % 11 = 1 and a.released_at is null;
update operators set is_active = false where id in (select id from operators order by random() limit 3);
update operators set last_activity = now() - interval '1 day' where id in (select id from operators order by random() limit 3);
drop table odd
"""
CODES = [repair.code for repair in texts.shipped() if repair.code in planting.codes() and repair.code != "DATA005"]


def told_and_mended(database: Database, run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """By file and code: what the dry run says, and what the run did."""
    plan = json.loads(run("migrate", "--dry-run", "-o", "json", db=database, check=0).stdout)
    done = run("migrate", "--yes", "-o", "json", db=database, check=0)
    applied = {one["name"]: one["rows"] for one in json.loads(done.stdout)["applied"]}
    by_code = {
        code: int(rows.replace(",", "")) for code, rows in re.findall(r"(\w+): ([\d,]+) rows? (?:mended|filled in)", done.stderr)
    }
    told = {code: rows for found in plan["repairs"].values() for code, rows in found.items()}
    rows = {one["name"]: one["rows"] for one in plan["pending"] if one["name"] in plan["repairs"]}
    return {"codes": told, "rows": rows}, {"codes": by_code, "rows": {name: applied[name] for name in rows}}


@pytest.mark.long
def test_whatever_is_wrong_is_told_as_it_is_then_mended(
    new_database: Callable[..., Database], farm: Farm, any_server: Server, chatops_inprocess: Run
) -> None:
    """Rows that are wrong in several ways at once: what one repair mends is nothing to the next, or becomes something to it."""
    for seed in range(1, 26) if LONG else [20]:
        database = populated(new_database, farm, any_server, "017")
        chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
        database.script(MESS.format(seed=seed / 200))
        told, mended = told_and_mended(database, chatops_inprocess)
        assert told == mended, seed
        assert len(told["codes"]) > 10


@pytest.mark.full
def test_every_trouble_that_a_repair_mends_is_told_as_it_is_then_mended(
    new_database: Callable[..., Database], farm: Farm, any_server: Server, chatops_inprocess: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = populated(new_database, farm, any_server, "017")
    chatops_inprocess("adopt", "--through", "017", "--yes", db=database, check=0)
    for code in CODES:
        plant(database, code)
    with monkeypatch.context() as few:  # of more rows than are laid over the tables each repair is counted by itself
        few.setattr(repairs_ahead, "MOST", 3)
        shown = chatops_inprocess("migrate", "--dry-run", db=database, check=0).stdout
        assert re.search(r"\(about \d+ rows to mend\)", " ".join(shown.split()))
    told, mended = told_and_mended(database, chatops_inprocess)
    assert told == mended
    assert set(told["codes"]) >= set(CODES) - {"QUEUE012"}

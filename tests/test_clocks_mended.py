"""A repair of clocks leaves nothing else wrong, and those who wait keep their order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from tests.ailing import mended
from tests.conftest import Result
from tests.servers import Database

__all__ = ["mended"]

Run = Callable[..., Result]

MESSAGES = {
    "the newest of who waits, ahead": """update messages set created_at = now() + interval '2 hours' where id in (
        select m.id from messages m join chats c on c.id = m.chat_id
         where m.sender_type = 'real' and c.chat_state = 'waiting_assignment' order by m.created_at desc limit 12)""",
    "replies, ahead": """update messages set created_at = now() + interval '3 days' where id in (
        select distinct on (m.chat_id) m.id from messages m join chats c on c.id = m.chat_id
         where m.sender_type = 'fictional' and c.chat_state = 'waiting_real_user_reply' order by m.chat_id, m.created_at desc limit 5)""",
    "of who is answered now, ahead by what they were late": """update messages set created_at = created_at + interval '9 days' where id in (
        select m.id from messages m join chats c on c.id = m.chat_id where c.chat_state = 'assigned' order by m.created_at desc limit 4)""",
    "from before all years": """update messages set created_at = '0044-03-15 BC' where id in (
        select distinct on (m.chat_id) m.id from messages m order by m.chat_id, m.created_at limit 4)""",
    "of no time that a clock has": """update messages set created_at = 'infinity' where id in (
        select m.id from messages m join chats c on c.id = m.chat_id
         where m.sender_type = 'real' and c.chat_state = 'waiting_assignment' order by m.created_at limit 3)""",
}
CHATS = {
    "last written ahead": """update chats c set last_message_at = now() + interval '2 hours'
        where exists (select from messages m where m.chat_id = c.id and m.created_at > now())""",
    "waiting since then": """update chats c set waiting_since = now() + interval '2 hours'
        where waiting_since is not null and exists (select from messages m where m.chat_id = c.id and m.created_at > now())""",
    "last written, of others": "update chats set last_message_at = now() + interval '5 hours' where id in (select id from chats order by id limit 3)",
    "nobody changed it": "update chats c set updated_at = created_at where exists (select from messages m where m.chat_id = c.id and m.created_at > now())",
}
RANKS = {"unknown": 0, "critical": 1, "warning": 2, "advice": 3}


def told(run: Run, database: Database) -> dict[str, str]:
    found = json.loads(run("diagnose", "-o", "json", db=database).stdout)["findings"]
    return {one["code"]: one["severity"] for one in found}


def plant(database: Database, *statements: str) -> None:
    database.script("; ".join(("set session_replication_role = replica", *statements, "reset session_replication_role")))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_repaired_of_clocks_leaves_nothing_new_and_nothing_worse(
    mended: Database, chatops_inprocess: Run, seed: int
) -> None:
    chosen = random.Random(seed)
    picked = list(MESSAGES.values()) if seed == 0 else chosen.sample(list(MESSAGES.values()), 2)
    beside = list(CHATS.values())[:2] if seed == 0 else chosen.sample(list(CHATS.values()), chosen.randint(0, 3))
    plant(mended, *picked, *beside)
    before = told(chatops_inprocess, mended)
    assert "DATA002" in before
    named = [code for code in ("DATA002", "QUEUE012", "DATA007", "CHAT006", "CHAT007", "DATA001") if code in before]
    while named:
        some = chosen.sample(named, chosen.randint(1, len(named))) if seed else named
        chatops_inprocess("repair", *some, "--yes", db=mended)
        after = told(chatops_inprocess, mended)
        worse = {code: word for code, word in after.items() if RANKS[word] < RANKS.get(before.get(code, ""), 9)}
        assert worse == {}, (some, before)
        if "DATA002" not in after:  # by clocks that are still wrong the others cannot be set
            assert not set(some) & set(after), some
        before, named = after, [code for code in named if code in after]


def test_those_who_wait_keep_their_order(mended: Database, chatops_inprocess: Run) -> None:
    queue = "select id, waiting_since from chats where waiting_since is not null and chat_state = 'waiting_assignment' order by waiting_since, id"
    was = mended.execute(queue)
    plant(mended, MESSAGES["the newest of who waits, ahead"], *list(CHATS.values())[:2])
    assert mended.execute(queue) != was
    chatops_inprocess("repair", "DATA002", "QUEUE012", "--yes", db=mended, check=0)
    now = mended.execute(queue)
    assert [chat for chat, _ in now] == [chat for chat, _ in was]
    waited = dict(was)
    assert max(abs((since - waited[chat]).total_seconds()) for chat, since in now) < 60

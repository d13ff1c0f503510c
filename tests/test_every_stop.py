"""The queue is told as it is wherever a database stands among the files: what is there already need not be filled in yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chatops import sqlfiles
from tests.servers import Database

Run = Callable[..., Any]

STOPS = [name.partition("_")[0] for name in sqlfiles.names("migrations") if name[:3] >= "017"]
"""017 is where `core_database` stands."""
PEOPLE = """
insert into operators (id, name, email, is_active, is_available, last_activity)
select gen_random_uuid(), 'op-' || n, 'op-' || n || '@acme.example', true, true, now() from generate_series(1, 3) as n;
insert into real_users (id, name) select gen_random_uuid(), 'user-' || n from generate_series(1, 9) as n;
insert into fictional_users (id, name) values (gen_random_uuid(), 'profile');
insert into chats (id, real_user_id, fictional_user_id, chat_state, is_active, created_at, updated_at)
select gen_random_uuid(), u.id, (select id from fictional_users), 'waiting_assignment', true, now() - interval '3 h', now() - interval '3 h'
  from real_users u;
-- Seven wait, the longest since 2 h 7 m; to one of the others we spoke last, one is empty.
insert into messages (chat_id, sender_type, content, created_at)
select c.id, 'real', 'hello?', now() - interval '2 h' - right(u.name, 1)::int * interval '1 min'
  from chats c join real_users u on u.id = c.real_user_id where right(u.name, 1)::int <= 8;
insert into messages (chat_id, sender_type, content, created_at)
select c.id, 'fictional', 'hello!', now() - interval '1 h'
  from chats c join real_users u on u.id = c.real_user_id where u.name = 'user-8';
"""
TRUTH = """
select count(*), extract(epoch from min(since)) from (
  select (select min(m.created_at) from messages m where m.chat_id = c.id and m.sender_type = 'real'
             and m.created_at > coalesce((select max(r.created_at) from messages r
                                           where r.chat_id = c.id and r.sender_type = 'fictional'), '-infinity')) as since
    from chats c where c.chat_state = 'waiting_assignment' and c.is_active) as waits
 where since is not null
"""


def test_who_waits_is_told_at_every_stop(core_database: Database, chatops_inprocess: Run) -> None:
    core_database.script(PEOPLE)
    chatops_inprocess("adopt", "--to", "017", "--yes", db=core_database, check=0)
    for stop in STOPS:
        chatops_inprocess("migrate", "--to", stop, "--yes", db=core_database, check=0)
        if stop == "019":
            # As a run of 020 that stopped between two batches leaves it.
            core_database.script("update chats set waiting_since = oldest_unanswered(id) where real_user_id in "
                                 "(select id from real_users where name in ('user-2', 'user-3'))")  # fmt: skip
        waiting = core_database.execute(TRUTH)[0][0]
        assert waiting == 7

        def asked(*words: str, stop: str = stop, exits: int = 0) -> dict[str, object]:
            answer = chatops_inprocess(*words, "-o", "json", db=core_database)
            assert answer.exit_code == exits, (stop, words, answer.stderr)
            found = json.loads(answer.stdout)
            assert isinstance(found, dict)
            return found

        assert asked("queue")["waiting"] == waiting, stop
        states = asked("summary")["states"]
        assert isinstance(states, list)
        assert {(one["state"], one["empty"]): one["chats"] for one in states}["waiting_assignment", False] == waiting, stop
        stuck = asked("stuck")["stuck"]
        assert isinstance(stuck, list)
        assert sum(one["reason"] == "waiting" for one in stuck) == waiting, stop
        found = asked("diagnose", "--only", "QUEUE010", exits=1)["findings"]
        assert isinstance(found, list)
        assert [one["count"] for one in found] == [waiting], stop
        asked("wait", "--for", f"waiting={waiting}", "--timeout", "1s")
    installed = "select total_waiting, extract(epoch from oldest_waiting_chat) from get_assignment_queue_status()"
    assert core_database.execute(installed) == core_database.execute(TRUTH)

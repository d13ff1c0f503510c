"""Healthy systems of many shapes: what a system may look like without anything being wrong with it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from chatops import sqlfiles
from chatops.db import Database

_TIDY = """
delete from messages as m where not exists (select from chats as c where c.id = m.chat_id);
delete from chat_assignments as a where not exists (select from chats as c where c.id = a.chat_id);
delete from operator_activity as a where not exists (select from chats as c where c.id = a.chat_id);
update operators as o set total_messages = coalesce(w.replies, 0)
  from operators as p
  left join (select handled_by_operator_id, count(*) as replies from messages group by 1) as w on w.handled_by_operator_id = p.id
 where p.id = o.id and o.total_messages is distinct from coalesce(w.replies, 0)"""
"""Nothing is left of chats that are gone, and the operators' counters are right again."""

STRUCTURES = {
    "as it is": "",
    "night": f"""delete from chats where chat_state in ('waiting_assignment', 'assigned'); {_TIDY};
        update operators set is_available = false""",
    "abandoned": f"""delete from chats where chat_state in ('waiting_assignment', 'assigned'); {_TIDY};
        update operators set is_available = false; set local chatops.demo_behind = '-40 days'; {{later}}""",
    "all ended": f"""delete from chats where chat_state <> 'completed'; {_TIDY};
        update operators set is_available = false""",
    "nothing ended": f"delete from chats where chat_state = 'completed'; {_TIDY}",
    "young": f"delete from chats where created_at < now() - interval '2 days'; {_TIDY}",
    "nothing waits": f"delete from chats where chat_state = 'waiting_assignment'; {_TIDY}",
    "nobody waits for a user": f"delete from chats where chat_state = 'waiting_real_user_reply'; {_TIDY}",
    "one operator": f"""create temporary table the_one on commit drop as
          select assigned_operator_id as id from chats where chat_state = 'assigned' order by 1 limit 1;
        delete from chats as c
         where exists (select from chat_assignments as a where a.chat_id = c.id and a.operator_id <> (select id from the_one));
        {_TIDY}; delete from operators where id <> (select id from the_one); drop table the_one""",
    "everybody busy": """update operators as o set is_available = false
         where is_available and not exists (select from chats as c where c.assigned_operator_id = o.id)""",
    "a crowd of operators": """insert into operators (name, is_active, is_available, last_activity, total_messages)
        select 'Aide ' || n, true, true, now() - interval '20 seconds', 0 from generate_series(1, 300) as n""",
    "a rush": """do $rush$
        declare
          v_chat record;
        begin
          for v_chat in select id, row_number() over (order by id) as n from chats
                         where chat_state = 'waiting_real_user_reply' and last_message_at < now() - interval '1 hour'
                         order by id limit 150
          loop
            perform pg_temp.write_as_user(v_chat.id, make_interval(secs => 15 - v_chat.n * 0.05), 'Hello!');
            update chats set chat_state = 'waiting_assignment' where id = v_chat.id;
            perform pg_temp.keep_clocks(v_chat.id);
          end loop;
        end
        $rush$""",
    "nothing": f"delete from chats; {_TIDY}; delete from operators; delete from real_users; delete from fictional_users",
    "nobody wrote yet": f"delete from chats where message_count > 0; {_TIDY}; update operators set is_available = false",
    "only operators": f"delete from chats; {_TIDY}; delete from real_users",
    # By the application's own rules: what hangs on an operator goes or forgets them.
    "who left was deleted": f"""set local session_replication_role = origin;
        delete from operators where not is_active; set local session_replication_role = replica; {_TIDY}""",
    "old answers are nobody's": f"""update messages set handled_by_operator_id = null
         where created_at < now() - interval '30 days' and sender_type = 'fictional';
        update chats as c set last_operator_id = null
         where operator_replied_at < now() - interval '30 days'; {_TIDY}""",
}
"""Which chats and people there are. One of them."""

DETAILS = {
    "no settings": "delete from platform_config",
    "other settings": """update platform_config set value = '10' where key = 'idle_timeout_minutes';
        update platform_config set value = '7' where key = 'max_reassignments';
        insert into platform_config (key, value) values ('queue_sla_minutes', '25'), ('theme', '"dark"'), ('motto', 'null')""",
    "long messages": """update messages set content = repeat(md5(id::text), 1 + abs(hashtext(id::text)) % 90)
         where hashtext(id::text) % 10 = 0""",
    "short messages": "update messages set content = 'ok' where hashtext(id::text) % 2 = 0",
    "strange messages": """update messages
           set content = (array[E'\\u202e!', '', E'line\\nline', '%s {count} [bold]x[/]', '''; drop table chats; --', '😀'])
                         [1 + abs(hashtext(id::text)) % 6]
         where hashtext(id::text) % 3 = 0""",
    "flags that nobody set": """update operators set is_available = null where not is_available;
        update operators set last_activity = null, email = null, total_messages = nullif(total_messages, 0) where not is_active;
        update messages set is_free_message = null, delivered_at = null, read_at = null;
        update chats set message_count = nullif(message_count, 0)""",
    "strange names": """update operators set name = E'\\x1b[2J' || id, email = null where hashtext(id::text) % 2 = 0;
        update operators set name = '' where hashtext(id::text) % 3 = 0;
        update real_users set name = null where hashtext(id::text) % 2 = 0;
        update fictional_users set name = E'\\u202e' || name""",
    "twice in one instant": """insert into messages (chat_id, sender_type, content, created_at, delivered_at)
        select chat_id, 'real', content || '!', created_at, delivered_at from messages
         where sender_type = 'real' and hashtext(id::text) % 8 = 0;
        update chats as c set message_count = w.messages
          from (select chat_id, count(*) as messages from messages group by 1) as w
         where w.chat_id = c.id and w.messages <> c.message_count""",
    "many profiles": "insert into fictional_users (name) select 'profile ' || n from generate_series(1, 500) as n",
}
"""What is in it. Any of them."""


def form(database: Database, names: Sequence[str]) -> None:
    """Gives a fresh population these shapes, inside the caller's transaction."""
    database.script("set local session_replication_role = replica")
    database.script(sqlfiles.read("demo/stage.sql"))
    for name in names:
        text = STRUCTURES[name] if name in STRUCTURES else DETAILS[name]
        database.script(text.replace("{later}", sqlfiles.read("demo/later.sql")))
    database.script("set local session_replication_role = origin")


def at_random(chance: random.Random) -> list[str]:
    """One structure, and up to three details."""
    return [chance.choice(list(STRUCTURES)), *chance.sample(list(DETAILS), chance.randint(0, 3))]

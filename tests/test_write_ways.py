"""Many ways of writing the same tables, on the application's own schema: what went through before goes through after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests import conftest
from tests.invariants import COUNTERS, INVARIANTS, QUEUE_CLOCK
from tests.servers import Database, Farm

CHATS = ("answered", "held", "waits", "empty")
LATE = re.compile("55000 operator .* no longer holds chat .*: the reply was not sent")
BUSY = re.compile("55000 operator .* is working on another chat")


@dataclass(frozen=True)
class Way:
    """Lines of SQL, each a statement of its own (one that is indented goes on), written as somebody.

    `owner` changes the schema first, `undo` puts it back. What may differ after: `now` how a chat stands, `tells` what the
    statement of that number says. `leaves` names what is wrong in the rows then, for checks to find.
    """

    who: str
    lines: str
    owner: str = ""
    undo: str = ""
    now: dict[str, str] = field(default_factory=dict)
    tells: dict[int, Any] = field(default_factory=dict)
    leaves: tuple[str, ...] = ()

    @property
    def statements(self) -> list[str]:
        return [" ".join(one.split()) for one in re.split(r"\n(?! )", self.lines.strip("\n"))]


SAY = "insert into messages (chat_id, sender_type, content, handled_by_operator_id) "
KEEPS = """
create function hold() returns trigger language plpgsql as $$ begin
  if old.admin_notes = 'hold' and new.chat_state is distinct from old.chat_state then return null; end if; return new; end $$;
create trigger zz_hold before update on chats for each row execute function hold();
update chats set admin_notes = 'hold' where id in ('{waits}', '{held}')"""
FREE = {"undo": "drop trigger zz_hold on chats; drop function hold()", "owner": KEEPS}
CALLED = "waiting_assignment 3"
HIS = "assigned ben"

WAYS: dict[str, Way] = {
    # ---- one statement, many rows -----------------------------------------------------------------------------------------
    "a merge": Way("service", """
merge into messages m using (select gen_random_uuid() id, '{waits}'::uuid chat from generate_series(1, 3)) x on m.id = x.id
  when not matched then insert (id, chat_id, sender_type, content) values (x.id, x.chat, 'real', 'x')
merge into chats c using (select '{waits}'::uuid id) x on c.id = x.id when matched then update set admin_notes = 'x'"""),
    "rows of the table itself": Way("service", SAY + """
  select '{waits}', sender_type, content, handled_by_operator_id from messages where chat_id = '{waits}'"""),
    "rows of other chats": Way("service", SAY + """
  select '{empty}', 'real', content, null from messages where chat_id in ('{held}', '{waits}')"""),
    "senders mixed": Way("service", SAY + """
  values ('{held}', 'real', 'x', null), ('{held}', 'fictional', 'y', '{ann}'), ('{waits}', 'real', 'z', null)""",
        now={"held": "waiting_real_user_reply 3"}),
    "several closed from another table": Way("service", """
update chats c set is_active = false from real_users u where u.id = c.real_user_id and u.name like 'user%'""",
        now={"answered": "completed closed 2", "held": "completed closed 1", "waits": "completed closed 1",
             "empty": "completed closed 0"}),
    "two chats to one operator": Way("service", """
update chats set chat_state = 'assigned', assigned_operator_id = '{ben}', assignment_time = now()
  where id in ('{waits}', '{answered}')""", tells={0: BUSY},
        now={"answered": "waiting_real_user_reply 2", "waits": "waiting_assignment 1"}),
    "pulled by hand": Way("service", """
update chats set chat_state = 'assigned', assigned_operator_id = '{ben}', assignment_time = now()
  where id = (select id from chats where chat_state = 'waiting_assignment' and message_count > 0 for update skip locked limit 1)
  returning id = '{waits}'"""),
    "copied": Way("service", "copy messages (chat_id, sender_type, content) from stdin", now={"answered": CALLED}),
    "copied frozen": Way("owner", """
begin
truncate messages
copy messages (chat_id, sender_type, content) from stdin with (freeze)
commit""", now={"answered": "waiting_assignment 1", "held": "assigned ann 0", "waits": "waiting_assignment 1"}),
    # ---- upserts ------------------------------------------------------------------------------------------------------------
    "a heartbeat where it is newer": Way("ann", """
insert into operator_activity (chat_id, operator_id, last_activity) values ('{held}', '{ann}', now())
  on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity
  where operator_activity.last_activity < excluded.last_activity
insert into operator_activity (chat_id, operator_id, last_activity) values ('{held}', '{ann}', now() - interval '1 hour')
  on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity
  where operator_activity.last_activity < excluded.last_activity
select last_activity > now() - interval '1 minute' from operator_activity where chat_id = '{held}'""", tells={1: 1}),
    "a turn ended by its id": Way("service", """
update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null where id = '{held}'
insert into chat_assignments (id, chat_id, operator_id, assigned_at, released_at, release_reason)
  select id, chat_id, operator_id, assigned_at, now(), 'operator_idle_timeout' from chat_assignments
  where chat_id = '{held}' and released_at is null
  on conflict (id) do update set released_at = excluded.released_at, release_reason = excluded.release_reason
select release_reason, released_at is not null from chat_assignments where chat_id = '{held}'"""),
    "a turn written once more": Way("service", """
insert into chat_assignments (id, chat_id, operator_id, assigned_at)
  select id, chat_id, operator_id, assigned_at from chat_assignments where chat_id = '{held}' on conflict (id) do nothing
insert into chat_assignments (id, chat_id, operator_id, assigned_at)
  select id, chat_id, operator_id, assigned_at from chat_assignments where chat_id = '{held}'
select count(*) from chat_assignments where chat_id = '{held}'"""),
    "a whole chat": Way("service", """
insert into chats (id, real_user_id, fictional_user_id, chat_state, message_count, last_message_at, is_active)
  select id, real_user_id, fictional_user_id, chat_state, message_count, last_message_at, is_active from chats where id = '{waits}'
  on conflict (id) do update set admin_notes = 'x', message_count = excluded.message_count, is_active = excluded.is_active,
  chat_state = excluded.chat_state, last_message_at = excluded.last_message_at"""),
    "an operator": Way("service", """
insert into operators (id, name, email, total_messages, is_available)
  select id, name, email, total_messages, true from operators where id = '{ben}'
  on conflict (id) do update set total_messages = excluded.total_messages, is_available = excluded.is_available
select total_messages from operators where id = '{ben}'"""),
    "by another key": Way("service", """
insert into messages (chat_id, sender_type, content, request_id) values ('{answered}', 'real', 'x', '{ann}')
  on conflict (request_id) do nothing
insert into messages (chat_id, sender_type, content, request_id) values ('{answered}', 'real', 'x', '{ann}')
  on conflict (request_id) do nothing""",
        owner="alter table messages add column request_id uuid unique default gen_random_uuid()",
        undo="alter table messages drop column request_id", now={"answered": CALLED}),
    "a user's own": Way("user0", """
insert into messages (id, chat_id, sender_type, content) values ('{new}', '{waits}', 'real', 'x')
  on conflict (id) do update set content = excluded.content
insert into messages (id, chat_id, sender_type, content) values ('{new}', '{waits}', 'real', 'y')
  on conflict (id) do update set content = excluded.content
select content from messages where id = '{new}'"""),
    # ---- transactions -------------------------------------------------------------------------------------------------------
    "the turn ended before the chat is let go": Way("service", """
update chat_assignments set released_at = now(), release_reason = 'operator_idle_timeout'
  where chat_id = '{held}' and released_at is null
update chats set chat_state = 'waiting_assignment', assigned_operator_id = null, assignment_time = null where id = '{held}'
select release_reason, released_at is not null from chat_assignments where chat_id = '{held}'"""),
    "an assign that is rolled back": Way("service", """
begin
savepoint a
select assign_chat_to_operator('{ben}') = '{waits}'
rollback to a
select chat_state from chats where id = '{waits}'
select assign_chat_to_operator('{ben}') = '{waits}'
commit
select count(*) from chat_assignments where chat_id = '{waits}' and released_at is null"""),
    "a late reply that is rolled back": Way("service", f"""
begin
savepoint a
{SAY} values ('{{answered}}', 'fictional', 'late', '{{ann}}')
rollback to a
{SAY} values ('{{answered}}', 'real', 'x', null)
commit""", tells={2: LATE}, now={"answered": CALLED}),
    "a late reply in a block": Way("service", f"""
do $$ begin begin {SAY} values ('{{answered}}', 'fictional', 'late', '{{ann}}'); exception when others then null; end;
  {SAY} values ('{{waits}}', 'real', 'x', null); end $$""", now={"answered": "waiting_real_user_reply 2"}),
    "all in one transaction": Way("service", f"""
begin
{SAY} values ('{{waits}}', 'real', 'x', null)
update chats set last_message_at = now() where id = '{{waits}}'
{SAY} values ('{{answered}}', 'real', 'x', null)
update chats set chat_state = 'waiting_assignment' where id = '{{answered}}'
commit"""),
    "locked first": Way("service", f"""
begin
select 1 from chats where id = '{{held}}' for update
{SAY} values ('{{held}}', 'fictional', 'x', '{{ann}}')
update chats set chat_state = 'waiting_real_user_reply', operator_replied_at = now(), assigned_operator_id = null,
  assignment_time = null where id = '{{held}}'
commit"""),
    "where current of": Way("service", """
begin
declare c cursor for select id from chats where id = '{answered}' for update
move c
update chats set admin_notes = 'seen' where current of c
commit"""),
    "prepared": Way("service", f"""
prepare say (uuid) as {SAY} values ($1, 'real', 'x', null)
execute say ('{{waits}}')
execute say ('{{answered}}')
deallocate say""", now={"answered": CALLED}),
    "serializable": Way("service", f"""
begin isolation level serializable
select count(*) from chats where id = '{{waits}}'
{SAY} values ('{{waits}}', 'real', 'x', null)
commit"""),
    "beside advisory locks": Way("service", f"""
select pg_advisory_lock(hashtextextended('{{waits}}', 0)) is null
{SAY} values ('{{waits}}', 'real', 'x', null)
select pg_advisory_unlock_all() is null"""),
    # ---- what goes ----------------------------------------------------------------------------------------------------------
    "accounts go": Way("super", "delete from auth.users where id = '{user1}'"),
    "users go": Way("service", "delete from real_users where id in ('{user0}', '{user1}', '{user2}')"),
    "profiles go": Way("service", """
delete from fictional_users where id in (select fictional_user_id from chats where id in ('{held}', '{answered}'))"""),
    "operators go": Way("service", "delete from operators where id in ('{ann}', '{ben}')",
        tells={0: 2}, now={"held": "waiting_assignment 1"}),
    "chats go": Way("service", "delete from chats where id in ('{held}', '{waits}', '{answered}', '{empty}')"),
    "a chat goes while it is held, and is written to": Way("service", f"""
delete from chats where id = '{{held}}'
{SAY} values ('{{held}}', 'real', 'x', null)
select count(*) from operator_activity""", tells={1: re.compile("23503 chat .* does not exist")}),
    "an operator goes and asks": Way("service", """
delete from operators where id = '{ben}'
select assign_chat_to_operator('{ben}')""", tells={1: re.compile("P0001 Operator .* not found")}),
    "messages go": Way("service", "delete from messages where chat_id in ('{held}', '{waits}', '{answered}')",
        now={"answered": "waiting_real_user_reply 0", "held": "assigned ann 0", "waits": "waiting_assignment 0"}),
    "messages are put away": Way("service", """
with gone as (delete from messages where chat_id = '{answered}' returning *) insert into archive select * from gone""",
        owner="create table archive (like messages)", undo="drop table archive", now={"answered": "waiting_real_user_reply 0"}),
    "truncated with all that hangs on it": Way("owner", "truncate chats cascade\nselect count(*) from messages"),
    "people truncated": Way("owner", "truncate real_users cascade\ntruncate operators cascade"),
    "heartbeats truncated": Way("owner", "truncate operator_activity"),
    # ---- the schema ---------------------------------------------------------------------------------------------------------
    "a generated column": Way("service", f"""
{SAY} values ('{{held}}', 'fictional', 'x', '{{ann}}')
{SAY} values ('{{waits}}', 'real', 'x', null)
select is_open from chats where id = '{{waits}}'""",
        owner="alter table chats add column is_open boolean generated always as (chat_state = 'waiting_assignment') stored",
        undo="alter table chats drop column is_open", now={"held": "waiting_real_user_reply 2"}),
    "a view": Way("service", """
insert into talk (chat_id, sender_type, content) values ('{waits}', 'real', 'x')
update talk set content = 'y' where chat_id = '{waits}'
delete from talk where chat_id = '{empty}'""",
        owner="create view talk as select id, chat_id, sender_type, content from messages", undo="drop view talk"),
    "a view with a trigger": Way("service", "insert into talk (chat_id, content) values ('{waits}', 'x'), ('{answered}', 'y')",
        owner="""create view talk as select chat_id, content from messages;
create function says() returns trigger language plpgsql as $$ begin
  insert into messages (chat_id, sender_type, content) values (new.chat_id, 'real', new.content); return new; end $$;
create trigger says instead of insert on talk for each row execute function says()""",
        undo="drop view talk; drop function says()", now={"answered": CALLED}),
    "a view with a check": Way("service", """
update open_chats set admin_notes = 'x' where id = '{waits}'
update open_chats set is_active = false where id = '{held}'""",
        owner="create view open_chats as select * from chats where is_active with check option", undo="drop view open_chats"),
    "a view with a rule": Way("service", "insert into talk (chat_id, content) values ('{waits}', 'x'), ('{answered}', 'y')",
        owner="""create view talk as select chat_id, content from messages;
create rule says as on insert to talk do instead
  insert into messages (chat_id, sender_type, content) values (new.chat_id, 'real', new.content)""",
        undo="drop view talk", now={"answered": CALLED}),
    "an upsert through a view": Way("service", """
insert into talk (id, chat_id, sender_type, content) values ('{new}', '{waits}', 'real', 'x')
  on conflict (id) do update set content = excluded.content
insert into talk (id, chat_id, sender_type, content) values ('{new}', '{waits}', 'real', 'y')
  on conflict (id) do update set content = excluded.content returning content
insert into talk (id, chat_id, sender_type, content) values ('{new}', '{empty}', 'real', 'z') on conflict do nothing""",
        owner="create view talk as select id, chat_id, sender_type, content from messages", undo="drop view talk"),
    "a rule that keeps a copy": Way("service", f"""
{SAY} values ('{{waits}}', 'real', 'x', null), ('{{empty}}', 'real', 'y', null)
select count(*) from copies""",
        owner="""create table copies (chat_id uuid, content text);
create rule copies as on insert to messages do also insert into copies values (new.chat_id, new.content)""",
        undo="drop rule copies on messages; drop table copies"),
    "a deferred key": Way("service", f"""
begin
insert into chats (id, real_user_id, fictional_user_id) select '{{new}}', '{{user4}}', fictional_user_id from chats
  where id = '{{waits}}'
{SAY} values ('{{new}}', 'real', 'x', null)
commit""", owner="alter table messages alter constraint messages_chat_id_fkey deferrable initially deferred",
        undo="alter table messages alter constraint messages_chat_id_fkey not deferrable"),
    "a trigger that raises": Way("service", f"""
{SAY} values ('{{waits}}', 'real', 'spam', null)
{SAY} values ('{{waits}}', 'real', 'x', null)""",
        owner="""create function no_spam() returns trigger language plpgsql as $$ begin
  if new.content = 'spam' then raise exception 'no'; end if; return new; end $$;
create trigger no_spam after insert on messages for each row execute function no_spam()""",
        undo="drop trigger no_spam on messages; drop function no_spam()"),
    "a trigger that welcomes": Way("service", """
insert into chats (id, real_user_id, fictional_user_id) select '{new}', '{user4}', fictional_user_id from chats
  where id = '{waits}'
select message_count from chats where id = '{new}'""",
        owner="""create function welcome() returns trigger language plpgsql security definer as $$ begin
  insert into public.messages (chat_id, sender_type, content) values (new.id, 'fictional', 'hello'); return null; end $$;
create trigger welcome after insert on chats for each row execute function welcome()""",
        undo="drop trigger welcome on chats; drop function welcome()"),
    "kept by a trigger: assigned": Way("service", "select assign_chat_to_operator('{ben}') is null",
        tells={0: [(True,)]}, now={"empty": "waiting_assignment 0"}, **FREE),
    "kept by a trigger: released": Way("service", "select release_and_reassign_chat('{held}') is null", **FREE),
    "kept by a trigger: deactivated": Way("service", "update operators set is_active = false where id = '{ann}'", **FREE),
    "triggers off and on again": Way("owner", f"""
alter table messages disable trigger user
{SAY} values ('{{empty}}', 'real', 'x', null)
alter table messages enable trigger user""", leaves=("the queue's clocks", "counters")),
    "a message in no chat": Way("service", f"{SAY} values (null, 'real', 'x', null)",
        owner="alter table messages alter chat_id drop not null",
        undo="delete from messages where chat_id is null; alter table messages alter chat_id set not null"),
    "a strict policy": Way("ann", f"{SAY} values ('{{held}}', 'fictional', 'x', '{{ann}}')",
        owner="""create policy strict on chats as restrictive for update to authenticated using (true)
  with check (assigned_operator_id is null or assigned_operator_id = auth.uid())""",
        undo="drop policy strict on chats", now={"held": "waiting_real_user_reply 2"}),
    # ---- a chat of which nothing has been said -----------------------------------------------------------------------------
    "an empty chat is closed": Way("service", """
update chats set is_active = false, chat_state = 'completed', last_message_at = null where id = '{empty}'
select last_message_at from chats where id = '{empty}'"""),
    "a chat changes hands": Way("service", "update chats set real_user_id = '{user4}' where id = '{waits}'"),
    # ---- a chat and its turn in one statement ----------------------------------------------------------------------------------
    **{
        f"given with its row, {when}": Way("service", f"""
insert into messages (chat_id, sender_type, content) values ('{{answered}}', 'real', 'x')
with c as (update chats set chat_state = 'assigned', assigned_operator_id = '{{ben}}', assignment_time = now()
  where id = '{{answered}}' returning id)
  insert into chat_assignments (chat_id, operator_id, assigned_at) select id, '{{ben}}', {at} from c
select count(*) from chat_assignments where chat_id = '{{answered}}'""", now={"answered": "assigned ben 3"})
        for when, at in (("of now", "now()"), ("of this moment", "clock_timestamp()"), ("of old", "now() - interval '2 hours'"))
    },
    "begun with its row": Way("service", """
with c as (insert into chats (id, real_user_id, fictional_user_id, chat_state, assigned_operator_id, assignment_time)
  select '{new}', '{user4}', fictional_user_id, 'assigned', '{ben}', now() from chats where id = '{waits}' returning id),
  a as (insert into chat_assignments (chat_id, operator_id) select id, '{ben}' from c)
  insert into operator_activity (chat_id, operator_id) select id, '{ben}' from c
select count(*) from chat_assignments where chat_id = '{new}'"""),
    "moved with its rows": Way("service", """
with o as (update chat_assignments set released_at = now(), release_reason = 'manual_reassignment_by_admin: x'
  where chat_id = '{held}' and released_at is null),
  c as (update chats set assigned_operator_id = '{ben}', assignment_time = now() where id = '{held}' returning id)
  insert into chat_assignments (chat_id, operator_id, assigned_at) select id, '{ben}', now() from c
select release_reason, released_at - assigned_at > '50 s' from chat_assignments where chat_id = '{held}' order by assigned_at""",
        tells={0: 0}),
    # ---- triggers of the application before ours and under ours -----------------------------------------------------------------
    "told to the chat before us": Way("service", """
insert into messages (chat_id, sender_type, content) values ('{waits}', 'real', 'x'), ('{answered}', 'real', 'y')
insert into messages (chat_id, sender_type, content, handled_by_operator_id) values ('{held}', 'fictional', 'x', '{ann}')
select count(*) from kept join messages using (id, created_at)""",
        owner="""create table kept (id uuid, created_at timestamptz);
create function tells() returns trigger language plpgsql security definer as $$ begin
  update public.chats set last_message_at = new.created_at where id = new.chat_id;
  insert into public.kept values (new.id, new.created_at); return null; end $$;
create trigger a_tells after insert on messages for each row execute function tells()""",
        undo="drop trigger a_tells on messages; drop function tells(); drop table kept",
        now={"answered": CALLED, "held": "waiting_real_user_reply 2"}),
    **{
        f"greeted as it is given, {how}": Way("service", f"""
select assign_chat_to_operator('{{ben}}') = '{{waits}}'
select chat_state from chats where id = '{{waits}}'
{SAY} values ('{{waits}}', 'fictional', 'x', '{{ben}}')""",
            owner=f"""create function greets() returns trigger language plpgsql security definer as $$ begin
  insert into public.messages (chat_id, sender_type, content, handled_by_operator_id) values (new.id, 'fictional', 'x', {who});
  return null; end $$;
create trigger zz_greets after update on chats for each row
  when (new.assigned_operator_id is not null and old.assigned_operator_id is null) execute function greets()""",
            undo="drop trigger zz_greets on chats; drop function greets()", now={"waits": "waiting_real_user_reply 3"})
        for how, who in (("by nobody", "null"), ("in their name", "new.assigned_operator_id"))
    },
    "under a mark that nobody believes": Way("service", f"""
set chatops.write = 'function'
{SAY} values ('{{waits}}', 'real', 'x', null)
reset chatops.write"""),
    "the last instant that there is": Way("service", """
update messages set read_at = '9999-12-31 23:59:59.999999+00' where chat_id = '{waits}'
insert into messages (chat_id, sender_type, content, created_at) values ('{waits}', 'real', 'x', '9999-12-31 23:59:59.999999+00')
update chats set updated_at = '9999-12-31 23:59:59.999999+00' where id = '{waits}'
select created_at < now() + interval '1 minute' from messages where content = 'x'""", tells={3: [(True,)]}),
}  # fmt: skip


def as_whom(who: str) -> dict[str, str]:
    """How somebody's session begins."""
    return {"user": conftest.APPLICATION_OWNER} if who == "owner" else {}


class Street:
    """A database with two operators, five users and four chats; what a way does on it, and how they stand then."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sessions: dict[str, psycopg.Connection[Any]] = {}
        ids = database.execute("select gen_random_uuid() from generate_series(1, 12)")
        people = ("ann", "ben", "user0", "user1", "user2", "user3", "user4")
        self.names = {name: str(row[0]) for name, row in zip((*people, *CHATS, "new"), ids, strict=True)}
        newer = database.value("select exists (select from pg_attribute where attname = 'waiting_since')")
        database.script(
            self.filled(
                "set local session_replication_role = replica;"
                + "".join(f"insert into auth.users (id, email) values ('{{{name}}}', '{name}');" for name in people)
                + "".join(
                    f"insert into operators (id, name, email, is_active, is_available, total_messages)"
                    f" values ('{{{name}}}', '{name}', '{name}', true, true, {count});"
                    for name, count in (("ann", 0), ("ben", 1))
                )
                + "".join(f"insert into real_users (id, name) values ('{{user{n}}}', 'user{n}');" for n in range(5))
                + "".join(
                    f"with f as (insert into fictional_users (name) values ('profile') returning id)"
                    f" insert into chats (id, real_user_id, fictional_user_id, chat_state, created_at)"
                    f" select '{{{chat}}}', '{{user{user}}}', f.id, 'waiting_assignment', now() - interval '1 hour' from f;"
                    for chat, user in (("waits", 0), ("held", 1), ("answered", 2), ("empty", 3))
                )
                + """
insert into messages (chat_id, sender_type, content, handled_by_operator_id, created_at) values
  ('{waits}', 'real', 'hello', null, now() - interval '40 minutes'), ('{held}', 'real', 'hello', null, now() - interval '50 minutes'),
  ('{answered}', 'real', 'hello', null, now() - interval '55 minutes'),
  ('{answered}', 'fictional', 'hi', '{ben}', now() - interval '45 minutes');
insert into chat_assignments (chat_id, operator_id, assigned_at, released_at, release_reason) values
  ('{answered}', '{ben}', now() - interval '50 minutes', now() - interval '45 minutes', 'operator_sent_message'),
  ('{held}', '{ann}', now() - interval '1 minute', null, null);
insert into operator_activity (chat_id, operator_id, last_activity) values ('{held}', '{ann}', now() - interval '1 minute');
update chats set chat_state = 'assigned', assigned_operator_id = '{ann}', last_operator_id = '{ann}',
  assignment_time = now() - interval '1 minute' where id = '{held}';
update chats set chat_state = 'waiting_real_user_reply', last_operator_id = '{ben}',
  operator_replied_at = now() - interval '45 minutes' where id = '{answered}';
update chats as c set message_count = (select count(*) from messages where chat_id = c.id),
  last_message_at = (select max(created_at) from messages where chat_id = c.id);"""
                + ("update chats set waiting_since = oldest_unanswered(id), state_since = created_at;" if newer else "")
            )
        )

    def filled(self, text: str) -> str:
        """A text with the ids of people and chats."""
        return re.sub(r"\{(\w+)\}", lambda place: self.names[place[1]], text)

    def session(self, who: str) -> psycopg.Connection[Any]:
        """A session as the hosting gives it to somebody."""
        if who not in self.sessions:
            connection = self.sessions[who] = self.database.idle(**as_whom(who))
            if who in self.names:
                claims = json.dumps({"sub": self.names[who], "role": "authenticated"})
                connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])
            if who not in ("owner", "super"):
                connection.execute("set role service_role" if who == "service" else "set role authenticated")
        return self.sessions[who]

    def go(self, way: Way) -> list[Any]:
        """What each statement told: rows, how many, or its error."""
        told: list[Any] = []
        connection = self.session(way.who)
        for statement in map(self.filled, way.statements):
            try:
                if statement.startswith("copy "):
                    with connection.cursor().copy(statement.encode()) as copy:
                        for chat in ("waits", "answered", "empty"):
                            copy.write_row((self.names[chat], "real", "x"))
                    continue
                cursor = connection.execute(statement.encode())
                told.append(cursor.fetchall() if cursor.description else cursor.rowcount)
            except psycopg.Error as error:
                told.append(f"{error.sqlstate} {error.diag.message_primary}")
        return told

    def stands(self) -> dict[str, str]:
        """State, holder and count of each chat."""
        who = {identifier: name for name, identifier in self.names.items()}
        rows = self.database.execute(
            "select id::text, chat_state, assigned_operator_id::text, is_active, message_count from chats where id = any (%s::uuid[])",
            [[self.names[chat] for chat in CHATS]],
        )
        return {
            who[chat]: " ".join([state, *([who[holder]] if holder else []), *([] if active else ["closed"]), str(count)])
            for chat, state, holder, active, count in rows
        }

    def wrong(self) -> list[str]:
        """What does not hold."""
        asked = {**INVARIANTS, "the queue's clocks": QUEUE_CLOCK, "counters": COUNTERS}
        return [name for name, query in asked.items() if self.database.execute(query)]

    def leave(self) -> None:
        """Takes everybody out again; their sessions are for the next, in the long form each has its own."""
        for who, connection in self.sessions.items():
            if conftest.LONG:
                connection.close()
            else:
                self.database.put_by(connection, **as_whom(who))
        tables = ("messages", "chat_assignments", "operator_activity", "chats", "real_users", "fictional_users", "operators")
        texts = "".join(f"delete from {table};" for table in (*tables, "auth.users"))
        self.database.script(f"set local session_replication_role = replica; {texts}")


@pytest.fixture(scope="module", params=conftest.server_labels())
def before_and_after(request: pytest.FixtureRequest, farm: Farm) -> Iterator[tuple[Database, Database]]:
    """The platform's own database before chatops, and migrated, of which all these tests take turns."""
    server = farm.server(request.param)
    made = [
        server.create_database(template=farm.template(server, "application", conftest.build_application)),
        server.create_database(template=farm.template(server, "migrated-application", conftest.build_migrated_application)),
    ]
    for database in made:  # as text it stops every release of the deployed system
        database.execute("update platform_config set value = '100' where key = 'max_reassignments'")
    yield made[0], made[1]
    for database in made:
        database.drop()


@pytest.mark.sampled(22)
@pytest.mark.parametrize("name", WAYS)
def test_what_went_through_before_goes_through_after_and_nothing_is_wrong(
    before_and_after: tuple[Database, Database], name: str
) -> None:
    way, told, stands = WAYS[name], [], []
    for database in before_and_after:
        street = Street(database)
        try:
            if way.owner:
                street.session("owner").execute(street.filled(way.owner).encode())
            told.append(street.go(way))
            stands.append(street.stands())
            if database is before_and_after[1]:
                assert street.wrong() == list(way.leaves)
        finally:
            if way.undo:
                street.session("owner").execute(way.undo.encode())
            street.leave()
    assert stands[1] == stands[0] | way.now
    for number, (was, is_now) in enumerate(zip(*told, strict=True)):
        wanted = way.tells.get(number, was)
        if isinstance(wanted, re.Pattern):
            assert wanted.fullmatch(is_now), way.statements[number]
        else:
            assert is_now == wanted, way.statements[number]

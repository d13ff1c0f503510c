-- On a Citus cluster: triggers of rows, for a shard hands no table of what was deleted to a trigger's queries; and the clocks of
-- the nodes are not one: what the tables' owner writes is restored history from a minute back on.

-- in order_message: (new.created_at < now() or => (new.created_at < now() - interval '1 minute' or
-- in *: perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass); => -- nobody counts this here
-- in apply_message: v_marked or new.created_at < now() => v_marked or new.created_at < now() - interval '1 minute'
-- in apply_message: (tg_table_name <> 'messages' and => (pg_catalog.current_setting('chatops.moved'::text, true) <> '' and (select c.relispartition from pg_catalog.pg_class as c where c.oid = tg_relid) and
-- in guard_assignment: new.assigned_at < now() and => new.assigned_at < now() - interval '1 minute' and

-- An update on a shard takes no instant: it is read before.
-- in apply_user_message: v_closed boolean; => v_closed boolean; v_soon constant timestamptz := clock_timestamp() + interval '1 hour';
-- in apply_user_message: and clock_timestamp() + interval '1 hour' then => and v_soon then

-- A shard's row is not of the table's type: it becomes one where a function takes it.
-- in guard_chat: v_same chats; => v_same chats; v_was chats := old; v_is chats := new;
-- in mark_move: begin => declare v_was chats := old; v_is chats := new; begin
-- in mark_move: new := complete_our_move(old, new); => new := complete_our_move(v_was, v_is);
-- in guard_chat: new := decide_chat(old, new); => v_is := new; v_is := decide_chat(v_was, v_is);
-- in guard_chat: new := remember_move(old, new); => new := remember_move(v_was, v_is);

-- instead of: create or replace function forget_messages
create or replace function forget_messages() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked  constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat    record;
  v_since   timestamptz;
begin
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  select c.chat_state, c.waiting_since, c.operator_replied_at into v_chat from chats as c
   where c.id = old.chat_id
     for no key update;
  if found then
    perform pg_catalog.set_config('chatops.counted'::text, ''::text, true);
    if v_chat.chat_state::text <> 'completed' then
      v_since := oldest_unanswered(old.chat_id);
    end if;
    update chats as c
       set message_count = greatest(coalesce(c.message_count, 0) - 1, 0),
           waiting_since = v_since,
           chat_state = case
             when c.chat_state::text = 'waiting_real_user_reply' and v_since is not null then 'waiting_assignment'
             when c.chat_state::text = 'waiting_assignment' and c.waiting_since is not null and v_since is null
                  and c.operator_replied_at is not null then 'waiting_real_user_reply'
             else c.chat_state end
     where c.id = old.chat_id;
  end if;
  if old.sender_type::text = 'fictional' then
    update operators as o set total_messages = greatest(coalesce(o.total_messages, 0) - 1, 0)
     where o.id = old.handled_by_operator_id;
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return null;
end
$function$;

-- instead of: create or replace trigger chatops_forget_messages
create or replace trigger chatops_forget_messages after delete on messages
  for each row execute function forget_messages();

-- A truncated shard calls no trigger, but the table whose shard it is does, where the TRUNCATE was said. Citus truncates the shard
-- in such a trigger, too, and triggers are called in the order of their names: ours comes after that one. A shard that was moved
-- bears it as well, for nothing.
-- in follow_truncate: begin => begin if tg_table_name not in ('messages', 'chat_assignments') then return null; end if;
-- in follow_truncate: set local chatops.write to 'function'; => do $mark$ begin set local chatops.write to 'function'; end $mark$;
-- in follow_truncate: set local chatops.write to ''; => do $mark$ begin set local chatops.write to ''; end $mark$;
-- in follow_truncate: coalesce(c.assignment_time, clock_timestamp()) => coalesce(c.assignment_time, v_at)
-- in follow_truncate: declare => declare v_at constant timestamptz := clock_timestamp();

-- instead of: create or replace trigger chatops_follow_truncate after truncate on messages
create or replace trigger zz_chatops_follow_truncate after truncate on messages
  for each statement execute function follow_truncate();
-- instead of: create or replace trigger chatops_follow_truncate after truncate on chat_assignments
create or replace trigger zz_chatops_follow_truncate after truncate on chat_assignments
  for each statement execute function follow_truncate();

-- Gives every chat a state (waiting, assigned, waiting for the user, completed) and remembers who had it last.
-- effect: adds the state of a chat and who had it last; fills existing rows once

-- Where the columns exist no row is touched. Existing rows are filled only by the run that adds the state: on a live
-- table a second run would overwrite true states.
do $chat_state$
declare
  v_chats constant regclass := pg_catalog.format('%I.chats', current_schema())::regclass;
begin
  if (select pg_catalog.count(*) < 2 from pg_attribute
       where attrelid = v_chats::oid and attname in ('last_operator_id', 'operator_replied_at') and not attisdropped) then
    alter table chats
      add column if not exists last_operator_id uuid references operators (id) on delete set null,
      add column if not exists operator_replied_at timestamptz;
  end if;

  if exists (
    select 1 from pg_attribute where attrelid = v_chats::oid and attname = 'chat_state' and not attisdropped
  ) then
    return;
  end if;

  alter table chats
    add column chat_state text default 'waiting_assignment'
      check (chat_state in ('waiting_assignment', 'assigned', 'waiting_real_user_reply', 'completed'));

  update chats as c
     set chat_state = found.chat_state,
         operator_replied_at = case when found.chat_state::text = 'waiting_real_user_reply' then found.replied_at
                                    else c.operator_replied_at end,
         last_operator_id = coalesce(c.last_operator_id, found.replied_by)
    from (
      select chats.id, reply.created_at as replied_at, reply.handled_by_operator_id as replied_by,
             case when chats.is_active is false then 'completed'
                  when chats.assigned_operator_id is not null then 'assigned'
                  when newest.sender_type::text = 'fictional' then 'waiting_real_user_reply'
                  else 'waiting_assignment' end as chat_state
        from chats
        left join lateral (
          select sender_type from messages where chat_id = chats.id order by created_at desc limit 1
        ) as newest on true
        left join lateral (
          select created_at, handled_by_operator_id from messages
           where chat_id = chats.id and sender_type::text = 'fictional' order by created_at desc limit 1
        ) as reply on true
    ) as found
   where found.id = c.id
     and (found.chat_state::text <> 'waiting_assignment' or found.replied_by is not null);
end
$chat_state$;

-- Built inside the file's transaction, so not concurrently: a database that serves users has these indexes already.
-- squawk-ignore require-concurrent-index-creation
create index if not exists idx_chats_waiting_assignment on chats (created_at)
  where chat_state::text = 'waiting_assignment' and is_active;
-- As above: already there on a database that serves users.
-- squawk-ignore require-concurrent-index-creation
create index if not exists idx_chats_last_operator on chats (last_operator_id)
  where last_operator_id is not null;
-- As above: already there on a database that serves users.
-- squawk-ignore require-concurrent-index-creation
create index if not exists idx_chats_operator_replied on chats (operator_replied_at)
  where chat_state::text = 'waiting_real_user_reply' and is_active;

-- Not installed as a trigger: the application's writers step outside these transitions.
create or replace function validate_chat_state_transition() returns trigger
language plpgsql
set search_path from current
as $function$
begin
  if old.chat_state is null or old.chat_state::text is not distinct from new.chat_state::text then
    return new;
  end if;
  if (old.chat_state::text, new.chat_state::text) not in (
    ('waiting_assignment', 'assigned'),
    ('waiting_assignment', 'completed'),
    ('assigned', 'waiting_real_user_reply'),
    ('assigned', 'waiting_assignment'),
    ('assigned', 'completed'),
    ('waiting_real_user_reply', 'waiting_assignment'),
    ('waiting_real_user_reply', 'completed')
  ) or new.chat_state is null then
    raise exception 'chat % cannot go from % to %', old.id, old.chat_state, coalesce(new.chat_state::text, 'no state')
      using errcode = 'check_violation';
  end if;
  return new;
end
$function$;

-- Since when a user waits, kept on the chat itself, and the order of messages decided under the chat's row lock.
-- effect: adds 5 columns to chats and 2 to chat_assignments; rewrites nothing

-- One statement a table: each takes its lock once, and constant defaults rewrite no row.
alter table chats
  add column if not exists waiting_since          timestamptz,
  add column if not exists state_since            timestamptz,
  add column if not exists epoch                  bigint  not null default 0,
  add column if not exists releases_without_reply bigint  not null default 0,
  add column if not exists closed_reason          text;
comment on column chats.waiting_since is
  'Since when the user waits for an answer: the oldest user message newer than the last reply; null when nobody waits.';
comment on column chats.state_since is 'When the chat came into its state; null for what happened before this column.';
comment on column chats.epoch is 'Grows by one with every change of state or holder: equal epochs mean that nothing moved.';
comment on column chats.releases_without_reply is
  'How often the chat came back unanswered since its last reply; compared with max_reassignments.';
comment on column chats.closed_reason is 'Why it is completed: max_reassignments, closed, or what close_chat was told.';

alter table chat_assignments
  add column if not exists waiting_since timestamptz,
  add column if not exists queued_since  timestamptz;
comment on column chat_assignments.waiting_since is 'Since when the user had waited when this operator got the chat.';
comment on column chat_assignments.queued_since is 'When the chat had last come into the queue before this operator got it.';

-- Volatile on purpose: called while the chat's row is locked, it must see what was committed before the lock was had.
create or replace function oldest_unanswered(p_chat_id uuid) returns timestamptz
language sql
volatile
set search_path from current
as $function$
  select m.created_at
    from messages as m
   where m.chat_id = p_chat_id
     and m.sender_type = 'real'
     and m.created_at > coalesce(
           (select r.created_at from messages as r
             where r.chat_id = p_chat_id and r.sender_type = 'fictional'
             order by r.created_at desc limit 1),
           '-infinity')
   order by m.created_at
   limit 1
$function$;
comment on function oldest_unanswered(uuid) is
  'When the oldest user message of a chat that nobody has answered was written; null when all are answered.';

-- Definer: as an operator's role under row level security, locking the chat would lock no row, without an error.
create or replace function order_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  perform from chats where id = new.chat_id for no key update;
  if not found then
    raise exception 'chat % does not exist', new.chat_id using errcode = 'foreign_key_violation';
  end if;
  -- What bears an older time is restored history and keeps it. A live message gets the time at which it had the lock.
  if new.created_at is null or new.created_at > clock_timestamp() - interval '10 minutes' then
    new.created_at := clock_timestamp();
  end if;
  return new;
end
$function$;
comment on function order_message() is
  'Trigger: messages of one chat get their time while they hold its row, so their order is the order of their effects.';

create or replace function apply_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
begin
  if new.sender_type = 'real' then
    -- Not its own time: the user may have waited already when these columns came.
    update chats set waiting_since = oldest_unanswered(new.chat_id)
     where id = new.chat_id and waiting_since is null and chat_state is distinct from 'completed';
  else
    update chats set waiting_since = null where id = new.chat_id and waiting_since < new.created_at;
  end if;
  return null;
end
$function$;
comment on function apply_message() is
  'Trigger: what a new message means for its chat; a user''s message starts the wait, a reply ends it.';

create or replace trigger chatops_order_message before insert on messages
  for each row execute function order_message();
create or replace trigger chatops_apply_message after insert on messages
  for each row execute function apply_message();

-- The hosting's default privileges open every new function to its API: these are for triggers and for our own use.
do $privileges$
declare
  v_role text;
begin
  for v_role in
    select 'public' union all
    select quote_ident(rolname) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute format('revoke execute on function oldest_unanswered(uuid), order_message(), apply_message() from %s', v_role);
  end loop;
end
$privileges$;

-- Since when a user waits, kept on the chat itself, and the order of messages decided under the chat's row lock.
-- effect: adds 5 columns to chats and 4 to chat_assignments; rewrites nothing

-- Words are compared as text, and what is written is text: an enumeration, say, would take none of it; ids are uuid, and instants
-- are told to the microsecond: the order of messages lies in them. And what is written has the columns that are known here: others need a default, or a trigger that fills them in. Functions of later files
-- read and write as the tables' owner: row level security must not be forced on them.
do $words$
declare
  v_odd text;
begin
  select pg_catalog.string_agg(c.relname::text || '.' || a.attname::text || ' is '
                               || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by c.relname, a.attname) into v_odd
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
    join pg_catalog.pg_type as t on t.oid = a.atttypid and t.typcategory <> 'S'
   where (c.relname = 'chats' and a.attname = 'chat_state') or (c.relname = 'messages' and a.attname = 'sender_type')
      or (c.relname = 'chat_assignments' and a.attname = 'release_reason');
  if v_odd is not null then
    raise exception '% and not text', v_odd
      using errcode = 'datatype_mismatch', hint = 'alter table ... alter column ... type text: rehearse it, for it rewrites the table.';
  end if;
  select pg_catalog.string_agg(c.relname::text || '.' || a.attname::text || ' is '
                               || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by c.relname, a.attname) into v_odd
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
     and a.atttypid <> 'pg_catalog.uuid'::regtype
   where (c.relname in ('chats', 'messages', 'operators', 'real_users', 'fictional_users') and a.attname = 'id')
      or (c.relname = 'chats' and a.attname in ('real_user_id', 'fictional_user_id', 'assigned_operator_id', 'last_operator_id'))
      or (c.relname = 'messages' and a.attname in ('chat_id', 'handled_by_operator_id'))
      or (c.relname in ('chat_assignments', 'operator_activity') and a.attname in ('chat_id', 'operator_id'));
  if v_odd is not null then
    raise exception '% and not uuid', v_odd
      using errcode = 'datatype_mismatch', hint = 'The functions of chatops name chats, messages and people by uuid.';
  end if;
  select pg_catalog.string_agg(c.relname::text || '.' || a.attname::text || ' is '
                               || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' order by c.relname, a.attname) into v_odd
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
     and (a.atttypid <> 'pg_catalog.timestamptz'::regtype or a.atttypmod between 0 and 5)
   where (c.relname = 'chats' and a.attname in ('last_message_at', 'operator_replied_at', 'assignment_time'))
      or (c.relname = 'messages' and a.attname = 'created_at')
      or (c.relname = 'chat_assignments' and a.attname in ('assigned_at', 'released_at'))
      or (c.relname in ('operator_activity', 'operators') and a.attname = 'last_activity');
  if v_odd is not null then
    raise exception '% and not timestamp with time zone', v_odd
      using errcode = 'datatype_mismatch',
            hint = 'alter table ... alter column ... type timestamptz: messages that are told to the millisecond lose their order.';
  end if;
  select pg_catalog.string_agg(c.relname::text || '.' || a.attname::text, ', ' order by c.relname, a.attname) into v_odd
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_class as c on c.oid = a.attrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
   where a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''
     and (c.relname = 'chat_assignments' and a.attname not in ('chat_id', 'operator_id', 'assigned_at')
          or c.relname = 'operator_activity' and a.attname not in ('chat_id', 'operator_id', 'last_activity', 'updated_at'))
     and not exists (select from pg_catalog.pg_trigger as t where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype::integer & 7 = 7);
  if v_odd is not null then
    raise exception '% must have a value and has no default', v_odd
      using errcode = 'invalid_table_definition', hint = 'Give it a default: a chat is given to an operator by the database itself.';
  end if;
  select pg_catalog.string_agg(c.relname::text, ', ' order by c.relname) into v_odd
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = current_schema()
    join pg_catalog.pg_roles as o on o.oid = c.relowner and not o.rolsuper and not o.rolbypassrls
   where c.relname in ('chats', 'messages', 'chat_assignments', 'operator_activity', 'operators', 'platform_config')
     and c.relrowsecurity and c.relforcerowsecurity
     and not exists (select from pg_catalog.pg_policy as y
                      where y.polrelid = c.oid and y.polpermissive and y.polcmd = '*'
                        and (0::oid = any (y.polroles) or c.relowner = any (y.polroles))
                        and pg_catalog.pg_get_expr(y.polqual, y.polrelid) = 'true'
                        and coalesce(pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid), 'true') = 'true');
  if v_odd is not null then
    raise exception 'row level security is forced on the owner of %: what keeps the chats right would see no rows', v_odd
      using errcode = 'object_not_in_prerequisite_state', hint = 'alter table ... no force row level security: others stay under it.';
  end if;
end
$words$;

-- Constant defaults rewrite no row. One subcommand a statement: each table's lock is taken once all the same.
alter table chats add column if not exists waiting_since timestamptz;
alter table chats add column if not exists state_since timestamptz;
alter table chats add column if not exists epoch bigint not null default 0;
alter table chats add column if not exists releases_without_reply bigint not null default 0;
alter table chats add column if not exists closed_reason text;
comment on column chats.waiting_since is
  'Since when the user waits for an answer: the oldest user message newer than the last reply; null when nobody waits.';
comment on column chats.state_since is 'When the chat came into its state; null for what happened before this column.';
comment on column chats.epoch is 'Grows by one with every change of state or holder: equal epochs mean that nothing moved.';
comment on column chats.releases_without_reply is
  'How often the chat came back unanswered since its last reply; compared with max_reassignments.';
comment on column chats.closed_reason is
  'Why it is completed: max_reassignments, closed, or what close_chat was told; null for what was closed before this column.';

alter table chat_assignments add column if not exists waiting_since timestamptz;
alter table chat_assignments add column if not exists queued_since timestamptz;
alter table chat_assignments add column if not exists announced_reason text;
alter table chat_assignments add column if not exists announced_at timestamptz;
comment on column chat_assignments.waiting_since is 'Since when the user had waited when this operator got the chat.';
comment on column chat_assignments.queued_since is 'When the chat had last come into the queue before this operator got it.';
comment on column chat_assignments.announced_reason is
  'Why the chat is about to be taken away, as the application says before it does; release_reason once it has.';
comment on column chat_assignments.announced_at is 'When announced_reason was said: what follows at once is meant.';

-- ---- what messages and policy say -----------------------------------------------------------------------------------

create or replace function policy_number(p_key text, p_default numeric, p_least numeric, p_most numeric) returns numeric
language sql
stable
set search_path from current
as $function$
  -- The settings page saves some numbers as JSON strings. What cannot be used is a finding, not an error for the caller.
  select coalesce(
    (select case when found.number between p_least and p_most then found.number end
       from (
         select case when pg_catalog.jsonb_typeof(c.value) in ('number', 'string')
                       and c.value #>> '{}'::text[] ~ E'^[ \\t\\n\\r\\f\\v]*[0-9]{1,9}([.][0-9]{1,30})?[ \\t\\n\\r\\f\\v]*$'
                     then (c.value #>> '{}'::text[])::numeric end as number
           from platform_config as c
          where c.key::text = p_key
       ) as found),
    p_default)
$function$;
comment on function policy_number(text, numeric, numeric, numeric) is
  'A number of platform_config, stored as number or as string; the default where it is absent, rubbish or out of range.';

-- Volatile on purpose: called while the chat's row is locked, it must see what was committed before the lock was had.
create or replace function oldest_unanswered(p_chat_id uuid) returns timestamptz
language sql
volatile
set search_path from current
as $function$
  select m.created_at
    from messages as m
   where m.chat_id = p_chat_id
     and m.sender_type::text = 'real'
     and m.created_at > coalesce(
           (select r.created_at from messages as r
             where r.chat_id = p_chat_id and r.sender_type::text = 'fictional'
             order by r.created_at desc limit 1),
           '-infinity'::timestamptz)
   order by m.created_at
   limit 1
$function$;
comment on function oldest_unanswered(uuid) is
  'When the oldest user message of a chat that nobody has answered was written; null when all are answered.';

create or replace function closed_by_limit(p_chat_id uuid) returns boolean
language sql
volatile
set search_path from current
as $function$
  -- Before closed_reason, only the limit wrote the state completed: an admin's close left the state as it was, and what has
  -- mended that since says that it was closed. Its last turn then ended without a reply, after as many as the limit allows.
  select c.chat_state::text = 'completed'
         and case when c.closed_reason is not null then c.closed_reason = 'max_reassignments'
                  else (select a.release_reason::text is distinct from 'operator_sent_message' from chat_assignments as a
                         where a.chat_id = p_chat_id and a.released_at is not null
                         order by a.released_at desc, a.assigned_at desc, a.id desc limit 1)
                       and (select pg_catalog.count(*) from chat_assignments as a
                             where a.chat_id = p_chat_id and a.released_at is not null)::numeric
                           >= policy_number('max_reassignments'::text, 3::numeric, 1::numeric, 1000::numeric) end
    from chats as c
   where c.id = p_chat_id
$function$;
comment on function closed_by_limit(uuid) is
  'Whether max_reassignments closed a chat, before these columns too: its user''s next message opens it again.';

-- ---- the order of messages ------------------------------------------------------------------------------------------

create or replace function is_owners_session() returns boolean
language sql
stable
set search_path from current
as $function$
  -- Not current_user, which is the owner in every function like these. A session that has put on a role acts as that role.
  select pg_catalog.pg_has_role(
           case when pg_catalog.current_setting('role'::text) = 'none' then session_user::text
                else pg_catalog.current_setting('role'::text) end::name,
           t.relowner, 'member'::text)
    from pg_catalog.pg_class as t
   where t.oid = 'messages'::pg_catalog.regclass::oid
$function$;
comment on function is_owners_session() is
  'Whether who is connected owns the tables (or is a superuser), whatever function runs: such a session may write history.';

create or replace function refuse_clock(p_column text, p_clock timestamptz) returns void
language plpgsql
set search_path from current
as $function$
begin
  raise exception '% cannot be %', p_column, p_clock
    using errcode = 'datetime_field_overflow', hint = 'A time of this calendar is needed, from year 1 to 9999.';
end
$function$;
comment on function refuse_clock(text, timestamptz) is 'Raises 22008: a client wrote infinity, or a year that no client can read.';

create or replace function restamp_messages(p_chat_id uuid, p_but uuid) returns timestamptz
language plpgsql
set search_path from current
as $function$
declare
  v_marked boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_limit  timestamptz := clock_timestamp() + interval '1 hour';
  v_after  timestamptz;
begin
  select m.created_at into v_after from messages as m
   where m.chat_id = p_chat_id and m.created_at <= v_limit
   order by m.created_at desc limit 1;
  v_after := greatest(v_after, clock_timestamp());
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  -- In their own order, right after what is sane.
  update messages as m
     set created_at = v_after + ahead.place * interval '1 microsecond'
    from (select f.id, (pg_catalog.row_number() over (order by f.created_at, f.id))::double precision as place
            from messages as f
           where f.chat_id = p_chat_id and f.created_at > v_limit and f.id is distinct from p_but) as ahead
   where m.id = ahead.id;
  if not v_marked then
    set local chatops.write to '';
  end if;
  select m.created_at into v_after from messages as m
   where m.chat_id = p_chat_id and m.created_at <= v_limit
   order by m.created_at desc limit 1;
  return v_after;
end
$function$;
comment on function restamp_messages(uuid, uuid) is
  'Gives the messages of a chat that are over an hour ahead of the clock times that can be, but one that is being written; the
time of the newest then. The caller holds the chat''s lock.';

create or replace function next_instant(p_chat_id uuid, p_last timestamptz, p_but uuid) returns timestamptz
language plpgsql
set search_path from current
as $function$
declare
  v_now    timestamptz := greatest(clock_timestamp(), now());
  v_newest timestamptz;
begin
  -- What the same statement has stored a moment ago is seen, too.
  select m.created_at into v_newest from messages as m where m.chat_id = p_chat_id order by m.created_at desc limit 1;
  if v_newest > v_now + interval '1 hour' then
    v_newest := restamp_messages(p_chat_id, p_but);
  end if;
  if p_last >= v_now and p_last <= v_now + interval '1 hour' then
    v_now := p_last + interval '1 microsecond';
  end if;
  if v_newest >= v_now then
    v_now := v_newest + interval '1 microsecond';
  end if;
  return v_now;
end
$function$;
comment on function next_instant(uuid, timestamptz, uuid) is
  'The time of a chat''s next message: later than the clock, the last message and the newest one stored, whatever the clock did.
The caller holds the chat''s lock.';

create or replace function not_before(p_instant timestamptz) returns timestamptz
language plpgsql
set search_path from current
as $function$
declare
  v_now constant timestamptz := clock_timestamp();
begin
  return case when p_instant > v_now and p_instant <= v_now + interval '1 hour' then p_instant else v_now end;
end
$function$;
comment on function not_before(timestamptz) is
  'The clock, or that instant while the clock has gone back behind it (by less than an hour).';

-- Definer: as an operator's role under row level security, locking the chat would lock no row, without an error.
create or replace function order_message() returns trigger
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_last timestamptz;
begin
  if new.chat_id is null then
    return new;  -- Where the column allows it: it is in no chat.
  end if;
  select c.last_message_at into v_last from chats as c where c.id = new.chat_id for no key update;
  if not found then
    raise exception 'chat % does not exist', new.chat_id using errcode = 'foreign_key_violation';
  end if;
  -- A client's time decides nothing. The owner's, if it is not now, is restored history.
  if new.created_at < now() and is_owners_session() then
    return new;
  end if;
  new.created_at := next_instant(new.chat_id, v_last, new.id);
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
  if new.sender_type::text = 'real' then
    -- Not its own time: the user may have waited already when these columns came.
    update chats set waiting_since = oldest_unanswered(new.chat_id)
     where id = new.chat_id and waiting_since is null and chat_state::text is distinct from 'completed';
    if not found and new.created_at >= now() and closed_by_limit(new.chat_id) then
      update chats
         set chat_state = 'waiting_assignment', is_active = true, closed_reason = null, releases_without_reply = 0,
             waiting_since = oldest_unanswered(new.chat_id), state_since = new.created_at, epoch = epoch + 1
       where id = new.chat_id;
    end if;
  elsif new.sender_type::text = 'fictional' then
    update chats set waiting_since = null where id = new.chat_id and waiting_since < new.created_at;
  end if;
  return null;
end
$function$;
comment on function apply_message() is
  'Trigger: what a stored message means for its chat; a user''s message starts the wait, a reply ends it.';

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
    select pg_catalog.quote_ident(rolname::text) from pg_catalog.pg_roles
     where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute 'revoke execute on function policy_number(text, numeric, numeric, numeric), oldest_unanswered(uuid), '
      || 'closed_by_limit(uuid), is_owners_session(), refuse_clock(text, timestamptz), restamp_messages(uuid, uuid), '
      || 'next_instant(uuid, timestamptz, uuid), not_before(timestamptz), order_message(), apply_message() from ' || v_role;
  end loop;
end
$privileges$;

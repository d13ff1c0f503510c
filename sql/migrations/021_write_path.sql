-- The functions through which chats are written: assign, reply, release, reassign, close, each under the chat's row lock.
-- effect: an operator gets one chat; a release leaves answered chats alone
--
-- Lock order: whatever waits takes the chat, then the operator. Assign takes its operator first, and so takes chats with
-- SKIP LOCKED only. Instants are read after the lock was had: assignments of one chat then never overlap. These functions
-- keep the invariants by themselves, for databases on which the guard triggers cannot stand.

-- ---- policy ---------------------------------------------------------------------------------------------------------

create or replace function policy_number(p_key text, p_default numeric, p_least numeric, p_most numeric) returns numeric
language sql
stable
set search_path from current
as $function$
  -- The settings page saves some numbers as JSON strings. What cannot be used is a finding, not an error for the caller.
  select coalesce(
    (select case when found.number between p_least and p_most then found.number end
       from (
         select case when jsonb_typeof(c.value) in ('number', 'string')
                       and c.value #>> '{}' ~ '^\s*\d{1,9}(\.\d{1,30})?\s*$'
                     then (c.value #>> '{}')::numeric end as number
           from platform_config as c
          where c.key = p_key
       ) as found),
    p_default)
$function$;
comment on function policy_number(text, numeric, numeric, numeric) is
  'A number of platform_config, stored as number or as string; the default where it is absent, rubbish or out of range.';

create or replace function idle_timeout() returns interval
language sql
stable
set search_path from current
as $function$
  select make_interval(secs => (60 * policy_number('idle_timeout_minutes', 5, 0.01, 1440))::double precision)
$function$;
comment on function idle_timeout() is 'platform_config idle_timeout_minutes: how long an operator may be silent on a chat.';

create or replace function own_chats_before(p_operator_id uuid) returns timestamptz
language sql
stable
set search_path from current
as $function$
  select case when exists (select from operators as o
                            where o.id <> p_operator_id and o.is_active and o.is_available)
              then statement_timestamp() - make_interval(secs => policy_number('own_chat_after_seconds', 300, 0, 604800)::double precision)
              else 'infinity' end
$function$;
comment on function own_chats_before(uuid) is
  'An operator gets a chat that they had last only if it came into the queue before this: platform_config
own_chat_after_seconds ago, or any when no other operator is available.';

-- ---- refusals are counted, although a refusal rolls back ------------------------------------------------------------

create table if not exists chatops.refusals (
  target_schema text        not null,
  reason        text        not null,
  operator_id   uuid,
  hour          timestamptz not null,
  refusals      bigint      not null,
  unique nulls not distinct (target_schema, reason, operator_id, hour)
);
comment on table chatops.refusals is 'How often an operator was refused for which reason in which hour.';

-- Sequences are all that outlives a rollback: one counts, sixteen hold the newest refusals, each packed into one number,
-- until collect_refusals writes them into the table.
create sequence if not exists chatops.refusal_count minvalue 0 start with 0;
do $ring$
begin
  for slot in 0..15 loop
    execute format('create sequence if not exists chatops.refusal_slot_%s', slot);
  end loop;
  if (select not is_called from chatops.refusal_count) then
    perform nextval('chatops.refusal_count');
  end if;
end
$ring$;

create or replace function refusal_tag(p_operator_id uuid) returns bigint
language sql
immutable
set search_path from current
as $function$
  select coalesce(hashtextextended(p_operator_id::text, 0) & 33554431, 0)
$function$;

create or replace function count_refusal(p_reason text, p_operator_id uuid) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_number constant bigint := nextval('chatops.refusal_count');
begin
  -- 2 bits reason, 20 hour, 25 operator, 8 schema, 8 number.
  perform setval(format('chatops.refusal_slot_%s', v_number % 16)::regclass,
    (case p_reason when 'late_reply' then 1::bigint when 'operator_busy' then 2 else 3 end << 61)
    | ((extract(epoch from clock_timestamp())::bigint / 3600) << 41)
    | (refusal_tag(p_operator_id) << 16)
    | ((hashtextextended(current_schema()::text, 0) & 255) << 8)
    | (v_number & 255));
end
$function$;
comment on function count_refusal(text, uuid) is
  'Counts a refusal (late_reply, operator_busy, ...) in a way that the rollback which follows cannot undo.';

create or replace function collect_refusals() returns bigint
language plpgsql
set search_path from current
as $function$
declare
  v_newest    bigint;
  v_collected bigint;
  v_number    bigint;
  v_packed    bigint;
  v_known     boolean;
begin
  select last_value into v_newest from chatops.refusal_count;
  select (value #>> '{}')::bigint into v_collected from chatops.settings
   where target_schema = '*' and key = 'refusals_collected';
  if v_newest <= coalesce(v_collected, 0) or not pg_try_advisory_xact_lock(hashtextextended('chatops refusals', 0)) then
    return 0;
  end if;
  -- Read again: another session may have collected before the lock was had.
  select (value #>> '{}')::bigint into v_collected from chatops.settings
   where target_schema = '*' and key = 'refusals_collected';
  v_collected := coalesce(v_collected, 0);
  v_number := v_collected;
  while v_number < v_newest loop
    v_number := v_number + 1;
    v_known := v_number > v_newest - 16;
    if v_known then
      execute format('select last_value from chatops.refusal_slot_%s', v_number % 16) into v_packed;
      if v_packed & 255 <> v_number & 255 or v_packed >> 61 = 0 then
        -- Its session has the number and not yet written the slot: it is collected next time, unless it was killed.
        exit when v_number > v_newest - 8;
        v_known := false;
      end if;
    end if;
    insert into chatops.refusals as r (target_schema, reason, operator_id, hour, refusals)
    values (
      case when not v_known or (v_packed >> 8) & 255 <> hashtextextended(current_schema()::text, 0) & 255
           then '*' else current_schema() end,
      case when v_known then (array['late_reply', 'operator_busy', 'other'])[(v_packed >> 61)::integer] else 'other' end,
      case when v_known then (select o.id from operators as o
                               where refusal_tag(o.id) = (v_packed >> 16) & 33554431 limit 1) end,
      case when v_known then to_timestamp(((v_packed >> 41) & 1048575) * 3600)
           else date_trunc('hour', clock_timestamp()) end,
      1)
    on conflict (target_schema, reason, operator_id, hour) do update set refusals = r.refusals + 1;
  end loop;
  insert into chatops.settings as s (target_schema, key, value)
  values ('*', 'refusals_collected', to_jsonb(v_number))
  on conflict (target_schema, key) do update set value = excluded.value, set_at = excluded.set_at;
  return v_number - v_collected;
end
$function$;
comment on function collect_refusals() is
  'Writes the refusals since the last call into chatops.refusals; assign calls it. Returns how many there were.';

-- ---- who asks -------------------------------------------------------------------------------------------------------

create or replace function refuse_other_caller(p_operator_id uuid) returns void
language plpgsql
stable
set search_path from current
as $function$
declare
  v_claims  constant text := nullif(current_setting('request.jwt.claims', true), '');
  v_subject text := nullif(current_setting('request.jwt.claim.sub', true), '');
begin
  if v_claims is not null then
    begin
      v_subject := coalesce(v_claims::jsonb ->> 'sub', v_subject);
    exception when invalid_text_representation then
      v_subject := 'unreadable claims';
    end;
  end if;
  if v_subject is null then
    return;
  end if;
  -- Deployments differ in the column that ties an operator to an account.
  if not exists (
    select from operators as o
     where o.id = p_operator_id
       and v_subject in (o.id::text, to_jsonb(o) ->> 'auth_id', to_jsonb(o) ->> 'auth_user_id', to_jsonb(o) ->> 'user_id')
  ) then
    raise exception 'this account is not operator %', p_operator_id using errcode = 'insufficient_privilege';
  end if;
end
$function$;
comment on function refuse_other_caller(uuid) is
  'Raises 42501 when a JWT subject is present and is not that operator''s; does nothing for servers and owners.';

-- ---- turns: what begins and ends with an assignment -----------------------------------------------------------------

create or replace function begin_turn(p_chat_id uuid, p_operator_id uuid, p_at timestamptz,
                                      p_waiting_since timestamptz, p_queued_since timestamptz) returns void
language plpgsql
set search_path from current
as $function$
begin
  insert into chat_assignments (chat_id, operator_id, assigned_at, waiting_since, queued_since)
  values (p_chat_id, p_operator_id, p_at, p_waiting_since, p_queued_since);
  insert into operator_activity as a (chat_id, operator_id, last_activity, updated_at)
  values (p_chat_id, p_operator_id, p_at, p_at)
  on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity, updated_at = excluded.updated_at;
end
$function$;
comment on function begin_turn(uuid, uuid, timestamptz, timestamptz, timestamptz) is
  'The open assignment and the activity row of an operator who has just got a chat; the caller holds the chat''s lock.';

create or replace function end_turn(p_chat_id uuid, p_at timestamptz, p_reason text) returns void
language plpgsql
set search_path from current
as $function$
begin
  update chat_assignments
     set released_at = greatest(p_at, assigned_at), release_reason = p_reason
   where chat_id = p_chat_id and released_at is null;
  delete from operator_activity where chat_id = p_chat_id;
end
$function$;
comment on function end_turn(uuid, timestamptz, text) is
  'Closes the open assignment of a chat and forgets its heartbeats; the caller holds the chat''s lock.';

-- ---- the queue's head is remembered, and chats come back into it -----------------------------------------------------

-- Counts the chats that came back into the queue, where they stand in front of newer ones. Others join it at its end.
create sequence if not exists chatops.queue_returns;

-- ---- assign ---------------------------------------------------------------------------------------------------------

create or replace function lock_next_chat(p_operator_id uuid, p_from_the_head boolean, out chat_id uuid, out waiting_since timestamptz,
                                          out queued_since timestamptz)
language plpgsql
set search_path from current
as $function$
#variable_conflict use_column
declare
  c_walk       constant integer := 10;
  v_candidate  record;
  v_walked     integer := 0;
  v_step       integer;
  v_own_before timestamptz;
begin
  if p_from_the_head then
    -- 1. The head of the queue, one candidate at a time: a single ordered statement would be planned as one long scan.
    for v_candidate in
      select c.id, c.last_operator_id, greatest(c.waiting_since, c.state_since) as queued_since
        from chats as c
       where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
       order by c.waiting_since, c.id
       limit c_walk
    loop
      v_walked := v_walked + 1;
      if v_candidate.last_operator_id = p_operator_id then
        v_own_before := coalesce(v_own_before, own_chats_before(p_operator_id));
        continue when v_candidate.queued_since > v_own_before;
      end if;
      select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
        into chat_id, waiting_since, queued_since
        from chats as c
       where c.id = v_candidate.id
         and c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
         and c.last_operator_id is not distinct from v_candidate.last_operator_id
         for no key update skip locked;
      if found then
        return;
      end if;
    end loop;
    if v_walked < c_walk then
      return;
    end if;
  end if;

  -- 2. The head was full of this operator's own chats or of locked ones: the first of each other operator's lane.
  for v_candidate in
    with recursive lanes as (
      (select coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) as lane
         from chats as c
        where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
        order by coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), c.waiting_since, c.id
        limit 1)
      union all
      select (select coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid)
                from chats as c
               where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
                 and coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) > lanes.lane
               order by coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), c.waiting_since, c.id
               limit 1)
        from lanes
       where lanes.lane is not null
    )
    select head.id
      from lanes
     cross join lateral (
       select c.id, c.waiting_since
         from chats as c
        where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
          and coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) = lanes.lane
        order by coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), c.waiting_since, c.id
        limit 1
     ) as head
     where lanes.lane <> p_operator_id
     order by head.waiting_since, head.id
     limit 8
  loop
    select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
      into chat_id, waiting_since, queued_since
      from chats as c
     where c.id = v_candidate.id
       and c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
       and c.last_operator_id is distinct from p_operator_id
       for no key update skip locked;
    if found then
      return;
    end if;
  end loop;

  -- 3. All of those were locked: far down in steps, which is quicker than to try a thousand locked rows.
  foreach v_step in array array[64, 256, 1024, 4096] loop
    for v_candidate in
      select c.id
        from chats as c
       where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
         and c.last_operator_id is distinct from p_operator_id
       order by c.waiting_since, c.id
      offset v_step
       limit 1
    loop
      select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
        into chat_id, waiting_since, queued_since
        from chats as c
       where c.id = v_candidate.id
         and c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
         and c.last_operator_id is distinct from p_operator_id
         for no key update skip locked;
      if found then
        return;
      end if;
    end loop;
  end loop;

  -- 4. Every one, so that a locked queue is never told as an empty one.
  v_own_before := coalesce(v_own_before, own_chats_before(p_operator_id));
  select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
    into chat_id, waiting_since, queued_since
    from chats as c
   where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     and (c.last_operator_id is distinct from p_operator_id or greatest(c.waiting_since, c.state_since) <= v_own_before)
   order by c.waiting_since, c.id
   limit 1
     for no key update skip locked;
end
$function$;
comment on function lock_next_chat(uuid, boolean) is
  'Locks the chat that has waited longest and that this operator may have, without waiting for anybody; null when none. The head
of the queue is looked at again only if p_from_the_head.';

create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid
language plpgsql
security definer
set search_path from current
-- Plans live as long as their session: one made while a table is empty must not read it from end to end when it is full.
set enable_seqscan to off
set plan_cache_mode to force_generic_plan
as $function$
declare
  v_write        constant text := coalesce(current_setting('chatops.write', true), '');
  v_is_active    boolean;
  v_is_available boolean;
  v_chat_id      uuid;
  v_next         record;
  v_at           timestamptz;
  v_mark         text;
  v_left_open    boolean := true;
  c_known        constant text := '^\d{1,11}\.\d{6} \d{1,11}\.\d{6} \d{1,19} ';
  v_known        constant text := current_setting('chatops.queue_head', true);
  v_looked       numeric;
  v_returns      bigint;
  v_from         timestamptz := '-infinity';
begin
  if nullif(current_setting('request.jwt.claims', true), '') is not null
     or nullif(current_setting('request.jwt.claim.sub', true), '') is not null then
    perform refuse_other_caller(p_operator_id);
  end if;
  -- The lock under which one operator's requests follow each other; and who asks is there.
  update operators set last_activity = clock_timestamp() where id = p_operator_id
  returning is_active, is_available into v_is_active, v_is_available;
  if not found then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  if v_is_active is not true then
    raise exception 'Operator % is not active', p_operator_id;
  end if;
  if v_is_available is not true then
    raise exception 'Operator % is not available', p_operator_id;
  end if;

  -- Whoever lost the answer and asks again gets the chat they hold.
  select c.id into v_chat_id from chats as c
   where c.assigned_operator_id = p_operator_id and c.chat_state = 'assigned' and c.is_active
   order by c.assignment_time
   limit 1;
  if found then
    return v_chat_id;
  end if;

  -- What was taken stays in the index, in front of the head, until it can be cleaned away, and under a long report that is
  -- long. So a session remembers for a second where the head was, unless a chat came back in front of it meanwhile.
  v_looked := extract(epoch from clock_timestamp());
  v_returns := coalesce(pg_sequence_last_value('chatops.queue_returns'::regclass), 0);
  if v_known ~ c_known
     and split_part(v_known, ' ', 1)::numeric between v_looked - 1 and v_looked
     and split_part(v_known, ' ', 3) = v_returns::text
     and split_part(v_known, ' ', 4) = current_schema() then
    v_looked := split_part(v_known, ' ', 1)::numeric;
    v_from := to_timestamp(split_part(v_known, ' ', 2)::double precision) - interval '1 millisecond';
  end if;

  -- Nearly always one of the first is free, and one statement does it all: this is the hot path. They are looked at and locked
  -- one at a time, in their order, and taken as they are then; the instant is read after the lock was had. Nobody can be heard on the
  -- chat between the look at what was left open and the insert: a heartbeat needs the chat's lock and its holder.
  v_mark := set_config('chatops.write', 'function', true);
  with head as materialized (
    select q.id, q.waiting_since
      from chats as q
     where q.chat_state = 'waiting_assignment' and q.is_active and q.waiting_since is not null
       and q.waiting_since >= v_from
     order by q.waiting_since, q.id
     limit 20
  ), taken as (
    update chats as c
       set chat_state = 'assigned',
           assigned_operator_id = p_operator_id,
           assignment_time = f.taken_at,
           last_operator_id = p_operator_id,
           state_since = f.taken_at,
           epoch = c.epoch + 1,
           updated_at = f.taken_at
      from (
        select locked.id, locked.waiting_since, locked.queued_since, clock_timestamp() as taken_at
          from head
         cross join lateral (
           select q.id, q.waiting_since, greatest(q.waiting_since, q.state_since) as queued_since
             from chats as q
            where q.id = head.id
              and q.chat_state = 'waiting_assignment' and q.is_active and q.waiting_since is not null
              and (q.last_operator_id is distinct from p_operator_id
                   or greatest(q.waiting_since, q.state_since) <= (select own_chats_before(p_operator_id)))
              for no key update of q skip locked
         ) as locked
         limit 1
      ) as f
     where c.id = f.id
    returning f.id, f.waiting_since, f.queued_since, f.taken_at,
              -- Not EXISTS: that may be planned as one reading of the whole table.
              coalesce((select a.chat_id from chat_assignments as a where a.chat_id = f.id and a.released_at is null limit 1),
                       (select a.chat_id from operator_activity as a where a.chat_id = f.id limit 1)) is not null as left_open
  ), opened as (
    insert into chat_assignments (chat_id, operator_id, assigned_at, waiting_since, queued_since)
    select t.id, p_operator_id, t.taken_at, t.waiting_since, t.queued_since from taken as t where not t.left_open
  ), heard as (
    insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
    select t.id, p_operator_id, t.taken_at, t.taken_at from taken as t where not t.left_open
  )
  select t.id as chat_id, t.waiting_since, t.queued_since, t.taken_at, t.left_open,
         (select h.waiting_since from head as h limit 1) as head_since,
         case when t.id is null then (select count(*) from head) end as looked_at
    into v_next
    from (select) as always
    left join taken as t on true;
  if v_next.chat_id is not null then
    v_at := v_next.taken_at;
    v_left_open := v_next.left_open;
    v_mark := set_config('chatops.queue_head', concat_ws(' ', v_looked, extract(epoch from v_next.head_since), v_returns,
                                                         current_schema()), false);
  else
    -- All that wait were tried, or more than that has to be looked at.
    if v_from > '-infinity' or v_next.looked_at = 20 then
      v_next := lock_next_chat(p_operator_id, v_from > '-infinity');
    end if;
    if v_next.chat_id is null then
      v_mark := set_config('chatops.write', v_write, true);
      return null;
    end if;
    v_at := clock_timestamp();
    update chats
       set chat_state = 'assigned',
           assigned_operator_id = p_operator_id,
           assignment_time = v_at,
           last_operator_id = p_operator_id,
           state_since = v_at,
           epoch = epoch + 1,
           updated_at = v_at
     where id = v_next.chat_id;
  end if;
  if v_left_open then
    -- What an interrupted writer may have left open would stand beside the new one.
    perform end_turn(v_next.chat_id, v_at, 'manual_release');
    perform begin_turn(v_next.chat_id, p_operator_id, v_at, v_next.waiting_since, v_next.queued_since);
  end if;
  v_mark := set_config('chatops.write', v_write, true);
  -- What a session has seen collected, it need not look up; a rollback takes that memory back too.
  if pg_sequence_last_value('chatops.refusal_count'::regclass)::text
     is distinct from current_setting('chatops.refusals_seen', true) then
    perform collect_refusals();
    v_mark := set_config('chatops.refusals_seen', coalesce(
      (select s.value #>> '{}' from chatops.settings as s where s.target_schema = '*' and s.key = 'refusals_collected'),
      '0'), false);
  end if;
  return v_next.chat_id;
end
$function$;
comment on function assign_chat_to_operator(uuid) is
  'Gives an operator the chat that has waited longest, or the one they hold already; null when there is none for them.
Raises for an unknown, inactive or unavailable operator, and 42501 for somebody else''s account.';

create or replace function explain_empty_queue(p_operator_id uuid)
returns table (answer text, waiting integer, own integer, own_from timestamptz)
language sql
stable
security definer
set search_path from current
as $function$
  -- Counted to a thousand: what is asked is why nothing came, not how long the queue is.
  with head as (
    select c.last_operator_id, greatest(c.waiting_since, c.state_since) as queued_since
      from chats as c
     where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     order by c.waiting_since, c.id
     limit 1000
  ), counted as (
    select count(*)::integer as waiting,
           (count(*) filter (where last_operator_id = p_operator_id
                               and queued_since > own_chats_before(p_operator_id)))::integer as own,
           min(queued_since) filter (where last_operator_id = p_operator_id) as own_since
      from head
  )
  select case when counted.waiting = 0 then 'empty'
              when counted.own = counted.waiting and (counted.waiting < 1000 or not exists (
                     select from chats as c
                      where c.chat_state = 'waiting_assignment' and c.is_active and c.waiting_since is not null
                        and c.last_operator_id is distinct from p_operator_id)) then 'only_your_own'
              else 'all_taken' end,
         counted.waiting,
         counted.own,
         counted.own_since + (statement_timestamp() - nullif(own_chats_before(p_operator_id), 'infinity'))
    from counted
$function$;
comment on function explain_empty_queue(uuid) is
  'Why assign gave an operator nothing: empty (nobody waits), only_your_own (they had all of them last; own_from says from
when they may have one again) or all_taken (others are taking or writing them this moment). Counts stop at 1000.';

-- ---- give back ------------------------------------------------------------------------------------------------------

create or replace function let_go(p_chat_id uuid, p_expected_operator_id uuid, p_reason text, p_only_idle boolean,
                                  p_close_at_limit boolean) returns text
language plpgsql
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
  v_chat  record;
  v_at    timestamptz;
  v_close boolean;
begin
  select c.chat_state, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.waiting_since,
         c.releases_without_reply
    into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  -- It may have been answered, or have gone to somebody else, while this call waited for its lock.
  if v_chat.chat_state is distinct from 'assigned' or v_chat.assigned_operator_id is null
     or v_chat.assigned_operator_id <> coalesce(p_expected_operator_id, v_chat.assigned_operator_id) then
    return 'not_held';
  end if;
  v_at := clock_timestamp();
  if p_only_idle
     and exists (select from operators as o where o.id = v_chat.assigned_operator_id and o.is_active)
     and greatest(v_chat.assignment_time,
                  (select a.last_activity from operator_activity as a
                    where a.chat_id = p_chat_id and a.operator_id = v_chat.assigned_operator_id
                      and a.last_activity < v_at + interval '1 minute')) > v_at - idle_timeout() then
    return 'not_idle';
  end if;

  v_close := p_close_at_limit and v_chat.waiting_since is not null
             and v_chat.releases_without_reply >= policy_number('max_reassignments', 3, 1, 1000);
  perform set_config('chatops.write', 'function', true);
  update chats
     set chat_state = case when v_close then 'completed'
                           when v_chat.waiting_since is null and v_chat.operator_replied_at is not null
                             then 'waiting_real_user_reply'
                           else 'waiting_assignment' end,
         is_active = not v_close,
         closed_reason = case when v_close then 'max_reassignments' end,
         waiting_since = case when not v_close then v_chat.waiting_since end,
         releases_without_reply = releases_without_reply + case when v_chat.waiting_since is null then 0 else 1 end,
         assigned_operator_id = null,
         assignment_time = null,
         last_operator_id = v_chat.assigned_operator_id,
         state_since = v_at,
         epoch = epoch + 1,
         updated_at = v_at
   where id = p_chat_id;
  perform end_turn(p_chat_id, v_at, p_reason);
  perform nextval('chatops.queue_returns');
  perform set_config('chatops.write', v_write, true);
  return case when v_close then 'closed' else 'released' end;
end
$function$;
comment on function let_go(uuid, uuid, text, boolean, boolean) is
  'Ends the turn of a chat''s holder without a reply: released, closed (at the reassignment limit), not_held or not_idle.';

create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release')
returns boolean
language plpgsql
security definer
set search_path from current
as $function$
begin
  -- A release for idleness decides on what is true now, not when its caller looked.
  return let_go(p_chat_id, null, p_reason, coalesce(p_reason ilike '%idle%', false), true) <> 'closed';
end
$function$;
comment on function release_and_reassign_chat(uuid, text) is
  'Puts a held chat back into the queue; false when it closed the chat, which had come back unanswered more often than
max_reassignments. Does nothing to a chat that nobody holds, nor, for a reason with "idle" in it, to a holder who is there.';

create or replace function release_chat(p_chat_id uuid, p_expected_operator_id uuid,
                                        p_reason text default 'manual_release') returns text
language plpgsql
security definer
set search_path from current
as $function$
begin
  return let_go(p_chat_id, p_expected_operator_id, p_reason, false, false);
end
$function$;
comment on function release_chat(uuid, uuid, text) is
  'Puts a chat back into the queue if that operator (null: anybody) still holds it: released, else not_held. Never closes it.';

create or replace function release_idle_chats(p_limit integer default 1000)
returns table (chat_id uuid, operator_id uuid, outcome text)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_write     constant text := coalesce(current_setting('chatops.write', true), '');
  v_at        constant timestamptz := clock_timestamp();
  v_idle_from constant timestamptz := v_at - idle_timeout();
  v_limit     constant numeric := policy_number('max_reassignments', 3, 1, 1000);
begin
  perform set_config('chatops.write', 'function', true);
  return query
  with idle as materialized (
    select c.id, c.assigned_operator_id as operator_id, c.waiting_since, c.operator_replied_at,
           c.waiting_since is not null and c.releases_without_reply >= v_limit as at_limit
      from chats as c
      join operators as o on o.id = c.assigned_operator_id
     where c.chat_state = 'assigned' and c.is_active
       and (o.is_active is not true
            or coalesce(greatest(c.assignment_time,
                                 (select a.last_activity from operator_activity as a
                                   where a.chat_id = c.id and a.operator_id = c.assigned_operator_id
                                     and a.last_activity < v_at + interval '1 minute')),
                        '-infinity') <= v_idle_from)
     order by c.assignment_time
     limit p_limit
       for no key update of c skip locked
  ), changed as (
    update chats as c
       set chat_state = case when idle.at_limit then 'completed'
                             when idle.waiting_since is null and idle.operator_replied_at is not null
                               then 'waiting_real_user_reply'
                             else 'waiting_assignment' end,
           is_active = not idle.at_limit,
           closed_reason = case when idle.at_limit then 'max_reassignments' end,
           waiting_since = case when not idle.at_limit then idle.waiting_since end,
           releases_without_reply = c.releases_without_reply + case when idle.waiting_since is null then 0 else 1 end,
           assigned_operator_id = null,
           assignment_time = null,
           last_operator_id = idle.operator_id,
           state_since = v_at,
           epoch = c.epoch + 1,
           updated_at = v_at
      from idle
     where c.id = idle.id
    returning c.id
  ), closed as (
    update chat_assignments as a
       set released_at = greatest(v_at, a.assigned_at), release_reason = 'idle_timeout'
      from idle
     where a.chat_id = idle.id and a.released_at is null
  ), forgotten as (
    delete from operator_activity as a using idle where a.chat_id = idle.id
  )
  select idle.id, idle.operator_id, case when idle.at_limit then 'closed' else 'released' end from idle;
  perform nextval('chatops.queue_returns');
  perform set_config('chatops.write', v_write, true);
end
$function$;
comment on function release_idle_chats(integer) is
  'Takes the chats, longest held first, from operators who are inactive or silent beyond idle_timeout_minutes: what the idle
cron does, in one statement, skipping chats that somebody is writing this moment.';

-- ---- force ----------------------------------------------------------------------------------------------------------

create or replace function refuse_busy_operator(p_operator_id uuid, p_chat_id uuid) returns void
language plpgsql
set search_path from current
as $function$
begin
  -- Under the operator's lock, as assign takes it; the caller holds the chat's already.
  perform from operators where id = p_operator_id for no key update;
  if exists (
    select from chats as c
     where c.assigned_operator_id = p_operator_id and c.chat_state = 'assigned' and c.is_active and c.id <> p_chat_id
  ) then
    perform count_refusal('operator_busy', p_operator_id);
    raise exception 'operator % is working on another chat', p_operator_id
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'Take an operator who is free, or release their chat first.';
  end if;
end
$function$;
comment on function refuse_busy_operator(uuid, uuid) is
  'Locks an operator and raises 55000 when they hold a chat other than this one.';

create or replace function reassign_chat(p_chat_id uuid, p_operator_id uuid, p_expected_operator_id uuid default null,
                                         p_expected_epoch bigint default null,
                                         p_reason text default 'manual_reassignment_by_admin:', p_force boolean default false)
returns table (chat_id uuid, from_operator_id uuid, to_operator_id uuid, epoch bigint)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_write    constant text := coalesce(current_setting('chatops.write', true), '');
  v_chat     record;
  v_operator record;
  v_at       timestamptz;
begin
  select c.chat_state, c.is_active, c.assigned_operator_id, c.epoch, c.waiting_since,
         greatest(c.waiting_since, c.state_since) as queued_since
    into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  if v_chat.epoch <> coalesce(p_expected_epoch, v_chat.epoch)
     or (p_expected_operator_id is not null and v_chat.assigned_operator_id is distinct from p_expected_operator_id) then
    raise exception 'chat % has moved: it is % now', p_chat_id, coalesce(v_chat.chat_state, 'without a state')
      using errcode = 'PT409', hint = 'Look at it again before you move it.';
  end if;
  if v_chat.assigned_operator_id = p_operator_id then
    return query select p_chat_id, p_operator_id, p_operator_id, v_chat.epoch;
    return;
  end if;
  if v_chat.chat_state = 'completed' or v_chat.is_active is not true then
    raise exception 'chat % is completed', p_chat_id using errcode = 'object_not_in_prerequisite_state';
  end if;
  if v_chat.waiting_since is null and not p_force then
    raise exception 'chat % is answered: nobody waits in it', p_chat_id using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform refuse_busy_operator(p_operator_id, p_chat_id);
  select o.is_active, o.is_available into v_operator from operators as o where o.id = p_operator_id;
  if not found then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  if v_operator.is_active is not true then
    raise exception 'Operator % is not active', p_operator_id using errcode = 'object_not_in_prerequisite_state';
  end if;
  if v_operator.is_available is not true and not p_force then
    raise exception 'Operator % is not available', p_operator_id using errcode = 'object_not_in_prerequisite_state';
  end if;

  v_at := clock_timestamp();
  perform set_config('chatops.write', 'function', true);
  update chats as c
     set chat_state = 'assigned',
         assigned_operator_id = p_operator_id,
         assignment_time = v_at,
         last_operator_id = p_operator_id,
         state_since = v_at,
         epoch = c.epoch + 1,
         updated_at = v_at
   where c.id = p_chat_id;
  perform end_turn(p_chat_id, v_at, p_reason);
  perform begin_turn(p_chat_id, p_operator_id, v_at, v_chat.waiting_since, v_chat.queued_since);
  perform set_config('chatops.write', v_write, true);
  return query select p_chat_id, v_chat.assigned_operator_id, p_operator_id, v_chat.epoch + 1;
end
$function$;
comment on function reassign_chat(uuid, uuid, uuid, bigint, text, boolean) is
  'Gives a chat to an operator. Raises PT409 when holder or epoch are not as expected, 55000 when the chat is completed, the
chat is answered, or the operator is busy, inactive or away. p_force allows an answered chat and an operator who is away.';

create or replace function close_chat(p_chat_id uuid, p_reason text default 'closed', p_expected_operator_id uuid default null)
returns boolean
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
  v_chat  record;
  v_at    timestamptz;
begin
  select c.chat_state, c.is_active, c.assigned_operator_id into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  if (v_chat.chat_state = 'completed' and v_chat.is_active is false)
     or (p_expected_operator_id is not null and v_chat.assigned_operator_id is distinct from p_expected_operator_id) then
    return false;
  end if;
  v_at := clock_timestamp();
  perform set_config('chatops.write', 'function', true);
  update chats
     set chat_state = 'completed',
         is_active = false,
         closed_reason = p_reason,
         waiting_since = null,
         last_operator_id = coalesce(assigned_operator_id, last_operator_id),
         assigned_operator_id = null,
         assignment_time = null,
         state_since = v_at,
         epoch = epoch + 1,
         updated_at = v_at
   where id = p_chat_id;
  perform end_turn(p_chat_id, v_at, 'chat_closed');
  perform set_config('chatops.write', v_write, true);
  return true;
end
$function$;
comment on function close_chat(uuid, text, uuid) is
  'Ends a chat, and its holder''s turn; false when it was completed already or the expected operator does not hold it.';

-- ---- write ----------------------------------------------------------------------------------------------------------

create or replace function refuse_late_reply(p_chat_id uuid, p_operator_id uuid) returns void
language plpgsql
set search_path from current
as $function$
begin
  perform count_refusal('late_reply', p_operator_id);
  raise exception 'operator % no longer holds chat %: the reply was not sent', p_operator_id, p_chat_id
    using errcode = 'object_not_in_prerequisite_state',
          hint = 'The chat was released, closed or given to somebody else meanwhile. Ask for the next chat.';
end
$function$;
comment on function refuse_late_reply(uuid, uuid) is 'Counts and raises (55000) the refusal of a reply by an operator who lost the chat.';

create or replace function operator_reply(p_chat_id uuid, p_operator_id uuid, p_content text,
                                          p_message_id uuid default gen_random_uuid(), p_seen_until timestamptz default null)
returns table (message_id uuid, created_at timestamptz, newer_user_messages integer, repeated boolean)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
  v_chat  record;
  v_reply record;
  v_newer integer;
  v_at    timestamptz;
begin
  -- The key only, and before the chat: whoever deletes the operator is waited for with empty hands.
  perform from operators where id = p_operator_id for key share;
  if not found then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  select c.chat_state, c.assigned_operator_id, c.assignment_time into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  select m.chat_id, m.sender_type, m.handled_by_operator_id, m.created_at into v_reply from messages as m
   where m.id = p_message_id;
  if found then
    if v_reply.chat_id <> p_chat_id or v_reply.sender_type <> 'fictional'
       or v_reply.handled_by_operator_id is distinct from p_operator_id then
      raise exception 'message id % belongs to another message', p_message_id using errcode = 'unique_violation';
    end if;
    return query select p_message_id, v_reply.created_at,
      (select count(*)::integer from messages as m
        where m.chat_id = p_chat_id and m.sender_type = 'real' and m.created_at > v_reply.created_at), true;
    return;
  end if;
  if v_chat.chat_state is distinct from 'assigned' or v_chat.assigned_operator_id is distinct from p_operator_id then
    perform refuse_late_reply(p_chat_id, p_operator_id);
  end if;
  select count(*) into v_newer from messages as m
   where m.chat_id = p_chat_id and m.sender_type = 'real' and m.created_at > coalesce(p_seen_until, v_chat.assignment_time);
  insert into messages as m (id, chat_id, sender_type, content, handled_by_operator_id, created_at)
  values (p_message_id, p_chat_id, 'fictional', p_content, p_operator_id, clock_timestamp())
  returning m.created_at into v_at;

  -- Where the guards stand, the message has ended the turn already.
  perform set_config('chatops.write', 'function', true);
  update chats as c
     set chat_state = 'waiting_real_user_reply',
         operator_replied_at = v_at,
         waiting_since = null,
         releases_without_reply = 0,
         last_operator_id = p_operator_id,
         last_message_at = v_at,
         assigned_operator_id = null,
         assignment_time = null,
         state_since = v_at,
         epoch = c.epoch + 1,
         updated_at = v_at
   where c.id = p_chat_id and c.assigned_operator_id = p_operator_id;
  if found then
    perform end_turn(p_chat_id, clock_timestamp(), 'operator_sent_message');
    update operators as o set total_messages = coalesce(o.total_messages, 0) + 1, last_activity = v_at
     where o.id = p_operator_id;
  end if;
  perform set_config('chatops.write', v_write, true);
  return query select p_message_id, v_at, v_newer, false;
end
$function$;
comment on function operator_reply(uuid, uuid, text, uuid, timestamptz) is
  'The holder''s reply, which ends their turn. p_message_id becomes the message''s id: asking again with it repeats the answer,
not the message. newer_user_messages counts what the user wrote after p_seen_until (default: after the assignment).
Raises 55000 for anybody but the holder.';

create or replace function user_message(p_chat_id uuid, p_content text, p_message_id uuid default gen_random_uuid(),
                                        p_is_free_message boolean default false)
returns table (message_id uuid, created_at timestamptz, chat_state text, repeated boolean)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_write   constant text := coalesce(current_setting('chatops.write', true), '');
  v_chat    record;
  v_message record;
  v_at      timestamptz;
begin
  select c.chat_state into v_chat from chats as c where c.id = p_chat_id for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  select m.chat_id, m.sender_type, m.created_at into v_message from messages as m where m.id = p_message_id;
  if found then
    if v_message.chat_id <> p_chat_id or v_message.sender_type <> 'real' then
      raise exception 'message id % belongs to another message', p_message_id using errcode = 'unique_violation';
    end if;
    return query select p_message_id, v_message.created_at, v_chat.chat_state::text, true;
    return;
  end if;
  insert into messages as m (id, chat_id, sender_type, content, is_free_message, created_at)
  values (p_message_id, p_chat_id, 'real', p_content, p_is_free_message, clock_timestamp())
  returning m.created_at into v_at;

  -- Where the guards stand, the message has called for an operator already.
  perform set_config('chatops.write', 'function', true);
  update chats as c
     set chat_state = case when c.chat_state = 'assigned' then c.chat_state else 'waiting_assignment' end,
         is_active = true,
         closed_reason = null,
         releases_without_reply = case when c.chat_state = 'completed' then 0 else c.releases_without_reply end,
         waiting_since = v_at,
         last_message_at = v_at,
         state_since = case when c.chat_state in ('assigned', 'waiting_assignment') then c.state_since else v_at end,
         epoch = c.epoch + case when c.chat_state in ('assigned', 'waiting_assignment') then 0 else 1 end,
         updated_at = v_at
   where c.id = p_chat_id
     and c.waiting_since is null
     and (c.chat_state is distinct from 'completed' or c.closed_reason = 'max_reassignments');
  perform set_config('chatops.write', v_write, true);
  return query select p_message_id, v_at, c.chat_state::text, false from chats as c where c.id = p_chat_id;
end
$function$;
comment on function user_message(uuid, text, uuid, boolean) is
  'A user''s message, which calls for an operator unless one is working on the chat. p_message_id becomes the message''s id:
asking again with it repeats the answer, not the message. Returns the state that the chat is in then.';

create or replace function operator_heartbeat(p_chat_id uuid, p_operator_id uuid) returns boolean
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_write constant text := coalesce(current_setting('chatops.write', true), '');
begin
  perform set_config('chatops.write', 'function', true);
  update operator_activity as a
     set last_activity = clock_timestamp(), updated_at = clock_timestamp()
    from chats as c
    join operators as o on o.id = c.assigned_operator_id
   where a.chat_id = p_chat_id and a.operator_id = p_operator_id
     and c.id = p_chat_id and c.assigned_operator_id = p_operator_id and o.is_active;
  if not found then
    perform from chats as c
       join operators as o on o.id = c.assigned_operator_id
      where c.id = p_chat_id and c.chat_state = 'assigned' and c.assigned_operator_id = p_operator_id and o.is_active
        for share of c;
    if not found then
      perform set_config('chatops.write', v_write, true);
      return false;
    end if;
    insert into operator_activity as a (chat_id, operator_id, last_activity, updated_at)
    values (p_chat_id, p_operator_id, clock_timestamp(), clock_timestamp())
    on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity, updated_at = excluded.updated_at;
  end if;
  perform set_config('chatops.write', v_write, true);
  return true;
end
$function$;
comment on function operator_heartbeat(uuid, uuid) is
  'The holder of a chat is there, by the server''s clock; false when the operator does not hold the chat (any more).';

-- ---- who may call ---------------------------------------------------------------------------------------------------

-- New functions only: what is granted on the published ones is settled by a later file.
do $privileges$
declare
  v_role text;
begin
  for v_role in
    select 'public' union all select quote_ident(rolname) from pg_roles where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute format(
      'revoke execute on function policy_number(text, numeric, numeric, numeric), idle_timeout(), own_chats_before(uuid),
         refusal_tag(uuid), count_refusal(text, uuid), collect_refusals(), refuse_other_caller(uuid),
         begin_turn(uuid, uuid, timestamptz, timestamptz, timestamptz), end_turn(uuid, timestamptz, text),
         lock_next_chat(uuid, boolean), explain_empty_queue(uuid), let_go(uuid, uuid, text, boolean, boolean),
         release_chat(uuid, uuid, text), release_idle_chats(integer), refuse_busy_operator(uuid, uuid),
         reassign_chat(uuid, uuid, uuid, bigint, text, boolean), close_chat(uuid, text, uuid), refuse_late_reply(uuid, uuid),
         operator_reply(uuid, uuid, text, uuid, timestamptz), user_message(uuid, text, uuid, boolean),
         operator_heartbeat(uuid, uuid) from %s', v_role);
  end loop;
  if exists (select from pg_roles where rolname = 'service_role') then
    grant execute on function explain_empty_queue(uuid), release_chat(uuid, uuid, text), release_idle_chats(integer),
      reassign_chat(uuid, uuid, uuid, bigint, text, boolean), close_chat(uuid, text, uuid),
      operator_reply(uuid, uuid, text, uuid, timestamptz), user_message(uuid, text, uuid, boolean),
      operator_heartbeat(uuid, uuid) to service_role;
  end if;
end
$privileges$;

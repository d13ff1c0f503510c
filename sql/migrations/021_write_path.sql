-- The functions through which chats are written: assign, reply, release, reassign, close, each under the chat's row lock.
-- effect: an operator gets one chat; a release leaves answered chats alone
--
-- Lock order: whatever waits takes the chat, then the operator. Assign takes its operator first, and so takes chats with
-- SKIP LOCKED only. Instants are read after the lock was had: assignments of one chat then never overlap. These functions
-- keep the invariants by themselves, for databases on which the guard triggers cannot stand.
-- Calls name pg_catalog, or one of ours with the exact types: what somebody else puts into this schema is never called.

-- What was filled in has no statistics yet, and a short queue would be taken for half of all chats. Where somebody has the lock
-- it is left to the server.
analyze (skip_locked) chats;

-- ---- policy ---------------------------------------------------------------------------------------------------------

create or replace function idle_timeout() returns interval
language sql
stable
set search_path from current
as $function$
  select pg_catalog.make_interval(secs => (60::numeric * policy_number('idle_timeout_minutes'::text, 5::numeric, 0.01::numeric,
                                                                       1440::numeric))::double precision)
$function$;
comment on function idle_timeout() is 'platform_config idle_timeout_minutes: how long an operator may be silent on a chat.';

create or replace function own_chats_before(p_operator_id uuid) returns timestamptz
language sql
stable
set search_path from current
as $function$
  select case when exists (select from operators as o
                            where o.id <> p_operator_id and o.is_active and o.is_available)
              then statement_timestamp() - pg_catalog.make_interval(
                     secs => policy_number('own_chat_after_seconds'::text, 300::numeric, 0::numeric, 604800::numeric)::double precision)
              else 'infinity'::timestamptz end
$function$;
comment on function own_chats_before(uuid) is
  'An operator gets a chat that they had last only if it came into the queue before this: platform_config
own_chat_after_seconds ago, or any when no other operator is available.';

create or replace function paused_until() returns timestamptz
language sql
stable
security definer
set search_path from current
as $function$
  select s.until from chatops.settings as s
   where s.target_schema = current_schema()::text collate pg_catalog."default" and s.key = 'pause' and s.until > clock_timestamp()
$function$;
comment on function paused_until() is
  'Until when assign answers nobody: `until` of the row `pause` of chatops.settings; null when the queue is open.';

-- ---- refusals are counted, although a refusal rolls back ------------------------------------------------------------

-- Sequences are all that outlives a rollback. setval is logged each time, where nextval is logged 32 values ahead: a crash may
-- lose the last second's refusals and never invents one.
create sequence if not exists refusals_late_reply minvalue 0 start with 0;
create sequence if not exists refusals_operator_busy minvalue 0 start with 0;
comment on sequence refusals_late_reply is 'How many replies were refused because their writer had lost the chat.';
comment on sequence refusals_operator_busy is 'How many moves were refused because their operator was working on another chat.';

create or replace function count_refusal(p_reason text) returns void
language plpgsql
set search_path from current
as $function$
declare
  v_count bigint;
begin
  -- Held until the refused transaction has rolled back, which is at once.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('chatops refusals ' || current_schema()::text, 0::bigint));
  if p_reason = 'late_reply' then
    select s.last_value + 1 into v_count from refusals_late_reply as s;
    perform pg_catalog.setval('refusals_late_reply'::pg_catalog.regclass, v_count);
  else
    select s.last_value + 1 into v_count from refusals_operator_busy as s;
    perform pg_catalog.setval('refusals_operator_busy'::pg_catalog.regclass, v_count);
  end if;
end
$function$;
comment on function count_refusal(text) is
  'Counts a refusal (late_reply or operator_busy) in a way that the rollback which follows cannot undo.';

-- ---- who asks -------------------------------------------------------------------------------------------------------

create or replace function refuse_other_caller(p_operator_id uuid) returns void
language plpgsql
stable
set search_path from current
as $function$
declare
  v_claims  constant text := nullif(pg_catalog.current_setting('request.jwt.claims'::text, true), '');
  v_subject text := nullif(pg_catalog.current_setting('request.jwt.claim.sub'::text, true), '');
begin
  if v_claims is not null then
    begin
      v_subject := coalesce(v_claims::jsonb ->> 'sub'::text, v_subject);
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
     cross join lateral (select pg_catalog.to_jsonb(o)) as written (columns)
     where o.id = p_operator_id
       and v_subject in (o.id::text, written.columns ->> 'auth_id'::text, written.columns ->> 'auth_user_id'::text,
                         written.columns ->> 'user_id'::text)
  ) then
    raise exception 'this account is not operator %', p_operator_id using errcode = 'insufficient_privilege';
  end if;
end
$function$;
comment on function refuse_other_caller(uuid) is
  'Raises 42501 when a JWT subject is present and is not that operator''s; does nothing for servers and owners.';

create or replace function refuse_absent_operator(p_operator_id uuid, p_is_active boolean, p_is_available boolean) returns void
language plpgsql
stable
set search_path from current
as $function$
begin
  if not exists (select from operators as o where o.id = p_operator_id) then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  if p_is_active is not true then
    raise exception 'Operator % is not active', p_operator_id;
  end if;
  if p_is_available is not true then
    raise exception 'Operator % is not available', p_operator_id;
  end if;
end
$function$;
comment on function refuse_absent_operator(uuid, boolean, boolean) is
  'Raises when an operator is unknown, inactive or not available, as their row said a moment ago.';

-- ---- turns: what begins and ends with an assignment -----------------------------------------------------------------

create or replace function begin_turn(p_chat_id uuid, p_operator_id uuid, p_at timestamptz,
                                      p_waiting_since timestamptz, p_queued_since timestamptz) returns void
language plpgsql
set search_path from current
as $function$
begin
  -- One statement may have written the chat and the row of its turn.
  update chat_assignments as a set waiting_since = p_waiting_since, queued_since = p_queued_since
   where a.chat_id = p_chat_id and a.operator_id = p_operator_id and a.released_at is null;
  if not found then
    insert into chat_assignments (chat_id, operator_id, assigned_at, waiting_since, queued_since)
    values (p_chat_id, p_operator_id, p_at, p_waiting_since, p_queued_since);
  end if;
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
  update chat_assignments as a
     set released_at = greatest(p_at, a.assigned_at), release_reason = p_reason
   where a.chat_id = p_chat_id and a.released_at is null;
  delete from operator_activity as v where v.chat_id = p_chat_id;
end
$function$;
comment on function end_turn(uuid, timestamptz, text) is
  'Closes the open assignment of a chat and forgets its heartbeats; the caller holds the chat''s lock.';

-- ---- assign: who may have what ----------------------------------------------------------------------------------------
--
-- What assign does, in order; each step is a statement of assign_chat_to_operator(), or a function below:
--   1. May they? Somebody else's account, an operator who is unknown, inactive or away: refused, before anything is locked.
--   2. The chat that they hold already, for whoever lost the answer; nothing while the queue is paused or nobody waits. No lock yet.
--   3. Their row is locked (a second tab waits here, and then gets the first one's chat): lock_operator().
--   4. The chat that has waited longest is locked, past those that somebody has locked: take_next_chat(). Where the first is one
--      that was theirs a moment ago, lock_next_chat() looks for one that may be theirs.
--   5. It is theirs, with its turn: take_chat().
-- Chats are only ever locked with SKIP LOCKED here: who has locked an operator never waits for a chat.

-- Counts the chats that came back into the queue, where they stand in front of newer ones. Others join it at its end.
create sequence if not exists chatops.queue_returns;

create or replace function known_queue_head(p_returns bigint) returns timestamptz
language plpgsql
stable
set search_path from current
as $function$
declare
  v_known constant text[] := pg_catalog.string_to_array(pg_catalog.current_setting('chatops.queue_head'::text, true), ' '::text);
begin
  -- What was taken stays in the index, in front of the head, until it can be cleaned away, and under a long report that is
  -- long. So a session remembers for a second where the head was, unless a chat came back in front of it meanwhile. Whoever may
  -- have written what it remembers: no error comes of it. One expression: each is made ready anew in every transaction.
  return case
    when v_known[3] = p_returns::text and v_known[4] = pg_catalog.md5(current_schema()::text)
         and pg_catalog.rtrim(v_known[1] || v_known[2], '0123456789'::text) = ''
         and pg_catalog.length(v_known[1]) between 1 and 17 and pg_catalog.length(v_known[2]) between 1 and 17
    then case when pg_catalog.to_timestamp(v_known[1]::double precision / 1000000::double precision) between clock_timestamp() - interval '1 second' and clock_timestamp()
              then pg_catalog.to_timestamp((v_known[2]::double precision - 1000::double precision) / 1000000::double precision) else '-infinity'::timestamptz end
    else '-infinity'::timestamptz end;
end
$function$;
comment on function known_queue_head(bigint) is
  'Since when the chat at the head of the queue waited when this session last looked, less than a second ago; -infinity when it
has to be looked up.';

create or replace function lock_waiting_chat(p_chat_id uuid, p_operator_id uuid, p_own_before timestamptz,
                                             out chat_id uuid, out waiting_since timestamptz, out queued_since timestamptz)
language plpgsql
set search_path from current
as $function$
#variable_conflict use_column
begin
  select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
    into chat_id, waiting_since, queued_since
    from chats as c
   where c.id = p_chat_id
     and c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     and (c.last_operator_id is distinct from p_operator_id or greatest(c.waiting_since, c.state_since) <= p_own_before)
     for no key update skip locked;
end
$function$;
comment on function lock_waiting_chat(uuid, uuid, timestamptz) is
  'Locks a chat if it still waits, is nobody''s at this moment, and was not this operator''s last (or was long enough ago).';

create or replace function heads_of_lanes(p_operator_id uuid) returns setof uuid
language sql
stable
set search_path from current
as $function$
  -- One lane a last operator; each is found with one probe from the one before.
  with recursive lanes as (
    (select coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) as lane
       from chats as c
      where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
      order by coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), c.waiting_since, c.id
      limit 1)
    union all
    select (select coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid)
              from chats as c
             where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
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
      where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
        and coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) = lanes.lane
      order by coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid), c.waiting_since, c.id
      limit 1
   ) as head
   where lanes.lane <> p_operator_id
   order by head.waiting_since, head.id
   limit 8
$function$;
comment on function heads_of_lanes(uuid) is
  'The chat that has waited longest of those that each other operator had last, or nobody: the oldest eight.';

create or replace function lock_next_chat(p_operator_id uuid, out chat_id uuid, out waiting_since timestamptz,
                                          out queued_since timestamptz)
language plpgsql
set search_path from current
as $function$
#variable_conflict use_column
declare
  c_never      constant timestamptz := '-infinity'::timestamptz;
  v_own_before constant timestamptz := own_chats_before(p_operator_id);
  v_id         uuid;
  v_step       integer;
begin
  -- 1. The head of the queue, one candidate at a time: a single ordered statement would be planned as one long scan.
  for v_id in
    select head.id
      from (select c.id, c.last_operator_id, greatest(c.waiting_since, c.state_since) as queued_since
              from chats as c
             where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
             order by c.waiting_since, c.id
             limit 64) as head
     where head.last_operator_id is distinct from p_operator_id or head.queued_since <= v_own_before
  loop
    select l.chat_id, l.waiting_since, l.queued_since into chat_id, waiting_since, queued_since
      from lock_waiting_chat(v_id, p_operator_id, v_own_before) as l;
    if chat_id is not null then
      return;
    end if;
  end loop;
  -- Not EXISTS: that may be planned as one reading of the whole table.
  perform c.id from chats as c
    where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
    order by c.waiting_since, c.id
   offset 63 limit 1;
  if not found then
    return;
  end if;

  -- 2. The head was full of this operator's own chats or of locked ones: the first of each other operator's lane.
  for v_id in select h.id from heads_of_lanes(p_operator_id) as h (id) loop
    select l.chat_id, l.waiting_since, l.queued_since into chat_id, waiting_since, queued_since
      from lock_waiting_chat(v_id, p_operator_id, c_never) as l;
    if chat_id is not null then
      return;
    end if;
  end loop;

  -- 3. All of those were locked: far down in steps, which is quicker than to try a thousand locked rows.
  foreach v_step in array array[64, 256, 1024, 4096] loop
    select c.id into v_id from chats as c
     where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
       and c.last_operator_id is distinct from p_operator_id
     order by c.waiting_since, c.id
    offset v_step
     limit 1;
    select l.chat_id, l.waiting_since, l.queued_since into chat_id, waiting_since, queued_since
      from lock_waiting_chat(v_id, p_operator_id, c_never) as l;
    if chat_id is not null then
      return;
    end if;
  end loop;

  -- 4. Every one, so that a locked queue is never told as an empty one.
  select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since)
    into chat_id, waiting_since, queued_since
    from chats as c
   where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     and (c.last_operator_id is distinct from p_operator_id or greatest(c.waiting_since, c.state_since) <= v_own_before)
   order by c.waiting_since, c.id
   limit 1
     for no key update skip locked;
end
$function$;
comment on function lock_next_chat(uuid) is
  'Locks the chat that has waited longest and that this operator may have, without waiting for anybody; null when none.';

-- ---- assign: the taking -------------------------------------------------------------------------------------------------

create or replace function take_chat(p_chat_id uuid, p_operator_id uuid, p_waiting_since timestamptz, p_queued_since timestamptz)
returns uuid
language plpgsql
set search_path from current
as $function$
declare
  -- After the lock was had; or the clock has gone back since the chat came into the queue.
  v_at        constant timestamptz := case when p_queued_since > clock_timestamp() and p_queued_since <= clock_timestamp() + interval '1 hour'
                                           then p_queued_since else clock_timestamp() end;
  v_left_open boolean;
begin
  update chats as c
     set chat_state = 'assigned', assigned_operator_id = p_operator_id, assignment_time = v_at,
         last_operator_id = p_operator_id, state_since = v_at, epoch = c.epoch + 1, updated_at = v_at
   where c.id = p_chat_id
  returning coalesce((select a.chat_id from chat_assignments as a where a.chat_id = p_chat_id and a.released_at is null limit 1),
                     (select a.chat_id from operator_activity as a where a.chat_id = p_chat_id limit 1)) is not null into v_left_open;
  if v_left_open is not false then
    if v_left_open is null then
      return null;  -- A trigger of somebody else's keeps it as it is.
    end if;
    -- An unassign whose second statement has not come, or never will.
    perform end_turn(p_chat_id, p_queued_since, 'manual_unassign'::text);
  end if;
  -- As begin_turn() does; nobody is heard on the chat before it is theirs.
  insert into chat_assignments (chat_id, operator_id, assigned_at, waiting_since, queued_since)
  values (p_chat_id, p_operator_id, v_at, p_waiting_since, p_queued_since);
  insert into operator_activity (chat_id, operator_id, last_activity, updated_at)
  values (p_chat_id, p_operator_id, v_at, v_at);
  -- Who asks is there.
  update operators as o set last_activity = v_at where o.id = p_operator_id;
  return p_chat_id;
end
$function$;
comment on function take_chat(uuid, uuid, timestamptz, timestamptz) is
  'Gives an operator a chat, whose rows the caller has locked both, with its turn; null when the chat stays as it is.';

create or replace function take_next_chat(p_operator_id uuid, p_head timestamptz, p_own_since timestamptz) returns uuid
language plpgsql
set search_path from current
as $function$
declare
  v_chat_id       uuid;
  v_waiting_since timestamptz;
  v_queued_since  timestamptz;
begin
  -- In front of all that were theirs nothing is passed over but what somebody has locked: this is no long scan. And nothing is
  -- taken if they were given a chat before they were locked.
  select c.id, c.waiting_since, greatest(c.waiting_since, c.state_since) into v_chat_id, v_waiting_since, v_queued_since
    from chats as c
   where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     and c.waiting_since >= coalesce(p_head, '-infinity'::timestamptz) and c.waiting_since < coalesce(p_own_since, 'infinity'::timestamptz)
     and c.last_operator_id is distinct from p_operator_id
     and (select h.id from chats as h
           where h.assigned_operator_id = p_operator_id and h.chat_state::text = 'assigned' and h.is_active limit 1) is null
   order by c.waiting_since, c.id
   limit 1
     for no key update skip locked;
  if v_chat_id is null then
    v_chat_id := held_chat(p_operator_id);
    if v_chat_id is not null then
      return v_chat_id;
    end if;
    select l.chat_id, l.waiting_since, l.queued_since into v_chat_id, v_waiting_since, v_queued_since
      from lock_next_chat(p_operator_id) as l;
    if v_chat_id is null then
      return null;
    end if;
  end if;
  return take_chat(v_chat_id, p_operator_id, v_waiting_since, v_queued_since);
end
$function$;
comment on function take_next_chat(uuid, timestamptz, timestamptz) is
  'Gives an operator, whose row the caller has locked, the chat that has waited longest, or the one that they hold by now; null when
none. p_head: since when the first in the queue waits, as far as is known; p_own_since: the first of those that were theirs last,
null when there are none.';

create or replace function held_chat(p_operator_id uuid) returns uuid
language plpgsql
set search_path from current
as $function$
declare
  v_chat_id uuid;
begin
  select c.id into v_chat_id from chats as c
   where c.assigned_operator_id = p_operator_id and c.chat_state::text = 'assigned' and c.is_active
   order by c.assignment_time limit 1;
  return v_chat_id;
end
$function$;
comment on function held_chat(uuid) is 'The chat that an operator holds, null when none.';

create or replace function lock_operator(p_operator_id uuid) returns uuid
language plpgsql
set search_path from current
as $function$
declare
  v_chat_id uuid;
begin
  -- Whoever learns here that there is a chat must not keep the lock: they may be about to wait for that chat, and who has it may
  -- be waiting for the operator.
  begin
    perform from operators as o where o.id = p_operator_id for no key update;
    v_chat_id := held_chat(p_operator_id);
    if v_chat_id is not null then
      raise exception 'operator % holds a chat', p_operator_id using errcode = 'PT200';
    end if;
  exception when sqlstate 'PT200' then
    null;
  end;
  return v_chat_id;
end
$function$;
comment on function lock_operator(uuid) is
  'Waits for an operator''s row that a second tab has locked; the chat that they hold by then, null when none, and only then locked.';

create or replace function assign_chat_to_operator(p_operator_id uuid) returns uuid
language plpgsql
security definer
set search_path from current
-- Plans live as long as their session: one made while a table is empty must not read it from end to end when it is full.
set enable_seqscan to off
set plan_cache_mode to force_generic_plan
as $function$
declare
  v_marked  constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_returns constant bigint := coalesce(pg_catalog.pg_sequence_last_value('chatops.queue_returns'::pg_catalog.regclass), 0::bigint);
  v_head    constant timestamptz := known_queue_head(v_returns);
  v_asks    record;
  v_chat_id uuid;
begin
  if nullif(pg_catalog.current_setting('request.jwt.claims'::text, true), '') is not null
     or nullif(pg_catalog.current_setting('request.jwt.claim.sub'::text, true), '') is not null then
    perform refuse_other_caller(p_operator_id);
  end if;
  -- Of one instant: a chat that they are given meanwhile waits, or is theirs.
  select o.is_active, o.is_available,
         (select c.id from chats as c
           where c.assigned_operator_id = p_operator_id and c.chat_state::text = 'assigned' and c.is_active limit 1) as held,
         (select c.waiting_since from chats as c
           where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null and c.waiting_since >= v_head
           order by c.waiting_since, c.id limit 1) as first,
         (select c.waiting_since from chats as c
           where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
             and coalesce(c.last_operator_id, '00000000-0000-0000-0000-000000000000'::uuid) = p_operator_id
           order by c.waiting_since, c.id limit 1) as own,
         (select s.until from chatops.settings as s
           where s.target_schema = current_schema()::text collate pg_catalog."default" and s.key = 'pause' and s.until > clock_timestamp()) is not null as paused
    into v_asks from operators as o where o.id = p_operator_id;
  if (v_asks.is_active and v_asks.is_available) is not true then
    perform refuse_absent_operator(p_operator_id, v_asks.is_active, v_asks.is_available);
  end if;
  -- Whoever lost the answer and asks again gets the chat they hold. Nothing is locked or written for that, nor where nobody waits.
  if v_asks.held is not null or v_asks.paused or (v_asks.first is null and v_head = '-infinity'::timestamptz) then
    return v_asks.held;
  end if;
  -- Under this lock the requests of one operator follow each other.
  perform from operators as o where o.id = p_operator_id for no key update skip locked;
  if not found then
    v_chat_id := lock_operator(p_operator_id);
    if v_chat_id is not null then
      return v_chat_id;
    end if;
  end if;

  if not v_marked then
    set local chatops.write to 'function';
  end if;
  if pg_catalog.current_setting('transaction_isolation'::text) = 'read committed' then
    v_chat_id := take_next_chat(p_operator_id, v_asks.first, v_asks.own);
  else
    -- In an older snapshot what others gave this operator is not seen, and only the unique indexes tell.
    begin
      v_chat_id := take_next_chat(p_operator_id, v_asks.first, v_asks.own);
    exception when unique_violation then
      raise exception 'operator % was given a chat meanwhile', p_operator_id using errcode = 'serialization_failure';
    end;
  end if;
  if v_asks.first is not null then
    -- Since when it has been known stays as it was while it is only followed.
    perform pg_catalog.set_config('chatops.queue_head'::text,
      case when v_head > '-infinity'::timestamptz then pg_catalog.split_part(pg_catalog.current_setting('chatops.queue_head'::text), ' '::text, 1)
           else pg_catalog.round(1000000::numeric * extract(epoch from statement_timestamp()))::text end
      || ' ' || pg_catalog.round(1000000::numeric * extract(epoch from v_asks.first))::text || ' ' || v_returns::text
      || ' ' || pg_catalog.md5(current_schema()::text), false);
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return v_chat_id;
end
$function$;
comment on function assign_chat_to_operator(uuid) is
  'Gives an operator the chat that has waited longest, or the one they hold already; null when there is none for them, or while
the queue is paused. Raises for an unknown, inactive or unavailable operator, and 42501 for somebody else''s account.';

create or replace function explain_empty_queue(p_operator_id uuid)
returns table (answer text, waiting integer, own integer, own_from timestamptz, paused_until timestamptz)
language sql
stable
security definer
set search_path from current
as $function$
  -- Counted to a thousand: what is asked is why nothing came, not how long the queue is.
  with head as (
    select c.last_operator_id, greatest(c.waiting_since, c.state_since) as queued_since
      from chats as c
     where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
     order by c.waiting_since, c.id
     limit 1000
  ), counted as (
    select pg_catalog.count(*)::integer as waiting,
           (pg_catalog.count(*) filter (where h.last_operator_id = p_operator_id
                                          and h.queued_since > own_chats_before(p_operator_id)))::integer as own,
           pg_catalog.min(h.queued_since) filter (where h.last_operator_id = p_operator_id) as own_since
      from head as h
  )
  select case when paused.until is not null then 'paused'
              when counted.waiting = 0 then 'empty'
              when counted.own = counted.waiting and (counted.waiting < 1000 or not exists (
                     select from chats as c
                      where c.chat_state::text = 'waiting_assignment' and c.is_active and c.waiting_since is not null
                        and c.last_operator_id is distinct from p_operator_id)) then 'only_your_own'
              else 'all_taken' end::text,
         counted.waiting,
         counted.own,
         counted.own_since + (statement_timestamp() - nullif(own_chats_before(p_operator_id), 'infinity'::timestamptz)),
         paused.until
    from counted
   cross join lateral (select paused_until()) as paused (until)
$function$;
comment on function explain_empty_queue(uuid) is
  'Why assign gave an operator nothing: paused (until paused_until nobody gets a chat), empty (nobody waits), only_your_own (they
had all of them last; own_from says from when they may have one again) or all_taken (others are taking or writing them this
moment). Counts stop at 1000.';

-- ---- give back ------------------------------------------------------------------------------------------------------

create or replace function is_idle(p_chat_id uuid, p_operator_id uuid, p_assigned_at timestamptz, p_at timestamptz) returns boolean
language sql
volatile
set search_path from current
as $function$
  select not exists (select from operators as o where o.id = p_operator_id and o.is_active)
         or coalesce(greatest(p_assigned_at,
                              (select v.last_activity from operator_activity as v
                                where v.chat_id = p_chat_id and v.operator_id = p_operator_id
                                  and v.last_activity < p_at + interval '1 minute')),
                     '-infinity'::timestamptz) <= p_at - idle_timeout()
$function$;
comment on function is_idle(uuid, uuid, timestamptz, timestamptz) is
  'Whether the holder of a chat is inactive, or silent on it for longer than idle_timeout_minutes.';

create or replace function let_go(p_chat_id uuid, p_expected_operator_id uuid, p_reason text, p_only_idle boolean,
                                  p_close_at_limit boolean) returns text
language plpgsql
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat   record;
  v_at     timestamptz;
  v_close  boolean;
  v_kept   boolean;
begin
  select c.chat_state, c.assigned_operator_id, c.assignment_time, c.operator_replied_at, c.waiting_since, c.state_since,
         c.releases_without_reply
    into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  v_at := not_before(greatest(v_chat.state_since, v_chat.assignment_time));
  -- It may have been answered, or have gone to somebody else, while this call waited for its lock.
  if v_chat.chat_state::text is distinct from 'assigned' or v_chat.assigned_operator_id is null
     or v_chat.assigned_operator_id <> coalesce(p_expected_operator_id, v_chat.assigned_operator_id) then
    if v_chat.assigned_operator_id is null
       and exists (select from chat_assignments as a where a.chat_id = p_chat_id and a.released_at is null) then
      perform end_turn(p_chat_id, coalesce(v_chat.state_since, v_at), p_reason);
    end if;
    return 'not_held';
  end if;
  if p_only_idle and not is_idle(p_chat_id, v_chat.assigned_operator_id, v_chat.assignment_time, v_at) then
    return 'not_idle';
  end if;

  v_close := p_close_at_limit and v_chat.waiting_since is not null
             and v_chat.releases_without_reply::numeric
                 >= policy_number('max_reassignments'::text, 3::numeric, 1::numeric, 1000::numeric);
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  update chats as c
     set chat_state = case when v_close then 'completed'
                           when v_chat.waiting_since is null and v_chat.operator_replied_at is not null
                             then 'waiting_real_user_reply'
                           else 'waiting_assignment' end,
         is_active = not v_close,
         closed_reason = case when v_close then 'max_reassignments' end,
         waiting_since = case when not v_close then v_chat.waiting_since end,
         releases_without_reply = c.releases_without_reply + case when v_chat.waiting_since is null then 0 else 1 end,
         assigned_operator_id = null,
         assignment_time = null,
         last_operator_id = v_chat.assigned_operator_id,
         state_since = v_at,
         epoch = c.epoch + 1,
         updated_at = v_at
   where c.id = p_chat_id;
  v_kept := not found;  -- by a trigger of somebody else's
  if not v_kept then
    perform end_turn(p_chat_id, v_at, p_reason);
    perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return case when v_kept then 'not_held' when v_close then 'closed' else 'released' end;
end
$function$;
comment on function let_go(uuid, uuid, text, boolean, boolean) is
  'Ends the turn of a chat''s holder without a reply: released, closed (at the reassignment limit), not_held or not_idle. What an
unassign has left open on a chat that nobody holds ends with the reason, too.';

create or replace function release_and_reassign_chat(p_chat_id uuid, p_reason text default 'manual_release')
returns boolean
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_outcome text;
begin
  -- A release for idleness decides on what is true now, not when its caller looked.
  v_outcome := let_go(p_chat_id, null::uuid, p_reason, coalesce(p_reason ilike '%idle%', false), true);
  return case v_outcome when 'closed' then false when 'not_held' then not closed_by_limit(p_chat_id) else true end;
end
$function$;
comment on function release_and_reassign_chat(uuid, text) is
  'Puts a held chat back into the queue; false when max_reassignments has closed the chat, now or before. Does nothing to a chat
that nobody holds, nor, for a reason with "idle" in it, to a holder who is there.';

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

create or replace function close_left_over_turns() returns bigint
language plpgsql
set search_path from current
as $function$
declare
  v_at     constant timestamptz := clock_timestamp();
  v_closed bigint;
begin
  with left_over as materialized (
    select a.id, greatest(a.assigned_at, coalesce(c.state_since, v_at)) as ended_at
      from chat_assignments as a
      join chats as c on c.id = a.chat_id
     where a.released_at is null
       and c.assigned_operator_id is null
       and coalesce(c.state_since, '-infinity'::timestamptz) < v_at - interval '5 seconds'
       for no key update of c skip locked
  )
  update chat_assignments as a set released_at = l.ended_at, release_reason = 'manual_unassign'
    from left_over as l
   where a.id = l.id and a.released_at is null;
  get diagnostics v_closed = row_count;
  return v_closed;
end
$function$;
comment on function close_left_over_turns() is
  'Ends the turns on chats that nobody has held for five seconds: the application let go and never said why. Returns how many.';

create or replace function release_idle_chats(p_limit integer default 1000)
returns table (chat_id uuid, operator_id uuid, outcome text)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_at     constant timestamptz := clock_timestamp();
  v_limit  constant numeric := policy_number('max_reassignments'::text, 3::numeric, 1::numeric, 1000::numeric);
begin
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  return query
  with idle as materialized (
    select c.id, c.assigned_operator_id as operator_id, c.waiting_since, c.operator_replied_at,
           c.waiting_since is not null and c.releases_without_reply::numeric >= v_limit as at_limit,
           case when greatest(c.state_since, c.assignment_time) > v_at + interval '1 hour' then v_at
                else greatest(c.state_since, c.assignment_time, v_at) end as ended_at
      from chats as c
     where c.chat_state::text = 'assigned' and c.is_active and c.assigned_operator_id is not null
       and is_idle(c.id, c.assigned_operator_id, c.assignment_time, v_at)
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
           state_since = idle.ended_at,
           epoch = c.epoch + 1,
           updated_at = idle.ended_at
      from idle
     where c.id = idle.id
    returning c.id
  ), closed as (
    update chat_assignments as a
       set released_at = greatest(idle.ended_at, a.assigned_at), release_reason = 'idle_timeout'
      from idle
      join changed on changed.id = idle.id
     where a.chat_id = idle.id and a.released_at is null
  ), forgotten as (
    delete from operator_activity as a using changed where a.chat_id = changed.id
  )
  select idle.id, idle.operator_id, case when idle.at_limit then 'closed' else 'released' end::text
    from idle
    join changed on changed.id = idle.id;
  perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  perform close_left_over_turns();
  if not v_marked then
    set local chatops.write to '';
  end if;
end
$function$;
comment on function release_idle_chats(integer) is
  'Takes the chats, longest held first, from operators who are inactive or silent beyond idle_timeout_minutes: what the idle
cron does, in one statement, skipping chats that somebody is writing this moment. Ends turns that were left open, too.';

-- ---- force ----------------------------------------------------------------------------------------------------------

create or replace function refuse_busy_operator(p_operator_id uuid, p_chat_id uuid) returns void
language plpgsql
set search_path from current
as $function$
begin
  -- Under the operator's lock, as assign takes it; the caller holds the chat's already.
  perform from operators as o where o.id = p_operator_id for no key update;
  if exists (
    select from chats as c
     where c.assigned_operator_id = p_operator_id and c.chat_state::text = 'assigned' and c.is_active and c.id <> p_chat_id
  ) then
    perform count_refusal('operator_busy'::text);
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
  v_marked   constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat     record;
  v_operator record;
  v_at       timestamptz;
begin
  select c.chat_state, c.is_active, c.assigned_operator_id, c.epoch, c.waiting_since,
         greatest(c.waiting_since, c.state_since) as queued_since, c.assignment_time
    into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  if v_chat.epoch <> coalesce(p_expected_epoch, v_chat.epoch)
     or (p_expected_operator_id is not null and v_chat.assigned_operator_id is distinct from p_expected_operator_id) then
    raise exception 'chat % has moved: it is % now', p_chat_id, coalesce(v_chat.chat_state::text, 'without a state')
      using errcode = 'PT409', hint = 'Look at it again before you move it.';
  end if;
  if v_chat.assigned_operator_id = p_operator_id then
    return query select p_chat_id, p_operator_id, p_operator_id, v_chat.epoch;
    return;
  end if;
  if v_chat.chat_state::text = 'completed' or v_chat.is_active is not true then
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

  v_at := not_before(greatest(v_chat.queued_since, v_chat.assignment_time));
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  begin
    update chats as c
       set chat_state = 'assigned', assigned_operator_id = p_operator_id, assignment_time = v_at,
           last_operator_id = p_operator_id, state_since = v_at, epoch = c.epoch + 1, updated_at = v_at
     where c.id = p_chat_id;
    if not found then
      raise exception 'chat % was kept as it is by a trigger', p_chat_id using errcode = 'object_not_in_prerequisite_state';
    end if;
  exception when unique_violation then
    -- In an older snapshot a chat that somebody has given them meanwhile is not seen.
    raise exception 'operator % was given a chat meanwhile', p_operator_id using errcode = 'serialization_failure';
  end;
  perform end_turn(p_chat_id, v_at, case when v_chat.assigned_operator_id is null then 'manual_unassign' else p_reason end);
  perform begin_turn(p_chat_id, p_operator_id, v_at, v_chat.waiting_since, v_chat.queued_since);
  if not v_marked then
    set local chatops.write to '';
  end if;
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
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat   record;
  v_at     timestamptz;
  v_kept   boolean;
begin
  select c.chat_state, c.is_active, c.assigned_operator_id, greatest(c.state_since, c.assignment_time) as moved_at
    into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  if (v_chat.chat_state::text = 'completed' and v_chat.is_active is false)
     or (p_expected_operator_id is not null and v_chat.assigned_operator_id is distinct from p_expected_operator_id) then
    return false;
  end if;
  v_at := not_before(v_chat.moved_at);
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  update chats as c
     set chat_state = 'completed',
         is_active = false,
         closed_reason = coalesce(p_reason, 'closed'),
         waiting_since = null,
         last_operator_id = coalesce(c.assigned_operator_id, c.last_operator_id),
         assigned_operator_id = null,
         assignment_time = null,
         state_since = v_at,
         epoch = c.epoch + 1,
         updated_at = v_at
   where c.id = p_chat_id;
  v_kept := not found;  -- by a trigger of somebody else's
  if not v_kept then
    perform end_turn(p_chat_id, v_at, 'chat_closed'::text);
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return not v_kept;
end
$function$;
comment on function close_chat(uuid, text, uuid) is
  'Ends a chat, and its holder''s turn; false when it was completed already or the expected operator does not hold it.';

create or replace function reopen_chat(p_chat_id uuid) returns text
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat   record;
  v_since  timestamptz;
  v_at     timestamptz;
  v_state  text;
begin
  select c.chat_state, c.is_active, c.operator_replied_at, c.state_since into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  if v_chat.chat_state::text is distinct from 'completed' and v_chat.is_active is not false then
    return null;
  end if;
  v_since := oldest_unanswered(p_chat_id);
  v_state := case when v_since is null and v_chat.operator_replied_at is not null
                  then 'waiting_real_user_reply' else 'waiting_assignment' end;
  v_at := not_before(v_chat.state_since);
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  update chats as c
     set chat_state = v_state, is_active = true, closed_reason = null, releases_without_reply = 0, waiting_since = v_since,
         assigned_operator_id = null, assignment_time = null, state_since = v_at, epoch = c.epoch + 1, updated_at = v_at
   where c.id = p_chat_id;
  perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass);
  if not v_marked then
    set local chatops.write to '';
  end if;
  return v_state;
end
$function$;
comment on function reopen_chat(uuid) is
  'Opens a chat again, whoever closed it: into the queue, waiting since the oldest unanswered message, or to its user when all
are answered. Returns the state that it is in then; null when it was open.';

-- ---- write ----------------------------------------------------------------------------------------------------------

create or replace function refuse_late_reply(p_chat_id uuid, p_operator_id uuid) returns void
language plpgsql
set search_path from current
as $function$
begin
  perform count_refusal('late_reply'::text);
  raise exception 'operator % no longer holds chat %: the reply was not sent', p_operator_id, p_chat_id
    using errcode = 'object_not_in_prerequisite_state',
          hint = 'The chat was released, closed or given to somebody else meanwhile. Ask for the next chat.';
end
$function$;
comment on function refuse_late_reply(uuid, uuid) is 'Counts and raises (55000) the refusal of a reply by an operator who lost the chat.';

create or replace function stored_message(p_message_id uuid, p_chat_id uuid, p_sender_type text, p_operator_id uuid,
                                          out created_at timestamptz)
language plpgsql
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_stored record;
begin
  select m.chat_id, m.sender_type, m.handled_by_operator_id, m.created_at into v_stored from messages as m
   where m.id = p_message_id;
  if found and (v_stored.chat_id <> p_chat_id or v_stored.sender_type::text <> p_sender_type
                or v_stored.handled_by_operator_id is distinct from p_operator_id) then
    raise exception 'message id % belongs to another message', p_message_id using errcode = 'unique_violation';
  end if;
  created_at := v_stored.created_at;
end
$function$;
comment on function stored_message(uuid, uuid, text, uuid) is
  'When the message of that id was written, null when it was not; raises 23505 when it is another one.';

create or replace function operator_reply(p_chat_id uuid, p_operator_id uuid, p_content text,
                                          p_message_id uuid default gen_random_uuid(), p_seen_until timestamptz default null)
returns table (message_id uuid, created_at timestamptz, newer_user_messages integer, repeated boolean)
language plpgsql
security definer
set search_path from current
as $function$
#variable_conflict use_column
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_chat   record;
  v_newer  integer;
  v_at     timestamptz;
  v_ended  timestamptz;
begin
  -- The key only, and before the chat: whoever deletes the operator is waited for with empty hands.
  perform from operators as o where o.id = p_operator_id for key share;
  if not found then
    raise exception 'Operator % not found', p_operator_id;
  end if;
  select c.chat_state, c.assigned_operator_id, c.assignment_time into v_chat from chats as c
   where c.id = p_chat_id
     for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  v_at := stored_message(p_message_id, p_chat_id, 'fictional'::text, p_operator_id);
  if v_at is not null then
    return query select p_message_id, v_at,
      (select pg_catalog.count(*)::integer from messages as m
        where m.chat_id = p_chat_id and m.sender_type::text = 'real' and m.created_at > v_at), true;
    return;
  end if;
  if v_chat.chat_state::text is distinct from 'assigned' or v_chat.assigned_operator_id is distinct from p_operator_id then
    perform refuse_late_reply(p_chat_id, p_operator_id);
  end if;
  select pg_catalog.count(*)::integer into v_newer from messages as m
   where m.chat_id = p_chat_id and m.sender_type::text = 'real' and m.created_at > coalesce(p_seen_until, v_chat.assignment_time);
  v_at := clock_timestamp();
  insert into messages as m (id, chat_id, sender_type, content, handled_by_operator_id, created_at)
  values (p_message_id, p_chat_id, 'fictional', p_content, p_operator_id, v_at)
  returning m.created_at into v_at;

  -- Where the guards stand, the message has ended the turn already.
  v_ended := not_before(v_at);
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  update chats as c
     set chat_state = 'waiting_real_user_reply', operator_replied_at = v_at, waiting_since = null, releases_without_reply = 0,
         last_operator_id = p_operator_id, last_message_at = v_at, assigned_operator_id = null, assignment_time = null,
         state_since = v_ended, epoch = c.epoch + 1, updated_at = v_at
   where c.id = p_chat_id and c.assigned_operator_id = p_operator_id;
  if found then
    perform end_turn(p_chat_id, v_ended, 'operator_sent_message'::text);
    update operators as o set total_messages = coalesce(o.total_messages, 0) + 1, last_activity = v_at
     where o.id = p_operator_id;
  end if;
  if not v_marked then
    set local chatops.write to '';
  end if;
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
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_state  text;
  v_at     timestamptz;
  v_since  timestamptz;
begin
  select c.chat_state into v_state from chats as c where c.id = p_chat_id for no key update;
  if not found then
    raise exception 'Chat % not found', p_chat_id;
  end if;
  v_at := stored_message(p_message_id, p_chat_id, 'real'::text, null::uuid);
  if v_at is not null then
    return query select p_message_id, v_at, v_state, true;
    return;
  end if;
  v_at := clock_timestamp();
  insert into messages as m (id, chat_id, sender_type, content, is_free_message, created_at)
  values (p_message_id, p_chat_id, 'real', p_content, p_is_free_message, v_at)
  returning m.created_at into v_at;

  -- Where the guards stand, the message has called for an operator already.
  select c.chat_state into v_state from chats as c
   where c.id = p_chat_id and c.waiting_since is null and (c.chat_state::text is distinct from 'completed' or closed_by_limit(c.id));
  if found then
    v_since := case when v_state = 'completed' then oldest_unanswered(p_chat_id) else v_at end;
    if not v_marked then
      set local chatops.write to 'function';
    end if;
    update chats as c
       set chat_state = case when c.chat_state::text = 'assigned' then c.chat_state else 'waiting_assignment' end,
           is_active = true,
           closed_reason = null,
           releases_without_reply = case when c.chat_state::text = 'completed' then 0 else c.releases_without_reply end,
           waiting_since = v_since,
           last_message_at = v_at,
           state_since = case when c.chat_state::text in ('assigned', 'waiting_assignment') then c.state_since else v_at end,
           epoch = c.epoch + case when c.chat_state::text in ('assigned', 'waiting_assignment') then 0 else 1 end,
           updated_at = v_at
     where c.id = p_chat_id;
    if not v_marked then
      set local chatops.write to '';
    end if;
  end if;
  return query select p_message_id, v_at, c.chat_state::text, false from chats as c where c.id = p_chat_id;
end
$function$;
comment on function user_message(uuid, text, uuid, boolean) is
  'A user''s message, which calls for an operator unless one is working on the chat. p_message_id becomes the message''s id:
asking again with it repeats the answer, not the message. Returns the state that the chat is in then.';

create or replace function operator_heartbeat(p_chat_id uuid, p_operator_id uuid, p_last_input timestamptz default null) returns boolean
language plpgsql
security definer
set search_path from current
as $function$
declare
  v_marked constant boolean := coalesce(pg_catalog.current_setting('chatops.write'::text, true), '') = 'function';
  v_now    timestamptz;
begin
  if p_last_input not between '0001-01-01 00:00:00+00'::timestamptz and '9999-12-31 23:59:59.999999+00'::timestamptz then
    perform refuse_clock('p_last_input'::text, p_last_input);
  end if;
  -- The chat first, as everybody who waits.
  perform from chats as c
     join operators as o on o.id = c.assigned_operator_id
    where c.id = p_chat_id and c.chat_state::text = 'assigned' and c.assigned_operator_id = p_operator_id and o.is_active
      for no key update of c;
  if not found then
    return false;
  end if;
  v_now := clock_timestamp();
  if not v_marked then
    set local chatops.write to 'function';
  end if;
  insert into operator_activity as a (chat_id, operator_id, last_activity, updated_at)
  values (p_chat_id, p_operator_id, least(p_last_input, v_now), v_now)
  on conflict (chat_id, operator_id) do update set last_activity = excluded.last_activity, updated_at = excluded.updated_at;
  if not v_marked then
    set local chatops.write to '';
  end if;
  return true;
end
$function$;
comment on function operator_heartbeat(uuid, uuid, timestamptz) is
  'The holder of a chat was there at their last input (null: now), never later than the server''s clock; false when the operator
does not hold the chat (any more).';

-- ---- who may call ---------------------------------------------------------------------------------------------------

-- New functions only: what is granted on the published ones is settled by a later file.
do $privileges$
declare
  c_ours constant text := 'idle_timeout(), own_chats_before(uuid), paused_until(), count_refusal(text), refuse_other_caller(uuid), '
    || 'refuse_absent_operator(uuid, boolean, boolean), begin_turn(uuid, uuid, timestamptz, timestamptz, timestamptz), '
    || 'end_turn(uuid, timestamptz, text), known_queue_head(bigint), '
    || 'lock_waiting_chat(uuid, uuid, timestamptz), heads_of_lanes(uuid), lock_next_chat(uuid), '
    || 'take_chat(uuid, uuid, timestamptz, timestamptz), take_next_chat(uuid, timestamptz, timestamptz), '
    || 'held_chat(uuid), lock_operator(uuid), '
    || 'explain_empty_queue(uuid), is_idle(uuid, uuid, timestamptz, timestamptz), let_go(uuid, uuid, text, boolean, boolean), '
    || 'release_chat(uuid, uuid, text), close_left_over_turns(), release_idle_chats(integer), refuse_busy_operator(uuid, uuid), '
    || 'reassign_chat(uuid, uuid, uuid, bigint, text, boolean), close_chat(uuid, text, uuid), reopen_chat(uuid), '
    || 'refuse_late_reply(uuid, uuid), stored_message(uuid, uuid, text, uuid), '
    || 'operator_reply(uuid, uuid, text, uuid, timestamptz), user_message(uuid, text, uuid, boolean), '
    || 'operator_heartbeat(uuid, uuid, timestamptz)';
  v_role text;
begin
  for v_role in
    select 'public' union all
    select pg_catalog.quote_ident(rolname::text) from pg_catalog.pg_roles
     where rolname in ('anon', 'authenticated', 'service_role')
  loop
    execute 'revoke execute on function ' || c_ours || ' from ' || v_role;
    -- No client's to set.
    if v_role <> 'public' then
      execute 'revoke all on sequence refusals_late_reply, refusals_operator_busy from ' || v_role;
    end if;
  end loop;
  if exists (select from pg_catalog.pg_roles where rolname = 'service_role') then
    grant execute on function explain_empty_queue(uuid), paused_until(), release_chat(uuid, uuid, text), release_idle_chats(integer),
      reassign_chat(uuid, uuid, uuid, bigint, text, boolean), close_chat(uuid, text, uuid), reopen_chat(uuid),
      operator_reply(uuid, uuid, text, uuid, timestamptz), user_message(uuid, text, uuid, boolean),
      operator_heartbeat(uuid, uuid, timestamptz) to service_role;
  end if;
end
$privileges$;

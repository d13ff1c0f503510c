-- On a Citus cluster: counters stand on every node, and what one statement does elsewhere is several here.
-- A session's memory of the queue's head would need one counter for all nodes: the head is looked up each time, and nothing counted.
-- in *: perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass); => -- nobody counts this here
-- A node that was added later has no counters, which DB021 tells; what is refused there is refused all the same.
-- in count_refusal: if p_reason = 'late_reply' then => if pg_catalog.to_regclass('refusals_late_reply'::text) is null then return; end if; if p_reason = 'late_reply' then

-- The mark of our writes reaches the workers only from a block: a SET in a function that nothing else calls is not sent on.
-- in *: set local chatops.write to 'function'; => do $mark$ begin set local chatops.write to 'function'; end $mark$;
-- in *: set local chatops.write to ''; => do $mark$ begin set local chatops.write to ''; end $mark$;
-- in assign_chat_to_operator: v_returns constant bigint := coalesce(pg_catalog.pg_sequence_last_value('chatops.queue_returns'::pg_catalog.regclass), 0::bigint); => v_returns constant bigint := 0;
-- in assign_chat_to_operator: v_head    constant timestamptz := known_queue_head(v_returns); => v_head    constant timestamptz := '-infinity'::timestamptz;
-- in assign_chat_to_operator: if v_asks.first is not null then => if false then
-- in assign_chat_to_operator: v_asks    record; => v_asks    record; v_schema  constant text := current_schema();
-- in assign_chat_to_operator: s.target_schema = current_schema()::text collate pg_catalog."default" => s.target_schema = v_schema
-- A plan of a tenant is made anew each time, and without an index it seems dear: compiling it would take a hundred times as long.
-- in assign_chat_to_operator: set plan_cache_mode to force_generic_plan => set jit to off

-- What is asked all day is done where the chats lie: one statement there instead of a dozen from here.
-- elsewhere, in assign_chat_to_operator ahead of: -- Of one instant: a chat that they are given meanwhile waits, or is theirs.
    select assign_chat_to_operator(p_operator_id) into v_chat_id
      from (select pg_catalog.count(*) from operators as o where o.id = p_operator_id) as there;
    return v_chat_id;

-- elsewhere, in operator_reply ahead of: -- The key only, and before the chat: whoever deletes the operator is waited for with empty hands.
    return query select r.message_id, r.created_at, r.newer_user_messages, r.repeated
      from (select pg_catalog.count(*) from chats as c where c.id = p_chat_id) as there
     cross join lateral operator_reply(p_chat_id, p_operator_id, p_content, p_message_id, p_seen_until) as r;
    return;

-- elsewhere, in user_message ahead of: select c.chat_state into v_state from chats as c where c.id = p_chat_id for no key update;
    return query select r.message_id, r.created_at, r.chat_state, r.repeated
      from (select pg_catalog.count(*) from chats as c where c.id = p_chat_id) as there
     cross join lateral user_message(p_chat_id, p_content, p_message_id, p_is_free_message) as r;
    return;

-- instead of: create sequence if not exists chatops.queue_returns
create sequence if not exists chatops.queue_returns;
do $nodes$
declare
  v_failed text;
begin
  select n.result into v_failed
    from pg_catalog.run_command_on_workers(pg_catalog.format(
           'set citus.enable_ddl_propagation to off;'
           'create sequence if not exists %1$I.refusals_late_reply minvalue 0 start with 0;'
           'create sequence if not exists %1$I.refusals_operator_busy minvalue 0 start with 0', current_schema())) as n
   where not n.success
   limit 1;
  if found then
    raise exception 'a worker has no counters: %', v_failed;
  end if;
end
$nodes$;

-- instead of: create or replace function take_next_chat
create or replace function take_next_chat(p_operator_id uuid, p_head timestamptz, p_own_since timestamptz) returns uuid
language plpgsql
set search_path from current
as $function$
declare
  v_next record;
  v_held constant uuid := held_chat(p_operator_id);
begin
  if v_held is not null then
    return v_held;
  end if;
  select l.chat_id, l.waiting_since, l.queued_since into v_next from lock_next_chat(p_operator_id) as l;
  if v_next.chat_id is null then
    return null;
  end if;
  return take_chat(v_next.chat_id, p_operator_id, v_next.waiting_since, v_next.queued_since);
end
$function$;

-- instead of: create or replace function take_chat
create or replace function take_chat(p_chat_id uuid, p_operator_id uuid, p_waiting_since timestamptz, p_queued_since timestamptz)
returns uuid
language plpgsql
set search_path from current
as $function$
declare
  v_at constant timestamptz := not_before(p_queued_since);
begin
  update chats as c
     set chat_state = 'assigned', assigned_operator_id = p_operator_id, assignment_time = v_at,
         last_operator_id = p_operator_id, state_since = v_at, epoch = c.epoch + 1, updated_at = v_at
   where c.id = p_chat_id;
  if not found then
    return null;
  end if;
  perform end_turn(p_chat_id, p_queued_since, 'manual_unassign'::text);
  perform begin_turn(p_chat_id, p_operator_id, v_at, p_waiting_since, p_queued_since);
  update operators as o set last_activity = v_at where o.id = p_operator_id;
  return p_chat_id;
end
$function$;

-- The coordinator holds no rows to look at.
-- instead of: analyze (skip_locked) chats

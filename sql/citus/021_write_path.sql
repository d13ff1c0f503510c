-- On a Citus cluster: counters stand on every node, and what one statement does elsewhere is several here.
-- A session's memory of the queue's head would need one counter for all nodes: the head is looked up each time, and nothing counted.
-- in *: perform pg_catalog.nextval('chatops.queue_returns'::pg_catalog.regclass); => -- nobody counts this here
-- A node that was added later has no counters, which DB021 tells; what is refused there is refused all the same.
-- in count_refusal: if p_reason = 'late_reply' then => if pg_catalog.to_regclass('refusals_late_reply'::text) is null then return; end if; if p_reason = 'late_reply' then

-- The mark of our writes reaches the workers only from a block: a SET in a function that nothing else calls is not sent on.
-- in *: set local chatops.write to 'function'; => do $mark$ begin set local chatops.write to 'function'; end $mark$;
-- in *: set local chatops.write to ''; => do $mark$ begin set local chatops.write to ''; end $mark$;
-- in assign_chat_to_operator: v_asks    record; => v_asks    record; v_schema  constant text := current_schema();
-- in assign_chat_to_operator: s.target_schema = current_schema()::text collate pg_catalog."default" => s.target_schema = v_schema
-- A plan of a tenant is made anew each time, and without an index it seems dear: compiling it would take a hundred times as long.
-- in assign_chat_to_operator: set plan_cache_mode to force_generic_plan => set jit to off

-- What is asked all day is done where the chats lie: one statement there instead of a dozen from here.
-- elsewhere, in assign_chat_to_operator ahead of: -- Looked at from the queue's end: in front there may be much that was taken and is not cleaned away yet. Before the look for
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
create or replace function take_next_chat(p_operator_id uuid) returns uuid
language plpgsql
set search_path from current
as $function$
begin
  return take_further_chat(p_operator_id, true);
end
$function$;

-- The coordinator holds no rows to look at.
-- instead of: analyze (skip_locked) chats

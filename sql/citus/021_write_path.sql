-- On a Citus cluster: counters stand on every node, and what one statement does elsewhere is several here.
-- A session's memory of the queue's head would need one counter for all nodes: the head is looked up each time.

-- The mark of our writes reaches the workers only from a block: a SET in a function that nothing else calls is not sent on.
-- in *: set local chatops.write to 'function'; => do $mark$ begin set local chatops.write to 'function'; end $mark$;
-- in *: set local chatops.write to ''; => do $mark$ begin set local chatops.write to ''; end $mark$;
-- in assign_chat_to_operator: v_asks    record; => v_asks    record; v_schema  constant text := current_schema();
-- in assign_chat_to_operator: s.target_schema = current_schema() => s.target_schema = v_schema
-- in assign_chat_to_operator: set plan_cache_mode to force_generic_plan => -- plans are the workers' affair

-- instead of: create sequence if not exists chatops.queue_returns
create sequence if not exists chatops.queue_returns;
do $nodes$
declare
  v_failed text;
begin
  select n.result into v_failed
    from pg_catalog.run_command_on_workers(pg_catalog.format(
           'set citus.enable_ddl_propagation to off;'
           'select pg_advisory_xact_lock(1667785076, 0);'
           'create sequence if not exists chatops.queue_returns;'
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

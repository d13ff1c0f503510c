-- On a Citus cluster a view is read by the node that holds the shard, and whether the queue is paused stands on the coordinator's
-- word: chatops pause, every look and explain_empty_queue() say so.

-- instead of: create or replace function queue_paused_until
create or replace function queue_paused_until() returns timestamptz
language plpgsql
stable
parallel safe
set search_path from current
as $function$
begin
  return null;
end
$function$;

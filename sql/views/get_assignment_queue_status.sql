-- The queue in one row: how many wait, are with an operator, wait for the user; the oldest and the average wait.
-- needs: chat_queue
create or replace function get_assignment_queue_status()
returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer,
               oldest_waiting_chat timestamptz, average_wait_time_minutes numeric)
language sql
stable
set search_path from current
as $function$
  select pg_catalog.count(*)::integer,
         (select pg_catalog.count(*) from chats
           where chat_state::text = 'assigned' and is_active and assigned_operator_id is not null)::integer,
         (select pg_catalog.count(*) from chats
           where chat_state::text = 'waiting_real_user_reply' and is_active)::integer,
         pg_catalog.min(waiting_since),
         pg_catalog.round(pg_catalog.avg(extract(epoch from now() - waiting_since) / 60::numeric), 2)
    from chat_queue
$function$;

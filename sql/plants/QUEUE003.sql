-- Plants QUEUE003: a restored copy of the queue's figures counts every chat in the waiting state, empty ones too.
-- also: DB018
create or replace function get_assignment_queue_status()
returns table (total_waiting integer, total_assigned integer, total_waiting_reply integer,
               oldest_waiting_chat timestamptz, average_wait_time_minutes numeric)
language sql
stable
set search_path from current
as $function$
  select (count(*) filter (where chat_state = 'waiting_assignment'))::integer,
         (count(*) filter (where chat_state = 'assigned'))::integer,
         (count(*) filter (where chat_state = 'waiting_real_user_reply'))::integer,
         min(created_at) filter (where chat_state = 'waiting_assignment'),
         round(avg(extract(epoch from now() - created_at) / 60) filter (where chat_state = 'waiting_assignment'), 2)
    from chats
   where is_active
$function$;

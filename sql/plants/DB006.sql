-- Plants DB006: somebody wrote a function of their own in the place of a published one.
-- also: QUEUE003, DB018
-- not-in-demo: a later migration would not go over it
drop function get_assignment_queue_status();
create function get_assignment_queue_status() returns table (waiting bigint, assigned bigint)
language sql
stable
as $function$
  select count(*) filter (where chat_state = 'waiting_assignment'), count(*) filter (where chat_state = 'assigned')
    from chats where is_active
$function$;

-- The idle cron lists the chats that have been assigned for longer than the timeout.
select id as chat_id, assigned_operator_id as operator_id, assignment_time
  from chats
 where chat_state::text = 'assigned' and is_active and assigned_operator_id is not null
   and assignment_time < statement_timestamp() - make_interval(secs => :'idle_seconds'::double precision)

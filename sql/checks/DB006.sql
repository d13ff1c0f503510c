-- Which published functions have other parameters, defaults or results than their callers expect?
-- code: DB006
-- title: {count} published functions have another signature
-- title-one: the function {object} has another signature
-- narrow: {count} functions have another signature
-- narrow-one: 1 function has another signature
-- severity: warning
-- critical: chats are assigned or given back by it
-- group: schema
-- expected: published functions keep their parameters, defaults and result columns
-- why: somebody replaced the function by one of another shape, or it was dropped and made again
-- consequence: callers of the published interface fail, or read the wrong column
-- help: {mend}
-- help-sql: {remedy}
-- needs-table: chats
-- says: the deploy is not right
select wanted.object,
       pg_catalog.format('%s returns %s', wanted.arguments, wanted.result) as wanted,
       pg_catalog.string_agg(pg_catalog.format('%s returns %s', pg_catalog.pg_get_function_arguments(p.oid), pg_catalog.pg_get_function_result(p.oid)), '; '
                  order by p.oid) as found,
       pg_catalog.string_agg(pg_catalog.format('drop function %s;', p.oid::regprocedure), ' ' order by p.oid) as dropping,
       wanted.object in ('assign_chat_to_operator', 'release_and_reassign_chat') as critical
  from (values
    ('get_assignment_queue_status', '',
     'TABLE(total_waiting integer, total_assigned integer, total_waiting_reply integer, '
     'oldest_waiting_chat timestamp with time zone, average_wait_time_minutes numeric)'),
    ('detect_stuck_chats', 'p_hours integer DEFAULT 24',
     'TABLE(chat_id uuid, chat_state text, assigned_operator_id uuid, last_operator_id uuid, '
     'hours_in_state numeric, last_message_at timestamp with time zone)'),
    ('should_keep_assignment', 'p_chat_id uuid, p_current_state text, p_assigned_operator_id uuid', 'boolean'),
    ('assign_chat_to_operator', 'p_operator_id uuid', 'uuid'),
    ('release_and_reassign_chat', 'p_chat_id uuid, p_reason text DEFAULT ''manual_release''::text', 'boolean'),
    ('validate_chat_state_transition', '', 'trigger')
  ) as wanted (object, arguments, result)
  join pg_namespace n on n.nspname = current_schema()
  join pg_proc p on p.pronamespace = n.oid and p.proname = wanted.object
 group by wanted.object, wanted.arguments, wanted.result
having not pg_catalog.bool_or(pg_catalog.pg_get_function_arguments(p.oid) = wanted.arguments and pg_catalog.pg_get_function_result(p.oid) = wanted.result)
 order by critical desc, wanted.object

-- For the log: assignments that were closed and heartbeats that were removed. closed, idle: their rows, with the code
select 'repair', a.code, a.chat_id, a.operator_id, 'chat_assignments '::text || a.id::text,
       pg_catalog.jsonb_build_object('released_at', null),
       pg_catalog.jsonb_build_object('released_at', a.released_at, 'release_reason', a.release_reason)
  from closed a
union all
select 'repair', v.code, v.chat_id, v.operator_id, 'operator_activity',
       pg_catalog.jsonb_build_object('last_activity', v.last_activity), null
  from idle v

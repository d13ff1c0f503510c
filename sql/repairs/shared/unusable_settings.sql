-- The settings of the chat functions that cannot be used, the number that each says, its range, and what is usual.
select p.key, p.value, said.number, known.least, known.most, known.usual
  from (values ('max_reassignments', 1::numeric, 1000::numeric, 3::numeric),
               ('idle_timeout_minutes', 0.01, 1440, 5),
               ('own_chat_after_seconds', 0, 604800, 300),
               ('queue_sla_minutes', 0.1, 10080, 15)) as known (key, least, most, usual)
  join platform_config p on p.key::text = known.key
 cross join lateral (
   select case when (p.value #>> '{}'::text[]) ~ '^[ \t\n\r\f\v]*-?[0-9]{1,9}(\.[0-9]{1,30})?[ \t\n\r\f\v]*$'
               then (p.value #>> '{}'::text[])::numeric end as number
 ) as said
 where pg_catalog.jsonb_typeof(p.value) is distinct from 'number'
    or said.number is null
    or said.number not between known.least and known.most

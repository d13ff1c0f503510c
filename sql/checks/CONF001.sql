-- Which settings in platform_config cannot be used?
-- code: CONF001
-- invariant: I20
-- title: {count} settings in platform_config cannot be used
-- title-one: the setting {setting} in platform_config cannot be used
-- severity: warning
-- group: data
-- expected: the settings that the chat functions read are numbers, and in range
-- why: the settings page saves some numbers as text; the deployed release function reads the limit with a cast that fails
--   on text
-- consequence: with max_reassignments as text no chat can be released any more: idle chats stay with operators who left
-- help: repair CONF001 --dry-run
-- says: nobody answers
-- reads: platform_config
-- limit: idle_timeout_minutes = 5 min, 0.01 to 1440, platform_config: an operator who is silent for so long loses the chat
-- limit: max_reassignments = 3 times, 1 to 1000, platform_config: a chat released so often is closed
-- limit: own_chat_after_seconds = 300 s, 0 to 604800, platform_config: after such a wait the last operator may get the chat again
-- limit: queue_sla_minutes = 15 min, 0.1 to 10080, platform_config: nobody should wait longer for an answer
select p.key as setting,
       pg_catalog.left(p.value::text, 60) as value,
       case when pg_catalog.jsonb_typeof(p.value) = 'string' and said.number is not null then 'a number stored as text'
            when said.number is null then 'no number'
            else 'outside ' || known.least::text || ' to ' || known.most::text end as trouble
  from (values ('max_reassignments', 1::numeric, 1000::numeric),
               ('idle_timeout_minutes', 0.01, 1440),
               ('own_chat_after_seconds', 0, 604800),
               ('queue_sla_minutes', 0.1, 10080)) as known (key, least, most)
  join platform_config p on p.key::text = known.key
 cross join lateral (
   select case when (p.value #>> '{}'::text[]) ~ '^[ \t\n\r\f\v]*-?[0-9]{1,9}(\.[0-9]{1,30})?[ \t\n\r\f\v]*$'
               then (p.value #>> '{}'::text[])::numeric end as number
 ) as said
 where pg_catalog.jsonb_typeof(p.value) is distinct from 'number'
    or said.number is null
    or said.number not between known.least and known.most
 order by p.key

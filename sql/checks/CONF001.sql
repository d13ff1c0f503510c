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
\set unusable_settings `cat sql/repairs/shared/unusable_settings.sql`
-- Some keep when a setting was changed: that is taken where it is an instant and no other text.
select s.key as setting,
       pg_catalog.left(s.value::text, 60) as value,
       case when pg_catalog.jsonb_typeof(s.value) = 'string' and s.number is not null then 'a number stored as text'
            when s.number is null then 'no number'
            else 'outside ' || s.least::text || ' to ' || s.most::text end as trouble,
       (select pg_catalog.max((pg_catalog.to_jsonb(p) ->> 'updated_at'::text)::timestamptz)
          from platform_config p
         where p.key::text = s.key::text and pg_catalog.to_jsonb(p) ->> 'updated_at'::text ~ '^[12][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?[+-](0[0-9]|1[0-4]):[0-5][0-9]$') as changed_at
  from (:unusable_settings) as s
 order by s.key

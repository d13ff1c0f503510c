-- Which settings in platform_config cannot be used?
-- code: CONF001
-- invariant: I20
-- title: {count} settings in platform_config cannot be used
-- title-one: the setting {setting} is {trouble}
-- narrow: {count} settings cannot be used
-- narrow-one: the setting {setting} cannot be used
-- severity: warning
-- group: data
-- expected: the settings that the chat functions read are numbers, and in range
-- why: the settings page saves some numbers as text[before function take_next_chat: ; the deployed release function reads the limit with a cast that fails
--   on text;] or somebody wrote it by hand
-- consequence: the chat functions work with the usual value, whatever was meant;
--   [before function take_next_chat: with max_reassignments as text no chat can be released any more: idle chats stay with operators who left]
-- help: repair CONF001 --dry-run
-- help-text: what came of it meanwhile: `diagnose --only meanwhile`
-- says: nobody answers; operator loses the chat
-- reads: platform_config, chat_assignments
-- compares: found
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
       noted.it ->> 'updated_by'::text as written_by,
       case when s.key::text = 'max_reassignments' and fails.it then 'no chat can be released any more: idle chats stay with operators who left'
            when s.key::text = 'max_reassignments' then 'a chat is closed after ' || s.usual::text || ' releases without a reply by our functions, whatever was meant'
            when s.key::text = 'idle_timeout_minutes' then 'a silent operator loses the chat after ' || s.usual::text || ' min by our functions, whatever was meant'
                 || case when old.it then '; what the idle cron of the application makes of it is its own affair'
                      else '; pages and crons of the application that read it themselves may '
                           || coalesce('take it for ' || pg_catalog.left(s.number::text, 20) || ', and ', '') || 'take chats from operators who are writing' end
                 || case when lost.chats > 0 then '; ' || lost.chats::text || case when lost.chats = 1 then ' chat was' else ' chats were' end || ' taken as idle '
                      || case when changed.at is null then 'in the last hour' else 'since it was changed' end else '' end
            when s.key::text = 'own_chat_after_seconds' then 'the last operator of a chat gets it again after ' || s.usual::text || ' s, whatever was meant'
            when s.key::text = 'queue_sla_minutes' then 'a wait counts as too long after ' || s.usual::text || ' min, whatever was meant; nothing else changes' end as so,
       (fails.it and s.key::text = 'max_reassignments') or lost.chats > 0 as felt,
       pg_catalog.concat_ws(E'\n', case when lost.chats > 0 then 'which chats these were: ' || listing.it end,
         case when s.number between s.least and s.most then null
              else pg_catalog.format('%s takes %s to %s; with the number that was meant in place of %s, the usual one: update platform_config set value = %L where key = %L;',
                                     s.key, s.least, s.most, s.usual, s.usual, s.key) end) as decides,
       case when lost.chats > 0 then listing.it end as statement,
       changed.at as changed_at
  from (:unusable_settings) as s
 cross join lateral (
       select pg_catalog.max((pg_catalog.to_jsonb(p) ->> 'updated_at'::text)::timestamptz)
          from platform_config p
         where p.key::text = s.key::text and pg_catalog.to_jsonb(p) ->> 'updated_at'::text ~ '^[12][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?[+-](0[0-9]|1[0-4]):[0-5][0-9]$') as changed (at)
 cross join lateral (select pg_catalog.to_jsonb(p.*) as it from platform_config p where p.key::text = s.key::text limit 1) as noted
 cross join (select :'before_018'::boolean as it) as old
 cross join lateral (select old.it and pg_catalog.jsonb_typeof(s.value) <> 'number' as it) as fails
 cross join lateral (
   select pg_catalog.count(*) as chats
     from chat_assignments a
    where s.key::text = 'idle_timeout_minutes' and a.release_reason::text like '%idle%'
      and a.released_at >= coalesce(changed.at, now() - interval '1 hour')
 ) as lost
 cross join lateral (
   select pg_catalog.format('select distinct chat_id from chat_assignments where release_reason like %L and released_at >= %L;', '%idle%',
                            pg_catalog.to_char(coalesce(changed.at, now() - interval '1 hour') at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || '+00') as it) as listing
 order by not fails.it, s.key::text = 'queue_sla_minutes', s.key

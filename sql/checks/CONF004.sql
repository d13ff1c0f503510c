-- Which settings can be used, and do what nobody can have meant?
-- code: CONF004
-- title: {count} settings do what nobody can have meant
-- title-one: {setting} is {value}: {trouble}
-- severity: warning
-- advice: no setting is off, and only a name is misspelt, so that nothing reads it
-- group: data
-- expected: the settings that the chat functions read are such as somebody can have meant
-- why: a number was given in another unit, or a test value was left
-- consequence: the functions obey: chats starve, end too soon, or are never taken from an operator who left
-- help-sql: {remedy}
-- help-text: set it to what was meant, or take the row out: then the default holds
-- says: users wait too long; nobody answers
-- reads: platform_config
-- Some keep when a setting was changed: that is taken where it is an instant and no other text.
select p.key as setting,
       pg_catalog.left(p.value::text, 60) as value,
       odd.trouble,
       pg_catalog.format('delete from platform_config where key = %L;', p.key) as remedy,
       pg_catalog.format('%s takes %s to %s; with the number that was meant in place of %s, the usual one: update platform_config set value = %L where key = %L;',
                         p.key, known.least, known.most, known.usual, known.usual, p.key) as decides,
       false as advice,
       (select pg_catalog.max((pg_catalog.to_jsonb(s) ->> 'updated_at'::text)::timestamptz)
          from platform_config s
         where s.key::text = p.key::text and pg_catalog.to_jsonb(s) ->> 'updated_at'::text ~ '^[12][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?[+-](0[0-9]|1[0-4]):[0-5][0-9]$') as changed_at,
       'a number was given in another unit, or a test value was left' as because,
       case odd.key when 'own_chat_after_seconds' then 'a chat starves where only its last operator is there'
                    when 'idle_timeout_minutes' then case when said.number < odd.least then 'chats are taken from operators who work on them' else 'chats stay with operators who left' end
                    when 'max_reassignments' then case when said.number < odd.least then 'chats end though their users wait' else 'chats go from operator to operator without end' end
                    else case when said.number < odd.least then 'ordinary waits are told as too long' else 'nobody is told of users who wait' end end as so
  from (values ('own_chat_after_seconds', 0::numeric, 86400::numeric, 'a chat waits so long for somebody else when only its last operator is there'),
               ('idle_timeout_minutes', 0.5, 240, 'so long may an operator be silent'),
               ('max_reassignments', 2, 100, 'after so many releases a chat is closed for good'),
               ('queue_sla_minutes', 0.5, 1440, 'so long may a user wait before anybody is told')) as odd (key, least, most, trouble)
  join platform_config p on p.key::text = odd.key
 cross join lateral (
   select case when (p.value #>> '{}'::text[]) ~ '^[ \t\n\r\f\v]*-?[0-9]{1,9}(\.[0-9]{1,30})?[ \t\n\r\f\v]*$'
               then (p.value #>> '{}'::text[])::numeric end as number
 ) as said
  join (values ('max_reassignments', 1::numeric, 1000::numeric, 3::numeric), ('idle_timeout_minutes', 0.01, 1440, 5),
               ('own_chat_after_seconds', 0, 604800, 300), ('queue_sla_minutes', 0.1, 10080, 15)) as known (key, least, most, usual) on known.key = p.key::text
 where said.number between known.least and known.most
   and said.number not between odd.least and odd.most
union all
-- Keys are written as the functions spell them.
select p.key, pg_catalog.left(p.value::text, 60), 'nothing reads it: the name is ' || known.key,
       pg_catalog.format('delete from platform_config where key = %L;', p.key),
       case when exists (select from platform_config o where o.key::text = known.key) then known.key || ' is there besides, and holds'
            else pg_catalog.format('where its value was meant: update platform_config set key = %L where key = %L;', known.key, p.key) end,
       true, null,
       'the name is misspelt', 'the usual value holds, whatever was meant'
  from platform_config p
  join (values ('max_reassignments'), ('idle_timeout_minutes'), ('own_chat_after_seconds'), ('queue_sla_minutes')) as known (key)
    on known.key <> p.key::text
   and known.key = pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.lower(p.key::text), '[^a-z]+', '_', 'g'), '^_|_$', '', 'g')
 order by 5, 1

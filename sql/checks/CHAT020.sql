-- Which user has more than one open chat with the same profile?
-- code: CHAT020
-- title: {count} times a user has more than one open chat with one profile
-- title-one: a user has {chats} open chats with one profile
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: a user has one chat with a profile
-- why: no unique constraint keeps it to one: it was dropped or never made, and a restore or the application brought a second chat
-- consequence: two operators answer as one person, and neither sees what the other wrote
-- help: {mend}
-- help-text: the chat that somebody holds goes on, else the one that was written into last; to go on with another, end that one instead. Then `diagnose --only DB003` has the
--   statement that moves what was said in the ended ones to it, and puts the unique constraint back
-- says: an answer came twice
-- reads: chats
-- A unique index that is valid holds whatever triggers are off: then there is nothing to count.
select told.ids[1] as chat_id, told.chats, told.ids[2:5] as other_ids, told.both_since,
       'close ' || pg_catalog.array_to_string(told.ids[2:20], ' ') || ' --dry-run' as mend
  from (
    select pg_catalog.array_agg(c.id order by (c.chat_state::text = 'assigned') desc nulls last, c.last_message_at desc nulls last, c.created_at, c.id) as ids,
           pg_catalog.count(*) as chats,
           (pg_catalog.array_agg(c.created_at order by c.created_at))[2] as both_since
      from chats c
     where c.is_active is not false
       and c.real_user_id is not null
       and c.fictional_user_id is not null
       and not exists (
         select 1 from pg_index x
          where x.indrelid = pg_catalog.to_regclass(pg_catalog.quote_ident(current_schema()) || '.chats')::oid
            and x.indisunique and x.indisvalid and x.indisready and x.indpred is null and x.indexprs is null and x.indnkeyatts = 2
            and not exists (select from pg_attribute a
                             where a.attrelid = x.indrelid and a.attname in ('real_user_id', 'fictional_user_id')
                               and a.attnum <> all (x.indkey::smallint[])))
     group by c.real_user_id, c.fictional_user_id
    having pg_catalog.count(*) > 1
  ) as told
 order by told.chats desc, 1

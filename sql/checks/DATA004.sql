-- Of which chats and people that are gone are there still rows?
-- code: DATA004
-- title: rows are left of {count} chats or people that are gone
-- title-one: {relation} holds {rows} rows {trouble}
-- severity: warning
-- group: data
-- meanwhile: yes
-- expected: messages, assignments and heartbeats belong to a chat that is there, chats and turns to people who are; a message has a sender
-- why: the chat or the person was deleted while foreign keys were off, or a restore brought the rows without them
-- consequence: figures count what nobody can open; an operator may stay busy with a chat that does not exist
-- help-text: a person decides: bring back what is gone from a back-up, or, where it was meant to go, delete all that is left of it: {statement}
-- says: stats seem wrong
-- reads: chats, messages, chat_assignments, operator_activity, operators, real_users, fictional_users
-- avoids: hashjoin
-- Ids in the order of their index are compared by a merge: to look up each of ten million in a hash takes four times as long.
-- A foreign key does not tell: rows that were written or deleted while it was off are as they were. Columns are looked at for what
-- no constraint keeps out: a missing chat or a sender who is neither side. Of profiles and operators there are few: each is looked up once.
with profiles as materialized (
  select c.fictional_user_id as id from chats c where c.fictional_user_id is not null group by c.fictional_user_id
), people as materialized (
  select d.relation, d.chat_id, d.trouble, pg_catalog.count(*) over (partition by d.relation, d.trouble) as rows
    from (
      select 'chats' as relation, c.id as chat_id, 'of a user who is gone' as trouble
        from chats c where not exists (select from real_users u where u.id = c.real_user_id) and c.real_user_id is not null
      union all
      select 'chats', c.id, 'of a profile that is gone'
        from profiles p join chats c on c.fictional_user_id = p.id
       where not exists (select from fictional_users u where u.id = p.id)
      union all
      select 'chats', c.id, 'with an operator who is gone'
        from chats c where c.assigned_operator_id is not null and not exists (select from operators o where o.id = c.assigned_operator_id)
    ) as d
), turns as materialized (
  select a.operator_id, pg_catalog.count(*) as rows from chat_assignments a where a.operator_id is not null group by a.operator_id
), kept_out as materialized (
  -- What the columns of messages keep out by themselves.
  select coalesce(pg_catalog.bool_and(a.attnotnull) filter (where a.attname = 'chat_id'), true) as no_chat,
         coalesce(pg_catalog.bool_and(a.attnotnull
                                      and exists (select from pg_constraint k where k.conrelid = a.attrelid and k.contype = 'c' and k.convalidated and a.attnum = any (k.conkey)))
                    filter (where a.attname = 'sender_type'), true) as no_sender
    from pg_attribute a
   where a.attrelid = 'messages'::regclass::oid and a.attname in ('chat_id', 'sender_type')
), found as materialized (
  select 'chat_assignments' as relation, a.chat_id, pg_catalog.count(*) as rows, 'of a chat that is gone' as trouble
    from chat_assignments a
   where a.chat_id is not null and not exists (select from chats c where c.id = a.chat_id)
   group by a.chat_id
  union all
  select 'operator_activity', a.chat_id, pg_catalog.count(*), 'of a chat that is gone'
    from operator_activity a
   where a.chat_id is not null and not exists (select from chats c where c.id = a.chat_id)
   group by a.chat_id
  union all
  select 'messages', m.chat_id, pg_catalog.count(*), 'of a chat that is gone'
    from messages m
   where m.chat_id is not null and not exists (select from chats c where c.id = m.chat_id)
   group by m.chat_id
  union all
  select 'messages', null, odd.rows, 'without a chat'
    from kept_out k
   cross join lateral (select pg_catalog.count(*) as rows from messages m where m.chat_id is null) as odd
   where not k.no_chat and odd.rows > 0
  union all
  select 'messages', odd.chat_id, odd.rows, 'whose sender is neither side'
    from kept_out k
   cross join lateral (
     select m.chat_id, pg_catalog.count(*) as rows from messages m
      where coalesce(m.sender_type::text, '') not in ('real', 'fictional') group by m.chat_id
   ) as odd
   where not k.no_sender
  union all
  select p.relation, p.chat_id, p.rows, p.trouble from people p
  union all
  select 'chat_assignments', null, t.rows, 'of an operator who is gone'
    from turns t
   where not exists (select from operators o where o.id = t.operator_id)
), mending as (
  select 'begin; set local chatops.write to ''function''; ' || pg_catalog.string_agg(s.statement, ' ' order by s.place) || ' commit;' as statement
    from (values
      (1, 'with an operator who is gone', 'chats',
       'update chats t set assigned_operator_id = null, assignment_time = null, chat_state = case when t.chat_state::text = ''assigned'' then ''waiting_assignment'' else t.chat_state end'
       ' where t.assigned_operator_id is not null and not exists (select from operators o where o.id = t.assigned_operator_id);'),
      (2, 'of an operator who is gone', 'chat_assignments',
       'delete from chat_assignments t where t.operator_id is not null and not exists (select from operators o where o.id = t.operator_id);'),
      (3, 'of a user who is gone', 'chats',
       'delete from chats t where t.real_user_id is not null and not exists (select from real_users o where o.id = t.real_user_id);'),
      (4, 'of a profile that is gone', 'chats',
       'delete from chats t where t.fictional_user_id is not null and not exists (select from fictional_users o where o.id = t.fictional_user_id);'),
      (5, 'of a chat that is gone', 'operator_activity',
       'delete from operator_activity t where t.chat_id is not null and not exists (select from chats o where o.id = t.chat_id);'),
      (6, 'of a chat that is gone', 'chat_assignments',
       'delete from chat_assignments t where t.chat_id is not null and not exists (select from chats o where o.id = t.chat_id);'),
      (7, 'of a chat that is gone', 'messages',
       'delete from messages t where t.chat_id is not null and not exists (select from chats o where o.id = t.chat_id);'),
      (8, 'without a chat', 'messages', 'delete from messages t where t.chat_id is null;'),
      (9, 'whose sender is neither side', 'messages',
       'delete from messages t where coalesce(t.sender_type::text, '''') not in (''real'', ''fictional'');')
    ) as s (place, trouble, relation, statement)
   where exists (select from found f where f.trouble = s.trouble and f.relation = s.relation)
      -- With a chat goes what belongs to it.
      or (s.trouble = 'of a chat that is gone'
          and exists (select from found f where f.trouble in ('of a user who is gone', 'of a profile that is gone')))
)
select found.relation, found.chat_id, found.rows, found.trouble, mending.statement,
       case when found.trouble in ('without a chat', 'whose sender is neither side') then 'they were written by hand or by a restore, and no column refuses that'
            when found.trouble like '%of a chat%' then 'the chat was deleted while foreign keys were off, or a restore brought the rows without it'
            else 'they were deleted while foreign keys were off, or a restore brought the rows without them' end as because,
       case when found.trouble = 'without a chat' then 'they stand in no chat: nobody reads or answers them'
            when found.trouble = 'whose sender is neither side' then 'nobody is called for them, and no figure counts them'
            when found.trouble = 'with an operator who is gone' then 'nobody answers: it counts as held by somebody who is not there'
            when found.trouble = 'of an operator who is gone' then 'figures count turns of somebody who is not there'
            when found.trouble in ('of a user who is gone', 'of a profile that is gone') then 'operators are given a chat that one of its two sides does not read'
            when found.relation = 'operator_activity' then 'an operator may count as busy with a chat that does not exist'
            else 'figures count what nobody can open' end as so
  from found
 cross join mending
 order by found.rows desc, found.relation, found.chat_id

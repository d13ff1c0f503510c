-- Of which chats that are gone are there still rows?
-- code: DATA004
-- title: rows of {count} chats are left that are gone
-- title-one: {relation} holds rows of a chat that is gone ({rows})
-- severity: warning
-- group: data
-- expected: messages, assignments and heartbeats belong to a chat that is there
-- why: the chat was deleted while foreign keys were off, or a restore brought the rows without it
-- consequence: figures count what nobody can open; an operator may stay busy with a chat that does not exist
-- help-text: nothing automatic does: bring the chat back from a back-up, or delete its rows where it was meant to go
-- says: stats seem wrong
-- reads: chats, messages, chat_assignments, operator_activity
-- avoids: hashjoin
-- Ids in the order of their index are compared by a merge: to look up each of ten million in a hash takes four times as long.
-- A foreign key does not tell: rows that were written or deleted while it was off are as they were.
select found.relation, found.chat_id, found.rows
  from (
    select 'chat_assignments' as relation, a.chat_id, pg_catalog.count(*) as rows
      from chat_assignments a
     where a.chat_id is not null and not exists (select from chats c where c.id = a.chat_id)
     group by a.chat_id
    union all
    select 'operator_activity', a.chat_id, pg_catalog.count(*)
      from operator_activity a
     where a.chat_id is not null and not exists (select from chats c where c.id = a.chat_id)
     group by a.chat_id
    union all
    select 'messages', m.chat_id, pg_catalog.count(*)
      from messages m
     where m.chat_id is not null and not exists (select from chats c where c.id = m.chat_id)
     group by m.chat_id
  ) as found
 order by found.rows desc, found.relation, found.chat_id

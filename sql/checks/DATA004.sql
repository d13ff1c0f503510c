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
-- Messages are looked at where no valid foreign key says that all is well: it is one pass over all of them.
with proven as materialized (
  select exists (select from pg_constraint k
                   join pg_class r on r.oid = k.conrelid
                   join pg_namespace n on n.oid = r.relnamespace
                  where n.nspname = current_schema() and r.relname = 'messages' and k.contype = 'f' and k.convalidated
                    and pg_catalog.pg_get_constraintdef(k.oid) like 'FOREIGN KEY (chat_id)%') as by_key
)
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
       and not (select p.by_key from proven p)
     group by m.chat_id
  ) as found
 order by found.rows desc, found.relation, found.chat_id

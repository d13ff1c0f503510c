-- Which triggers on the chat tables are switched off?
-- code: DB017
-- title: {count} triggers on the chat tables are switched off
-- title-one: the trigger {object} on {relation} is switched off
-- brief: triggers switched off on the chat tables: {count}
-- severity: critical
-- group: schema
-- expected: every trigger on the chat tables fires
-- why: somebody disabled it for an import and did not enable it again
-- consequence: what it keeps is not kept: users' messages may not reach the queue, counters stand still, and stale writes of the
--   application are accepted again
-- help-sql: alter table {relation} enable trigger {object};
-- help-text: messages that did not reach the queue meanwhile are found by `diagnose --only CHAT006`
-- needs-table: chats
-- shares: chat_tables
-- says: the deploy is not right; operator loses the chat; stats seem wrong
-- A partition has the triggers of its table, each with a switch of its own.
\set chat_tables `cat sql/checks/shared/chat_tables.sql`
with chat_tables as materialized (:chat_tables)
select c.name as relation, t.tgname as object, case t.tgenabled when 'D' then 'never' else 'on replicas only' end as fires
  from chat_tables c
  join pg_trigger t on t.tgrelid = c.oid
 where not t.tgisinternal
   and t.tgenabled in ('D', 'R')
 order by c.name, t.tgname

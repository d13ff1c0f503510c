-- Which triggers on the chat tables are switched off?
-- code: DB017
-- title: {count} triggers on the chat tables are switched off
-- title-one: {told}
-- narrow: {count} triggers are off
-- narrow-one: 1 trigger is off
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
select c.name as relation, t.tgname as object, case t.tgenabled when 'D' then 'never' else 'on replicas only' end as fires,
       'the trigger ' || t.tgname::text || ' on ' || c.name || ' is switched off' || coalesce(': ' || m.stops, '') as told, m.stops,
       case when pg_catalog.current_setting('track_commit_timestamp')::boolean then pg_catalog.pg_xact_commit_timestamp(t.xmin) end as changed_at
  from chat_tables c
  join pg_trigger t on t.tgrelid = c.oid
 -- Of those that fire after a message was written.
 cross join lateral (
   select case when c.root = 'messages' and t.tgtype & 6::smallint = 4::smallint then 'messages do not reach the queue' end as stops
 ) as m
 where not t.tgisinternal
   and t.tgenabled in ('D', 'R')
 order by m.stops is null, c.name, t.tgname

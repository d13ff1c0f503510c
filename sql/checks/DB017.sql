-- Which triggers on the chat tables are switched off?
-- code: DB017
-- title: {count} triggers on the chat tables are switched off
-- title-one: the trigger {object} on {relation} is switched off
-- severity: warning
-- group: schema
-- expected: every trigger on the chat tables fires
-- why: somebody disabled it for an import and did not enable it again
-- consequence: counters stand still, or stale writes of the application are accepted again
-- help-sql: alter table {relation} enable trigger {object};
-- needs-table: chats
-- says: the deploy is not right · operator loses the chat · stats seem wrong
select case when n.nspname = 'chatops' then 'chatops.' else '' end || c.relname as relation,
       t.tgname as object,
       case t.tgenabled when 'D' then 'never' else 'on replicas only' end as fires
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where (n.nspname = 'chatops'
        or (n.nspname = current_schema()
            and c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                              'operator_activity', 'platform_config')))
   and not t.tgisinternal
   and t.tgenabled in ('D', 'R')
 order by c.relname, t.tgname

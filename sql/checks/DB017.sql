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
-- By what depends on the schemas: the catalog has no index by schema, and is long where there are many.
select case when n.nspname = 'chatops' then 'chatops.' else '' end || c.relname::text as relation,
       t.tgname as object,
       case t.tgenabled when 'D' then 'never' else 'on replicas only' end as fires
  from pg_namespace n
  join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
  join pg_class c on c.oid = d.objid
  join pg_trigger t on t.tgrelid = c.oid
 where n.nspname in ('chatops', current_schema())
   and (n.nspname = 'chatops'
        or c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                         'operator_activity', 'platform_config'))
   and not t.tgisinternal
   and t.tgenabled in ('D', 'R')
 order by c.relname, t.tgname

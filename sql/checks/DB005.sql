-- Which constraints on the chat tables are not validated?
-- code: DB005
-- title: {count} constraints on the chat tables are not validated
-- title-one: the constraint {object} on {relation} is not validated
-- severity: warning
-- group: schema
-- expected: every constraint on the chat tables is validated
-- why: it was added NOT VALID and the VALIDATE that belongs to it did not run, or failed on existing rows
-- consequence: rows from before may break it, and any later update of such a row fails
-- help-sql: alter table {relation} validate constraint {object};
-- needs-table: chats
-- says: the deploy is not right
-- By what depends on the schemas: the catalog has no index by schema, and is long where there are many.
select case when n.nspname = 'chatops' then 'chatops.' else '' end || c.relname::text as relation,
       k.conname as object,
       pg_catalog.pg_get_constraintdef(k.oid) as definition
  from pg_namespace n
  join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
  join pg_class c on c.oid = d.objid
  join pg_constraint k on k.conrelid = c.oid
 where n.nspname in ('chatops', current_schema())
   and (n.nspname = 'chatops'
        or c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                         'operator_activity', 'platform_config'))
   and not k.convalidated
 order by c.relname, k.conname

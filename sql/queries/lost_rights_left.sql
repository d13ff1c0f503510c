-- Which of these calls may these roles still not make? Somebody may have granted them meanwhile.
-- calls: role and name of the function, as JSON. alone: nobody else who writes the chats, but their owner, can be given one by it.
select w.role, w.name, p.oid::regprocedure::text as call,
       not exists (
         select from pg_roles r
           join pg_class c on c.relnamespace = n.oid and c.relname = 'chats'
          where not r.rolsuper and r.oid >= 16384::oid and r.rolname <> 'anon'
            and not pg_catalog.pg_has_role(r.oid, p.proowner, 'usage'::text)
            and pg_catalog.has_function_privilege(r.oid, p.oid, 'execute'::text)
            and pg_catalog.has_any_column_privilege(r.oid, c.oid, 'update'::text)) as alone
  from pg_catalog.jsonb_to_recordset(:'calls'::jsonb) as w (role text, name text)
  join pg_roles o on o.rolname = w.role
  join pg_namespace n on n.nspname = current_schema()
  join pg_proc p on p.pronamespace = n.oid and p.proname = w.name and p.prokind = 'f'
 where not pg_catalog.has_function_privilege(o.oid, p.oid, 'execute'::text)
 order by w.role, w.name

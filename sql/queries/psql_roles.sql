-- As which roles could this one only read the chats, all of their rows, the best first? Whether it may become them, only trying tells.
-- tables: text[], those of the chats
select r.rolname::text as role
  from pg_catalog.pg_roles r
 where r.rolname in ('pg_read_all_data', 'chatops_reader')
   and pg_catalog.pg_has_role(session_user, r.oid, 'member'::text)
   and pg_catalog.has_schema_privilege(r.oid, current_schema()::text, 'usage'::text)
   and not exists (
     select from pg_catalog.unnest(:'tables'::text[]) t (name)
       join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', current_schema(), t.name))::oid
      where not pg_catalog.has_table_privilege(r.oid, c.oid, 'select'::text)
         or (c.relrowsecurity and not exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'chatops_reads' and r.oid = any (p.polroles))))
 order by r.rolname = 'pg_read_all_data' desc

-- Which roles work on the chats, and which of them write?
--
-- Roles that were granted something on chats or messages by name, and who logs in and writes them because everybody may, or as one
-- who writes all data. Not told: the tables' owner and superusers, who lose nothing; the platform's roles, of which the files speak;
-- the roles that chatops makes.
with tables as materialized (
  select c.oid, c.relname, c.relowner, c.relacl, n.oid as schema_oid
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace and n.nspname = current_schema()
   where c.relname in ('chats', 'messages', 'chat_assignments') and c.relkind in ('r', 'p')
), granted as materialized (
  select t.relname, a.grantee from tables t cross join lateral pg_catalog.aclexplode(t.relacl) as a
  union
  select t.relname, a.grantee from tables t join pg_attribute c on c.attrelid = t.oid cross join lateral pg_catalog.aclexplode(c.attacl) as a
)
select r.oid, r.rolname, r.rolcanlogin,
       pg_catalog.has_any_column_privilege(r.oid, m.oid, 'insert'::text) or pg_catalog.has_any_column_privilege(r.oid, c.oid, 'update'::text) as writes
  from tables c
  join tables m on m.relname = 'messages'
  join pg_roles r on not r.rolsuper and r.oid >= 16384::oid
 where c.relname = 'chats'
   and r.rolname not in ('anon', 'authenticated', 'service_role', 'chatops_reader', 'chatops_operator')
   and not pg_catalog.pg_has_role(r.oid, c.relowner, 'usage'::text)
   and pg_catalog.has_schema_privilege(r.oid, c.schema_oid, 'usage'::text)
   and (exists (select from granted g where g.grantee = r.oid and g.relname in ('chats', 'messages'))
        or r.rolcanlogin
           and (pg_catalog.has_any_column_privilege(r.oid, m.oid, 'insert'::text) or pg_catalog.has_any_column_privilege(r.oid, c.oid, 'update'::text))
           -- Who has it of a group is told with the group.
           and not exists (select from granted g where g.grantee >= 16384::oid and pg_catalog.pg_has_role(r.oid, g.grantee, 'usage'::text)))

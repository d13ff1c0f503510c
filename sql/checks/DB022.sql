-- Which roles that anybody has may create objects among the chats?
-- code: DB022
-- title: {count} roles that anybody has may create objects in this schema
-- title-one: {role} may create objects in schema {object}
-- severity: warning
-- group: schema
-- expected: only owners create objects in the schema of the chats
-- why: it was so by default before Postgres 15, or a script granted all on the schema
-- consequence: a function or table of the same name put there is what others' calls find
-- help-sql: revoke create on schema {object} from {role};
-- needs-table: chats
-- says: somebody did what they may not
select case when a.grantee = 0::oid then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end as role, n.nspname as object
  from pg_namespace n
 cross join lateral pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) as a
 where n.nspname = current_schema()
   and a.privilege_type = 'CREATE'
   and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
   and a.grantee <> n.nspowner
 order by 1

-- Who but their owners may create objects among the chats, or replace ours?
-- code: DB022
-- title: {count} roles may put objects among the chats, or replace ours
-- title-one: {role} {trouble}
-- severity: warning
-- group: schema
-- expected: only owners create objects in the schema of the chats, and our objects belong to the owner of the chats
-- why: it was so by default before Postgres 15, a script granted all on the schema, or an object was given to another role
-- consequence: a function or table of the same name put there is what others' calls find; an owner may replace what is theirs
-- help-sql: {remedy}
-- needs-table: chats
-- says: somebody did what they may not
-- shares: expected_names
-- avoids: mergejoin
-- Ours may belong to the owner of the chats or of schema chatops, to whoever applied a file of ours, or to a superuser.
\set expected_names `cat sql/checks/shared/expected_names.sql`
with expected_names as materialized (:expected_names),
chats as materialized (
  select c.relowner, n.oid as space, n.nspname
    from pg_namespace n
    join pg_class c on c.relnamespace = n.oid and c.relname = 'chats'
   where n.nspname = current_schema()
), anybody as materialized (
  select r.oid, r.rolname, r.rolbypassrls, r.rolsuper, r.rolcreaterole from pg_roles r where r.rolname in ('anon', 'authenticated')
), objects as (
  select 'function ' || p.oid::regprocedure::text as object, p.proowner as owner, 'function' as kind, p.proname::text as name
    from chats c
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = c.space and d.classid = 'pg_proc'::regclass::oid
    join pg_proc p on p.oid = d.objid
  union all
  select case k.relkind when 'v' then 'view ' when 'S' then 'sequence ' else 'table ' end || k.oid::regclass::text, k.relowner,
         case k.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
         case when n.nspname = 'chatops' then 'chatops.' else '' end || k.relname::text
    from pg_namespace n
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = n.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class k on k.oid = d.objid and k.relkind in ('r', 'p', 'v', 'S')
   where n.nspname in ('chatops', current_schema())
     and not exists (select from pg_depend o where o.classid = 'pg_class'::regclass::oid and o.objid = k.oid and o.deptype in ('a', 'i'))
)
select found.role, found.trouble, found.object, pg_catalog.string_agg(found.remedy, ' ') over () as remedy,
       case when found.trouble like 'may create objects %' then 'it was so by default before Postgres 15, or a script granted all on the schema'
            when found.trouble like 'owns %' then 'the object was given to this role, or made as it'
            else 'somebody made the role so, to get past an error' end as because,
       case when found.trouble like 'may create objects %' then 'a function or table of the same name put there is what others'' calls find'
            when found.trouble like 'owns %' then 'it may put something else in its place, which others then call'
            when found.trouble = 'bypasses row level security' then 'whoever comes as it reads and writes every chat, whatever policies say'
            else 'whoever comes as it gets past policies and grants' end as so
  from (
    select case when a.grantee = 0::oid then 'public' else pg_catalog.pg_get_userbyid(a.grantee)::text end as role,
           'may create objects in schema ' || n.nspname::text as trouble, n.nspname::text as object,
           pg_catalog.format('revoke create on schema %I from %s;', n.nspname,
                             case when a.grantee = 0::oid then 'public' else pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) end) as remedy
      from pg_namespace n
     cross join lateral pg_catalog.aclexplode(coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))) as a
     where n.nspname = current_schema()
       and a.privilege_type = 'CREATE'
       and (a.grantee = 0::oid or pg_catalog.pg_get_userbyid(a.grantee) in ('anon', 'authenticated'))
       and a.grantee <> n.nspowner
    union all
    -- Whoever owns a schema may drop what is in it, whosever it is: that is for owners, not for those who write chats.
    select r.rolname::text, 'owns schema ' || n.nspname::text || ', and may drop or replace all that is in it', n.nspname::text,
           pg_catalog.format('alter schema %I owner to %I; grant usage on schema %I to %I;', n.nspname, pg_catalog.pg_get_userbyid(c.relowner), n.nspname, r.rolname)
      from chats c
      join pg_namespace n on n.oid = c.space and n.nspowner <> c.relowner
      join pg_roles r on r.oid = n.nspowner and not r.rolsuper
     where not pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
       and exists (select from pg_class k cross join lateral pg_catalog.aclexplode(k.relacl) as a
                    where k.relnamespace = c.space and k.relname in ('chats', 'messages') and a.grantee = r.oid and a.privilege_type in ('INSERT', 'UPDATE'))
    union all
    select pg_catalog.pg_get_userbyid(o.owner)::text, 'owns the ' || o.object || ', and may replace it', o.object,
           pg_catalog.format('alter %s owner to %I;', o.object, pg_catalog.pg_get_userbyid(c.relowner))
      from objects o
     cross join chats c
      join pg_roles r on r.oid = o.owner
     where o.owner <> c.relowner
       and not r.rolsuper
       -- Whoever may become the owner, or is one of the owners', is trusted with it already.
       and not pg_catalog.pg_has_role(o.owner, c.relowner, 'member')
       and not exists (select from pg_namespace n where n.nspname = 'chatops' and n.nspowner = o.owner)
       and (exists (select from expected_names w
                     where w.kind = o.kind and w.name = o.name and (o.kind in ('view', 'sequence') or (o.kind = 'function' and w.state = 'applied') or w.name like 'chatops.%'))
            or (o.kind = 'table' and r.rolname in ('anon', 'authenticated')
                and o.name in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments', 'operator_activity', 'platform_config')))
    union all
    select a.rolname::text, 'is a member of ' || pg_catalog.pg_get_userbyid(m.roleid)::text || ', and may do all that it may', pg_catalog.pg_get_userbyid(m.roleid)::text,
           pg_catalog.format('revoke %I from %I;', pg_catalog.pg_get_userbyid(m.roleid), a.rolname)
      from anybody a
      join pg_auth_members m on m.member = a.oid
      join pg_roles r on r.oid = m.roleid
     cross join chats c
     where r.rolsuper or r.rolbypassrls or pg_catalog.pg_has_role(r.oid, c.relowner, 'member')
        or r.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program', 'pg_read_server_files')
    union all
    select a.rolname::text, 'may create roles, and give itself what they have', a.rolname::text, pg_catalog.format('alter role %I nocreaterole;', a.rolname)
      from anybody a
     where a.rolcreaterole and not a.rolsuper
    union all
    select a.rolname::text, 'bypasses row level security', a.rolname::text,
           pg_catalog.format('alter role %I nosuperuser nobypassrls;', a.rolname)
      from anybody a
     where a.rolbypassrls or a.rolsuper
  ) as found
 order by found.role, found.trouble

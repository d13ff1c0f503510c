-- May the owners of our functions do what these functions do?
-- code: DB020
-- title: {count} rights are missing that our functions need
-- title-one: {role}, who owns or calls our functions, {trouble}
-- narrow: our functions lack {count} rights
-- narrow-one: our functions lack 1 right
-- severity: warning
-- critical: a message, a reply or assigning needs the right
-- group: schema
-- expected: whoever owns a function that runs with its owner's rights may use all that it reads and writes, and sees every row
-- why: the functions were given to another role, or a restore left out the rights
-- consequence: every assign, reply or release fails, or works on the few rows that its owner sees
-- help-sql: {remedy}
-- needs-table: chats
-- says: nobody answers; the deploy is not right
-- shares: expected_names
-- avoids: mergejoin
-- unplanted: it takes a role that owns the functions and little else
\set expected_names `cat sql/checks/shared/expected_names.sql`
with expected_names as materialized (:expected_names),
spaces as materialized (
  select n.oid, n.nspname from pg_namespace n where n.nspname in (current_schema(), 'chatops')
), functions as materialized (
  select p.oid, p.proowner, w.vital, pg_catalog.regexp_replace(p.prosrc, '--[^\n]*', '', 'g') as body
    from spaces s
    -- By what depends on the schema: of each name there are as many as tenants.
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and d.classid = 'pg_proc'::regclass::oid
    join pg_proc p on p.oid = d.objid and p.prosecdef
    join expected_names w
      on w.kind = 'function' and w.name = p.proname and w.state = 'applied'
   where s.nspname = current_schema()
), relations as materialized (
  select c.oid, c.relkind, c.relowner, s.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity,
         case when s.nspname = 'chatops' then 'chatops\.' || c.relname::text else c.relname::text end as pattern
    from spaces s
    join pg_depend d on d.refclassid = 'pg_namespace'::regclass::oid and d.refobjid = s.oid and d.classid = 'pg_class'::regclass::oid
    join pg_class c on c.oid = d.objid
   where c.relkind in ('r', 'p', 'S')
     and (s.nspname = 'chatops'
          or c.relname in ('operators', 'real_users', 'fictional_users', 'chats', 'messages', 'chat_assignments',
                           'operator_activity', 'platform_config'))
), lacking as materialized (
  -- Where an owner may do everything, no body is read.
  select o.proowner, r.*
    from (select distinct f.proowner from functions f) as o
   cross join relations r
   where not pg_catalog.has_schema_privilege(o.proowner, r.nspname, 'usage')
      or case when r.relkind = 'S' then not pg_catalog.has_sequence_privilege(o.proowner, r.oid, 'usage')
              else not (pg_catalog.has_table_privilege(o.proowner, r.oid, 'select')
                        and pg_catalog.has_table_privilege(o.proowner, r.oid, 'insert')
                        and pg_catalog.has_table_privilege(o.proowner, r.oid, 'update')) end
      or (r.relrowsecurity and (r.relforcerowsecurity or not pg_catalog.pg_has_role(o.proowner, r.relowner, 'usage')))
), callers as materialized (
  select f.proowner as oid from functions f
  union
  select r.oid from pg_roles r
   where r.rolname in ('authenticated', 'service_role')
     and exists (select from relations t where t.relname = 'messages' and pg_catalog.has_any_column_privilege(r.oid, t.oid, 'insert'))
), taken as materialized (
  -- The server's own functions that somebody took from everybody; a server begins with a few that are not everybody's.
  -- Those that it begins with are numbered below the first of its users' objects.
  select p.oid, p.proname
    from pg_proc p
   where p.oid < 16384::oid
     and p.proacl is not null
     and not exists (select from pg_init_privs i where i.classoid = 'pg_proc'::regclass::oid and i.objoid = p.oid and i.objsubid = 0)
), closed as materialized (
  -- As far as functions of ours, defaults and policies name them: where none was taken, no text is looked through.
  select r.oid as role_id, 'pg_catalog.' || p.oid::regprocedure::text as call
    from taken p
   cross join callers r
   where not pg_catalog.has_function_privilege(r.oid, p.oid, 'execute')
     and exists (
       select from functions f where f.body ~ ('\m' || p.proname::text || '\s*\(')
       union all
       select from relations t
         join pg_attrdef d on d.adrelid = t.oid
        where pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ ('\m' || p.proname::text || '\s*\(')
       union all
       select from relations t
         join pg_policy y on y.polrelid = t.oid
        where pg_catalog.concat(pg_catalog.pg_get_expr(y.polqual, y.polrelid), ' ', pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid)) ~ ('\m' || p.proname::text || '\s*\('))
), homes as materialized (
  -- To whom the functions of an owner would go: the owner of the chats, where theirs is a stranger to them.
  select f.proowner, c.relowner as home,
         f.proowner <> c.relowner and not r.rolsuper and not pg_catalog.pg_has_role(f.proowner, c.relowner, 'member')
         and not exists (select from pg_namespace n where n.nspname = 'chatops' and n.nspowner = f.proowner) as stranger,
         pg_catalog.string_agg(pg_catalog.format('alter function %s owner to %I;', f.oid::regprocedure, pg_catalog.pg_get_userbyid(c.relowner)), ' ') as giving
    from functions f
    join pg_roles r on r.oid = f.proowner
    join relations c on c.relname = 'chats' and c.nspname = current_schema()
   group by f.proowner, c.relowner, r.rolsuper
), used as materialized (
  select r.*, pg_catalog.bool_or(f.vital) as vital,
         pg_catalog.bool_or(f.body ~* ('\m(from|join)\s+' || r.pattern || '\M')) as reads,
         pg_catalog.bool_or(f.body ~* ('\minsert\s+into\s+' || r.pattern || '\M')) as inserts,
         pg_catalog.bool_or(f.body ~* ('\mupdate\s+' || r.pattern || '\M')) as updates
    from functions f
    join lacking r on r.proowner = f.proowner and f.body ~* (r.pattern || '\M')
   group by r.proowner, r.oid, r.relkind, r.relowner, r.nspname, r.relname, r.relrowsecurity, r.relforcerowsecurity, r.pattern
)
select pg_catalog.pg_get_userbyid(found.proowner) as role, found.trouble, case when h.stranger then h.giving else found.remedy end as remedy,
       pg_catalog.bool_or(found.vital) as critical,
       case when h.stranger then 'the functions were given to another role'
            when found.trouble like 'sees only the rows %' then 'row level security was forced on the table''s owner, or the functions belong to another one'
            else 'somebody revoked it, or a restore left the rights out' end as because,
       case when found.trouble like 'sees only the rows %' then 'functions that run as this role work on the few rows that it sees, and miss the others'
            when found.trouble ~ 'pg_catalog' then 'what this role calls it in is refused: permission denied'
            else 'functions that run as this role are refused there, and so is the assign, reply or release that calls them' end as so
  from (
    select u.proowner, 'may not use schema ' || u.nspname::text as trouble,
           pg_catalog.format('grant usage on schema %I to %I;', u.nspname, pg_catalog.pg_get_userbyid(u.proowner)) as remedy, u.vital
      from used u
     where not pg_catalog.has_schema_privilege(u.proowner, u.nspname, 'usage')
    union all
    select u.proowner, 'may not ' || need.privilege || ' ' || u.nspname::text || '.' || u.relname::text,
           pg_catalog.format('grant %s on %I.%I to %I;', need.privilege, u.nspname, u.relname, pg_catalog.pg_get_userbyid(u.proowner)), u.vital
      from used u
     cross join lateral (values ('select', u.reads), ('insert', u.inserts), ('update', u.updates)) as need (privilege, needed)
     where need.needed
       and case when u.relkind <> 'S' then not pg_catalog.has_table_privilege(u.proowner, u.oid, need.privilege) end
    union all
    select u.proowner, 'may not use the sequence ' || u.nspname::text || '.' || u.relname::text,
           pg_catalog.format('grant usage, update on sequence %I.%I to %I;', u.nspname, u.relname, pg_catalog.pg_get_userbyid(u.proowner)), u.vital
      from used u
     where case when u.relkind = 'S' then not pg_catalog.has_sequence_privilege(u.proowner, u.oid, 'usage') end
    union all
    select u.proowner, 'sees only the rows of ' || u.relname::text || ' that policies show',
           case when u.relforcerowsecurity and pg_catalog.pg_has_role(u.proowner, u.relowner, 'usage')
                then pg_catalog.format('alter table %s%I no force row level security;', case when u.nspname = 'chatops' then 'chatops.' else '' end, u.relname)
                when g.stranger then g.giving
                else pg_catalog.format('alter table %s%I owner to %I;', case when u.nspname = 'chatops' then 'chatops.' else '' end, u.relname, o.rolname) end, u.vital
      from used u
      join pg_roles o on o.oid = u.proowner
      join homes g on g.proowner = u.proowner
     where u.relrowsecurity
       and not o.rolsuper
       and not o.rolbypassrls
       and (u.relforcerowsecurity or not pg_catalog.pg_has_role(u.proowner, u.relowner, 'usage'))
    union all
    select c.role_id, 'may not execute ' || c.call, pg_catalog.format('grant execute on function %s to public;', c.call), true
      from closed c
    union all
    select r.oid, 'may not use schema pg_catalog', 'grant usage on schema pg_catalog to public;', true
      from callers r
     where not pg_catalog.has_schema_privilege(r.oid, 'pg_catalog', 'usage')
  ) as found
  left join homes h on h.proowner = found.proowner
 group by found.proowner, found.trouble, found.remedy, h.stranger, h.giving
 order by critical desc, 1, 2

-- Which functions run with their owner's rights and lack a search_path, or are open to everyone?
-- code: DB001
-- invariant: I23
-- title: {count} privileged functions of ours can be abused
-- title-one: the privileged function {object} can be abused: {trouble}
-- severity: warning
-- group: now
-- expected: a function with its owner's rights sets its search_path, and only those may call it who need it
-- why: Postgres opens every new function to everyone, and the hosting's default privileges to its API roles; without a
--   search_path the caller's own path decides which tables it works on
-- consequence: any logged-in user can assign or release chats for any operator, or make the function read other tables
-- help-sql: {remedy}
-- says: somebody did what they may not
-- Functions that policies call must stay open. Before 018 it is advice: only migrating helps. The application's own are DB023.
select found.object, pg_catalog.string_agg(found.remedy, ' ') over () as remedy, found.trouble, found.advice
  from (
select p.proname as object,
       pg_catalog.concat_ws(' ',
         case when pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> ''
              then pg_catalog.format('revoke execute on function %s from %s;', p.oid::regprocedure, open_to.roles) end,
         case when not pinned.path
              then pg_catalog.format('alter function %s set search_path = %I, pg_temp;', p.oid::regprocedure, current_schema()) end) as remedy,
       pg_catalog.concat_ws('; ',
         case when not pinned.path then 'no search_path' end,
         case when pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> '' then 'open to ' || pg_catalog.replace(open_to.roles, 'public', 'everybody') end) as trouble,
       :'before_018'::boolean as advice
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
 cross join lateral (
   select exists (select 1 from pg_catalog.unnest(p.proconfig) setting where setting like 'search_path=%') as path
 ) as pinned
 cross join lateral (
   select coalesce(pg_catalog.string_agg(r.name, ', ' order by r.name), '') as roles
     from (
       select 'public' as name
         from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
        where granted.grantee = 0 and granted.privilege_type = 'EXECUTE'
       union all
       select pg_catalog.quote_ident(r.rolname)
         from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
         join pg_roles r on r.oid = granted.grantee
        where granted.privilege_type = 'EXECUTE'
          -- An operator logs in as authenticated and asks for the next chat: that one checks who asks.
          and (r.rolname = 'anon' or (r.rolname = 'authenticated' and p.proname not like 'assign_chat%'))
     ) as r
 ) as open_to
 where n.nspname = current_schema()
   and p.prosecdef
   and (not pinned.path or (pg_catalog.pg_get_function_result(p.oid) <> 'trigger' and open_to.roles <> ''))
   and not exists (select 1 from pg_depend d
                    where d.refclassid = 'pg_proc'::regclass and d.refobjid = p.oid
                      and (d.classid = 'pg_policy'::regclass or d.deptype = 'e'))
   and not exists (select 1 from pg_depend d
                    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
   and exists (select from pg_catalog.jsonb_to_recordset(:'expected'::jsonb) as w (kind text, name text)
                where w.kind = 'function' and w.name = p.proname)
  ) as found
 order by found.object

-- The schema's functions with their owner's rights that set no search_path or that too many may call.
-- has_path: whether it sets its search_path; open_to: the roles it is open to, '' for none and for triggers.
select found.oid, found.proname, found.pronamespace, found.proowner, found.proacl, found.has_path, found.open_to,
       pg_catalog.concat_ws('; ',
         case when not found.has_path then 'no search_path' end,
         case when found.open_to <> '' then 'open to ' || pg_catalog.replace(found.open_to, 'public', 'everybody') end) as trouble,
       case when found.open_to <> ''
            then pg_catalog.format('revoke execute on function %s from %s;', found.oid::regprocedure, found.open_to) end as revoking
  from (
    select p.oid, p.proname, p.pronamespace, p.proowner, p.proacl,
           exists (select 1 from pg_catalog.unnest(p.proconfig) setting where setting like 'search_path=%') as has_path,
           case when pg_catalog.pg_get_function_result(p.oid) = 'trigger' then '' else (
             select coalesce(pg_catalog.string_agg(r.name, ', ' order by r.name), '')
               from (
                 select 'public' as name
                   from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
                  where granted.grantee = 0::oid and granted.privilege_type = 'EXECUTE'
                 union all
                 select pg_catalog.quote_ident(r.rolname)
                   from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as granted
                   join pg_roles r on r.oid = granted.grantee
                  where granted.privilege_type = 'EXECUTE'
                    -- An operator logs in as authenticated and asks for the next chat: that one checks who asks.
                    and (r.rolname = 'anon' or (r.rolname = 'authenticated' and p.proname::text not like 'assign_chat%'))
               ) as r) end as open_to
      from pg_namespace n
      join pg_depend i on i.refclassid = 'pg_namespace'::regclass::oid and i.refobjid = n.oid and i.classid = 'pg_proc'::regclass::oid
      join pg_proc p on p.oid = i.objid
     where n.nspname = current_schema()
       and p.prosecdef
       and not exists (select 1 from pg_depend d
                        where d.refclassid = 'pg_proc'::regclass::oid and d.refobjid = p.oid
                          and (d.classid = 'pg_policy'::regclass::oid or d.deptype = 'e'))
       and not exists (select 1 from pg_depend d
                        where d.classid = 'pg_proc'::regclass::oid and d.objid = p.oid and d.deptype = 'e')
  ) as found
 where not found.has_path or found.open_to <> ''

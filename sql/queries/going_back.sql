-- Which of these functions and views are there now, and what was kept of each when a file replaced it?
-- names: text[], without their schema; replaced: jsonb, what the ledger keeps of that file, by object. grants: of a view who may do
-- what, as statements, for it may have to be made anew.
with now as (
  select 'routine' as kind, p.proname::text as own, p.oid::regprocedure::text as object, null::text as grants
    from pg_proc as p
   where p.pronamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and p.proname = any (:'names'::text[])
  union all
  select 'view', c.relname::text, c.oid::regclass::text,
         (select pg_catalog.string_agg(pg_catalog.format('grant %s on %s to %s%s;', pg_catalog.lower(a.privilege_type), c.oid::regclass,
                                                         case when a.grantee = 0::oid then 'public' else a.grantee::regrole::text end,
                                                         case when a.is_grantable then ' with grant option' else '' end),
                                       E'\n' order by a.grantee::regrole::text, a.privilege_type)
            from pg_catalog.aclexplode(c.relacl) as a
           where a.grantee <> c.relowner)
    from pg_class as c
   where c.relnamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and c.relkind = 'v'
     and c.relname = any (:'names'::text[])
)
select n.kind, n.own, n.object, n.grants, :'replaced'::jsonb ->> n.object as before from now as n
 order by n.kind, n.object;

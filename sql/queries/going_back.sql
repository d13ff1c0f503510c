-- Which of these functions and views are there now, and what was kept of each when a file replaced it?
-- names: text[], without their schema; replaced: jsonb, what the ledger keeps of that file, by object.
with now as (
  select 'routine' as kind, p.proname::text as own, p.oid::regprocedure::text as object
    from pg_proc as p
   where p.pronamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and p.proname = any (:'names'::text[])
  union all
  select 'view', c.relname::text, c.oid::regclass::text
    from pg_class as c
   where c.relnamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and c.relkind = 'v'
     and c.relname = any (:'names'::text[])
)
select n.kind, n.own, n.object, :'replaced'::jsonb ->> n.object as before from now as n
 order by n.kind, n.object;

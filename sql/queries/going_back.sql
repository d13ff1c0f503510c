-- Which of these functions and views are there now, and what the ledger kept of them when a file replaced them?
-- names: text[], without their schema; schema, source and name: the file in the ledger.
with kept as (
  select coalesce((select m.replaced from chatops.migrations as m
                    where m.target_schema = :'schema' and m.source = :'source' and m.name = :'name'), '{}'::jsonb) as replaced
), now as (
  select 'routine' as kind, p.proname::text as own, p.oid::regprocedure::text as object
    from pg_proc as p
   where p.pronamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and p.proname = any (:'names'::text[])
  union all
  select 'view', c.relname::text, c.oid::regclass::text
    from pg_class as c
   where c.relnamespace = (select n.oid from pg_namespace as n where n.nspname = :'schema') and c.relkind = 'v'
     and c.relname = any (:'names'::text[])
)
select n.kind, n.own, n.object, k.replaced ->> n.object as before from now as n cross join kept as k
 order by n.kind, n.object;

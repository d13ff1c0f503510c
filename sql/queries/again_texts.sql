-- The bodies of the routines of a name, the queries of the views, the triggers or indexes of a table: of one schema, or (null) wherever.
-- kind: view, routine, trigger or index; name; table: of a trigger; schema. options: what a routine has beside its body, as a statement would say it, and those of a view; cost and rows where
-- they are not what the server takes by itself.
select case when :'kind' = 'view' then (select pg_catalog.pg_get_viewdef(c.oid)) end as text,
       coalesce((select pg_catalog.jsonb_object_agg(pg_catalog.split_part(one, '=', 1), pg_catalog.substr(one, pg_catalog.strpos(one, '=') + 1))
                   from pg_catalog.unnest(c.reloptions) as one), '{}') as options
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where :'kind' = 'view' and c.relname = :'name' and c.relkind = 'v' and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname = coalesce(:'schema'::text, n.nspname)
union all
select pg_catalog.pg_get_triggerdef(t.oid), '{}'::jsonb
  from pg_trigger as t
  join pg_class as c on c.oid = t.tgrelid
  join pg_namespace as n on n.oid = c.relnamespace
 where :'kind' = 'trigger' and t.tgname = :'name' and c.relname = :'table' and not t.tgisinternal and t.tgparentid = 0::oid
   and n.nspname = coalesce(:'schema'::text, n.nspname)
union all
select pg_catalog.pg_get_indexdef(x.indexrelid), pg_catalog.jsonb_build_object('valid', x.indisvalid::text)
  from pg_index as x
  join pg_class as i on i.oid = x.indexrelid
  join pg_namespace as n on n.oid = i.relnamespace
 where :'kind' = 'index' and i.relname = :'name' and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname = coalesce(:'schema'::text, n.nspname)
union all
select p.prosrc,
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
         'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
         'strict', case when p.proisstrict then 'yes' else 'no' end,
         'security', case when p.prosecdef then 'definer' else 'invoker' end,
         'leakproof', case when p.proleakproof then 'yes' else 'no' end,
         'parallel', case p.proparallel when 's' then 'safe' when 'r' then 'restricted' else 'unsafe' end,
         'cost', case when p.procost <> case when l.lanname in ('c', 'internal') then 1 else 100 end::real then p.procost::text end,
         'rows', case when p.prorows not in (0::real, 1000::real) then p.prorows::text end))
       || coalesce((select pg_catalog.jsonb_object_agg('set ' || pg_catalog.split_part(one, '=', 1), pg_catalog.substr(one, pg_catalog.strpos(one, '=') + 1))
                      from pg_catalog.unnest(p.proconfig) as one
                     where one not like 'citus.%'), '{}')
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  join pg_language as l on l.oid = p.prolang
 where :'kind' = 'routine' and p.proname = :'name' and p.prokind in ('f', 'p')
   and n.nspname not in ('pg_catalog', 'information_schema')
   and n.nspname = coalesce(:'schema'::text, n.nspname);

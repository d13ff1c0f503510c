-- Keeps, until the end of the transaction, the definitions of functions, views and indexes under the name of a setting.
-- setting: chatops.before, chatops.after; names: of these
select pg_catalog.set_config(:'setting', coalesce(
  (select pg_catalog.jsonb_object_agg(found.object, found.definition)::text
     from (select p.oid::regprocedure::text as object, pg_catalog.pg_get_functiondef(p.oid) as definition
             from pg_proc as p
             join pg_namespace as n on n.oid = p.pronamespace
            where p.proname = any (:'names'::text[]) and p.prokind in ('f', 'p')
              and n.nspname not in ('pg_catalog', 'information_schema')
           union all
           select c.oid::regclass::text,
                  coalesce('with (' || pg_catalog.array_to_string(c.reloptions, ', ') || E') as\n', '') || pg_catalog.pg_get_viewdef(c.oid)
             from pg_class as c
             join pg_namespace as n on n.oid = c.relnamespace
            where c.relname = any (:'names'::text[]) and c.relkind = 'v'
              and n.nspname not in ('pg_catalog', 'information_schema')
           union all
           select x.indexrelid::regclass::text, pg_catalog.pg_get_indexdef(x.indexrelid)
             from pg_index as x
             join pg_class as c on c.oid = x.indexrelid
             join pg_namespace as n on n.oid = c.relnamespace
            where c.relname = any (:'names'::text[])
              and n.nspname not in ('pg_catalog', 'information_schema')) as found), '{}'), true);

-- Keeps the definitions of the functions and views that a file is about to replace.
update chatops.migrations
   set replaced = coalesce(
         (select pg_catalog.jsonb_object_agg(found.object, found.definition)
            from (select p.oid::regprocedure::text as object, pg_catalog.pg_get_functiondef(p.oid) as definition
                    from pg_proc as p
                   where p.pronamespace = (select oid from pg_namespace where nspname = :'target_schema')
                     and p.prokind in ('f', 'p')
                     and p.proname = any (:'replaces'::text[])
                  union all
                  select c.oid::regclass::text, pg_catalog.pg_get_viewdef(c.oid)
                    from pg_class as c
                   where c.relnamespace = (select oid from pg_namespace where nspname = :'target_schema')
                     and c.relkind = 'v'
                     and c.relname = any (:'replaces'::text[])) as found),
         replaced)
 where target_schema = :'target_schema' and source = :'source' and name = :'name';

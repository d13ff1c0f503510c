-- Where does a table of schema chatops stand that is missing there: in another schema, or here under a name that is none of ours?
select n.nspname::text as schema, c.relname::text as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r'
   and (c.relname = :'name' and n.nspname <> 'chatops' or n.nspname = 'chatops' and c.relname <> all (:'ours'::text[]))
   and not exists (select from pg_catalog.unnest(:'columns'::text[]) as w (name)
                    where not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = w.name and not a.attisdropped))
 order by n.nspname = 'chatops' desc, 1, 2
 limit 1

-- Where does a table stand that is missing under its name: moved to another schema, or renamed? Only one that has its columns, and
-- that is tied to the others of this schema by a key or by a trigger, or here has the table's own key.
select n.nspname::text as schema, c.relname::text as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'f')
   and (c.relname = :'name' or n.nspname = current_schema())
   and not (c.relname = :'name' and n.nspname = current_schema())
   and not exists (select from pg_catalog.unnest(:'columns'::text[]) as w (name)
                    where not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = w.name and not a.attisdropped))
   and (exists (select from pg_constraint k
                  join pg_class o on o.oid = case when k.conrelid = c.oid then k.confrelid else k.conrelid end
                 where k.contype = 'f' and c.oid in (k.conrelid, k.confrelid) and o.oid <> c.oid
                   and o.relnamespace = pg_catalog.quote_ident(current_schema())::regnamespace)
        or exists (select from pg_trigger t
                     join pg_proc p on p.oid = t.tgfoid
                    where t.tgrelid = c.oid and not t.tgisinternal
                      and p.pronamespace = pg_catalog.quote_ident(current_schema())::regnamespace)
        or (n.nspname = current_schema()
            and exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p' and k.conname = pg_catalog.concat(:'name', '_pkey'))))
 order by c.relname = :'name' desc, 1, 2
 limit 1

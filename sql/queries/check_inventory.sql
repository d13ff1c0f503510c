-- Which tables that checks read are there, whether this role may read them, and whether row level security hides rows.
-- tables: text[]; schema: the target schema.
select t.name as table_name,
       c.oid is not null as present,
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.has_table_privilege(c.oid, 'select'), false) as readable,
       -- Rows are hidden unless the role owns the table or bypasses policies, or one SELECT policy shows it everything.
       coalesce(pg_catalog.has_schema_privilege(n.oid, 'usage') and pg_catalog.row_security_active(c.oid) and (
         exists (select 1 from pg_policy p
                  where p.polrelid = c.oid and not p.polpermissive and p.polcmd in ('r', '*')
                    and pg_catalog.pg_get_expr(p.polqual, p.polrelid) is distinct from 'true'
                    and (p.polroles operator(pg_catalog.=) '{0}' or exists (select 1 from pg_catalog.unnest(p.polroles) r where r <> 0::oid and pg_catalog.pg_has_role(r, 'member'))))
         or not exists (select 1 from pg_policy p
                         where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('r', '*')
                           and pg_catalog.pg_get_expr(p.polqual, p.polrelid) = 'true'
                           and (p.polroles operator(pg_catalog.=) '{0}' or exists (select 1 from pg_catalog.unnest(p.polroles) r where r <> 0::oid and pg_catalog.pg_has_role(r, 'member'))))
       ), false) as hidden,
       -- By what the server knows already: nobody waits for a lock that somebody else has.
       c.relkind = 'r' and greatest(c.reltuples::bigint, pg_catalog.pg_stat_get_live_tuples(c.oid))
                           < case when t.name = 'messages' then 200000 else 20000 end::bigint as small,
       exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'waiting_since' and not a.attisdropped)
         and exists (select 1 from pg_proc p where p.pronamespace = n.oid and p.proname = 'take_next_chat') as goes_by_clocks
  from pg_catalog.unnest(:'tables'::text[]) as t (name)
  left join pg_namespace n on n.nspname = :'schema'
  left join pg_class c on c.relnamespace = n.oid and c.relname = t.name and c.relkind in ('r', 'p', 'f', 'v', 'm')

-- What may a newer chatops have left here? Files that another version applied or that come after our last, and what schema
-- chatops has that this version does not know.
select m.source, m.name, m.kind, m.checksum, m.chatops_version
  from chatops.migrations as m
 where m.target_schema = :'schema' and m.source = 'chatops' and m.state <> 'failed'
   and (m.chatops_version is distinct from :'version'::text or (m.kind = 'versioned' and m.name > :'newest'::text))
union all
select 'chatops', c.relname::text || '.' || a.attname::text, 'bookkeeping', '', null
  from pg_catalog.pg_namespace as n
  join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
  join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where n.nspname = 'chatops'
   and c.relname::text || '.' || a.attname::text <> all (:'known'::text[])
 order by 3 desc, 2 desc

-- What do the comments say of the columns and sequences of a schema, and of what its triggers do?
-- schema
select case when d.objsubid = 0 then 'sequence ' || c.relname::text else 'column ' || c.relname::text || '.' || a.attname::text end,
       d.description
  from pg_catalog.pg_description as d
  join pg_catalog.pg_class as c on c.oid = d.objoid and d.classoid = 'pg_catalog.pg_class'::regclass::oid
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = :'schema'
  left join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = d.objsubid
 where d.objsubid > 0 or c.relkind = 'S'
union all
select 'trigger ' || c.relname::text || '.' || t.tgname::text, pg_catalog.regexp_replace(d.description, '^Trigger: ', '')
  from pg_catalog.pg_trigger as t
  join pg_catalog.pg_class as c on c.oid = t.tgrelid
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname = :'schema'
  join pg_catalog.pg_description as d on d.objoid = t.tgfoid and d.classoid = 'pg_catalog.pg_proc'::regclass::oid
 where not t.tgisinternal

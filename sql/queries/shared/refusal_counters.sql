-- The counters of what the guards refused, which no rollback takes back, where this role may read them.
select c.relname, pg_catalog.pg_sequence_last_value(c.oid) as refusals
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = current_schema()
   and c.relkind = 'S'
   and c.relname in ('refusals_late_reply', 'refusals_operator_busy')
   and case when pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.has_sequence_privilege(c.oid, 'select') end

-- How many writes have the guards refused since they count, by reason? Each counter is a sequence, which no rollback takes back.
select case c.relname when 'refusals_late_reply' then 'late_reply' else 'operator_busy' end as reason,
       pg_catalog.pg_sequence_last_value(c.oid) as refusals
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = current_schema()
   and c.relkind = 'S'
   and c.relname in ('refusals_late_reply', 'refusals_operator_busy')
   and case when pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.has_sequence_privilege(c.oid, 'select') end
   and pg_catalog.pg_sequence_last_value(c.oid) > 0
 order by refusals desc, reason

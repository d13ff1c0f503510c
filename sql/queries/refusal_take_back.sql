-- Takes one refusal back from its counter: a test of ours brought it about, and nobody was refused anything. No row where this
-- role may not set the counter. Behind the counter's own lock, so that what others count meanwhile stays.
select pg_catalog.setval(c.oid::pg_catalog.regclass, pg_catalog.pg_sequence_last_value(c.oid) - 1) as counted
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = current_schema()
   and c.relkind = 'S'
   and c.relname = :'counter'::text
   and case when pg_catalog.has_schema_privilege(n.oid, 'usage') then pg_catalog.has_sequence_privilege(c.oid, 'select')
                 and pg_catalog.has_sequence_privilege(c.oid, 'update') end
   and pg_catalog.pg_sequence_last_value(c.oid) > 0

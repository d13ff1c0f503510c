-- As `refusal_take_back.sql` on the node of a Citus tenant, whose guards count there.
-- counted: whether it was taken back. Lock and counter are one request, for the node forgets the lock with each.
select coalesce(p.success and p.result <> '', false) as counted
  from pg_catalog.pg_dist_partition as d
 cross join lateral pg_catalog.run_command_on_placements(d.logicalrelid, pg_catalog.replace(pg_catalog.format(
         'select case when pg_advisory_xact_lock(hashtextextended(''chatops refusals '' || n.nspname, 0)) is not null'
         '            then setval(c.oid::regclass, pg_sequence_last_value(c.oid) - 1) end'
         '  from pg_class c'
         '  join pg_namespace n on n.oid = c.relnamespace'
         ' where n.nspname = %L and c.relkind = ''S'' and c.relname = %L'
         '   and case when has_schema_privilege(n.oid, ''usage'') then has_sequence_privilege(c.oid, ''select'')'
         '                 and has_sequence_privilege(c.oid, ''update'') end'
         '   and pg_sequence_last_value(c.oid) > 0', current_schema(), :'counter'::text), '%', '%%')) as p
 where d.logicalrelid = 'chats'::regclass

-- How many writes have the guards of a Citus tenant refused, by reason, on whichever node? As `guard_refusals.sql` for each of them.
with counted as (
  select s.relname, pg_catalog.pg_sequence_last_value(s.oid) as refusals
    from pg_class s
    join pg_namespace n on n.oid = s.relnamespace
   where n.nspname = :'schema' and s.relkind = 'S' and s.relname in ('refusals_late_reply', 'refusals_operator_busy')
  union all
  select r.relname, r.refusals
    from pg_catalog.run_command_on_workers(pg_catalog.format(
           'select coalesce(json_agg(json_build_object(''relname'', s.relname, ''refusals'', pg_sequence_last_value(s.oid))), ''[]'')'
           '  from pg_class s join pg_namespace n on n.oid = s.relnamespace'
           ' where n.nspname = %L and s.relkind = ''S'' and s.relname in (''refusals_late_reply'', ''refusals_operator_busy'')',
           :'schema'::text)) as w
   cross join lateral pg_catalog.json_to_recordset(case when w.success then w.result::json else '[]' end)
           as r (relname text, refusals bigint)
)
select case c.relname when 'refusals_late_reply' then 'late_reply' else 'operator_busy' end as reason,
       pg_catalog.sum(c.refusals)::bigint as refusals
  from counted c
 group by 1
having pg_catalog.sum(c.refusals) > 0
 order by refusals desc, reason

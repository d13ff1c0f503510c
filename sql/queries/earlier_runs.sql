-- Which files went in, or were taken over, before the newest run of migrate, adopt or deploy: a row a run, the oldest first.
-- last: the names of that run's files.
select m.source, m.state, pg_catalog.array_agg(m.name order by m.number nulls last, m.name) as names, pg_catalog.max(m.applied_at) as at,
       coalesce(pg_catalog.max(r.os_user), pg_catalog.max(m.os_user)) as os_user, pg_catalog.max(m.applied_by) as applied_by
  from chatops.migrations as m
  left join chatops.runs as r on r.id = m.run_id
 where m.target_schema = :'schema' and m.state in ('applied', 'adopted') and m.kind = 'versioned' and m.name <> all (:'last'::text[])
 group by m.source, m.state, coalesce(m.run_id::text, m.applied_at::text)
 order by 4, 1;

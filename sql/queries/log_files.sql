-- Which files came in or were taken over, the newest run first: when, by whom and how many? The log says what was done to rows.
-- schema; since, until: instants, null: any; limit: how many runs
select m.run_id, case m.state when 'adopted' then 'adopt' else coalesce(pg_catalog.split_part(r.command, ' '::text, 1), 'migrate') end as command,
       coalesce(pg_catalog.max(m.applied_at), pg_catalog.max(m.started_at)) as at, pg_catalog.count(*) as files,
       (pg_catalog.array_agg(m.name order by m.number nulls last, m.name))[1] as first_file,
       (pg_catalog.array_agg(m.name order by m.number desc nulls last, m.name desc))[1] as last_file,
       pg_catalog.bool_or(m.state in ('failed', 'running')) as unfinished,
       m.applied_by as database_role, pg_catalog.max(m.os_user) as os_user
from chatops.migrations m
left join chatops.runs r on r.id = m.run_id
where m.target_schema = :'schema' and m.kind = 'versioned'
  and (:'since'::timestamptz is null or coalesce(m.applied_at, m.started_at) >= :'since'::timestamptz)
  and (:'until'::timestamptz is null or coalesce(m.applied_at, m.started_at) < :'until'::timestamptz)
group by m.run_id, m.state = 'adopted', case m.state when 'adopted' then 'adopt' else coalesce(pg_catalog.split_part(r.command, ' '::text, 1), 'migrate') end, m.applied_by
order by at desc, pg_catalog.max(m.number) desc nulls last, command
limit :'limit'::bigint

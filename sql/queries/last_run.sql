-- What the newest run of migrate, adopt or deploy wrote into the ledger of a schema: a row a file, in the order in which they went in.
with newest as (
  select m.run_id, m.applied_at from chatops.migrations as m
   where m.target_schema = :'schema' and m.state in ('applied', 'adopted') and m.applied_at is not null
   order by m.applied_at desc limit 1
)
select m.source, m.name, m.kind, m.state, m.applied_at, m.duration_ms, m.waited_ms, coalesce(m.rows_changed, 0) as rows,
       coalesce(r.os_user, m.os_user) as os_user, m.applied_by, r.command, r.environment, m.chatops_version, m.git_revision
  from newest as n
  join chatops.migrations as m on m.run_id = n.run_id or (n.run_id is null and m.run_id is null and m.applied_at = n.applied_at)
  left join chatops.runs as r on r.id = m.run_id
 where m.target_schema = :'schema' and m.state in ('applied', 'adopted')
 order by m.started_at, m.number nulls last, m.name;

-- How long the users of assignments had waited, in seconds. a: the assignments
pg_catalog.count(*) filter (where pg_catalog.isfinite(a.assigned_at) and pg_catalog.isfinite(a.waiting_since)) as waits_known,
pg_catalog.percentile_cont(0.5) within group (order by pg_catalog.date_part('epoch', a.assigned_at - a.waiting_since))
  filter (where pg_catalog.isfinite(a.assigned_at) and pg_catalog.isfinite(a.waiting_since)) as wait_p50_seconds,
pg_catalog.percentile_cont(0.95) within group (order by pg_catalog.date_part('epoch', a.assigned_at - a.waiting_since))
  filter (where pg_catalog.isfinite(a.assigned_at) and pg_catalog.isfinite(a.waiting_since)) as wait_p95_seconds

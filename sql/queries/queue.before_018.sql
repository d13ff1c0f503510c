-- How long do users wait now, and who could answer them? On a database without the queue's clocks.
-- needs: chat_queue, operator_load
\set operators_by_load `cat sql/queries/shared/operators_by_load.sql`
select
  q.waiting, q.oldest,
  -- By seconds, and not by instants: nothing can be taken from infinity. What lies beyond all calendars is no wait.
  case when q.p50_seconds between -1e11::float8 and 1e11::float8 then q.p50_seconds end as p50_seconds,
  case when q.p95_seconds between -1e11::float8 and 1e11::float8 then q.p95_seconds end as p95_seconds, l.free, l.silent, l.busy, l.held, l.leaving, l.away, l.inactive
from (
  select pg_catalog.count(*) as waiting, pg_catalog.min(waiting_since) as oldest,
         pg_catalog.percentile_cont(0.5) within group (order by pg_catalog.date_part('epoch', now()) - pg_catalog.date_part('epoch', waiting_since)) as p50_seconds,
         pg_catalog.percentile_cont(0.95) within group (order by pg_catalog.date_part('epoch', now()) - pg_catalog.date_part('epoch', waiting_since)) as p95_seconds
  from chat_queue
) q
cross join (:operators_by_load) l

-- How long do users wait now, and who could answer them?
-- needs: chat_queue, operator_load
--
-- The percentiles are read off the queue's index, interpolated as percentile_cont does: sorting millions would take seconds.
\set operators_by_load `cat sql/queries/shared/operators_by_load.sql`
select
  q.waiting, q.oldest,
  -- By seconds, and not by instants: nothing can be taken from infinity. What lies beyond all calendars is no wait.
  case when half.seconds between -1e11::float8 and 1e11::float8 then half.seconds end as p50_seconds,
  case when nearly_all.seconds between -1e11::float8 and 1e11::float8 then nearly_all.seconds end as p95_seconds,
  l.free, l.silent, l.busy, l.held, l.leaving, l.away, l.inactive
from (
  select pg_catalog.count(*) as waiting, pg_catalog.min(waiting_since) as oldest, 0.5 * greatest(pg_catalog.count(*) - 1, 0)::numeric as half_way,
         0.05 * greatest(pg_catalog.count(*) - 1, 0)::numeric as near_head
  from chat_queue
) q
cross join lateral (
  select pg_catalog.date_part('epoch', now()) - (pg_catalog.min(s.at) + (pg_catalog.max(s.at) - pg_catalog.min(s.at)) * (q.half_way % 1::numeric)::float8) as seconds
  from (select pg_catalog.date_part('epoch', waiting_since) as at from chat_queue order by waiting_since offset pg_catalog.floor(q.half_way) limit 2) s
) half
cross join lateral (
  select pg_catalog.date_part('epoch', now()) - (pg_catalog.min(s.at) + (pg_catalog.max(s.at) - pg_catalog.min(s.at)) * (q.near_head % 1::numeric)::float8) as seconds
  from (select pg_catalog.date_part('epoch', waiting_since) as at from chat_queue order by waiting_since offset pg_catalog.floor(q.near_head) limit 2) s
) nearly_all
cross join (:operators_by_load) l

-- How long do users wait now, and who could answer them?
-- needs: chat_queue, operator_load
--
-- The percentiles are read off the queue's index, interpolated as percentile_cont does: sorting millions would take seconds.
select
  q.waiting, q.oldest,
  date_part('epoch', now() - half.since) as p50_seconds, date_part('epoch', now() - nearly_all.since) as p95_seconds,
  l.free, l.busy, l.away, l.inactive
from (
  select count(*) as waiting, min(waiting_since) as oldest, 0.5 * greatest(count(*) - 1, 0) as half_way,
         0.05 * greatest(count(*) - 1, 0) as near_head
  from chat_queue
) q
cross join lateral (
  select min(s.waiting_since) + (max(s.waiting_since) - min(s.waiting_since)) * (q.half_way % 1)::float8 as since
  from (select waiting_since from chat_queue order by waiting_since offset floor(q.half_way) limit 2) s
) half
cross join lateral (
  select min(s.waiting_since) + (max(s.waiting_since) - min(s.waiting_since)) * (q.near_head % 1)::float8 as since
  from (select waiting_since from chat_queue order by waiting_since offset floor(q.near_head) limit 2) s
) nearly_all
cross join (
  select count(*) filter (where load = 'free') as free, count(*) filter (where load = 'busy') as busy,
         count(*) filter (where load = 'away' and is_active) as away, count(*) filter (where load = 'away' and not is_active) as inactive
  from operator_load
) l

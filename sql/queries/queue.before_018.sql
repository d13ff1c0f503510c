-- How long do users wait now, and who could answer them? On a database without the queue's clocks.
-- needs: chat_queue, operator_load
select
  q.waiting, q.oldest, q.p50_seconds, q.p95_seconds, l.free, l.busy, l.away, l.inactive
from (
  select count(*) as waiting, min(waiting_since) as oldest,
         percentile_cont(0.5) within group (order by date_part('epoch', now() - waiting_since)) as p50_seconds,
         percentile_cont(0.95) within group (order by date_part('epoch', now() - waiting_since)) as p95_seconds
  from chat_queue
) q
cross join (
  select count(*) filter (where load = 'free') as free, count(*) filter (where load = 'busy') as busy,
         count(*) filter (where load = 'away' and is_active) as away, count(*) filter (where load = 'away' and not is_active) as inactive
  from operator_load
) l

-- How many operators are free, and of these silent, busy, and with how many chats, away, and away and inactive.
select pg_catalog.count(*) filter (where load = 'free') as free,
       pg_catalog.count(*) filter (where load = 'free'
         and coalesce(last_activity < now() - pg_catalog.make_interval(secs => 60::double precision * :'silent_minutes'::double precision), true)) as silent,
       pg_catalog.count(*) filter (where load = 'busy') as busy,
       coalesce(pg_catalog.sum(held_chats), 0)::bigint as held,
       pg_catalog.count(*) filter (where load = 'busy' and not (is_active and is_available)) as leaving,
       pg_catalog.count(*) filter (where load = 'away' and is_active) as away,
       pg_catalog.count(*) filter (where load = 'away' and not is_active) as inactive
  from operator_load

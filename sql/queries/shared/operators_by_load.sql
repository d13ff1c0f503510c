-- How many operators are free, busy, away, and away and inactive.
select pg_catalog.count(*) filter (where load = 'free') as free, pg_catalog.count(*) filter (where load = 'busy') as busy,
       pg_catalog.count(*) filter (where load = 'away' and is_active) as away,
       pg_catalog.count(*) filter (where load = 'away' and not is_active) as inactive
  from operator_load

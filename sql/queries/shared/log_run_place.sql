-- Which run of migrate was under way when this was logged: its place among them, 0 before the first. a: a row of the log; runs: they
pg_catalog.width_bucket(a.at, (select coalesce(pg_catalog.array_agg(u.started_at order by u.place), '{}'::timestamptz[]) from runs u))

-- Whether a run of migrate (or of deploy) gave a row its first value in a column that was new: nothing was wrong. a: a row of the log,
-- which in an archive has fewer columns.
coalesce(a.action = 'repair' and a.code = 'QUEUE012' and (pg_catalog.to_jsonb(a) ->> 'plan_id'::text) is null
         and (pg_catalog.to_jsonb(a) ->> 'command'::text) ~ '^(migrate|deploy)'
         and (pg_catalog.to_jsonb(a) -> 'before'::text ->> 'waiting_since'::text) is null
         and (pg_catalog.to_jsonb(a) -> 'after'::text ->> 'waiting_since'::text) is not null, false)

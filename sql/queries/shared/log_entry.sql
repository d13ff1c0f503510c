-- What one command did of one kind, with one end, is one entry. a: a row of the log
pg_catalog.concat_ws(' '::text, coalesce(a.plan_id::text, a.id::text), a.action, a.outcome, a.code)

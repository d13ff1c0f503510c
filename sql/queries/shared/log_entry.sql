-- What one command did of one kind, with one end, is one entry: by its plan, or without one by the transaction. a: a row of the log
pg_catalog.concat_ws(' '::text, coalesce(a.plan_id::text, a.transaction_id::text), a.action, a.outcome, a.code)

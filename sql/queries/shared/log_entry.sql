-- What one command did of one kind, with one end, is one entry: by its plan, or without one by the transaction; all that a run of
-- migrate repaired is one, whatever the code. a: a row of the log
case when :log_by_migrate then pg_catalog.concat_ws(' ', 'run', :log_run_place, a.outcome)
     else pg_catalog.concat_ws(' '::text, coalesce(a.plan_id::text, a.transaction_id::text), a.action, a.outcome, a.code) end

-- Whether a run of migrate (or of deploy) gave a row its first value in a column that was new: nothing was wrong. a: a row of the log
coalesce(a.plan_id is null and a.action = 'repair' and a.code = 'QUEUE012' and (a.command like 'migrate%' or a.command like 'deploy%')
         and a.before ->> 'waiting_since'::text is null and a.after ->> 'waiting_since'::text is not null, false)

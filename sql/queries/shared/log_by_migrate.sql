-- Whether a run of migrate (or of deploy) made this repair, and no repair of its own. a: a row of the log
(a.plan_id is null and a.action = 'repair' and a.code is not null and (a.command like 'migrate%' or a.command like 'deploy%'))

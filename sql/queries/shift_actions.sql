-- What did people do with chatops since an instant, and how often was it refused?
-- schema; since: an instant
select a.action, coalesce(a.os_user, a.database_role) as who, pg_catalog.count(*) filter (where a.outcome = 'done') as done,
       pg_catalog.count(*) filter (where a.outcome <> 'done') as not_done, pg_catalog.max(a.at) as last_at
from chatops.actions a
where a.target_schema = :'schema' and a.at >= :'since'::timestamptz
group by 1, 2
order by done desc, a.action, who

-- What did people do with chatops since an instant, and how often was it refused?
-- schema; since: an instant
\set logged_by `cat sql/queries/shared/logged_by.sql`
select a.action, (:logged_by) as who, pg_catalog.count(*) filter (where a.outcome = 'done') as done,
       pg_catalog.count(*) filter (where a.outcome <> 'done') as not_done, pg_catalog.max(a.at) as last_at
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
where a.target_schema = :'schema' and a.at >= :'since'::timestamptz
group by 1, 2
order by done desc, a.action, who

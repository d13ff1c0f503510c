-- What did people do with chatops since an instant, and how often was it refused?
-- schema; since: an instant
select a.action, who.name as who, pg_catalog.count(*) filter (where a.outcome = 'done') as done,
       pg_catalog.count(*) filter (where a.outcome <> 'done') as not_done, pg_catalog.max(a.at) as last_at
from chatops.actions a
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
-- The owner of the log, or a superuser, is nobody in particular.
cross join lateral (
  select case when a.database_role = pg_catalog.pg_get_userbyid(l.relowner)::text
                or exists (select from pg_catalog.pg_roles r where r.rolname = a.database_role and r.rolsuper)
              then coalesce(a.os_user, a.database_role) else a.database_role end as name
) as who
where a.target_schema = :'schema' and a.at >= :'since'::timestamptz
group by 1, 2
order by done desc, a.action, who

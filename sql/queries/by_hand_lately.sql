-- Which psql sessions that may write were opened in the last day, the newest first?
select a.id as action_id, a.at, coalesce(a.os_user, a.database_role) as who, a.detail
  from chatops.actions a
 where a.id > (select pg_catalog.max(b.id) - 100000 from chatops.actions b)
   and a.action = 'psql opened' and a.target_schema = current_schema() and a.at > now() - interval '1 day'
 order by a.id desc
 limit 3

-- Which psql sessions that may write were opened in the last day, the newest first, when was each over, and how?
with newest as materialized (
  select a.id, a.at, a.action, a.os_user, a.database_role, a.detail
    from chatops.actions a
   where a.id > (select pg_catalog.max(b.id) - 100000 from chatops.actions b)
     and a.action in ('psql opened', 'psql closed') and a.target_schema = current_schema() and a.at > now() - interval '1 day'
)
select o.id as action_id, o.at, coalesce(o.os_user, o.database_role) as who, o.detail, c.at as over_at, c.detail as ended
  from newest o
  left join newest c
    on c.action = 'psql closed' and (pg_catalog.regexp_match(c.detail, '^action ([0-9]{1,18}) is over'))[1]::bigint = o.id
 where o.action = 'psql opened'
 order by o.id desc
 limit 50

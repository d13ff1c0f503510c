-- Who paused the queue of this schema, and why? The account of the machine stands in the log, beside the role.
select coalesce((select a.os_user from chatops.actions a
                  where a.id > (select pg_catalog.max(b.id) - 100000 from chatops.actions b)
                    and a.action = 'pause' and a.target_schema = s.target_schema
                    and (a.after ->> 'until'::text)::timestamptz = s.until
                  order by a.id desc limit 1), s.set_by::text) as who,
       s.reason
  from chatops.settings s
 where s.target_schema = current_schema() and s.key = 'pause' and s.until > now()

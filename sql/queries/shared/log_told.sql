-- Whether a row is an entry of its own: not the end of a psql session whose beginning is an entry. a: the row; since, action, action_id: as in log_asked.sql
not (a.action = 'psql closed' and :'action_id'::bigint is null and :'action'::text is distinct from 'psql closed'
     and exists (select from chatops.actions b
                  where b.id = (pg_catalog.regexp_match(a.detail, '^action ([0-9]{1,18}) is over'))[1]::bigint
                    and b.action = 'psql opened' and b.target_schema = a.target_schema
                    and (:'since'::timestamptz is null or b.at >= :'since'::timestamptz)))

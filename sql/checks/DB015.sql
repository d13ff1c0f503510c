-- Are nearly all allowed connections in use?
-- code: DB015
-- title: {used} of {allowed} connections are in use
-- title-one: {used} of {allowed} connections are in use
-- severity: warning
-- group: now
-- expected: there is room for more connections
-- why: an application without a pooler, or one that leaks connections; a pool per instance, and more instances
-- consequence: new sessions are refused: operators cannot log in, the idle cron does not run
-- help-sql: select application_name, usename, state, count(*) from pg_stat_activity group by 1, 2, 3 order by 4 desc;
-- says: everything is slow · nobody answers
-- limits: connections_percent
-- unplanted: it takes nearly all connections of the server
-- limit: connections_percent = 85 %, 1 to 100: so many of the allowed connections are in use
select found.used, found.allowed, found.percent
  from (
    select pg_catalog.count(*) as used,
           l.allowed,
           pg_catalog.round(100.0 * pg_catalog.count(*)::numeric / l.allowed::numeric) as percent
      from pg_stat_activity a
     cross join (select pg_catalog.current_setting('max_connections')::integer - pg_catalog.current_setting('superuser_reserved_connections')::integer
                          as allowed) as l
     where a.backend_type = 'client backend'
     group by l.allowed
  ) as found
 where found.percent >= :'connections_percent'::numeric

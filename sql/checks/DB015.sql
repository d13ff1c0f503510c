-- Are nearly all allowed connections in use?
-- code: DB015
-- title: {used} of {allowed} connections are in use
-- title-one: {used} of {allowed} connections are in use
-- severity: warning
-- group: now
-- about: database
-- expected: there is room for more connections
-- why: an application without a pooler, or one that leaks connections; a pool per instance, and more instances
-- consequence: new sessions are refused: operators cannot log in, the idle cron does not run
-- help-sql: select application_name, usename, state, count(*) from pg_stat_activity group by 1, 2, 3 order by 4 desc;
-- says: everything is slow; nobody answers
-- limits: connections_percent
-- unplanted: it takes nearly all connections of the server
-- limit: connections_percent = 85 %, 1 to 100: so many of the allowed connections are in use
-- Of the server, or of this database where it has a limit of its own.
select found.used, found.allowed, found.percent
  from (
    select counted.used, counted.allowed, pg_catalog.round(100.0 * counted.used::numeric / greatest(1, counted.allowed)::numeric) as percent
      from (
        select (select pg_catalog.count(*) from pg_stat_activity a where a.backend_type = 'client backend') as used,
               pg_catalog.current_setting('max_connections')::integer - pg_catalog.current_setting('superuser_reserved_connections')::integer as allowed
        union all
        select (select pg_catalog.count(*) from pg_stat_activity a where a.datname = d.datname and a.backend_type = 'client backend'), d.datconnlimit
          from pg_database d
         where d.datname = current_database() and d.datconnlimit >= 0
      ) as counted
  ) as found
 where found.percent >= :'connections_percent'::numeric
 order by found.percent desc
 limit 1

-- How many more sessions does this server take?
select pg_catalog.current_setting('max_connections')::int - pg_catalog.current_setting('superuser_reserved_connections')::int
       - (select pg_catalog.count(*)::int from pg_stat_activity where backend_type = 'client backend') as sessions

-- Which other databases does this server have that one may connect to?
select datname
  from pg_catalog.pg_database
 where datallowconn and not datistemplate and datname <> pg_catalog.current_database()
   and pg_catalog.has_database_privilege(oid, 'connect')
 order by datname = 'postgres', datname
 limit 12;

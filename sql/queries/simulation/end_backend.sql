-- Ends one of the sessions that write in this database, the one at this place by process id; none when nobody writes.
with writing as (
  select pid, row_number() over (order by pid) - 1 as place, pg_catalog.count(*) over () as sessions
    from pg_stat_activity
   where datname = current_database() and application_name = :'application_name' and pid <> pg_backend_pid()
)
select pg_catalog.pg_terminate_backend(pid) as ended from writing where place::numeric = pg_catalog.floor(:'share'::numeric * sessions::numeric)

-- Ends on each worker of a Citus cluster one of the sessions by which the coordinator writes there.
select pg_catalog.count(*) filter (where w.success and w.result <> '') as ended
  from pg_catalog.run_command_on_workers(
         'select pg_terminate_backend(pid) from pg_stat_activity'
         ' where datname = current_database() and application_name like ''citus_internal gpid=%'' and pid <> pg_backend_pid()'
         ' order by random() limit 1') as w

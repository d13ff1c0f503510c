-- Takes the counters of refusals of a schema off the workers of a Citus cluster, and the one of schema chatops where that is gone.
select pg_catalog.count(*) filter (where not w.success) as left_behind
  from pg_catalog.run_command_on_workers(pg_catalog.format(
         'set citus.enable_ddl_propagation to off;'
         'drop sequence if exists %1$I.refusals_late_reply, %1$I.refusals_operator_busy', :'schema'::text)) as w;

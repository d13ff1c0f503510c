-- Which settings of the server, of those that a diagnosis may turn on, are not the built-in ones; and which extensions are there?
-- What this session has set for itself is not what the others have: theirs is told, in its unit.
select 'setting' as kind, name,
       case when setting = reset_val then pg_catalog.current_setting(name) else reset_val || coalesce(unit, '') end as value
  from pg_settings
 where name in (
         'autovacuum', 'autovacuum_analyze_scale_factor', 'autovacuum_max_workers', 'autovacuum_naptime',
         'autovacuum_vacuum_cost_delay', 'autovacuum_vacuum_scale_factor', 'checkpoint_timeout', 'deadlock_timeout',
         'default_transaction_isolation', 'effective_cache_size', 'effective_io_concurrency', 'fsync', 'full_page_writes',
         'hot_standby_feedback', 'idle_in_transaction_session_timeout', 'jit', 'lock_timeout', 'maintenance_work_mem',
         'max_connections', 'max_parallel_workers_per_gather', 'max_standby_streaming_delay', 'max_wal_size',
         'old_snapshot_threshold', 'random_page_cost', 'reserved_connections', 'shared_buffers', 'statement_timeout',
         'superuser_reserved_connections', 'synchronous_commit', 'TimeZone', 'transaction_timeout', 'wal_level', 'work_mem')
   and reset_val is distinct from boot_val
union all
select 'extension', extname, extversion from pg_extension
 order by 1, 2

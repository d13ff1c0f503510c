-- What has gone wrong in this database since its statistics began? Counters; a watch takes the differences.
select deadlocks, xact_rollback as rollbacks from pg_stat_database where datname = current_database()

-- Which standbys lag behind, or is this one a standby that does?
-- code: DB012
-- title: {count} standbys lag behind
-- title-one: the standby {standby} lags {lag_for} behind
-- severity: warning
-- group: now
-- expected: standbys follow within the limit
-- why: the standby is too small or too busy, or the network is; a long report on it holds replay up
-- consequence: readers of the standby see an old queue; a failover loses what has not arrived
-- help-text: nothing automatic does; look for long queries on the standby first
-- says: stats seem wrong
-- limits: standby_lag_seconds
-- needs-role: pg_read_all_stats
-- unplanted: it takes a standby
-- limit: standby_lag_seconds = 60 s, 1 to 1000000: a standby is this far behind
select coalesce(nullif(r.application_name, ''), r.client_addr::text, 'pid ' || r.pid::text) as standby,
       r.state,
       r.replay_lag as lag_for
  from pg_stat_replication r
 where r.replay_lag > pg_catalog.make_interval(secs => :'standby_lag_seconds'::double precision)
union all
-- One that has replayed nothing since it was started counts from there.
select 'this server', 'replaying', replay.lag_for
  from (select now() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()) as lag_for) as replay
 where pg_is_in_recovery()
   and pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
   and replay.lag_for > pg_catalog.make_interval(secs => :'standby_lag_seconds'::double precision)
 order by 3 desc

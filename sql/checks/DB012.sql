-- Which standbys lag behind, is this one a standby that does, or keeps a forgotten slot the log?
-- code: DB012
-- title: {count} standbys or slots lag behind
-- title-one: {standby} lags behind: {behind}
-- severity: warning
-- group: now
-- about: database
-- expected: standbys follow within the limit
-- why: the standby is too small or too busy, or the network is; a long report on it holds replay up; who read a slot is gone
-- consequence: readers of the standby see an old queue; a failover loses what has not arrived; the log fills the disk
-- help-text: a person decides: of a standby, look for long queries there first; a slot's reader cannot go on without it: {statement}
-- says: stats seem wrong
-- limits: standby_lag_seconds, slot_behind_gb
-- needs-role: pg_read_all_stats
-- unplanted: it takes a standby
-- limit: standby_lag_seconds = 60 s, 1 to 1000000: a standby is this far behind
-- limit: slot_behind_gb = 5 GB, 0.0001 to 1000000: a slot that nobody reads keeps so much of the log
select found.standby, found.state, found.behind, found.lag_for, found.statement, found.because, found.so
  from (
    select 'the standby ' || coalesce(nullif(r.application_name, ''), r.client_addr::text, 'pid ' || r.pid::text) as standby,
           r.state, pg_catalog.round(extract(epoch from r.replay_lag))::text || ' s' as behind, r.replay_lag as lag_for,
           'select pid, now() - xact_start as open_for, query from pg_stat_activity where xact_start is not null order by xact_start;' as statement,
           'the standby is too small or too busy, or the network is; or a long report on it holds replay up' as because,
           'readers of the standby see an old queue, and a failover to it loses what has not arrived' as so
      from pg_stat_replication r
     where r.replay_lag > pg_catalog.make_interval(secs => :'standby_lag_seconds'::double precision)
    union all
    -- One that has replayed nothing since it was started counts from there.
    select 'this server', 'replaying', pg_catalog.round(extract(epoch from replay.lag_for))::text || ' s', replay.lag_for,
           'select pid, now() - xact_start as open_for, query from pg_stat_activity where xact_start is not null order by xact_start;',
           'this standby is too small or too busy, or the network is; or a long report on it holds replay up',
           'what is read here is an old queue, and a failover to it loses what has not arrived'
      from (select now() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()) as lag_for) as replay
     where pg_is_in_recovery()
       and pg_last_wal_receive_lsn() is distinct from pg_last_wal_replay_lsn()
       and replay.lag_for > pg_catalog.make_interval(secs => :'standby_lag_seconds'::double precision)
    union all
    -- No commit ends before a standby has it, and there is none.
    select 'this server', 'waiting', 'it waits for a standby at every commit, and none of ' || pg_catalog.current_setting('synchronous_standby_names') || ' is there', null,
           'alter system reset synchronous_standby_names; select pg_reload_conf();',
           'the standby that commits wait for is gone', 'no write comes to an end: messages, replies and assigns hang'
     where pg_catalog.current_setting('synchronous_standby_names') <> ''
       and pg_catalog.current_setting('synchronous_commit') not in ('off', 'local')
       and not pg_is_in_recovery()
       and not exists (select from pg_stat_replication r where r.sync_state in ('sync', 'quorum'))
    union all
    select 'the slot ' || s.slot_name::text, case when s.wal_status = 'lost' then 'lost' else 'nobody reads it' end,
           coalesce(pg_catalog.pg_size_pretty(kept.bytes), 'its log is gone'), null,
           pg_catalog.format('select pg_drop_replication_slot(%L);', s.slot_name),
           'who read it is gone, or stopped',
           case when s.wal_status = 'lost' then 'who read it cannot go on, and begins anew' else 'the log is kept for it until it fills the disk, and then nothing can be written' end
      from pg_replication_slots s
     cross join lateral (select case when not pg_is_in_recovery() then pg_catalog.pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) end as bytes) as kept
     where not s.active
       and (s.database is null or s.database = current_database())
       and (kept.bytes >= :'slot_behind_gb'::numeric * 1073741824::numeric or s.wal_status in ('unreserved', 'lost'))
  ) as found
 order by found.lag_for desc nulls last, found.standby

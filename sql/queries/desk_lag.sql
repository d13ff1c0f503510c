-- How far are these figures behind, or the standbys behind this server?
-- behind: seconds, on a standby; standbys, standby_behind: on a primary, null where this role may not see it
-- A standby without a receiver counts from what it replayed last: it may have been left behind.
select pg_is_in_recovery() as standby,
       case when not pg_is_in_recovery() then null
            when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver) then 0
            else pg_catalog.date_part('epoch', now() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) end as behind,
       (select pg_catalog.count(*) from pg_stat_replication) as standbys,
       (select case when pg_catalog.bool_and(r.sent_lsn is not null)
                    then pg_catalog.max(case when r.replay_lsn = r.sent_lsn then 0 else coalesce(pg_catalog.date_part('epoch', r.replay_lag), 0) end) end
          from pg_stat_replication r) as standby_behind

-- What was done, the newest first, with as one entry what one command did to many? Operators by their ids alone. limit: how many entries; the filters of log.sql
-- A psql session is one entry: what its end says stands in that of its beginning, where that was asked for, too.
\set log_fills `cat sql/queries/shared/log_fills.sql`
\set log_columns `cat sql/queries/shared/log_columns.sql`
\set log_asked `cat sql/queries/shared/log_asked.sql`
\set log_told `cat sql/queries/shared/log_told.sql`
\set log_by_migrate `cat sql/queries/shared/log_by_migrate.sql`
\set log_run_place `cat sql/queries/shared/log_run_place.sql`
\set log_entry `cat sql/queries/shared/log_entry.sql`
with recursive operators as (select null::uuid as id, null::text as name where false), runs as materialized (
  select pg_catalog.row_number() over (order by r.started_at, pg_catalog.max(m.number), r.id) as place, r.started_at,
         pg_catalog.lead(r.started_at, 1, 'infinity'::timestamptz) over (order by r.started_at, pg_catalog.max(m.number), r.id) as next_at,
         (pg_catalog.array_agg(m.name order by m.number nulls last, m.name))[1] as first_file,
         (pg_catalog.array_agg(m.name order by m.number desc nulls last, m.name desc))[1] as last_file
    from chatops.runs r
    join chatops.migrations m on m.run_id = r.id
   where m.target_schema = :'schema' and m.kind = 'versioned' and m.state <> 'adopted'
   group by r.id, r.started_at
), picked as (
  (select a.id, a.plan_id, a.transaction_id, :log_by_migrate as by_migrate, array[:log_entry] as seen from chatops.actions a where :log_asked and :log_told order by a.id desc limit 1)
  union all
  select n.id, n.plan_id, n.transaction_id, n.by_migrate, pg_catalog.array_append(p.seen, n.entry)
    from picked p
   cross join lateral (
    select a.id, a.plan_id, a.transaction_id, :log_by_migrate as by_migrate, :log_entry as entry
      from chatops.actions a
     where a.id < p.id and :log_entry <> all (p.seen) and :log_asked and :log_told
     order by a.id desc
     limit 1
   ) n
   where pg_catalog.cardinality(p.seen) < :'limit'::bigint
), of_entry as (
  select p.id, a.chat_id, a.operator_id, a.code
    from picked p
    join chatops.actions a on a.plan_id = p.plan_id
   where :log_entry = p.seen[pg_catalog.cardinality(p.seen)] and :log_asked
   union all
  -- No index finds the rows of a transaction, but they lie together.
  select p.id, a.chat_id, a.operator_id, a.code
    from picked p
    join chatops.actions a on a.transaction_id = p.transaction_id and a.plan_id is null
   where p.plan_id is null and not p.by_migrate and a.id >= (select pg_catalog.min(l.id) - 100000 from picked l)
     and :log_entry = p.seen[pg_catalog.cardinality(p.seen)] and :log_asked
   union all
  -- A run of migrate repairs in many transactions, one after the other.
  select p.id, a.chat_id, a.operator_id, a.code
    from picked p
    join chatops.actions last on last.id = p.id
    left join runs u on u.started_at <= last.at and u.next_at > last.at
    join chatops.actions a on a.id between p.id - 1000000 and p.id and a.outcome = last.outcome
     and a.at < coalesce(u.next_at, (select pg_catalog.min(f.started_at) from runs f), 'infinity'::timestamptz)
     and a.at >= coalesce(u.started_at, '-infinity'::timestamptz)
   where p.by_migrate and :log_by_migrate and :log_asked
), counted as (
  select e.id, pg_catalog.count(*) as many, pg_catalog.count(distinct e.chat_id) as chats,
         pg_catalog.count(distinct coalesce(e.operator_id::text, '')) as operators,
         pg_catalog.array_agg(distinct e.code) as codes
    from of_entry e
   group by e.id
)
select :log_columns, n.many, n.chats, n.operators,
       case when a.action = 'psql opened' then (
         select c.detail from chatops.actions c
          where c.id > a.id and c.id < a.id + 100000 and c.action = 'psql closed'
            and pg_catalog.starts_with(c.detail, 'action ' || a.id::text || ' is over')
          limit 1) end as ended,
       -- A standby has other sessions; before a session bore its number, any psql of chatops on this database may be it.
       case when a.action = 'psql opened' and not pg_catalog.pg_is_in_recovery() then (
         select case when pg_catalog.bool_or(s.application_name = 'chatops psql (log ' || a.id::text || ')') then true
                     when not coalesce(pg_catalog.bool_or(s.application_name = 'chatops psql'), false) then false end
           from pg_catalog.pg_stat_activity s
          where s.datname = pg_catalog.current_database()) end as lives,
       case when :log_by_migrate then n.codes end as codes, u.first_file, u.last_file
from counted n
join chatops.actions a on a.id = n.id
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
left join runs u on :log_by_migrate and u.place = :log_run_place
order by a.id desc

-- What was done, the newest first, with as one entry what one command did to many, where there are no chat tables? limit: how many entries; the filters of log.sql
\set log_columns `cat sql/queries/shared/log_columns.sql`
\set log_asked `cat sql/queries/shared/log_asked.sql`
\set log_entry `cat sql/queries/shared/log_entry.sql`
with recursive operators as (select null::uuid as id, null::text as name where false), picked as (
  (select a.id, a.plan_id, array[:log_entry] as seen from chatops.actions a where :log_asked order by a.id desc limit 1)
  union all
  select n.id, n.plan_id, p.seen || n.entry
    from picked p
   cross join lateral (
    select a.id, a.plan_id, :log_entry as entry
      from chatops.actions a
     where a.id < p.id and :log_entry <> all (p.seen) and :log_asked
     order by a.id desc
     limit 1
   ) n
   where pg_catalog.cardinality(p.seen) < :'limit'::bigint
), counted as (
  select p.id, pg_catalog.count(*) as many, pg_catalog.count(distinct a.operator_id) as operators
    from picked p
    join chatops.actions a on a.id = p.id or a.plan_id = p.plan_id
   where :log_entry = p.seen[pg_catalog.cardinality(p.seen)] and :log_asked
   group by p.id
)
select :log_columns, n.many, n.operators
from counted n
join chatops.actions a on a.id = n.id
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
order by a.id desc

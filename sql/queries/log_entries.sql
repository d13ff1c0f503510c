-- What was done, the newest first, with as one entry what one command did to many? Operators by their ids alone. limit: how many entries; the filters of log.sql
-- A psql session is one entry: what its end says stands in that of its beginning, where that was asked for, too.
\set log_columns `cat sql/queries/shared/log_columns.sql`
\set log_asked `cat sql/queries/shared/log_asked.sql`
\set log_told `cat sql/queries/shared/log_told.sql`
\set log_entry `cat sql/queries/shared/log_entry.sql`
with recursive operators as (select null::uuid as id, null::text as name where false), picked as (
  (select a.id, a.plan_id, a.transaction_id, array[:log_entry] as seen from chatops.actions a where :log_asked and :log_told order by a.id desc limit 1)
  union all
  select n.id, n.plan_id, n.transaction_id, pg_catalog.array_append(p.seen, n.entry)
    from picked p
   cross join lateral (
    select a.id, a.plan_id, a.transaction_id, :log_entry as entry
      from chatops.actions a
     where a.id < p.id and :log_entry <> all (p.seen) and :log_asked and :log_told
     order by a.id desc
     limit 1
   ) n
   where pg_catalog.cardinality(p.seen) < :'limit'::bigint
), of_entry as (
  select p.id, a.chat_id, a.operator_id
    from picked p
    join chatops.actions a on a.plan_id = p.plan_id
   where :log_entry = p.seen[pg_catalog.cardinality(p.seen)] and :log_asked
   union all
  -- No index finds the rows of a transaction, but they lie together.
  select p.id, a.chat_id, a.operator_id
    from picked p
    join chatops.actions a on a.transaction_id = p.transaction_id and a.plan_id is null
   where p.plan_id is null and a.id >= (select pg_catalog.min(l.id) - 100000 from picked l)
     and :log_entry = p.seen[pg_catalog.cardinality(p.seen)] and :log_asked
), counted as (
  select e.id, pg_catalog.count(*) as many, pg_catalog.count(distinct e.chat_id) as chats,
         pg_catalog.count(distinct coalesce(e.operator_id::text, '')) as operators
    from of_entry e
   group by e.id
)
select :log_columns, n.many, n.chats, n.operators,
       case when a.action = 'psql opened' then (
         select c.detail from chatops.actions c
          where c.id > a.id and c.id < a.id + 100000 and c.action = 'psql closed'
            and pg_catalog.starts_with(c.detail, 'action ' || a.id::text || ' is over')
          limit 1) end as ended
from counted n
join chatops.actions a on a.id = n.id
join pg_catalog.pg_class l on l.oid = 'chatops.actions'::regclass::oid
left join operators o on o.id = a.operator_id
order by a.id desc

-- For which times ahead has a partitioned messages no partition?
-- code: DB025
-- title: messages has no partition from {from_when} on
-- title-one: messages has no partition from {from_when} on
-- brief: messages lacks a partition ahead
-- severity: critical
-- group: now
-- expected: a partitioned messages has its partitions for the time ahead
-- why: nobody made the next one, or the job that does has stopped
-- consequence: from then on every message is refused (23514), and users can write nothing
-- help-sql: {remedy}
-- limits: partition_days
-- limit: partition_days = 7 day, 1 to 366: so far ahead a partitioned messages needs its partitions
-- says: a message was lost · nobody answers
-- needs-table: chats
-- unplanted: it takes messages to be partitioned
-- Range partitions by created_at. Advice while more than a day is left; a default partition takes whatever comes.
with parts as materialized (
  select b.bound = 'DEFAULT' as takes_all,
         case when b.bound like 'FOR VALUES FROM (MINVALUE%' then '-infinity'
              else pg_catalog.substring(b.bound, 'FROM \(''([^'']+)''') end::timestamptz as begins_at,
         case when b.bound like '%TO (MAXVALUE%' then 'infinity'
              else pg_catalog.substring(b.bound, 'TO \(''([^'']+)''') end::timestamptz as ends_at
    from pg_partitioned_table p
    join pg_class k on k.oid = p.partrelid and k.relname = 'messages'
    join pg_namespace n on n.oid = k.relnamespace and n.nspname = current_schema()
    join pg_attribute a on a.attrelid = k.oid and a.attname = 'created_at' and a.attnum = p.partattrs[0]
    left join (pg_inherits i join pg_class c on c.oid = i.inhrelid) on i.inhparent = k.oid
   cross join lateral (select coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '') as bound) as b
   where p.partstrat = 'r' and p.partnatts = 1
), gap as (
  -- The first instant from now on that lies in no partition: now itself, or where one ends.
  select pg_catalog.min(e.instant) as missing_from
    from (select now() as instant union all select ends_at from parts where ends_at >= now() and ends_at < 'infinity') as e
   where exists (select from parts)
     and not exists (select from parts where takes_all or (begins_at <= e.instant and e.instant < ends_at))
), wanted as (
  select g.missing_from, g.missing_from > now() + interval '1 day' as advice,
         coalesce((select pg_catalog.max(ends_at) from parts where ends_at <= g.missing_from),
                  pg_catalog.date_trunc('month', g.missing_from)) as begins_at,
         (select pg_catalog.min(begins_at) from parts where begins_at > g.missing_from) as next_at
    from gap g
   where g.missing_from < now() + pg_catalog.make_interval(days => :'partition_days'::int)
)
select w.missing_from, w.advice,
       case when w.missing_from <= now() then 'now' else pg_catalog.to_char(w.missing_from at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') end as from_when,
       pg_catalog.format('create table %1$I.%2$I partition of %1$I.messages for values from (%3$L) to (%4$L);', current_schema(),
                         'messages_' || pg_catalog.to_char(w.begins_at, 'YYYY_MM_DD'), w.begins_at,
                         least(w.next_at, pg_catalog.date_trunc('month', w.missing_from) + interval '1 month')) as remedy
  from wanted w

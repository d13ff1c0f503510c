-- How is a partitioned messages partitioned, and from when on is a partition missing? No row where messages is one table.
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
  select g.missing_from,
         coalesce((select pg_catalog.max(ends_at) from parts where ends_at <= g.missing_from),
                  pg_catalog.date_trunc('month', g.missing_from)) as begins_at,
         (select pg_catalog.min(begins_at) from parts where begins_at > g.missing_from) as next_at
    from gap g
)
select pg_catalog.pg_get_partkeydef(k.oid) as partitioned_by,
       (select pg_catalog.count(*) from pg_inherits i where i.inhparent = k.oid) as partitions,
       w.missing_from, coalesce(w.missing_from <= now(), false) as missing_now,
       coalesce(w.missing_from < now() + interval '7 days', false) as missing_soon,
       pg_catalog.format('create table %1$I.%2$I partition of %1$I.messages for values from (%3$L) to (%4$L);', current_schema(),
                         'messages_' || pg_catalog.to_char(w.begins_at, 'YYYY_MM_DD'), w.begins_at,
                         least(w.next_at, pg_catalog.date_trunc('month', w.missing_from) + interval '1 month')) as remedy
  from pg_partitioned_table p
  join pg_class k on k.oid = p.partrelid and k.relname = 'messages'
  join pg_namespace n on n.oid = k.relnamespace and n.nspname = current_schema()
  left join wanted w on w.missing_from < 'infinity'

-- From when on a partitioned messages has no partition, and what makes it. One row; null where none is missing.
-- message_partitions: their bounds
with parts as materialized (
  select b.bound = 'DEFAULT' as takes_all,
         case when b.bound like 'FOR VALUES FROM (MINVALUE%' then '-infinity'
              else pg_catalog.substring(b.bound, 'FROM \(''([^'']+)''') end::timestamptz as begins_at,
         case when b.bound like '%TO (MAXVALUE%' then 'infinity'
              else pg_catalog.substring(b.bound, 'TO \(''([^'']+)''') end::timestamptz as ends_at
    from (:message_partitions) as b
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
select w.missing_from,
       pg_catalog.format('create table %1$I.%2$I partition of %1$I.messages for values from (%3$L) to (%4$L);', current_schema(),
                         'messages_' || pg_catalog.to_char(w.begins_at, 'YYYY_MM_DD'), w.begins_at,
                         least(w.next_at, pg_catalog.date_trunc('month', w.missing_from) + interval '1 month')) as remedy
  from wanted w

-- The operators whose counter differs from the replies that they wrote.
-- kept: since when messages are kept (counted_since)
select o.id, o.name, coalesce(o.total_messages, 0) as counted, coalesce(source.messages, 0) as really
  from operators o
  left join (
    select m.handled_by_operator_id, pg_catalog.count(*) as messages
      from messages m
     where m.handled_by_operator_id is not null
     group by m.handled_by_operator_id
  ) as source on source.handled_by_operator_id = o.id
 cross join kept
 where coalesce(o.total_messages, 0) <> coalesce(source.messages, 0)
   and (kept.since = '-infinity' or coalesce(o.total_messages, 0) < coalesce(source.messages, 0))

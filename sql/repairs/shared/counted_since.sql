-- Since when messages are kept: since ever, or where a partitioned messages begins. What was counted in months that have been
-- detached stays counted. message_partitions: the bounds of the partitions
select coalesce(case when pg_catalog.bool_and(b.bound like 'FOR VALUES FROM (''%')
                     then pg_catalog.min(pg_catalog.substring(b.bound, 'FROM \(''([^'']+)''')::timestamptz) end, '-infinity') as since
  from (:message_partitions) as b
